"""The processes that train one model together: what they agree on, and how they fail together.

A launcher gives each of them its number, in the environment variables RANK and WORLD_SIZE:
torchrun, `accelerate launch`, or `launch`. The first process writes, prints and publishes. The
first error of any process ends them all: it is raised where it happened, and a `PeerError`
elsewhere.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object
from torch import distributed

from nerine.core.errors import NerineError, PeerError, SettingsError, TrainingError, first_line
from nerine.training.parallel.launched import launched_processes

T = TypeVar("T")

_TIMEOUT = timedelta(minutes=30)
"""The time that a process waits for another one, such as one that publishes a checkpoint."""
_VARIABLES = ("LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What a launcher sets besides RANK and WORLD_SIZE."""
_numbers = itertools.count()
"""Numbers of the blocks of `together`, the same in all processes."""


def processes() -> PartialState:
    """The processes that train together; the first call waits for all of them."""
    return PartialState(cpu=not torch.accelerator.is_available(), timeout=_TIMEOUT)


def check_alone() -> None:
    """Raises `TrainingError` in a process of a launcher, for what trains several models."""
    number = launched_processes()
    if number > 1:
        raise TrainingError(
            f"this is one of {number} processes of a launcher, and all of them would train their "
            "own models in the same folder",
            expected="a single process",
            hint="start it without torchrun or accelerate launch",
        )


def largest(number: int) -> int:
    """The largest of the numbers that the processes give."""
    state = processes()
    if state.num_processes == 1:
        return number
    value = torch.tensor(number, device=state.device)
    distributed.all_reduce(value, op=distributed.ReduceOp.MAX)
    return int(value)


def gathered(value: T) -> list[T]:
    """The values of all processes, in the order of their numbers."""
    found: list[T] = gather_object([value])
    return found


def in_first(action: Callable[[], T]) -> T:
    """The result of `action`, which runs in the first process alone; all raise its error."""
    state = processes()
    if state.num_processes == 1:
        return action()
    answer: list[Any] = [None, None]
    if state.is_main_process:
        try:
            answer[0] = action()
        except Exception as error:
            known = isinstance(error, NerineError | OSError)
            broadcast_object_list([None, error if known else RuntimeError(repr(error))])
            raise
    result, failure = broadcast_object_list(answer)
    if failure is not None:
        raise failure
    found: T = result
    return found


def seed_noise(seed: int, step: int) -> None:
    """Seeds dropout and masking for the step after `step`, differently in each process."""
    entropy = np.random.SeedSequence((seed, step, processes().process_index))
    torch.manual_seed(int(entropy.generate_state(1, np.uint64)[0]))


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Joins the processes of the launcher, if any, and ends all with the first error of any.

    Raises:
        PeerError: In all processes but the one with the first error.
        TrainingError: If a process has ended without an error of its own.
        SettingsError: If the launcher has not set all its variables.
    """
    if launched_processes() == 1:
        yield
        return
    missing = [name for name in _VARIABLES if not os.environ.get(name)]
    if missing:
        raise SettingsError(
            f"the variables RANK and WORLD_SIZE are set, but {missing[0]} is not",
            place="environment",
            expected=f"the variables of a launcher: RANK, WORLD_SIZE, {', '.join(_VARIABLES)}",
            hint="start the processes with torchrun, or unset WORLD_SIZE",
        )
    processes()
    store: Any = distributed.TCPStore(  # type: ignore[attr-defined] # it is public
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=False,
        wait_for_workers=False,
    )
    key = f"nerine/failure/{next(_numbers)}"
    try:
        yield
    except PeerError:
        raise
    except Exception as error:
        lost = _lost(error) if is_of_connection(error) else None
        first = _first_failure(store, key, lost or error)
        if first:
            raise first from None
        if lost:
            raise lost from error
        raise


def _first_failure(store: Any, key: str, error: Exception) -> PeerError | None:
    """The error of another process if that came first; None if `error` is the first."""
    rank = os.environ["RANK"]
    own = f"{rank} {first_line(error)}"
    try:
        said = store.compare_set(key, "", own).decode()
    except RuntimeError:  # the process that kept the store has ended
        return None
    number, _, found = said.partition(" ")
    if number == rank:
        return None
    return PeerError(f"process {number} of this training has failed: {found}")


def is_of_connection(error: BaseException | None) -> bool:
    """Whether the error came from waiting for another process."""
    text = str(error).lower()
    return isinstance(error, distributed.DistError) or (
        isinstance(error, RuntimeError) and ("gloo" in text or "nccl" in text)
    )


def _lost(error: Exception) -> TrainingError:
    return TrainingError(
        f"the connection to another process of this training was lost: {first_line(error)}",
        expected="all processes until the end of the run",
        hint="it was killed, or its machine had no memory left; --resume continues from the last "
        "saved state",
    )
