"""Tiny models for tests: real architectures with random weights, in folders of transformers.

Each kind has its usual tokenizer: WordPiece, byte-level BPE or Unigram. The embeddings have a wide
distribution, so that a model's logits differ from word to word.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram, WordPiece
from tokenizers.trainers import BpeTrainer
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForTokenClassification,
    PreTrainedTokenizerFast,
)

from nerine.core.document import Document, Entity
from nerine.core.tags import TagScheme
from nerine.model.backends.saved import FP32, MODEL_FILES, SavedModels
from nerine.model.loading.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from nerine.model.loading.pretrained import load_encoder
from nerine.model.loading.tokenizer import TokenizerInfo
from nerine.model.loading.weights_hash import weights_hash
from nerine.model.settings import ModelSettings

LABELS = ("location", "person")
ONNX_MODEL = MODEL_FILES[FP32]
LONGEST = 128
"""The most subwords that a tiny model takes, special tokens included."""

_SEED = 7
_VOCABULARY = 320
_LONGEST_PIECE = 6
_AROUND = ("cls_token", "sep_token")
_SHORT_NAMES = {"n_layers": 2, "n_heads": 4, "dim": 32, "hidden_dim": 64}
_LONG_NAMES = {
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "hidden_size": 32,
    "intermediate_size": 64,
}
_BERT_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ROBERTA_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")

_MARKED = (
    "[Mira Okonjo|person] left Tandem Labs for [Lisbon|location] .",
    "In [Lisbon|location] it rains , said [Jonas|person] .",
    "@paulwalk It 's the view from [Empire State Building|location] !",
    "[Ana Reyes|person] and [Jonas Lind|person] met in [Oslo|location]",
    "Nobody was there .",
    "The train to [New York|location] was late , and [Mira|person] 's bag is in [Oslo|location] .",
    "[Søren|person] grüßt aus [Kraków|location] 😀",
    "[北京|location] is far from [Lisbon|location] .",
    "Who told [Ana|person] about the rock'n'roll night in [New York|location] ?",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9",
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """The tokenizer and the settings of an architecture."""

    subwords: str
    specials: Sequence[str]
    extra: Mapping[str, Any]


_KINDS = {
    "bert": _Kind("wordpiece", _BERT_SPECIALS, _LONG_NAMES),
    "distilbert": _Kind("wordpiece", _BERT_SPECIALS, _SHORT_NAMES),
    "electra": _Kind("wordpiece", _BERT_SPECIALS, {**_LONG_NAMES, "embedding_size": 16}),
    "mpnet": _Kind("wordpiece", (*_ROBERTA_SPECIALS[:3], "[UNK]", "<mask>"), _LONG_NAMES),
    "roberta": _Kind("bytes", _ROBERTA_SPECIALS, _LONG_NAMES),
    "modernbert": _Kind(
        "bytes", _BERT_SPECIALS, {**_LONG_NAMES, "local_attention": 32, "reference_compile": False}
    ),
    "xlm-roberta": _Kind("unigram", _ROBERTA_SPECIALS, _LONG_NAMES),
    "deberta-v2": _Kind(
        "unigram",
        _BERT_SPECIALS,
        {
            **_LONG_NAMES,
            "relative_attention": True,
            "position_buckets": 16,
            "pos_att_type": ["p2c", "c2p"],
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "type_vocab_size": 0,
        },
    ),
}
KINDS = tuple(_KINDS)
"""The architectures that tests go through."""


def make_encoder(folder: Path, kind: str = "bert") -> Path:
    """A pretrained encoder without a head; an existing one in `folder` is kept."""
    if (folder / "config.json").is_file():
        return folder
    tokenizer = make_tokenizer(kind)
    torch.manual_seed(_SEED)
    model = AutoModel.from_config(_config(kind, tokenizer))
    _widen_embeddings(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_checkpoint(
    folder: Path,
    kind: str = "bert",
    *,
    labels: Sequence[str] = LABELS,
    scheme: str = "IOB2",
    **model_settings: Any,
) -> Path:
    """A token-classification checkpoint as Nerine saves it. Windows hold 64 subwords."""
    if (folder / "nerine.json").is_file():
        return folder
    encoder = make_encoder(folder.with_name(f"{folder.name}-encoder"), kind)
    tags = TagScheme(scheme).tags(labels)
    torch.manual_seed(_SEED)
    loaded = load_encoder(str(encoder), tags)
    chosen = {"max_length": 64, "overlap": 16, **model_settings}
    settings = ModelSettings(tags, TagScheme(scheme), **chosen)
    save_checkpoint(folder, Checkpoint(loaded.model, loaded.tokenizer, settings))
    return folder


def add_onnx(folder: Path, tokenizer: TokenizerInfo | None = None) -> None:
    """Adds an ONNX model in 32 bits to a checkpoint, which is used from then on."""
    # the exporter is imported for this alone
    from nerine.serving.optimization.exporting import export
    from nerine.serving.optimization.folder import put_in_place, save_model, workplace

    with workplace(folder) as place:
        saved, _ = save_model(export(load_checkpoint(folder).model, folder), place / ONNX_MODEL)
        put_in_place(
            place, SavedModels(weights_hash(folder), FP32, {FP32: saved}, tokenizer=tokenizer)
        )


def make_foreign(folder: Path, id2label: Mapping[int, str], kind: str = "bert") -> Path:
    """A token-classification checkpoint of transformers, not made by Nerine."""
    tokenizer = make_tokenizer(kind)
    config = _config(kind, tokenizer)
    config.id2label = dict(id2label)
    config.label2id = {label: index for index, label in id2label.items()}
    torch.manual_seed(_SEED)
    model = AutoModelForTokenClassification.from_config(config)
    _widen_embeddings(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def documents() -> list[Document]:
    """A few labelled documents, with tokens separated by spaces as in a column file."""
    return [marked(text) for text in _MARKED]


def marked(text: str) -> Document:
    """`"[Mira|person] left ."` as a document with an entity; tokens are cut at the spaces."""
    entities: list[Entity] = []
    plain = ""
    for piece in text.split("["):
        name, mark, rest = piece.partition("]")
        surface, _, label = name.partition("|")
        if mark:
            entities.append(Entity(len(plain), len(plain) + len(surface), label))
        plain += f"{surface}{rest}"
    return Document.from_tokens(plain.split(" ")).with_entities(entities)


def make_tokenizer(kind: str) -> Any:
    """A fast tokenizer of the kind, made from the documents above, the same in every call."""
    chosen = _KINDS[kind]
    specials = list(chosen.specials)
    build = {"wordpiece": _wordpiece, "bytes": _bytes, "unigram": _unigram}[chosen.subwords]
    roles = special_roles(specials)
    backend = build([document.text for document in documents()], specials, roles)
    put_between_specials(backend, kind, roles)
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=LONGEST, **roles)


def special_roles(specials: Sequence[str]) -> dict[str, str]:
    """The special tokens by their names in transformers."""
    names = {name.strip("[]<>").lower(): name for name in specials}
    first, last = names.get("cls") or names["s"], names.get("sep") or names["/s"]
    return {
        "pad_token": names["pad"],
        "unk_token": names["unk"],
        "mask_token": names["mask"],
        "cls_token": first,
        "sep_token": last,
        "bos_token": first,
        "eos_token": last,
    }


def _wordpiece(texts: list[str], specials: list[str], roles: dict[str, str]) -> Tokenizer:
    backend = Tokenizer(WordPiece(unk_token=roles["unk_token"]))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    pieces = [*specials, *_counted_pieces(backend, texts, inner="##")]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    backend.model = WordPiece(vocabulary, unk_token=roles["unk_token"])
    return backend


def _unigram(texts: list[str], specials: list[str], roles: dict[str, str]) -> Tokenizer:
    backend = Tokenizer(Unigram())
    # NFKC turns some characters into a space and a mark; repeated spaces are dropped, as in XLM-R.
    backend.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    counts = _counted_pieces(backend, texts, inner="")
    total = sum(counts.values())
    scores = [(piece, math.log(count / total)) for piece, count in counts.items()]
    vocabulary = [*((special, 0.0) for special in specials), *scores]
    backend.model = Unigram(vocabulary, unk_id=specials.index(roles["unk_token"]))
    return backend


def _bytes(texts: list[str], specials: list[str], roles: dict[str, str]) -> Tokenizer:
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return backend


def _counted_pieces(backend: Tokenizer, texts: list[str], *, inner: str) -> dict[str, int]:
    """Pieces of the texts' words with their counts: characters, words, then the most frequent.

    The trainers of WordPiece and Unigram are not deterministic.
    """
    counts: Counter[str] = Counter()
    words: set[str] = set()
    for text in texts:
        normal = backend.normalizer.normalize_str(text)
        for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal):
            words.add(word)
            for start, end in itertools.combinations(range(len(word) + 1), 2):
                if end - start <= _LONGEST_PIECE:
                    counts[f"{inner if start else ''}{word[start:end]}"] += 1

    def rank(piece: str) -> tuple[bool, bool, int, str]:
        return len(piece.removeprefix(inner)) > 1, piece not in words, -counts[piece], piece

    ordered = sorted(counts, key=rank)
    return {piece: counts[piece] for piece in ordered[:_VOCABULARY]}


def put_between_specials(backend: Tokenizer, kind: str, roles: Mapping[str, str]) -> None:
    """Sets the special tokens around every text."""
    ids = backend.get_vocab()
    first, last = ((roles[role], ids[roles[role]]) for role in _AROUND)
    if kind == "roberta":
        backend.post_processor = processors.RobertaProcessing(last, first, add_prefix_space=False)
        return
    backend.post_processor = processors.TemplateProcessing(
        single=f"{first[0]} $A {last[0]}",
        pair=f"{first[0]} $A {last[0]} $B {last[0]}",
        special_tokens=[first, last],
    )


def _widen_embeddings(model: Any) -> None:
    """Makes word embeddings larger than position embeddings."""
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(5)


def _config(kind: str, tokenizer: Any) -> Any:
    offset = {"roberta": 2, "xlm-roberta": 2, "mpnet": 2}.get(kind, 0)
    return AutoConfig.for_model(
        kind,
        vocab_size=len(tokenizer),
        max_position_embeddings=LONGEST + offset,
        initializer_range=0.1,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        **_KINDS[kind].extra,
    )
