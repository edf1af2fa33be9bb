"""Nerine takes labelled text to a named-entity recogniser in service.

::

    corpus = nerine.load_corpus("wnut17/")                     # a folder, "sample", or a hub id
    print(nerine.describe_corpus(corpus))                      # sizes, labels, examples
    print(nerine.check_corpus(corpus))                         # likely defects of its labels
    print(nerine.plan_training(corpus))                        # steps, rates, validations, and why
    run = nerine.train(corpus, output="runs/wnut")             # needs nerine[train], as distill
    nerine.optimize("runs/wnut", corpus.validation)            # the fastest way to run it on CPUs
    tagger = nerine.Tagger.load("runs/wnut")                   # a folder or a hub id
    doc = tagger("Mira Okonjo left Tandem Labs for Lisbon.")   # a Document with entities
    print([(entity.label, doc.text[entity.start:entity.end]) for entity in doc.entities])
    print(nerine.evaluate(tagger, corpus.test))                # scores with their intervals
    nerine.calibrate(tagger, corpus, target="precision=0.9")   # thresholds on probabilities
    nerine.write_report(nerine.report(tagger, corpus), "report.html")
    print(nerine.explain(tagger, doc.text))                    # subwords, logits, tags, entities
    nerine.push("runs/wnut", "owner/wnut")                     # to the hub, with a model card
    nerine.serve("runs/wnut", port=8000)                       # over HTTP; needs nerine[serve]
    doc = nerine.Client("http://127.0.0.1:8000")(doc.text)     # from another program

Each name is imported when it is first used, so that commands start quickly. Type checkers and
editors read the imports below `TYPE_CHECKING`, and know all of them.

What long functions do is told to `logging.getLogger("nerine")`, which is silent by default.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nerine.core.document import Context, Document, Entity, Token
from nerine.core.errors import (
    ArgumentError,
    CheckpointError,
    CorpusError,
    DivergenceError,
    DocumentError,
    EncodingError,
    FormatError,
    HubError,
    MissingExtraError,
    NerineError,
    OverlapError,
    PeerError,
    ProcessError,
    SchemeError,
    ServerError,
    SettingsError,
    TaggingError,
    TrainingError,
)
from nerine.core.tags import Span, TagScheme

if TYPE_CHECKING:
    from nerine.core.context import with_context
    from nerine.core.ray_cluster import RayCluster
    from nerine.core.streams import Pause
    from nerine.core.words import rule_words, word_bounds, word_spans
    from nerine.curation.checks import CheckReport, Finding, check_corpus
    from nerine.curation.label_errors import (
        CrossValidation,
        LabelError,
        LabelErrorReport,
        cross_validated_label_errors,
        find_label_errors,
    )
    from nerine.data.corpus import Corpus, load_corpus
    from nerine.data.formats import (
        ReadLog,
        ReadOptions,
        WriteOptions,
        read_documents,
        write_documents,
    )
    from nerine.data.splitting import fold_corpora, split_corpus
    from nerine.data.statistics import CorpusStatistics, describe_corpus
    from nerine.evaluation.calibration import (
        Calibration,
        ReliabilityDiagram,
        Target,
        Thresholds,
        apply_thresholds,
        fit_thresholds,
        reliability_diagram,
    )
    from nerine.evaluation.evaluate import Evaluation, Predictor, evaluate_predictions
    from nerine.evaluation.metrics import Counts, Scores, breakdowns, score, score_tags
    from nerine.evaluation.report import Report
    from nerine.evaluation.significance import Comparison, System, compare
    from nerine.model.adapters import Adapters
    from nerine.model.backends.pytorch import default_device
    from nerine.model.calibrate import calibrate
    from nerine.model.decoding import Decoder
    from nerine.model.encoding import Encoder
    from nerine.model.evaluate import evaluate
    from nerine.model.explanation import Explanation, explain
    from nerine.model.inference import Failure
    from nerine.model.loading.sources import Source, find_source
    from nerine.model.report import report, write_report
    from nerine.model.rules import Rules
    from nerine.model.settings import ModelSettings
    from nerine.model.tagger import Tagger
    from nerine.publishing.changes import PushChanges
    from nerine.publishing.push import Pushed, PushOptions, PushPlan, plan_push, push
    from nerine.serving.client import Client
    from nerine.serving.columns import ColumnTagger
    from nerine.serving.files import (
        TaggingOptions,
        TaggingSummary,
        Verification,
        tag_files,
        verify_output,
    )
    from nerine.serving.frames import tag_frame
    from nerine.serving.http.app import AppOptions, make_app
    from nerine.serving.http.limits import Limits
    from nerine.serving.http.running import serve
    from nerine.serving.optimization.optimize import Optimization, optimize
    from nerine.serving.redaction import (
        Redacted,
        RedactionRecall,
        RedactionSummary,
        Redactor,
        Replacement,
        Restoration,
        redact,
        redact_files,
        redaction_recall,
        restore_files,
    )
    from nerine.training.adaptation.adapt import AdaptationRun, adapt
    from nerine.training.adaptation.settings import AdaptationSettings
    from nerine.training.changes import AdaptationChanges, DistillationChanges, TrainingChanges
    from nerine.training.distillation.distill import distill
    from nerine.training.distillation.settings import DistillationSettings
    from nerine.training.plan import Plan, plan_training
    from nerine.training.recipes import recipe
    from nerine.training.run import TrainingRun
    from nerine.training.seeds import SeedRuns, train_seeds
    from nerine.training.settings import TrainingSettings
    from nerine.training.train import train
    from nerine.training.tuning.result import Tuning
    from nerine.training.tuning.tune import tune

__version__ = "0.1.0"

__all__ = [
    "AdaptationChanges",
    "AdaptationRun",
    "AdaptationSettings",
    "Adapters",
    "AppOptions",
    "ArgumentError",
    "Calibration",
    "CheckReport",
    "CheckpointError",
    "Client",
    "ColumnTagger",
    "Comparison",
    "Context",
    "Corpus",
    "CorpusError",
    "CorpusStatistics",
    "Counts",
    "CrossValidation",
    "Decoder",
    "DistillationChanges",
    "DistillationSettings",
    "DivergenceError",
    "Document",
    "DocumentError",
    "Encoder",
    "EncodingError",
    "Entity",
    "Evaluation",
    "Explanation",
    "Failure",
    "Finding",
    "FormatError",
    "HubError",
    "LabelError",
    "LabelErrorReport",
    "Limits",
    "MissingExtraError",
    "ModelSettings",
    "NerineError",
    "Optimization",
    "OverlapError",
    "Pause",
    "PeerError",
    "Plan",
    "Predictor",
    "ProcessError",
    "PushChanges",
    "PushOptions",
    "PushPlan",
    "Pushed",
    "RayCluster",
    "ReadLog",
    "ReadOptions",
    "Redacted",
    "RedactionRecall",
    "RedactionSummary",
    "Redactor",
    "ReliabilityDiagram",
    "Replacement",
    "Report",
    "Restoration",
    "Rules",
    "SchemeError",
    "Scores",
    "SeedRuns",
    "ServerError",
    "SettingsError",
    "Source",
    "Span",
    "System",
    "TagScheme",
    "Tagger",
    "TaggingError",
    "TaggingOptions",
    "TaggingSummary",
    "Target",
    "Thresholds",
    "Token",
    "TrainingChanges",
    "TrainingError",
    "TrainingRun",
    "TrainingSettings",
    "Tuning",
    "Verification",
    "WriteOptions",
    "adapt",
    "apply_thresholds",
    "breakdowns",
    "calibrate",
    "check_corpus",
    "compare",
    "cross_validated_label_errors",
    "default_device",
    "describe_corpus",
    "distill",
    "evaluate",
    "evaluate_predictions",
    "explain",
    "find_label_errors",
    "find_source",
    "fit_thresholds",
    "fold_corpora",
    "load_corpus",
    "make_app",
    "optimize",
    "plan_push",
    "plan_training",
    "push",
    "read_documents",
    "recipe",
    "redact",
    "redact_files",
    "redaction_recall",
    "reliability_diagram",
    "report",
    "restore_files",
    "rule_words",
    "score",
    "score_tags",
    "serve",
    "split_corpus",
    "tag_files",
    "tag_frame",
    "train",
    "train_seeds",
    "tune",
    "verify_output",
    "with_context",
    "word_bounds",
    "word_spans",
    "write_documents",
    "write_report",
]

_NAMES = {
    "nerine.core.context": "with_context",
    "nerine.core.ray_cluster": "RayCluster",
    "nerine.core.streams": "Pause",
    "nerine.core.words": "rule_words word_bounds word_spans",
    "nerine.curation.checks": "CheckReport Finding check_corpus",
    "nerine.curation.label_errors": (
        "CrossValidation LabelError LabelErrorReport cross_validated_label_errors find_label_errors"
    ),
    "nerine.data.corpus": "Corpus load_corpus",
    "nerine.data.formats": "ReadLog ReadOptions WriteOptions read_documents write_documents",
    "nerine.data.splitting": "fold_corpora split_corpus",
    "nerine.data.statistics": "CorpusStatistics describe_corpus",
    "nerine.evaluation.calibration": (
        "Calibration ReliabilityDiagram Target Thresholds apply_thresholds fit_thresholds "
        "reliability_diagram"
    ),
    "nerine.evaluation.evaluate": "Evaluation Predictor evaluate_predictions",
    "nerine.evaluation.metrics": "Counts Scores breakdowns score score_tags",
    "nerine.evaluation.report": "Report",
    "nerine.evaluation.significance": "Comparison System compare",
    "nerine.model.backends.pytorch": "default_device",
    "nerine.model.calibrate": "calibrate",
    "nerine.model.decoding": "Decoder",
    "nerine.model.encoding": "Encoder",
    "nerine.model.evaluate": "evaluate",
    "nerine.model.explanation": "Explanation explain",
    "nerine.model.inference": "Failure",
    "nerine.model.loading.sources": "Source find_source",
    "nerine.model.report": "report write_report",
    "nerine.model.rules": "Rules",
    "nerine.model.settings": "ModelSettings",
    "nerine.model.adapters": "Adapters",
    "nerine.model.tagger": "Tagger",
    "nerine.publishing.changes": "PushChanges",
    "nerine.publishing.push": "PushOptions PushPlan Pushed plan_push push",
    "nerine.serving.client": "Client",
    "nerine.serving.columns": "ColumnTagger",
    "nerine.serving.files": "TaggingOptions TaggingSummary Verification tag_files verify_output",
    "nerine.serving.frames": "tag_frame",
    "nerine.serving.http.app": "AppOptions make_app",
    "nerine.serving.http.limits": "Limits",
    "nerine.serving.http.running": "serve",
    "nerine.serving.optimization.optimize": "Optimization optimize",
    "nerine.serving.redaction": (
        "Redacted RedactionRecall RedactionSummary Redactor Replacement Restoration redact "
        "redact_files redaction_recall restore_files"
    ),
    "nerine.training.adaptation.adapt": "AdaptationRun adapt",
    "nerine.training.adaptation.settings": "AdaptationSettings",
    "nerine.training.changes": "AdaptationChanges DistillationChanges TrainingChanges",
    "nerine.training.distillation.distill": "distill",
    "nerine.training.plan": "Plan plan_training",
    "nerine.training.recipes": "recipe",
    "nerine.training.run": "TrainingRun",
    "nerine.training.seeds": "SeedRuns train_seeds",
    "nerine.training.distillation.settings": "DistillationSettings",
    "nerine.training.settings": "TrainingSettings",
    "nerine.training.train": "train",
    "nerine.training.tuning.result": "Tuning",
    "nerine.training.tuning.tune": "tune",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def _import(name: str) -> Any:
    """A public name, whose module is imported now."""
    if name not in _MODULES:
        raise AttributeError(f"module 'nerine' has no attribute {name!r}")
    from nerine.core.extras import optional_imports

    with optional_imports(f"nerine.{name}"):
        value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # a type checker that saw this would take any name for one of ours
    __getattr__ = _import


def __dir__() -> list[str]:
    return list(__all__)
