"""Tagging on a cluster of Ray on this machine: equal bytes, chaos, rates and overhead.

    python -m bench.cluster CHECKPOINT --store results.jsonl [--only PART...]

Each result is a line of the store, and is not measured again: a run that was interrupted continues.
The clusters are of `ray.cluster_utils`: some nodes with a CPU each, next to a head without any.
The texts are the first eight words of WNUT's test sentences, each with a number, in JSON lines.

=========  =====================================================================================
part       what it does
=========  =====================================================================================
equal      200,000 texts in 64 shards on three nodes, against the same by one process
chaos      the same for each of 20 seeds, while workers, nodes and drivers are killed at random
rates      documents a second of one and of two workers, and of a process: one thread each
overhead   a run of about ten minutes on Ray against `nerine tag --processes`, with two workers
driver     planning 100,000 shards, and the memory of a driver that gives them out
=========  =====================================================================================

An output is compared byte for byte with that of one process, verified, and each id counted.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common import machine, wnut
from nerine.serving.files.verifying import verify_output

_WORDS = 8
_SHARDS = 64
_SEEDS = 20
_FEW_MB = 200 << 20
_PARTS = ("equal", "chaos", "rates", "overhead", "driver")
_NODES = 3


@dataclass(frozen=True, slots=True)
class Setting:
    """What all parts share.

    Attributes:
        checkpoint: The checkpoint.
        source: The texts.
        count: How many they are.
        work: The folder for outputs.
    """

    checkpoint: str
    source: Path
    count: int
    work: Path

    @property
    def shard_mib(self) -> float:
        """The size of a shard with which there are 64."""
        return self.source.stat().st_size / _SHARDS / (1 << 20) * 1.0001

    def command(self, output: str, *options: str) -> list[str]:
        """`nerine tag` with one thread for each process or worker."""
        size = ["--shards", "--shard-size", f"{self.shard_mib:.6f}", "--threads", "1"]
        tag = [sys.executable, "-m", "nerine", "tag", self.checkpoint, str(self.source)]
        return [*tag, "-o", str(self.work / output), *size, *options]

    def on_ray(self, output: str, address: str, workers: int, *options: str) -> list[str]:
        """The same on a cluster."""
        ray = ["--on", "ray", "--address", address, "--workers", str(workers)]
        return self.command(output, *ray, *options)


def texts_in(path: Path, count: int) -> Path:
    """A file of so many short texts."""
    texts = itertools.cycle([" ".join(each.text.split()[:_WORDS]) for each in wnut().test])
    with path.open("w", encoding="utf-8") as stream:
        for number, text in zip(range(count), texts, strict=False):
            stream.write(f"{json.dumps({'id': number, 'text': f'{text} {number}'})}\n")
    return path


class Nodes:
    """A cluster on this machine; a context manager.

    Args:
        number: How many nodes with a CPU it has.
    """

    def __init__(self, number: int) -> None:
        from ray.cluster_utils import Cluster

        head = {
            "num_cpus": 0,
            "object_store_memory": _FEW_MB,
            "include_dashboard": False,
            "_system_config": {"health_check_period_ms": 1000},
        }
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes = [self.add() for _ in range(number)]
        self.address = str(self._cluster.address)

    def __enter__(self) -> Nodes:
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.shutdown()

    def add(self) -> Any:
        return self._cluster.add_node(num_cpus=1, object_store_memory=_FEW_MB)

    def kill(self, number: int) -> None:
        """A node dies, and another one takes its place."""
        self._cluster.remove_node(self.nodes[number], allow_graceful=False)
        self.nodes[number] = self.add()

    def workers(self) -> list[int]:
        """The processes of this cluster that tag."""
        raylets = {
            each.process.pid for node in self.nodes for each in node.all_processes.get("raylet", [])
        }
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                if parent in raylets and b"ray::_Worker" in (path / "cmdline").read_bytes():
                    found.append(int(path.name))
        return found


def differences(setting: Setting, output: str, whole: str = "one") -> str:
    """`equal`, or what is wrong with an output."""
    folders = setting.work / output, setting.work / whole
    ours, theirs = (
        {path.name: path.read_bytes() for path in folder.glob("*.jsonl")} for folder in folders
    )
    ids = sorted(json.loads(line)["id"] for data in ours.values() for line in data.splitlines())
    found = verify_output(folders[0])
    if ours == theirs and ids == [*range(setting.count)] and found.is_whole:
        return "equal"
    unlike = sum(ours.get(name) != data for name, data in theirs.items())
    return f"{unlike} files unlike, {len(ids)} ids, verify: {found.problems or found.done}"


def fresh(setting: Setting, output: str) -> None:
    for name in (output, f"{output}.failed"):
        shutil.rmtree(setting.work / name, ignore_errors=True)


def timed(command: list[str]) -> float:
    """The seconds that a command takes; ends the benchmark if it fails."""
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def rate_of(command: list[str]) -> dict[str, float]:
    """The documents a second that a command reports, and the seconds that all of it takes."""
    began = time.monotonic()
    ran = subprocess.run([*command, "--json"], check=True, capture_output=True, text=True)
    return {
        "rate": json.loads(ran.stdout)["documents_per_second"],
        "seconds": json.loads(ran.stdout)["seconds"],
        "whole": round(time.monotonic() - began, 1),
    }


# -- the parts -----------------------------------------------------------------------------------


def alone(setting: Setting) -> None:
    """The output of one process, unless it is there."""
    timed(setting.command("one", "--resume"))


def equal(setting: Setting) -> dict[str, Any]:
    alone(setting)
    fresh(setting, "ray")
    with Nodes(_NODES) as nodes:
        seconds = timed(setting.on_ray("ray", nodes.address, _NODES))
    shards = len([*(setting.work / "ray").glob("*.jsonl")])
    return {"output": differences(setting, "ray"), "shards": shards, "seconds": round(seconds, 1)}


def chaos(setting: Setting, seed: int) -> dict[str, Any]:
    """A run in which something dies every few seconds."""
    alone(setting)
    fresh(setting, "chaos")
    chance = random.Random(seed)
    died = {"workers": 0, "nodes": 0, "drivers": 0}
    began = time.monotonic()
    with Nodes(_NODES) as nodes:
        while True:
            command = setting.on_ray("chaos", nodes.address, _NODES, "--resume")
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=-1) as driver:
                died["drivers"] += _disturb(driver, nodes, chance, died)
                errors = driver.communicate()[1].decode()
            if driver.returncode == 0:
                break
            if driver.returncode > 0:
                return {"output": f"refused: {errors[-300:]}", **died}
    seconds = round(time.monotonic() - began, 1)
    return {"output": differences(setting, "chaos"), **died, "seconds": seconds}


def _disturb(
    driver: subprocess.Popen[bytes], nodes: Nodes, chance: random.Random, died: dict[str, int]
) -> bool:
    """Kills workers and nodes until the driver ends, or is killed; returns whether it was."""
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            driver.wait(chance.uniform(3, 15))
            return False
        kind = chance.choices(["workers", "nodes", "drivers"], [6, 2, 1])[0]
        if kind == "drivers" and died["drivers"] < 3:
            driver.send_signal(signal.SIGKILL)
            return True
        if kind == "nodes" and died["nodes"] < 3:
            nodes.kill(chance.randrange(_NODES))
            died["nodes"] += 1
        elif workers := nodes.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
                died["workers"] += 1


def rates(setting: Setting, workers: int) -> dict[str, Any]:
    """The rate of so many workers; of a process alone if it is 0."""
    fresh(setting, "rates")
    if not workers:
        return {**rate_of(setting.command("rates"))}
    with Nodes(workers) as nodes:
        return {**rate_of(setting.on_ray("rates", nodes.address, workers))}


def overhead(setting: Setting, side: str) -> dict[str, Any]:
    """A run of two processes, or of two workers."""
    fresh(setting, "overhead")
    if side == "processes":
        return {**rate_of(setting.command("overhead", "--processes", "2"))}
    with Nodes(2) as nodes:
        return {**rate_of(setting.on_ray("overhead", nodes.address, 2))}


_DRIVER = """
import json, resource, sys, time
from pathlib import Path
import ray
from nerine import Tagger
from nerine.serving.cluster.driving import Drive
from nerine.serving.cluster.worker import Tagged
from nerine.serving.files import TaggingOptions, plan_tagging
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
checkpoint, source, output, size = sys.argv[1:]
tagger = Tagger.load(checkpoint, device="cpu", threads=1)
found = {"before": resident()}
began = time.monotonic()
plan = plan_tagging([source], output, TaggingOptions(shards=True, shard_bytes=int(size)))
def tag(folder):
    found["planning"] = time.monotonic() - began
    drive = Drive(folder, plan.inputs.files)
    for worker in range(1000):
        drive.scheduler.join(worker, str(worker % 100))
    now = 0.0
    while not drive.scheduler.is_finished:
        now += 1.0
        for (worker, _), work in drive.assign(now):
            drive.ended(worker, now, Tagged(10))
    found["shards"], found["giving out"] = len(folder.shards), time.monotonic() - began
    found["after"] = resident()
    lines = Path("/proc/self/status").read_text().splitlines()  # getrusage has the parent's, too
    found["most"] = next(int(line.split()[1]) for line in lines if "VmHWM" in line) / 1024
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))
    raise SystemExit
plan.run_shards(tag, {})
"""


def driver(setting: Setting) -> dict[str, Any]:
    """Seconds from the beginning, and MiB of resident memory."""
    fresh(setting, "driver")
    size = setting.source.stat().st_size // 100_000
    arguments = [setting.checkpoint, str(setting.source), str(setting.work / "driver"), str(size)]
    command = [sys.executable, "-c", _DRIVER, *arguments]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return {**json.loads(ran.stdout)}


# -- the table -----------------------------------------------------------------------------------


class Store:
    """Results by their names, a line each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.results: dict[str, Any] = {}
        for line in lines:
            with contextlib.suppress(ValueError):  # cut off when it was killed
                self.results.update(json.loads(line))

    def get(self, name: str, measure: Callable[[], dict[str, Any]]) -> Any:
        if name not in self.results:
            self.results[name] = measure()
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(f"{json.dumps({name: self.results[name]})}\n")
        return self.results[name]


def rows(
    setting: Setting, long: Setting, store: Store, parts: list[str], seeds: int
) -> Iterator[str]:
    if "equal" in parts:
        found = store.get("equal", lambda: equal(setting))
        yield f"| {setting.count:,} texts, {found['shards']} shards, {_NODES} nodes | {found} |"
    for seed in range(seeds) if "chaos" in parts else ():
        found = store.get(f"chaos {seed}", lambda seed=seed: chaos(setting, seed))  # type: ignore[misc]
        yield f"| chaos, seed {seed} | {found} |"
    if "rates" in parts:
        measured = [
            store.get(f"rates {n}", lambda n=n: rates(setting, n))  # type: ignore[misc]
            for n in (0, 1, 2)
        ]
        for name, found in zip(("a process", "1 worker", "2 workers"), measured, strict=True):
            yield f"| {name} | {found['rate']:.1f} documents/s, {found['seconds']:.0f} s |"
        yield f"| 2 workers / 1 worker | {measured[2]['rate'] / measured[1]['rate']:.3f} |"
    if "overhead" in parts:
        sides = {
            side: store.get(f"overhead {side}", lambda side=side: overhead(long, side))  # type: ignore[misc]
            for side in ("processes", "ray")
        }
        for side, found in sides.items():
            yield f"| {side}: 2 with a thread each | {found} |"
        for what in ("seconds", "whole"):
            more = sides["ray"][what] / sides["processes"][what] - 1
            yield f"| more time on Ray ({what}) | {more:.2%} |"
    if "driver" in parts:
        yield f"| a driver, in s and MiB | {store.get('driver', lambda: driver(setting))} |"


def main() -> None:
    """Prints one table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint")
    options.add_argument("--store", type=Path, required=True)
    options.add_argument("--only", nargs="+", choices=_PARTS, default=[*_PARTS])
    options.add_argument("--documents", type=int, default=200_000)
    options.add_argument("--long", type=int, default=600_000, help="texts of the part overhead")
    options.add_argument("--seeds", type=int, default=_SEEDS, help="runs of the part chaos")
    options.add_argument("--work", type=Path, help="folder for texts and outputs, kept")
    chosen = options.parse_args()
    with contextlib.ExitStack() as kept:
        work = chosen.work or Path(kept.enter_context(tempfile.TemporaryDirectory()))
        work.mkdir(parents=True, exist_ok=True)

        def setting(count: int) -> Setting:
            path = work / f"{count}.jsonl"
            (work / str(count)).mkdir(exist_ok=True)
            return Setting(
                str(Path(chosen.checkpoint).absolute()),
                path if path.exists() else texts_in(path, count),
                count,
                work / str(count),
            )

        print(machine())
        print("\n| what | result |\n|---|---|")
        store = Store(chosen.store)
        settings = setting(chosen.documents), setting(chosen.long)
        for row in rows(*settings, store, chosen.only, chosen.seeds):
            print(row, flush=True)


if __name__ == "__main__":
    main()
