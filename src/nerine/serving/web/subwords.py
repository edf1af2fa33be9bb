"""A tokenizer as the JavaScript of the web folder needs it, or the reason why it cannot be used.

Two kinds are known: WordPiece with BERT's normalizer, and BPE on bytes. Their tables of characters
are asked of the library `tokenizers` itself, a character at a time, since it has Unicode tables of
its own. `tokenizer.js` does the rest, with exact offsets.
"""

from __future__ import annotations

import functools
import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import tokenizers
from tokenizers import normalizers, pre_tokenizers

from nerine.core.errors import CheckpointError
from nerine.model.loading.tokenizer import Tokenizer
from nerine.serving.web.characters import class_of

_SURROGATES = range(0xD800, 0xE000)
_PLANE, _OTHERS = 0x10000, 0xFFFE
"""The size of a plane of Unicode, and where its last two code points begin, never characters."""
_ALIKE = tuple(_PLANE * number for number in (*range(4, 14), 15, 16))
"""The planes whose characters are all unassigned, or all for private use: one stands for all."""
_LAST_MARK, _LAST_ORDER = "\u0345", 240
"""The mark that stands after all others, and its number."""
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
        "normalizer": character_changes(tuple(sorted(options.items()))),
        "pretokens": bert_pretokens(),
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
        "pretokens": byte_level_pretokens(),
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


def probed_characters() -> list[int]:
    """The code points that the library is asked about: one of each plane of characters alike."""
    ends = (code + last for code in _ALIKE for last in range(_OTHERS, _PLANE))
    codes = (*range(4 * _PLANE), *range(14 * _PLANE, 15 * _PLANE), *_ALIKE, *ends)
    return sorted(code for code in codes if code not in _SURROGATES)


def _class(codes: Iterable[int]) -> str:
    """The class of code points that were probed, and of those that they stand for."""
    ranges = (range(code, code + (_OTHERS if code in _ALIKE else 1)) for code in codes)
    return class_of(code for each in ranges for code in each)


@functools.cache
def character_changes(options: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """What the normalizer of BERT makes of each character that it changes.

    It looks at a character at a time, except that it sorts the marks next to each other (`order`)
    if it drops accents. The syllables of Hangul are decomposed by a formula.
    """
    normalizer = normalizers.BertNormalizer(**dict(options))
    decomposes = normalizer.normalize_str("가") != "가"
    dropped, spaced, changed = [], [], {}
    for code in probed_characters():
        character = chr(code)
        result = normalizer.normalize_str(character)
        if not result:
            dropped.append(code)
        elif result == f" {character} ":
            spaced.append(code)
        elif result != character and code not in _HANGUL:
            changed[character] = result
    return {
        "dropped": _class(dropped),
        "spaced": _class(spaced),
        "changed": changed,
        "hangul": decomposes,
        "order": _mark_order() if decomposes else {},
    }


@functools.cache
def _mark_order() -> dict[str, str]:
    """The classes of marks by the numbers that sort them, of all marks that the library sorts."""
    normalizer = normalizers.NFD()
    found: dict[int, list[int]] = defaultdict(list)
    for code in probed_characters():
        number = unicodedata.combining(chr(code))
        if number and (
            number == _LAST_ORDER
            or normalizer.normalize_str(f"{_LAST_MARK}{chr(code)}")[0] != _LAST_MARK
        ):
            found[number].append(code)
    return {str(number): _class(codes) for number, codes in sorted(found.items())}


@functools.cache
def bert_pretokens() -> dict[str, str]:
    """White space, which divides words, and punctuation marks, which are words of their own."""
    codes = probed_characters()
    text = "".join(f"{chr(code)}a" for code in codes)
    pieces = pre_tokenizers.BertPreTokenizer().pre_tokenize_str(text)
    solid: set[int] = set()
    alone: set[int] = set()
    for _, (start, end) in pieces:
        first = start + start % 2  # an `a` stands at each odd place
        solid.update(range(first // 2, (end + 1) // 2))
        if end - start == 1 and start == first:
            alone.add(first // 2)
    return {
        "space": _class(code for place, code in enumerate(codes) if place not in solid),
        "punctuation": _class(code for place, code in enumerate(codes) if place in alone),
    }


@functools.cache
def byte_level_pretokens() -> dict[str, str]:
    """The classes of the pattern of GPT-2, as the library's regular expressions have them."""
    codes = probed_characters()
    text = "".join(map(chr, codes))
    found = {}
    for name, pattern in {"letter": r"\p{L}", "number": r"\p{N}", "space": r"\s"}.items():
        splitter = pre_tokenizers.Split(tokenizers.Regex(f"(?:{pattern})+"), "removed", invert=True)
        pieces = splitter.pre_tokenize_str(text)
        places = (place for _, (start, end) in pieces for place in range(start, end))
        found[name] = _class(codes[place] for place in places)
    return found
