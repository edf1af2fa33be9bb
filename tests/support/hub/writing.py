"""Changes: repositories, branches, tags and commits."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any

import yaml

from hub import access, git
from hub.listing import front_matter
from hub.messages import Reply, Request, json_reply, refuse
from hub.store import GIT_ATTRIBUTES, Blob, Commit, Repository, Store

Values = dict[str, Any]
Files = dict[str, Blob]


def whoami(store: Store, request: Request) -> Reply:
    """``GET /api/whoami-v2``: the token's user and rights."""
    token = access.member(store, request)
    role = "write" if token.write else "read"
    return json_reply(
        {
            "type": "user",
            "name": token.user,
            "fullname": token.user,
            "orgs": [{"type": "org", "name": name} for name in token.organisations],
            "auth": {"type": "access_token", "accessToken": {"displayName": "test", "role": role}},
        }
    )


def create(store: Store, request: Request) -> Reply:
    """``POST /api/repos/create``; 409 with the address if the repository exists already."""
    token, asked = access.member(store, request), request.json()
    kind, owner = asked.get("type") or "model", asked.get("organization") or token.user
    name = f"{owner}/{asked.get('name')}"
    address = {"url": f"{store.hub_url}/{Repository(kind, name).url_path}", "name": name}
    if not token.write or owner not in (token.user, *token.organisations):
        refuse(403, f'You don\'t have the rights to create a {kind} under the namespace "{owner}"')
    if (kind, name) in store.repositories:
        return json_reply(address | {"error": f"You already created this {kind} repo: {name}"}, 409)
    private = asked.get("visibility") == "private" or asked.get("private") is True
    store.create(kind, name, {".gitattributes": GIT_ATTRIBUTES}, private)
    return json_reply(address)


def delete(store: Store, request: Request) -> Reply:
    """``DELETE /api/repos/delete``."""
    token, asked = access.member(store, request), request.json()
    kind, owner = asked.get("type") or "model", asked.get("organization") or token.user
    repository = store.repositories.get((kind, f"{owner}/{asked.get('name')}"))
    if repository is None or not (token.write and token.owns(repository)):
        refuse(404, "Repository not found", "RepoNotFound")
    del store.repositories[kind, repository.name]
    return json_reply({})


def settings(store: Store, request: Request) -> Reply:
    """``PUT /api/models/{id}/settings``: private or public, gated or open."""
    repository, asked = access.writable(store, request), request.json()
    if "visibility" in asked:
        repository.private = asked["visibility"] == "private"
    repository.private = bool(asked.get("private", repository.private))
    repository.gated = asked.get("gated", repository.gated) or None
    return json_reply({"private": repository.private, "gated": repository.gated or False})


def check(store: Store, request: Request) -> Reply:
    """``GET /api/models/{id}/auth-check[/write]``: an empty answer if the caller may."""
    may = access.writable if request.part("write") else access.downloadable
    may(store, request)
    return json_reply({})


def branch(store: Store, request: Request) -> Reply:
    """``POST`` and ``DELETE /api/models/{id}/branch/{name}``."""
    repository, ref = access.writable(store, request), f"refs/heads/{request.part('name')}"
    if request.method == "DELETE":
        return _remove(repository, ref)
    start = access.revision(repository, str(request.json().get("startingPoint") or "main"))
    return _point(repository, ref, start)


def tag(store: Store, request: Request) -> Reply:
    """``POST /api/models/{id}/tag/{revision}`` and ``DELETE /api/models/{id}/tag/{name}``."""
    repository = access.writable(store, request)
    if request.method == "DELETE":
        return _remove(repository, f"refs/tags/{request.part('name')}")
    target = access.revision(repository, request.part("name"))
    return _point(repository, f"refs/tags/{request.json().get('tag')}", target)


def _point(repository: Repository, ref: str, commit: Commit) -> Reply:
    if ref in repository.refs:
        refuse(409, f"Reference {ref} already exists")
    repository.refs[ref] = commit.oid
    return json_reply({})


def _remove(repository: Repository, ref: str) -> Reply:
    if ref not in repository.refs or ref == "refs/heads/main":
        refuse(404, f"Invalid rev id: {ref}", "RevisionNotFound")
    del repository.refs[ref]
    return json_reply({})


def validate_yaml(store: Store, request: Request) -> Reply:
    """``POST /api/validate-yaml``: errors and warnings about the metadata of a README."""
    text = front_matter(str(request.json().get("content", "")))
    if text is None:
        return json_reply({"errors": [], "warnings": [_said("empty or missing yaml metadata")]})
    try:
        metadata = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return json_reply({"errors": [_said(str(error))], "warnings": []}, 400)
    if not isinstance(metadata, dict):
        return json_reply({"errors": [_said("metadata must be a mapping")], "warnings": []}, 400)
    return json_reply({"errors": [], "warnings": []})


def _said(message: str) -> Values:
    return {"message": message}


def preupload(store: Store, request: Request) -> Reply:
    """``POST /api/models/{id}/preupload/{revision}``: how to send each file.

    For each path: whether it goes to large file storage, whether the repository's (or the
    request's) .gitignore excludes it, and the id of the existing file.
    """
    repository, asked = access.writable(store, request), request.json()
    files = access.revision(repository, request.part("revision")).files
    hosted = files.get(".gitignore", Blob(b"")).content.decode(errors="replace")
    ignored = str(asked.get("gitIgnore", hosted)).splitlines()
    answers = []
    for entry in asked.get("files", []):
        path, large = entry["path"], store.is_large(entry["path"], entry["size"])
        answer = {"path": path, "uploadMode": "lfs" if large else "regular"}
        answer["shouldIgnore"] = any(_matches(path, line.strip()) for line in ignored)
        answers.append(answer | ({"oid": files[path].etag} if path in files else {}))
    return json_reply({"files": answers})


def _matches(path: str, pattern: str) -> bool:
    """Whether a line of .gitignore names a path or a folder above it; no ``!`` and no ``**``."""
    if not pattern or pattern.startswith("#"):
        return False
    steps = path.split("/")
    above = ["/".join(steps[: count + 1]) for count in range(len(steps))]
    kept = pattern.strip("/")
    return any(fnmatch(name, kept) for name in [*above, *([] if "/" in kept else steps)])


def commit(store: Store, request: Request) -> Reply:
    """``POST /api/models/{id}/commit/{revision}``: lines of JSON, all of them or none."""
    repository = access.writable(store, request)
    revision, lines = request.part("revision"), _lines(request.body)
    base = access.revision(repository, revision)
    header = next((value for key, value in lines if key == "header"), {})
    parent = header.get("parentCommit")
    if parent and not base.oid.startswith(parent):
        refuse(412, "A commit has happened since. Please refresh and try again.")
    files = dict(base.files)
    for key, value in lines:
        _OPERATIONS.get(key, _unknown)(store, repository, files, value)
    if any(folder in files for path in files for folder in git.parents(path)):
        refuse(400, "A file and a folder have the same path")
    ref = _target(repository, revision, request.asks("create_pr"))
    words = {"author": access.member(store, request).user, "message": header.get("description", "")}
    made = repository.commit(ref, base, files, header.get("summary", ""), **words)
    return json_reply(_receipt(store, repository, made, ref))


def _lines(body: bytes) -> list[tuple[str, Values]]:
    try:
        return [(item["key"], item["value"]) for item in map(json.loads, body.splitlines())]
    except (ValueError, KeyError, TypeError):
        refuse(400, "The commit is not lines of JSON, each with a key and a value")


def _target(repository: Repository, revision: str, pull_request: bool) -> str:
    if pull_request:
        return f"refs/pr/{len(repository.names('refs/pr/')) + 1}"
    refs = [f"refs/heads/{revision}", revision]
    found = [ref for ref in refs if ref in repository.refs and not ref.startswith("refs/tags/")]
    if not found:
        refuse(400, f"{revision} is no branch")
    return found[0]


def _receipt(store: Store, repository: Repository, made: Commit, ref: str) -> Values:
    page = f"{store.hub_url}/{repository.url_path}"
    receipt = {"success": True, "commitOid": made.oid, "commitUrl": f"{page}/commit/{made.oid}"}
    if ref.startswith("refs/pr/"):
        receipt["pullRequestUrl"] = f"{page}/discussions/{ref.rpartition('/')[2]}"
    return receipt


def _checked(value: Values, name: str = "path") -> str:
    path = str(value.get(name, ""))
    if any(step in {"", ".", "..", ".git"} for step in path.split("/")):
        refuse(400, f"Invalid path: {path}")
    return path


def _header(store: Store, repository: Repository, files: Files, value: Values) -> None:
    """Checks that the header has a title; the rest was read before."""
    if not value.get("summary"):
        refuse(400, "A commit needs a summary")


def _file(store: Store, repository: Repository, files: Files, value: Values) -> None:
    try:
        content = base64.b64decode(value.get("content", ""), validate=True)
    except binascii.Error:
        refuse(400, f"{_checked(value)} is not in base64")
    files[_checked(value)] = Blob(content)


def _large_file(store: Store, repository: Repository, files: Files, value: Values) -> None:
    content = repository.large.get(str(value.get("oid")))
    if content is None or value.get("size", len(content)) != len(content):
        refuse(
            400,
            "Your push was rejected because an LFS pointer pointed to a file that does not exist. "
            f"Offending file: {value.get('path')}",
        )
    files[_checked(value)] = Blob(content, large=True)


def _deleted_file(store: Store, repository: Repository, files: Files, value: Values) -> None:
    if files.pop(_checked(value), None) is None:
        refuse(404, "A file with this name doesn't exist", "EntryNotFound")


def _deleted_folder(store: Store, repository: Repository, files: Files, value: Values) -> None:
    folder = str(value.get("path", "")).strip("/") + "/"
    inside = [path for path in files if path.startswith(folder)]
    if not inside:
        refuse(404, "A folder with this name doesn't exist", "EntryNotFound")
    for path in inside:
        del files[path]


def _copy(store: Store, repository: Repository, files: Files, value: Values) -> None:
    source = access.revision(repository, str(value.get("srcRevision") or "main"))
    path = _checked(value, "srcPath")
    if path not in source.files:
        refuse(404, "A file with this name doesn't exist", "EntryNotFound")
    files[_checked(value)] = source.files[path]


def _unknown(store: Store, repository: Repository, files: Files, value: Values) -> None:
    refuse(400, "Unknown operation in a commit")


_OPERATIONS: dict[str, Callable[[Store, Repository, Files, Values], None]] = {
    "header": _header,
    "file": _file,
    "lfsFile": _large_file,
    "deletedFile": _deleted_file,
    "deletedFolder": _deleted_folder,
    "copyFile": _copy,
}
