"""A lease: one holder at a time, whoever is paused or killed at whatever moment."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.errors import TaggingError
from nerine.serving.files import lease as module
from nerine.serving.files.lease import EXPIRES, Holder, Lease, take, try_take

HOUR = 3600


@pytest.fixture(autouse=True)
def _no_renewals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads never renew, so that tests decide when that is done."""
    monkeypatch.setattr(Lease, "_renew_often", lambda lease: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "driver.lease"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def age(folder: Path, seconds: float) -> None:
    """Lets all files of a lease be older than they are."""
    for path in folder.iterdir():
        status = path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - int(seconds * 1e9)))


def is_held(lease: Lease) -> bool:
    lease.renew()
    try:
        lease.check()
    except TaggingError:
        return False
    return True


def test_a_second_process_is_refused_until_the_lease_is_released(folder: Path) -> None:
    with take(folder, "OUT"):
        assert files(folder) == ["000001"]
        age(folder, 7.2)
        with pytest.raises(
            TaggingError, match=r"OUT: another process .* last seen 7 s ago"
        ) as told:
            take(folder, "OUT")
        assert f"process {os.getpid()} on " in str(told.value)
        assert "60 seconds" in str(told.value.hint)
    assert files(folder) == ["000001.free"]
    with take(folder, "OUT") as second:
        assert files(folder) == ["000002"]
        second.check()


def test_an_expired_lease_is_taken_and_its_holder_stops(folder: Path) -> None:
    paused = take(folder, "OUT")
    age(folder, EXPIRES + 1)
    with take(folder, "OUT") as second:
        assert files(folder) == ["000002"]
        assert not is_held(paused)
        with pytest.raises(TaggingError, match=r"OUT: .* lost the lease: it was taken by process"):
            paused.check()
        paused.release()  # which changes nothing
        assert files(folder) == ["000002"]
        assert is_held(second)


def test_a_renewed_lease_does_not_expire(folder: Path) -> None:
    with take(folder, "OUT") as lease:
        age(folder, EXPIRES + 1)
        lease.renew()
        assert isinstance(try_take(folder, "OUT"), Holder)


def test_a_holder_that_slept_looks_before_it_continues(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused = take(folder, "OUT")
    age(folder, EXPIRES + 1)
    with take(folder, "OUT"):
        paused.check()  # it looked a moment ago
        woken = time.monotonic() + EXPIRES
        monkeypatch.setattr("nerine.serving.files.lease.time.monotonic", lambda: woken)
        with pytest.raises(TaggingError, match="lost the lease"):
            paused.check()


def test_the_clock_of_a_machine_does_not_matter(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with take(folder, "OUT"):
        now = time.time()
        for wrong in (-HOUR, HOUR):
            monkeypatch.setattr(time, "time", lambda wrong=wrong: now + wrong)
            assert isinstance(try_take(folder, "OUT"), Holder)


def test_an_hour_of_the_file_system_passes_for_all(folder: Path) -> None:
    take(folder, "OUT")
    age(folder, HOUR)
    with take(folder, "OUT") as lease:
        assert is_held(lease)


def test_a_folder_that_was_removed_is_a_lost_lease(folder: Path) -> None:
    lease = take(folder, "OUT")
    (folder / "000001").unlink()
    assert not is_held(lease)
    with take(folder, "OUT") as other:  # it has the same number, and another token
        assert files(folder) == ["000001"]
        assert is_held(other)
        first = Lease(folder / "000001", Holder(token="of the first"), EXPIRES, "OUT")
        assert not is_held(first)
        first.release()
        assert files(folder) == ["000001"]


def test_a_file_that_is_not_written_yet_is_a_holder(folder: Path) -> None:
    folder.mkdir()
    (folder / "000004").touch()
    with pytest.raises(TaggingError, match="a process that has just begun"):
        take(folder, "OUT")
    age(folder, EXPIRES + 1)
    with take(folder, "OUT"):
        assert files(folder) == ["000005"]


def test_a_disk_that_recovers_in_time_costs_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with take(folder, "OUT") as lease, monkeypatch.context() as patch:

        def fails(path: Path) -> None:
            raise OSError(5, "Input/output error")

        patch.setattr("nerine.serving.files.lease.os.utime", fails)
        assert is_held(lease)
        late = time.monotonic() + EXPIRES
        patch.setattr("nerine.serving.files.lease.time.monotonic", lambda: late)
        lease.renew()
        with pytest.raises(TaggingError, match="could not be renewed: Input/output error"):
            lease.check()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TaggingError, match="cannot be written"):
        take(tmp_path / "file" / "driver.lease", "OUT")


def test_a_thread_renews(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed = threading.Event()
    monkeypatch.undo()
    monkeypatch.setattr(Lease, "renew", lambda lease: renewed.set())
    with take(folder, "OUT", expires=0.12):
        assert renewed.wait(60)


# -- several at once -----------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["nobody", "released", "expired"])
def test_one_of_many_takers_gets_it(tmp_path: Path, before: str) -> None:
    together = threading.Barrier(8)

    def taken(folder: Path) -> Lease | Holder:
        together.wait()
        return try_take(folder, "OUT")

    with ThreadPoolExecutor(8) as threads:
        for number in range(20):
            folder = tmp_path / str(number)
            if before != "nobody":
                lease = take(folder, "OUT")
                if before == "released":
                    lease.release()
                age(folder, HOUR)
            found = [*threads.map(taken, itertools.repeat(folder, 8))]
            (holder,) = (each for each in found if isinstance(each, Lease))
            assert is_held(holder)


class Others:
    """Other processes, which take, hold, lose and release a lease in the pauses of one."""

    def __init__(self, folder: Path, deeds: Iterator[str]) -> None:
        self.folder, self.deeds = folder, deeds
        self.leases: list[Lease] = []
        self.is_at_work = False

    def work(self) -> None:
        """Does what is next until a pause ends."""
        if self.is_at_work:
            return
        self.is_at_work = True
        for deed in itertools.takewhile(lambda deed: deed != "let it run", self.deeds):
            if deed == "take" and isinstance(found := try_take(self.folder, "OUT"), Lease):
                self.leases.append(found)
            if deed == "release" and self.leases:
                self.leases.pop().release()
            if deed == "expire":
                age(self.folder, HOUR)
        self.is_at_work = False


@given(st.lists(st.sampled_from(["take", "release", "expire", "let it run"]), max_size=24))
def test_a_taker_that_is_paused_anywhere_never_makes_two_holders(
    tmp_path_factory: pytest.TempPathFactory, deeds: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("lease")
    others = Others(folder, iter(deeds))

    def paused_before(function: Callable[..., object]) -> Callable[..., object]:
        def called(*arguments: object) -> object:
            others.work()
            return function(*arguments)

        return called

    with pytest.MonkeyPatch.context() as patch:
        for name in ("_entries", "_create", "_read", "_holder_in", "_now"):
            patch.setattr(module, name, paused_before(getattr(module, name)))
        found = try_take(folder, "OUT")
    leases = [*others.leases, *([found] if isinstance(found, Lease) else [])]
    holders = [lease for lease in leases if is_held(lease)]
    assert len(holders) <= 1
    if isinstance(found, Lease) and found not in holders:
        assert holders or any(deed == "expire" for deed in deeds)
    for lease in leases:
        lease.release()
    with take(folder, "OUT") as last:  # it can always be taken again
        assert is_held(last)
    assert len(files(folder)) == 1


# -- other processes -----------------------------------------------------------------------------

PROGRAM = """
import sys
from pathlib import Path
from nerine.serving.files.lease import take
lease = take(Path(sys.argv[1]), "OUT")
print("held", flush=True)
sys.stdin.read()
lease.renew()
lease.check()
"""


@pytest.fixture
def other(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lease."""
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def test_a_process_of_this_machine_that_was_killed_is_seen_at_once(
    folder: Path, other: subprocess.Popen[str]
) -> None:
    assert isinstance(try_take(folder, "OUT"), Holder)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # a zombie, too
    with take(folder, "OUT") as lease:
        assert is_held(lease)


def test_one_of_another_machine_is_waited_for(
    folder: Path, other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other.kill()
    other.wait()
    monkeypatch.setattr(module, "_machine", lambda: "another one")
    assert isinstance(try_take(folder, "OUT"), Holder)


def test_a_process_that_was_stopped_ends_with_an_error(
    folder: Path, other: subprocess.Popen[str]
) -> None:
    other.send_signal(signal.SIGSTOP)
    age(folder, HOUR)
    with take(folder, "OUT"):
        other.send_signal(signal.SIGCONT)
        _, printed = other.communicate(timeout=60)
    assert other.returncode == 1
    assert "lost the lease: it was taken by process" in printed
