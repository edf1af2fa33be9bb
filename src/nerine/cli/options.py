"""Options about corpora: how to read them, their splits, formats of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import click

from nerine.cli.flags import Decorator, gathered, show_option
from nerine.cli.help import options_in
from nerine.core.display import counted
from nerine.core.errors import SettingsError
from nerine.core.tags import read_scheme
from nerine.data.formats import FORMATS, ReadLog, ReadOptions
from nerine.data.formats.options import ANNOTATIONS, NEVER_ACCEPTED, UNUSUAL, Offsets, Overlaps

if TYPE_CHECKING:
    from nerine.data.corpus import Corpus

SEPARATORS = ("tab", "space")


@dataclass(frozen=True, slots=True)
class CorpusOptions:
    """The options of a command about reading a corpus."""

    format: str | None
    config: str | None
    corpus_revision: str | None
    options: ReadOptions
    splits: Mapping[str, str] | None = None

    def load(self, source: str, *, for_checking: bool = False) -> Corpus:
        """The corpus at `source`."""
        from nerine.data.corpus import load_corpus

        return load_corpus(
            source,
            format=self.format,
            options=self.options,
            config=self.config,
            revision=self.corpus_revision,
            splits=self.splits,
            for_checking=for_checking,
        )


_option = options_in("The corpus")
_hub_option = options_in("A data set on the hub")

_FORMAT = _option(
    "--format",
    type=click.Choice(list(FORMATS)),
    metavar="FORMAT",
    help=f"Format of the files: {', '.join(FORMATS)}.  [default: found from their content]",
)
_FROM_HUB = [
    _hub_option("--config", metavar="NAME", help="Configuration of a data set on the hub."),
    _hub_option(
        "--corpus-revision",
        metavar="REV",
        help="Branch, tag or commit of a data set on the hub; the same as owner/name@REV.",
    ),
    _hub_option(
        "--corpus-splits",
        metavar="OURS=NAME,…",
        help="Splits of a data set on the hub to use as train, validation and test, such as "
        "train=train_2020,test=test_2021. Other splits are not fetched.",
    ),
]
_READING = [
    _option(
        "--scheme-in",
        metavar="SCHEME",
        help="Scheme of the tags, or IO for labels without a prefix.  [default: found from the "
        "tags]",
    ),
    _option(
        "--token-column",
        metavar="COLUMN",
        help="Column of the tokens: a number, from 0 or backwards from -1, or in records a name.  "
        "[default: found from the file]",
    ),
    _option(
        "--tag-column",
        metavar="COLUMN",
        help="Column of the tags; several, as in 2,3, are layers.  [default: found from the file]",
    ),
    _option("--text-field", metavar="NAME", help="Field of the text in records and tasks."),
    _option(
        "--separator",
        type=click.Choice(SEPARATORS),
        help="Separator of the columns.  [default: found from the file]",
    ),
    _option(
        "--tag-names", metavar="TAG,TAG,…", help="Names of numbered tags, in order of the numbers."
    ),
    _option("--repair", is_flag=True, help="Repair tags that break their scheme, and count them."),
    _option(
        "--skip",
        metavar="KIND,…",
        help=f"Records and annotations to leave out and count: {', '.join(UNUSUAL)}.",
    ),
    _option(
        "--accept",
        metavar="KIND,…",
        help="Those to read like any other, and count: "
        f"{', '.join(kind for kind in UNUSUAL if kind not in NEVER_ACCEPTED)}.",
    ),
    _option(
        "--annotations",
        metavar="WAY",
        help="Which annotation of several annotators of a text to read: "
        f"{', '.join(ANNOTATIONS)}, or by=NAME.  [default: error]",
    ),
    _option(
        "--control", metavar="NAME", help="Control or layer of the entities, where there are more."
    ),
    _option(
        "--offsets",
        type=click.Choice(get_args(Offsets)),
        help="Unit of offsets.  [default: found from the entities' own texts]",
    ),
    _option("--inclusive-ends", is_flag=True, help="Read an entity's end as its last character."),
    _option(
        "--overlaps",
        type=click.Choice(get_args(Overlaps)),
        help="Which of entities that overlap to read: none may (error), the longest, the shortest "
        "or the first ones, or none of them (drop).  [default: all]",
    ),
]


def column_named(value: str) -> int | str | tuple[int, ...]:
    """A column by its number or its name, or several by their numbers."""
    numbers = [part for part in value.split(",") if part.strip().removeprefix("-").isdecimal()]
    if len(numbers) < len(value.split(",")):
        return value
    return int(value) if len(numbers) == 1 else tuple(map(int, numbers))


def _read_options(values: Mapping[str, Any]) -> ReadOptions:
    given = {name: value for name, value in values.items() if value is not None}
    scheme = given.pop("scheme_in", None)
    for name in ("token_column", "tag_column"):
        if name in given:
            given[name] = column_named(given[name])
    for name in ("skip", "accept"):
        if name in given:
            given[name] = frozenset(given[name].split(","))
    if "tag_names" in given:
        given["tag_names"] = tuple(given["tag_names"].split(","))
    return ReadOptions(scheme=scheme and read_scheme(scheme), **given)


def _corpus_options(values: dict[str, Any]) -> CorpusOptions:
    hub = {name: values.pop(name, None) for name in ("format", "config", "corpus_revision")}
    stated = values.pop("corpus_splits")
    splits = None
    if stated is not None:
        pairs = [pair.partition("=") for pair in stated.split(",")]
        splits = {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
        if len(splits) < len(pairs) or not all(splits.values()):
            raise SettingsError(
                f"{stated!r} does not name a split for each of ours",
                place="--corpus-splits",
                expected="pairs such as train=train_2020,test=test_2021, each of our splits once",
            )
    return CorpusOptions(**hub, splits=splits, options=_read_options(values))


reading_options = gathered(_READING, "options", _read_options)
convert_options = gathered([*_READING, *_FROM_HUB], "reading", _corpus_options)
corpus_options = gathered([_FORMAT, *_READING, *_FROM_HUB], "reading", _corpus_options)


split_option = click.option(
    "--split", metavar="NAME", help="Split of the corpus.  [default: test; all of a single file]"
)
errors_option = show_option("Most wrong entities to show in their texts.")


def format_option(*names: str, text: str) -> Decorator:
    """An option that names one of our formats; `--to` takes only those that can be written."""
    known = [name for name, each in FORMATS.items() if each.can_write or "--to" not in names]
    meaning, ends, default = text.partition(".  ")
    shown = f"{meaning}: {', '.join(known)}{ends}{default}"
    return click.option(*names, type=click.Choice(known), metavar="FORMAT", help=shown)


def notes_on(corpus: Corpus) -> list[str]:
    """Notes on how a corpus was found and read."""
    return [*corpus.notes, *reading_notes(corpus.logs)]


def reading_notes(logs: Mapping[str, ReadLog]) -> list[str]:
    """Notes on how files were read."""
    notes: list[str] = []
    for name, log in logs.items():
        if log.repaired_tags:
            documents = counted(log.repaired_documents, "document")
            notes.append(f"{name}: {counted(log.repaired_tags, 'tag')} repaired in {documents}")
        notes += [f"{name}: {note}" for note in log.notes]
        for counts, done in ((log.skipped, "skipped"), (log.accepted, "accepted")):
            for kind, number in counts.items():
                notes.append(f"{name}: {counted(number, *UNUSUAL[kind])} {done}")
        if log.overlaps:
            entities = counted(log.overlaps, "entity that overlaps", "entities that overlap")
            notes.append(f"{name}: {entities} others left out")
        for remark, number in log.remarks.items():
            notes.append(f"{name}: {counted(number, 'document')} {remark}")
    return notes
