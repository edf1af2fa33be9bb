"""Errors of `huggingface_hub` → `HubError`, one message each. No message holds a token."""

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
from nerine.hub.cache import describe_cache
from nerine.hub.names import RepoName

_HIDDEN = "<token>"
_TOKEN = re.compile(r"(?<![A-Za-z0-9])(?:hf|api_org)_[A-Za-z0-9_]{8,}")
_HTTP_LIBRARIES = ("httpx", "httpcore", "h11")
_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]+")  # the signature of a download address


@contextlib.contextmanager
def errors_of(repo: RepoName) -> Iterator[None]:
    """Turns errors of `huggingface_hub` into `HubError`."""
    try:
        yield
    except NerineError:
        raise
    except Exception as error:  # of the hub, of HTTP, of files
        hub = hub_error(repo, error)
        # a library may quote a header with the token in its own message
        raise hub from (error if redacted(str(error)) == str(error) else None)


def hub_error(repo: RepoName, error: Exception) -> HubError:
    """The message for an error of a repository."""
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # `huggingface_hub` wraps errors of its threads
    absent = isinstance(error, (OfflineModeIsEnabled, LocalEntryNotFoundError))
    if absent and is_offline():
        return HubError(
            f"HF_HUB_OFFLINE is set, and this is not in the cache at {constants.HF_HUB_CACHE}",
            place=str(repo),
            expected=f"one of what is cached, whole or in part: {describe_cache(repo)}",
            hint="pull it where the hub can be reached: "
            f"nerine {'pull' if repo.kind == 'model' else 'describe'} {repo}",
        )
    unreachable = isinstance(error, (ConnectionError, TimeoutError)) or is_http_library_error(error)
    if absent or unreachable:
        return HubError(
            f"the hub at {constants.ENDPOINT} could not be reached: {_quoted(error)}",
            place=str(repo),
            expected="a folder, or a repository that can be reached",
            hint="try again; offline, repositories pulled before can be used with HF_HUB_OFFLINE=1",
        )
    if isinstance(error, HfHubHTTPError):
        return _http_error(repo, error)
    if isinstance(error, UnicodeEncodeError) and not (login_token() or "").isascii():
        return HubError(
            "this login's token is not valid: it has characters that no token has",
            place=str(repo),
            hint="log in again (hf auth login), or look at HF_TOKEN",
        )
    if isinstance(error, OSError) and error.errno is not None:
        return HubError(
            f"the cache cannot be written: {_quoted(error)}",
            place=constants.HF_HUB_CACHE,
            hint="free some space, or set HF_HUB_CACHE to another folder",
        )
    return HubError(
        f"the hub's answer cannot be used: {type(error).__name__}: {_quoted(error)}",
        place=str(repo),
        hint=f"is {constants.ENDPOINT} the hub? Try again if it is",
    )


def _http_error(repo: RepoName, error: HfHubHTTPError) -> HubError:
    """The message for a status of the hub's answer, or for the kind of error that it names."""
    status, place = error.response.status_code, str(repo)
    if isinstance(error, GatedRepoError):
        return HubError(
            "the repository is gated: its owner decides who may use it",
            place=place,
            expected="a login that its owner has let in",
            hint=f"ask for access at {repo.page}, then log in: hf auth login",
        )
    if isinstance(error, RepositoryNotFoundError):
        absent = f"there is no such {repo.kind} repository on {constants.ENDPOINT}"
        known = login_token() is not None
        return HubError(
            f"{absent}, or "
            + ("this login may not see it" if known else "it is private and nobody is logged in"),
            place=place,
            expected="a folder, or the id of a repository as owner/name",
            hint="check the spelling, and "
            + ("which user is logged in: hf auth whoami" if known else "log in: hf auth login"),
        )
    if isinstance(error, RevisionNotFoundError):
        return HubError(
            f"the repository has no revision {repo.revision or 'main'!r}",
            place=repo.id,
            expected="a branch, a tag or the full hash of a commit",
            hint=f"its revisions are listed at {repo.page}/refs",
        )
    if isinstance(error, EntryNotFoundError):
        return HubError(f"a file is missing: {_quoted(error)}", place=place)
    if status == 401:
        return HubError(
            "the hub does not accept this login's token",
            place=place,
            hint="log in again (hf auth login), or look at HF_TOKEN",
        )
    if status == 403:
        return HubError(
            f"this login may not do that: {visible(redacted(error.server_message or 'forbidden'))}",
            place=place,
            expected="the token of a user with that right; for a push, one that may write",
            hint="see who is logged in: hf auth whoami; new tokens: "
            f"{constants.ENDPOINT}/settings/tokens",
        )
    if status == 429:
        wait = error.response.headers.get("Retry-After")
        when = f"in {wait} seconds" if wait and wait.isdigit() else "later"
        return HubError(
            "the hub was asked too often (HTTP 429)", place=place, hint=f"try again {when}"
        )
    if status >= 500:
        return HubError(
            f"the hub fails (HTTP {status})",
            place=place,
            hint="try again later: completed files are kept",
        )
    return HubError(f"the hub refuses (HTTP {status}): {_quoted(error)}", place=place)


def is_http_library_error(error: Exception) -> bool:
    """Whether an error is of the library that speaks HTTP, or of one below it."""
    return type(error).__module__.startswith(_HTTP_LIBRARIES)


def is_offline() -> bool:
    """Whether the user forbids to ask the hub."""
    return bool(constants.HF_HUB_OFFLINE)  # TRANSFORMERS_OFFLINE sets it, too


def redacted(text: str) -> str:
    """`text` without anything that is, or looks like, a token of the hub."""
    token = login_token()
    if token:
        text = text.replace(token, _HIDDEN)
    return _TOKEN.sub(_HIDDEN, text)


def login_token() -> str | None:
    """The token that `huggingface_hub` would send, so that texts can be searched for it."""
    try:
        return get_token()
    except Exception:  # it may ask a service for one, and fail
        return None


def _quoted(error: Exception) -> str:
    """The first line of a library's message, without tokens and signatures of addresses."""
    return visible(_QUERY.sub(r"\1?…", redacted(first_line(error))))
