"""Dictionary models: token classifiers whose opinion of each subword is written down.

::

    make_dictionary(
        folder,
        {"John": "B-PER", "son": "I-PER", "Paris": {"B-LOC": 0.6, "B-ORG": 0.3}},
        tags=("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"),
        kind="roberta",
    )

A key is the surface of a subword, with and without the space (or the joint) before it; a key that
is spelt as in the tokenizer (`##son`, `Ġson`, `▁son`) means only that form. Every key is one
subword, every other character is one of its own, and the opinion of those is `default`. Longer keys
are preferred. An opinion is a tag, which gets 0.99 of the probability, or a mapping of tags to
probabilities; the other tags share the rest. Opinions don't depend on the context.

The models are real ones of transformers: an embedding holds the opinion, attention and
feed-forward layers add zero, and the head reads the opinion out.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram, WordPiece
from transformers import AutoConfig, AutoModelForTokenClassification, PreTrainedTokenizerFast

from tiny import put_between_specials, special_roles

Opinion = str | Mapping[str, float]

_SURE = 0.99
_FEWEST_POSITIONS = 64
_BERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ROBERTA_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_WORDPIECE = ("bert", "distilbert", "electra")
_UNIGRAM = ("xlm-roberta", "camembert")
KINDS = (*_WORDPIECE, "roberta", *_UNIGRAM)
"""The architectures, each with its usual tokenizer: WordPiece, byte-level BPE or Unigram."""


def make_dictionary(
    folder: Path,
    opinions: Mapping[str, Opinion],
    tags: Sequence[str],
    *,
    kind: str = "bert",
    texts: Iterable[str] = (),
    default: Opinion = "O",
    window: int = 512,
    lowercase: bool = False,
    add_prefix_space: bool = True,
    id2label: Mapping[int, str] | None = None,
) -> Path:
    """A checkpoint of transformers in `folder` whose opinions are written down.

    `texts` give further characters to the vocabulary, besides those of ASCII and of the keys.
    `window` is the most subwords by the tokenizer (`model_max_length`), special tokens included.
    `lowercase` is for WordPiece, `add_prefix_space` for byte-level BPE (RoBERTa's own default is
    False). `id2label` replaces the names of the outputs in the configuration, where they differ
    from `tags`.
    """
    tokenizer = dictionary_tokenizer(
        opinions,
        kind=kind,
        texts=texts,
        window=window,
        lowercase=lowercase,
        add_prefix_space=add_prefix_space,
    )
    vocabulary = tokenizer.get_vocab()
    logits = torch.stack([_logits(default, tags)] * (max(vocabulary.values()) + 1))
    for key, opinion in opinions.items():
        for piece in _forms(key, kind):
            logits[vocabulary[piece]] = _logits(opinion, tags)
    model = _model(kind, tokenizer, logits, window)
    names = dict(enumerate(tags)) if id2label is None else dict(id2label)
    model.config.id2label = names
    model.config.label2id = {name: index for index, name in names.items()}
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def dictionary_tokenizer(
    keys: Iterable[str],
    *,
    kind: str = "bert",
    texts: Iterable[str] = (),
    window: int = 512,
    lowercase: bool = False,
    add_prefix_space: bool = True,
) -> Any:
    """The fast tokenizer of a dictionary model."""
    specials = _BERT_SPECIALS if kind in _WORDPIECE else _ROBERTA_SPECIALS
    roles = special_roles(specials)
    keys = list(keys)
    letters = sorted(
        {*string.printable, *"".join([*keys, *texts])} - {*string.whitespace, "▁", "Ġ"}
    )
    if kind in _WORDPIECE:
        backend = _wordpiece(keys, letters, specials, roles["unk_token"], lowercase)
    elif kind in _UNIGRAM:
        backend = _unigram(keys, letters, specials, roles["unk_token"])
        if kind == "xlm-roberta":  # as in its tokenizer.json; offsets then lack the space
            backend.pre_tokenizer = pre_tokenizers.Sequence(
                [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
            )
    else:
        backend = _bytes(keys, specials, add_prefix_space=add_prefix_space)
    put_between_specials(backend, kind, roles)
    if kind == "roberta":
        ids = backend.get_vocab()
        first, last = ((roles[role], ids[roles[role]]) for role in ("cls_token", "sep_token"))
        backend.post_processor = processors.RobertaProcessing(
            last, first, add_prefix_space=add_prefix_space
        )
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=window, **roles)


def _forms(key: str, kind: str) -> list[str]:
    """The pieces of the vocabulary that a key means."""
    if kind in _WORDPIECE:
        return [key] if key.startswith("##") else [key, f"##{key}"]
    mark = "▁" if kind in _UNIGRAM else "Ġ"
    if key.startswith(mark):
        return [key]
    if kind in _UNIGRAM:
        return [key, f"▁{key}"]
    ((spelt, _),) = pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=False
    ).pre_tokenize_str(key)
    return [spelt, f"Ġ{spelt}"]


def _wordpiece(
    keys: list[str], letters: list[str], specials: Sequence[str], unknown: str, lowercase: bool
) -> Tokenizer:
    pieces = [piece for key in [*letters, *keys] for piece in _forms(key, "bert")]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys([*specials, *pieces]))}
    backend = Tokenizer(WordPiece(vocabulary, unk_token=unknown))
    backend.normalizer = normalizers.BertNormalizer(
        lowercase=lowercase, strip_accents=None, handle_chinese_chars=True
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    return backend


def _unigram(
    keys: list[str], letters: list[str], specials: Sequence[str], unknown: str
) -> Tokenizer:
    # fewer pieces weigh more, then the longer first ones
    pieces = dict.fromkeys(["▁", *(form for key in letters for form in _forms(key, "camembert"))])
    scores = dict.fromkeys(pieces, -10.0)
    for key in keys:
        scores |= {form: -1.0 - 0.1 / len(form) for form in _forms(key, "camembert")}
    vocabulary = [*((special, 0.0) for special in specials), *scores.items()]
    backend = Tokenizer(Unigram(vocabulary, unk_id=specials.index(unknown)))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    return backend


def _bytes(keys: list[str], specials: Sequence[str], *, add_prefix_space: bool) -> Tokenizer:
    spelt = [_forms(key, "roberta") for key in keys]
    vocabulary = {piece: index for index, piece in enumerate(specials)}
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocabulary[letter] = len(vocabulary)
    merges: dict[tuple[str, str], None] = {}
    # The space is joined last, so that a key is made in the same way with and without it.
    for form in sorted({forms[0].removeprefix("Ġ") for forms in spelt}, key=len, reverse=True):
        for end in range(1, len(form)):
            merges[form[:end], form[end]] = None
            vocabulary.setdefault(form[: end + 1], len(vocabulary))
    for forms in spelt:
        for form in forms:
            if form.startswith("Ġ"):
                merges["Ġ", form[1:]] = None
                vocabulary.setdefault(form, len(vocabulary))
    backend = Tokenizer(BPE(vocabulary, list(merges)))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    backend.decoder = decoders.ByteLevel()
    return backend


def _logits(opinion: Opinion, tags: Sequence[str]) -> torch.Tensor:
    """The logarithms of an opinion's probabilities, `(tags,)`."""
    given = {opinion: _SURE} if isinstance(opinion, str) else dict(opinion)
    assert {*given} <= {*tags}, f"{opinion} is not an opinion about {tags}"
    others = len(tags) - len(given)
    rest = max(1 - sum(given.values()), 1e-6) / max(others, 1)
    return torch.tensor([math.log(max(given.get(tag, rest), 1e-9)) for tag in tags])


def _model(kind: str, tokenizer: Any, logits: torch.Tensor, window: int) -> Any:
    """A model of one layer that does nothing, whose embeddings hold the logits.

    The hidden state is (x, -x, r, -r) with the logits x and a number r that gives all of them the
    same norm, so that layer normalisation only multiplies them by one factor.
    """
    tags = logits.shape[1]
    norms = logits.pow(2).sum(dim=1)
    half = torch.cat([logits, (norms.max() + 1 - norms).sqrt()[:, None]], dim=1)
    width = 2 * (half.shape[1] + half.shape[1] % 2)
    states = torch.zeros(len(logits), width)
    states[:, : half.shape[1]] = half
    states[:, width // 2 : width // 2 + half.shape[1]] = -half
    offset = 0 if kind in _WORDPIECE else 2
    names = {"n_layers": 1, "n_heads": 1, "dim": width, "hidden_dim": 4}
    if kind != "distilbert":
        names = {
            "num_hidden_layers": 1,
            "num_attention_heads": 1,
            "hidden_size": width,
            "intermediate_size": 4,
        }
    if kind == "electra":
        names["embedding_size"] = width
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(logits),
        num_labels=tags,
        max_position_embeddings=max(window, _FEWEST_POSITIONS) + offset,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **names,
    )
    model = AutoModelForTokenClassification.from_config(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.fill_(1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0)
        model.get_input_embeddings().weight.copy_(states)
        factor = (states.pow(2).mean(dim=1)).sqrt().mean()
        model.classifier.weight[:, :tags] = torch.eye(tags) * factor
    return model.eval()
