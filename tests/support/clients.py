"""Clients of other programs, each in a virtual environment of its own that `make clients` makes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from places import ROOT

SECONDS = 240


def run_client(name: str, script: str, arguments: Any) -> Any:
    """What a script prints as JSON, run in the environment of a client.

    The script gets its arguments as JSON on its input. Skips the test if there is no environment.
    The folder of the environments is `build/clients`, or the one in NERINE_CLIENTS.
    """
    folder = Path(os.environ.get("NERINE_CLIENTS") or ROOT / "build" / "clients")
    python = folder / name / "bin" / "python"
    if not python.exists():
        pytest.skip(f"needs {name} in {folder}: make clients")
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        [str(python), "-c", script],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])
