"""The service: models by name, reloading, limits, and texts that wait."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nerine.core.document import Document
from nerine.core.errors import CheckpointError, NerineError, SettingsError
from nerine.evaluation.calibration import Thresholds
from nerine.model.tagger import Tagger
from nerine.serving.http.choice import Choice
from nerine.serving.http.limits import Limits
from nerine.serving.http.problems import Problem
from nerine.serving.http.scheduler import OverloadedError, StoppedError
from nerine.serving.http.service import ServedModel, Service
from tiny import make_checkpoint

TEXT = "Mira Okonjo left Tandem Labs for Lisbon."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="module")
def tagger(folder: Path) -> Tagger:
    return Tagger.load(folder, device="cpu")


@pytest.fixture
def service(tagger: Tagger) -> Any:
    made = Service([ServedModel.of("tiny", tagger)], Limits(texts=3, characters=100, queue=50))
    made.start()
    yield made
    assert made.stop(60)


def spans(document: object) -> list[tuple[int, int, str]]:
    assert isinstance(document, Document)
    return [(each.start, each.end, each.label) for each in document.entities]


# --- models


def test_models_have_names_of_their_own(tagger: Tagger) -> None:
    model = ServedModel.of("tiny", tagger)
    with pytest.raises(SettingsError, match="two models have the name tiny"):
        Service([model, model])
    with pytest.raises(SettingsError, match="no model to serve"):
        Service([])


def test_a_request_that_names_no_model_gets_the_first(tagger: Tagger) -> None:
    service = Service([ServedModel.of(name, tagger) for name in ("b", "a")])
    assert service.model().name == "b"
    assert service.model("a").name == "a"
    with pytest.raises(Problem, match="no model 'c'") as caught:
        service.model("c")
    assert (caught.value.status, caught.value.expected) == (404, "one of b, a")


def test_a_version_tells_weights_apart(tagger: Tagger, tmp_path: Path) -> None:
    other = Tagger.load(make_checkpoint(tmp_path / "other", labels=("a", "b", "c")), device="cpu")
    one, two = ServedModel.of("one", tagger), ServedModel.of("two", other)
    assert len(one.version) == len(two.version) == 12
    assert one.version != two.version


def test_a_model_is_loaded_again(folder: Path, tagger: Tagger) -> None:
    service = Service([ServedModel.of("tiny", tagger, lambda: Tagger.load(folder, device="cpu"))])
    (new,) = service.reload()
    assert service.model() is new
    assert new.tagger is not tagger
    with pytest.raises(Problem, match="no model 'x'"):
        service.reload("x")


def test_a_model_that_cannot_be_loaded_leaves_the_old_ones(folder: Path, tagger: Tagger) -> None:
    def fail() -> Tagger:
        raise CheckpointError("gone")

    good = ServedModel.of("good", tagger, lambda: Tagger.load(folder, device="cpu"))
    service = Service([good, ServedModel.of("bad", tagger, fail)])
    with pytest.raises(CheckpointError, match="gone"):
        service.reload()
    assert service.model("good") is good


def test_a_model_in_memory_cannot_be_loaded_again(tagger: Tagger) -> None:
    service = Service([ServedModel.of("tiny", tagger)])
    with pytest.raises(SettingsError, match="given as a tagger"):
        service.reload()


# --- limits


def test_texts_that_are_too_long_fail_in_their_places(service: Service, tagger: Tagger) -> None:
    some = [Document(TEXT), Document("a" * 101), Document(TEXT)]
    first, long, last = asyncio.run(service.tag(service.model(), some))
    assert spans(first) == spans(last) == spans(tagger(TEXT))
    assert isinstance(long, Problem)
    assert (long.cause, long.status, long.expected) == ("text-too-long", 413, "at most 100")


def test_too_many_texts_are_refused(service: Service) -> None:
    with pytest.raises(Problem, match="4 texts in one request"):
        asyncio.run(service.tag(service.model(), [Document(TEXT)] * 4))


def test_a_request_that_takes_too_long_is_given_up(
    tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service([ServedModel.of("tiny", tagger)], Limits(queue=50, seconds=1))
    monkeypatch.setattr(service, "scheduler", type("Idle", (), {"submit": _never}))
    with pytest.raises(Problem, match="more than 1 seconds") as caught:
        asyncio.run(service.tag(service.model(), [Document(TEXT)]))
    assert (caught.value.cause, caught.value.status) == ("timeout", 503)


def _never(*_: object) -> Any:
    from concurrent.futures import Future

    return Future()


class _Busy:
    """A scheduler that refuses some times."""

    def __init__(self, service: Service, times: int) -> None:
        self.left = times
        self._scheduler = service.scheduler

    def submit(self, *arguments: Any) -> Any:
        if self.left:
            self.left -= 1
            raise OverloadedError(70, 50, 2.2)
        assert self._scheduler
        return self._scheduler.submit(*arguments)


def test_an_overload_says_when_to_ask_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(service, "scheduler", _Busy(service, 1))
        with pytest.raises(Problem, match="70 subwords wait") as caught:
            asyncio.run(service.tag(service.model(), [Document(TEXT)]))
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "3"})


def test_a_text_of_a_stream_waits(
    service: Service, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = _Busy(service, 3)
    with monkeypatch.context() as patched:
        patched.setattr(service, "scheduler", busy)
        found = asyncio.run(service.tag_one(service.model(), Document(TEXT)))
    assert spans(found) == spans(tagger(TEXT))
    assert busy.left == 0


def test_a_limit_is_a_number_above_zero() -> None:
    with pytest.raises(SettingsError, match="texts: 0 is too small"):
        Limits(texts=0)


def test_a_queue_is_found_for_the_speed(tagger: Tagger) -> None:
    service = Service([ServedModel.of("tiny", tagger)])
    service.start()
    assert service.limits.queue is not None
    assert service.limits.queue >= 800
    assert service.stop(60)


# --- choices and problems


def test_a_choice_is_of_the_models_labels(tagger: Tagger) -> None:
    model = ServedModel.of("tiny", tagger)
    document = tagger(TEXT)
    some = Choice.of(model, labels=["person"]).of_document(document)
    assert spans(some) == [each for each in spans(document) if each[2] == "person"]
    assert Choice.of(model, 1).of_document(document).entities == ()
    assert Choice.of(model, {"person": 1.0}).of_document(document).entities == tuple(
        each for each in document.entities if each.label == "location"
    )
    for arguments in ({"labels": ["x"]}, {"thresholds": {"x": 0.5}}):
        with pytest.raises(Problem, match="has no label 'x'") as caught:
            Choice.of(model, **arguments)
        assert caught.value.place == next(iter(arguments))
    with pytest.raises(Problem, match=r"1.5 is not a valid threshold"):
        Choice.of(model, 1.5)
    with pytest.raises(Problem, match="no thresholds are saved"):
        Choice.of(model, "saved")


def test_thresholds_of_the_tagger_are_those_of_a_request_without(folder: Path) -> None:
    tagger = Tagger.load(folder, device="cpu", thresholds=1.0)
    tagger.saved_thresholds = Thresholds(0.5)
    model = ServedModel.of("tiny", tagger)
    assert Choice.of(model).thresholds == Thresholds(1.0)
    assert Choice.of(model, 0).thresholds == Thresholds(0)
    assert Choice.of(model, "saved").thresholds == Thresholds(0.5)


@pytest.mark.parametrize(
    ("error", "cause", "status"),
    [
        (StoppedError("stopping"), "stopping", 503),
        (CheckpointError("broken"), "model-failed", 424),
        (SettingsError("unknown"), "invalid", 422),
        (NerineError("other"), "model-failed", 424),
        (ValueError("secret text"), "model-failed", 424),
    ],
)
def test_errors_are_problems_for_the_caller(error: Exception, cause: str, status: int) -> None:
    problem = Problem.of(error)
    assert (problem.cause, problem.status) == (cause, status)
    assert "secret text" not in str(problem.to_dict())
