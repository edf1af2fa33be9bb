"""Completion with TAB: names that no shell knows, next to files; and how bash asks for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    split_arg_string,
)


class Name(click.types.StringParamType):
    """A text that TAB completes to one of some names and, if `files` is true, to a file."""

    def __init__(self, names: Callable[[], Iterable[str]], *, files: bool = True) -> None:
        self._names = names
        self._files = files

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem[str]]:
        """The names that begin as typed, and a request for the shell's own files."""
        found = [CompletionItem(each) for each in self._names() if each.startswith(incomplete)]
        return [*found, CompletionItem(incomplete, type="file")] if self._files else found


def _corpora() -> list[str]:
    from nerine.data.corpus import SAMPLE
    from nerine.hub.cache import cached_ids

    return [SAMPLE, *cached_ids("dataset")]


def _checkpoints() -> list[str]:
    from nerine.hub.cache import cached_ids

    return cached_ids("model")


def _encoders() -> list[str]:
    from nerine.model.loading.sources import installed_packages

    return [*installed_packages(), *_checkpoints()]


def _rules() -> list[str]:
    from nerine.curation.checks import RULES

    return [*RULES]


CORPUS, CHECKPOINT, ENCODER = Name(_corpora), Name(_checkpoints), Name(_encoders)
RULE = Name(_rules, files=False)

_BASH = """\
%(complete_func)s() {
    local type value file prefix=""
    local files=()
    COMPREPLY=()
    while IFS=, read -r type value; do
        case "$type" in
            prefix) prefix=$value ;;
            plain) COMPREPLY+=("${value#"$prefix"}") ;;
            file) while IFS= read -r file; do
                    files+=("${file#"$prefix"}")
                done < <(compgen -f -- "$value") ;;
            dir) while IFS= read -r file; do
                    files+=("${file#"$prefix"}")
                done < <(compgen -d -- "$value") ;;
        esac
    done < <(COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT COMP_WORDBREAKS=$COMP_WORDBREAKS \
%(complete_var)s=bash_complete "$1")
    if (( ${#files[@]} )); then
        compopt -o filenames
        COMPREPLY+=("${files[@]}")
    fi
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Bash(BashComplete):
    """Completion in bash, which takes a word apart at colons, and completes its last part."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and the one that it is in."""
        words, incomplete = words_before_cursor(
            os.environ["COMP_LINE"], int(os.environ["COMP_POINT"])
        )
        return words[1:], incomplete

    def complete(self) -> str:
        """The completions, below what bash leaves as it is."""
        _, incomplete = self.get_completion_args()
        kept = kept_by_bash(incomplete, os.environ.get("COMP_WORDBREAKS", ""))
        return f"prefix,{kept}\n{super().complete()}"


def words_before_cursor(line: str, point: int) -> tuple[list[str], str]:
    """The whole words of a command line, without settings of variables, and the unfinished one.

    Args:
        line: The line.
        point: The bytes before the cursor.
    """
    before = os.fsencode(line)[:point].decode(errors="ignore")
    words = split_arg_string(before)
    is_between = len(split_arg_string(f"{before}x")) > len(words)
    incomplete = "" if is_between else words.pop()
    while words and "=" in words[0]:
        del words[0]
    return words, incomplete


def kept_by_bash(word: str, breaks: str) -> str:
    """The beginning of a word, or of the value in `--option=value`, that bash does not replace."""
    value = word.partition("=")[2] if word.startswith("--") else word
    return value[: value.rfind(":") + 1] if ":" in breaks else ""


def use_own_bash_completion() -> None:
    """Lets click complete in bash with the script above."""
    add_completion_class(_Bash)
