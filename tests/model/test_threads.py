"""The number of threads: stated, or by the CPUs that the process and its container may use."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from nerine.cli import main
from nerine.core.errors import SettingsError
from nerine.model.backends import hardware
from nerine.model.backends.cgroups import cpu_quota
from nerine.model.backends.pytorch import use_threads
from nerine.model.tagger import Tagger

V2 = "30 23 0:26 {root} {mount} rw,relatime shared:4 - cgroup2 cgroup rw"
V1 = "33 32 0:30 {root} {mount} rw,relatime - cgroup cgroup rw,cpu,cpuacct"
MEMORY = "35 32 0:32 / {mount}-memory rw,relatime - cgroup cgroup rw,memory"
QUOTA, PERIOD = "cpu.cfs_quota_us", "cpu.cfs_period_us"


def in_group(
    base: Path, lines: str, mounts: str, files: Mapping[str, str], root: str = "/"
) -> float | None:
    """The quota of a process in such groups, with files below the mount."""
    process, mount = base / "proc", base / "groups"
    for name, content in files.items():
        (mount / name).parent.mkdir(parents=True, exist_ok=True)
        (mount / name).write_text(f"{content}\n")
    process.mkdir()
    (process / "cgroup").write_text(f"{lines}\n")
    (process / "mountinfo").write_text(f"{mounts.format(root=root, mount=mount)}\n")
    return cpu_quota(process)


@pytest.mark.parametrize(
    ("content", "quota"),
    [("200000 100000", 2.0), ("150000 100000", 1.5), ("50000 100000", 0.5), ("max 100000", None)],
)
def test_a_container_of_version_2_sees_its_own_group(
    tmp_path: Path, content: str, quota: float | None
) -> None:
    assert in_group(tmp_path, "0::/", V2, {"cpu.max": content}) == quota


def test_the_least_of_a_group_and_those_around_it_counts(tmp_path: Path) -> None:
    files = {
        "cpu.max": "max 100000",
        "pods/cpu.max": "300000 100000",
        "pods/one/cpu.max": "max 100000",
        "pods/other/cpu.max": "100000 100000",
    }
    assert in_group(tmp_path, "0::/pods/one", V2, files) == 3.0


@pytest.mark.parametrize(
    ("values", "quota"),
    [(("150000", "100000"), 1.5), (("-1", "100000"), None), (("0", "0"), None), (("", ""), None)],
)
def test_version_1_has_two_files(
    tmp_path: Path, values: tuple[str, str], quota: float | None
) -> None:
    files = dict(zip((QUOTA, PERIOD), values, strict=True))
    lines = "5:memory:/docker/a1\n4:cpu,cpuacct:/docker/a1"
    mounts = f"{MEMORY}\n{V1}"
    # in a container the mount begins at its own group
    assert in_group(tmp_path, lines, mounts, files, root="/docker/a1") == quota


def test_version_1_on_the_host_has_the_group_below_the_mount(tmp_path: Path) -> None:
    files = {f"slice/{QUOTA}": "400000", f"slice/{PERIOD}": "100000", QUOTA: "-1", PERIOD: "100000"}
    assert in_group(tmp_path, "4:cpu,cpuacct:/slice\n0::/user", V1, files) == 4.0


def test_a_group_outside_of_the_mount_is_that_of_the_mount(tmp_path: Path) -> None:
    assert in_group(tmp_path, "0::/../../x", V2, {"cpu.max": "200000 100000"}, "/pod") == 2.0


def test_other_mounts_may_have_no_source(tmp_path: Path) -> None:
    mounts = f"31 30 0:27 / /tmp rw,relatime - tmpfs  rw\n{V2}"
    assert in_group(tmp_path, "0::/", mounts, {"cpu.max": "200000 100000"}) == 2.0


def test_without_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process with four CPUs and no settings, which has not imported torch."""
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.delenv("NERINE_THREADS", raising=False)
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(hardware, "_TOPOLOGY", "/nowhere/{}")
    monkeypatch.setattr(hardware, "cpu_quota", lambda: None)
    return monkeypatch


@pytest.mark.parametrize(
    ("quota", "threads"), [(None, 4), (2.0, 2), (1.5, 2), (0.5, 1), (8.0, 4), (0.01, 1)]
)
def test_a_part_of_a_cpu_counts_as_one(
    plain: pytest.MonkeyPatch, quota: float | None, threads: int
) -> None:
    plain.setattr(hardware, "cpu_quota", lambda: quota)
    assert hardware.available_cpus() == threads
    assert hardware.number_of_threads() == threads


def test_what_is_stated_comes_first(plain: pytest.MonkeyPatch) -> None:
    plain.setattr(hardware, "cpu_quota", lambda: 2.0)
    plain.setenv("OMP_NUM_THREADS", "3")
    assert hardware.number_of_threads() == 3
    plain.setenv("NERINE_THREADS", "5")
    assert hardware.number_of_threads() == 5
    assert hardware.number_of_threads(7) == 7


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5", "²"])
def test_a_wrong_number_in_the_environment_is_an_error(
    plain: pytest.MonkeyPatch, wrong: str
) -> None:
    plain.setenv("NERINE_THREADS", wrong)
    with pytest.raises(SettingsError, match="is not a number of threads") as caught:
        hardware.number_of_threads()
    assert caught.value.place == "NERINE_THREADS"
    plain.setenv("NERINE_THREADS", "")  # as good as not set
    assert hardware.number_of_threads() == 4


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True])
def test_a_wrong_argument_is_an_error(onnx_checkpoint: Path, wrong: int) -> None:
    with pytest.raises(SettingsError) as caught:
        Tagger.load(onnx_checkpoint, device="cpu", threads=wrong)
    assert caught.value.place == "threads"


def test_all_backends_take_the_stated_number(
    onnx_checkpoint: Path, torch_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Tagger.load(onnx_checkpoint, device="cpu", threads=3).inference.backend.workers == 3
    assert torch.get_num_threads() == torch_threads
    Tagger.load(onnx_checkpoint, device="cpu", backend="pytorch", threads=3)
    assert torch.get_num_threads() == 3
    monkeypatch.setenv("NERINE_THREADS", "2")
    assert Tagger.load(onnx_checkpoint, device="cpu").inference.backend.workers == 2
    Tagger.load(onnx_checkpoint, device="cpu", backend="pytorch")
    assert torch.get_num_threads() == 2


def test_torch_has_no_more_threads_than_the_container_has_cpus(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.set_num_threads(8)
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(hardware, "cpu_quota", lambda: 1.0)
    use_threads()
    assert torch.get_num_threads() == 1


def test_a_model_runs_with_the_threads_of_the_caller(onnx_checkpoint: Path) -> None:
    tagger = Tagger.load(onnx_checkpoint, device="cpu", backend="pytorch")
    seen: list[int] = []
    watch = tagger.inference.backend.module.register_forward_pre_hook(  # type: ignore[attr-defined]
        lambda *_: seen.append(torch.get_num_threads())
    )
    for number in (2, 1, 3):
        torch.set_num_threads(number)
        tagger("Mira left.")
    watch.remove()
    assert seen == [2, 1, 3]


def test_the_command_line_takes_the_number(
    onnx_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    load = Tagger.load

    def watched(*arguments: object, **options: object) -> Tagger:
        asked.append(options["threads"])
        return load(*arguments, **options)  # type: ignore[arg-type] # as they came

    monkeypatch.setattr(Tagger, "load", watched)
    for given in (["--threads", "2"], []):
        command = ["predict", str(onnx_checkpoint), "Mira left Oslo.", *given]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
    assert asked == [2, None]
    result = CliRunner().invoke(main, ["predict", str(onnx_checkpoint), "Mira", "--threads", "0"])
    assert result.exit_code == 2


def test_onnx_runtime_sends_nothing_and_starts_no_thread() -> None:
    code = (
        "import os\n"
        "import numpy\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "import nerine.model.backends.onnx\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'], len(os.listdir('/proc/self/task')) - before)\n"
    )
    if not Path("/proc/self/task").is_dir():
        pytest.skip("needs Linux's list of threads")
    variables = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert done.stdout.strip() == "1 0", done.stderr
