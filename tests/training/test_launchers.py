"""`nerine train` in several processes, as torchrun, accelerate and itself start it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from curves import EXACT, Listener, assert_same_records, children
from nerine.core.errors import DivergenceError
from nerine.evaluation.epochs import EpochRecord, read_epochs
from nerine.training.seeds import train_seeds
from nerine.training.states import States
from nerine.training.train import train
from processes import PATIENCE, lives, until
from runs import small_run, write_corpus

pytestmark = pytest.mark.slow

TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ACCELERATE = (
    *("accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"),
    *("--mixed_precision", "no", "--dynamo_backend", "no"),
)
SETTINGS: dict[str, Any] = {
    "batch_size": 4,
    "learning_rate": 1e-2,
    "seed": 5,
    "max_length": 64,
    "overlap": 8,
    **EXACT,
}


@pytest.fixture(scope="module")
def place(encoder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus and an encoder."""
    folder = tmp_path_factory.mktemp("place")
    write_corpus(folder / "corpus")
    (folder / "encoder").symlink_to(encoder_of("bert"))
    return folder


def alone(place: Path, output: Path, **changes: Any) -> Sequence[EpochRecord]:
    """The validations of a run of one process."""
    given = {**SETTINGS, "encoder": str(place / "encoder"), **changes}
    return train(str(place / "corpus"), output=output, **given).epochs


def arguments(place: Path, output: Path, **changes: Any) -> list[str]:
    """`nerine train` with these settings, after Python's own name."""
    given = {**SETTINGS, "encoder": place / "encoder", **changes}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    return ["-m", "nerine", "train", str(place / "corpus"), "-o", str(output), *flags]


class Started:
    """A command line in the background, whose two streams are kept."""

    def __init__(self, *words: str, folder: Path) -> None:
        self._files = [folder / "stdout", folder / "stderr"]
        with self._files[0].open("w") as out, self._files[1].open("w") as err:
            self.process = subprocess.Popen([sys.executable, *words], stdout=out, stderr=err)

    @property
    def workers(self) -> list[int]:
        """Its processes that train."""
        return children(self.process.pid)

    def ended(self) -> tuple[int, str, str]:
        """Its exit code and what it has written, once it and all its processes have ended."""
        workers = self.workers
        code = self.process.wait(PATIENCE)
        until(lambda: not any(map(lives, workers)), "an end of all processes")
        out, err = (file.read_text() for file in self._files)
        return code, out, err


def trains(output: Path) -> None:
    """Waits until the run has saved a state."""
    until(States(output).steps, "a state")


def epochs_of(output: Path) -> Sequence[EpochRecord]:
    records = read_epochs(output)
    assert records
    return records


@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_a_launcher_starts_a_run_with_the_curve_of_one_process(
    launcher: tuple[str, ...], place: Path, tmp_path: Path
) -> None:
    given = ["-m", *launcher, *arguments(place, tmp_path / "run", epochs=3)]
    code, out, err = Started(*given, folder=tmp_path).ended()
    assert code == 0, err
    assert out.count("the checkpoint is in") == 1
    assert_same_records(epochs_of(tmp_path / "run"), alone(place, tmp_path / "alone", epochs=3))


@pytest.mark.parametrize(
    ("name", "to"), [("SIGINT", "launcher"), ("SIGTERM", "launcher"), ("SIGTERM", "worker")]
)
def test_a_signal_to_torchrun_saves_the_state_and_other_processes_resume(
    name: str, to: str, place: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"epochs": 25}
    run = tmp_path / "run"
    started = Started("-m", *TORCHRUN, *arguments(place, run, **given), folder=tmp_path)
    trains(run)
    pid = started.process.pid if to == "launcher" else started.workers[1]
    os.kill(pid, getattr(signal, name))
    code, _, err = started.ended()
    assert code == 1, err
    assert err.count(f"stopped by {name}; the state was saved") == 1
    step, damaged = States(run).newest_complete()
    assert step
    assert not damaged
    again = Listener()
    resumed = train(
        str(place / "corpus"),
        output=run,
        encoder=str(place / "encoder"),
        processes=3,
        resume=True,
        listener=again,
        **SETTINGS,
        **given,
    )
    assert again.begun == [(step, 150)]
    assert_same_records(resumed.epochs, alone(place, tmp_path / "alone", **given))


def started_in_two(place: Path, run: Path) -> tuple[list[str], Started]:
    """The words of a command that trains in two processes, and the command once it has begun."""
    given = [*arguments(place, run, epochs=20), "--processes", "2"]
    started = Started(*given, folder=run.parent)
    trains(run)
    return given, started


def test_a_signal_to_the_command_saves_the_state_and_its_hint_resumes(
    place: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    _, started = started_in_two(place, run)
    started.process.send_signal(signal.SIGINT)
    code, out, err = started.ended()
    assert (code, "kept" in out) == (1, False)
    assert err.startswith("stopped by SIGINT; the state was saved\nresume with: nerine ")
    words = shlex.split(err.splitlines()[1].partition("nerine ")[2])
    assert words[-1] == "--resume"
    assert words[words.index("--processes") + 1] == "2"
    code, out, err = Started("-m", "nerine", *words, "--json", folder=tmp_path).ended()
    assert (code, err) == (0, "")
    assert json.loads(out)["interrupted"] is None
    assert_same_records(epochs_of(run), alone(place, tmp_path / "alone", epochs=20))


def test_processes_whose_parent_is_killed_save_the_state_and_end(
    place: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    given, started = started_in_two(place, run)
    workers = started.workers
    started.process.kill()
    until(lambda: not any(map(lives, workers)), "an end of all processes")
    assert started.ended()[0] == -signal.SIGKILL
    found = Started(*given, "--resume", folder=tmp_path).ended()
    assert found[0] == 0, found
    assert_same_records(epochs_of(run), alone(place, tmp_path / "alone", epochs=20))


def test_torchrun_with_a_process_that_is_killed_says_so_once(place: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    started = Started("-m", *TORCHRUN, *arguments(place, run, epochs=200), folder=tmp_path)
    trains(run)
    os.kill(started.workers[1], signal.SIGKILL)
    code, _, err = started.ended()
    assert code == 1
    assert err.count("error: the connection to another process of this training was lost") == 1
    assert States(run).newest_complete()[0]


def test_torchrun_prints_an_error_of_all_processes_once(place: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "file").touch()
    given = ["-m", *TORCHRUN, *arguments(place, run, epochs=3)]
    code, out, err = Started(*given, folder=tmp_path).ended()
    assert (code, out) == (1, "")
    assert err.count("the folder is not empty") == 1
    wrong = ["-m", *TORCHRUN, "-m", "nerine", "train", "nowhere", "-o", str(tmp_path / "other")]
    code, out, err = Started(*wrong, folder=tmp_path).ended()
    assert (code, out) == (1, "")
    assert err.count("error: nowhere") == 1


def test_a_loss_that_is_not_finite_ends_all_with_its_error(
    encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    changes = {"learning_rate": 1e30, "max_gradient_norm": 1e30, "processes": 2}
    with pytest.raises(DivergenceError, match=r"loss is (nan|inf) at step \d+, on .*documents \d+"):
        small_run(tmp_path / "run", encoder_of("bert"), **changes)
    assert children() == []


@pytest.mark.parametrize("delay", [0.0, 1.0])
def test_a_signal_before_the_processes_train_interrupts(
    delay: float, encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    def interrupt() -> None:
        until(lambda: len(children()) == 2, "two processes")
        time.sleep(delay)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        small_run(tmp_path / "run", encoder_of("bert"), processes=2)
    thread.join()
    assert children() == []


def test_random_batches_in_parts_and_more_processes_than_windows_at_the_end(
    encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    given: dict[str, Any] = {
        "batching": "random",
        "batch_size": 5,
        "gradient_accumulation": 2,
        "steps": 9,
        "epochs": None,
        "validate_every": 4,
        **EXACT,
    }
    runs = [
        small_run(tmp_path / f"run-{number}", encoder_of("bert"), processes=number, **given)
        for number in (1, 3)
    ]
    assert_same_records(runs[1].epochs, runs[0].epochs)


def test_seeds_are_trained_by_several_processes(place: Path, tmp_path: Path) -> None:
    given = {**SETTINGS, "encoder": str(place / "encoder"), "epochs": 1}
    groups = [
        train_seeds(str(place / "corpus"), output=tmp_path / f"{n}", seeds=2, processes=n, **given)
        for n in (1, 2)
    ]
    assert groups[1].f1 == groups[0].f1
    for run, other in zip(groups[1].runs, groups[0].runs, strict=True):
        assert_same_records(run.epochs, other.epochs)


def test_a_script_without_a_guard_trains_in_several_processes(place: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    given = {**SETTINGS, "encoder": str(place / "encoder"), "epochs": 2}
    script.write_text(
        "import nerine\n"
        "print('once')\n"
        f"run = nerine.train({str(place / 'corpus')!r}, output={str(tmp_path / 'run')!r}, "
        f"processes=2, **{given!r})\n"
        "print(run.best.f1)\n"
    )
    code, out, err = Started(str(script), folder=tmp_path).ended()
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "once"
    assert float(out.splitlines()[1]) == max(record.f1 for record in epochs_of(tmp_path / "run"))
