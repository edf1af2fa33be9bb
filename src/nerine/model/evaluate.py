"""`evaluate` a tagger on gold documents, and how many of them it has seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nerine.core.arguments import checked
from nerine.core.context import in_context
from nerine.core.document import Document
from nerine.data.corpus.corpus import Corpus
from nerine.data.corpus.given import CorpusLike, GoldSplit, as_corpus
from nerine.evaluation.contamination import Contamination
from nerine.evaluation.evaluate import Evaluation, Predictor
from nerine.evaluation.evaluate import evaluate as evaluate_documents
from nerine.evaluation.significance.intervals import LEVEL, SAMPLES
from nerine.model.loading.sources import Source
from nerine.model.tagger import Tagger


@checked
def evaluate(
    tagger: Predictor | str | Path | Source,
    documents: Iterable[Document] | CorpusLike,
    *,
    split: str | None = None,
    train: Sequence[Document] | None = None,
    scheme: str | None = None,
    level: float = LEVEL,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Evaluation:
    """Tags documents as it would tag their texts, and compares with their gold entities.

    Args:
        tagger: A tagger, whose thresholds apply, or what `Tagger.load` loads: a folder or a hub id.
        documents: Documents with gold entities; or a corpus or what `load_corpus` loads.
        split: The split of a corpus to take, by default `test`, or the only one; for documents the
            name of their split, for the signature.
        train: Training documents, whose surface forms count as seen; by default those of the corpus
            if it has some.
        scheme: As in `evaluate_predictions`, like the others.
        level: The confidence level of the intervals, between 0 and 1.
        samples: The number of bootstrap samples for the intervals.
        seed: The seed of the bootstrap samples.

    Returns:
        The scores, their intervals, breakdowns and the error analysis.

    Raises:
        ArgumentError: If an argument has another type.
        CorpusError: If the corpus or its split is missing, or the predicted documents are others.
        SettingsError: If the level or the number of samples is out of range.
        CheckpointError: If the checkpoint cannot be used, or its logits are not finite.
    """
    predictor = Tagger.load(tagger) if isinstance(tagger, str | Path | Source) else tagger
    options: dict[str, Any] = {"scheme": scheme, "level": level, "samples": samples, "seed": seed}
    if not isinstance(documents, Corpus | str | Path):
        return evaluate_documents(
            predictor, in_context(documents), train=train, split=split or "all", **options
        )
    gold = GoldSplit.of(as_corpus(documents), split)
    if isinstance(predictor, Tagger):
        options["contamination"] = seen_by(predictor, gold)
    return evaluate_documents(
        predictor,
        gold.documents,
        train=gold.training if train is None else train,
        split=gold.title,
        **options,
    )


def seen_by(tagger: Tagger, gold: GoldSplit) -> Contamination:
    """How many of the documents of a split had a part in making a tagger."""
    return tagger.training_texts.contamination(
        gold.documents, thresholds=tagger.thresholds, corpus=gold.corpus.hash, split=gold.name
    )
