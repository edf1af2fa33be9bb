"""The environments of the servers: the peers', and one for Nerine without PyTorch.

They are made in `build/` on first use; NERINE_PEERS names another folder. The peers share the
packages of the environment that runs the benchmark (torch and transformers are not installed
twice), and add FastAPI and LitServe. The light environment has `nerine[serve]` alone, from
this checkout.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from bench.panel.environments import FOLDER

ROOT = Path(__file__).parents[2]
PACKAGES = ("fastapi==0.165.0", "litserve==0.2.19")


def peers_python() -> Path:
    """The Python that runs the peers."""
    return _python("serving", PACKAGES, is_sharing=True)


def light_python() -> Path:
    """A Python with Nerine's server and without torch."""
    python = _python("light-serving", ["--editable", f"{ROOT}[serve]"], is_sharing=False)
    found = subprocess.run([python, "-c", "import torch"], check=False, stderr=subprocess.DEVNULL)
    if not found.returncode:
        sys.exit(f"{python} can import torch: remove its environment, and it is made again")
    return python


def _python(name: str, packages: Sequence[str], *, is_sharing: bool) -> Path:
    """The Python of an environment, which is made if it is not there."""
    folder = FOLDER / f"{name}-env"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        if is_sharing:
            own = sysconfig.get_path("purelib", "venv", {"base": str(folder)})
            Path(own, "shared.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
        install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--constraint"]
        subprocess.run([*install, ROOT / "constraints.txt", *packages], check=True)
        ready.touch()
    return python
