"""Files by their address: ``/{id}/resolve/{revision}/{path}``.

Small files are sent directly. A large one is a redirect to its signed address on the storage host;
its hash, size and commit are in the headers of the redirect, since the storage host has no commits.
"""

from __future__ import annotations

import re
from posixpath import normpath
from urllib.parse import quote, unquote

from hub import access, lfs
from hub.messages import Reply, Request, error_reply, refuse
from hub.store import Blob, Commit, Repository, Store

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def resolve(store: Store, request: Request) -> Reply:
    """``HEAD`` and ``GET /{id}/resolve/{revision}/{path}``."""
    repository = access.downloadable(store, request)
    commit = access.revision(repository, request.part("revision"))
    return _resolved(store, repository, commit, request.part("path"))


def _resolved(store: Store, repository: Repository, commit: Commit, path: str) -> Reply:
    if path not in commit.files:
        refuse(404, "Entry not found", "EntryNotFound", X_Repo_Commit=commit.oid)
    blob = commit.files[path]
    headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes", "ETag": f'"{blob.etag}"'}
    if blob.large:
        return _elsewhere(store, repository, path, blob, headers)
    shown = quote(path.rpartition("/")[2], safe="")
    headers["Content-Disposition"] = f"inline; filename*=UTF-8''{shown}"
    headers["Content-Type"] = "text/plain; charset=utf-8"
    return Reply(200, headers, blob.content)


def strayed(store: Store, request: Request) -> Reply:
    """A file whose name leads out of its folder, at the address that a client requests.

    Clients shorten ``/mira/model/resolve/main/../../x`` to ``/mira/model/x`` before they send it.
    A hostile hub would answer; so does this one, to expose clients that trust names.
    """
    for repository in store.repositories.values():
        for revision in [*repository.names("refs/heads/"), *repository.commits]:
            commit = access.revision(repository, revision)
            start = f"/{repository.url_path}/resolve/{revision}/"
            for path in commit.files:
                if ".." in path.split("/") and normpath(start + path) == unquote(request.path):
                    return _resolved(store, repository, commit, path)
    return error_reply(404, "Sorry, we can't find the page you are looking for.")


def _elsewhere(
    store: Store, repository: Repository, path: str, blob: Blob, headers: dict[str, str]
) -> Reply:
    name = path.rpartition("/")[2]
    headers["X-Linked-ETag"] = headers["ETag"]
    headers["X-Linked-Size"] = str(len(blob.content))
    headers["Location"] = lfs.stored_address(store, repository, blob.sha256, name)
    return Reply(302, headers, b"Found. Redirecting.")


def ranged(reply: Reply, asked: str | None) -> Reply:
    """The part of a reply's body that a Range header asks for: 206, or 416 if there is none.

    ``bytes=5-`` is from the sixth byte on, ``bytes=5-9`` five bytes, ``bytes=-5`` the last five.
    """
    match = _RANGE.fullmatch(asked or "")
    if match is None or reply.status != 200 or not any(match.groups()):
        return reply
    size, (first, last) = len(reply.body), match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        return Reply(416, {"Content-Range": f"bytes */{size}"})
    headers = {**reply.headers, "Content-Range": f"bytes {start}-{end - 1}/{size}"}
    return Reply(206, headers, reply.body[start:end])
