"""Pushes a checkpoint to the hub: makes a plan, compares it with the repository, carries it out."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

from nerine.core.arguments import check_fields, checked
from nerine.core.errors import CheckpointError, HubError, SettingsError
from nerine.core.filenames import CARD_FILE, EVALUATIONS_FILE
from nerine.core.files import disk_errors
from nerine.core.logs import Say, logged
from nerine.core.settings import check, check_names
from nerine.hub.names import RepoName
from nerine.hub.upload import (
    MAIN,
    Target,
    check_target,
    read_remote,
    upload,
)
from nerine.model.given import CheckpointLike, name_of
from nerine.model.loading.sources import find_source
from nerine.publishing.card import Card, Statements, read_statements, write_card
from nerine.publishing.card_mark import marked
from nerine.publishing.changes import PushChanges
from nerine.publishing.contents import (
    Contents,
    check_learned,
    check_scores,
    checked_info,
    gather,
    with_card,
)
from nerine.publishing.earlier_push import (
    check_card,
    check_missing,
    comment_of,
    compare,
    read_card,
    unstated_of,
)
from nerine.publishing.evaluations import read_evaluations
from nerine.publishing.file_list import ONNX_FILES
from nerine.publishing.secrets import check_no_secret

logger = logging.getLogger("nerine.push")

_NOT_OPTIONS = {"dry_run": "nerine.plan_push makes the files and the card, and sends nothing"}


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
        remove: Whether to remove what an earlier push stated or sent and this one does not:
            statements, ONNX models, and files that the checkpoint no longer has.
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
    remove: bool = False
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
        own = [each.name for each in dataclasses.fields(self)]
        others = [each.name for each in dataclasses.fields(Statements)]
        check_names(changes, [*own, *others], "option or statement", _NOT_OPTIONS)
        known = {name: each for name, each in changes.items() if name in own}
        stated = {name: each for name, each in changes.items() if name not in own}
        Statements().changed(stated)  # raises for values that the hub would not accept
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
        statements: What is stated of the checkpoint.
        card_of: Writes the card with other statements.
        replace_card: Whether to replace a card that Nerine did not write.
        remove: Whether to remove what an earlier push stated or sent and this one does not.
    """

    folder: Path
    target: Target
    contents: Contents
    card: Card
    message: str
    statements: Statements
    card_of: Callable[[Statements], Card] = field(repr=False)
    replace_card: bool = False
    remove: bool = False

    @property
    def size(self) -> int:
        """The size of all files in bytes."""
        return sum(file.size for file in self.contents.files)

    def stating(self, statements: Statements) -> PushPlan:
        """The same plan with other statements on the card."""
        card = self.card_of(statements)
        contents = with_card(self.contents, _card_bytes(card, statements))
        return dataclasses.replace(self, statements=statements, card=card, contents=contents)

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
        kept: Files of an earlier push that this one does not have, which were left alone.
        deleted: Such files that were removed.
        kept_statements: What an earlier push stated, by name, which this one does not restate.
        removed_statements: Such statements that were removed.
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
    kept: tuple[str, ...]
    deleted: tuple[str, ...]
    kept_statements: Mapping[str, Any]
    removed_statements: Mapping[str, Any]
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


@disk_errors(CheckpointError)
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
    evaluations = read_evaluations(folder)

    def card_of(stated: Statements) -> Card:
        template = chosen.card_template
        return write_card(repo.id, info, evaluations, stated, revision=branch, template=template)

    card = card_of(statements)
    check_scores(folder, info, card)
    message = chosen.message or f"Checkpoint of the weights {info['weights']['sha256'][:12]}"
    check_no_secret(message.encode("utf-8", "replace"), "the commit's message")
    contents = gather(folder, info, _card_bytes(card, statements), chosen.onnx)
    return PushPlan(
        folder,
        target,
        contents,
        card,
        message,
        statements,
        card_of,
        chosen.replace_card,
        chosen.remove,
    )


def _card_bytes(card: Card, statements: Statements) -> bytes:
    """The card as it is published."""
    return marked(card.text, comment_of(statements))


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
    are not sent again. What an earlier push stated, and its ONNX models, stay until they are
    restated; `remove` removes them. `plan_push` shows what would be sent.

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
    earlier = read_card(target, remote)
    if not plan.replace_card:
        check_card(target, earlier)
    unstated = unstated_of(earlier, plan.statements, target, strictly=not plan.remove)
    if unstated and not plan.remove:
        plan = plan.stating(plan.statements.changed(unstated))
    changes = compare(plan.contents.files, remote)
    if not plan.remove:
        check_missing(target, changes)
    deleted = changes.missing if plan.remove else ()
    tagged = remote.tags.get(target.tag or "")
    if tagged is not None and (changes.sent or deleted or tagged != remote.commit):
        raise HubError(
            f"the tag {target.tag!r} exists already, at the commit {tagged[:12]}",
            place=str(target.repo),
            expected="a new tag",
            hint="nothing was pushed: name another one",
        )
    commit = upload(target, remote, changes.sent, delete=deleted, message=plan.message, say=say)
    return Pushed(
        plan,
        sent=tuple(file.name for file in changes.sent),
        unchanged=changes.unchanged,
        kept=() if plan.remove else changes.missing,
        deleted=deleted,
        kept_statements={} if plan.remove else unstated,
        removed_statements=unstated if plan.remove else {},
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
