"""Thresholds of a checkpoint, fitted on a split of a corpus."""

from __future__ import annotations

import copy
from pathlib import Path

from nerine.core.arguments import checked
from nerine.core.errors import SettingsError
from nerine.data.corpus.given import CorpusLike, as_corpus
from nerine.evaluation.calibration import Calibration, Target
from nerine.evaluation.calibration import calibrate as calibrate_predictions
from nerine.model.given import CheckpointLike, as_tagger, name_of
from nerine.model.loading.checkpoint import save_calibration, writable_info

_REFUSED = {
    "test": "the texts that give the final scores must not choose the thresholds",
    "train": "the model was trained on these texts, so it scores them higher than others",
}


@checked
def calibrate(
    checkpoint: CheckpointLike,
    corpus: CorpusLike,
    *,
    split: str = "validation",
    target: Target | str = "f1",
    per_label: bool = False,
    save: bool = False,
) -> Calibration:
    """Fits thresholds on the scores of entities, and says what they change.

    A threshold only drops entities, so recall never rises. Rules of the tagger are not applied, as
    their entities have no score.

    Args:
        checkpoint: A tagger, or what `Tagger.load` loads: a folder or a hub id.
        corpus: The corpus, or what `load_corpus` loads: a folder, a file, "sample", a hub id.
        split: The split to fit on.
        target: `f1` (the best F1), `precision=P` or `recall=R`.
        per_label: Whether each frequent label gets a threshold of its own.
        save: Whether to save the thresholds with the checkpoint, a folder, for
            `Tagger.load(…, thresholds="saved")`. Only those of the validation split are saved.

    Returns:
        The thresholds, and the scores without and with them.

    Raises:
        ArgumentError: If an argument has another type.
        CorpusError: If the split is missing or has too few entities, or the target is out of reach.
        SettingsError: If the target is not valid, or these thresholds must not be saved.
        CheckpointError: If the checkpoint cannot be used, or nothing can be saved with it.
    """
    aim = Target.parse(target) if isinstance(target, str) else target
    if save:
        check_fitting_split(split)
        writable_info(_folder(checkpoint), "thresholds")
    corpus, tagger = as_corpus(corpus), copy.copy(as_tagger(checkpoint))
    tagger.thresholds = tagger.rules = None
    gold = corpus.split(split)
    fitted = calibrate_predictions(
        gold,
        tagger.predict(gold),
        split=split,
        corpus=corpus.hash,
        target=aim,
        per_label=per_label,
    )
    if save:
        save_calibration(_folder(checkpoint), fitted)
    return fitted


def check_fitting_split(split: str) -> None:
    """Raises `SettingsError` if thresholds that are fitted on a split must not be saved."""
    if split in _REFUSED:
        raise SettingsError(
            f"thresholds are not fitted on the {split} split: {_REFUSED[split]}",
            place="--split",
            expected="validation",
            hint="--dry-run (save=False) reports on any split without saving",
        )


def _folder(checkpoint: CheckpointLike) -> Path:
    return Path(str(name_of(checkpoint))).expanduser()
