"""`nerine calibrate`: how far scores can be trusted, and thresholds that meet a target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.options import (
    CorpusReading,
    ModelChoice,
    corpus_notes,
    corpus_options,
    json_option,
    model_options,
    split_shown,
)
from nerine.cli.terminal import cell, console, print_json, table, titled, working
from nerine.core.display import counted
from nerine.core.errors import SettingsError
from nerine.evaluation.calibration import (
    Binning,
    Calibration,
    ReliabilityDiagram,
    Target,
    apply_thresholds,
    reliability_diagram,
)
from nerine.evaluation.calibration import calibrate as fit
from nerine.evaluation.metrics import Counts, Scores, Signature, score

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_REFUSED = {
    "test": "what is scored afterwards must not choose the thresholds",
    "train": "the model has seen these texts, and is surer of them than of any other",
}
_MEASURES = ("precision", "recall", "f1")


@click.command(
    short_help="Check a model's scores and fit thresholds.",
    epilog="""\b
Examples:
  nerine calibrate runs/wnut wnut17/
  nerine calibrate runs/wnut wnut17/ --target precision=0.8
  nerine calibrate runs/wnut wnut17/ --target f1 --per-label
  nerine calibrate runs/wnut wnut17/ --split test --dry-run --json

Thresholds are fitted on the validation split alone; other splits need --dry-run. A threshold can
only drop entities, so recall never rises.
""",
)
@click.argument("checkpoint")
@click.argument("corpus")
@click.option("--split", default="validation", show_default=True, help="Which documents to tag.")
@click.option(
    "--target",
    default="f1",
    show_default=True,
    metavar="TARGET",
    help="What the thresholds are to bring: f1, precision=P or recall=R.",
)
@click.option("--per-label", is_flag=True, help="A threshold for each label with enough entities.")
@click.option(
    "--bins",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Bins of the reliability table.",
)
@click.option("--equal-mass", is_flag=True, help="Bins of equal counts, not of equal width.")
@click.option("--dry-run", is_flag=True, help="Report, and save nothing.")
@model_options
@corpus_options
@json_option
def calibrate(
    checkpoint: str,
    corpus: str,
    split: str,
    target: str,
    per_label: bool,
    bins: int,
    equal_mass: bool,
    dry_run: bool,
    model: ModelChoice,
    reading: CorpusReading,
    as_json: bool,
) -> None:
    """Check the scores of CHECKPOINT on CORPUS, and save thresholds with it.

    The reliability table sets the scores of entities beside the share that is correct. The
    thresholds go into the checkpoint's nerine.json, for the option --thresholds saved of evaluate
    and predict.
    """
    aim = Target.parse(target)
    if not dry_run:
        _check_can_be_saved(checkpoint, split, model)
    loaded = reading.load(corpus)
    gold = loaded.split(split)
    tagger = model.load(checkpoint)
    with working(f"tagging {counted(len(gold), 'document')}"):
        predicted = tagger.predict(gold)
    binning: Binning = "mass" if equal_mass else "width"
    trust = reliability_diagram(gold, predicted, bins=bins, binning=binning)
    fitted = fit(gold, predicted, split=split, corpus=loaded.hash, target=aim, per_label=per_label)
    if not dry_run:
        from nerine.model.loading.checkpoint import save_calibration

        save_calibration(Path(checkpoint), fitted)
    result = _Result(
        trust,
        fitted,
        score(gold, predicted),
        score(gold, list(apply_thresholds(predicted, fitted.thresholds))),
    )
    notes = corpus_notes(loaded)
    signature = str(Signature.of(gold, split=split_shown(loaded, split)))
    if as_json:
        about = {"checkpoint": tagger.name, "corpus": loaded.source, "hash": loaded.hash}
        about |= {"split": split, "signature": signature}
        print_json({**about, "notes": notes, **result.to_dict(), "saved": not dry_run})
        return
    on = console()
    for note in notes:
        on.print(cell(f"note: {note}"), soft_wrap=True)
    _print_result(result, f"{tagger.name} on {loaded.source}, {split}", on)
    on.print(cell(signature), soft_wrap=True)
    on.print(cell(_outcome(checkpoint, dry_run)), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Result:
    """What there is to show; `before` and `after` are the scores without and with thresholds."""

    trust: ReliabilityDiagram
    fitted: Calibration
    before: Scores
    after: Scores

    def changes(self) -> Iterator[tuple[str, float, Counts, Counts]]:
        """Each label with its threshold and its counts without and with it."""
        for label, counts in self.before.labels.items():
            after = self.after.labels.get(label, Counts())  # none gold and all dropped
            yield label, self.fitted.thresholds.of(label), counts, after

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "reliability": self.trust.to_dict(),
            "thresholds": self.fitted.to_dict(),
            "labels": {
                label: {"threshold": value, "before": before.to_dict(), "after": after.to_dict()}
                for label, value, before, after in self.changes()
            },
        }


def _check_can_be_saved(checkpoint: str, split: str, model: ModelChoice) -> None:
    """Refuses before anything is tagged."""
    if split in _REFUSED:
        raise SettingsError(
            f"thresholds are not fitted on the {split} split: {_REFUSED[split]}",
            place="--split",
            expected="validation",
            hint="--dry-run reports on any split and saves nothing",
        )
    if model.scheme is not None:
        raise SettingsError(
            "thresholds would be saved for another scheme than the checkpoint's own",
            place="--scheme",
            hint="leave it out, or report with --dry-run",
        )
    from nerine.model.loading.checkpoint import writable_info

    writable_info(Path(checkpoint), "thresholds")


def _print_result(result: _Result, title: str, on: Console) -> None:
    trust = result.trust
    on.print(titled(f"{title}: scores and what came true", _bins_table(trust)))
    on.print(
        f"expected calibration error {trust.expected_calibration_error:.4f}, largest "
        f"{trust.maximum_calibration_error:.4f}, "
        f"Brier score {trust.brier_score:.4f} over {trust.entities:,} predicted entities"
    )
    on.print()
    about = f"Thresholds for {result.fitted.target}; scores without → with them"
    on.print(titled(about, _thresholds_table(result)))
    on.print(
        "held out: each fifth of the documents, with thresholds that were fitted on the others",
        soft_wrap=True,
    )
    if not result.fitted.holds:
        on.print(cell(f"note: {_doubt(result.fitted)}", "bold"), soft_wrap=True)


def _bins_table(trust: ReliabilityDiagram) -> Table:
    numbers = ("entities", "mean score", "precision", "gap")
    result = table(("score", *numbers), numbers=numbers)
    for each in trust.bins:
        result.add_row(
            f"{each.low:.2f} to {each.high:.2f}",
            f"{each.count:,}",
            f"{each.mean_score:.4f}",
            f"{each.precision:.4f}",
            f"{each.gap:+.4f}",
        )
    return result


def _thresholds_table(result: _Result) -> Table:
    numbers = ("threshold", "precision", "recall", "F1", "gold")
    shown = table(("label", *numbers), numbers=numbers)
    for label, value, before, after in result.changes():
        shown.add_row(cell(label), f"{value:.4f}", *_changes(before, after))
    shown.add_section()
    thresholds = result.fitted.thresholds
    common = "" if thresholds.labels else f"{thresholds.value:.4f}"
    before, held_out = result.before.overall, result.fitted.held_out
    shown.add_row(cell("all labels", "bold"), common, *_changes(before, result.after.overall))
    if held_out is not None:
        shown.add_row(cell("held out"), "", *_changes(before, held_out))
    return shown


def _changes(before: Counts, after: Counts) -> list[str]:
    pairs = ((getattr(before, name), getattr(after, name)) for name in _MEASURES)
    return [*(f"{old:.3f} → {new:.3f}" for old, new in pairs), f"{before.gold:,}"]


def _doubt(fitted: Calibration) -> str:
    if fitted.held_out is None:
        return "there are too few entities to hold documents out: other texts may differ much"
    if fitted.target.minimum is None:
        return "held out, F1 does not rise: these thresholds are of little use on other texts"
    return f"held out, {fitted.target} is not reached: expect less on other texts"


def _outcome(checkpoint: str, dry_run: bool) -> str:
    if dry_run:
        return "nothing was saved (--dry-run)"
    return f"saved in {checkpoint}; used by: nerine predict {checkpoint} --thresholds saved"
