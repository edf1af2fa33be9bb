"""Nerine takes labelled text to a named-entity recogniser in service.

::

    corpus = nerine.load_corpus("wnut17/")                     # a folder, "sample", or a hub id
    print(nerine.check_corpus(corpus))                         # likely defects of its labels
    print(nerine.plan_training(corpus))                        # steps, rates, validations, and why
    run = nerine.train(corpus, output="runs/wnut")             # needs nerine[train], as distill
    nerine.optimize("runs/wnut", corpus.validation)            # the fastest way to run it on CPUs
    tagger = nerine.Tagger.load("runs/wnut")                   # a folder or a hub id
    doc = tagger("Mira Okonjo left Tandem Labs for Lisbon.")   # a Document with entities
    print([(entity.label, doc.text[entity.start:entity.end]) for entity in doc.entities])
    print(nerine.evaluate(tagger, corpus.test))                # scores with their intervals
    print(nerine.explain(tagger, doc.text))                    # subwords, logits, tags, entities
    nerine.push("runs/wnut", "owner/wnut")                     # to the hub, with a model card
    nerine.serve("runs/wnut", port=8000)                       # over HTTP; needs nerine[serve]
    doc = nerine.Client("http://127.0.0.1:8000")(doc.text)     # from another program

Each name is imported when it is first used, so that commands start quickly.
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
    from nerine.serving.client import Client
    from nerine.serving.files import TaggingOptions, TaggingSummary, tag_files
    from nerine.serving.http.app import make_app
    from nerine.serving.http.running import serve
    from nerine.serving.optimization.optimize import Optimization, optimize
    from nerine.training.distillation.distill import distill
    from nerine.training.plan import Plan, plan_training
    from nerine.training.run import TrainingRun
    from nerine.training.seeds import SeedRuns, train_seeds
    from nerine.training.settings import DistillationSettings, TrainingSettings
    from nerine.training.train import train
    from nerine.training.tuning.result import Tuning
    from nerine.training.tuning.tune import tune

__version__ = "0.1.0"

__all__ = [
    "CheckReport",
    "Client",
    "Comparison",
    "Corpus",
    "DistillationSettings",
    "Document",
    "Entity",
    "Evaluation",
    "NerineError",
    "Optimization",
    "Plan",
    "PushOptions",
    "Pushed",
    "Scores",
    "SeedRuns",
    "System",
    "TagScheme",
    "Tagger",
    "TaggingOptions",
    "TaggingSummary",
    "Token",
    "TrainingRun",
    "TrainingSettings",
    "Tuning",
    "check_corpus",
    "compare",
    "distill",
    "evaluate",
    "evaluate_predictions",
    "explain",
    "load_corpus",
    "make_app",
    "optimize",
    "plan_push",
    "plan_training",
    "push",
    "read_documents",
    "score",
    "serve",
    "tag_files",
    "train",
    "train_seeds",
    "tune",
    "write_documents",
]

_NAMES = {
    "nerine.curation.checks": "CheckReport check_corpus",
    "nerine.data.corpus": "Corpus load_corpus",
    "nerine.data.formats": "read_documents write_documents",
    "nerine.evaluation.evaluate": "Evaluation evaluate evaluate_predictions",
    "nerine.evaluation.metrics": "Scores score",
    "nerine.evaluation.significance": "Comparison System compare",
    "nerine.model.explanation": "explain",
    "nerine.model.tagger": "Tagger",
    "nerine.publishing.push": "PushOptions Pushed plan_push push",
    "nerine.serving.client": "Client",
    "nerine.serving.files": "TaggingOptions TaggingSummary tag_files",
    "nerine.serving.http.app": "make_app",
    "nerine.serving.http.running": "serve",
    "nerine.serving.optimization.optimize": "Optimization optimize",
    "nerine.training.distillation.distill": "distill",
    "nerine.training.plan": "Plan plan_training",
    "nerine.training.run": "TrainingRun",
    "nerine.training.seeds": "SeedRuns train_seeds",
    "nerine.training.settings": "DistillationSettings TrainingSettings",
    "nerine.training.train": "train",
    "nerine.training.tuning.result": "Tuning",
    "nerine.training.tuning.tune": "tune",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'nerine' has no attribute {name!r}")
    from nerine.core.extras import optional_imports

    with optional_imports(f"nerine.{name}"):
        value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
