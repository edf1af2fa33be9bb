"""Memory and time to the first result, in a process that has done nothing else.

The process is `fresh.py`. It reads what to do from standard input and
writes what it found to standard output, both as JSON.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.model.backends.onnx import ModelFile, OnnxBackend
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.tagger import Tagger

_STATUS = Path("/proc/self/status")
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a variant needs in a process of its own.

    Attributes:
        memory: By how many bytes the peak of resident memory grew while the variant was loaded and
            tagged some texts, above that of the imported libraries; None where the system does not
            say.
        first_result: Seconds from the beginning of loading to the entities of one text, without the
            time to import the libraries.
    """

    memory: int | None
    first_result: float


def tagger_of(checkpoint: Path, file: ModelFile | None, name: str) -> Tagger:
    """The tagger of a checkpoint by PyTorch on the CPU, or by an ONNX model."""
    if file is None:
        return Tagger.load(checkpoint, device="cpu", backend="pytorch")
    backend = OnnxBackend(file, name=name)
    loaded = load_checkpoint(checkpoint, weights=False)
    return Tagger(backend, loaded.tokenizer, loaded.settings)


def measure_afresh(
    checkpoint: Path, file: ModelFile | None, name: str, texts: Sequence[str]
) -> Footprint:
    """The footprint of a variant over `texts`, of which there is at least one."""
    request = {
        "checkpoint": str(checkpoint),
        "file": None if file is None else [str(file.path), file.sha256],
        "name": name,
        "texts": list(texts),
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "nerine.serving.optimization.fresh"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise CheckpointError(
            f"{name} cannot be measured in a process of its own: {last}", place=str(checkpoint)
        )
    return Footprint(**json.loads(done.stdout.splitlines()[-1]))


def _measure(request: dict[str, Any]) -> Footprint:
    file = request["file"] and ModelFile(Path(request["file"][0]), request["file"][1])
    texts = request["texts"]
    before = _peak()
    began = perf_counter()
    tagger = tagger_of(Path(request["checkpoint"]), file, request["name"])
    tagger(texts[0])
    first_result = perf_counter() - began
    tagger.predict(texts)
    after = _peak()
    grown = None if before is None or after is None else after - before
    return Footprint(memory=grown, first_result=first_result)


def _peak() -> int | None:
    """The peak of this process's resident memory, in bytes, where Linux says it.

    What `getrusage` says includes the process that started this one.
    """
    try:
        found = _PEAK.search(_STATUS.read_text(encoding="utf-8"))
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(json.load(sys.stdin)))))
