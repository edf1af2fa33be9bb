"""Options about the checkpoint that a command uses, and how to load it and tag with it."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import click

from nerine.cli.flags import FILE, Decorator, gathered
from nerine.cli.help import options_in
from nerine.cli.terminal import print_notes, working
from nerine.core.display import counted
from nerine.core.errors import SettingsError
from nerine.core.words import Words

if TYPE_CHECKING:
    from nerine.core.document import Document
    from nerine.model.loading.foreign import TagNames
    from nerine.model.loading.sources import Source
    from nerine.model.loading.usage import Usage
    from nerine.model.settings import Decoding
    from nerine.model.tagger import Tagger

NO_CONTEXT = (
    "the model was trained with document context, and sees each text alone: no -DOCSTART- line or "
    "field document says which belong together"
)
"""A note on texts without documents, for a model that sees the sentences around each one."""

BACKENDS = ("auto", "pytorch", "onnx", "onnx-fp32", "onnx-int8")
"""The backends of `backends.choosing`, which imports torch."""


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The options of a command about its checkpoint."""

    revision: str | None = None
    scheme: str | None = None
    tags: TagNames | None = None
    words: Words | None = None
    decoding: Decoding | None = None
    max_length: int | None = None
    backend: str = "auto"
    thresholds: float | Literal["saved"] | None = None
    rules: Path | None = None
    threads: int | None = None
    device: str | None = None

    def check_own_settings(self, result: str, otherwise: str) -> None:
        """Raises `SettingsError` if an option replaces a setting of the checkpoint.

        The message says that `result` would be that of other settings, and its hint what to do
        `otherwise` than leaving out the option.
        """
        if self.rules is not None:
            raise SettingsError(
                f"{result} would be those of the model with rules, which are not part of it",
                place="--rules",
                hint=f"leave out --rules, or {otherwise}",
            )
        for name in ("scheme", "words", "decoding", "max_length"):
            if getattr(self, name) is not None:
                option = f"--{name.replace('_', '-')}"
                raise SettingsError(
                    f"{result} would be those of other settings than the checkpoint's own",
                    place=option,
                    hint=f"leave out {option}, or {otherwise}",
                )

    def check_one(self, checkpoints: Sequence[str]) -> None:
        """Raises `SettingsError` if an option says of several checkpoints what only one can be."""
        for name in ("revision", "scheme", "tags", "words", "decoding", "max_length"):
            if len(checkpoints) > 1 and getattr(self, name) is not None:
                raise SettingsError(
                    "this would be said of each of several checkpoints",
                    place=f"--{name.replace('_', '-')}",
                    hint="name one checkpoint; a revision is also OWNER/NAME@REVISION",
                )

    @property
    def usage(self) -> Usage | None:
        """The words, decoding and windows; None if none of them is given."""
        from nerine.model.loading.usage import Usage

        usage = Usage(self.words, self.decoding, self.max_length)
        return None if usage == Usage() else usage

    def find(self, checkpoint: str | Source) -> Source:
        """The source of `checkpoint`; one on the hub is fetched."""
        from nerine.model.loading.sources import find_source

        return find_source(checkpoint, revision=self.revision)

    def for_processes(self, processes: int) -> ModelOptions:
        """The options with the threads of each of several processes."""
        if processes == 1 or self.threads is not None:
            return self
        from nerine.model.backends.hardware import number_of_threads

        return replace(self, threads=max(1, number_of_threads() // processes))

    def identity(self, source: Source) -> dict[str, Any]:
        """What files have in common that are tagged by the model of a source in the same way."""
        from nerine.serving.files.identity import model_identity

        tags = dict(self.tags) if isinstance(self.tags, Mapping) else self.tags and list(self.tags)
        usage = {} if self.usage is None else {"usage": asdict(self.usage)}
        return {**model_identity(str(source)), "scheme": self.scheme, "tags": tags, **usage}

    def load(self, checkpoint: str | Source) -> Tagger:
        """The tagger of `checkpoint`; its notes are printed to standard error."""
        source = self.find(checkpoint)  # outside of the block, as it shows progress bars
        with working(f"loading {source}"):
            tagger = self.tagger(source)
        print_notes(tagger.notes)
        return tagger

    def tagger(self, source: Source) -> Tagger:
        """The tagger of a source; nothing is printed."""
        from nerine.model.tagger import Tagger

        return Tagger.load(
            source,
            scheme=self.scheme,
            tags=self.tags,
            words=self.words,
            decoding=self.decoding,
            max_length=self.max_length,
            thresholds=self.thresholds,
            rules=self.rules,
            backend=self.backend,
            threads=self.threads,
            device=self.device,
        )


_option = options_in("The checkpoint")

_STATED: list[Decorator] = [
    _option(
        "--scheme",
        metavar="SCHEME",
        help="Tag scheme of a checkpoint not made by Nerine.  [default: found from its tags and "
        "from what it says of some texts]",
    ),
    _option(
        "--tags",
        metavar="TAG,TAG,…",
        help="Tags of a checkpoint not made by Nerine, in the order of their numbers, or of some "
        "of its outputs by their names: LABEL_1=B-PER,X=O. Also a list or an object in JSON.",
    ),
    _option(
        "--words",
        type=click.Choice(get_args(Words)),
        help="Units that bear a tag: words by Nerine's rule or its finer version, the corpus's "
        "tokens, or the tokenizer's own words or subwords.  [default: the saved ones; tokenizer "
        "for a checkpoint not made by Nerine]",
    ),
    _option(
        "--decoding",
        type=click.Choice(("viterbi", "argmax")),
        help="Best allowed tag sequence, or each word's best tag.  [default: the saved one, or the "
        "one that suits the scheme that was found]",
    ),
    _option(
        "--max-length",
        type=int,
        metavar="N",
        help="Maximum of subwords in a window.  [default: the saved one; what the model takes, up "
        "to 4096, for a checkpoint not made by Nerine]",
    ),
]
_MODEL: list[Decorator] = [
    _option("--revision", metavar="REV", help="Branch, tag or commit of a checkpoint on the hub."),
    *_STATED,
    _option(
        "--backend",
        default="auto",
        show_default=True,
        type=click.Choice(BACKENDS),
        help="Backend that runs the model; auto: the one that nerine optimize chose, or PyTorch.",
    ),
]
_THREADS = _option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads on a CPU.  [default: those of NERINE_THREADS, or one for each core that the "
    "process may use]",
)
_THRESHOLDS = _option(
    "--thresholds",
    metavar="saved|T",
    help="Drop entities that score below T, from 0 to 1; saved: below the thresholds that nerine "
    "calibrate saved.  [default: drop none]",
)

_RULES = _option(
    "--rules",
    type=FILE,
    metavar="FILE",
    help="TOML file of phrases and patterns that add to the model's entities or replace some.",
)


def _model_options(values: dict[str, Any]) -> ModelOptions:
    given = values.pop("thresholds", None)
    if values["tags"] is not None:
        values["tags"] = tag_names(values["tags"])
    thresholds = given
    if given not in (None, "saved"):
        try:
            thresholds = float(given)
        except ValueError:
            thresholds = math.nan
        if not 0 <= thresholds <= 1:
            raise SettingsError(
                f"{given!r} is not a valid threshold",
                place="--thresholds",
                expected="the word saved, or a number from 0 to 1",
            )
    return ModelOptions(**values, thresholds=thresholds)


def tag_names(given: str) -> TagNames:
    """The tags in the value of `--tags`; raises `SettingsError`.

    In JSON, names may hold commas and equals signs.
    """
    parsed = None
    with contextlib.suppress(ValueError):
        parsed = json.loads(given)
    if isinstance(parsed, list) and all(isinstance(name, str) for name in parsed):
        return tuple(parsed)
    if isinstance(parsed, dict) and all(isinstance(name, str) for name in parsed.values()):
        return parsed
    listed = [name.strip() for name in given.split(",")]
    pairs = [name.partition("=")[::2] for name in listed if "=" in name]
    if not pairs:
        return tuple(listed)
    if len(pairs) < len(listed):
        raise SettingsError(
            f"{given!r} has tags with and without the name of an output",
            place="--tags",
            expected="all tags in order, O,B-PER,I-PER, or by name, LABEL_1=B-PER,X=O",
            hint='names with , or = are written in JSON: ["O","B-a, b"] or {"LABEL_1":"B-a, b"}',
        )
    return {name.strip(): tag.strip() for name, tag in pairs}


stated_options = gathered(_STATED, "model", _model_options)
model_options = gathered(_MODEL, "model", _model_options)
running_options = gathered([*_MODEL, _THREADS], "model", _model_options)
explaining_options = gathered([*_MODEL, _THREADS, _RULES], "model", _model_options)
tagging_options = gathered([*_MODEL, _THREADS, _THRESHOLDS, _RULES], "model", _model_options)


def tag_documents(tagger: Tagger, documents: Sequence[Document]) -> list[Document]:
    """The documents with predicted entities; a terminal shows a spinner meanwhile.

    Prints a note if the model sees the sentences around each one, and none has any.
    """
    if tagger.settings.context and not any(each.context for each in documents):
        print_notes([NO_CONTEXT])
    with working(f"tagging {counted(len(documents), 'document')}"):
        return tagger.predict(documents)
