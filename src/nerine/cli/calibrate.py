"""`nerine calibrate`: check the scores of a checkpoint, and fit thresholds for a target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nerine.cli.completion import CHECKPOINT, CORPUS
from nerine.cli.flags import default_option, json_option
from nerine.cli.help import Command
from nerine.cli.model_options import ModelOptions, running_options, tag_documents
from nerine.cli.options import CorpusOptions, corpus_options, notes_on
from nerine.cli.terminal import Titled, cell, noted_console, number_table, print_json, print_line
from nerine.data.corpus.given import GoldSplit
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

_MEASURES = ("precision", "recall", "f1")


@click.command(
    cls=Command,
    short_help="Check probabilities and fit thresholds.",
    epilog="""\b
Examples:
  nerine calibrate runs/wnut wnut17/
  nerine calibrate runs/wnut wnut17/ --target precision=0.8
  nerine calibrate runs/wnut wnut17/ --target f1 --per-label
  nerine calibrate runs/wnut wnut17/ --split test --dry-run --json

Thresholds are fitted on the validation split only; other splits need --dry-run. A threshold only
drops entities, so recall never rises.
""",
)
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("corpus", type=CORPUS)
@default_option("--split", "validation", "Split to tag.")
@default_option(
    "--target",
    "f1",
    "Target of the thresholds: f1 (the best F1), precision=P or recall=R.",
    metavar="TARGET",
)
@click.option("--per-label", is_flag=True, help="Fit a threshold for each frequent label.")
@default_option("--bins", 10, "Number of bins of the reliability table.", type=click.IntRange(1))
@click.option("--equal-mass", is_flag=True, help="Use bins of equal counts instead of equal width.")
@click.option("--dry-run", is_flag=True, help="Report without saving.")
@running_options
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
    model: ModelOptions,
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Check the scores of CHECKPOINT on CORPUS, and save thresholds with the checkpoint.

    The reliability table compares the scores of entities with the share that is correct. The
    thresholds go into the checkpoint's nerine.json; predict, tag and evaluate use them with
    --thresholds saved.
    """
    from nerine.model.evaluate import seen_by
    from nerine.model.loading.checkpoint import save_calibration

    aim = Target.parse(target)
    if not dry_run:
        _check_can_be_saved(checkpoint, split, model)
    loaded = reading.load(corpus)
    gold = GoldSplit.of(loaded, split)
    documents, tagger = gold.documents, model.load(checkpoint)
    predicted, seen = tag_documents(tagger, documents), seen_by(tagger, gold)
    binning: Binning = "mass" if equal_mass else "width"
    trust = reliability_diagram(documents, predicted, bins=bins, binning=binning)
    fitted = fit(
        documents, predicted, split=split, corpus=loaded.hash, target=aim, per_label=per_label
    )
    if not dry_run:
        save_calibration(Path(checkpoint), fitted)
    before = score(documents, predicted)
    after = score(documents, list(apply_thresholds(predicted, fitted.thresholds)))
    signature = str(Signature.of(documents, split=gold.title))
    if as_json:
        print_json(
            {
                "contamination": seen.to_dict(),
                "checkpoint": tagger.name,
                "corpus": loaded.source,
                "hash": loaded.hash,
                "split": split,
                "signature": signature,
                "notes": notes_on(loaded),
                "reliability": trust.to_dict(),
                "thresholds": fitted.to_dict(),
                "labels": _labels_as_json(fitted, before, after),
                "saved": not dry_run,
            }
        )
        return
    on = noted_console(notes_on(loaded), {"": seen})
    print_reliability(trust, f"{tagger.name} on {loaded.source}, {split}", on)
    on.print()
    print_thresholds(fitted, before, after, on)
    print_line(on, signature)
    if dry_run:
        print_line(on, "nothing was saved (--dry-run)")
    else:
        use = f"nerine predict {checkpoint} --thresholds saved"
        print_line(on, f"saved in {checkpoint}; used by: {use}")


def _check_can_be_saved(checkpoint: str, split: str, model: ModelOptions) -> None:
    """Raises `SettingsError` or `CheckpointError` if thresholds cannot be saved."""
    from nerine.model.calibrate import check_fitting_split

    check_fitting_split(split)
    model.check_own_settings("the thresholds", "report with --dry-run")
    from nerine.model.loading.checkpoint import writable_info

    writable_info(Path(checkpoint), "thresholds")


def _labels_as_json(fitted: Calibration, before: Scores, after: Scores) -> dict[str, Any]:
    """The threshold of each label, and its counts without and with thresholds."""
    return {
        label: {
            "threshold": fitted.thresholds.of(label),
            "before": counts.to_dict(),
            "after": after.labels.get(label, Counts()).to_dict(),
        }
        for label, counts in before.labels.items()
    }


def print_reliability(trust: ReliabilityDiagram, title: str, on: Console) -> None:
    """Prints the reliability table and the calibration errors."""
    rows = (
        (
            f"{each.low:.2f} to {each.high:.2f}",
            f"{each.count:,}",
            f"{each.mean_score:.4f}",
            f"{each.precision:.4f}",
            f"{each.gap:+.4f}",
        )
        for each in trust.bins
    )
    names = ("entities", "mean score", "precision", "gap")
    bins = number_table("score", names, rows)
    on.print(Titled(f"{title}: scores and what came true", bins))
    on.print(
        f"expected calibration error {trust.expected_calibration_error:.4f}, "
        f"largest {trust.maximum_calibration_error:.4f}, "
        f"Brier score {trust.brier_score:.4f} over {trust.entities:,} predicted entities"
    )


def print_thresholds(fitted: Calibration, before: Scores, after: Scores, on: Console) -> None:
    """Prints the thresholds with the scores without and with them."""
    thresholds, held_out = fitted.thresholds, fitted.held_out
    rows = (
        (label, f"{thresholds.of(label):.4f}", *_changes(counts, after.labels.get(label)))
        for label, counts in before.labels.items()
    )
    shown = number_table("label", ("threshold", "precision", "recall", "F1", "gold"), rows)
    shown.add_section()
    common = "" if thresholds.labels else f"{thresholds.value:.4f}"
    overall = _changes(before.overall, after.overall)
    shown.add_row(cell("all labels", "bold"), common, *overall)
    if held_out is not None:
        shown.add_row(cell("held out"), "", *_changes(before.overall, held_out))
    on.print(Titled(f"Thresholds for {fitted.target}; scores without → with them", shown))
    print_line(
        on, "held out: each fifth of the documents, with thresholds that were fitted on the others"
    )
    if not fitted.holds:
        if held_out is None:
            doubt = "there are too few entities to hold documents out: other texts may differ much"
        elif fitted.target.minimum is None:
            doubt = "held out, F1 does not rise: these thresholds are of little use on other texts"
        else:
            doubt = f"held out, {fitted.target} is not reached: expect less on other texts"
        print_line(on, f"note: {doubt}", "bold")


def _changes(before: Counts, after: Counts | None) -> list[str]:
    """Precision, recall and F1 without and with thresholds, and the number of gold entities."""
    after = after or Counts()  # no gold entity, and all predicted ones dropped
    pairs = ((getattr(before, name), getattr(after, name)) for name in _MEASURES)
    return [*(f"{old:.3f} → {new:.3f}" for old, new in pairs), f"{before.gold:,}"]
