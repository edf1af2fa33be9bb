"""A run that can begin: inputs can be read, outputs can be written, nothing is in the way."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from nerine.core.errors import FormatError, SettingsError, TaggingError
from nerine.serving.files.identity import inputs_identity, run_identity, tagger_identity
from nerine.serving.files.inputs import STANDARD, Found, find_inputs
from nerine.serving.files.journal import Journal, State, check_same
from nerine.serving.files.options import TaggingOptions
from nerine.serving.files.records import RecordReader
from nerine.serving.files.running import Listener, Run, Tagging
from nerine.serving.files.sinks import JournalSink, Sink, StandardSink
from nerine.serving.files.targets import Targets, check_outside, targets_of


@dataclass(frozen=True, slots=True)
class TaggingSummary:
    """What a run did, with what runs before it did that it went on from.

    Attributes:
        outputs: The files that were written.
        failed: The file that holds the documents that failed; None where none did.
        documents: How many documents were read.
        failures: How many of these documents failed.
        entities: How many entities were found, by label.
        tagged_now: How many documents this process has tagged.
        seconds: How many seconds that took.
        passed_over: The hidden files of folders, which were not read.
    """

    outputs: tuple[str, ...]
    failed: str | None
    documents: int
    failures: int
    entities: Mapping[str, int]
    tagged_now: int
    seconds: float
    passed_over: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Documents a second."""
        return self.tagged_now / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "outputs": list(self.outputs),
            "failed": self.failed,
            "documents": self.documents,
            "failures": self.failures,
            "entities": dict(self.entities),
            "tagged_now": self.tagged_now,
            "seconds": round(self.seconds, 3),
            "documents_per_second": round(self.rate, 1),
            "passed_over": list(self.passed_over),
        }


@dataclass(frozen=True, slots=True)
class TaggingPlan:
    """A checked run; `run` is all that is left to do. `journal` is None for a standard stream."""

    found: Found
    sources: tuple[RecordReader, ...]
    options: TaggingOptions
    identity: Mapping[str, Any] = field(default_factory=dict)
    targets: Targets | None = None
    stream: BinaryIO | None = None

    def with_model(self, model: Mapping[str, Any]) -> TaggingPlan:
        """The same plan with `model` in its options; raises `TaggingError` if it is another one."""
        options = replace(self.options, model=model)
        if self.targets is None:
            return replace(self, options=options)
        identity = {**self.identity, **options.model_identity()}
        _check_start(identity, options, self.targets, self.found)
        return replace(self, options=options, identity=identity)

    @property
    def resumable(self) -> bool:
        """Whether a run that is cut short can be gone on with."""
        return self.targets is not None and all(each.path for each in self.found.inputs)

    def run(self, tagger: Tagging, listener: Listener | None = None) -> TaggingSummary:
        """Tags everything. Raises `TaggingError` where the disk or the journal stand in the way."""
        if self.targets is None:
            if self.stream is None:
                raise SettingsError("there is neither a file nor a stream to write to")
            return self._run(StandardSink(self.stream), tagger, listener)
        journal = Journal(self.targets.journal, self.targets.output)
        identity = {**self.identity, **tagger_identity(tagger)}
        with journal.held():
            state = _begun(journal, identity, self.options, self.targets)
            seconds = self.options.commit_seconds
            sink = JournalSink(
                journal,
                self.targets,
                identity,
                state,
                commit_seconds=seconds,
                keep=self.resumable,
            )
            return self._run(sink, tagger, listener)

    def _run(self, sink: Sink, tagger: Tagging, listener: Listener | None) -> TaggingSummary:
        began = time.monotonic()
        run = Run(self.found.inputs, self.sources, tagger, sink, listener, self._check_unchanged)
        run.go()
        reached = sink.reached
        targets = self.targets
        return TaggingSummary(
            tuple(map(str, targets.files)) if targets else (STANDARD,),
            str(targets.failed) if targets and reached.failures else None,
            reached.documents,
            reached.failures,
            dict(sorted(reached.entities.items())),
            run.documents,
            time.monotonic() - began,
            self.found.passed_over,
        )

    def _check_unchanged(self) -> None:
        """Raises `TaggingError` if an input was changed while it was read."""
        if self.targets is not None:
            check_same(self.identity, inputs_identity(self.found), self.targets.output)


def plan_tagging(
    inputs: Sequence[str | Path],
    output: str | Path | BinaryIO,
    options: TaggingOptions | None = None,
) -> TaggingPlan:
    """Looks at everything that can be looked at before there is a model.

    `inputs` are files, folders, patterns such as `"posts/*.jsonl"`, or `"-"` for standard input.
    `output` is a file for one file, a folder for all else, or a stream of bytes. Raises
    `FormatError` for an input that cannot be read or has no text where one is looked for, and
    for an output that cannot be; `TaggingError` where an output stands already, or an
    interrupted run.
    """
    options = options or TaggingOptions()
    found = find_inputs(inputs, options.format)
    target = None if _is_stream(output) else Path(str(output))
    if target is not None:
        folders = [Path(name) for name in inputs if Path(name).is_dir()]
        check_outside(folders, target)
    sources = tuple(each.source(options) for each in found.inputs)
    for source in sources:
        source.check()
    if target is None:
        _check_streamable(found, options)
        return TaggingPlan(found, sources, options, stream=cast(BinaryIO, output))
    targets = targets_of(found, target)
    identity = run_identity(found, options)
    _check_start(identity, options, targets, found)
    return TaggingPlan(found, sources, options, identity, targets)


def _is_stream(output: object) -> bool:
    return hasattr(output, "write")


def _check_streamable(found: Found, options: TaggingOptions) -> None:
    if found.several:
        raise FormatError(
            "several outputs cannot go to one stream", place=STANDARD, hint="name a folder with -o"
        )
    if found.inputs[0].format == "parquet":
        raise FormatError("Parquet cannot go to a stream", place=STANDARD, hint="name a file")
    if options.start != "new":
        raise SettingsError(
            f"what went to a stream cannot be gone on with or replaced: {options.start}",
            hint="name a file",
        )


def _check_start(
    identity: Mapping[str, Any], options: TaggingOptions, targets: Targets, found: Found
) -> None:
    """Raises `TaggingError` where something stands in the way."""
    journal = Journal(targets.journal, targets.output)
    begun = journal.read() if journal.exists and options.start != "overwrite" else None
    if options.start == "resume" and any(each.path is None for each in found.inputs):
        raise TaggingError(
            "standard input cannot be read again", place=STANDARD, hint="leave --resume out"
        )
    if begun and options.start == "new":
        raise TaggingError(
            "an interrupted run stands here",
            place=str(targets.output),
            hint="--resume goes on with it, --overwrite begins anew",
        )
    if begun:
        check_same(begun[0], identity, targets.output)
    replaces = begun[1].replace or begun[1].rendered if begun else options.start == "overwrite"
    if targets.standing and not replaces:
        raise TaggingError(
            "this output exists",
            place=str(targets.standing[0]),
            expected="a name that is free",
            hint="--overwrite replaces it",
        )


def _begun(
    journal: Journal, identity: Mapping[str, Any], options: TaggingOptions, targets: Targets
) -> State:
    """The state to go on from; a new one unless a run is resumed."""
    begun = journal.read() if options.start == "resume" else None
    if begun:
        check_same(begun[0], identity, targets.output)
        return begun[1]
    journal.empty()
    return State(replace=options.start == "overwrite")
