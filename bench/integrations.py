"""Speed inside spaCy and Presidio, against the tagger alone and wrappers as users write them.

Each side tags the texts of WNUT 17's test split, in turns, all in one run. The wrappers call
`pipeline("ner")` for each text: as a component of spaCy, and as a recognizer of Presidio.

    python -m bench.integrations CHECKPOINT [--rounds 3]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import spacy
from presidio_analyzer import (
    AnalyzerEngine,
    BatchAnalyzerEngine,
    EntityRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.nlp_engine import NoOpNlpEngine
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import filter_spans
from transformers import pipeline

from bench.common import machine, print_rates, rates, wnut
from nerine.model.loading.pretrained import quiet
from nerine.model.tagger import Tagger
from nerine.serving.presidio import NerineRecognizer, TaggingNlpEngine

_TAGGER, _SPACY, _PRESIDIO = "Tagger.pipe", "pipeline in spaCy", "pipeline in Presidio"


def main() -> None:
    """Prints a table for each peer."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint")
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    texts = [document.text for document in wnut().test]
    with quiet():
        sides = {
            name: partial(_work, run, texts) for name, run in _sides(chosen.checkpoint).items()
        }
        measured = rates(sides, len(texts), chosen.rounds)
    print(machine())
    for peer in (_TAGGER, _SPACY, _PRESIDIO):
        print_rates(f"{len(texts)} WNUT sentences", "sentences/s", measured, peer)


def _work(run: Callable[[Sequence[str]], object], texts: Sequence[str]) -> Callable[[], object]:
    return partial(run, texts)


def _sides(checkpoint: str) -> dict[str, Callable[[Sequence[str]], object]]:
    tagger = Tagger.load(checkpoint)
    nlp = spacy.blank("en")
    nlp.add_pipe("nerine", config={"model": checkpoint})
    recognizer = NerineRecognizer(tagger)
    make: Any = pipeline  # its types take minutes to choose from
    ner = make("ner", model=checkpoint, aggregation_strategy="first")
    wrapped = spacy.blank("en")
    Language.component("wrapped", func=partial(_wrapped, ner))
    wrapped.add_pipe("wrapped")
    return {
        _TAGGER: lambda texts: list(tagger.pipe(texts)),
        "nlp.pipe": lambda texts: list(nlp.pipe(texts)),
        _SPACY: lambda texts: list(wrapped.pipe(texts)),
        "BatchAnalyzerEngine": partial(_analyzed, _batch(recognizer, tags=True)),
        "BatchAnalyzerEngine, text by text": partial(_analyzed, _batch(recognizer)),
        _PRESIDIO: partial(_analyzed, _batch(_Wrapped(ner))),
    }


def _wrapped(ner: Any, doc: Doc) -> Doc:
    """A component as users write it."""
    spans = [
        doc.char_span(each["start"], each["end"], each["entity_group"], alignment_mode="expand")
        for each in ner(doc.text)
    ]
    doc.ents = filter_spans([span for span in spans if span is not None])
    return doc


class _Wrapped(EntityRecognizer):
    """A recognizer as users write it."""

    def __init__(self, ner: Any) -> None:
        self._ner = ner
        labels = {tag.partition("-")[2] for tag in ner.model.config.label2id if tag != "O"}
        super().__init__(supported_entities=sorted(labels))

    def load(self) -> None:
        """There is nothing to load."""

    def analyze(self, text: str, entities: Any, nlp_artifacts: Any) -> list[RecognizerResult]:
        """The entities of a text."""
        return [
            RecognizerResult(each["entity_group"], each["start"], each["end"], float(each["score"]))
            for each in self._ner(text)
        ]


def _batch(recognizer: EntityRecognizer, *, tags: bool = False) -> BatchAnalyzerEngine:
    blank = NoOpNlpEngine([{"lang_code": "en", "model_name": ""}])
    engine = TaggingNlpEngine(blank, recognizer) if tags else blank  # type: ignore[arg-type]
    return BatchAnalyzerEngine(AnalyzerEngine(RecognizerRegistry([recognizer]), engine))


def _analyzed(engine: BatchAnalyzerEngine, texts: Sequence[str]) -> object:
    return engine.analyze_iterator(list(texts), "en", batch_size=64)


if __name__ == "__main__":
    main()
