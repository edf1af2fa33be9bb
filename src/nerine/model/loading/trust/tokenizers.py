"""Keys of tokenizer files that make transformers do more than build a tokenizer.

The keys of `tokenizer_config.json` become arguments of the tokenizer's class. So do those of
`special_tokens_map.json`, and as they are added after the paths of the folder's own files they can
replace these: both files have the same rules. Refused (transformers 5.23)::

    key                       effect in transformers
    auto_map                  imports a Python module of the folder or of another repository
    trust_remote_code         none today; it asks for the effect above
    *_file, *_files, *_path, *_dir   opens that file, unless it is a plain name in the folder
    vocab, merges             the same, if they are strings
    gguf_file                 opens that file, or fetches it
    tokenizer_object          replaces the tokenizer
    init_inputs               positional arguments of the class, a path among them
    *_kwargs                  arguments of other libraries: dictionaries and plugins by path
    tokenizer_class           any class of transformers that has from_pretrained, among them models
                              that load pickles

Accepted on purpose::

    special_tokens_map_file   a path of the author's machine, written by transformers 4; never
                              opened
    name_or_path              overwritten
    *_file: null, init_inputs: [], sp_model_kwargs with numbers only
    tokenizer_class           names of tokenizers, known or not: an unknown one means
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
_REFUSED = ("auto_map", "trust_remote_code", "gguf_file", "tokenizer_object", "init_inputs")
_NAMES_FILES = re.compile(r"(_files?|_path|_paths|_dir)$")
_NEVER_OPENED = ("special_tokens_map_file", "name_or_path")
_CONTENTS = ("vocab", "merges")
_LENGTHS = ("model_max_length", "max_len")
_CLASS = re.compile(r"(?!Auto|Rag)[A-Za-z0-9_]*Tokenizer(Fast)?")
_BACKENDS = ("TokenizersBackend", "PythonBackend", "SentencePieceBackend", "MistralCommonBackend")


def check_tokenizer(folder: Path) -> None:
    """Raises `CheckpointError` for a tokenizer that reads files elsewhere or runs code."""
    for path in (folder / TOKENIZER_CONFIG_FILE, folder / SPECIAL_TOKENS_FILE):
        if path.exists():
            settings = read_object(path, _MOST_BYTES)
            for key, value in settings.items():
                _check_setting(key, value, path)
            check_tokenizer_class(settings.get("tokenizer_class"), path)
    path = folder / ADDED_TOKENS_FILE
    for token, index in read_object(path, _MOST_BYTES).items() if path.exists() else ():
        if type(index) is not int:
            raise CheckpointError(
                f"the token {shown(token)} has no number", place=str(path), expected="numbers"
            )


def check_tokenizer_class(name: Any, place: Path) -> None:
    """Raises `CheckpointError` for a class name that is not a tokenizer's."""
    if name is None:
        return
    if not isinstance(name, str) or (name not in _BACKENDS and not _CLASS.fullmatch(name)):
        raise CheckpointError(
            f"{shown(name)} is not the name of a tokenizer",
            place=f"{place}, tokenizer_class",
            expected="a tokenizer of transformers, such as BertTokenizer, or no such key",
        )


def _check_setting(key: str, value: Any, path: Path) -> None:
    """Checks one key of `tokenizer_config.json` or `special_tokens_map.json`."""
    members = list(value.values()) if isinstance(value, Mapping) else [value]
    problem = None
    if key in _REFUSED and value:
        problem = "would run untrusted code or read another file"
    elif key in _CONTENTS and isinstance(value, str):
        problem = f"names the file {shown(value)}"
    elif _NAMES_FILES.search(key) and key not in _NEVER_OPENED:
        names = value if isinstance(value, list) else members
        wrong = next((name for name in names if name is not None and not is_plain_name(name)), None)
        problem = None if wrong is None else f"names {shown(wrong)}, not a file of this folder"
    elif key.endswith("_kwargs"):
        numbers = all(isinstance(member, bool | int | float | None) for member in members)
        problem = None if numbers else "passes more than numbers to another library"
    elif key in _LENGTHS and value is not None:
        # any finite number will do: 10^30 stands for no limit in many files
        positive = type(value) in (int, float) and 1 <= value < math.inf
        problem = None if positive else f"is {kind_of(value)}, not a number of subwords"
    if problem:
        raise CheckpointError(
            f"{shown(key)} {problem}",
            place=f"{path}, {shown(key)}",
            expected="a tokenizer that consists of the files in its folder",
            hint="remove the key in a copy of the folder if tokenizer.json is there",
        )
