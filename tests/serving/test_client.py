"""The client of a server: a tagger's verbs, patience, and answers that do not fit."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from nerine.core.document import Document, Token
from nerine.core.errors import CheckpointError, DocumentError, ServerError, SettingsError
from nerine.core.streams import PAUSE
from nerine.evaluation.calibration import Thresholds
from nerine.model.inference import Failure
from nerine.model.tagger import Tagger
from nerine.serving import client as module
from nerine.serving.client import Client
from nerine.serving.http.app import AppOptions
from nerine.serving.http.limits import Limits
from nerine.serving.http.service import ServedModel
from servers import LABELS, TEXTS, named_tagger, serving

KEY = "schlüssel 🗝"
TEXT = TEXTS[0]


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    return named_tagger(tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def url(tagger: Tagger, checkpoint_of: Callable[..., Path]) -> Iterator[str]:
    """A server with small limits, a key and two models, one of which has tokens for words."""
    tokens = Tagger.load(checkpoint_of("bert", words="tokens"), device="cpu")
    models = [ServedModel.of("named", tagger), ServedModel.of("tokens", tokens)]
    options = AppOptions(Limits(texts=10, body=5_000, queue=100_000), keys=(KEY,))
    with serving(models, options) as found:
        yield found


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url, key=KEY) as found:
        yield found


# --- a tagger's verbs


def test_a_client_finds_what_the_tagger_finds(client: Client, tagger: Tagger) -> None:
    assert client(TEXT) == tagger(TEXT)
    assert client.predict(TEXTS) == tagger.predict(TEXTS)
    assert list(client.pipe(iter(TEXTS))) == tagger.predict(TEXTS)
    assert client.predict([]) == []
    assert client.labels == tagger.labels == LABELS


def test_many_texts_come_back_in_order(client: Client, tagger: Tagger) -> None:
    texts = [f"Ana {n} of Oslo" for n in range(300)]  # more than a request of this server may have
    found = client.predict(texts)
    assert found == tagger.predict(texts)
    assert [document.text for document in found] == texts


def test_what_a_document_has_stays_with_it(client: Client, tagger: Tagger) -> None:
    document = Document(
        TEXT, tokens=(Token(0, 4), Token(5, 11)), id="7", meta={"a": [1, {"b": None}]}
    )
    assert client(document) == tagger(document)
    assert client(document).meta == document.meta
    nested = Document("Mira", meta={"not for JSON": object()})
    assert client(nested).meta == nested.meta


def test_tokens_reach_a_model_whose_words_they_are(
    url: str, checkpoint_of: Callable[..., Path]
) -> None:
    tokens = Tagger.load(checkpoint_of("bert", words="tokens"), device="cpu")
    document = Document.from_tokens(["Mira", "O'Neil", "left", "."])
    with Client(url, key=KEY, model="tokens") as client:
        assert client(document) == tokens(document)
        assert client.labels == tokens.labels


def test_thresholds_are_applied_by_the_server(url: str, tagger: Tagger) -> None:
    text = TEXTS[3]
    scores = [entity.score or 0.0 for entity in tagger(text).entities]
    assert min(scores) < 0.7 < max(scores)
    tagger_with = Tagger.__copy__(tagger)
    for given, thresholds in (
        (0.7, Thresholds(0.7)),
        ({"location": 0.99}, Thresholds(0.0, {"location": 0.99})),
    ):
        tagger_with.thresholds = thresholds
        with Client(url, key=KEY, thresholds=given) as client:
            assert client(text) == tagger_with(text)
    saved = Client(url, key=KEY, thresholds="saved")
    with saved, pytest.raises(ServerError, match="no thresholds are saved"):
        saved(text)


def test_event_loops_use_one_client(client: Client, tagger: Tagger) -> None:
    texts = [f"Ana {n}" for n in range(150)]

    async def ask() -> list[list[Document]]:
        found = await asyncio.gather(*(client.apredict(texts) for _ in range(2)))
        first = [document async for document in client.apipe(TEXTS)]
        await client.aclose()
        return [*found, first]

    expected = tagger.predict(texts)
    assert asyncio.run(ask()) == [expected, expected, tagger.predict(TEXTS)]
    client._http = httpx2.Client(**client._options)  # which aclose has closed
    assert asyncio.run(ask())[0] == expected


def test_a_pause_brings_what_was_sent_before_it(client: Client, tagger: Tagger) -> None:
    read: list[str] = []

    def texts() -> Iterator[Any]:
        for text in TEXTS:
            read.append(text)
            yield text
            yield PAUSE

    stream = client.pipe(texts())
    assert next(stream) == tagger(TEXTS[0])
    assert read == list(TEXTS[:1])
    stream.close()  # type: ignore[attr-defined] # a generator below


def test_a_stream_is_read_no_further_than_some_requests_ahead(client: Client) -> None:
    read = itertools.count()
    stream = client.pipe(f"Ana {next(read)}" for _ in itertools.count())
    for _ in range(64):
        next(stream)
    assert next(read) < 64 + 1024 + module._AT_ONCE * 64 + 1024


def test_a_single_text_and_other_things_are_errors(client: Client) -> None:
    with pytest.raises(DocumentError, match="a single str"):
        client.predict("Mira")
    with pytest.raises(DocumentError, match="item 1 is a int"):
        client.predict(["Mira", 1])  # type: ignore[list-item] # on purpose
    with pytest.raises(DocumentError, match="the text is a list"):
        client(["Mira"])  # type: ignore[arg-type] # on purpose


# --- failures


def test_texts_that_fail_leave_the_others_in_their_places(client: Client, tagger: Tagger) -> None:
    broken = Document("half \ud83d of a pair", id="broken")
    texts: list[str | Document] = ["Mira", "long " * 2_000, broken, "Oslo"]
    outcomes = list(client.pipe_with_errors(texts))
    assert [outcomes[0], outcomes[3]] == tagger.predict(["Mira", "Oslo"])
    long, pair = outcomes[1:3]
    assert isinstance(long, Failure)
    assert isinstance(long.error, ServerError)
    assert long.error.cause == "body-too-large"
    assert isinstance(pair, Failure)
    assert isinstance(pair.error, DocumentError)
    assert pair.document is broken
    with pytest.raises(ServerError, match="a body of"):
        client.predict(texts)


def test_a_wrong_key_and_an_unknown_model_are_errors_at_once(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nerine.serving.client.time.sleep", pytest.fail)
    without = Client(url)
    with without, pytest.raises(ServerError, match="no key") as caught:
        without(TEXT)
    assert (caught.value.status, caught.value.cause) == (401, "unauthorized")
    assert caught.value.request_id
    with Client(url, key=KEY, model="other") as other:
        with pytest.raises(ServerError, match="no model 'other'"):
            other(TEXT)
        with pytest.raises(ServerError, match="no model 'other'"):
            _ = other.labels


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "ftp://host", "http://", "", "http://[::1"])
def test_an_address_that_is_none_is_an_error(address: str) -> None:
    with pytest.raises(SettingsError, match="not the address of a server"):
        Client(address)


# --- patience


class Scripted:
    """A client whose server gives prepared answers; the seconds that it waits are noted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Any, **options: Any) -> None:
        self.waits: list[float] = []
        self.bodies: list[Any] = []
        self._answers = iter(answers)
        monkeypatch.setattr("nerine.serving.client.time.sleep", self.waits.append)
        monkeypatch.setattr("nerine.serving.exchange.random.uniform", lambda least, _: least)
        self.client = Client("http://server", **options)
        transport = httpx2.MockTransport(self._answer)
        self.client._http = httpx2.Client(transport=transport, base_url="http://server")

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.bodies.append(json.loads(request.content))
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    @property
    def left(self) -> int:
        return len(list(self._answers))


def refused(status: int, cause: str, retry_after: str | None = None) -> httpx2.Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return httpx2.Response(status, json={"error": "no", "cause": cause}, headers=headers)


def found(*texts: str, **changes: Any) -> httpx2.Response:
    documents = [
        {
            "text": text,
            "entities": [{"start": 0, "end": 4, "label": "person", "text": "Mira", "score": 0.5}],
            **changes,
        }
        for text in texts
    ]
    return httpx2.Response(200, json={"documents": documents})


def test_an_overloaded_server_is_asked_again_when_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted = Scripted(
        monkeypatch,
        refused(429, "overloaded", "3"),
        refused(503, "not-ready"),
        refused(503, "stopping", "Sun, 29 Nov 2026 04:00:00 GMT"),
        refused(429, "overloaded", "86400"),
        found("Mira"),
    )
    assert scripted.client("Mira").entities[0].label == "person"
    assert scripted.waits == [3.0, 0.4, 0.8, 30.0]
    assert scripted.bodies == [{"documents": ["Mira"]}] * 5


def test_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [refused(429, "overloaded", "1") for _ in range(9)]
    scripted = Scripted(monkeypatch, *answers, attempts=3)
    with pytest.raises(ServerError) as caught:
        scripted.client("Mira")
    assert caught.value.cause == "overloaded"
    assert len(scripted.waits) == 2
    assert scripted.left == 6


def test_connections_that_fail_are_tried_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    error = httpx2.ConnectError("refused")
    scripted = Scripted(monkeypatch, error, httpx2.ReadError("reset"), found("Mira"))
    assert scripted.client("Mira").text == "Mira"
    scripted = Scripted(monkeypatch, *[error] * 5)
    with pytest.raises(ServerError, match="no answer: refused") as caught:
        scripted.client("Mira")
    assert caught.value.__cause__ is error
    assert scripted.left == 2


@pytest.mark.parametrize(
    "answer", [refused(503, "timeout"), httpx2.ReadTimeout("slow")], ids=["its own", "ours"]
)
def test_a_request_that_takes_too_long_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    scripted = Scripted(monkeypatch, answer)
    with pytest.raises(ServerError):
        scripted.client("Mira")
    assert scripted.waits == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx2.Response(502, text="<html>bad gateway</html>"), "status 502"),
        (httpx2.Response(200, text="welcome"), "status 200"),
        (httpx2.Response(200, json=["welcome"]), "does not fit"),
        (httpx2.Response(200, json={"documents": []}), "does not fit"),
        (found("Mira", "Mira"), "does not fit"),
        (found("Mia"), "does not fit"),
        (found("Mira", entities=[{"start": 0, "end": 9}]), "does not fit"),
        (found("Mira", entities=None), "does not fit"),
        (
            found(
                "Mira",
                entities=[{"start": 0, "end": 9, "label": "a", "text": "Mira", "score": 0.5}],
            ),
            "does not fit",
        ),
        (
            found(
                "Mira",
                entities=[{"start": 1, "end": 4, "label": "a", "text": "Mir", "score": 0.5}],
            ),
            "does not fit",
        ),
        (
            found(
                "Mira",
                entities=[{"start": "0", "end": 4, "label": "a", "text": "Mira", "score": 0.5}],
            ),
            "does not fit",
        ),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch, answer: httpx2.Response, expected: str
) -> None:
    with pytest.raises(ServerError, match=expected):
        Scripted(monkeypatch, answer).client("Mira")


@pytest.mark.parametrize(
    ("cause", "kind"),
    [("invalid", DocumentError), ("model-failed", CheckpointError), ("new", ServerError)],
)
def test_a_text_that_fails_raises_what_a_tagger_raises(
    monkeypatch: pytest.MonkeyPatch, cause: str, kind: type[Exception]
) -> None:
    answer = {"documents": [{"error": "bad", "cause": cause, "hint": "do this"}]}
    scripted = Scripted(monkeypatch, httpx2.Response(200, json=answer))
    with pytest.raises(kind, match="bad\n  hint: do this"):
        scripted.client("Mira")
