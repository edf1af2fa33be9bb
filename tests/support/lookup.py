"""A checkpoint with given probabilities for each subword, for tests of the steps after the model.

Its logits do not depend on the context of a subword: a real BERT with a layer of zeros, whose head
is solved for the given probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

from nerine.core.tags import TagScheme
from nerine.model.loading.checkpoint import Checkpoint, save_checkpoint
from nerine.model.settings import ModelSettings

_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_SURE = 0.97

Opinion = str | Mapping[str, float]
"""A tag that is nearly certain, or probabilities of some tags; the others share the rest."""


def make_lookup(
    folder: Path, labels: Sequence[str], opinions: Mapping[str, Opinion], *, longest: int = 32
) -> Path:
    """A checkpoint in IOB2 that knows the subwords of `opinions`, lower-cased, without accents.

    All other subwords are [UNK], with the tag O. It takes at most `longest` subwords, special
    tokens included; Nerine's windows hold half as many.
    """
    tags = TagScheme.IOB2.tags(labels)
    tokenizer = _tokenizer(opinions, longest)
    wanted = torch.stack(
        [
            _logits(opinions.get(piece, "O"), tags)
            for piece in tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        ]
    )
    model = _model(tags, len(tokenizer), longest)
    _solve(model, wanted)
    settings = ModelSettings(
        tuple(tags), TagScheme.IOB2, max_length=longest // 2, overlap=longest // 8
    )
    save_checkpoint(folder, Checkpoint(model, tokenizer, settings))
    return folder


def _logits(opinion: Opinion, tags: Sequence[str]) -> torch.Tensor:
    given = {opinion: _SURE} if isinstance(opinion, str) else opinion
    rest = (1 - sum(given.values())) / (len(tags) - len(given))
    return torch.tensor([given.get(tag, rest) for tag in tags]).log()


def _tokenizer(pieces: Mapping[str, Opinion], longest: int) -> Any:
    vocabulary = {piece: index for index, piece in enumerate([*_SPECIALS, *pieces])}
    backend = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.post_processor = processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    roles = {f"{name.strip('[]').lower()}_token": name for name in _SPECIALS}
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=longest, **roles)


def _model(tags: Sequence[str], size: int, longest: int) -> Any:
    config = BertConfig(
        vocab_size=size,
        hidden_size=size,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=4,
        max_position_embeddings=longest,
        id2label=dict(enumerate(tags)),
        label2id={tag: index for index, tag in enumerate(tags)},
    )
    model = BertForTokenClassification(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "LayerNorm" not in name:
                parameter.zero_()
        model.get_input_embeddings().weight.copy_(torch.eye(size))
    return model


def _solve(model: Any, wanted: torch.Tensor) -> None:
    """Sets the head so that each subword gets its row of `wanted` (subwords × tags)."""
    with torch.no_grad():
        hidden = model.bert(input_ids=torch.arange(len(wanted))[:, None]).last_hidden_state[:, 0]
        inputs = torch.cat([hidden, torch.ones(len(wanted), 1)], dim=1).double()
        solution = torch.linalg.lstsq(inputs, wanted.double(), driver="gelsd").solution.float()
        model.classifier.weight.copy_(solution[:-1].T)
        model.classifier.bias.copy_(solution[-1])
