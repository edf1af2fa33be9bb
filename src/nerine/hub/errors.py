"""What goes wrong on the hub → `HubError`, one message each. No message holds a token."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from huggingface_hub import constants, get_token
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from nerine.core.display import visible
from nerine.core.errors import HubError, NerineError, first_line
from nerine.hub.cache import what_is_cached
from nerine.hub.names import RepoName

_HIDDEN = "<token>"
_TOKEN = re.compile(r"(?<![A-Za-z0-9])(?:hf|api_org)_[A-Za-z0-9_]{8,}")
_HTTP = ("httpx", "httpcore", "h11")
_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]+")  # whoever has a signed address may use it


@contextlib.contextmanager
def errors_of(repo: RepoName) -> Iterator[None]:
    """Errors of the hub's own library → `HubError`."""
    try:
        yield
    except NerineError:
        raise
    except Exception as error:  # of the hub, of HTTP, of files
        mended = hub_error(repo, error)
        # what a library puts into its own message may be a header with the token
        raise mended from (error if redacted(str(error)) == str(error) else None)


def hub_error(repo: RepoName, error: Exception) -> HubError:
    """The one message for what went wrong with a repository."""
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # so the library wraps what happens in its threads
    if isinstance(error, (OfflineModeIsEnabled, LocalEntryNotFoundError)):
        return _not_cached(repo) if is_offline() else _unreachable(repo, error)
    if isinstance(error, GatedRepoError):
        return HubError(
            "the repository is gated: its owner wants to know who uses it",
            place=str(repo),
            expected="a login that its owner has let in",
            hint=f"ask for access at {repo.page}, then log in: hf auth login",
        )
    if isinstance(error, RepositoryNotFoundError):
        return _no_repository(repo)
    if isinstance(error, RevisionNotFoundError):
        return HubError(
            f"the repository has no revision {repo.revision or 'main'!r}",
            place=repo.id,
            expected="a branch, a tag or the full hash of a commit",
            hint=f"what there is: {repo.page}/refs",
        )
    if isinstance(error, UnicodeEncodeError) and not (login_token() or "").isascii():
        return HubError(
            "this login's token cannot be one: it has letters that no token has",
            place=str(repo),
            hint="log in again (hf auth login), or look at HF_TOKEN",
        )
    if isinstance(error, EntryNotFoundError):
        return HubError(f"a file is missing: {_said(error)}", place=str(repo))
    if isinstance(error, HfHubHTTPError):
        return _http_error(repo, error)
    return _other_error(repo, error)


def is_of_http(error: Exception) -> bool:
    """Whether an error is of the library that speaks HTTP, or of what that stands on."""
    return type(error).__module__.startswith(_HTTP)


def is_offline() -> bool:
    """Whether the hub may not be asked."""
    return bool(constants.HF_HUB_OFFLINE)  # which heeds TRANSFORMERS_OFFLINE, too


def redacted(text: str) -> str:
    """`text` without what is, or looks like, a token of the hub."""
    token = login_token()
    if token:
        text = text.replace(token, _HIDDEN)
    return _TOKEN.sub(_HIDDEN, text)


def login_token() -> str | None:
    """The token that the hub's library would send, so that it can be looked for."""
    try:
        return get_token()
    except Exception:  # it may ask a service for one, and fail
        return None


def _said(error: Exception) -> str:
    """What a library says, in a line, without tokens and the signatures of addresses."""
    return visible(_QUERY.sub(r"\1?…", redacted(first_line(error))))


def _no_repository(repo: RepoName) -> HubError:
    asked = f"there is no such {repo.kind} repository on {constants.ENDPOINT}"
    if login_token():
        return HubError(
            f"{asked}, or this login may not see it",
            place=str(repo),
            hint="look at the spelling, and at who is logged in: hf auth whoami",
        )
    return HubError(
        f"{asked}, or it is private and nobody is logged in",
        place=str(repo),
        expected="a folder, or the id of a repository as owner/name",
        hint="look at the spelling, or log in: hf auth login",
    )


def _http_error(repo: RepoName, error: HfHubHTTPError) -> HubError:
    status = error.response.status_code
    if status == 401:
        return HubError(
            "the hub does not accept this login's token",
            place=str(repo),
            hint="log in again (hf auth login), or look at HF_TOKEN",
        )
    if status == 403:
        return HubError(
            f"this login may not do that: {visible(redacted(error.server_message or 'forbidden'))}",
            place=str(repo),
            expected="the token of somebody who has the right to; for a push, one that may write",
            hint="who is logged in: hf auth whoami; new tokens: "
            f"{constants.ENDPOINT}/settings/tokens",
        )
    if status == 429:
        wait = error.response.headers.get("Retry-After")
        when = f"in {wait} seconds" if wait and wait.isdigit() else "later"
        return HubError(
            "the hub was asked too often (HTTP 429)", place=str(repo), hint=f"try again {when}"
        )
    if status >= 500:
        return HubError(
            f"the hub fails (HTTP {status})",
            place=str(repo),
            hint="try again later: what has arrived already is kept",
        )
    return HubError(
        f"the hub refuses (HTTP {status}): {_said(error)}",
        place=str(repo),
    )


def _other_error(repo: RepoName, error: Exception) -> HubError:
    if is_of_http(error) or isinstance(error, (ConnectionError, TimeoutError)):
        return _unreachable(repo, error)
    if isinstance(error, OSError) and error.errno is not None:
        return HubError(
            f"the cache cannot be written: {_said(error)}",
            place=constants.HF_HUB_CACHE,
            hint="make room, or let HF_HUB_CACHE name another folder",
        )
    return HubError(
        f"what the hub sends cannot be used: {type(error).__name__}: {_said(error)}",
        place=str(repo),
        hint=f"is {constants.ENDPOINT} the hub? Try again if it is",
    )


def _unreachable(repo: RepoName, error: Exception) -> HubError:
    return HubError(
        f"the hub at {constants.ENDPOINT} could not be reached: {_said(error)}",
        place=str(repo),
        expected="a folder, or a repository that can be reached",
        hint="try again; offline, what was pulled before can be used with HF_HUB_OFFLINE=1",
    )


def _not_cached(repo: RepoName) -> HubError:
    return HubError(
        f"HF_HUB_OFFLINE is set, and this is not in the cache at {constants.HF_HUB_CACHE}",
        place=str(repo),
        expected=f"one of what is cached, whole or in part: {what_is_cached(repo)}",
        hint="pull it where the hub can be reached: "
        f"nerine {'pull' if repo.kind == 'model' else 'describe'} {repo}",
    )
