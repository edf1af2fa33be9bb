"""Makes ONNX models of a checkpoint, measures them, and keeps those that are good enough."""

from __future__ import annotations

import importlib.metadata
import logging
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from nerine.core.arguments import checked
from nerine.core.document import Document
from nerine.core.errors import CheckpointError, CorpusError, SettingsError
from nerine.core.filenames import WEIGHTS_FILE
from nerine.core.files import disk_errors
from nerine.core.logs import Say, logged
from nerine.data.corpus.given import CorpusLike, gold_documents
from nerine.evaluation.contamination import Contamination
from nerine.evaluation.signs import LEAST_F1
from nerine.model.backends.saved import PYTORCH, VARIANTS, SavedModels
from nerine.model.given import CheckpointLike, name_of
from nerine.model.loading.foreign import TagNames
from nerine.model.loading.usage import Usage
from nerine.model.loading.weights_hash import weights_hash
from nerine.model.provenance.sources import shown_name
from nerine.serving.optimization.choice import TOLERANCE, Choice, check_tolerance, choose
from nerine.serving.optimization.exporting import check_exporter
from nerine.serving.optimization.folder import check_folder, put_in_place, workplace
from nerine.serving.optimization.footprint import Variant, measure_footprint
from nerine.serving.optimization.measuring import Measurement, compare_with, rates
from nerine.serving.optimization.variants import Variants, make_variants

logger = logging.getLogger("nerine.optimize")

_FOOTPRINT_TEXTS = 256
_PACKAGES = ("onnx", "onnxruntime", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class Optimization:
    """The measurements of a checkpoint's variants, and the variant that is used from now on.

    Attributes:
        checkpoint: The checkpoint, as it was named.
        weights: The hash of its weights.
        documents: The number of documents that it was measured on.
        tolerance: The F1 that a variant may lose, in points of 100.
        difference: The largest difference between the logits of PyTorch and of the exported model,
            as a share of their size.
        measurements: The measurements of each variant, PyTorch among them.
        choice: The variant that is used, and why the others are not.
        contamination: How many of the documents the checkpoint has seen.
        notes: What a user should know about the checkpoint and how it was loaded.
    """

    checkpoint: str
    weights: str
    documents: int
    tolerance: float
    difference: float
    measurements: tuple[Measurement, ...]
    choice: Choice
    contamination: Contamination
    notes: tuple[str, ...] = ()

    @property
    def chosen(self) -> str:
        """The variant that is used from now on."""
        return self.choice.chosen

    def choose(self, tolerance: float) -> Choice:
        """The choice that the same measurements lead to with another tolerance.

        Args:
            tolerance: The F1 that a variant may lose, in points of 100.

        Raises:
            SettingsError: If the tolerance is not from 0 to 100.
        """
        check_tolerance(tolerance)
        return choose(self.measurements, tolerance)

    @property
    def warnings(self) -> tuple[str, ...]:
        """A warning if PyTorch finds next to no entity: the other variants then lose nothing."""
        f1 = self.measurements[0].f1
        if f1 >= LEAST_F1:
            return ()
        warning = (
            f"the model finds next to nothing in these documents, F1 {f1:.4f}: that the variants "
            "are as good means nothing"
        )
        return (warning,)

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON, with the processor and the versions of this machine."""
        return {
            "contamination": self.contamination.to_dict(),
            "checkpoint": self.checkpoint,
            "weights": self.weights,
            "documents": self.documents,
            "tolerance": self.tolerance,
            "difference": self.difference,
            **asdict(self.choice),
            "warnings": list(self.warnings),
            "variants": [each.to_dict() for each in self.measurements],
            "machine": {
                "processor": platform.processor() or platform.machine(),
                "threads": torch.get_num_threads(),
                "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
            },
        }


@disk_errors(CheckpointError)
@checked
def optimize(
    checkpoint: CheckpointLike,
    documents: Iterable[Document] | CorpusLike,
    *,
    split: str = "validation",
    tolerance: float = TOLERANCE,
    variants: Sequence[str] = VARIANTS,
    scheme: str | None = None,
    tags: TagNames | None = None,
    usage: Usage | None = None,
    about: Mapping[str, Any] | None = None,
    say: Say = lambda _: None,
) -> Optimization:
    """Makes ONNX models of a checkpoint, measures them, and keeps those that are good enough.

    The fastest of those is what `Tagger.load` uses from then on, on a CPU.

    Args:
        checkpoint: The folder of the checkpoint, or a tagger that was loaded from it.
        documents: Documents with gold entities that the model was not trained on; or a corpus or
            what `load_corpus` loads.
        split: The split of a corpus to measure on.
        tolerance: The F1 that a variant may lose against PyTorch, in points of 100.
        variants: The variants to measure.
        scheme: The tag scheme of a checkpoint not made by Nerine, as in `Tagger.load`.
        tags: The tags of such a checkpoint, as in `Tagger.load`.
        usage: The words, decoding and windows that it is measured with, as in `Tagger.load`.
        about: Facts about the documents for the report.
        say: Is called with what is being done.

    Returns:
        The measurements and the choice.

    Raises:
        ArgumentError: If an argument has another type.
        CheckpointError: If the folder is not a checkpoint, or its model cannot be exported.
        CorpusError: If the documents have no entities.
        SettingsError: If the tolerance is out of its range, a variant is unknown, or the model
            cannot be used as `usage` states.
        EncodingError: If the tokenizer cannot be used.
        SchemeError: If the tag scheme is unknown.
        HubError: If the checkpoint cannot be reached.
        MissingExtraError: If the extra `train` is not installed.
    """
    say = logged(logger, say)
    checkpoint = str(name_of(checkpoint))
    folder = Path(checkpoint).expanduser()
    gold = gold_documents(documents, split)
    check_tolerance(tolerance)
    unknown = [each for each in variants if each not in VARIANTS]
    if unknown:
        raise SettingsError(
            f"the variant {unknown[0]!r} is unknown", place="variants", expected=", ".join(VARIANTS)
        )
    check_folder(folder)
    if not any(each.entities for each in gold):
        raise CorpusError(
            f"nothing can be measured on {len(gold)} documents without an entity",
            expected="documents with gold entities",
        )
    check_exporter()
    weights = weights_hash(folder)
    with workplace(folder) as place:
        pytorch = Variant(PYTORCH, folder, scheme=scheme, tags=tags, usage=usage)
        made = make_variants(pytorch, place, gold, variants, say)
        measurements = _measure(made, gold, say)
        choice = choose(measurements, tolerance)
        result = Optimization(
            checkpoint,
            weights,
            len(gold),
            tolerance,
            made.difference,
            measurements,
            choice,
            made.taggers[PYTORCH].training_texts.contamination(gold),
            made.taggers[PYTORCH].notes,
        )
        kept = {name: each for name, each in made.saved.items() if name in choice.good_enough}
        report = {**(about or {}), **result.to_dict()}
        report["checkpoint"] = shown_name(checkpoint, "folder")
        if "corpus" in report:
            report["corpus"] = shown_name(str(report["corpus"]))
        facts = made.tokenizer, made.batching, made.notes
        put_in_place(place, SavedModels(weights, choice.chosen, kept, report, *facts))
    return result


def _measure(made: Variants, gold: Sequence[Document], say: Say) -> tuple[Measurement, ...]:
    predicted = {}
    for name, tagger in made.taggers.items():
        say(f"scoring {name}")
        predicted[name] = tagger.predict(gold)
    say("timing the variants in turns")
    speeds = rates(made.taggers, gold)
    texts = [each.text for each in gold[:_FOOTPRINT_TEXTS]]
    measurements = []
    for name, variant in made.variants.items():
        say(f"memory and time to the first result of {name}")
        weights = variant.file.path if variant.file else variant.folder / WEIGHTS_FILE
        measurements.append(
            Measurement(
                variant=name,
                agreement=compare_with(gold, predicted[PYTORCH], predicted[name]),
                rate=speeds[name],
                size=weights.stat().st_size,
                footprint=measure_footprint(variant, texts),
            )
        )
    return tuple(measurements)
