"""Files → one commit on the hub.

`look` says what a repository holds at the tip of a branch, and `send` makes one commit on top of
just that: where somebody else has pushed in between, the hub refuses it. Large files go first,
one after the other, and the hub keeps each that has arrived: an interrupted push that is started
again sends what is missing.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
from nerine.hub.bars import bars
from nerine.hub.errors import errors_of, is_of_http, is_offline, login_token, redacted
from nerine.hub.files import Listed, git_hash, is_sha256
from nerine.hub.names import PULL_REQUESTS, RepoName, can_be_made, is_commit

MAIN = "main"
_LARGE = 1 << 20
"""From so many bytes on a file is sent by itself, so that it is kept when a later one fails."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file to be sent.

    Attributes:
        name: Its name in the repository.
        content: Where it lies, or what it holds.
        size: Its bytes.
        sha256: Its SHA-256, in hexadecimal.
    """

    name: str
    content: Path | bytes
    size: int
    sha256: str

    def is_like(self, there: Listed) -> bool:
        """Whether a file on the hub has the same content.

        Args:
            there: The file on the hub.

        Returns:
            False also where the hub does not say enough to tell.
        """
        if there.size != self.size or there.hash is None:
            return False
        own = self.sha256 if is_sha256(there.hash) else git_hash(self.content)
        return own == there.hash


@dataclass(frozen=True, slots=True)
class Target:
    """Where files are sent.

    Attributes:
        repo: The repository; its revision is a branch, None for `main`. One that is not there is
            made from `main`.
        public: Whether a new repository is public, and files may go to one that is. A repository
            that is there keeps its visibility.
        tag: What the commit is tagged with.
        create_pr: Whether the commit is proposed instead of made.
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
    """What a repository holds at the tip of a branch.

    `commit` is that tip, or that of `main` where the branch is still to be made (`new_branch`);
    None where there is no repository.
    """

    private: bool
    commit: str | None = None
    new_branch: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Listed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commit:
    """What became of a push: the state of the repository that has all files, and its address."""

    id: str
    url: str
    private: bool
    pull_request: str | None = None


def check_target(target: Target) -> None:
    """Raises `HubError` for a target that no push can have, whatever the hub says."""
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
        if name is not None and not can_be_made(name, kind):
            raise HubError(
                f"there can be no {kind} called {visible(name)!r}",
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
        raise HubError(f"{target.tag!r} can be no tag here", place=str(repo))


def look(target: Target) -> Remote:
    """What is there already. Nothing is changed. Raises `HubError`."""
    check_target(target)
    _check_login(target.repo)
    with _errors(target.repo):
        api = _api()
        api.whoami()  # a token that is not accepted is said to be that, and not a missing id
        try:
            return _remote(api, target)
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return Remote(private=not target.public)


def read_file(target: Target, remote: Remote, name: str) -> bytes:
    """The content of a small file that `remote` has. It does not go into the hub's cache."""
    with _errors(target.repo), tempfile.TemporaryDirectory() as folder, bars(shown=False):
        path = _api().hf_hub_download(
            target.repo.id, name, revision=remote.commit, local_dir=folder
        )
        return Path(path).read_bytes()


def send(
    target: Target,
    remote: Remote,
    files: Sequence[Outgoing],
    *,
    delete: Collection[str] = (),
    message: str,
    say: Say = lambda _: None,
) -> Commit:
    """Makes one commit of `files`, less those to `delete`, on top of what `remote` says.

    What is missing of the repository, the branch and the tag is made. Without a file to send or
    to delete there is no commit. Bars on a terminal show how it goes on. Raises `HubError`.
    """
    with _errors(target.repo), bars():
        api = _api()
        _check_card(target, files)
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
    return HfApi(token=True)  # the login's own, even where reading does without it


def _check_login(repo: RepoName) -> None:
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


def _remote(api: HfApi, target: Target) -> Remote:
    """The tip that a commit would have as its parent, and its files."""
    repo_id, branch = target.repo.id, target.branch
    private = bool(api.model_info(repo_id).private)
    if not (private or target.public):
        raise _public(target.repo)
    refs = api.list_repo_refs(repo_id)
    branches = {each.name: each.target_commit for each in refs.branches}
    tags = {each.name: each.target_commit for each in refs.tags}
    if branch in tags and branch not in branches:
        raise HubError(
            f"{branch!r} is a tag, which stays where it is",
            place=str(target.repo),
            expected="a branch",
            hint="the push can be given a new tag: --tag NAME",
        )
    is_known = branch in branches or branch.startswith(PULL_REQUESTS)
    tip = branches.get(branch) or api.model_info(repo_id, revision=branch if is_known else MAIN).sha
    tree = api.list_repo_tree(repo_id, recursive=True, revision=tip)
    files = {each.path: _listed(each) for each in tree if isinstance(each, RepoFile)}
    return Remote(private, tip, not is_known, tags, files)


def _public(repo: RepoName) -> HubError:
    return HubError(
        "the repository is public: whatever is pushed there, anybody can see at once",
        place=str(repo),
        expected="a private repository, or the wish to publish",
        hint="say that you mean it: --public (in Python public=True)",
    )


def _listed(file: RepoFile) -> Listed:
    return Listed(file.size, file.lfs.sha256 if file.lfs else file.blob_id)


def _commit(
    api: HfApi,
    target: Target,
    remote: Remote,
    files: Sequence[Outgoing],
    delete: Collection[str],
    message: str,
    say: Say,
) -> Commit:
    additions = [_addition(file) for file in files]
    _upload(api, target, additions, say)
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


def _check_card(target: Target, files: Sequence[Outgoing]) -> None:
    """Lets the hub look at a card's metadata before anything is made or sent."""
    for file in files:
        if file.name == CARD_FILE and isinstance(file.content, bytes):
            try:
                ModelCard(file.content.decode()).validate(repo_type="model")
            except ValueError as error:
                raise HubError(
                    f"the hub does not take the card's metadata: {visible(redacted(str(error)))}",
                    place=f"{target.repo}, {file.name}",
                    hint="is the licence one that the hub knows? --license other takes any, with "
                    "--license-name",
                ) from None


def _addition(file: Outgoing) -> CommitOperationAdd:
    """For the hub's library, which hashes the file itself."""
    addition = CommitOperationAdd(file.name, file.content)
    if addition.upload_info.sha256.hex() != file.sha256:
        raise HubError(
            "the file has changed since it was checked",
            place=str(file.content),
            hint="wait until nothing writes to the folder, and push again",
        )
    return addition


def _upload(api: HfApi, target: Target, additions: Sequence[CommitOperationAdd], say: Say) -> None:
    """Sends the files that go to large file storage. A `.gitignore` there keeps none back."""
    large = [each for each in additions if each.upload_info.size >= _LARGE]
    small = [each for each in additions if each.upload_info.size < _LARGE]
    for group in filter(None, (*([each] for each in large), small)):
        say(f"sending {group[0].path_in_repo}" if len(group) == 1 else "sending small files")
        api.preupload_lfs_files(
            target.repo.id,
            group,
            revision=target.branch,
            create_pr=target.create_pr,
            free_memory=False,
            gitignore_content="",
        )


@contextlib.contextmanager
def _errors(repo: RepoName) -> Iterator[None]:
    """Errors of the hub → `HubError`, and what only happens to those who push."""
    with errors_of(repo):
        try:
            yield
        except Exception as error:
            # the library wraps what happens to one of several files
            cause = error.__cause__ if isinstance(error, RuntimeError) else error
            if isinstance(cause, HfHubHTTPError):
                raise (_conflict(repo, cause) or cause) from None
            if isinstance(cause, Exception) and is_of_http(cause):
                raise _cut(repo, cause) from None
            raise


def _cut(repo: RepoName, error: Exception) -> HubError:
    said = visible(redacted(first_line(error)))
    return HubError(
        f"the hub at {constants.ENDPOINT} could not be reached, or not to the end: {said}",
        place=str(repo),
        hint="push again: what has arrived already is kept",
    )


def _conflict(repo: RepoName, error: HfHubHTTPError) -> HubError | None:
    status = error.response.status_code
    if status == 412:
        return HubError(
            "somebody else has pushed in the meantime, so that nothing was committed",
            place=str(repo),
            hint="look at what has changed, and push again: what has arrived already is kept",
        )
    if status == 409:
        return HubError(
            "it is there already, and was not when the push began, or this login may not see it",
            place=str(repo),
            hint="push again, or choose another name",
        )
    return None
