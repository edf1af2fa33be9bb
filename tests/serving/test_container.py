"""The steps of the container file, run without a container.

In a clean environment, as an ordinary user, with a root and a home that cannot be written to.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from nerine.model.tagger import Tagger
from places import ROOT
from processes import PATIENCE, ServerProcess, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="becomes another user, as root may"
    ),
]

TEXT = "Mira Okonjo left Tandem Labs for Lisbon."


class Instruction(NamedTuple):
    name: str
    rest: str


def instructions() -> Iterator[Instruction]:
    """The instructions of the container file."""
    text = (ROOT / "packaging/Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.M).replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, rest = line.partition(" ")
        yield Instruction(name, rest.strip())


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    """A folder that every user may read, in the place of an image's root."""
    folder = Path("/var/tmp") / f"nerine-image-{os.getpid()}"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def environment(base: Path) -> dict[str, str]:
    """Builds the image's files in `base`; the environment that the image sets."""
    place, stage = base, ""
    found: dict[str, str] = {}
    for name, rest in instructions():
        match name:
            case "FROM":
                stage = "build" if rest.endswith("AS build") else "run"
            case "WORKDIR":
                place = base / rest.lstrip("/")
                place.mkdir(parents=True, exist_ok=True)
            case "COPY" if stage == "build":
                *sources, target = rest.split()
                for source in sources:
                    copy(ROOT / source, place / target / ("" if source == target else source))
            case "RUN":
                step(rest.replace("/opt/", f"{base}/opt/"), place)
            case "ENV":
                pairs = (pair.partition("=") for pair in shlex.split(rest))
                found |= {key: value for key, _, value in pairs}
            case "COPY" | "ARG" | "USER" | "EXPOSE" | "HEALTHCHECK" | "ENTRYPOINT":
                pass
            case _:
                pytest.fail(f"the test does not know {name}")
    found["PATH"] = (
        found["PATH"]
        .replace("/opt/", f"{base}/opt/")
        .replace("$PATH", "/usr/local/bin:/usr/bin:/bin")
    )
    return found


def copy(source: Path, target: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    if source.is_dir():
        shutil.copytree(source, target.parent / source.name, ignore=ignored, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def step(command: str, folder: Path) -> None:
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    clean |= {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
    command = re.sub(r"^python3(?= )", shlex.quote(sys.executable), command)
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=clean, capture_output=True, text=True, check=False
    )
    if "pip install" in command and re.search("Could not find|Temporary failure", done.stderr):
        pytest.skip("needs a package index")
    assert done.returncode == 0, (command, done.stderr)


def one(name: str) -> str:
    return next(rest for each, rest in instructions() if each == name)


@pytest.mark.timeout(1800)
def test_the_image_serves_as_an_ordinary_user_who_can_write_nothing(
    base: Path, environment: dict[str, str], onnx_checkpoint: Path
) -> None:
    shutil.copytree(onnx_checkpoint, base / "model")
    (base / "model/model.safetensors").chmod(0o644)
    subprocess.run(["chmod", "-R", "a+rX", str(base)], check=True)
    user, _, group = one("USER").partition(":")
    settings = {
        **environment,
        "NERINE_SERVE_CHECKPOINTS": str(base / "model"),
        "NERINE_SERVE_HOST": "127.0.0.1",
        "NERINE_SERVE_PORT": "0",
        "NERINE_KEY": "sesame",
    }
    words = [shutil.which("nerine", path=settings["PATH"]) or "nerine"]
    words += json.loads(one("ENTRYPOINT"))[1:]
    as_user = (
        f"{opened(base)}mount -o remount,bind,ro / && "
        f"cd / && ! touch /tmp/written 2> /dev/null && exec setpriv --reuid {user} --regid {group} "
        f"--clear-groups --no-new-privs env -i {quoted(settings)} {shlex.join(words)}"
    )
    python = ["-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"]
    with ServerProcess(*python, "unshare", "--mount", "bash", "-c", as_user) as server:
        pid = server.process.pid
        status = Path(f"/proc/{pid}/status").read_text()
        assert re.search(rf"^Uid:\s+{user}\s", status, re.M)
        assert re.search(r"^CapEff:\s+0+$", status, re.M)
        assert json.loads(server.line)["address"] == server.url

        answer = httpx.post(
            f"{server.url}/tag",
            json={"documents": [TEXT]},
            headers={"X-Api-Key": "sesame"},
            timeout=PATIENCE,
        )
        found = [
            (each["start"], each["end"], each["label"])
            for each in answer.json()["documents"][0]["entities"]
        ]
        expected = Tagger.load(onnx_checkpoint)(TEXT).entities
        assert found == [(each.start, each.end, each.label) for each in expected]
        libraries = Path(f"/proc/{pid}/maps").read_text()
        assert "onnxruntime" in libraries
        assert "torch" not in libraries

        _, _, check = one("HEALTHCHECK").partition("CMD ")
        checked = {**settings, "NERINE_SERVE_PORT": server.url.rpartition(":")[2]}
        assert healthy(check, checked)
        server.send(signal.SIGTERM)
        assert server.ended() == 0
        until(lambda: not healthy(check, checked), "the health check fails")
        assert "Read-only" not in server.log


def opened(base: Path) -> str:
    """Commands that let other users read an interpreter in a folder such as `/root`."""
    python = Path(sys.base_prefix)
    private = [each for each in (*reversed(python.parents), python) if not each.stat().st_mode & 1]
    if not private:
        return ""
    aside = base / "python"
    aside.mkdir()
    steps = (
        f"mount --bind {python} {aside}",
        f"mount -t tmpfs -o mode=755 tmpfs {private[0]}",
        f"mkdir -p {python}",
        f"mount --bind {aside} {python}",
        f"mount -o remount,ro {private[0]}",
    )
    return "".join(f"{step} && " for step in steps)


def quoted(values: dict[str, str]) -> str:
    return " ".join(shlex.quote(f"{key}={value}") for key, value in values.items())


def healthy(check: str, environment: dict[str, str]) -> bool:
    done = subprocess.run(json.loads(check), env=environment, capture_output=True, check=False)
    return done.returncode == 0
