"""Options that commands share: how to read a corpus, which model, how to resample."""

from __future__ import annotations

import dataclasses
import functools
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from nerine.cli.splits import stated_splits
from nerine.cli.terminal import working
from nerine.core.display import counted, visible
from nerine.core.errors import SettingsError
from nerine.core.tags import TagScheme
from nerine.data.formats import FORMATS, ReadLog, ReadOptions

if TYPE_CHECKING:
    from nerine.data.corpus import Corpus
    from nerine.model.loading.sources import Source
    from nerine.model.tagger import Tagger

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

SEPARATORS = ("tab", "space")
BACKENDS = ("auto", "pytorch", "onnx", "onnx-fp32", "onnx-int8")
"""Those of `backends.choosing`, which imports torch."""


@dataclass(frozen=True, slots=True)
class CorpusReading:
    """How the options of a command say that a corpus is to be read."""

    format: str | None
    config: str | None
    corpus_revision: str | None
    options: ReadOptions
    splits: Mapping[str, str] | None = None

    def load(self, source: str, *, known_labels_only: bool = True) -> Corpus:
        """The corpus at `source`."""
        from nerine.data.corpus import load_corpus

        return load_corpus(
            source,
            format=self.format,
            options=self.options,
            config=self.config,
            revision=self.corpus_revision,
            splits=self.splits,
            known_labels_only=known_labels_only,
        )


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which revision of a checkpoint, what its tags mean, what runs it, what is kept of it."""

    revision: str | None = None
    scheme: str | None = None
    tags: tuple[str, ...] | None = None
    backend: str = "auto"
    thresholds: float | Literal["saved"] | None = None

    def find(self, checkpoint: str | Source) -> Source:
        """Where `checkpoint` is; one of the hub is fetched."""
        from nerine.model.loading.sources import find_source

        return find_source(checkpoint, revision=self.revision)

    def load(self, checkpoint: str | Source) -> Tagger:
        """The tagger of `checkpoint`; what could not be used goes to standard error."""
        source = self.find(checkpoint)  # which has bars of its own
        with working(f"loading {source}"):
            from nerine.model.tagger import Tagger

            tagger = Tagger.load(
                source,
                scheme=self.scheme,
                tags=self.tags,
                thresholds=self.thresholds,
                backend=self.backend,
            )
        for note in tagger.notes:
            click.echo(visible(f"note: {note}"), err=True)
        return tagger


@dataclass(frozen=True, slots=True)
class PredictedReading:
    """How the options of a command say that a system's output is to be read."""

    format: str | None
    options: ReadOptions


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the options of a command say that documents are to be resampled."""

    level: float
    samples: int
    seed: int

    @property
    def given(self) -> dict[str, Any]:
        """As keyword arguments."""
        return dataclasses.asdict(self)


def gathered(
    options: Mapping[str, Decorator], name: str, make: Callable[[dict[str, Any]], Any]
) -> Decorator:
    """Adds `options` to a command, which gets what `make` makes of their values as `name`."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def gathering(**values: Any) -> Any:
            own = {option: values.pop(option) for option in options}
            return command(**values, **{name: make(own)})

        wrapper: Command = gathering
        for option in reversed([*options.values()]):
            wrapper = option(wrapper)
        return wrapper

    return decorate


_FORMAT = click.option(
    "--format",
    type=click.Choice(list(FORMATS)),
    help="Format of the files; by default their names and first records tell.",
)
_FROM_HUB = {
    "config": click.option("--config", metavar="NAME", help="Configuration of a hub corpus."),
    "corpus_revision": click.option(
        "--corpus-revision",
        metavar="REV",
        help="Branch, tag or commit of a hub corpus, as behind the @ of owner/name@REV.",
    ),
    "corpus_splits": click.option(
        "--corpus-splits",
        metavar="OURS=NAME,…",
        help="Which splits of a hub corpus are train, validation and test, as in "
        "train=train_2020,test=test_2021; others are not fetched.",
    ),
}
_READING = {
    "scheme_in": click.option(
        "--scheme-in", metavar="SCHEME", help="Scheme of the tags read; by default found out."
    ),
    "token_column": click.option(
        "--token-column",
        metavar="COLUMN",
        help="Column of the tokens: a number from 0, or from -1 backwards; a name in records.",
    ),
    "tag_column": click.option(
        "--tag-column", metavar="COLUMN", help="Column of the tags; by default the last one."
    ),
    "text_field": click.option(
        "--text-field", metavar="NAME", help="Field of the text, in records and tasks."
    ),
    "separator": click.option(
        "--separator",
        type=click.Choice(SEPARATORS),
        help="What stands between columns; by default found out.",
    ),
    "tag_names": click.option(
        "--tag-names",
        metavar="TAG,TAG,…",
        help="Names of tags that are numbers, in the order of their numbers.",
    ),
    "repair": click.option(
        "--repair", is_flag=True, help="Read tags that break their scheme leniently; count them."
    ),
    "skip_rejected": click.option(
        "--skip-rejected", is_flag=True, help="Skip records that an annotator rejected; count them."
    ),
    "set_aside": click.option(
        "--set-aside",
        is_flag=True,
        help="Keep annotations of brat and Label Studio that overlap or are in pieces as they are, "
        "beside the entities; count them.",
    ),
}
_PREDICTED = {
    "predicted_format": click.option(
        "--predicted-format",
        type=click.Choice(list(FORMATS)),
        help="Format of PREDICTED; by default its name and first record tell.",
    ),
    "predicted_scheme": click.option(
        "--predicted-scheme",
        metavar="SCHEME",
        help="Scheme of the predicted tags; by default that of gold, or found out.",
    ),
    "predicted_column": click.option(
        "--predicted-column",
        metavar="COLUMN",
        default="-1",
        help="Column of the predicted tags.  [default: the last one]",
    ),
}
_SAMPLING = {
    "level": click.option(
        "--level", default=0.95, show_default=True, help="Level of confidence of intervals."
    ),
    "samples": click.option(
        "--samples", default=1000, show_default=True, help="How often documents are resampled."
    ),
    "seed": click.option("--seed", default=0, show_default=True, help="Seed of the resampling."),
}
_MODEL = {
    "revision": click.option(
        "--revision", metavar="REV", help="Branch, tag or commit of a hub checkpoint."
    ),
    "scheme": click.option(
        "--scheme",
        metavar="SCHEME",
        help="Tag scheme of a checkpoint that Nerine did not make, if its labels leave it open.",
    ),
    "tags": click.option(
        "--tags",
        metavar="TAG,TAG,…",
        callback=lambda _, __, value: None if value is None else _names(value),
        help="Names of such a checkpoint's tags, by their numbers, if it has none (LABEL_0).",
    ),
    "backend": click.option(
        "--backend",
        type=click.Choice(BACKENDS),
        default="auto",
        show_default=True,
        help="What runs the model; auto is what nerine optimize chose, or else PyTorch.",
    ),
}


_THRESHOLDS = click.option(
    "--thresholds",
    metavar="saved|T",
    help="Drop entities that score below their label's threshold, as nerine calibrate saved it, "
    "or below T, from 0 to 1.  [default: drop none]",
)


def _names(value: str) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(name.strip() for name in value.split(","))


def _thresholds(value: str | None) -> float | Literal["saved"] | None:
    if value is None:
        return None
    if value == "saved":
        return "saved"
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise SettingsError(
            f"{value!r} is no threshold",
            place="--thresholds",
            expected="the word saved, or a number from 0 to 1",
        )
    return number


def _tagging_choice(values: dict[str, Any]) -> ModelChoice:
    return ModelChoice(**{**values, "thresholds": _thresholds(values["thresholds"])})


def _read_options(values: Mapping[str, Any]) -> ReadOptions:
    given = {name: value for name, value in values.items() if value is not None}
    scheme = given.pop("scheme_in", None)
    for name in ("token_column", "tag_column"):
        if name in given:
            given[name] = _column(given[name])
    if "tag_names" in given:
        given["tag_names"] = tuple(given["tag_names"].split(","))
    return ReadOptions(scheme=scheme and TagScheme.named(scheme), **given)


def _column(value: str) -> int | str:
    return int(value) if value.removeprefix("-").isdecimal() else value


def _corpus_reading(values: dict[str, Any]) -> CorpusReading:
    hub = {name: values.pop(name) for name in ("format", "config", "corpus_revision")}
    splits = stated_splits(values.pop("corpus_splits"))
    return CorpusReading(**hub, splits=splits, options=_read_options(values))


def _predicted_reading(values: dict[str, Any]) -> PredictedReading:
    scheme = values["predicted_scheme"]
    options = ReadOptions(
        scheme=scheme and TagScheme.named(scheme), tag_column=_column(values["predicted_column"])
    )
    return PredictedReading(values["predicted_format"], options)


def _sampling(values: dict[str, Any]) -> Sampling:
    from nerine.evaluation.significance.intervals import check_sampling

    check_sampling(**values)  # now, and not after minutes of tagging
    return Sampling(**values)


_CORPUS = {"format": _FORMAT, **_READING, **_FROM_HUB}

reading_options = gathered(_READING, "options", _read_options)
corpus_options = gathered(_CORPUS, "reading", _corpus_reading)
convert_options = gathered(
    {**_READING, **_FROM_HUB},
    "reading",
    lambda values: _corpus_reading({"format": None, **values}),
)
model_options = gathered(_MODEL, "model", lambda values: ModelChoice(**values))
tagging_options = gathered({**_MODEL, "thresholds": _THRESHOLDS}, "model", _tagging_choice)

predicted_options = gathered(_PREDICTED, "theirs", _predicted_reading)
sampling_options = gathered(_SAMPLING, "sampling", _sampling)

split_option = click.option(
    "--split",
    metavar="NAME",
    help="Which documents of a corpus.  [default: test, or all of a single file]",
)
errors_option = click.option(
    "--errors",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Show N wrong entities in their texts.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def chosen_split(corpus: Corpus, given: str | None) -> str:
    """The split that `split_option` means; raises `CorpusError` where there is none."""
    if given is None and len(corpus.splits) == 1:
        return next(iter(corpus.splits))
    name = given or "test"
    corpus.split(name)  # says what there is instead
    return name


def split_shown(corpus: Corpus, split: str) -> str:
    """The split that a signature names: a file alone is all of its documents."""
    return split if len(corpus.splits) > 1 or corpus.config else "all"


def format_option(*names: str, text: str) -> Decorator:
    """An option that names one of our formats; `--to` one that can be written."""
    known = [name for name, each in FORMATS.items() if each.can_write or "--to" not in names]
    return click.option(*names, type=click.Choice(known), help=text)


def given_corpus_flags(context: click.Context) -> str:
    """The corpus options that were given, as they would be typed again."""
    flags: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name in _CORPUS and source is click.core.ParameterSource.COMMANDLINE:
            value = context.params[name]
            flags += [parameter.opts[0], *([] if value is True else [str(value)])]
    return shlex.join(flags)


def corpus_notes(corpus: Corpus) -> list[str]:
    """What a user should know of how a corpus was found and read."""
    return [*corpus.notes, *reading_notes(corpus.logs)]


def reading_notes(logs: Mapping[str, ReadLog]) -> list[str]:
    """What a user should know of how files were read."""
    notes: list[str] = []
    for name, log in logs.items():
        if log.repaired_tags:
            documents = counted(log.repaired_documents, "document")
            notes.append(f"{name}: {counted(log.repaired_tags, 'tag')} repaired in {documents}")
        if log.skipped:
            notes.append(f"{name}: {counted(log.skipped, 'rejected record')} skipped")
        if log.set_aside:
            notes.append(f"{name}: {counted(log.set_aside, 'annotation')} set aside")
        for remark, number in log.remarks.items():
            notes.append(f"{name}: {counted(number, 'document')} {remark}")
    return notes
