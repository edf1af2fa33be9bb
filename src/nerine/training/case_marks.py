"""Marks before capital letters, for encoders that know small letters only.

An uncased encoder reads "Apple" and "apple" alike, and loses what tells names from other words in
most scripts. Here the tokenizer itself writes a sign of the vocabulary before each word that begins
with a capital letter, and another one before a word of capital letters, and then makes all letters
small as before: the word pieces of "¬ apple" are those of the encoder's pretraining (inline casing:
Berard, Calapodescu & Roux, 2019). The signs stand in `tokenizer.json`, so the checkpoint is a plain
one of transformers, and any program that loads it sees them.
"""

from __future__ import annotations

from typing import Any

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from nerine.core.errors import SettingsError

_SIGNS = "¬¤§¶°±¦"
"""Signs that vocabularies have and texts hardly ever: the first two in a vocabulary are used."""
_OPENING = "#@\"'(-/.&“‘«[_*:"
"""Signs after which a word may begin without a space."""
_PROBES = (("Rome", "rome"), ("NATO", "nato"))


def can_mark(tokenizer: Any) -> bool:
    """Whether a tokenizer is BERT's, ignores case, and has signs to mark capital letters with.

    BERT's cuts texts at white space and at every sign, so a mark changes no other subword.
    """
    backend = tokenizer.backend_tokenizer
    ignores_case = all(
        tokenizer.tokenize(first) == tokenizer.tokenize(second) for first, second in _PROBES
    )
    is_bert = isinstance(backend.pre_tokenizer, pre_tokenizers.BertPreTokenizer)
    return ignores_case and is_bert and len(_signs_of(tokenizer)) > 1


def _signs_of(tokenizer: Any) -> list[str]:
    vocabulary = tokenizer.get_vocab()
    return [sign for sign in _SIGNS if sign in vocabulary]


def with_case_marks(tokenizer: Any) -> Any:
    """A tokenizer of transformers that marks words with capital letters, and else does the same.

    A word is marked after white space, at the beginning, and after an opening sign such as `(` or
    `#`. A mark belongs to the character before the word, so the subwords of words keep their
    offsets.

    Args:
        tokenizer: A fast tokenizer for which `can_mark` is true.

    Raises:
        SettingsError: If it is another one.
    """
    if not can_mark(tokenizer):
        raise SettingsError(
            f"marks of capital letters for a {type(tokenizer).__name__} that "
            "tells them from small ones, or cuts texts in another way than BERT's",
            place="case_marks",
            expected="an uncased encoder with the tokenizer of BERT",
            hint="leave it out: such an encoder needs no marks",
        )
    first, all_capitals = _signs_of(tokenizer)[:2]
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    replace = normalizers.Replace
    marking = [
        normalizers.Prepend(" "),
        *(replace(Regex(rf"\{sign}(?=\p{{Lu}})"), f"{sign} ") for sign in _OPENING),
        replace(Regex(r"\s(?=\p{Lu}{2})"), f" {all_capitals} "),
        replace(Regex(rf"(?<!{all_capitals})\s(?=\p{{Lu}})"), f" {first} "),
    ]
    before = [backend.normalizer] if backend.normalizer is not None else []
    backend.normalizer = normalizers.Sequence([*marking, *before])
    # This class takes tokenizer.json as it is; those of architectures would make it anew.
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        padding_side=tokenizer.padding_side,
        **tokenizer.special_tokens_map,
    )
