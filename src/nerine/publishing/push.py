"""Pushes a checkpoint to the hub: makes a plan, compares it with the repository, carries it out."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

from nerine.core.arguments import check_fields, checked
from nerine.core.errors import HubError, SettingsError
from nerine.core.filenames import CARD_FILE, EVALUATIONS_FILE, INFO_FILE
from nerine.core.logs import Say, logged
from nerine.core.settings import check
from nerine.hub.names import RepoName
from nerine.hub.upload import (
    MAIN,
    LocalFile,
    Remote,
    Target,
    check_target,
    read_remote,
    read_remote_file,
    upload,
)
from nerine.model.given import CheckpointLike, name_of
from nerine.model.loading.sources import find_source
from nerine.publishing.card import Card, Statements, read_statements, write_card
from nerine.publishing.card_mark import is_unedited
from nerine.publishing.changes import PushChanges
from nerine.publishing.contents import (
    Contents,
    check_learned,
    check_scores,
    checked_info,
    gather,
)
from nerine.publishing.evaluations import read_evaluations
from nerine.publishing.file_list import DELETABLE, ONNX_FILES
from nerine.publishing.secrets import check_no_secret

logger = logging.getLogger("nerine.push")

_LONGEST_CARD = 1 << 22
_GIT_ATTRIBUTES = ".gitattributes"  # made by the hub


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How a checkpoint is pushed.

    Attributes:
        public: Whether a new repository is public, and whether to push to one that is public.
        revision: A branch; a missing one is made from `main`.
        tag: A new tag for the commit.
        create_pr: Whether to make a pull request instead of a commit.
        onnx: Variants such as `onnx-int8` to push too, or `all`.
        statements: What only a person knows; by default the content of `card.toml` in the folder.
        stated: More statements, by name.
        message: The message of the commit.
        replace_card: Whether to replace a card that Nerine did not write.
        allow_failed: Whether to push a model that has learned nothing.
        card_template: A Jinja template for the card, as in `write_card`; by default Nerine's own.

    Raises:
        SettingsError: If an option has another type.
    """

    public: bool = False
    revision: str | None = None
    tag: str | None = None
    create_pr: bool = False
    onnx: tuple[str, ...] = ()
    statements: Statements | None = None
    stated: Mapping[str, Any] = field(default_factory=dict)
    message: str | None = None
    replace_card: bool = False
    allow_failed: bool = False
    card_template: str | Path | None = None

    def __post_init__(self) -> None:
        check_fields(self, SettingsError)

    def changed(self, changes: Mapping[str, Any]) -> PushOptions:
        """These options with changes.

        Args:
            changes: New values by name, of options and of statements.

        Returns:
            The options.

        Raises:
            SettingsError: If a name is unknown, or the hub would not accept a value.
        """
        check("changes", changes, Mapping)
        own = {each.name for each in dataclasses.fields(self)}
        known = {name: each for name, each in changes.items() if name in own}
        stated = {name: each for name, each in changes.items() if name not in own}
        Statements().changed(stated)  # raises for unknown ones
        if isinstance(known.get("onnx"), str):
            raise SettingsError("this is one text", place="onnx", expected="several variants")
        if "onnx" in known:
            known["onnx"] = tuple(known["onnx"])
        return dataclasses.replace(self, **{"stated": {**self.stated, **stated}, **known})


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What a push would send, and where to. The hub has not been asked anything.

    Attributes:
        folder: The folder of the checkpoint.
        target: Where it is sent.
        contents: The files that are sent, and those that are not.
        card: The model card.
        message: The message of the commit.
        replace_card: Whether to replace a card that Nerine did not write.
    """

    folder: Path
    target: Target
    contents: Contents
    card: Card
    message: str
    replace_card: bool = False

    @property
    def size(self) -> int:
        """The size of all files in bytes."""
        return sum(file.size for file in self.contents.files)

    @property
    def readme(self) -> str:
        """The card as it is published."""
        (text,) = (file.content for file in self.contents.files if file.name == CARD_FILE)
        return text.decode() if isinstance(text, bytes) else text.read_text(encoding="utf-8")

    def to_dict(self) -> dict[str, Any]:
        """The plan for JSON."""
        return {
            "checkpoint": str(self.folder),
            "repository": self.target.repo.id,
            "branch": self.target.branch,
            "tag": self.target.tag,
            "public": self.target.public,
            "create_pr": self.target.create_pr,
            "message": self.message,
            "files": [
                {"name": file.name, "bytes": file.size, "sha256": file.sha256}
                for file in self.contents.files
            ],
            "left_out": [dataclasses.asdict(each) for each in self.contents.left_out],
            "shortened": [dataclasses.asdict(each) for each in self.contents.shortened],
            "open": list(self.card.open),
        }


@dataclass(frozen=True, slots=True)
class Pushed:
    """The result of a push.

    Attributes:
        plan: What was to be sent.
        sent: The files that are new or changed.
        unchanged: The files that the repository had already.
        deleted: Files of an earlier push that the checkpoint no longer has.
        others: Files of other origin, which were left alone.
        bytes: The size of `sent`.
        commit: The commit with all files of `plan`; `changed` says whether it is new.
        url: The address of its page.
        pull_request: The address of the pull request; None for a commit.
        private: Whether the repository is private.
        created: Whether the repository is new.
    """

    plan: PushPlan
    sent: tuple[str, ...]
    unchanged: tuple[str, ...]
    deleted: tuple[str, ...]
    others: tuple[str, ...]
    bytes: int
    commit: str
    url: str
    pull_request: str | None
    private: bool
    created: bool

    @property
    def changed(self) -> bool:
        """Whether the push changed anything."""
        return bool(self.sent or self.deleted)

    def to_dict(self) -> dict[str, Any]:
        """The plan and the result for JSON, without the contents of files."""
        own = {name: getattr(self, name) for name in self.__slots__ if name != "plan"}
        return {**self.plan.to_dict(), **own, "changed": self.changed}


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences between a push and a repository.

    Attributes:
        sent: Files that are new or changed.
        unchanged: Files that the repository has already.
        deleted: Files of an earlier push that this one does not have.
        others: Files of other origin.
    """

    sent: tuple[LocalFile, ...]
    unchanged: tuple[str, ...]
    deleted: tuple[str, ...]
    others: tuple[str, ...]


@checked
def plan_push(
    source: CheckpointLike,
    repo_id: str,
    options: PushOptions | None = None,
    **changes: Unpack[PushChanges],
) -> PushPlan:
    """Plans a push of a checkpoint and checks it. For a folder, the hub is not needed.

    Args:
        source: The folder of the checkpoint, its hub id, or a tagger that was loaded from it.
        repo_id: `owner/name`, or `owner/name@branch`.
        options: How it is pushed; by default `PushOptions()`.
        changes: New values of `options` by name, and statements such as `license`.

    Returns:
        The plan.

    Raises:
        ArgumentError: If an argument has another type.
        CheckpointError: If the folder is not a checkpoint, or must not be published.
        SettingsError: If an option or statement is unknown or has an invalid value.
        HubError: If the name of the repository, branch or tag is invalid.
        EncodingError: If the tokenizer cannot be used.
        SchemeError: If the tag scheme is unknown.
        MissingExtraError: If the checkpoint needs a package that is not installed.
    """
    chosen = (options or PushOptions()).changed(changes)
    repo = RepoName.parse(repo_id, chosen.revision)
    target = Target(repo, chosen.public, chosen.tag, chosen.create_pr)
    check_target(target)
    found = find_source(name_of(source))
    for name in (EVALUATIONS_FILE, *(ONNX_FILES if chosen.onnx else ())):
        found.bring(name, if_there=True)
    folder = found.folder
    info = checked_info(folder)
    if not chosen.allow_failed:
        check_learned(folder, info)
    branch = None if chosen.create_pr or target.branch == MAIN else target.branch
    statements = statements_of(folder, chosen)
    card = write_card(
        repo.id,
        info,
        read_evaluations(folder),
        statements,
        revision=branch,
        template=chosen.card_template,
    )
    check_scores(folder, info, card)
    message = chosen.message or f"Checkpoint of the weights {info['weights']['sha256'][:12]}"
    check_no_secret(message.encode("utf-8", "replace"), "the commit's message")
    contents = gather(folder, info, card, chosen.onnx)
    return PushPlan(folder, target, contents, card, message, chosen.replace_card)


@checked
def push(
    source: CheckpointLike,
    repo_id: str,
    options: PushOptions | None = None,
    *,
    say: Say = lambda _: None,
    **changes: Unpack[PushChanges],
) -> Pushed:
    """Pushes a checkpoint to the hub, with a model card, in one commit.

    A missing repository is made, private unless `public`. Files that are in the repository already
    are not sent again. `plan_push` shows what would be sent.

    Args:
        source: The folder of the checkpoint, its hub id, or a tagger that was loaded from it.
        repo_id: `owner/name`, or `owner/name@branch`.
        options: How it is pushed; by default `PushOptions()`.
        say: Receives messages about the progress.
        changes: New values of `options` by name, and statements such as `license`.

    Returns:
        What was sent, and where it is now.

    Raises:
        ArgumentError: If an argument has another type.
        HubError: If the repository cannot be reached, written or made.
        CheckpointError: If the folder is not a checkpoint, or must not be published.
        SettingsError: If an option or statement is unknown or has an invalid value.
        EncodingError: If the tokenizer cannot be used.
        SchemeError: If the tag scheme is unknown.
        MissingExtraError: If the checkpoint needs a package that is not installed.
    """
    return carry_out(plan_push(source, repo_id, options, **changes), say=say)


def carry_out(plan: PushPlan, *, say: Say = lambda _: None) -> Pushed:
    """Pushes what was planned; `say` receives messages about the progress. Raises `HubError`."""
    say, target = logged(logger, say), plan.target
    say(f"looking at {target.repo}")
    remote = read_remote(target)
    changes = compare(plan.contents.files, remote)
    _check_card(plan, remote, changes)
    tagged = remote.tags.get(target.tag or "")
    if tagged is not None and (changes.sent or changes.deleted or tagged != remote.commit):
        raise HubError(
            f"the tag {target.tag!r} exists already, at the commit {tagged[:12]}",
            place=str(target.repo),
            expected="a new tag",
            hint="nothing was pushed: name another one",
        )
    commit = upload(
        target, remote, changes.sent, delete=changes.deleted, message=plan.message, say=say
    )
    return Pushed(
        plan,
        sent=tuple(file.name for file in changes.sent),
        unchanged=changes.unchanged,
        deleted=changes.deleted,
        others=changes.others,
        bytes=sum(file.size for file in changes.sent),
        commit=commit.id,
        url=commit.url,
        pull_request=commit.pull_request,
        private=commit.private,
        created=remote.commit is None,
    )


def statements_of(folder: Path, options: PushOptions) -> Statements:
    """The statements about the checkpoint in `folder`: of the options, or else of `card.toml`."""
    return (options.statements or read_statements(folder)).changed(options.stated)


def compare(files: Sequence[LocalFile], remote: Remote) -> Changes:
    """The differences between files to push and a repository.

    A file that an earlier push may have sent, and that is not among `files`, is deleted if the
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


def _check_card(plan: PushPlan, remote: Remote, changes: Changes) -> None:
    """Raises `HubError` if a card that a person wrote or edited would be replaced unasked."""
    card = remote.files.get(CARD_FILE)
    if card is None or CARD_FILE in changes.unchanged or plan.replace_card:
        return
    is_small = (card.size or 0) <= _LONGEST_CARD
    if not (is_small and is_unedited(read_remote_file(plan.target, remote, CARD_FILE))):
        raise HubError(
            f"the {CARD_FILE} in the repository was written or edited by a person",
            place=f"{plan.target.repo.page}/blob/{plan.target.branch}/{CARD_FILE}",
            expected="a card that nerine push wrote, or none",
            hint="put its content into card.toml (nerine push --help), and replace it with "
            "--replace-card (in Python replace_card=True)",
        )
