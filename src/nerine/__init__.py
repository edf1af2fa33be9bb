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

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import NerineError
from nerine.core.tags import TagScheme

if TYPE_CHECKING:
    from nerine.curation.checks import CheckReport, check_corpus
    from nerine.data.corpus import Corpus, load_corpus
    from nerine.data.formats import read_documents, write_documents
    from nerine.evaluation.evaluate import Evaluation, evaluate, evaluate_predictions
    from nerine.evaluation.metrics import Scores, score
    from nerine.evaluation.significance import Comparison, System, compare
    from nerine.model.explanation import explain
    from nerine.model.tagger import Tagger
    from nerine.publishing.push import Pushed, PushOptions, plan_push, push
    from nerine.serving.files import TaggingOptions, TaggingSummary, tag_files
    from nerine.serving.optimization import Optimization, optimize
    from nerine.training.distillation.distill import distill
    from nerine.training.run import TrainingRun
    from nerine.training.settings import DistillationSettings, TrainingSettings
    from nerine.training.train import train

__version__ = "0.1.0"

__all__ = [
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
    "Scores",
    "System",
    "TagScheme",
    "Tagger",
    "TaggingOptions",
    "TaggingSummary",
    "Token",
    "TrainingRun",
    "TrainingSettings",
    "check_corpus",
    "compare",
    "distill",
    "evaluate",
    "evaluate_predictions",
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
    "Evaluation": "nerine.evaluation.evaluate",
    "CheckReport": "nerine.curation.checks",
    "Comparison": "nerine.evaluation.significance",
    "Corpus": "nerine.data.corpus",
    "DistillationSettings": "nerine.training.settings",
    "Scores": "nerine.evaluation.metrics",
    "Optimization": "nerine.serving.optimization",
    "PushOptions": "nerine.publishing.push",
    "Pushed": "nerine.publishing.push",
    "System": "nerine.evaluation.significance",
    "Tagger": "nerine.model.tagger",
    "TaggingOptions": "nerine.serving.files",
    "TaggingSummary": "nerine.serving.files",
    "TrainingRun": "nerine.training.run",
    "TrainingSettings": "nerine.training.settings",
    "evaluate_predictions": "nerine.evaluation.evaluate",
    "check_corpus": "nerine.curation.checks",
    "compare": "nerine.evaluation.significance",
    "distill": "nerine.training.distillation.distill",
    "evaluate": "nerine.evaluation.evaluate",
    "explain": "nerine.model.explanation",
    "load_corpus": "nerine.data.corpus",
    "optimize": "nerine.serving.optimization",
    "plan_push": "nerine.publishing.push",
    "push": "nerine.publishing.push",
    "read_documents": "nerine.data.formats",
    "score": "nerine.evaluation.metrics",
    "tag_files": "nerine.serving.files",
    "train": "nerine.training.train",
    "write_documents": "nerine.data.formats",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'nerine' has no attribute {name!r}")
    value = getattr(import_module(_LATER[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
