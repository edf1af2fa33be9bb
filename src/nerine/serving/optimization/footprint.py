"""Memory and time to the first result of a variant, measured in a process of its own.

This module is also that process: it reads a request from standard input and writes the footprint
to standard output, both as JSON.
"""

from __future__ import annotations

import importlib
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
from nerine.model.backends.onnx import OnnxBackend
from nerine.model.backends.saved import ModelFile
from nerine.model.batching import Batching
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.loading.foreign import TagNames
from nerine.model.loading.tokenizer import TokenizerInfo
from nerine.model.loading.usage import Usage
from nerine.model.tagger import Tagger

_STATUS = Path("/proc/self/status")
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


@dataclass(frozen=True, slots=True)
class Footprint:
    """The memory and time that a variant needs in a process of its own.

    Attributes:
        memory: Bytes by which the peak of resident memory grew while the variant was loaded and
            tagged some texts; None where the system does not tell.
        first_result: Seconds from the beginning of loading to the entities of one text, without the
            import of Nerine's modules.
    """

    memory: int | None
    first_result: float


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to run the checkpoint in `folder`: by an ONNX file, or by PyTorch without one.

    `tokenizer` are the facts that `onnx.json` is going to record, and so is `batching`. `scheme`,
    `tags` and `usage` are what its user states, as in `load_checkpoint`.
    """

    name: str
    folder: Path
    file: ModelFile | None = None
    tokenizer: TokenizerInfo | None = None
    batching: Batching | None = None
    scheme: str | None = None
    tags: TagNames | None = None
    usage: Usage | None = None

    def load(self) -> Tagger:
        """The tagger, on the CPU."""
        if self.file is None:
            return Tagger.load(
                self.folder,
                scheme=self.scheme,
                tags=self.tags,
                device="cpu",
                backend=self.name,
                **asdict(self.usage or Usage()),
            )
        backend = OnnxBackend(self.file, name=self.name, batching=self.batching)
        loaded = load_checkpoint(
            self.folder,
            scheme=self.scheme,
            tags=self.tags,
            usage=self.usage,
            weights=False,
            tokenizer=self.tokenizer,
        )
        return Tagger.of(backend, loaded)


def measure_footprint(variant: Variant, texts: Sequence[str]) -> Footprint:
    """The footprint of a variant over `texts`, of which there is at least one."""
    file, tokenizer = variant.file, variant.tokenizer
    request = {
        "name": variant.name,
        "folder": str(variant.folder),
        "file": file and [str(file.path), file.sha256],
        "tokenizer": tokenizer and asdict(tokenizer),
        "batching": variant.batching and asdict(variant.batching),
        "stated": [variant.scheme, variant.tags, variant.usage and asdict(variant.usage)],
        "texts": list(texts),
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "nerine.serving.optimization.footprint"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise CheckpointError(
            f"the footprint of {variant.name} cannot be measured: {last}", place=str(variant.folder)
        )
    return Footprint(**json.loads(done.stdout.splitlines()[-1]))


def _answer(request: dict[str, Any]) -> Footprint:
    """The footprint, measured in this process."""
    file = request["file"] and ModelFile(Path(request["file"][0]), request["file"][1])
    tokenizer = TokenizerInfo.from_dict(request["tokenizer"])
    batching = request["batching"] and Batching.from_dict(request["batching"])
    scheme, tags, usage = request["stated"]
    variant = Variant(
        request["name"],
        Path(request["folder"]),
        file,
        tokenizer,
        batching,
        scheme,
        tags,
        usage and Usage(**usage),
    )
    texts = request["texts"]
    if variant.file is None:  # its libraries are imported by the first checkpoint that is loaded
        importlib.import_module("nerine.model.loading.pretrained")
        importlib.import_module("nerine.model.backends.pytorch")
    before = _peak_memory()
    began = perf_counter()
    tagger = variant.load()
    tagger(texts[0])
    first_result = perf_counter() - began
    tagger.predict(texts)
    after = _peak_memory()
    grown = None if before is None or after is None else after - before
    return Footprint(memory=grown, first_result=first_result)


def _peak_memory() -> int | None:
    """The peak of this process's resident memory, in bytes, by Linux.

    That of `getrusage` includes the process that started this one.
    """
    try:
        found = _PEAK.search(_STATUS.read_text(encoding="utf-8"))
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


if __name__ == "__main__":
    print(json.dumps(asdict(_answer(json.load(sys.stdin)))))
