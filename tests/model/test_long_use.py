"""A process that predicts for a long time needs no more memory, threads or open files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_CALLS, _BEFORE = 100_000, 5_000
_PROGRAM = """\
import gc, json, os, sys
import nerine

TEXTS = ["Mira left Lisbon.", "Nobody was there.", "In Oslo it rains, said Ana. " * 5, "Søren 😀"]


def in_use():
    gc.collect()
    pages = int(open("/proc/self/statm").read().split()[1])
    threads, files = (len(os.listdir(f"/proc/self/{each}")) for each in ("task", "fd"))
    return {"memory": pages * os.sysconf("SC_PAGESIZE"), "threads": threads, "files": files}


def predict(tagger, calls):
    for call in range(calls):
        found = tagger.predict([f"{TEXTS[call % 4]} {call}", *TEXTS[: call % 3]])
        assert len(found) == 1 + call % 3


tagger = nerine.Tagger.load(sys.argv[1], backend=sys.argv[2], device="cpu", threads=1)
predict(tagger, int(sys.argv[4]))
before = in_use()
predict(tagger, int(sys.argv[3]))
print(json.dumps([before, in_use()]))
"""
_ALLOWED = 8 * 1024 * 1024
"""Bytes that the allocator may keep; a leak of 100 bytes a call would be more."""


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("backend", ["pytorch", "onnx-fp32"])
def test_many_predictions_leave_the_process_as_it_was(backend: str, onnx_checkpoint: Path) -> None:
    command = [sys.executable, "-c", _PROGRAM, str(onnx_checkpoint), backend]
    ran = subprocess.run(
        [*command, str(_CALLS), str(_BEFORE)], capture_output=True, text=True, check=True
    )
    before, after = json.loads(ran.stdout)
    assert after["threads"] == before["threads"]
    assert after["files"] == before["files"]
    assert after["memory"] - before["memory"] < _ALLOWED, (before, after)
