"""Peers that need an environment of their own: it is made on first use, and a script runs in it.

The virtual environments are `build/flair-env` and `build/spacy-env`; NERINE_PEERS names another
folder than `build`. torch is installed first, at the version that Nerine is tested with, so that it
is the CPU's build where pip is set to find it.

The script gets a job: the tokens of each split and its entities as ranges of tokens, the folder of
the encoder, the seed and the number of threads. It writes the epoch that was best, the minutes by
the wall clock and of the processor, the versions, and the entities of the validation and the test
split that the `best` model predicts, and those of the `final` one if the peer would keep that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from bench.common import ENCODER
from bench.panel.outcome import Outcome, read_spans, splits
from nerine.data.corpus import Corpus
from nerine.evaluation.metrics import score
from nerine.model.loading.sources import find_source

FOLDER = Path(os.environ.get("NERINE_PEERS", Path(__file__).parents[2] / "build"))
TORCH = "torch==2.13.0"
PACKAGES = {
    "flair": ["flair==0.15.1", "transformers==4.57.6"],  # it needs a transformers before 5
    "spacy": ["spacy==3.8.18", "spacy-transformers==1.4.0"],
}


def peer(name: str) -> Callable[[Corpus, int], Outcome]:
    """A system that the script `NAME_peer.py` trains."""
    return lambda corpus, seed: _run(name, corpus, seed)


def python_of(name: str) -> Path:
    """The Python of a peer's environment, which is made if it is not there."""
    folder = FOLDER / f"{name}-env"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        install: list[str | Path] = [python, "-m", "pip", "install", "--quiet"]
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([*install, TORCH], check=True)
        subprocess.run([*install, TORCH, *PACKAGES[name]], check=True)
        ready.touch()
    return python


def _run(name: str, corpus: Corpus, seed: int) -> Outcome:
    job = {
        "splits": splits(corpus),
        "encoder": str(find_source(ENCODER).folder),
        "seed": seed,
        "threads": torch.get_num_threads(),
    }
    script = Path(__file__).with_name(f"{name}_peer.py")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, file) for file in ("job.json", "result.json")]
        files[0].write_text(json.dumps(job), encoding="utf-8")
        subprocess.run([python_of(name), "-I", script, *files], check=True)
        result = json.loads(files[1].read_text(encoding="utf-8"))
    best = result["spans"]["best"]
    validation = read_spans(corpus.validation, best["validation"])
    predicted = {
        "strict" if kept == "best" else kept: read_spans(corpus.test, spans["test"])
        for kept, spans in result["spans"].items()
    }
    minutes, core_minutes = result["minutes"]
    return Outcome(
        best_epoch=result["best_epoch"],
        validation_f1=score(corpus.validation, validation).overall.f1,
        predicted=predicted,
        minutes=minutes,
        core_minutes=core_minutes,
        versions=result["versions"],
    )
