"""Which files of a folder hold which split, by the names that people give them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from nerine.core.errors import CorpusError

SPLITS = ("train", "validation", "test")
ANNOTATIONS, INDEX = ".ann", "nerine.jsonl"
"""What tells a folder of brat's pairs: its annotations, or our index of them."""

_NAMES = {
    "train": r"train(?:ing)?(?:set)?",
    "validation": r"dev(?:el|elopment)?(?:set)?|val(?:id|idation)?(?:set)?|testa",
    "test": r"test(?:ing)?(?:set)?|testb|eval(?:uation)?(?:set)?",
}
_WORDS = {split: re.compile(rf"(?<![a-z])(?:{names})(?![a-z])") for split, names in _NAMES.items()}
_SHARD = re.compile(r"-(\d+)-of-(\d+)(?:-[0-9a-f]{6,})?$")
_HINT = "--corpus-splits train=NAME,test=NAME (splits=…) says which is which"
_BESIDES = re.compile(r"\.|readme|licen[cs]e|copying|notice|citation|sha\d+sums|md5sums")
_NO_CORPUS = (".md", ".rst", ".py", ".sh", ".zip", ".gz", ".yml", ".yaml", ".pdf")


def split_named(name: str) -> str | None:
    """The split that a file's or a split's name means: the first one that it mentions.

    >>> split_named("wnut17train.conll"), split_named("eng.testa"), split_named("notes.txt")
    ('train', 'validation', None)
    """
    found = {split: words.search(name.lower()) for split, words in _WORDS.items()}
    places = {split: match.start() for split, match in found.items() if match}
    return min(places, key=lambda split: places[split]) if places else None


def match_splits(
    names: Iterable[str], place: str, stated: Mapping[str, str] | None = None
) -> dict[str, str]:
    """For each of our splits, in their order, the one of `names` that is meant by it.

    A name that only says which split it is goes before one that says more, as `train` goes before
    `train_2020`. `stated` says it for each split that is wanted. Raises `CorpusError`.
    """
    known = list(names)
    if stated:
        _check_stated(stated, known, place)
        return {split: stated[split] for split in SPLITS if split in stated}
    meant: dict[str, list[str]] = {}
    for name in known:
        meant.setdefault(split_named(name) or "", []).append(name)
    found = {split: _one_meant(split, meant[split], place) for split in SPLITS if split in meant}
    if not found:
        raise CorpusError(
            f"no split is called like a train, validation or test split: {', '.join(known)}",
            place=place,
            hint=_HINT,
        )
    return found


def _check_stated(stated: Mapping[str, str], known: Sequence[str], place: str) -> None:
    for split, name in stated.items():
        if split not in SPLITS:
            raise CorpusError(
                f"{split!r} is none of our splits", place=place, expected=", ".join(SPLITS)
            )
        if name not in known:
            raise CorpusError(
                f"there is no split called {name!r}",
                place=place,
                expected=f"one of: {', '.join(known)}",
            )


def _one_meant(split: str, names: Sequence[str], place: str) -> str:
    """The one of several names that look like a split."""
    exact = [each for each in names if re.fullmatch(_NAMES[split], each.lower())]
    first, *others = exact or names
    if others:
        raise CorpusError(
            f"{first!r} and {others[0]!r} both look like the {split} split",
            place=place,
            expected="one name a split",
            hint=_HINT,
        )
    return first


def without_shard(stem: str) -> str:
    """The name of a file's stem without the number of its shard.

    >>> without_shard("train-00000-of-00002"), without_shard("train")
    ('train', 'train')
    """
    return _SHARD.sub("", stem)


def missing_shards(names: Iterable[str]) -> list[str]:
    """Which shards are not there, as `train 2 of 3`, by what the others say of their number."""
    present: dict[tuple[str, int], set[int]] = {}
    for name in names:
        stem = name.removesuffix(PurePosixPath(name).suffix)
        if shard := _SHARD.search(stem):
            family = (stem[: shard.start()], int(shard[2]))
            present.setdefault(family, set()).add(int(shard[1]))
    return [
        f"{stem} {next(n for n in itertools.count() if n not in there) + 1} of {number}"
        for (stem, number), there in present.items()
        if len(there) < number
    ]


def lies_beside(name: str) -> bool:
    """Whether a file of this name is no part of the corpus it lies with: hidden, a licence, …"""
    return bool(_BESIDES.match(name.lower()))


def is_pair_folder(path: Path) -> bool:
    """Whether `path` is a folder of brat's pairs: one split, or no split's folder at all.

    Pairs that are called `train`, `dev` and `test` are no such folder, but a split each, unless our
    index says that they belong together.
    """
    if not path.is_dir() or path.name.startswith("."):
        return False
    if (path / INDEX).is_file():
        return True
    stems = [
        each.stem
        for each in path.iterdir()
        if each.suffix == ANNOTATIONS and not each.name.startswith(".")
    ]
    return bool(stems) and not name_splits(stems)


def name_splits(stems: Iterable[str]) -> bool:
    """Whether pairs of these names would be taken for a split each."""
    splits = [split_named(stem) for stem in stems]
    return None not in splits and len(set(splits)) == len(splits) > 1


def find_split_files(
    folder: Path, extensions: Iterable[str] | None, *, pairs: bool = False
) -> dict[str, list[Path]]:
    """The files of each split in `folder`: one, or the shards of one.

    `extensions` are those of corpus files; None takes any file that has a split's name. `pairs`
    takes folders of brat's pairs too. A folder `data` inside is looked at where the folder itself
    holds none, as data sets on the hub have it.
    """
    wanted = None if extensions is None else frozenset(extensions)
    for place in (folder, folder / "data"):
        splits = _splits_in(place, wanted, pairs=pairs)
        if splits:
            return {split: splits[split] for split in SPLITS if split in splits}
    names = sorted(path.name for path in folder.iterdir())
    raise CorpusError(
        f"no file has the name of a split among: {', '.join(names) or 'nothing, it is empty'}",
        place=str(folder),
        expected="files such as train.conll, dev.conll and test.conll, or train.jsonl",
        hint="name a single file to read it alone",
    )


def _splits_in(
    folder: Path, extensions: frozenset[str] | None, *, pairs: bool
) -> Mapping[str, list[Path]]:
    splits: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        split = split_named(path.name)
        is_corpus = path.is_file() and _may_hold_documents(path, extensions)
        if split and (is_corpus or (pairs and is_pair_folder(path))):
            splits.setdefault(split, []).append(path)
    for split, paths in splits.items():
        _check_one_candidate(split, paths, folder)
    return splits


def _may_hold_documents(path: Path, extensions: frozenset[str] | None) -> bool:
    if lies_beside(path.name) or path.suffix.lower() in _NO_CORPUS:
        return False
    if path.suffix == ".txt" and path.with_suffix(ANNOTATIONS).is_file():
        return False  # the text of a pair, which its annotations stand for
    return extensions is None or path.suffix.lower() in extensions


def _check_one_candidate(split: str, paths: list[Path], folder: Path) -> None:
    if len({without_shard(path.stem) + path.suffix for path in paths}) > 1:
        raise CorpusError(
            f"{len(paths)} files look like the {split} split: "
            f"{', '.join(path.name for path in paths)}",
            place=str(folder),
            expected="one file a split",
            hint="move the others elsewhere",
        )
