"""Trials of the architectures of transformers: tiny models with random weights, start to end.

    python tests/support/architectures.py            writes docs/reference/architectures.md
    python tests/support/architectures.py KIND …     tries these and prints their rows

A trial loads a model, tags hostile texts alone and in batches, compares with transformers itself,
exports to ONNX, fine-tunes ten steps, saves and loads again. What does not hold raises.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import processors
from transformers import AutoConfig, AutoModelForTokenClassification

import runs
from nerine.core.document import Document
from nerine.core.errors import CheckpointError
from nerine.core.tags import TagScheme
from nerine.core.words import rule_words
from nerine.model.backends.lean import takes_mask
from nerine.model.backends.onnx import OnnxBackend
from nerine.model.backends.saved import FP32, ModelFile
from nerine.model.batching import Batching
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.loading.pretrained import quiet
from nerine.model.ragged import FloatArray
from nerine.model.tagger import Tagger
from nerine.serving.optimization.exporting import export
from nerine.serving.optimization.folder import save_model
from nerine.training.train import train
from tiny import LABELS, LONGEST, make_tokenizer

PAGE = Path(__file__).parents[2] / "docs/reference/architectures.md"
BEGIN = "<!-- BEGIN python tests/support/architectures.py -->"
END = "<!-- END python tests/support/architectures.py -->"

TAGS = TagScheme.IOB2.tags(LABELS)
ROUNDING = 1e-5
"""The largest difference of logits of about 1 that may come from rounding."""

_SEED = 11
_STEPS = 10

HOSTILE = (
    "Mira Okonjo left Tandem Labs for Lisbon.",
    "",
    " ",
    "\t\n\r\n",
    "a",
    ".",
    "\ufeffMira",
    "Mira\u200bOkonjo",
    "Mira\u00a0Okonjo\u2003left",
    "  two  spaces  and a tab\tthere  ",
    "line one\nline two\r\nline three\u2028line four",
    "no space after.The full stop,or the comma",
    "John/Jane and Mr.Smith-Jones",
    "O'Neill's l'Oréal d'Artagnan's",
    "rock'n'roll ’twas “quoted” «guillemets»",
    "…...!!!???---___***",
    "naïve café Zoë Søren Kraków Łódź",
    "e\u0301 a\u0308 n\u0303 o\u0302",
    "\u0301starts with a mark",
    "Z̸a̷l̶g̵o̴ t̷e̸x̵t̶",
    "ﬁne ﬂight ﬃ ½ ² ™ № ℡",
    "ＦＵＬＬ　ＷＩＤＴＨ　１２３",
    "İstanbul'da ısı ŞIŞLI ǅ ß ẞ",
    "ΑΘΗΝΑ Αθήνα ς σ",
    "Москва и Київ — ёлка",
    "北京 is far from 東京",
    "中华人民共和国",
    "東京タワーへ行った。",
    "서울에서 만났다",
    "한글 한글",
    "ประเทศไทย",
    "नमस्ते दिल्ली क्षि",
    "আমি ঢাকায় থাকি",
    "தமிழ்நாடு",
    "שָׁלוֹם ירושלים",
    "السَّلَامُ عَلَيْكُم القاهرة",
    "\u202eright to left\u202c again",
    "Հայաստան საქართველო",
    "🙂",
    "😀😀😀 Mira 😀",
    "👨‍👩‍👧‍👦 family 👍🏽 hand",
    "🇵🇹🇳🇴🇯🇵",
    "❤️ ☎︎ 1️⃣",
    "𝓜𝓲𝓻𝓪 𝐎𝐤𝐨𝐧𝐣𝐨 𝕷𝖎𝖘𝖇𝖔𝖓",
    "𠜎𠜱𠝹 outside the first plane",
    "\U000e0041\U000e0042 tags",
    "private \ue000 use \uf8ff",
    "null \x00 and bell \x07 and escape \x1b[31m",
    "\x80\x85\x9f control",
    "lone \ud800 surrogate \udfff",
    "\ufffd replacement",
    "@mira #Lisbon https://example.org/a?b=c&d=%20",
    "mira.okonjo+tag@example.co.uk",
    "$1,234.56 €5 10% 3:30pm 2024-01-31",
    "C++ C# .NET node.js a_b x^2",
    "<s> </s> [CLS] [SEP] [PAD] <pad> [MASK] <unk>",
    "##ing ▁word Ġword </w>",
    "&amp; &#233; <b>Mira</b>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "MIRA okonjo mIRA oKONJO",
)
"""Sixty short texts that tokenizers and offsets stumble over."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """How a tiny model of an architecture is made.

    Attributes:
        like: The kind in `tiny` whose tokenizer it has.
        specials: The special tokens around a text, in the template language of tokenizers; None
            for those of the kind.
        extra: Settings beyond the common ones.
        positions: The positions that are taken before the first subword.
        without: Common settings that the architecture refuses.
    """

    like: str = "bert"
    specials: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    positions: int = 0
    without: tuple[str, ...] = ()


_COMMON = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "intermediate_size": 64,
    "initializer_range": 0.2,
}
_SHARES = {"embedding_size": 16}
_ROBERTA = Architecture("roberta", positions=2)
_XLMR = Architecture("xlm-roberta", positions=2)
_DECODER = Architecture("roberta", "<s> $A")
_PLAIN = Architecture("roberta", "$A")
_T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
_XLM = {"emb_dim": 32, "n_layers": 2, "n_heads": 4, "pad_index": 1}

ARCHITECTURES = {
    "albert": Architecture("xlm-roberta", extra=_SHARES),
    "bert": Architecture(),
    "big_bird": Architecture("xlm-roberta"),
    "biogpt": Architecture("roberta", "</s> $A"),
    "bloom": Architecture("roberta", "$A", {"n_layer": 2, "n_head": 4}),
    "camembert": _XLMR,
    "convbert": Architecture(extra=_SHARES),
    "data2vec-text": _ROBERTA,
    "deberta": Architecture(
        "roberta", extra={"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}
    ),
    "deberta-v2": Architecture(
        "deberta-v2",
        extra={
            "relative_attention": True,
            "position_buckets": 16,
            "pos_att_type": ["p2c", "c2p"],
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "type_vocab_size": 0,
        },
    ),
    "distilbert": Architecture(extra={"n_layers": 2, "n_heads": 4, "dim": 32, "hidden_dim": 64}),
    "electra": Architecture(extra=_SHARES),
    "ernie": Architecture(),
    "esm": Architecture("roberta", positions=2),
    "eurobert": _DECODER,
    "flaubert": Architecture("roberta", extra=_XLM),
    "fnet": Architecture("xlm-roberta"),
    "funnel": Architecture(
        extra={"d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 64, "block_sizes": [1, 1, 1]},
        without=("num_hidden_layers",),
    ),
    "gemma": _DECODER,
    "gemma2": _DECODER,
    "gpt2": Architecture("roberta", "$A", {"n_embd": 32, "n_layer": 2, "n_head": 4}),
    "gpt_neox": _PLAIN,
    "gte": Architecture(),
    "ibert": _ROBERTA,
    "jina_embeddings_v3": _XLMR,
    "layoutlm": Architecture(),
    "llama": _DECODER,
    "longformer": Architecture("roberta", extra={"attention_window": 8}, positions=2),
    "luke": Architecture(
        "roberta", extra={"entity_vocab_size": 10, "entity_emb_size": 8}, positions=2
    ),
    "markuplm": Architecture("roberta", positions=2),
    "megatron-bert": Architecture(),
    "mistral": _DECODER,
    "mobilebert": Architecture(
        extra={
            **_SHARES,
            "intra_bottleneck_size": 32,
            "true_hidden_size": 32,
            "num_feedforward_networks": 2,
            "initializer_range": 0.05,
        }
    ),
    "modernbert": Architecture("roberta", extra={"local_attention": 32}),
    "mpnet": Architecture("mpnet", positions=2),
    "mt5": Architecture("xlm-roberta", "$A </s>", _T5),
    "nomic_bert": Architecture(),
    "nystromformer": Architecture("xlm-roberta"),
    "openai_privacy_filter": Architecture(
        "roberta", "$A", {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 8}
    ),
    "phi3": _PLAIN,
    "qwen2": _PLAIN,
    "qwen3": _PLAIN,
    "rembert": Architecture("xlm-roberta", extra={"input_embedding_size": 16}),
    "roberta": _ROBERTA,
    "roberta-prelayernorm": _ROBERTA,
    "roc_bert": Architecture(
        extra={"pronunciation_vocab_size": 20, "shape_vocab_size": 20, "concat_input": True}
    ),
    "roformer": Architecture(),
    "squeezebert": Architecture(extra={"embedding_size": 32}),
    "t5": Architecture("xlm-roberta", "$A </s>", _T5),
    "umt5": Architecture("xlm-roberta", "$A </s>", _T5),
    "xlm": Architecture("roberta", extra=_XLM),
    "xlm-roberta": _XLMR,
    "xlm-roberta-xl": _XLMR,
    "xlnet": Architecture(
        "xlm-roberta",
        "$A </s> <s>",
        {"d_model": 32, "n_layer": 2, "n_head": 4, "d_head": 8, "d_inner": 64},
        without=("max_position_embeddings",),
    ),
    "xmod": Architecture(
        "xlm-roberta", extra={"languages": ["en_XX"], "default_language": "en_XX"}, positions=2
    ),
    "yoso": Architecture("roberta"),
}
"""The architectures of transformers that are tried, by `model_type`."""


def make_model(folder: Path, kind: str) -> Path:
    """A tiny checkpoint of transformers with random weights, and a tokenizer of its own."""
    chosen = ARCHITECTURES[kind]
    tokenizer = make_tokenizer(chosen.like)
    if chosen.specials is not None:
        ids = tokenizer.get_vocab()
        used = [(name, ids[name]) for name in chosen.specials.split() if name in ids]
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=chosen.specials, pair=f"{chosen.specials} $B", special_tokens=used
        )
    settings = {
        **_COMMON,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": LONGEST + chosen.positions,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "id2label": dict(enumerate(TAGS)),
        "label2id": {tag: index for index, tag in enumerate(TAGS)},
        **chosen.extra,
    }
    config = AutoConfig.for_model(
        kind, **{name: value for name, value in settings.items() if name not in chosen.without}
    )
    torch.manual_seed(_SEED)
    with quiet():
        model = AutoModelForTokenClassification.from_config(config)
        with (
            torch.no_grad()
        ):  # the padding's row is zero at first, but not in models that people have
            model.get_input_embeddings().weight.normal_()
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial has found of an architecture that works.

    Attributes:
        kind: The architecture.
        tokenizer: How its tokenizer cuts words.
        batching: How windows are batched.
        apart: The largest difference between logits of a text alone and in a batch.
        strange: The largest difference from the logits of transformers for the text alone.
        onnx: The largest difference in ONNX Runtime, or why the model cannot be exported.
    """

    kind: str
    tokenizer: str
    batching: Batching
    apart: float
    strange: float
    onnx: float | str | None


def try_architecture(kind: str, folder: Path, *, onnx: bool = True) -> Trial:
    """Takes a tiny model of an architecture from loading to a fine-tuned checkpoint."""
    path = make_model(folder / "model", kind)
    tagger = Tagger.load(path, device="cpu")
    texts = [Document(text) for text in HOSTILE]
    alone = [tagger.inference.word_logits([text]).values for text in texts]
    apart = difference(np.concatenate(alone), tagger.inference.word_logits(texts).values)
    assert apart <= ROUNDING, apart
    tagged = tagger.predict(texts)
    check_offsets(tagged)
    assert any(document.entities for document in tagged)
    check_alike(tagged, [tagger(text) for text in texts])
    strange = difference(*from_transformers(path, tagger))
    assert strange <= ROUNDING, strange
    check_longest(tagger)
    check_saving(path, folder / "saved", texts)
    check_training(path, folder / "run", texts)
    return Trial(
        kind,
        {"bert": "WordPiece", "mpnet": "WordPiece", "roberta": "bytes"}.get(
            ARCHITECTURES[kind].like, "Unigram"
        ),
        tagger.inference.backend.batching,
        apart,
        strange,
        in_onnx(path, folder, tagger, texts) if onnx else None,
    )


def difference(found: FloatArray, expected: FloatArray) -> float:
    """The largest difference between logits, as a share of the largest logit if that is above 1."""
    size = max(1.0, float(np.abs(expected).max(initial=0.0)))
    return float(np.abs(found - expected).max(initial=0.0)) / size


def check_alike(tagged: Sequence[Document], others: Sequence[Document]) -> None:
    """The same entities, with scores that differ by no more than rounding."""
    for one, other in zip(tagged, others, strict=True):
        pairs = list(zip(one.entities, other.entities, strict=True))
        assert all((a.start, a.end, a.label) == (b.start, b.end, b.label) for a, b in pairs)
        assert all(abs((a.score or 0) - (b.score or 0)) <= 10 * ROUNDING for a, b in pairs)


def check_offsets(tagged: Sequence[Document]) -> None:
    """Each text is unchanged, and its entities begin and end where words do."""
    for text, document in zip(HOSTILE, tagged, strict=True):
        assert document.text == text
        words = rule_words(text)
        starts, ends = {word.start for word in words}, {word.end for word in words}
        for entity in document.entities:
            assert entity.start in starts, (text, entity)
            assert entity.end in ends, (text, entity)


def from_transformers(folder: Path, tagger: Tagger) -> tuple[FloatArray, FloatArray]:
    """The logits of words by the tagger, and those of their first subwords by transformers.

    A subword belongs to the first word that it touches. Lone surrogates are not for transformers.
    """
    loaded = load_checkpoint(folder)
    model, tokenizer = loaded.model.eval(), loaded.tokenizer
    found, expected = [], []
    for text in HOSTILE:
        if any("\ud800" <= char <= "\udfff" for char in text) or not text:
            continue
        encoded = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        offsets = encoded.pop("offset_mapping")
        special = encoded.pop("special_tokens_mask")
        if len(special) < tagger.inference.backend.batching.least_length:
            continue
        with torch.inference_mode():
            seen = {
                name: torch.tensor([values])
                for name, values in encoded.items()
                if name != "token_type_ids" and (name != "attention_mask" or takes_mask(model))
            }
            logits = model(**seen).logits[0].numpy()
        firsts: dict[int, int] = {}
        words = rule_words(text)
        for place, (start, end) in enumerate(offsets):
            touched = [i for i, word in enumerate(words) if word.start < end and start < word.end]
            if start < end and touched and not special[place]:
                firsts.setdefault(touched[0], place)
        read = tagger.inference.word_logits([Document(text)])
        own = {
            bounds[0]: row
            for bounds, row in zip(read.encoding.word_bounds.tolist(), read.values, strict=True)
        }
        for index, place in firsts.items():
            found.append(own[words[index].start])
            expected.append(logits[place])
    return np.array(found), np.array(expected)


def check_longest(tagger: Tagger) -> None:
    """The longest window that the model says it takes can be run."""
    encoder = tagger.inference.encoder
    read = tagger.inference.word_logits([Document("Mira a " * encoder.max_length)])
    assert encoder.windows(read.encoding).lengths.max() == encoder.max_length
    assert np.isfinite(read.values).all()


def check_saving(path: Path, folder: Path, texts: Sequence[Document]) -> None:
    """A checkpoint that is saved and loaded again gives the same logits."""
    loaded = load_checkpoint(path)
    before = Tagger.from_checkpoint(loaded, device="cpu").inference.word_logits(texts).values
    save_checkpoint(folder, loaded)
    again = Tagger.from_checkpoint(load_checkpoint(folder), device="cpu")
    assert np.array_equal(before, again.inference.word_logits(texts).values)


def check_training(path: Path, folder: Path, texts: Sequence[Document]) -> None:
    """Ten steps change the weights, and the run's folder loads and tags."""
    corpus = runs.corpus(4 * _STEPS)
    settings = {"epochs": 1, "batch_size": 4, "learning_rate": 1e-3, "seed": 5}
    done = train(corpus, output=folder, encoder=str(path), max_length=64, overlap=8, **settings)
    assert done.epochs[-1].step == _STEPS
    assert np.isfinite(done.epochs[-1].training_loss)
    before, after = load_checkpoint(path).model, load_checkpoint(folder).model
    name = after.base_model_prefix
    assert any(
        not torch.equal(weights, before.state_dict()[key])
        for key, weights in after.state_dict().items()
        if key.startswith(name) and weights.shape == before.state_dict()[key].shape
    )
    check_offsets(Tagger.load(folder, device="cpu").predict(texts))


def in_onnx(path: Path, folder: Path, tagger: Tagger, texts: Sequence[Document]) -> float | str:
    """The largest difference of logits in ONNX Runtime, or why the model cannot be exported."""
    try:
        model = export(load_checkpoint(path).model, path)
        _, file = save_model(model, folder / "model.onnx")
        backend = OnnxBackend(
            ModelFile(file.path, file.sha256),
            name=FP32,
            batching=tagger.inference.backend.batching,
        )
        other = Tagger(backend, tagger.inference.tokenizer, tagger.settings)
        found = other.inference.word_logits(texts).values
    except CheckpointError as error:
        return error.found
    return difference(found, tagger.inference.word_logits(texts).values)


if __name__ == "__main__":
    import time

    for each in sys.argv[1:] or ARCHITECTURES:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as place:
            try:
                outcome: Any = try_architecture(each, Path(place))
            except Exception as error:
                import traceback

                outcome = [
                    each,
                    type(error).__name__,
                    str(error)[:300],
                    traceback.format_exc().splitlines()[-8:],
                ]
        print(f"{time.perf_counter() - began:.0f}s", outcome, flush=True)
