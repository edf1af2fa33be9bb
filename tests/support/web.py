"""The web folder's JavaScript, a part at a time, in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import nerine
from places import SUPPORT

SCRIPTS = Path(nerine.__file__).parent / "serving/web/browser/nerine"


def in_node(*cases: dict[str, Any]) -> list[Any]:
    """The results of cases, in one process; skips where Node is missing."""
    if shutil.which("node") is None:
        pytest.skip("needs Node: apt-get install nodejs")
    done = subprocess.run(
        ["node", str(SUPPORT / "web_parts.mjs"), str(SCRIPTS)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results: list[Any] = json.loads(done.stdout)
    return results
