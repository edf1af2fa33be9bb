"""A server of two models, shared by the tests of a module that change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from nerine.model.tagger import Tagger
from nerine.serving.http.service import ServedModel
from servers import named_tagger, serving


@pytest.fixture(scope="session")
def named(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    """A tagger whose finds are known."""
    return named_tagger(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def url(named: Tagger, checkpoint_of: Callable[..., Path]) -> Iterator[str]:
    """The address of a server with that tagger as `named`, and a tiny random one as `tiny`."""
    tiny = Tagger.load(checkpoint_of("bert"), device="cpu")
    models = [ServedModel.of("named", named), ServedModel.of("tiny", tiny)]
    with serving(models) as found:
        yield found


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    """A client of that server."""
    with httpx.Client(base_url=url, timeout=60) as found:
        yield found
