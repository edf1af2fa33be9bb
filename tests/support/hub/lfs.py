"""Large file storage: files that are too large for git, named by their SHA-256.

An upload has three steps. The client asks the hub in a batch where to send its objects; those
that the hub has already get no address. It sends the bytes to the signed address of a storage host,
without login. Then it asks the hub to verify. Only then is the object in the repository; if its
hash or size differs from the announced one, it is dropped.

Large objects may be sent in parts. The batch then names the size of a part and one address for
each, and the client posts the list of parts to a completion address.
"""

from __future__ import annotations

import re
from math import ceil
from typing import Any
from urllib.parse import quote

from hub import access, git
from hub.messages import Reply, Request, error_reply, json_reply, refuse
from hub.store import Repository, Store

SIGNATURE = "Signature=for-this-object-only"
_OID = re.compile(r"[0-9a-f]{64}")


def batch(store: Store, request: Request) -> Reply:
    """``POST /{id}.git/info/lfs/objects/batch``: where to send each object."""
    repository = access.writable(store, request)
    asked = request.json()
    if asked.get("operation") != "upload":
        refuse(400, "Only uploads are served here")
    transfer, objects = "basic", []
    for entry in asked.get("objects", []):
        objects.append(_answer(store, repository, str(entry["oid"]), int(entry["size"])))
        if "chunk_size" in objects[-1].get("actions", {}).get("upload", {}).get("header", {}):
            transfer = "multipart"
    return json_reply({"transfer": transfer, "objects": objects})


def _answer(store: Store, repository: Repository, oid: str, size: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"oid": oid, "size": size}
    if not _OID.fullmatch(oid):
        return answer | {"error": {"code": 422, "message": "The oid is no SHA-256"}}
    if oid in repository.large:
        return answer
    large = f"{store.hub_url}/{repository.url_path}.git/info/lfs/objects"
    upload = f"{store.storage_url}/upload/{repository.url_path}/{oid}"
    action: dict[str, Any] = {"href": f"{upload}?{SIGNATURE}"}
    if store.multipart_above is not None and size > store.multipart_above:
        step = store.multipart_above
        parts = range(1, ceil(size / step) + 1)
        addresses = {str(part): f"{upload}?part={part}&{SIGNATURE}" for part in parts}
        action = {"href": f"{large}/complete", "header": {"chunk_size": str(step)} | addresses}
    return answer | {"actions": {"upload": action, "verify": {"href": f"{large}/verify"}}}


def receive(store: Store, request: Request) -> Reply:
    """``PUT {storage}/upload/{id}/{oid}[?part=n]``: the bytes of an object or of one part."""
    repository = _signed(store, request)
    oid, part = request.part("oid"), request.query.get("part", ["0"])[0]
    if part == "0":
        repository.pending[oid] = request.body
    else:
        repository.parts[oid, int(part)] = request.body
    return Reply(200, {"ETag": f'"{git.sha256(request.body)[:32]}"'})


def complete(store: Store, request: Request) -> Reply:
    """``POST /{id}.git/info/lfs/objects/complete``: joins the parts of an object."""
    repository = _named(store, request)
    asked = request.json()
    numbers = [(str(asked.get("oid")), int(part["partNumber"])) for part in asked.get("parts", [])]
    if not numbers or any(number not in repository.parts for number in numbers):
        refuse(400, "A part of the object has not been sent")
    joined = b"".join(repository.parts.pop(number) for number in numbers)
    repository.pending[numbers[0][0]] = joined
    return json_reply({})


def verify(store: Store, request: Request) -> Reply:
    """``POST /{id}.git/info/lfs/objects/verify``: keeps an object if it is right."""
    repository = access.writable(store, request)
    asked = request.json()
    oid, size = str(asked.get("oid")), asked.get("size")
    content = repository.pending.pop(oid, None)
    if content is None and oid not in repository.large:
        refuse(404, "The object has not been sent")
    if content is not None and (len(content) != size or git.sha256(content) != oid):
        refuse(422, "The object's size or SHA-256 is not what was announced")
    if content is not None:
        repository.large[oid] = content
    return json_reply({})


def stored(store: Store, request: Request) -> Reply:
    """``GET {storage}/storage/{id}/{oid}``: a large file's bytes, without login."""
    content = _signed(store, request).large.get(request.part("oid"))
    if content is None:
        return error_reply(404, "NoSuchKey")
    return Reply(200, {"ETag": f'"{git.sha256(content)[:32]}"', "Accept-Ranges": "bytes"}, content)


def stored_address(store: Store, repository: Repository, oid: str, name: str) -> str:
    """The signed address of a large file."""
    shown = quote(f'inline; filename="{name}";', safe="")
    address = f"{store.storage_url}/storage/{repository.url_path}/{oid}"
    return f"{address}?response-content-disposition={shown}&{SIGNATURE}"


def _signed(store: Store, request: Request) -> Repository:
    if SIGNATURE not in request.target:
        refuse(403, "AccessDenied")
    return _named(store, request)


def _named(store: Store, request: Request) -> Repository:
    repository = store.repositories.get((access.kind_of(request), request.part("repository")))
    return repository or refuse(404, "NoSuchBucket")
