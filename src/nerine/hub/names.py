"""Ids of repositories, and names of files in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from huggingface_hub import constants
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from nerine.core.display import visible
from nerine.core.errors import HubError

Kind = Literal["model", "dataset"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REF = re.compile(r"[\w.+/-]{1,200}")
PULL_REQUESTS = "refs/pr/"
_LONGEST_FILE_NAME = 500


@dataclass(frozen=True, slots=True)
class RepoName:
    """A repository, and which state of it.

    Attributes:
        id: `owner/name`.
        revision: A branch, a tag or a commit; None for `main`.
        kind: `model` or `dataset`.
    """

    id: str
    revision: str | None = None
    kind: Kind = "model"

    @classmethod
    def parse(cls, name: str, revision: str | None = None, kind: Kind = "model") -> RepoName:
        """The repository that a name stands for.

        Args:
            name: `owner/name` or `owner/name@revision`.
            revision: The revision, where it is given apart.
            kind: `model` or `dataset`.

        Returns:
            The repository; the hub is not asked whether it is there.

        Raises:
            HubError: For what cannot be a repository, and for two revisions that differ.
        """
        repo_id, at, within = name.partition("@")
        if at and revision not in (None, within):
            raise HubError(
                f"two revisions are asked for: {within!r} and {revision!r}",
                place=name,
                expected="one of them",
            )
        revision = within if at else revision
        try:
            validate_repo_id(repo_id)
            _check_revision(revision)
        except (HFValidationError, ValueError) as error:
            raise HubError(
                f"this can be no repository on the hub: {error}",
                place=visible(name),
                expected="owner/name, or owner/name@revision",
            ) from None
        return cls(repo_id, revision, kind)

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a commit, which never changes."""
        return is_commit(self.revision)

    @property
    def page(self) -> str:
        """The repository's address on the hub."""
        return f"{constants.ENDPOINT}/{'datasets/' if self.kind == 'dataset' else ''}{self.id}"

    def __str__(self) -> str:
        return f"{self.id}@{self.revision}" if self.revision else self.id


def is_commit(revision: str | None) -> bool:
    """Whether a revision is the full hash of a commit."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def can_be_made(name: str, kind: str) -> bool:
    """Whether a `branch` or a `tag` may have a name: what git takes, and a little less."""
    if kind == "branch" and name.startswith(PULL_REQUESTS):
        return name.removeprefix(PULL_REQUESTS).isdecimal()
    parts = name.split("/")
    odd = any(not part or part[0] in ".-" or part.endswith((".", ".lock")) for part in parts)
    return not odd and ".." not in name and parts[0] != "refs" and bool(_REF.fullmatch(name))


def _check_revision(revision: str | None) -> None:
    """A revision becomes a file's name in the cache (`refs/…`): it must stay inside of it."""
    if revision is None:
        return
    parts = revision.split("/")
    if not revision.isprintable() or " " in revision or {"", ".", ".."} & set(parts):
        raise ValueError(f"{revision!r} is no revision")


def check_file_name(name: str, repo: str) -> None:
    """Raises `HubError` unless a file called `name` in a repository stays in its folder."""
    parts = name.split("/")
    leaves = (
        not name.isprintable()
        or len(name) > _LONGEST_FILE_NAME
        or "\\" in name
        or ":" in name
        or bool({"", ".", ".."} & set(parts))
    )
    if leaves:
        raise HubError(
            f"the repository has a file called {visible(name)!r}",
            place=repo,
            expected="names of files inside of it",
            hint="such a name is made to write elsewhere: don't use this repository",
        )
