"""What an earlier push has left in a repository: statements and files, which stay until restated.

A card that Nerine writes holds its statements in a comment::

    <!-- stated with nerine push: {"license": "mit", "language": ["en"]} -->

Of any other card the metadata that the hub reads tell the licence and the languages.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from huggingface_hub import ModelCard

from nerine.core.errors import HubError, NerineError
from nerine.core.filenames import CARD_FILE, INFO_FILE, WEIGHTS_FILE
from nerine.hub.upload import LocalFile, Remote, Target, read_remote_file
from nerine.publishing.card import Statements
from nerine.publishing.card_mark import is_unedited
from nerine.publishing.file_list import DELETABLE, ONNX_FILES

_STATED = re.compile(r"^<!-- stated with nerine push: (\{.*\}) -->$", re.MULTILINE)
_IN_METADATA = ("license", "license_name", "license_link", "language")
_TOGETHER = (
    ("license", "license_name", "license_link"),
    ("dataset", "dataset_name", "dataset_config", "dataset_revision"),
)
"""Statements that are restated together: a new licence has no link of the old one."""
_LONGEST_CARD = 1 << 22
_GIT_ATTRIBUTES = ".gitattributes"  # made by the hub


def stated(statements: Statements) -> dict[str, Any]:
    """The statements that are made, by name."""
    values = dataclasses.asdict(statements)
    return {name: value for name, value in values.items() if value not in (None, ())}


def comment_of(statements: Statements) -> str:
    """The comment of a card that holds the statements; empty without any."""
    values = stated(statements)
    text = json.dumps(values, ensure_ascii=False).replace("-", "\\u002d")  # which may end a comment
    return f"<!-- stated with nerine push: {text} -->" if values else ""


def unstated_of(
    card: bytes | None, now: Statements, target: Target, *, strictly: bool
) -> dict[str, Any]:
    """What the card in a repository states and a push does not.

    Statements that are restated together are those of the push alone. Raises `HubError` if the card
    cannot be read, but only if `strictly`.
    """
    if card is None:
        return {}
    try:
        earlier = stated(_statements_in(card))
    except (NerineError, ValueError, TypeError, AttributeError) as error:
        if not strictly:
            return {}
        found = error.found if isinstance(error, NerineError) else f"{error!r:.200}"
        raise HubError(
            f"what the card there states cannot be read: {found}",
            place=_card_page(target),
            expected="a card that nerine push wrote, or one with valid metadata",
            hint="--remove (in Python remove=True) leaves out what it states",
        ) from error
    restated = {*stated(now)}
    for group in _TOGETHER:
        if restated.intersection(group):
            restated.update(group)
    return {name: value for name, value in earlier.items() if name not in restated}


def _statements_in(card: bytes) -> Statements:
    """The statements of a card, by Nerine or by anyone else."""
    text = card.decode()
    found = _STATED.findall(text)
    if found:
        return Statements().changed(json.loads(found[-1]))
    data = ModelCard(text, ignore_metadata_errors=False).data
    known = {name: data.get(name) for name in _IN_METADATA if data.get(name)}
    if isinstance(known.get("language"), str):
        known["language"] = [known["language"]]
    return Statements().changed(known)


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences between a push and a repository.

    Attributes:
        sent: Files that are new or changed.
        unchanged: Files that the repository has already.
        missing: Files of an earlier push that this one does not have.
        others: Files of other origin.
    """

    sent: tuple[LocalFile, ...]
    unchanged: tuple[str, ...]
    missing: tuple[str, ...]
    others: tuple[str, ...]


def compare(files: Sequence[LocalFile], remote: Remote) -> Changes:
    """The differences between files to push and a repository.

    A file that an earlier push may have sent, and that is not among `files`, is missing if the
    repository was pushed by Nerine, that is, if it has `nerine.json`.
    """
    there = remote.files
    same = {file.name for file in files if file.name in there and file.equals(there[file.name])}
    more = sorted(set(there) - {file.name for file in files} - {_GIT_ATTRIBUTES})
    deletable = DELETABLE if INFO_FILE in there else frozenset()
    return Changes(
        tuple(file for file in files if file.name not in same),
        tuple(sorted(same)),
        tuple(name for name in more if name in deletable),
        tuple(name for name in more if name not in deletable),
    )


def read_card(target: Target, remote: Remote) -> bytes | None:
    """The card in the repository; None without one, and empty if it is too long to be a card."""
    card = remote.files.get(CARD_FILE)
    if card is None:
        return None
    is_small = (card.size or 0) <= _LONGEST_CARD
    return read_remote_file(target, remote, CARD_FILE) if is_small else b""


def check_card(target: Target, earlier: bytes | None) -> None:
    """Raises `HubError` if a card that a person wrote or edited would be replaced unasked."""
    if earlier is not None and not is_unedited(earlier):
        raise HubError(
            f"the {CARD_FILE} in the repository was written or edited by a person",
            place=_card_page(target),
            expected="a card that nerine push wrote, or none",
            hint="put its content into card.toml (nerine push --help), and replace it with "
            "--replace-card (in Python replace_card=True)",
        )


def check_missing(target: Target, changes: Changes) -> None:
    """Raises `HubError` if files of an earlier push cannot stay next to those of this one.

    ONNX models stay next to the weights that they were made from, unless ONNX models are pushed.
    """
    sent = {file.name for file in changes.sent} | {*changes.unchanged}
    can_stay = WEIGHTS_FILE in changes.unchanged and not sent.intersection(ONNX_FILES)
    lost = [name for name in changes.missing if not (can_stay and name in ONNX_FILES)]
    if lost:
        push_them = (
            "push them too (--onnx all, in Python onnx=['all']), or "
            if {*lost} & {*ONNX_FILES}
            else ""
        )
        raise HubError(
            f"this push would remove files of an earlier one: {', '.join(lost)}",
            place=str(target.repo),
            expected="the same files again, made from these weights",
            hint=f"{push_them}remove them with --remove (in Python remove=True)",
        )


def _card_page(target: Target) -> str:
    return f"{target.repo.page}/blob/{target.branch}/{CARD_FILE}"
