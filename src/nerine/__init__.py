"""Nerine takes labelled text to a named-entity recogniser in service.

::

    corpus = nerine.load_corpus("sample")
    run = nerine.train(corpus, output="runs/sample")
    tagger = nerine.Tagger.load("runs/sample")
    print(nerine.evaluate(tagger, corpus.test).overall.f1)

What needs torch is imported when it is first asked for, so that reading and converting a corpus
stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nerine.document import Document, Entity, Token
from nerine.errors import NerineError
from nerine.schemes import TagScheme

if TYPE_CHECKING:
    from nerine.assessment import Assessment, assess
    from nerine.certainty import Comparison, System, compare
    from nerine.checks import CheckReport, check_corpus
    from nerine.corpus import Corpus, load_corpus
    from nerine.distillation import distill
    from nerine.evaluation import evaluate
    from nerine.explanation import explain
    from nerine.formats import read_documents, write_documents
    from nerine.metrics import Evaluation, score
    from nerine.optimization import Optimization, optimize
    from nerine.publication import Pushed, PushOptions, plan_push, push
    from nerine.settings import DistillationSettings, TrainingSettings
    from nerine.stream import TaggingOptions, TaggingSummary, tag_files
    from nerine.tagger import Tagger
    from nerine.training import TrainingRun, train

__version__ = "0.1.0"

__all__ = [
    "Assessment",
    "CheckReport",
    "Comparison",
    "Corpus",
    "DistillationSettings",
    "Document",
    "Entity",
    "Evaluation",
    "NerineError",
    "Optimization",
    "PushOptions",
    "Pushed",
    "System",
    "TagScheme",
    "Tagger",
    "TaggingOptions",
    "TaggingSummary",
    "Token",
    "TrainingRun",
    "TrainingSettings",
    "assess",
    "check_corpus",
    "compare",
    "distill",
    "evaluate",
    "explain",
    "load_corpus",
    "optimize",
    "plan_push",
    "push",
    "read_documents",
    "score",
    "tag_files",
    "train",
    "write_documents",
]

_LATER = {
    "Assessment": "assessment",
    "CheckReport": "checks",
    "Comparison": "certainty",
    "Corpus": "corpus",
    "DistillationSettings": "settings",
    "Evaluation": "metrics",
    "Optimization": "optimization",
    "PushOptions": "publication",
    "Pushed": "publication",
    "System": "certainty",
    "Tagger": "tagger",
    "TaggingOptions": "stream",
    "TaggingSummary": "stream",
    "TrainingRun": "training",
    "TrainingSettings": "settings",
    "assess": "assessment",
    "check_corpus": "checks",
    "compare": "certainty",
    "distill": "distillation",
    "evaluate": "evaluation",
    "explain": "explanation",
    "load_corpus": "corpus",
    "optimize": "optimization",
    "plan_push": "publication",
    "push": "publication",
    "read_documents": "formats",
    "score": "metrics",
    "tag_files": "stream",
    "train": "training",
    "write_documents": "formats",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'nerine' has no attribute {name!r}")
    value = getattr(import_module(f"nerine.{_LATER[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
