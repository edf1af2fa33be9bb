"""Ids and revisions of repositories, and names of files in them, checked."""

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
    """A repository on the hub, and a revision of it.

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
        """The repository of a name as users write it. The hub is not asked whether it exists.

        Args:
            name: `owner/name` or `owner/name@revision`.
            revision: The revision, if it is not in the name.
            kind: `model` or `dataset`.

        Raises:
            HubError: If no repository can have this name, or two different revisions are given.
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
        except HFValidationError as error:
            problem = str(error)
        else:
            # a revision becomes the name of a file in the cache (`refs/…`): it must stay inside
            ref = "main" if revision is None else revision
            stays = not {"", ".", ".."} & set(ref.split("/"))
            if stays and ref.isprintable() and " " not in ref:
                return cls(repo_id, revision, kind)
            problem = f"{revision!r} is not a valid revision"
        raise HubError(
            f"no repository on the hub can have this name: {problem}",
            place=visible(name),
            expected="owner/name, or owner/name@revision",
        )

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


def is_valid_ref(name: str, kind: str) -> bool:
    """Whether a `branch` or a `tag` may have a name: what git takes, and a little less."""
    if kind == "branch" and name.startswith(PULL_REQUESTS):
        return name.removeprefix(PULL_REQUESTS).isdecimal()
    parts = name.split("/")
    odd = any(not part or part[0] in ".-" or part.endswith((".", ".lock")) for part in parts)
    return not odd and ".." not in name and parts[0] != "refs" and bool(_REF.fullmatch(name))


def check_file_name(name: str, repo: str) -> None:
    """Raises `HubError` if a file called `name` in a repository would leave its folder."""
    leaves = (
        not name.isprintable()
        or len(name) > _LONGEST_FILE_NAME
        or "\\" in name
        or ":" in name
        or {"", ".", ".."} & set(name.split("/"))
    )
    if leaves:
        raise HubError(
            f"the repository has a file called {visible(name)!r}",
            place=repo,
            expected="names of files inside of it",
            hint="such a name is made to write elsewhere: do not use this repository",
        )
