"""A loaded tagger on its way to other machines: its files travel with it, once to each machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nerine.core.errors import NerineError, ProcessError, SettingsError, TaggingError
from nerine.core.files import disk_errors
from nerine.model.backends.hardware import number_of_threads
from nerine.model.loading.sources import find_source
from nerine.model.pickling import Loading, PickledTagger, files_to_load, pickled_of, unpickled
from nerine.model.tagger import Tagger
from nerine.serving.files.identity import USE, tagger_identity


@dataclass(frozen=True, slots=True)
class SentTagger:
    """What another machine needs to load a tagger.

    Attributes:
        kind: The tagger's class.
        pickled: How it was loaded. Its fingerprint is that of the files.
        files: What stands for the content of each file, by its name in the folder.
    """

    kind: type[Tagger]
    pickled: PickledTagger
    files: Mapping[str, Any]

    @disk_errors(ProcessError)
    def load(self, content: Callable[[Any], Any]) -> Tagger:
        """The tagger, from a folder of this machine that has its files.

        Processes of one machine share the folder: the first one gets the files.

        Args:
            content: The bytes of what stands for a file.

        Raises:
            CheckpointError: If the checkpoint cannot be loaded here.
            MissingExtraError: If a package that the backend needs is not installed here.
            ProcessError: If the files cannot be written.
        """
        folder = _own_folder() / self.pickled.fingerprint
        with _locked(folder.with_suffix(".lock")):
            if folder.is_dir():
                with contextlib.suppress(NerineError):  # files were removed, or are damaged
                    return self._loaded(folder)
                shutil.rmtree(folder)
            self._unpack(folder, content)
            return self._loaded(folder)

    def _loaded(self, folder: Path) -> Tagger:
        tagger: Tagger = unpickled(self.kind, replace(self.pickled, place=str(folder)))
        return tagger

    def _unpack(self, folder: Path, content: Callable[[Any], Any]) -> None:
        new = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
        for name, stands_for in self.files.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(stands_for))
        new.rename(folder)


@disk_errors(ProcessError)
def sent(tagger: Tagger, put: Callable[[bytes], Any]) -> SentTagger:
    """A tagger for other machines, to be loaded there with as many threads as it has here.

    Args:
        tagger: A tagger that was loaded, and runs on the CPU.
        put: Makes the content of a file available there, and returns what stands for it.

    Raises:
        ProcessError: If the tagger was made in memory, or its checkpoint has changed since.
        SettingsError: If it runs on another device.
    """
    device = getattr(tagger.inference.backend, "device", None)
    if device is not None and device.type != "cpu":
        raise SettingsError(
            f"the tagger runs on {device}, and workers have CPUs",
            place="device",
            hint='Tagger.load(…, device="cpu")',
        )
    _, (kind, pickled) = tagger.__reduce__()
    source = tagger.source
    if source is None:
        raise ProcessError("the tagger has no source")
    folder = source.folder.absolute()
    files = {path.relative_to(folder).as_posix(): path for path in files_to_load(folder)}
    threads = threads_of(tagger)
    arguments = {**pickled.arguments, "device": "cpu", "threads": threads}
    plain = Loading(find_source(folder), {})  # its files also stand for a commit of the hub
    fingerprint = plain.fingerprint()
    kept = replace(pickled, arguments=arguments, fingerprint=fingerprint)
    return SentTagger(kind, kept, {name: put(path.read_bytes()) for name, path in files.items()})


def threads_of(tagger: Any) -> int:
    """The number of threads that a tagger was loaded for; 1 for any other one."""
    if not isinstance(tagger, Tagger):
        return 1
    return number_of_threads(pickled_of(tagger).arguments["threads"])


def check_use(tagger: Any, use: Mapping[str, Any]) -> None:
    """Raises `TaggingError` if a tagger works otherwise here than where the run was started."""
    here, there = (json.loads(json.dumps(each)) for each in (tagger_identity(tagger), use))
    if here == there:
        return
    mine, theirs = here.get(USE, {}), there.get(USE, {})
    changes = [
        f"{name} is {mine.get(name)}, and {theirs.get(name)} at the driver"
        for name in {**theirs, **mine}
        if mine.get(name) != theirs.get(name)
    ]
    raise TaggingError(
        f"a worker would use the model otherwise: {'; '.join(changes)}",
        place=os.uname().nodename if hasattr(os, "uname") else None,
        expected="machines that give the same outputs",
        hint="--backend (backend=…) states a backend that all of them have",
    )


def _own_folder() -> Path:
    """The folder for the files of taggers that were sent to this machine, of this user alone."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"nerine-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and folder.stat().st_uid != user:
        raise ProcessError(
            "this folder belongs to another user",
            place=str(folder),
            hint="TMPDIR may name another folder for temporary files",
        )
    return folder


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a lock of this machine."""
    with path.open("ab") as lock:
        if os.name == "posix":  # elsewhere several processes may unpack at once
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
