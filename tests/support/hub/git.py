"""Object ids of git, which the hub uses.

Every object is hashed as ``<type> <length>\\0<content>`` with SHA-1. A file in large file
storage has a pointer in the tree, a small text with its SHA-256 and size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def object_id(kind: str, content: bytes) -> str:
    """The SHA-1 of a git object: ``blob``, ``tree`` or ``commit``."""
    header = f"{kind} {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def sha256(content: bytes) -> str:
    """The SHA-256 in hexadecimal, which is the oid of a file in large file storage."""
    return hashlib.sha256(content).hexdigest()


def pointer(content: bytes) -> bytes:
    """The pointer in the tree to a file in large file storage."""
    return (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{sha256(content)}\nsize {len(content)}\n"
    ).encode()


def tree_id(entries: Mapping[str, tuple[str, str]]) -> str:
    """The id of one folder: name -> (mode, id). Folders sort as if their names ended in a slash."""
    order = sorted(entries, key=lambda name: name + "/" * (entries[name][0] == "40000"))
    lines = [
        f"{entries[name][0]} {name}\0".encode() + bytes.fromhex(entries[name][1]) for name in order
    ]
    return object_id("tree", b"".join(lines))


def folder_ids(blobs: Mapping[str, str]) -> dict[str, str]:
    """The id of every folder of a tree of files (path -> blob id); ``""`` is the root."""
    folders: dict[str, dict[str, tuple[str, str]]] = {"": {}}
    for path, blob in blobs.items():
        parent, _, name = path.rpartition("/")
        folders.setdefault(parent, {})[name] = ("100644", blob)
        for folder in parents(path):
            folders.setdefault(folder, {})
    ids: dict[str, str] = {}
    for folder in sorted(folders, key=lambda path: (-path.count("/"), path == "")):
        ids[folder] = tree_id(folders[folder])
        if folder:
            parent, _, name = folder.rpartition("/")
            folders[parent][name] = ("40000", ids[folder])
    return ids


def parents(path: str) -> list[str]:
    """The folders above a path, the nearest last: ``a/b/c`` -> ``["a", "a/b"]``."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]
