"""Plans the redaction of files: everything is checked before a model is loaded."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from nerine.core.arguments import checked
from nerine.core.errors import FormatError, SettingsError, TaggingError
from nerine.core.files import disk_errors
from nerine.serving.files.blocks import Listener
from nerine.serving.files.identity import run_identity
from nerine.serving.files.inputs import STANDARD, Inputs, find_inputs
from nerine.serving.files.options import TaggingOptions
from nerine.serving.files.outputs import Outputs, check_stream, local_output, plan_outputs
from nerine.serving.redaction.redactor import Redactor
from nerine.serving.redaction.running import RedactionPlan, RedactionSummary


@disk_errors(TaggingError)
@checked
def plan_redaction(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path | BinaryIO,
    *,
    mapping: str | Path | None = None,
    options: TaggingOptions | None = None,
) -> RedactionPlan:
    """Checks everything about a redaction of files that can be checked without a model.

    Args:
        inputs: As for `plan_tagging`.
        output: A file for one file, a folder for anything else, or a stream of bytes.
        mapping: The file that shall restore the texts; None for none.
        options: How the inputs are read and tagged; by default `TaggingOptions()`. Options of
            entities and of shards do not apply.

    Returns:
        The plan, which can be run.

    Raises:
        ArgumentError: If an argument has another type.
        FormatError: If an input cannot be read or has no text, or an output cannot be written.
        SettingsError: If the options do not fit the inputs or the output.
        MissingExtraError: If Parquet or Zstandard is used without the extra `datasets`, or a URL
            without the package of its file system.
        TaggingError: If an output or an interrupted run exists, or there is none to resume.
    """
    options = replace(options or TaggingOptions(), rows="redacted")
    if options.shards:
        raise SettingsError("the output of a redaction has no shards", place="shards")
    names = [inputs] if isinstance(inputs, str | Path) else inputs
    found = find_inputs(names, options.format)
    stream = None if isinstance(output, str | Path) else output
    if isinstance(output, str | Path):
        folders = [Path(name) for name in names if Path(name).is_dir()]
        outputs = plan_outputs(found, local_output(output), folders, "redacted")
        folder = outputs.parts.with_name(outputs.parts.name.removesuffix("tagging") + "redacting")
    else:
        check_stream(found, options.rows)
        outputs = Outputs(Path(STANDARD), (Path(STANDARD),), Path(STANDARD), Path(STANDARD))
        folder = Path(tempfile.gettempdir()).resolve() / f"nerine-redact-{uuid.uuid4().hex}"
    place = None if mapping is None else _mapping_place(Path(mapping), found, outputs)
    identity = run_identity(found, options)
    readers = tuple(file.record_reader(options) for file in found.files if file.path is not None)
    plan = RedactionPlan(found, readers, outputs, place, options, folder, identity, stream)
    _check_start(plan)
    for reader in readers:
        reader.check()
    return plan


def _mapping_place(path: Path, found: Inputs, outputs: Outputs) -> Path:
    """The absolute path of a mapping. Raises `FormatError` if it can't be written there."""
    final = path.resolve()
    if final.is_dir() or not final.parent.is_dir():
        problem = "this is a folder" if final.is_dir() else "its folder is not there"
        raise FormatError(problem, place=str(path), expected="the name of a file")
    read = [file.path.resolve() for file in found.files if isinstance(file.path, Path)]
    if final in (*read, *(each.resolve() for each in (*outputs.files, outputs.failed))):
        raise FormatError("this is also an input or an output", place=str(path))
    return final


def _check_start(plan: RedactionPlan) -> None:
    """Raises `TaggingError` if the run can't start, as something is in the way."""
    start, output = plan.options.start, str(plan.outputs.output)
    if start == "resume" and not plan.resumable:
        raise TaggingError(
            "standard input and output cannot be resumed", place=output, hint="leave --resume out"
        )
    if plan.folder.exists() and start == "new":
        raise TaggingError(
            "an interrupted run exists",
            place=output,
            hint="--resume continues it, --overwrite starts again",
        )
    if start == "overwrite" or plan.folder.exists():
        return
    mapping = [plan.mapping] if plan.mapping and plan.mapping.exists() else []
    for path in [*([] if plan.stream else plan.outputs.existing), *mapping]:
        raise TaggingError(
            "this output exists",
            place=str(path),
            expected="a name that is not in use",
            hint="--overwrite replaces it",
        )


@checked
def redact_files(
    redactor: Redactor,
    inputs: str | Path | Sequence[str | Path],
    output: str | Path | BinaryIO,
    *,
    mapping: str | Path | None = None,
    options: TaggingOptions | None = None,
    listener: Listener | None = None,
) -> RedactionSummary:
    """Writes files without the names that a tagger finds; all else keeps its bytes.

    The thresholds of the redactor's tagger say what is replaced. Records that fail are in no
    output.

    Args:
        redactor: Says what becomes of the names. Its key, if it has one, encrypts the mapping.
        inputs: As for `tag_files`.
        output: A file for one file, a folder for anything else, or a stream of bytes; failures then
            go to standard error.
        mapping: A file for what stood where, with which `restore_files` restores the texts. Only
            its owner can read it.
        options: How the inputs are read and tagged; by default `TaggingOptions()`.
        listener: Receives the progress.

    Returns:
        What was replaced, what was left, and what failed.

    Raises:
        NerineError: As `plan_redaction` does, or if files cannot be written.
    """
    return plan_redaction(inputs, output, mapping=mapping, options=options).run(redactor, listener)
