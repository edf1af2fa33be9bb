"""Files of any length without the names that a tagger finds.

First all inputs are tagged, as `nerine tag` does it, into a private folder beside the output; this
is the long part, and it can be resumed. Then the records are read again and written without the
names. So each name is known before the first one is replaced, and the files are written in order.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from nerine.core.errors import TaggingError
from nerine.core.files import disk_errors, write_errors
from nerine.data.formats.entity_table import EntityTable
from nerine.model.tagger import Tagger
from nerine.serving.files import durable
from nerine.serving.files.blocks import Listener
from nerine.serving.files.compression import compression_of
from nerine.serving.files.entity_rows import EntityRows
from nerine.serving.files.identity import (
    check_same,
    inputs_identity,
    tagger_identity,
)
from nerine.serving.files.inputs import STANDARD, Inputs
from nerine.serving.files.options import TaggingOptions
from nerine.serving.files.outputs import Outputs
from nerine.serving.files.parquet import ParquetReader
from nerine.serving.files.plan import TaggingPlan
from nerine.serving.redaction.mapping import MappingWriter
from nerine.serving.redaction.redactor import Redactor
from nerine.serving.redaction.rendering import Done, Found, Lines, Reader, Rendering
from nerine.serving.redaction.stand_ins import same

_OWNER_ONLY = 0o700
_TRY_AGAIN = "free some space or correct the error, and continue with --resume"
_TAGGED = "tagged.json"


@dataclass(frozen=True, slots=True)
class RedactionSummary:
    """The result of a redaction.

    Attributes:
        outputs: The files that were written.
        failed: The file that lists the records that failed; None if none did.
        mapping: The file that restores the texts; None if none was asked for.
        documents: The number of records read.
        failures: How many of them failed, and are in no output.
        nulls: How many have null instead of a text.
        replaced: The number of entities replaced, by label.
        elsewhere: The number of other places of their names replaced, by label.
        below: The number of entities that stay, as they score below their threshold, by label.
        fields: The other fields or columns of the records, which were left as they are.
        drawn_again: The number of stand-ins that were taken already, and so drawn again.
        tagged_now: How many records were tagged without those of earlier runs.
        seconds: How many seconds all of it took.
        passed_over: The hidden files of folders, which were skipped.
        notes: Notes for the user on how the inputs were read.
    """

    outputs: tuple[str, ...]
    failed: str | None
    mapping: str | None
    documents: int
    failures: int
    nulls: int
    replaced: Mapping[str, int]
    elsewhere: Mapping[str, int]
    below: Mapping[str, int]
    fields: tuple[str, ...]
    drawn_again: int
    tagged_now: int
    seconds: float
    passed_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The summary for JSON."""
        names = ("outputs", "fields", "passed_over", "notes")
        return {
            **asdict(self),
            **{name: list(getattr(self, name)) for name in names},
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class RedactionPlan:
    """A redaction whose inputs, outputs and options have been checked.

    Attributes:
        inputs: What is read.
        readers: The reader of each input, which has been checked; none for standard input.
        outputs: The files to write.
        mapping: The file that restores the texts; None for none.
        options: How the inputs are read and tagged.
        folder: The private folder of the run.
        identity: What the run must have in common with the one that it resumes.
        stream: What takes the place of the one output; None if it is a file.
    """

    inputs: Inputs
    readers: tuple[Reader, ...]
    outputs: Outputs
    mapping: Path | None
    options: TaggingOptions
    folder: Path
    identity: Mapping[str, Any]
    stream: BinaryIO | None = None

    @property
    def resumable(self) -> bool:
        """Whether the run can be resumed if it is interrupted."""
        return self.stream is None and all(file.path for file in self.inputs.files)

    def with_model(self, model: Mapping[str, Any]) -> RedactionPlan:
        """The plan with a model's identity. Raises `TaggingError` if the run has another model."""
        options = replace(self.options, model=model)
        return replace(
            self, options=options, identity={**self.identity, **options.model_identity()}
        )

    @disk_errors(TaggingError)
    def run(self, redactor: Redactor, listener: Listener | None = None) -> RedactionSummary:
        """Redacts all inputs. Raises `TaggingError` if files cannot be written or resumed."""
        began = time.monotonic()
        tagger = copy.copy(redactor.tagger)
        # the second reading applies them: what is below the thresholds is counted
        tagger.thresholds = tagger.rules = None
        with self._private_folder():
            inputs, readers = self._spooled()
            now = self._tag(inputs, readers, tagger, listener)
            done = self._write(readers, redactor, listener)
        stand_ins = redactor.stand_ins
        return RedactionSummary(
            tuple(map(str, self.outputs.files)),
            str(self.outputs.failed) if done.failures else None,
            None if self.mapping is None else str(self.mapping),
            done.records,
            done.failures,
            done.nulls,
            dict(done.replaced),
            dict(done.elsewhere),
            dict(done.below),
            tuple(done.fields),
            stand_ins.again if stand_ins else 0,
            now,
            time.monotonic() - began,
            self.inputs.passed_over,
            tuple(done.notes),
        )

    @contextlib.contextmanager
    def _private_folder(self) -> Iterator[None]:
        """Makes the folder, which is removed at the end, also of a run that can't be resumed."""
        start = self.options.start
        with write_errors(TaggingError, self.outputs.output, _TRY_AGAIN):
            if start == "overwrite" and self.folder.exists():
                shutil.rmtree(self.folder)
            self.folder.mkdir(mode=_OWNER_ONLY, exist_ok=start == "resume")
        try:
            yield
        except BaseException:
            if not self.resumable:
                shutil.rmtree(self.folder, ignore_errors=True)
            raise
        shutil.rmtree(self.folder, ignore_errors=True)

    def _spooled(self) -> tuple[Inputs, Sequence[Reader]]:
        """The inputs as files, and their readers: standard input is copied, as it is read twice."""
        (first, *_), path = self.inputs.files, self.folder / "standard input"
        if first.path is not None:
            return self.inputs, self.readers
        with write_errors(TaggingError, path), path.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
        copied = replace(first, path=path)
        reader = copied.record_reader(self.options)
        reader.check()
        return replace(self.inputs, files=(copied,)), [reader]

    # -- the first reading -----------------------------------------------------------------------

    def _entities_of(self, number: int) -> Path:
        """The file with the entities of an input."""
        return self.folder / f"{number:06}.jsonl"

    def _tag(
        self,
        inputs: Inputs,
        readers: Sequence[Reader],
        tagger: Tagger,
        listener: Listener | None,
    ) -> int:
        """Has the inputs tagged into the folder; returns how many records were tagged now."""
        files = tuple(map(self._entities_of, range(len(inputs.files))))
        parts, state = self.folder / "parts", self.folder / "run.json"
        outputs = Outputs(self.outputs.output, files, self.folder / "failed.jsonl", parts)
        identity = {**self.identity, **tagger_identity(tagger)}
        if state.exists():
            with durable.readable(state):
                then = json.loads(state.read_bytes())
            check_same(then, identity, self.outputs.output)
            if files[-1].exists() and not parts.exists():
                return 0
        durable.write_file(state, json.dumps(identity).encode())
        table = EntityTable("jsonl")
        pairs = zip(readers, files, strict=True)
        rows = tuple(EntityRows(reader, table, str(path)) for reader, path in pairs)
        options = replace(self.options, start="resume")
        plan = TaggingPlan(inputs, rows, options, outputs, self.identity)
        return plan.run(tagger, listener).tagged_now

    # -- the second reading ----------------------------------------------------------------------

    def _write(
        self, readers: Sequence[Reader], redactor: Redactor, listener: Listener | None
    ) -> Done:
        """Writes the outputs without the names."""
        check_same(self.identity, inputs_identity(self.inputs), self.outputs.output)
        if redactor.stand_ins is not None:
            redactor.stand_ins.avoid(self._names(len(readers)))
        failed_now = self.folder / "failed.new"
        with contextlib.ExitStack() as stack:
            stack.enter_context(write_errors(TaggingError, self.outputs.output, _TRY_AGAIN))
            mapping = None
            if self.mapping is not None:
                mapping = MappingWriter(self.mapping, redactor.key)
                stack.callback(mapping.close)
            failed = stack.enter_context(failed_now.open("wb"))
            rendering = Rendering(redactor, failed, mapping)
            known = self.folder / "failed.jsonl"
            known.touch()
            failures = Lines(stack.enter_context(known.open("rb")))
            for number, (file, reader) in enumerate(zip(self.inputs.files, readers, strict=True)):
                if mapping is not None:
                    column = self.options.text_field
                    mapping.write(file=self._name_of(number), format=file.format, column=column)
                self._render(rendering, number, reader, failures, listener)
            check_same(self.identity, inputs_identity(self.inputs), self.outputs.output)
            if failures.has_more:
                raise TaggingError("an input has changed meanwhile", place=str(self.outputs.output))
            failed.flush()
            if mapping is not None:
                mapping.commit()
            self._publish(failed_now, rendering.done)
        return rendering.done

    def _names(self, files: int) -> set[str]:
        """All names that were found, in the form of `same`."""
        names: set[str] = set()
        for path in map(self._entities_of, range(files)):
            with path.open("rb") as lines:
                names.update(same(json.loads(line)["entity"]) for line in lines)
        return names

    def _name_of(self, number: int) -> str:
        """The name of an output, below the folder if there are several."""
        path = self.outputs.files[number]
        if self.inputs.several:
            return path.relative_to(self.outputs.output.resolve()).as_posix()
        return path.name

    def _render(
        self,
        rendering: Rendering,
        number: int,
        reader: Reader,
        failures: Lines,
        listener: Listener | None,
    ) -> None:
        """Writes one output into the folder."""
        done = self.folder / f"{number:06}.done"
        with self._entities_of(number).open("rb") as entities:
            found = Found(entities, failures, reader.name)
            if self.inputs.files[number].path is None:
                reader.name = STANDARD
            if isinstance(reader, ParquetReader):
                rendering.table(reader, found, done, listener)
            else:
                with done.open("wb") as output:
                    suffix = compression_of(self.outputs.files[number])
                    rendering.lines(reader, found, output, suffix, listener)
        rendering.done.notes += reader.notes

    def _publish(self, failed: Path, done: Done) -> None:
        """Moves the files to their places, or writes them to the standard streams."""
        paths = [self.folder / f"{number:06}.done" for number in range(len(self.outputs.files))]
        if self.stream is not None:
            with paths[0].open("rb") as content:
                shutil.copyfileobj(content, self.stream)
                self.stream.flush()
            sys.stderr.write(failed.read_text(encoding="ascii"))
            return
        for path, target in zip(paths, self.outputs.files, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
            durable.move(path, target)
        if done.failures:
            durable.move(failed, self.outputs.failed)
        else:
            self.outputs.failed.unlink(missing_ok=True)
