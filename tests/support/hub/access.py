"""Access rights: who may read and change repositories.

The hub does not reveal private repositories: without access, they are refused like missing ones,
with 401 without a login and with 404 with one. The real hub
sends that 401 without an error code, and huggingface_hub reads it as "repository not found" from
an ``https://`` address; loopback has only ``http://``, so the code is sent here.
"""

from __future__ import annotations

from hub.messages import Request, refuse
from hub.store import Commit, Repository, Store, Token


def kind_of(request: Request) -> str:
    """``model`` or ``dataset``, from ``/api/datasets/…`` or ``/datasets/…``."""
    return request.part("kind").rstrip("/").removesuffix("s") or "model"


def caller(store: Store, request: Request) -> Token | None:
    """The user of a request; None without a token. An unknown token is refused."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if not secret or scheme.lower() != "bearer":
        return None
    if secret not in store.tokens:
        refuse(401, "Invalid credentials in Authorization header")
    return store.tokens[secret]


def member(store: Store, request: Request) -> Token:
    """The user of a request; refused without a token."""
    return caller(store, request) or refuse(401, "Invalid username or password.")


def readable(store: Store, request: Request) -> Repository:
    """The repository of a request, if the caller may read its page."""
    token = caller(store, request)
    repository = store.repositories.get((kind_of(request), request.part("repository")))
    hidden = repository is None or (repository.private and not (token and token.owns(repository)))
    if repository is None or hidden:
        if token is None:
            refuse(401, "Invalid username or password.", "RepoNotFound")
        refuse(404, "Repository not found", "RepoNotFound")
    return repository


def downloadable(store: Store, request: Request) -> Repository:
    """The repository, if the caller may read its files: a gated one is for those on its list."""
    repository, token = readable(store, request), caller(store, request)
    allowed = token and (token.owns(repository) or token.user in repository.granted)
    if repository.gated and not allowed:
        start = f"Access to {repository.kind} {repository.name} is restricted"
        if token is None:
            refuse(401, f"{start}. You must have access to it and be authenticated.", "GatedRepo")
        refuse(403, f"{start} and you are not in the authorized list.", "GatedRepo")
    return repository


def writable(store: Store, request: Request) -> Repository:
    """The repository, if the caller may change it.

    Any user may open a pull request, but not send large files for one: those are stored in the
    repository before the commit.
    """
    repository, token = readable(store, request), caller(store, request)
    if token is None:
        refuse(401, "Invalid username or password.", "RepoNotFound")
    if not token.write:
        refuse(403, "you must use a write token to upload to a repository.")
    if not token.owns(repository) and not request.asks("create_pr"):
        refuse(403, "Authorization error.")
    return repository


def revision(repository: Repository, name: str) -> Commit:
    """The commit of a revision."""
    commit = repository.find(name)
    if commit is None:
        refuse(404, f"Invalid rev id: {name}", "RevisionNotFound")
    return commit
