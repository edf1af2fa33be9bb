"""A tagger that knows three names."""

from __future__ import annotations

import pytest

from lookup import Opinion, make_lookup
from nerine.model.tagger import Tagger

OPINIONS: dict[str, Opinion] = {
    "mira": "B-person",
    "okonjo": "I-person",
    "ana": {"B-person": 0.6},
    "lisbon": "B-place",
    "left": "O",
}


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    folder = tmp_path_factory.mktemp("known") / "run"
    return Tagger.load(make_lookup(folder, ["person", "place"], OPINIONS))
