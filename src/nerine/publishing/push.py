"""Plan → push: what is there already is compared with what is to be there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nerine.core.errors import HubError, SettingsError
from nerine.core.filenames import CARD_FILE, EVALUATIONS_FILE, INFO_FILE
from nerine.hub.names import RepoName
from nerine.hub.sending import (
    MAIN,
    Outgoing,
    Remote,
    Say,
    Target,
    check_target,
    look,
    read_file,
    send,
)
from nerine.model.loading.sources import find_source, is_path
from nerine.publishing.card import Card, Statements, read_statements, write_card
from nerine.publishing.contents import Contents, check_scores, check_text, checked_info, gather
from nerine.publishing.evaluations import read_evaluations
from nerine.publishing.listing import ONNX_FILES, OURS
from nerine.publishing.marking import is_untouched

_LONGEST_CARD = 1 << 22
_NOT_OURS = ".gitattributes"  # the hub makes it


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How a checkpoint is pushed.

    Attributes:
        public: Whether a new repository is public, and files may go to one that is.
        revision: A branch; one that is not there is made from `main`.
        tag: A new tag for the commit.
        create_pr: Whether a pull request is made instead of a commit.
        onnx: Variants such as `onnx-int8` that go out too, or `all`.
        statements: What only a person knows; by default those of `card.toml` in the folder.
        stated: More of them, by their names.
        message: The commit's message.
        replace_card: Whether a card that Nerine did not write is replaced.
        card_template: A Jinja template for the card, as in `write_card`; by default Nerine's own.
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
    card_template: str | Path | None = None

    @property
    def extra_files(self) -> tuple[str, ...]:
        """What a push may need beside the files that it takes to tag."""
        return (EVALUATIONS_FILE, *(ONNX_FILES if self.onnx else ()))

    def changed(self, changes: Mapping[str, Any]) -> PushOptions:
        """These options with others.

        Args:
            changes: New values by the options' names; names of statements are taken for such.

        Returns:
            The options.

        Raises:
            SettingsError: For a name that is neither, or a value that the hub would not take.
        """
        own = {each.name for each in dataclasses.fields(self)}
        stated = {name: each for name, each in changes.items() if name not in own}
        Statements().changed(stated)  # says what is unknown
        known = {name: each for name, each in changes.items() if name in own}
        if isinstance(known.get("onnx"), str):
            raise SettingsError("this is one text", place="onnx", expected="several variants")
        known = {name: tuple(each) if name == "onnx" else each for name, each in known.items()}
        return dataclasses.replace(self, **{"stated": {**self.stated, **stated}, **known})


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What a push would send, and where to; the hub has not been asked anything.

    Attributes:
        folder: The folder of the checkpoint.
        target: Where it is sent.
        contents: What goes out, and what stays.
        card: The model card.
        message: The commit's message.
        replace_card: Whether a card that Nerine did not write is replaced.
    """

    folder: Path
    target: Target
    contents: Contents
    card: Card
    message: str
    replace_card: bool = False

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.contents.files)

    @property
    def readme(self) -> str:
        """The card as it goes out."""
        (text,) = (file.content for file in self.contents.files if file.name == CARD_FILE)
        return text.decode() if isinstance(text, bytes) else text.read_text(encoding="utf-8")

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
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
    """What a push has done.

    Attributes:
        plan: What was to be sent.
        sent: The files that are new or were changed.
        unchanged: Those that were there already.
        deleted: Those of an earlier push that are of no use any more.
        others: Those that somebody else put there, which are as they were.
        bytes: The bytes of `sent`.
        commit: The state of the repository that has all of `plan`'s files; `changed` says whether
            it was made now.
        url: Where that can be looked at.
        pull_request: The address of the pull request; None where the commit was made.
        private: Whether the repository is private.
        created: Whether it was made now.
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
        """Whether there was anything to be changed."""
        return bool(self.sent or self.deleted)

    def to_dict(self) -> dict[str, Any]:
        """For JSON.

        Returns:
            What was planned and what was done, without the files' contents.
        """
        own = {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)
            if each.name != "plan"
        }
        return {**self.plan.to_dict(), **own, "changed": self.changed}


@dataclass(frozen=True, slots=True)
class Changes:
    """How a repository differs from what is to be there."""

    sent: tuple[Outgoing, ...]
    unchanged: tuple[str, ...]
    deleted: tuple[str, ...]
    others: tuple[str, ...]


def plan_push(
    source: str | Path, repo_id: str, options: PushOptions | None = None, **changes: Any
) -> PushPlan:
    """What a push of a checkpoint would send. A folder's plan needs no hub.

    Args:
        source: The folder of the checkpoint, or the hub id of one to publish again.
        repo_id: `owner/name`, or `owner/name@branch`.
        options: How it is pushed; by default `PushOptions()`.
        changes: Fields of `options` by name, which they replace, and statements such as `license`.

    Returns:
        What would be sent, and where to.

    Raises:
        CheckpointError: For a folder that is no checkpoint, or is not fit to be published.
        SettingsError: For an option or a statement that does not exist, or has no such value.
        HubError: For a name that can be no repository, branch or tag.
        EncodingError: For a tokenizer that cannot be used.
        SchemeError: For a tag scheme that there is not.
        MissingExtraError: For a checkpoint of a package that is not installed.
    """
    chosen = (options or PushOptions()).changed(changes)
    repo = RepoName.parse(repo_id, chosen.revision)
    target = Target(repo, chosen.public, chosen.tag, chosen.create_pr)
    check_target(target)
    place = _folder_of(source, chosen)
    info = checked_info(place)
    branch = None if chosen.create_pr or target.branch == MAIN else target.branch
    said = statements_of(place, chosen)
    card = write_card(
        repo.id,
        info,
        read_evaluations(place),
        said,
        revision=branch,
        template=chosen.card_template,
    )
    check_scores(place, info, card)
    message = chosen.message or f"Checkpoint of the weights {info['weights']['sha256'][:12]}"
    check_text(message, "the commit's message")
    contents = gather(place, info, card, chosen.onnx)
    return PushPlan(place, target, contents, card, message, chosen.replace_card)


def _folder_of(source: str | Path, options: PushOptions) -> Path:
    """The folder of a checkpoint; one on the hub is fetched with all that is to be published."""
    if Path(source).expanduser().exists() or isinstance(source, Path) or is_path(source):
        return Path(source).expanduser()
    found = find_source(source)
    for name in options.extra_files:
        found.bring(name, if_there=True)
    return found.folder


def push(
    source: str | Path,
    repo_id: str,
    options: PushOptions | None = None,
    *,
    say: Say = lambda _: None,
    **changes: Any,
) -> Pushed:
    """Pushes a checkpoint to the hub, with a model card, in one commit.

    As `plan_push`, whose plan is carried out. The repository is made where there is none, private
    unless `public`. Files that are there already are not sent again.

    Args:
        source: The folder of the checkpoint, or the hub id of one to publish again.
        repo_id: `owner/name`, or `owner/name@branch`.
        options: How it is pushed; by default `PushOptions()`.
        say: Hears what is being done.
        changes: Fields of `options` by name, which they replace, and statements such as `license`.

    Returns:
        What was sent, and where it is now.

    Raises:
        HubError: For a repository that cannot be reached, written or made.
        CheckpointError: For a folder that is no checkpoint, or is not fit to be published.
        SettingsError: For an option or a statement that does not exist, or has no such value.
        EncodingError: For a tokenizer that cannot be used.
        SchemeError: For a tag scheme that there is not.
        MissingExtraError: For a checkpoint of a package that is not installed.
    """
    return carry_out(plan_push(source, repo_id, options, **changes), say=say)


def carry_out(plan: PushPlan, *, say: Say = lambda _: None) -> Pushed:
    """Does what a plan says; `say` hears what is being done. Raises `HubError`."""
    say(f"looking at {plan.target.repo}")
    remote = look(plan.target)
    difference = compare(plan.contents.files, remote)
    _check_card(plan, remote, difference)
    _check_tag(plan.target, remote, changed=bool(difference.sent or difference.deleted))
    commit = send(
        plan.target,
        remote,
        difference.sent,
        delete=difference.deleted,
        message=plan.message,
        say=say,
    )
    return Pushed(
        plan,
        sent=tuple(file.name for file in difference.sent),
        unchanged=difference.unchanged,
        deleted=difference.deleted,
        others=difference.others,
        bytes=sum(file.size for file in difference.sent),
        commit=commit.id,
        url=commit.url,
        pull_request=commit.pull_request,
        private=commit.private,
        created=remote.commit is None,
    )


def statements_of(folder: Path, options: PushOptions) -> Statements:
    """What is stated of the checkpoint in `folder`: in the options, or else in `card.toml`."""
    base = options.statements or read_statements(folder)
    return base.changed(options.stated)


def compare(files: Sequence[Outgoing], remote: Remote) -> Changes:
    """What of `files` is missing or different there, and what is there beside them.

    A file that an earlier push may have sent is deleted if this one does not have it, and if the
    repository was pushed by Nerine: it has `nerine.json`.
    """
    there = remote.files
    same = {file.name for file in files if file.name in there and file.is_like(there[file.name])}
    names = {file.name for file in files}
    ours = OURS if INFO_FILE in there else frozenset()
    beside = sorted(set(there) - names)
    return Changes(
        tuple(file for file in files if file.name not in same),
        tuple(sorted(same)),
        tuple(name for name in beside if name in ours),
        tuple(name for name in beside if name not in ours and name != _NOT_OURS),
    )


def _check_card(plan: PushPlan, remote: Remote, difference: Changes) -> None:
    """A card that a person has written, or edited, is not replaced in silence."""
    replaced = CARD_FILE in remote.files and CARD_FILE not in difference.unchanged
    if not replaced or plan.replace_card:
        return
    small = (remote.files[CARD_FILE].size or 0) <= _LONGEST_CARD
    if not (small and is_untouched(read_file(plan.target, remote, CARD_FILE))):
        raise HubError(
            f"the {CARD_FILE} there was written or edited by somebody",
            place=f"{plan.target.repo.page}/blob/{plan.target.branch}/{CARD_FILE}",
            expected="none, or one that nerine push has written",
            hint="put what it says into card.toml (nerine push --help), and replace it with "
            "--replace-card (in Python replace_card=True)",
        )


def _check_tag(target: Target, remote: Remote, *, changed: bool) -> None:
    """A tag that is there already stays at its commit."""
    there = remote.tags.get(target.tag or "")
    if there is not None and (changed or there != remote.commit):
        raise HubError(
            f"there is a tag {target.tag!r} already, at the commit {there[:12]}",
            place=str(target.repo),
            expected="a new tag",
            hint="nothing was pushed: name another one",
        )
