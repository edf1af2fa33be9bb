"""Files → one commit on the hub.

`read_remote` reads the state of a branch, and `upload` makes one commit on top of exactly that
state: if somebody else has pushed in between, the hub refuses it. Large files are sent first, one
after the other, and the hub keeps each completed one: an interrupted push that is started again
sends the missing ones.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    ModelCard,
    constants,
)
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from nerine.core.display import visible
from nerine.core.errors import HubError, first_line
from nerine.core.filenames import CARD_FILE
from nerine.core.logs import Say
from nerine.hub.errors import errors_of, is_http_library_error, is_offline, login_token, redacted
from nerine.hub.files import RemoteFile, git_hash, is_sha256
from nerine.hub.names import PULL_REQUESTS, RepoName, is_commit, is_valid_ref
from nerine.hub.progress import progress_bars

MAIN = "main"
_LARGE = 1 << 20
"""Files of at least so many bytes are sent singly, so that a completed one is kept."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to be uploaded.

    Attributes:
        name: Its name in the repository.
        content: Its path, or its bytes.
        size: Its number of bytes.
        sha256: Its SHA-256, in hexadecimal.
    """

    name: str
    content: Path | bytes
    size: int
    sha256: str

    def equals(self, remote: RemoteFile) -> bool:
        """Whether a file on the hub has the same content; False if the hub does not tell enough.

        Args:
            remote: The file on the hub.
        """
        if remote.size != self.size or remote.hash is None:
            return False
        own = self.sha256 if is_sha256(remote.hash) else git_hash(self.content)
        return own == remote.hash


@dataclass(frozen=True, slots=True)
class Target:
    """The repository and branch that a push is for.

    Attributes:
        repo: The repository; its revision is a branch, None for `main`. A new branch is made from
            `main`.
        public: Whether a new repository is public, and files may go to one that is. An existing
            repository keeps its visibility.
        tag: A tag for the commit.
        create_pr: Whether the commit is proposed in a pull request instead of made.
    """

    repo: RepoName
    public: bool = False
    tag: str | None = None
    create_pr: bool = False

    @property
    def branch(self) -> str:
        """The branch that the commit is for."""
        return self.repo.revision or MAIN


@dataclass(frozen=True, slots=True)
class Remote:
    """The state of a repository at the tip of a branch.

    `commit` is that tip, or that of `main` if the branch is still to be made (`new_branch`); None
    if the repository does not exist.
    """

    private: bool
    commit: str | None = None
    new_branch: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, RemoteFile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commit:
    """The result of a push: the commit that has all files, and its address."""

    id: str
    url: str
    private: bool
    pull_request: str | None = None


def check_target(target: Target) -> None:
    """Raises `HubError` for a target that no push can have, whatever the hub's state."""
    repo = target.repo
    if "/" not in repo.id:
        raise HubError("the id has no owner", place=str(repo), expected=f"OWNER/{repo.id}")
    if repo.is_pinned:
        raise HubError(
            "a commit never changes, so that nothing can be pushed to it",
            place=str(repo),
            expected="a branch",
        )
    for kind, name in (("branch", target.branch), ("tag", target.tag)):
        if name is not None and not is_valid_ref(name, kind):
            raise HubError(
                f"{visible(name)!r} is not a valid name for a {kind}",
                place=str(repo),
                expected="a name such as v1.2, of letters, digits and .-_/",
            )
    if target.tag is not None and target.create_pr:
        raise HubError(
            "a pull request cannot be tagged: its commit may never be merged",
            place=str(repo),
            expected="a tag or a pull request",
        )
    if target.tag is not None and (is_commit(target.tag) or target.tag == target.branch):
        raise HubError(
            f"{target.tag!r} cannot be a tag: it is the name of the branch, or looks like a commit",
            place=str(repo),
        )


def read_remote(target: Target) -> Remote:
    """The state of the repository. Nothing is changed. Raises `HubError`."""
    check_target(target)
    repo = target.repo
    if is_offline():
        raise HubError(
            "HF_HUB_OFFLINE is set, and a push needs the hub",
            place=str(repo),
            hint="a dry run does not: nerine push … --dry-run",
        )
    if login_token() is None:
        raise HubError(
            "nobody is logged in",
            place=str(repo),
            expected="a login that may write to the repository",
            hint="hf auth login, or HF_TOKEN",
        )
    with _errors(repo):
        api = _api()
        api.whoami()  # so that a bad token is not reported as an unknown repository
        try:
            return _remote(api, target)
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return Remote(private=not target.public)


def read_remote_file(target: Target, remote: Remote, name: str) -> bytes:
    """The content of a small file of the repository. It does not go into the hub's cache."""
    with _errors(target.repo), tempfile.TemporaryDirectory() as folder, progress_bars(shown=False):
        path = _api().hf_hub_download(
            target.repo.id, name, revision=remote.commit, local_dir=folder
        )
        return Path(path).read_bytes()


def upload(
    target: Target,
    remote: Remote,
    files: Sequence[LocalFile],
    *,
    delete: Collection[str] = (),
    message: str,
    say: Say = lambda _: None,
) -> Commit:
    """Makes one commit on top of `remote` that adds `files` and removes those to `delete`.

    A missing repository, branch or tag is made. Without a file to add or to delete no commit is
    made. Bars on a terminal show the progress. Raises `HubError`.
    """
    with _errors(target.repo), progress_bars():
        api = _api()
        for file in files:
            if file.name == CARD_FILE and isinstance(file.content, bytes):
                try:  # before anything is made or sent
                    ModelCard(file.content.decode()).validate(repo_type="model")
                except ValueError as error:
                    said = visible(redacted(str(error)))
                    raise HubError(
                        f"the hub does not take the card's metadata: {said}",
                        place=f"{target.repo}, {file.name}",
                        hint="does the hub know the licence? --license other takes any, with "
                        "--license-name",
                    ) from None
        if remote.commit is None:
            say("making the repository")
            api.create_repo(target.repo.id, private=not target.public)
            remote = _remote(api, target)
        if remote.new_branch:
            api.create_branch(target.repo.id, branch=target.branch, revision=remote.commit)
        if files or delete:
            commit = _commit(api, target, remote, files, delete, message, say)
        else:
            tip = str(remote.commit)
            commit = Commit(tip, f"{target.repo.page}/commit/{tip}", remote.private)
        if target.tag is not None and target.tag not in remote.tags:
            api.create_tag(target.repo.id, tag=target.tag, revision=commit.id)
        return commit


def _api() -> HfApi:
    return HfApi(token=True)  # the login's own, even if HF_HUB_DISABLE_IMPLICIT_TOKEN is set


def _remote(api: HfApi, target: Target) -> Remote:
    """The tip that a commit would have as its parent, and its files."""
    repo_id, branch = target.repo.id, target.branch
    private = bool(api.model_info(repo_id).private)
    if not (private or target.public):
        raise HubError(
            "the repository is public: anybody can see at once what is pushed to it",
            place=str(target.repo),
            expected="a private repository, or the wish to publish",
            hint="confirm that you mean it: --public (in Python public=True)",
        )
    refs = api.list_repo_refs(repo_id)
    branches = {ref.name: ref.target_commit for ref in refs.branches}
    tags = {ref.name: ref.target_commit for ref in refs.tags}
    if branch in tags and branch not in branches:
        raise HubError(
            f"{branch!r} is a tag, which cannot be moved",
            place=str(target.repo),
            expected="a branch",
            hint="the push can be given a new tag: --tag NAME",
        )
    exists = branch in branches or branch.startswith(PULL_REQUESTS)
    tip = branches.get(branch) or api.model_info(repo_id, revision=branch if exists else MAIN).sha
    files = {
        file.path: RemoteFile(file.size, file.lfs.sha256 if file.lfs else file.blob_id)
        for file in api.list_repo_tree(repo_id, recursive=True, revision=tip)
        if isinstance(file, RepoFile)
    }
    return Remote(private, tip, not exists, tags, files)


def _commit(
    api: HfApi,
    target: Target,
    remote: Remote,
    files: Sequence[LocalFile],
    delete: Collection[str],
    message: str,
    say: Say,
) -> Commit:
    """Sends the contents of large files, then makes the commit."""
    additions = [CommitOperationAdd(file.name, file.content) for file in files]
    for file, addition in zip(files, additions, strict=True):
        if addition.upload_info.sha256.hex() != file.sha256:
            raise HubError(
                "the file has changed since it was checked",
                place=str(file.content),
                hint="wait until nothing writes to the folder, and push again",
            )
    large = [addition for addition in additions if addition.upload_info.size >= _LARGE]
    small = [addition for addition in additions if addition.upload_info.size < _LARGE]
    for group in filter(None, (*([addition] for addition in large), small)):
        say(f"sending {group[0].path_in_repo}" if len(group) == 1 else "sending small files")
        api.preupload_lfs_files(
            target.repo.id,
            group,
            revision=target.branch,
            create_pr=target.create_pr,
            free_memory=False,
            gitignore_content="",  # a `.gitignore` in the repository leaves no file out
        )
    say("committing")
    done = api.create_commit(
        target.repo.id,
        [*additions, *(CommitOperationDelete(name, is_folder=False) for name in delete)],
        commit_message=message,
        revision=target.branch,
        create_pr=target.create_pr,
        parent_commit=remote.commit,
    )
    return Commit(done.oid, done.commit_url, remote.private, done.pr_url)


@contextlib.contextmanager
def _errors(repo: RepoName) -> Iterator[None]:
    """Turns errors of `huggingface_hub` into `HubError`, and words those that only a push meets."""
    with errors_of(repo):
        try:
            yield
        except Exception as error:
            # `huggingface_hub` wraps the error of one of several files
            cause = error.__cause__ if isinstance(error, RuntimeError) else error
            if isinstance(cause, Exception) and is_http_library_error(cause):
                said = visible(redacted(first_line(cause)))
                raise HubError(
                    f"the connection to the hub at {constants.ENDPOINT} failed: {said}",
                    place=str(repo),
                    hint="push again: completed files are kept",
                ) from None
            if not isinstance(cause, HfHubHTTPError):
                raise
            if cause.response.status_code == 412:
                raise HubError(
                    "somebody else has pushed in the meantime, so that nothing was committed",
                    place=str(repo),
                    hint="look at the changes, and push again: completed files are kept",
                ) from None
            if cause.response.status_code == 409:
                raise HubError(
                    "it exists already, and did not when the push began, or this login may not "
                    "see it",
                    place=str(repo),
                    hint="push again, or choose another name",
                ) from None
            raise cause from None
