"""The adapted encoder on the disk: a checkpoint of transformers with a record, `adaptation.json`.

    {"format": 1, "provenance": {"encoder", "texts", "splits", "losses", "settings", …}}

The record is written last, and says that the run has ended. `train` copies what it says of the
texts into the provenance of its own checkpoint.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nerine.core.errors import TrainingError
from nerine.core.filenames import ADAPTATION_FILE, INDEX_FILE, WEIGHTS_FILE
from nerine.core.files import file_hash, sync_files, write_errors, write_text
from nerine.core.sketches import earlier_splits
from nerine.data.corpus import Corpus
from nerine.model.backends.pytorch import default_device
from nerine.model.loading.pretrained import Pretrained, quiet
from nerine.model.loading.sources import Source
from nerine.model.provenance.conditions import hardware, versions
from nerine.model.provenance.sources import (
    adaptation_of,
    corpus_kind,
    encoder_source,
    recorded_provenance,
    shown_name,
)
from nerine.training.adaptation.loop import AdaptationTrainer
from nerine.training.adaptation.measurements import Measurement, best_measurement
from nerine.training.adaptation.settings import AdaptationSettings
from nerine.training.initialization import timestamp
from nerine.training.run import SETTINGS_FILE

_FORMAT = 1
_PARTIAL = ".encoder.part"


def encoder_hash(source: Source) -> str:
    """The hash of an encoder's weights, by which a run knows it again."""
    index = source.folder / INDEX_FILE
    return file_hash(index if index.is_file() else source.folder / WEIGHTS_FILE)


def adaptation_record(
    loaded: Pretrained,
    measurements: Sequence[Measurement],
    trainer: AdaptationTrainer,
    corpora: Sequence[Corpus],
) -> dict[str, Any]:
    """The content of `adaptation.json`."""
    read = trainer.texts.record
    split, best = read["split"], best_measurement(measurements)
    begun_with = recorded_provenance(loaded.source)
    provenance = {
        "encoder": {**encoder_source(loaded.source), "sha256": encoder_hash(loaded.source)},
        "texts": {
            "documents": split["documents"],
            "hash": split["texts"],
            "held_out": trainer.division.held_out_texts,
            "subwords": read["subwords"],
            "left_out": read["left_out"],
        },
        "without": [
            {"source": shown_name(each.source, corpus_kind(each.source)), "hash": each.hash}
            for each in corpora
        ],
        "splits": {"unlabelled": split} | earlier_splits(begun_with),
        "losses": {"before": measurements[0].loss, "after": best.loss, "step": best.step},
        "measurements": [each.to_dict() for each in measurements],
        "settings": trainer.settings.to_dict(),
        "ended": timestamp(),
        "hardware": hardware(default_device()),
        "versions": versions(),
    }
    earlier = adaptation_of(begun_with)
    if earlier is not None:
        provenance["adaptation"] = earlier
    return {"format": _FORMAT, "provenance": provenance}


def save_encoder(
    folder: Path, loaded: Pretrained, settings: AdaptationSettings, record: dict[str, Any]
) -> None:
    """Writes the encoder, its settings and its record into a run's folder, the record last."""
    partial = folder / _PARTIAL
    hint = "free some disk space; --resume continues from the last complete state"
    with write_errors(TrainingError, folder, hint, caught=Exception):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        with quiet():
            loaded.model.save_pretrained(partial)
            loaded.tokenizer.save_pretrained(partial)
        write_text(partial / SETTINGS_FILE, settings.to_toml())
        text = json.dumps(record, indent=2, ensure_ascii=False)
        write_text(partial / ADAPTATION_FILE, f"{text}\n")
        sync_files(partial)
        for file in sorted(partial.iterdir(), key=lambda each: each.name == ADAPTATION_FILE):
            file.replace(folder / file.name)
        partial.rmdir()
