"""Installed size, number of packages and cold start of Nerine, with and without PyTorch.

    python -m tools.footprint CHECKPOINT [--full] [--places FOLDER]

Builds the wheel and installs it in a new environment, at the versions of `constraints.txt`:
without extras, and with `--full` in a second one with the extra `train`. CHECKPOINT is a folder
with ONNX models of `nerine optimize`. Each command is started five times, and the median is
printed; the two environments must tag the same texts to the same bytes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).parents[1]
_ROUNDS = 5
_TEXT = "Mira Okonjo left Tandem Labs for Lisbon."
_TEXTS = f"{_TEXT}\n\nIn Kraków it rains, said Søren.\n" + "Who told Ana about New York? " * 200
_ENVIRONMENTS = {"light": "nerine", "full": "nerine[train]"}


def main() -> None:
    """Prints a table, and exits with 1 if the environments tag differently."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint", type=Path)
    options.add_argument("--full", action="store_true", help="also with the extra train")
    options.add_argument("--places", type=Path, help="keep the environments in this folder")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        places = chosen.places or Path(temporary)
        outputs = {
            name: _measured(places / f"venv-{name}", name, chosen.checkpoint.resolve())
            for name in (_ENVIRONMENTS if chosen.full else ["light"])
        }
    if len(set(outputs.values())) > 1:
        sys.exit("the environments tag the same texts to different bytes")


def _measured(place: Path, name: str, checkpoint: Path) -> bytes:
    """Makes an environment and prints its figures; the output of `nerine tag` in it."""
    venv.create(place, with_pip=True, clear=True)
    python = str(place / "bin" / "python")
    wheels = place / "wheels"
    _run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(wheels), str(ROOT))
    wheel = str(next(wheels.glob("nerine-*.whl")))
    before = _size(place)
    pinned = ("--constraint", str(ROOT / "constraints.txt"))
    requirement = wheel + _ENVIRONMENTS[name].removeprefix("nerine")
    _run(python, "-m", "pip", "install", "--quiet", *pinned, requirement)
    listed = _run(python, "-m", "pip", "list", "--format=freeze").decode().splitlines()
    packages = [each for each in listed if not each.startswith(("pip=", "setuptools="))]
    has_torch = any(each.startswith("torch=") for each in packages)
    print(
        f"{name}: {len(packages)} packages, {(_size(place) - before) / 1e6:.0f} MB, "
        f"torch {'installed' if has_torch else 'absent'}"
    )
    for shown, command in {
        "import nerine": ("-c", "import nerine"),
        "nerine score --help": ("-m", "nerine", "score", "--help"),
        "nerine predict CHECKPOINT TEXT": ("-m", "nerine", "predict", str(checkpoint), _TEXT),
    }.items():
        print(f"  {shown}: {_cold_start(python, *command):.2f} s")
    texts, tagged = place / "texts.txt", place / "tagged.jsonl"
    texts.write_text(_TEXTS, encoding="utf-8")
    _run(python, "-m", "nerine", "tag", str(checkpoint), str(texts), "-o", str(tagged))
    return tagged.read_bytes()


def _cold_start(*command: str) -> float:
    """The median of the seconds that a command takes, after a first run that fills the caches."""
    seconds = []
    for _ in range(_ROUNDS + 1):
        began = perf_counter()
        _run(*command)
        seconds.append(perf_counter() - began)
    return median(seconds[1:])


def _run(*command: str) -> bytes:
    """The output of a command that runs outside this environment and this folder."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(  # noqa: S603 - our own commands, without a shell
        command, env=kept, cwd=Path.home(), check=True, stdout=subprocess.PIPE
    ).stdout


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
