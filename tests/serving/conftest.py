"""Fixtures of several tests of serving."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Spark in local mode with two threads, which tries each task four times."""
    from engines import spark_session  # and the model, which few of these tests need

    with pytest.MonkeyPatch.context() as environment:
        base = tmp_path_factory.mktemp("spark")
        with spark_session(environment, base, "local[2,4]") as session:
            yield session


@pytest.fixture
def folder(onnx_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint of the test's own."""
    return Path(shutil.copytree(onnx_checkpoint, tmp_path / "run"))
