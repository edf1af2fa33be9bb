"""What the files of a tokenizer could make transformers do, beside describing a tokenizer.

`tokenizer_config.json` becomes arguments of the tokenizer's class. So does
`special_tokens_map.json`, after the paths of the folder's own files were put in, which it can
therefore replace: both are held against the same rules. Refused (transformers 5.23)::

    key                       what it would do
    auto_map                  import a Python module of the folder or of another repository
    trust_remote_code         nothing today; whoever writes it asks for the above
    *_file, *_files, *_path, *_dir   open that file, unless it is a plain name in the folder
    vocab, merges             the same, where they are strings
    gguf_file                 open that file, or fetch it
    tokenizer_object          take the place of the tokenizer
    init_inputs               positional arguments of the class, a path among them
    *_kwargs                  arguments of other libraries: dictionaries and plugins by path
    tokenizer_class           any class of transformers that has from_pretrained, models that
                              load pickles among them

Let through on purpose::

    special_tokens_map_file   written by transformers 4 with a path of the author's machine; is
                              never opened
    name_or_path              overwritten
    *_file: null, init_inputs: [], sp_model_kwargs with numbers only
    tokenizer_class           the names of tokenizers, known or not: an unknown one means
                              tokenizer.json as it is
    chat_template             a text; nothing here renders it

`tokenizer.json` holds its vocabulary itself and names no files. `added_tokens.json` has tokens as
keys, and numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nerine.core.errors import CheckpointError
from nerine.core.filenames import ADDED_TOKENS_FILE, SPECIAL_TOKENS_FILE, TOKENIZER_CONFIG_FILE
from nerine.core.strict_json import MEGABYTE, kind_of, read_object, shown
from nerine.model.loading.trust.weights import is_plain_name

_MOST_BYTES = 20 * MEGABYTE
_FILES = (TOKENIZER_CONFIG_FILE, SPECIAL_TOKENS_FILE)
_REFUSED = ("auto_map", "trust_remote_code", "gguf_file", "tokenizer_object", "init_inputs")
_NAMES_FILES = re.compile(r"(_files?|_path|_paths|_dir)$")
_NEVER_OPENED = ("special_tokens_map_file", "name_or_path")
_CONTENTS = ("vocab", "merges")
_LENGTHS = ("model_max_length", "max_len")
_CLASS = re.compile(r"(?!Auto|Rag)[A-Za-z0-9_]*Tokenizer(Fast)?")
_BACKENDS = ("TokenizersBackend", "PythonBackend", "SentencePieceBackend", "MistralCommonBackend")


def check_tokenizer(folder: Path) -> None:
    """Raises `CheckpointError` for a tokenizer that reads elsewhere or runs code."""
    for name in _FILES:
        path = folder / name
        if path.exists():
            settings = read_object(path, _MOST_BYTES)
            for key, value in settings.items():
                _check_key(key, value, path)
            check_tokenizer_class(settings.get("tokenizer_class"), path)
    path = folder / ADDED_TOKENS_FILE
    if path.exists():
        _check_added(read_object(path, _MOST_BYTES), path)


def check_tokenizer_class(name: Any, place: Path) -> None:
    """Raises `CheckpointError` for the name of a class that is no tokenizer."""
    if name is None or (isinstance(name, str) and _is_tokenizer(name)):
        return
    raise CheckpointError(
        f"{shown(name)} is not the name of a tokenizer",
        place=f"{place}, tokenizer_class",
        expected="a tokenizer of transformers, such as BertTokenizer, or no such key",
    )


def _is_tokenizer(name: str) -> bool:
    return name in _BACKENDS or bool(_CLASS.fullmatch(name))


def _check_key(key: str, value: Any, path: Path) -> None:
    if key in _REFUSED and value:
        raise _refusal(key, path, "would run code or read a file of strangers")
    if key in _CONTENTS and isinstance(value, str):
        raise _refusal(key, path, f"names the file {shown(value)}")
    if _NAMES_FILES.search(key) and key not in _NEVER_OPENED:
        _check_names(key, value, path)
    if key.endswith("_kwargs"):
        _check_arguments(key, value, path)
    if key in _LENGTHS and value is not None:
        _check_length(key, value, path)


def _check_names(key: str, value: Any, path: Path) -> None:
    """One name, or several in a list or a dictionary."""
    several = value.values() if isinstance(value, Mapping) else value
    for name in several if isinstance(value, list | Mapping) else [value]:
        if name is not None and not is_plain_name(name):
            raise _refusal(key, path, f"names {shown(name)}, which is no file of this folder")


def _check_arguments(key: str, value: Any, path: Path) -> None:
    arguments = value.values() if isinstance(value, Mapping) else [value]
    for argument in arguments:
        if not isinstance(argument, bool | int | float | None):
            raise _refusal(key, path, "passes more than numbers to another library")


def _check_length(key: str, value: Any, path: Path) -> None:
    """As large as it likes: 10^30 stands for no limit in many files."""
    if type(value) not in (int, float) or not 1 <= value < math.inf:
        raise CheckpointError(
            f"this is {kind_of(value)}",
            place=f"{path}, {key}",
            expected="the number of subwords that the model takes at most",
        )


def _check_added(tokens: Mapping[str, Any], path: Path) -> None:
    for token, index in tokens.items():
        if type(index) is not int:
            raise CheckpointError(
                f"the token {shown(token)} has no number", place=str(path), expected="numbers"
            )


def _refusal(key: str, path: Path, found: str) -> CheckpointError:
    return CheckpointError(
        f"{shown(key)} {found}",
        place=f"{path}, {shown(key)}",
        expected="a tokenizer that consists of the files in its folder",
        hint="remove the key in a copy of the folder if tokenizer.json is there",
    )
