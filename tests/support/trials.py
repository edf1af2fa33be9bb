"""Trials of the architectures of transformers, start to end.

    python tests/support/trials.py            writes docs/reference/architectures.md
    python tests/support/trials.py KIND …     tries these and prints what is found

A trial loads a model, tags hostile texts alone and in batches, compares with transformers itself,
exports to ONNX, fine-tunes ten steps, saves and loads again. What does not hold raises.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES

import runs
from architectures import ARCHITECTURES, HOSTILE, REFUSED, TOKENIZERS, make_model
from nerine.core.document import Document
from nerine.core.errors import CheckpointError
from nerine.model.backends.lean import takes_mask
from nerine.model.backends.onnx import OnnxBackend
from nerine.model.backends.saved import FP32
from nerine.model.batching import Batching
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.ragged import Logits
from nerine.model.tagger import Tagger
from nerine.serving.optimization.exporting import LARGEST_DIFFERENCE, export
from nerine.serving.optimization.folder import save_model
from nerine.training.settings import TrainingSettings
from nerine.training.train import train

PAGE = Path(__file__).parents[2] / "docs/reference/architectures.md"
BEGIN = "<!-- BEGIN python tests/support/trials.py -->"
END = "<!-- END python tests/support/trials.py -->"

ROUNDING = 1e-5
"""The largest difference of logits of about 1 that may come from rounding."""

_STEPS = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial has found of an architecture that works.

    Attributes:
        kind: The architecture.
        batching: How windows are batched.
        apart: The largest difference between logits of a text alone and in a batch.
        from_transformers: The largest difference from the logits of transformers, text by text.
        onnx: The largest difference in ONNX Runtime; None if the model cannot be exported.
        reason: Why it cannot be exported.
    """

    kind: str
    batching: Batching
    apart: float
    from_transformers: float
    onnx: float | None = None
    reason: str = ""

    @property
    def row(self) -> str:
        """The row of the page's table."""
        batches = {"padded": "any texts", "equal lengths": "texts of one length"}
        cells = [
            f"`{self.kind}`",
            TOKENIZERS[ARCHITECTURES[self.kind].like],
            batches[self.batching.sharing],
            str(self.batching.least_length),
            "–" if self.onnx is None else "yes",
        ]
        return f"| {' | '.join(cells)} |"


def try_architecture(kind: str, folder: Path, *, onnx: bool = True) -> Trial:
    """Takes a tiny model of an architecture from loading to a fine-tuned checkpoint."""
    path = make_model(folder / "model", kind)
    tagger = Tagger.load(path, device="cpu")
    texts = [Document(text) for text in HOSTILE]
    alone = [tagger.inference.word_logits([text]).values for text in texts]
    apart = difference(np.concatenate(alone), tagger.inference.word_logits(texts).values)
    assert apart <= ROUNDING, apart
    tagged = tagger.predict(texts)
    assert any(document.entities for document in tagged)
    check_offsets(tagger, tagged)
    check_alike(tagged, [tagger(text) for text in texts])
    strange = difference(*beside_transformers(path))
    assert strange <= ROUNDING, strange
    check_longest(tagger)
    check_saving(path, folder / "saved", texts)
    check_training(path, folder / "run", texts)
    trial = Trial(kind, tagger.inference.backend.batching, apart, strange)
    if not onnx:
        return trial
    try:
        found = in_onnx(path, folder, tagger, texts)
    except CheckpointError as error:
        return replace(trial, reason=error.found)
    assert found <= LARGEST_DIFFERENCE, found
    return replace(trial, onnx=found)


def difference(found: Logits, expected: Logits) -> float:
    """The largest difference between logits, as a share of the largest logit if that is above 1."""
    size = max(1.0, float(np.abs(expected).max(initial=0.0)))
    return float(np.abs(found - expected).max(initial=0.0)) / size


def check_alike(tagged: Sequence[Document], others: Sequence[Document]) -> None:
    """The same entities, with scores that differ by no more than rounding."""
    for one, other in zip(tagged, others, strict=True):
        pairs = list(zip(one.entities, other.entities, strict=True))
        assert all((a.start, a.end, a.label) == (b.start, b.end, b.label) for a, b in pairs)
        assert all(abs((a.score or 0) - (b.score or 0)) <= 10 * ROUNDING for a, b in pairs)


def check_offsets(tagger: Tagger, tagged: Sequence[Document]) -> None:
    """Each text is unchanged, and its entities begin and end where its words do."""
    for text, document in zip(HOSTILE, tagged, strict=True):
        assert document.text == text
        words = tagger.inference.encoder.encode([Document(text)]).words
        assert all(a.end <= b.start for a, b in itertools.pairwise(words))
        blank = [each for word in words if not (each := text[word.start : word.end]).strip()]
        assert all(set(each) & set("\n\v\f\r\x85\u2028\u2029") for each in blank)  # of lines
        starts, ends = {word.start for word in words}, {word.end for word in words}
        for entity in document.entities:
            assert entity.start in starts, (text, entity)
            assert entity.end in ends, (text, entity)
            assert document.surface(entity).strip() == document.surface(entity)


def beside_transformers(folder: Path) -> tuple[Logits, Logits]:
    """The logits of the rule's words, and those of their first subwords by transformers.

    A subword belongs to the first word that it touches. Lone surrogates are not for transformers.
    """
    tagger = Tagger.load(folder, device="cpu", words="rule")  # whose logits are not averaged
    loaded = load_checkpoint(folder)
    model, tokenizer = loaded.model.eval(), loaded.tokenizer
    found, expected = [], []
    for text in HOSTILE:
        if any("\ud800" <= char <= "\udfff" for char in text):
            continue
        encoded = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        offsets = encoded.pop("offset_mapping")
        special = encoded.pop("special_tokens_mask")
        if len(special) < max(1, tagger.inference.backend.batching.least_length):
            continue
        seen = {
            name: torch.tensor([values])
            for name, values in encoded.items()
            if name == "input_ids" or (name == "attention_mask" and takes_mask(model))
        }
        with torch.inference_mode():
            logits = model(**seen).logits[0].numpy()
        read = tagger.inference.word_logits([Document(text)])
        words = read.encoding.words
        firsts: dict[int, int] = {}
        for place, (start, end) in enumerate(offsets):
            touched = [i for i, word in enumerate(words) if word.start < end and start < word.end]
            if start < end and touched and not special[place]:
                firsts.setdefault(touched[0], place)
        for index, place in firsts.items():
            found.append(read.values[index])
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
    settings = TrainingSettings(
        encoder=str(path), epochs=1, batch_size=4, learning_rate=1e-3, max_length=64, overlap=8
    )
    done = train(corpus, output=folder, settings=settings)
    assert done.epochs[-1].step == _STEPS
    assert np.isfinite(done.epochs[-1].training_loss)
    before, after = load_checkpoint(path).model, load_checkpoint(folder).model
    name = after.base_model_prefix
    assert any(
        not torch.equal(weights, before.state_dict()[key])
        for key, weights in after.state_dict().items()
        if key.startswith(name) and weights.shape == before.state_dict()[key].shape
    )
    tagger = Tagger.load(folder, device="cpu")
    check_offsets(tagger, tagger.predict(texts))


def in_onnx(path: Path, folder: Path, tagger: Tagger, texts: Sequence[Document]) -> float:
    """The largest difference of logits in ONNX Runtime; raises `CheckpointError` without any."""
    _, file = save_model(export(load_checkpoint(path).model, path), folder / "model.onnx")
    backend = OnnxBackend(file, name=FP32, batching=tagger.inference.backend.batching)
    other = Tagger(backend, tagger.inference.tokenizer, tagger.settings)
    found = other.inference.word_logits(texts).values
    return difference(found, tagger.inference.word_logits(texts).values)


def untried() -> list[str]:
    """The architectures of the installed transformers that are neither tried nor refused."""
    known = {*ARCHITECTURES, *REFUSED}
    return sorted(set(MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES) - known)


def contents(rows: Sequence[str]) -> str:
    """The tables of the page."""
    refused = [f"| `{kind}` | {why} |" for kind, why in REFUSED.items()]
    lines = [
        f"{len(rows)} architectures, with transformers {transformers.__version__}:",
        "",
        "| `model_type` | tokenizer tried | a batch may hold | least subwords | ONNX |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "These cannot be used:",
        "",
        "| `model_type` | why |",
        "|---|---|",
        *refused,
        "",
        f"Not tried: {', '.join(f'`{kind}`' for kind in untried())}.",
    ]
    return "\n".join(lines)


def updated(page: str, rows: Sequence[str]) -> str:
    """The page with new tables."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{contents(rows)}\n\n{END}{after}"


def main(kinds: Sequence[str]) -> None:
    """Tries all architectures, and writes the page if no kinds are named."""
    rows = []
    for kind in kinds or ARCHITECTURES:
        with tempfile.TemporaryDirectory() as folder:
            trial = try_architecture(kind, Path(folder))
        print(trial, flush=True)
        rows.append(trial.row)
    if not kinds:
        PAGE.write_text(updated(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
