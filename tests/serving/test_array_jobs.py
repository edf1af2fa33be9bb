"""Jobs that share out a run, as of Slurm and Kubernetes: never wrong, whatever becomes of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from nerine.cli import main
from nerine.core.errors import TaggingError
from nerine.serving.files import TaggingOptions, TaggingSummary, tag_files
from nerine.serving.files.verifying import verify_output
from pages import read_page
from places import ROOT, SUPPORT
from processes import until
from streams import POISON, StubTagger, files_in

SLURM = ROOT / "packaging/tag.slurm"
KUBERNETES = ROOT / "packaging/kubernetes-tag.yaml"
VERIFYING = ROOT / "packaging/kubernetes-verify.yaml"
PAGE = read_page(ROOT / "docs/how-to/many-machines.md")
RECORDS = 120


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Records that make some twenty shards, one of them bad."""
    return write_source(tmp_path / "in.jsonl")


def write_source(path: Path) -> Path:
    lines = [json.dumps({"id": n, "text": f"Mira was in Oslo {n}"}) for n in range(RECORDS)]
    lines[50] = json.dumps({"id": 50, "text": POISON})
    path.write_text("\n".join(lines) + "\n")
    return path


def job(
    source: Path, output: Path, number: int, of: int, tagger: Any = None, **options: Any
) -> TaggingSummary:
    chosen: dict[str, Any] = {"shards": True, "shard_bytes": 250, "share": (number, of), **options}
    return tag_files(tagger or StubTagger(), [source], output, TaggingOptions(**chosen))


def outputs_in(output: Path) -> dict[str, bytes]:
    """The outputs and the failures, without the state of the run."""
    kept = {name: each for name, each in files_in(output).items() if ".tagging" not in name}
    failed = output.with_name(f"{output.name}.failed")
    return {**kept, **{f"failed/{name}": each for name, each in files_in(failed).items()}}


def whole(source: Path) -> dict[str, bytes]:
    """The outputs of one process."""
    output = source.with_name("whole")
    job(source, output, 1, 1)
    return outputs_in(output)


def assert_whole(output: Path, source: Path) -> None:
    found = verify_output(output)
    assert found.is_whole, found.problems
    assert (found.documents, found.failures) == (RECORDS, 1)
    assert outputs_in(output) == whole(source)


# -- jobs that start at the same time ------------------------------------------------------------

JOB = """
import json, os, signal, sys, time
from pathlib import Path
source, output, number, of, support, kills = sys.argv[1:]
sys.path.insert(0, support)
from streams import StubTagger
from nerine.serving.files import TaggingOptions, plan, tag_files

folder = Path(output).parent
plans = plan.plan_shards

def plan_shards(*arguments):
    with (folder / "plans").open("a") as notes:
        notes.write(f"{number}\\n")
    time.sleep(0.3)
    if number == kills:
        os.kill(os.getpid(), signal.SIGKILL)
    return plans(*arguments)

plan.plan_shards = plan_shards
(folder / f"ready-{number}").touch()
while not (folder / "go").exists():
    time.sleep(0.001)
options = TaggingOptions(shards=True, shard_bytes=250, share=(int(number), int(of)))
summary = tag_files(StubTagger(), [source], output, options)
print(json.dumps(summary.to_dict()))
"""


def start(
    source: Path, output: Path, number: int, of: int, kills: int = 0
) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", JOB, source, output, number, of, SUPPORT, kills]
    return subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True)


def ready(output: Path, numbers: Iterable[int]) -> Callable[[], bool]:
    return lambda: all(output.with_name(f"ready-{number}").exists() for number in numbers)


def test_of_jobs_that_start_at_the_same_moment_one_plans(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    jobs = [start(source, output, number, 3) for number in (1, 2, 3)]
    until(ready(output, (1, 2, 3)), "all jobs are ready")
    (tmp_path / "go").touch()
    summaries = [json.loads(each.communicate()[0]) for each in jobs]
    assert len((tmp_path / "plans").read_text().split()) == 1
    assert sum(each["documents"] for each in summaries) == RECORDS
    assert sum(each["shards"][0] for each in summaries) == summaries[0]["shards"][1]
    assert_whole(output, source)


def test_a_job_that_is_killed_while_it_plans_is_followed_by_another(
    tmp_path: Path, source: Path
) -> None:
    output = tmp_path / "out"
    first = start(source, output, 1, 2, kills=1)
    (tmp_path / "go").touch()
    until((tmp_path / "plans").exists, "the first job plans")
    other = start(source, output, 2, 2)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert json.loads(other.communicate()[0])["shards"][0] > 0
    assert (tmp_path / "plans").read_text().split() == ["1", "2"]
    found = verify_output(output)
    assert (found.problems, found.done < found.shards) == ((), True)
    job(source, output, 1, 2)
    assert_whole(output, source)


def test_a_planner_that_is_gone_with_its_machine_is_waited_for_until_its_lease_expires(
    tmp_path: Path, source: Path
) -> None:
    output = tmp_path / "out"
    lease = output / ".tagging" / "lease" / "000001"
    lease.parent.mkdir(parents=True)
    lease.write_text(json.dumps({"host": "gone", "pid": 1, "machine": "another"}))
    done: list[TaggingSummary] = []
    waiting = threading.Thread(target=lambda: done.append(job(source, output, 1, 1)))
    waiting.start()
    waiting.join(1.5)
    assert waiting.is_alive()
    assert not (output / ".tagging" / "fingerprint").exists()
    os.utime(lease, (time.time() - 120,) * 2)
    waiting.join(60)
    assert done
    assert_whole(output, source)


# -- jobs that overlap ---------------------------------------------------------------------------


def test_a_job_that_runs_twice_at_once_is_harmless(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    with ThreadPoolExecutor(3) as pool:
        twice = [*pool.map(lambda number: job(source, output, number, 2), (1, 1, 2))]
    assert twice[0].documents == twice[1].documents
    assert_whole(output, source)
    again = job(source, output, 1, 2)  # a job that is sent again, when all is done
    assert (again.tagged_now, again.documents) == (0, twice[0].documents)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 6).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of)))))
def test_shares_of_different_numbers_do_work_twice_or_not_at_all_and_verify_tells(
    tmp_path_factory: pytest.TempPathFactory, shares: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("mixed")
    source, output = write_source(folder / "in.jsonl"), folder / "out"
    expected = whole(source)
    numbers = set()
    for number, of in shares:
        done, count = job(source, output, number, of).shards or (0, 0)
        assert done == len(range(number - 1, count, of))
        numbers |= {*range(number - 1, count, of)}
    if shares:
        found = verify_output(output)
        assert (found.done, found.problems) == (len(numbers), ())
        assert found.is_whole == (len(numbers) == found.shards)
    outputs = outputs_in(output)
    assert outputs == {name: expected[name] for name in outputs}
    job(source, output, 1, 1)
    assert outputs_in(output) == expected


def test_there_may_be_more_jobs_than_shards(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    summary = job(source, output, 90, 90)
    assert (summary.documents, summary.shards is not None) == (0, True)
    job(source, output, 1, 1)
    assert_whole(output, source)


class Overtaken(StubTagger):
    """While it tags its first text, another process completes the run, and tidies up."""

    def __init__(self, source: Path, output: Path) -> None:
        self._places: tuple[Path, Path] | None = (source, output)

    def pipe_with_errors(self, texts: Any) -> Any:
        for each in super().pipe_with_errors(texts):
            if self._places:
                source, output = self._places
                self._places = None
                job(source, output, 1, 1, share=None, start="resume")
            yield each


def test_a_job_that_is_overtaken_ends_well(tmp_path: Path, source: Path) -> None:
    output = tmp_path / "out"
    job(source, output, 3, 3)
    job(source, output, 1, 3, Overtaken(source, output))
    assert_whole(output, source)
    assert not [*(output / ".tagging").glob("work/*")]


def test_another_run_in_the_folder_is_refused_with_a_hint_that_works(
    tmp_path: Path, source: Path
) -> None:
    output = tmp_path / "out"
    job(source, output, 1, 2)
    before = files_in(output)
    with pytest.raises(TaggingError, match="the settings changed") as caught:
        job(source, output, 2, 2, compact=True)
    assert "overwrite" not in str(caught.value)  # jobs can't
    assert "--threads" in (caught.value.hint or "")
    assert files_in(output) == before
    job(source, output, 2, 2)
    assert_whole(output, source)
    job(source, tmp_path / "other", 2, 2, compact=True)


@pytest.mark.parametrize("name", ["run.json", "shards.jsonl"])
def test_the_hint_of_a_damaged_run_works(tmp_path: Path, source: Path, name: str) -> None:
    output = tmp_path / "out"
    job(source, output, 1, 2)
    (output / ".tagging" / name).write_text("{}")
    for options in ({}, {"share": None, "start": "overwrite"}):
        with pytest.raises(TaggingError) as caught:
            job(source, output, 1, 2, **options)
        assert "delete this folder and that of the failures" in (caught.value.hint or "")
    shutil.rmtree(output)
    shutil.rmtree(f"{output}.failed", ignore_errors=True)
    job(source, output, 1, 1)
    assert_whole(output, source)


# -- the command -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "code"), [([], 1), (["--allow-failures"], 0)])
def test_failed_records_need_not_fail_a_job(
    onnx_checkpoint: Path, tmp_path: Path, options: list[str], code: int
) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "Mira left."}\n{"text": 5}\n')
    command = ["tag", str(onnx_checkpoint), str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(main, [*command, "--shard", "1/1", *options])
    assert result.exit_code == code, result.output
    assert verify_output(tmp_path / "out").failures == 1


# -- the files for schedulers ----------------------------------------------------------------------


def programs(folder: Path, nerine: str, **others: str) -> dict[str, str]:
    """Variables with which a shell finds these programs, `nerine` among them, made in `folder`."""
    folder.mkdir()
    for name, text in {"nerine": nerine, **others}.items():
        (folder / name).write_text(f"#!/bin/bash\n{text}\n")
        (folder / name).chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


NOTES = r"""printf '%s\0' "$@" > "$(mktemp "$NOTES/XXXXXX")" """
REAL = f'exec {sys.executable} -m nerine "$@"'
SRUN = """while [[ $1 == --* ]]; do shift; done; exec "$@" """


def slurm(number: int) -> dict[str, str]:
    """What Slurm sets for a job of an array."""
    return {
        "SLURM_ARRAY_JOB_ID": "4711",
        "SLURM_ARRAY_TASK_ID": str(number),
        "SLURM_CPUS_PER_TASK": "1",
    }


def slurm_options() -> dict[str, str]:
    """The options for sbatch in the script."""
    found = re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", SLURM.read_text(), flags=re.M)
    assert len(found) == SLURM.read_text().count("\n#SBATCH")
    return dict(found)


def shares_of(notes: Path) -> list[tuple[int, int]]:
    """The shares of the noted commands, which click reads."""
    tag = main.get_command(None, "tag")  # type: ignore[arg-type] # our group takes no context
    assert tag is not None
    found = []
    for path in notes.iterdir():
        called, *arguments = path.read_text().split("\0")[:-1]
        assert called == "tag"
        with tag.make_context("tag", arguments) as context:
            assert context.params["allow_failures"]
            found.append(context.params["share"])
    return sorted(found)


def test_the_jobs_of_slurm_are_all_shares(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    base = programs(tmp_path / "bin", NOTES, srun=SRUN) | {"NOTES": str(tmp_path / "notes")}
    first, last = map(int, slurm_options()["array"].split("-"))
    for number in range(first, last + 1):
        command = ["bash", str(SLURM), "runs/wnut", "posts/", "tagged/"]
        subprocess.run(command, env=base | slurm(number), check=True)
    assert shares_of(tmp_path / "notes") == [(number, 64) for number in range(1, 65)]


def test_the_script_for_slurm_is_sound(tmp_path: Path) -> None:
    subprocess.run(["bash", "-n", str(SLURM)], check=True)
    assert {"requeue", "signal", "cpus-per-task"} <= set(slurm_options())
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(SLURM)], check=True)


def small(script: str) -> str:
    """A script that makes small shards."""
    return script.replace("--allow-failures", "--allow-failures --shard-size 0.001")


def ran(commands: Iterable[list[str]], environments: Iterable[Mapping[str, str]]) -> list[int]:
    """The exit codes of programs that run at the same time."""
    pairs = zip(commands, environments, strict=True)
    running = [subprocess.Popen(command, env=dict(variables)) for command, variables in pairs]
    return [each.wait() for each in running]


@pytest.mark.timeout(300)
def test_all_jobs_of_slurm_together_make_a_whole_output(
    onnx_checkpoint: Path, tmp_path: Path, source: Path
) -> None:
    base, output = programs(tmp_path / "bin", REAL, srun=SRUN), tmp_path / "out"
    script = tmp_path / "tag.slurm"
    script.write_text(small(SLURM.read_text()).replace("shares=64", "shares=3"))
    with source.open("a") as stream:
        stream.write("{bad\n")
    command = ["bash", str(script), str(onnx_checkpoint), str(source), str(output)]
    assert ran([command] * 3, [base | slurm(number) for number in (1, 2, 3)]) == [0, 0, 0]
    found = verify_output(output)
    assert (found.is_whole, found.documents, found.failures) == (True, RECORDS + 1, 1)
    assert found.shards > 3


def test_a_job_of_slurm_whose_time_is_up_goes_back_into_the_queue(tmp_path: Path) -> None:
    slow = """trap 'touch "$NOTES/ended"; exit 1' TERM; echo $$ > "$NOTES/began"
while true; do sleep 0.1; done"""
    queue = """echo "$@" > "$NOTES/queue" """
    base = programs(tmp_path / "bin", slow, srun=SRUN, scontrol=queue) | {"NOTES": str(tmp_path)}
    command = ["bash", str(SLURM), "runs/wnut", "posts/", "tagged/"]
    running = subprocess.Popen(command, env=base | slurm(7))
    began = tmp_path / "began"
    until(lambda: began.exists() and began.read_text().endswith("\n"), "the job begins")
    running.send_signal(signal.SIGUSR1)
    running.wait(60)
    assert (tmp_path / "ended").exists()
    assert (tmp_path / "queue").read_text() == "requeue 4711_7\n"


def objects(path: Path) -> list[dict[str, Any]]:
    """The objects of Kubernetes in a file."""
    return [*yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def container(made: dict[str, Any]) -> dict[str, Any]:
    """The one container of a job."""
    (only,) = made["spec"]["template"]["spec"]["containers"]
    return dict(only)


@pytest.mark.parametrize("path", [KUBERNETES, VERIFYING], ids=lambda path: path.name)
def test_kubernetes_takes_the_jobs(path: Path) -> None:
    schemas = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate")
    for made in objects(path):
        schemas.validate(made, "1.33", strict=True)


def test_the_jobs_of_kubernetes_fit_together() -> None:
    claim, tagging = objects(KUBERNETES)
    (verifying,) = objects(VERIFYING)
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert tagging["spec"]["completionMode"] == "Indexed"
    assert tagging["spec"]["backoffLimitPerIndex"] > 0
    for made in (tagging, verifying):
        pod = made["spec"]["template"]["spec"]
        assert (made["apiVersion"], made["kind"]) == ("batch/v1", "Job")
        assert pod["restartPolicy"] == "Never"  # podFailurePolicy needs it
        named = {volume["name"] for volume in pod["volumes"]}
        assert {mount["name"] for mount in container(made)["volumeMounts"]} == named
        assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    rules = tagging["spec"]["podFailurePolicy"]["rules"]
    assert rules[0]["onExitCodes"]["containerName"] == container(tagging)["name"]
    called, *arguments = container(verifying)["command"][1:]
    command = main.get_command(None, called)  # type: ignore[arg-type] # our group takes no context
    assert command is not None
    command.make_context(called, [argument.replace("/data/tagged", ".") for argument in arguments])


def test_the_pods_of_kubernetes_are_all_shares(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    base = programs(tmp_path / "bin", NOTES) | {"NOTES": str(tmp_path / "notes")}
    _, made = objects(KUBERNETES)
    command = [*container(made)["command"], *container(made)["args"]]
    for index in range(made["spec"]["completions"]):
        subprocess.run(command, env=base | {"JOB_COMPLETION_INDEX": str(index)}, check=True)
    assert shares_of(tmp_path / "notes") == [(number, 64) for number in range(1, 65)]


@pytest.mark.timeout(300)
def test_the_pods_of_kubernetes_together_make_a_whole_output(
    onnx_checkpoint: Path, tmp_path: Path, source: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(onnx_checkpoint, data / "runs" / "wnut")
    (data / "posts").mkdir()
    source.rename(data / "posts" / source.name)
    base = programs(tmp_path / "bin", REAL)
    made = container(objects(KUBERNETES)[1])
    (script,) = made["args"]
    script = small(script).replace("/data/", f"{data}/").replace("/64", "/2")
    script = script.replace("--threads 4", "--threads 1")
    indices = [base | {"JOB_COMPLETION_INDEX": str(index)} for index in (0, 1)]
    assert ran([[*made["command"], script]] * 2, indices) == [0, 0]
    found = verify_output(data / "tagged")
    assert found.is_whole
    assert found.shards > 2


@pytest.mark.timeout(300)
def test_the_loop_of_the_manual_makes_a_whole_output(onnx_checkpoint: Path, tmp_path: Path) -> None:
    (loop,) = [block.text for block in PAGE.blocks if block.kind == "bash" and "for " in block.text]
    shutil.copytree(onnx_checkpoint, tmp_path / "runs" / "wnut")
    (tmp_path / "posts").mkdir()
    for name in "abc":
        write_source(tmp_path / "posts" / f"{name}.jsonl")
    variables = programs(tmp_path / "bin", REAL)
    done = subprocess.run(
        ["bash", "-c", loop],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "whole: " in done.stdout
    assert verify_output(tmp_path / "tagged").is_whole
