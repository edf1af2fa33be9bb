"""Two models whose opinions are written down, and a server of both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions, make_app
from nerine.serving.http.limits import Limits
from nerine.serving.http.service import ServedModel
from served import LONGEST, OTHERS, make_tagger, running


@pytest.fixture(scope="session")
def taggers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tagger, Tagger]:
    folder = tmp_path_factory.mktemp("models")
    return make_tagger(folder / "one"), make_tagger(folder / "two", OTHERS)


@pytest.fixture(scope="session")
def tagger(taggers: tuple[Tagger, Tagger]) -> Tagger:
    return taggers[0]


@pytest.fixture(scope="session")
def address(taggers: tuple[Tagger, Tagger]) -> Iterator[str]:
    """A server of two models."""
    models = [ServedModel.of(name, each) for name, each in zip("ab", taggers, strict=True)]
    with running(make_app(models, AppOptions(Limits(characters=LONGEST)))) as found:
        yield found
