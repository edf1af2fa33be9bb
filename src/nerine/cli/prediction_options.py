"""Options about a file of predictions and about resampling."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from nerine.cli.flags import Decorator, gathered
from nerine.cli.help import options_in
from nerine.cli.options import column_named
from nerine.core.tags import Reading, read_scheme
from nerine.data.corpus.given import GoldSplit
from nerine.data.formats import FORMATS, ReadLog, ReadOptions

if TYPE_CHECKING:
    from nerine.evaluation.alignment import Alignment


@dataclass(frozen=True, slots=True)
class PredictionOptions:
    """The options of a command about reading a file of predictions."""

    format: str | None
    options: ReadOptions
    changed_tokens: float
    reading: Reading

    @classmethod
    def of(cls, values: dict[str, Any]) -> PredictionOptions:
        """The options by the values of their flags."""
        scheme, column = values["predicted_scheme"], values["predicted_column"]
        options = ReadOptions(
            scheme=scheme and read_scheme(scheme),
            tag_column=column and column_named(column),
        )
        return cls(values["predicted_format"], options, values["changed_tokens"], values["reading"])

    def align(self, gold: GoldSplit, predicted: Path) -> Alignment:
        """The documents of a split aligned with those of a file."""
        from nerine.evaluation.alignment import align_file

        log = gold.corpus.logs.get(gold.name, ReadLog())
        return align_file(
            gold.documents,
            gold.places,
            predicted,
            gold_scheme=log.scheme,
            gold_columns=log.columns,
            format=self.format,
            options=self.options,
            changed_tokens=self.changed_tokens,
        )


_option = options_in("The predictions")
_sampling = options_in("Intervals")

_PREDICTED: list[Decorator] = [
    _option(
        "--predicted-format",
        type=click.Choice(list(FORMATS)),
        metavar="FORMAT",
        help="Format of the predictions, as in --format.  [default: found from the file's content]",
    ),
    _option(
        "--predicted-scheme",
        metavar="SCHEME",
        help="Scheme of the predicted tags.  [default: that of gold, or found from the tags]",
    ),
    _option(
        "--predicted-column",
        metavar="COLUMN",
        help="Column of the predicted tags.  [default: found from the file; of several the last]",
    ),
    _option(
        "--changed-tokens",
        default=0.3,
        show_default=True,
        metavar="SHARE",
        help="Share of the tokens of a column file that may differ from the gold ones.",
    ),
    _option(
        "--reading",
        type=click.Choice(get_args(Reading)),
        default="strict",
        show_default=True,
        help="How predicted tags that break their scheme are read.",
    ),
]
_SAMPLING = [
    _sampling(
        "--level", default=0.95, show_default=True, help="Confidence level of the intervals."
    ),
    _sampling(
        "--samples", default=1000, show_default=True, help="Number of resamples of the documents."
    ),
    _sampling("--seed", default=0, show_default=True, help="Seed of the resampling."),
]


def checked_sampling(values: dict[str, Any]) -> dict[str, Any]:
    """`values`; raises `SettingsError` if one is out of range."""
    from nerine.evaluation.significance.intervals import check_sampling

    check_sampling(**values)  # now rather than after minutes of tagging
    return values


prediction_options = gathered(_PREDICTED, "prediction", PredictionOptions.of)
sampling_options = gathered(_SAMPLING, "sampling", checked_sampling)
