"""Architectures of transformers: tiny models with random weights, and texts to tag with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import processors
from transformers import AutoConfig, AutoModelForTokenClassification

from nerine.core.tags import TagScheme
from nerine.model.loading.pretrained import quiet
from tiny import LABELS, LONGEST, make_tokenizer

TAGS = TagScheme.IOB2.tags(LABELS)

_SEED = 11

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
    "layoutlmv3": Architecture(
        "roberta", extra={"coordinate_size": 6, "shape_size": 4, "input_size": 32}, positions=2
    ),
    "lilt": Architecture("roberta", extra={"hidden_size": 48}, positions=2),
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
            "initializer_range": 0.08,
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

TOKENIZERS = {
    "bert": "WordPiece",
    "mpnet": "WordPiece",
    "roberta": "byte-level BPE",
    "xlm-roberta": "Unigram",
    "deberta-v2": "Unigram",
}
"""The tokenizers of the kinds in `tiny`."""

REFUSED = {
    "bros": "needs the place of each word on a page",
    "canine": "its tokenizer gives no character offsets",
    "layoutlmv2": "needs the image of a page",
    "mra": "transformers fetches code for its attention, and computes zeros without it",
}
"""Architectures that cannot be used, and why."""


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
        # the padding's row is zero at first, but not in models that people have
        with torch.no_grad():
            model.get_input_embeddings().weight.normal_()
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder
