"""Find the files of each split in a folder, by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from nerine.core.errors import CorpusError

SPLITS = ("train", "validation", "test")
ANNOTATIONS, GIVEN, INDEX = ".ann", ".a1", "nerine.jsonl"
"""The files that mark a folder of brat's pairs: annotations, or Nerine's index of them."""

_NAMES = {
    "train": r"train(?:ing)?(?:set)?",
    "validation": r"dev(?:el|elopment)?(?:set)?|val(?:id|idation)?(?:set)?|testa",
    "test": r"test(?:ing)?(?:set)?|testb|eval(?:uation)?(?:set)?",
}
_WORDS = {split: re.compile(rf"(?<![a-z])(?:{names})(?![a-z])") for split, names in _NAMES.items()}
_SHARD = re.compile(r"-(\d+)-of-(\d+)(?:-[0-9a-f]{6,})?$")
_HINT = "--corpus-splits train=NAME,test=NAME (splits=…) states the name of each split"
_UNRELATED = re.compile(r"\.|readme|licen[cs]e|copying|notice|citation|sha\d+sums|md5sums")
_UNRELATED_EXTENSIONS = (".md", ".rst", ".py", ".sh", ".zip", ".gz", ".yml", ".yaml", ".pdf")


def split_named(name: str) -> str | None:
    """The split that the name of a file or a split refers to: the first one that it mentions.

    >>> split_named("wnut17train.conll"), split_named("eng.testa"), split_named("notes.txt")
    ('train', 'validation', None)
    """
    found = {split: words.search(name.lower()) for split, words in _WORDS.items()}
    starts = {split: match.start() for split, match in found.items() if match}
    return min(starts, key=lambda split: starts[split]) if starts else None


def match_splits(
    names: Iterable[str], place: str, stated: Mapping[str, str] | None = None
) -> dict[str, str]:
    """For each of train, validation and test, in this order, the one of `names` that refers to it.

    A name of the split alone, such as `train`, is preferred to a longer one, such as `train_2020`.
    `stated` gives the name of each split that is wanted. Raises `CorpusError` if no name or several
    names fit.
    """
    known = list(names)
    for split, name in (stated or {}).items():
        if split not in SPLITS:
            raise CorpusError(
                f"unknown split {split!r}",
                place=place,
                expected=f"one of: {', '.join(SPLITS)}",
                hint=_HINT,
            )
        if name not in known:
            raise CorpusError(
                f"the data set has no split called {name!r}",
                place=place,
                expected=f"one of: {', '.join(known)}",
            )
    if stated:
        return {split: stated[split] for split in SPLITS if split in stated}
    found = {}
    for split in SPLITS:
        fitting = [name for name in known if split_named(name) == split]
        exact = [name for name in fitting if _is_whole_name(name, split)]
        candidates = exact or fitting
        if len(candidates) > 1:
            raise CorpusError(
                f"{candidates[0]!r} and {candidates[1]!r} both look like the {split} split",
                place=place,
                expected="one name for each split",
                hint=_HINT,
            )
        if candidates:
            found[split] = candidates[0]
    if not found:
        raise CorpusError(
            f"no split has a name like train, validation or test: {', '.join(known)}",
            place=place,
            hint=_HINT,
        )
    return found


def without_shard(stem: str) -> str:
    """The stem of a file name without the number of its shard.

    >>> without_shard("train-00000-of-00002"), without_shard("train")
    ('train', 'train')
    """
    return _SHARD.sub("", stem)


def missing_shards(names: Iterable[str]) -> list[str]:
    """The first missing shard of each incomplete file, such as `train 2 of 3`."""
    present: dict[tuple[str, int], set[int]] = {}
    for name in names:
        stem = name.removesuffix(PurePosixPath(name).suffix)
        if shard := _SHARD.search(stem):
            family = (stem[: shard.start()], int(shard[2]))
            present.setdefault(family, set()).add(int(shard[1]))
    return [
        f"{stem} {min(set(range(len(numbers) + 1)) - numbers) + 1} of {count}"
        for (stem, count), numbers in present.items()
        if len(numbers) < count
    ]


def is_unrelated(name: str) -> bool:
    """Whether a file of this name is not part of the corpus in its folder: hidden, a licence, …"""
    return bool(_UNRELATED.match(name.lower()))


def is_pair_folder(path: Path) -> bool:
    """Whether `path` is one folder of brat's pairs, which is a single split.

    A folder with pairs called `train`, `dev` and `test` is not, as each of them is a split, unless
    Nerine's index lists them as documents.
    """
    if not path.is_dir() or path.name.startswith("."):
        return False
    if (path / INDEX).is_file():
        return True
    stems = [
        each.stem
        for each in path.iterdir()
        if each.suffix in (ANNOTATIONS, GIVEN) and not each.name.startswith(".")
    ]
    return bool(stems) and not are_split_names(stems)


def is_annotated_text(path: Path) -> bool:
    """Whether a text file has annotations of brat or of BioNLP's shared tasks next to it."""
    return path.suffix == ".txt" and any(
        path.with_suffix(extension).is_file() for extension in (ANNOTATIONS, GIVEN)
    )


def are_split_names(stems: Iterable[str]) -> bool:
    """Whether files of these names would be read as one split each."""
    splits = [split_named(stem) for stem in stems]
    return None not in splits and len(set(splits)) == len(splits) > 1


def find_split_files(
    folder: Path,
    extensions: Iterable[str] | None,
    *,
    is_split: Callable[[Path], bool] = lambda _: False,
) -> dict[str, list[Path]]:
    """The files of each split in `folder`: one file, or its shards.

    If `folder` has none, its folder `data` is searched, where data sets on the hub have them.

    Args:
        folder: The folder.
        extensions: The extensions of corpus files; None takes any file with a split's name. A name
            that is the split's alone, such as `dev`, needs none.
        is_split: Tells which folders are a split, such as a folder of brat's pairs.

    Raises:
        CorpusError: If no file, or more than one, has the name of a split.
    """
    wanted = None if extensions is None else frozenset(extensions)
    for place in (folder, folder / "data"):
        splits: dict[str, list[Path]] = {}
        for path in sorted(place.iterdir()) if place.is_dir() else []:
            split = split_named(path.name)
            if split is None:
                continue
            is_known = wanted is None or path.suffix.lower() in wanted
            is_wanted = is_known or _is_whole_name(path.name, split)
            is_corpus = path.is_file() and is_wanted and not _is_other(path)
            if is_corpus or (path.is_dir() and is_split(path)):
                splits.setdefault(split, []).append(path)
        for split, paths in splits.items():
            if len({without_shard(path.stem) + path.suffix for path in paths}) > 1:
                raise CorpusError(
                    f"{len(paths)} files look like the {split} split: "
                    f"{', '.join(path.name for path in paths)}",
                    place=str(place),
                    expected="one file for each split",
                    hint="move the others to another folder",
                )
        if splits:
            return {split: splits[split] for split in SPLITS if split in splits}
    files = sorted(folder.iterdir())
    strange = [
        path.name
        for path in files
        if path.is_file() and split_named(path.name) and not _is_other(path)
    ]
    if strange and wanted is not None:
        raise CorpusError(
            f"the extensions are unknown: {', '.join(strange)}",
            place=str(folder),
            expected=f"one of {', '.join(sorted(wanted))}",
            hint="--format (format=…) states the format, whatever the extension is",
        )
    names = ", ".join(path.name for path in files)
    raise CorpusError(
        f"no file has the name of a split among: {names or 'none, the folder is empty'}",
        place=str(folder),
        expected="files such as train.conll, dev.conll and test.conll, or train.jsonl",
        hint="name a single file to read it alone",
    )


def _is_whole_name(name: str, split: str) -> bool:
    """Whether a name is that of the split alone, such as `dev`, without an extension."""
    return re.fullmatch(_NAMES[split], name.lower()) is not None


def _is_other(path: Path) -> bool:
    """Whether a file is not part of a corpus, whatever split its name mentions."""
    is_unrelated_file = is_unrelated(path.name) or path.suffix.lower() in _UNRELATED_EXTENSIONS
    return is_unrelated_file or is_annotated_text(path)
