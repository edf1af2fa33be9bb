"""Plans and carries out the tagging of files: everything is checked before a model is loaded."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from nerine.core.arguments import checked
from nerine.core.errors import SettingsError, TaggingError
from nerine.core.files import disk_errors
from nerine.serving.files.blocks import Listener, StreamTagger, StreamWriter, tag_shard
from nerine.serving.files.identity import (
    USE,
    check_same,
    inputs_identity,
    run_identity,
    tagger_identity,
)
from nerine.serving.files.inputs import STANDARD, Inputs, RecordReader, find_inputs
from nerine.serving.files.options import TaggingOptions
from nerine.serving.files.outputs import (
    Outputs,
    ShardedOutputs,
    check_stream,
    local_output,
    plan_outputs,
    plan_sharded_outputs,
)
from nerine.serving.files.receipts import Totals
from nerine.serving.files.run import tag_shards
from nerine.serving.files.sharded import ShardedFolder
from nerine.serving.files.shards import Shard, plan_shards
from nerine.serving.files.working import WorkingFolder

logger = logging.getLogger("nerine.tag")


@dataclass(frozen=True, slots=True)
class TaggingSummary:
    """The result of a run, including earlier runs that it resumed.

    Attributes:
        outputs: The files that were written.
        failed: The file of the documents that failed; None if none did.
        documents: The number of documents read.
        failures: How many of these documents failed.
        entities: The number of entities found, by label.
        tagged_now: How many documents were tagged without those of earlier runs.
        seconds: How many seconds that took.
        passed_over: The hidden files of folders, which were skipped.
        nulls: How many of the documents have null instead of a text: their entities are null.
        notes: Notes for the user on how the inputs were read.
        shards: How many shards this process was to complete, and how many the run has; None unless
            each shard has a file.
    """

    outputs: tuple[str, ...]
    failed: str | None
    documents: int
    failures: int
    entities: Mapping[str, int]
    tagged_now: int
    seconds: float
    passed_over: tuple[str, ...] = ()
    nulls: int = 0
    notes: tuple[str, ...] = ()
    shards: tuple[int, int] | None = None

    @property
    def rate(self) -> float:
        """Documents a second."""
        return self.tagged_now / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The summary for JSON."""
        lists = {name: list(getattr(self, name)) for name in ("outputs", "passed_over", "notes")}
        seconds, rate = round(self.seconds, 3), round(self.rate, 1)
        return {**asdict(self), "seconds": seconds, "documents_per_second": rate, **lists}


@dataclass(frozen=True, slots=True)
class TaggingPlan:
    """A run whose inputs, outputs and options have been checked.

    Attributes:
        inputs: What is read.
        readers: The reader of each input.
        options: How the inputs are tagged.
        output: The files to write, or a stream.
        identity: What a run must have in common with the one that it resumes.
    """

    inputs: Inputs
    readers: tuple[RecordReader, ...]
    options: TaggingOptions
    output: Outputs | ShardedOutputs | BinaryIO
    identity: Mapping[str, Any] = field(default_factory=dict)

    def with_model(self, model: Mapping[str, Any]) -> TaggingPlan:
        """The plan with a model's identity. Raises `TaggingError` if the run has another model."""
        options = replace(self.options, model=model)
        plan = replace(
            self, options=options, identity={**self.identity, **options.model_identity()}
        )
        plan.check_start()
        return plan

    def check_start(self) -> None:
        """Raises `TaggingError` if the run cannot start."""
        if isinstance(self.output, Outputs | ShardedOutputs):
            self._folder(self.output).check_start(self.identity, self.options.start)

    @property
    def resumable(self) -> bool:
        """Whether the run can be resumed if it is interrupted."""
        is_file = isinstance(self.output, Outputs | ShardedOutputs)
        return is_file and all(file.path for file in self.inputs.files)

    @disk_errors(TaggingError)
    def run(self, tagger: StreamTagger, listener: Listener | None = None) -> TaggingSummary:
        """Tags all inputs. Raises `TaggingError` if files cannot be written or resumed."""
        use = tagger_identity(tagger)
        if isinstance(self.output, Outputs | ShardedOutputs):
            folder = self._folder(self.output)
            return self._run(folder, lambda: self._tag(folder, tagger, listener), use)
        began = time.monotonic()
        stream = StreamWriter(self.output)
        tag_shard(self.readers[0], Shard(end=self.readers[0].end), tagger, stream, listener)
        totals = Totals.of([stream.progress])
        return self._summary((STANDARD,), None, totals, totals.documents, began, use)

    @disk_errors(TaggingError)
    def run_shards(
        self, tag: Callable[[ShardedFolder], int], use: Mapping[str, Any]
    ) -> TaggingSummary:
        """Runs with a function that has the shards tagged, in other processes or elsewhere.

        Args:
            tag: Completes the shards of a folder that have no receipt, and returns the number of
                documents that were read for them.
            use: The `tagger_identity` of its taggers.

        Raises:
            SettingsError: If the output is not a folder with a file for each shard.
            TaggingError: If files cannot be written or resumed.
        """
        if not isinstance(self.output, ShardedOutputs):
            raise SettingsError(
                "work that is done elsewhere needs a file for each shard",
                place="shards",
                hint="--shards (shards=True) writes them",
            )
        folder = ShardedFolder(self.output, self.readers, self.options)
        return self._run(folder, lambda: tag(folder), use)

    def _run(
        self, folder: WorkingFolder | ShardedFolder, tag: Callable[[], int], use: Mapping[str, Any]
    ) -> TaggingSummary:
        """Opens the folder of the run, has its shards tagged, and publishes them."""
        began = time.monotonic()
        outputs = folder.outputs
        with folder.locked():
            shards = partial(plan_shards, self.readers, self.options.shard_bytes)
            folder.open({**self.identity, **use}, self.options.start, shards)
            try:
                now = tag()
                check_same(self.identity, inputs_identity(self.inputs), outputs.output)
                totals = folder.publish()
            finally:
                folder.leave()
        failed = str(outputs.failed) if totals.failures else None
        summary = self._summary(tuple(map(str, outputs.files)), failed, totals, now, began, use)
        if isinstance(folder, ShardedFolder):
            return replace(summary, shards=(len(folder.shards), folder.count))
        return summary

    def _summary(
        self,
        outputs: tuple[str, ...],
        failed: str | None,
        totals: Totals,
        now: int,
        began: float,
        use: Mapping[str, Any],
    ) -> TaggingSummary:
        logger.info("%d documents, %d of them failed", totals.documents, totals.failures)
        return TaggingSummary(
            outputs,
            failed,
            totals.documents,
            totals.failures,
            totals.entities,
            now,
            time.monotonic() - began,
            self.inputs.passed_over,
            totals.nulls,
            (*(note for each in self.readers for note in each.notes), *self._context_notes(use)),
        )

    def _context_notes(self, use: Mapping[str, Any]) -> list[str]:
        """A note if the model sees sentences around each one and the run has none, or reversely."""
        context = use.get(USE, {}).get("settings", {}).get("context", 0)
        document = self.options.document
        if context and document is None:
            alone = "the model was trained with document context, and saw each record alone"
            return [f"{alone}: --document NAME (document=…) names the field of the document"]
        if document is not None and not context:
            return [f"the model sees each record alone, and made no use of {document!r}"]
        return []

    def _folder(self, output: Outputs | ShardedOutputs) -> WorkingFolder | ShardedFolder:
        """The folder of the run, not open yet."""
        if isinstance(output, ShardedOutputs):
            return ShardedFolder(output, self.readers, self.options)
        seconds, rows = self.options.commit_seconds, self.options.rows
        return WorkingFolder(
            output, self.readers, commit_seconds=seconds, keep=self.resumable, rows=rows
        )

    def _tag(
        self,
        folder: WorkingFolder | ShardedFolder,
        tagger: StreamTagger,
        listener: Listener | None,
    ) -> int:
        """Tags the shards that have no receipt; returns the number of documents read."""
        processes = self.options.processes
        if processes == 1 or not self.resumable:
            return tag_shards(folder, tagger, listener)
        from nerine.serving.files.pool import tag_in_processes

        return tag_in_processes(folder, tagger, processes, listener)


@disk_errors(TaggingError)
@checked
def plan_tagging(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path | BinaryIO,
    options: TaggingOptions | None = None,
) -> TaggingPlan:
    """Checks everything that can be checked without a model.

    Args:
        inputs: A file, a folder, a pattern such as `"posts/*.jsonl"`, the URL of one of these,
            `"-"` for standard input, or several of these.
        output: A file for one file, a folder for anything else, or a stream of bytes.
        options: How the inputs are tagged; by default `TaggingOptions()`.

    Returns:
        The plan, which can be run.

    Raises:
        ArgumentError: If an argument has another type.
        FormatError: If an input cannot be read or has no text, or an output cannot be written.
        SettingsError: If the options do not fit the inputs or the output.
        MissingExtraError: If Parquet or Zstandard is used without the extra `datasets`, or a URL
            without the package of its file system.
        TaggingError: If an output or an interrupted run exists, or differs from the one to resume.
    """
    options = options or TaggingOptions()
    inputs = [inputs] if isinstance(inputs, str | Path) else inputs
    found = find_inputs(inputs, options.format)
    if hasattr(output, "write"):
        stream = cast(BinaryIO, output)
        check_stream(found, options.rows)
        if options.shards:
            raise SettingsError(
                "a stream has no files for shards", place="shards", hint="name a folder with -o"
            )
        if options.start != "new":
            raise SettingsError(
                "output written to a stream can be neither resumed nor overwritten",
                place=options.start,
                hint="name a file",
            )
        plan = TaggingPlan(found, (found.files[0].reader(options),), options, stream)
    else:
        folders = [Path(name) for name in inputs if Path(name).is_dir()]
        place = local_output(output)
        files: Outputs | ShardedOutputs
        if options.shards:
            files = plan_sharded_outputs(found, place, folders)
            names = tuple(files.folder / name for name in files.inputs)
        else:
            files = plan_outputs(found, place, folders, options.rows)
            names = files.files
        if options.start == "resume" and any(file.path is None for file in found.files):
            raise TaggingError(
                "standard input cannot be read again", place=STANDARD, hint="leave --resume out"
            )
        identity = run_identity(found, options)
        pairs = zip(found.files, names, strict=True)
        readers = tuple(file.reader(options, path) for file, path in pairs)
        plan = TaggingPlan(found, readers, options, files, identity)
        plan.check_start()
    for reader in plan.readers:
        reader.check()
    return plan


@checked
def tag_files(
    tagger: StreamTagger | str | Path,
    inputs: str | Path | Sequence[str | Path],
    output: str | Path | BinaryIO,
    options: TaggingOptions | None = None,
    listener: Listener | None = None,
) -> TaggingSummary:
    """Tags files in bounded memory. An interrupted run can be resumed.

    Args:
        tagger: A tagger, or what `Tagger.load` loads: a folder or a hub id.
        inputs: A file, a folder, a pattern such as `"posts/*.jsonl"`, the URL of one of these,
            `"-"` for standard input, or several of these.
        output: A file for one file, a folder for anything else, or a stream of bytes.
        options: How the inputs are tagged; by default `TaggingOptions()`.
        listener: Receives the progress.

    Returns:
        What was tagged, and what failed.

    Raises:
        ArgumentError: If an argument has another type.
        FormatError: If an input cannot be read or has no text, or an output cannot be written.
        SettingsError: If the options do not fit the inputs or the output.
        MissingExtraError: If Parquet or Zstandard is used without the extra `datasets`, or a URL
            without the package of its file system.
        TaggingError: If an output or an interrupted run exists, or files cannot be written.
    """
    plan = plan_tagging(inputs, output, options)
    if isinstance(tagger, str | Path):
        from nerine.model.tagger import Tagger  # numpy, which checking inputs does not need

        tagger = Tagger.load(tagger)
    return plan.run(tagger, listener)
