"""A tokenizer as the JavaScript of the web folder needs it, or the reason why it cannot be used.

Two kinds are known: WordPiece with BERT's normalizer, and BPE on bytes. Their tables of characters
are asked of the library `tokenizers` itself, a character at a time, since it has Unicode tables of
its own. `tokenizer.js` does the rest, with exact offsets.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import tokenizers
from tokenizers import normalizers, pre_tokenizers

from nerine.core.errors import CheckpointError
from nerine.model.loading.tokenizer import Tokenizer
from nerine.serving.web.characters import class_of, every_character

_SURROGATES = range(0xD800, 0xE000)
_HANGUL = range(0xAC00, 0xD7A4)
_BYTES = set(pre_tokenizers.ByteLevel.alphabet())


def subword_settings(tokenizer: Tokenizer, place: str) -> dict[str, Any]:
    """What `tokenizer.js` needs besides `tokenizer.json`, for `settings.json`.

    Raises `CheckpointError` for a tokenizer that it does not know, with the `place`.
    """
    description = json.loads(tokenizer.to_json())
    kind = description["model"]["type"]
    settings = {"WordPiece": _wordpiece, "BPE": _byte_level}.get(kind, _unknown)(description, place)
    return {
        **settings,
        "before": tokenizer.before.tolist(),
        "after": tokenizer.after.tolist(),
        "padding": tokenizer.pad_token_id or 0,
        "added": _added_tokens(description, place),
    }


def _refused(found: str, place: str) -> CheckpointError:
    return CheckpointError(
        f"the browser's tokenizer does not know {found}",
        place=place,
        expected="WordPiece with the normalizer of BERT, or BPE on bytes without a normalizer",
        hint="train on such an encoder, such as DistilBERT or RoBERTa; or serve this one: "
        "nerine serve CHECKPOINT",
    )


def _unknown(description: Mapping[str, Any], place: str) -> dict[str, Any]:
    raise _refused(f"the model {description['model']['type']}", place)


def _check(values: Mapping[str, Any], expected: Mapping[str, Any], of: str, place: str) -> None:
    """Refuses values that differ from the expected ones; each may be one of a tuple."""
    for name, allowed in expected.items():
        options = allowed if isinstance(allowed, tuple) else (allowed,)
        if values.get(name) not in options:
            raise _refused(f"{of} with {name} {values.get(name)!r}", place)


def _wordpiece(description: Mapping[str, Any], place: str) -> dict[str, Any]:
    normalizer, before = description["normalizer"] or {}, description["pre_tokenizer"] or {}
    _check(normalizer, {"type": "BertNormalizer"}, "WordPiece", place)
    _check(before, {"type": "BertPreTokenizer"}, "WordPiece", place)
    options = {key: value for key, value in normalizer.items() if key != "type"}
    return {
        "kind": "wordpiece",
        "normalizer": _character_changes(tuple(sorted(options.items()))),
        "pretokens": _bert_pretokens(),
    }


def _byte_level(description: Mapping[str, Any], place: str) -> dict[str, Any]:
    model, before = description["model"], description["pre_tokenizer"] or {}
    expected = {
        "dropout": (None, 0.0),
        "continuing_subword_prefix": (None, ""),
        "end_of_word_suffix": (None, ""),
        "byte_fallback": (None, False),
    }
    _check(model, expected, "BPE", place)
    _check(before, {"type": "ByteLevel", "use_regex": (None, True)}, "BPE", place)
    if description["normalizer"] is not None:
        raise _refused(f"BPE with the normalizer {description['normalizer']['type']}", place)
    if missing := _BYTES - set(model["vocab"]):
        raise _refused(f"BPE without a subword for {len(missing)} of the 256 bytes", place)
    trimming = _trimming(description["post_processor"] or {}, place)
    return {
        "kind": "bytes",
        "prefixSpace": bool(before["add_prefix_space"]),
        "trimPrefix": bool(trimming.get("add_prefix_space")),
        "trim": bool(trimming.get("trim_offsets")),
        "pretokens": _byte_level_pretokens(),
    }


def _trimming(processor: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """The part of a post-processor that takes white space out of offsets; empty without one."""
    parts = processor.get("processors", [processor] if processor else [])
    found = [each for each in parts if each["type"] in ("ByteLevel", "RobertaProcessing")]
    plain = ("TemplateProcessing", "BertProcessing")
    if len(found) > 1 or any(each["type"] not in plain for each in parts if each not in found):
        raise _refused("these post-processors", place)
    return found[0] if found else {}


def _added_tokens(description: Mapping[str, Any], place: str) -> list[dict[str, Any]]:
    """The tokens that are found in a text before all others, those that are sought first before."""
    tokens = description["added_tokens"]
    for each in tokens:
        _check(each, {"single_word": False}, f"the added token {each['content']!r}", place)
        if each["normalized"] and description["normalizer"] is not None:
            raise _refused(f"the added token {each['content']!r} in normalized text", place)
    fields = ("id", "content", "lstrip", "rstrip", "normalized")
    return [{name: each[name] for name in fields} for each in tokens]


def _assigned() -> Iterator[int]:
    return (code for code in range(len(every_character())) if code not in _SURROGATES)


@functools.cache
def _character_changes(options: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """What the normalizer of BERT makes of each character that it changes.

    It looks at a character at a time, except that it sorts marks next to each other, nearly all of
    which it then drops. The syllables of Hangul are decomposed by a formula, if at all.
    """
    normalizer = normalizers.BertNormalizer(**dict(options))
    dropped, spaced, changed = [], [], {}
    every = every_character()
    for code in _assigned():
        character = every[code]
        result = normalizer.normalize_str(character)
        if not result:
            dropped.append(code)
        elif result == f" {character} ":
            spaced.append(code)
        elif result != character and code not in _HANGUL:
            changed[character] = result
    return {
        "dropped": class_of(dropped),
        "spaced": class_of(spaced),
        "changed": changed,
        "hangul": normalizer.normalize_str("가") != "가",
    }


@functools.cache
def _bert_pretokens() -> dict[str, str]:
    """White space, which divides words, and punctuation, each mark of which is one."""
    codes = list(_assigned())
    text = "a".join(map(chr, codes))
    pieces = pre_tokenizers.BertPreTokenizer().pre_tokenize_str(text)
    marks = {start // 2 for _, (start, end) in pieces if end - start == 1 and not start % 2}
    solid = {place // 2 for _, (start, end) in pieces for place in range(start + start % 2, end, 2)}
    marks -= {place for place in marks if text[2 * place] == "a"}
    return {
        "space": class_of(codes[place] for place in range(len(codes)) if place not in solid),
        "punctuation": class_of(codes[place] for place in sorted(marks)),
    }


@functools.cache
def _byte_level_pretokens() -> dict[str, str]:
    """The classes of the pattern of GPT-2, as the library's regular expressions have them."""
    codes = list(_assigned())
    text = "".join(map(chr, codes))
    found = {}
    for name, pattern in {"letter": r"\p{L}", "number": r"\p{N}", "space": r"\s"}.items():
        splitter = pre_tokenizers.Split(tokenizers.Regex(f"(?:{pattern})+"), "removed", invert=True)
        pieces = splitter.pre_tokenize_str(text)
        found[name] = class_of(
            codes[place] for _, (start, end) in pieces for place in range(start, end)
        )
    return found
