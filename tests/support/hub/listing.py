"""Listings of a repository: its page's data, its tree, chosen paths, refs and commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode

import yaml

from hub import access, git
from hub.messages import Reply, Request, is_set, json_reply, refuse
from hub.store import Blob, Commit, Repository, Store, children

Item = dict[str, Any]
Entry = TypeVar("Entry")


def info(store: Store, request: Request) -> Reply:
    """``GET /api/models/{id}[/revision/{revision}]``; `blobs` adds sizes, `expand` chooses."""
    repository = access.readable(store, request)
    commit = access.revision(repository, request.part("revision") or "main")
    found = _page(repository, commit)
    found["siblings"] = [
        _sibling(path, blob, request.asks("blobs")) for path, blob in sorted(commit.files.items())
    ]
    wanted = request.query.get("expand", []) + request.query.get("expand[]", [])
    if wanted:
        found = {name: value for name, value in found.items() if name in {"_id", "id", *wanted}}
    return json_reply(found)


def _page(repository: Repository, commit: Commit) -> Item:
    card = card_data(commit)
    first = repository.history(commit.oid)[-1]
    tags = card.get("tags") or []
    return {
        "_id": commit.oid[:24],
        "id": repository.name,
        "author": repository.owner or None,
        "sha": commit.oid,
        "createdAt": _stamp(first),
        "lastModified": _stamp(commit),
        "private": repository.private,
        "gated": repository.gated or False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": tags if isinstance(tags, list) else [tags],
        "cardData": card,
    } | {
        name: card[name] for name in ("pipeline_tag", "library_name", "model-index") if name in card
    }


def card_data(commit: Commit) -> Item:
    """The metadata at the head of README.md; empty if it can't be read."""
    readme = commit.files.get("README.md", Blob(b"")).content.decode(errors="replace")
    try:
        found = yaml.safe_load(front_matter(readme) or "")
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def front_matter(readme: str) -> str | None:
    """The YAML between two lines of three dashes at the start of a text."""
    lines = readme.lstrip("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != "---":
        return None
    ends = [number for number, line in enumerate(lines) if number and line.rstrip() == "---"]
    return "\n".join(lines[1 : ends[0]]) if ends else None


def _sibling(path: str, blob: Blob, sizes: bool) -> Item:
    if not sizes:
        return {"rfilename": path}
    return {"rfilename": path, "size": len(blob.content), "blobId": blob.oid} | _large(
        blob, "sha256"
    )


def _large(blob: Blob, oid_name: str) -> Item:
    if not blob.large:
        return {}
    size = len(git.pointer(blob.content))
    return {"lfs": {oid_name: blob.sha256, "size": len(blob.content), "pointerSize": size}}


def tree(store: Store, request: Request) -> Reply:
    """``GET /api/models/{id}/tree/{revision}[/{path}]``, in pages linked by a header."""
    repository = access.readable(store, request)
    commit = access.revision(repository, request.part("revision"))
    folder = request.part("path").strip("/")
    if folder not in commit.folders:
        refuse(404, f"{folder} does not exist on {request.part('revision')}", "EntryNotFound")
    paths = children([*commit.folders, *commit.files], folder, request.asks("recursive"))
    page, headers = _one_page(store, request, paths)
    expand = request.asks("expand")
    items = [_item(repository, commit, path, expand) for path in page]
    return json_reply(items, 200, **headers)


def _one_page(
    store: Store, request: Request, entries: Sequence[Entry]
) -> tuple[Sequence[Entry], dict[str, str]]:
    """The entries from the query's cursor on, and the link to the next page if there is one."""
    query = request.query
    start = int(query.get("cursor", ["0"])[0])
    size = min(store.page_size, int(query.get("limit", [store.page_size])[0]))
    if start + size >= len(entries):
        return entries[start:], {}
    after = urlencode(query | {"cursor": [str(start + size)]}, doseq=True)
    link = f'<{store.hub_url}{request.path}?{after}>; rel="next"'
    return entries[start : start + size], {"Link": link}


def _item(repository: Repository, commit: Commit, path: str, expand: bool) -> Item:
    if path in commit.files:
        blob = commit.files[path]
        found = {"type": "file", "oid": blob.oid, "size": len(blob.content), "path": path}
        found |= _large(blob, "oid")
    else:
        found = {"type": "directory", "oid": commit.folders[path], "size": 0, "path": path}
    if expand:
        found["lastCommit"] = _last_commit(repository.last_change(path, commit.oid))
    return found


def _last_commit(commit: Commit) -> Item:
    return {"id": commit.oid, "title": commit.title, "date": _stamp(commit)}


def _stamp(commit: Commit) -> str:
    return commit.date.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def paths_info(store: Store, request: Request) -> Reply:
    """``POST /api/models/{id}/paths-info/{revision}``: those of the asked paths that exist."""
    repository = access.readable(store, request)
    commit = access.revision(repository, request.part("revision"))
    if "json" in request.headers.get("content-type", ""):
        form = {name: _listed(value) for name, value in request.json().items()}
    else:
        form = parse_qs(request.body.decode())
    expand = is_set(form.get("expand"))
    paths = [path.strip("/") for path in form.get("paths", [])]
    there = [path for path in paths if path in commit.files or path in commit.folders]
    return json_reply([_item(repository, commit, path, expand) for path in there if path])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def refs(store: Store, request: Request) -> Reply:
    """``GET /api/models/{id}/refs``: branches and tags, with `include_prs` pull requests too."""
    repository = access.readable(store, request)

    found = {
        "branches": _refs_below(repository, "refs/heads/"),
        "tags": _refs_below(repository, "refs/tags/"),
        "converts": [],
    }
    if request.asks("include_prs"):
        found["pullRequests"] = _refs_below(repository, "refs/pr/")
    return json_reply(found)


def _refs_below(repository: Repository, prefix: str) -> list[Item]:
    return [
        {"name": name, "ref": prefix + name, "targetCommit": repository.refs[prefix + name]}
        for name in repository.names(prefix)
    ]


def commits(store: Store, request: Request) -> Reply:
    """``GET /api/models/{id}/commits/{revision}``: the history, the newest first, in pages."""
    repository = access.readable(store, request)
    newest = access.revision(repository, request.part("revision"))
    page, headers = _one_page(store, request, repository.history(newest.oid))
    found = [
        {
            "id": commit.oid,
            "title": commit.title,
            "message": commit.message,
            "authors": [{"user": commit.author}],
            "date": _stamp(commit),
        }
        for commit in page
    ]
    return json_reply(found, 200, **headers)
