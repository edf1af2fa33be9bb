"""The levers: what each of them changes, and the corpora that it could change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ALL = ("ai", "politics", "wnut", "ncbi", "btc")
SMALL = ("ai", "politics")
WNUT = ("wnut",)
TWEETS = ("wnut", "btc")
"""The corpora whose texts are of the kind of the raw texts."""
SHOTS = tuple(f"{corpus}-{count}-a-label" for corpus in SMALL for count in (5, 20))
"""Corpora with so many sentences a label, drawn with the seed of the run."""

PLAN = "plan"
"""The lever that changes nothing, to which the others are compared."""
BASE: Mapping[str, Any] = {"crf": False}
"""What has become a part of the plan since the trials began: it is left out of all of them, unless
they change it."""
BIAS = "bias"
"""A bias of `O` on the model of the plan: fitted on one half of validation, scored on the other."""


MINILM, MPNET = "MiniLM", "MPNet"
"""The encoders of the levers: the default one, and a base-sized one (`--mpnet FOLDER`)."""


@dataclass(frozen=True, slots=True)
class Lever:
    """A change of the plan.

    Attributes:
        changes: Settings of `train` by name, or of `distill` if there are teachers.
        corpora: The corpora that it is tried on.
        encoder: The encoder of the model, MINILM or MPNET; None for layers of its teacher.
        teacher: The lever whose runs teach a student with the encoder.
        teachers: The number of these runs: a single one has the seed of the student, several have
            those from 0 on; 0 for a model that is trained on labels alone.
        raw: Whether the teachers label raw texts too.
        adapted: Whether the encoder is adapted to raw texts first.
        soup: The number of seeds whose mean of weights is the model; 0 for a single run. The first
            is `soup` times the seed of the trial.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    corpora: tuple[str, ...] = ALL
    encoder: str | None = MINILM
    teacher: str = PLAN
    teachers: int = 0
    raw: bool = False
    adapted: bool = False
    soup: int = 0


_RAW = {"unlabelled_per_gold": 3.0, "epochs": 7}
"""Settings of a student that learns from raw texts too: as many passes over the labelled texts as
the plan makes on WNUT, three raw texts for each of them."""

LEVERS: Mapping[str, Lever] = {
    PLAN: Lever(corpora=(*SHOTS, *ALL)),
    "label-names": Lever({"head_start": "names"}, (*SHOTS, *ALL)),
    "swapping": Lever({"variants": 4, "swapping": 0.3}, (*SHOTS, *ALL)),
    "r-drop": Lever({"r_drop": 1.0}, (*SHOTS, *ALL)),
    "symbols": Lever({"variants": 2, "symbol_noise": 0.2}, TWEETS),
    "crf": Lever({"crf": True, "crf_weight": 1.0}, (*SHOTS, *ALL)),
    "crf-and-words": Lever({"crf": True, "crf_weight": 0.5}, (*SHOTS, *ALL)),
    "case-marks": Lever({"case_marks": True}, ALL),
    "case-marks-thawed": Lever({"case_marks": True, "freeze_embeddings": False}, ALL),
    "adapted": Lever(corpora=TWEETS, adapted=True),
    "soup": Lever({"crf": True}, soup=3),
    "three-teachers": Lever(teachers=3),
    "self-training": Lever(_RAW, TWEETS, teachers=1, raw=True),
    "three-teachers-raw": Lever(_RAW, TWEETS, teachers=3, raw=True),
    "mpnet": Lever(corpora=WNUT, encoder=MPNET),
    "mpnet-crf-and-words": Lever({"crf": True}, WNUT, encoder=MPNET),
    "mpnet-teacher": Lever(corpora=WNUT, teacher="mpnet", teachers=1),
    "mpnet-teacher-crf": Lever({"crf": True}, WNUT, teacher="mpnet-crf-and-words", teachers=1),
    "mpnet-teacher-raw": Lever(_RAW, WNUT, teacher="mpnet", teachers=1, raw=True),
    "mpnet-teacher-raw-crf": Lever(
        {**_RAW, "crf": True}, WNUT, teacher="mpnet-crf-and-words", teachers=1, raw=True
    ),
    "three-layers-raw": Lever(
        {**_RAW, "layers": 3, "crf": None},
        WNUT,
        encoder=None,
        teacher="mpnet-teacher-raw-crf",
        teachers=1,
        raw=True,
    ),
    "mpnet-teacher-raw-adapted": Lever(
        _RAW, WNUT, teacher="mpnet", teachers=1, raw=True, adapted=True
    ),
}
