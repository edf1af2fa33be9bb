"""Options about a file of predictions and about resampling, and the alignment with gold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.options import GoldSplit, column_named, gathered
from nerine.core.display import counted
from nerine.core.tags import TagScheme
from nerine.data.formats import FORMATS, ReadOptions

if TYPE_CHECKING:
    from nerine.evaluation.alignment import Alignment


@dataclass(frozen=True, slots=True)
class PredictionOptions:
    """The options of a command about reading a file of predictions."""

    format: str | None
    options: ReadOptions

    @classmethod
    def of(cls, values: dict[str, Any]) -> PredictionOptions:
        """The options by the values of their flags."""
        scheme = values["predicted_scheme"]
        options = ReadOptions(
            scheme=scheme and TagScheme.named(scheme),
            tag_column=column_named(values["predicted_column"]),
        )
        return cls(values["predicted_format"], options)

    def align(self, gold: GoldSplit, predicted: Path) -> Alignment:
        """The documents of a split aligned with those of a file."""
        from nerine.evaluation.alignment import align_file

        logs = gold.corpus.logs
        return align_file(
            gold.documents,
            gold.places,
            predicted,
            gold_scheme=logs[gold.name].scheme if gold.name in logs else None,
            format=self.format,
            options=self.options,
        )


_PREDICTED = {
    "predicted_format": click.option(
        "--predicted-format",
        type=click.Choice(list(FORMATS)),
        help="Format of the predictions.  [default: found from the file's name and first record]",
    ),
    "predicted_scheme": click.option(
        "--predicted-scheme",
        metavar="SCHEME",
        help="Scheme of the predicted tags.  [default: that of gold, or found from the tags]",
    ),
    "predicted_column": click.option(
        "--predicted-column",
        metavar="COLUMN",
        default="-1",
        help="Column of the predicted tags.  [default: the last one]",
    ),
}
_SAMPLING = {
    "level": click.option(
        "--level", default=0.95, show_default=True, help="Confidence level of the intervals."
    ),
    "samples": click.option(
        "--samples", default=1000, show_default=True, help="Number of resamples of the documents."
    ),
    "seed": click.option("--seed", default=0, show_default=True, help="Seed of the resampling."),
}


def checked_sampling(values: dict[str, Any]) -> dict[str, Any]:
    """`values`; raises `SettingsError` if one is out of range."""
    from nerine.evaluation.significance.intervals import check_sampling

    check_sampling(**values)  # now rather than after minutes of tagging
    return values


prediction_options = gathered(_PREDICTED, "prediction", PredictionOptions.of)
sampling_options = gathered(_SAMPLING, "sampling", checked_sampling)


def evaluation_arguments(alignment: Alignment) -> dict[str, Any]:
    """The arguments that `evaluate_predictions` and `make_report` take from an alignment."""
    return {
        "predicted": alignment.predicted,
        "lenient": None if alignment.lenient == alignment.predicted else alignment.lenient,
        "scheme": alignment.scheme.value if alignment.scheme else None,
    }


def alignment_notes(alignment: Alignment) -> list[str]:
    """Notes on the repairs of a system's file, and on labels that gold lacks."""
    notes = [
        f"tolerated: {each.what}: {each.count:,}, first at {each.first}"
        for each in alignment.repairs
    ]
    if alignment.unknown_labels:
        names = ", ".join(alignment.unknown_labels)
        notes.append(
            f"{counted(len(alignment.unknown_labels), 'predicted label')} that gold lacks: {names}"
        )
    return notes
