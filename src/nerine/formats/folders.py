"""Which files of a folder hold which split, by the names that people give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from nerine.errors import CorpusError

SPLITS = ("train", "validation", "test")
ANNOTATIONS, INDEX = ".ann", "nerine.jsonl"
"""What tells a folder of brat's pairs: its annotations, or our index of them."""

_NAMES = {
    "train": r"train(?:ing)?(?:set)?",
    "validation": r"dev(?:el|elopment)?(?:set)?|val(?:id|idation)?(?:set)?|testa",
    "test": r"test(?:ing)?(?:set)?|testb|eval(?:uation)?(?:set)?",
}
_WORDS = {split: re.compile(rf"(?<![a-z])(?:{names})(?![a-z])") for split, names in _NAMES.items()}
_SHARD = re.compile(r"-\d+-of-\d+$")
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
    if len({_SHARD.sub("", path.stem) + path.suffix for path in paths}) > 1:
        raise CorpusError(
            f"{len(paths)} files look like the {split} split: "
            f"{', '.join(path.name for path in paths)}",
            place=str(folder),
            expected="one file a split",
            hint="move the others elsewhere",
        )
