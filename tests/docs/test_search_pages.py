"""Entities in search engines: what the manual's pages send, in every shape that texts have."""

from __future__ import annotations

import ast
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import elasticsearch.helpers
import httpx
import opensearchpy.helpers
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForTokenClassification, AutoTokenizer

from clients import run_client
from ml_commons import MLCommons, escaped, filled
from nerine.core.document import Document
from nerine.model.tagger import Tagger
from pages import read_page
from places import ROOT
from search_engine import SearchEngine
from servers import TEXTS, named_tagger, serving

ELASTICSEARCH = read_page(ROOT / "docs" / "how-to" / "elasticsearch.md")
OPENSEARCH = read_page(ROOT / "docs" / "how-to" / "opensearch.md")
HOSTILE = (
    *TEXTS,
    'Mira said "Oslo\\Lisbon"\n\tto \u2028 Jonas \x00\x1f',
    "أنا في Oslo و 👩‍👩‍👧 Ana\u0301 𝕸ira",
    "[1] Mira, [2] Ana",
    "Mira Okonjo left Tandem Labs for Lisbon. " * 800,
)
"""Texts that are not easily put into JSON, read in other directions, empty or long."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("known")


@pytest.fixture(scope="module")
def tagger(folder: Path) -> Tagger:
    return named_tagger(folder)


@pytest.fixture(scope="module")
def server(tagger: Tagger) -> Iterator[str]:
    with serving(tagger) as url:
        yield url


@pytest.fixture(params=["Elasticsearch", "OpenSearch"])
def engine(request: pytest.FixtureRequest) -> Iterator[SearchEngine]:
    engine = SearchEngine(request.param)
    yield engine
    engine.end()


def python_of(page: Any) -> Iterator[ast.AST]:
    """The syntax of a page's Python."""
    for block in page.blocks:
        if block.kind == "python":
            yield from ast.walk(ast.parse(block.text))


@functools.cache
def templates() -> list[str]:
    """The bodies of requests in the page's connectors."""
    found = [
        ast.literal_eval(value)
        for node in python_of(OPENSEARCH)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "request_body"
    ]
    assert len(found) == 2
    return found


def places(entities: Any, label: str = "label") -> list[tuple[int, int, str]]:
    return [(each["start"], each["end"], each[label]) for each in entities]


def of_tagger(tagger: Tagger, text: str) -> list[tuple[int, int, str]]:
    return [(each.start, each.end, each.label) for each in tagger(text).entities]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_connectors_request_gets_the_taggers_entities(
    server: str, tagger: Tagger, text: str
) -> None:
    simple, own = templates()
    answer = httpx.post(server, content=filled(simple, {"inputs": text}), timeout=60)
    assert places(answer.json(), "entity_group") == of_tagger(tagger, text)
    body = filled(own.replace("location", "person"), {"text": text})
    answer = httpx.post(f"{server}/tag", content=body, timeout=60)
    (document,) = answer.json()["documents"]
    units = text.encode("utf-16-le")
    names = [units[2 * start : 2 * end] for start, end, _ in places(document["entities"])]
    persons = [each for each in of_tagger(tagger, text) if each[2] == "person"]
    assert names == [text[start:end].encode("utf-16-le") for start, end, _ in persons]


@given(st.text())
def test_every_text_goes_through_a_template_unless_it_is_json_itself(text: str) -> None:
    if escaped(text) == text:  # a text of ASCII without signs to escape, or JSON itself
        return
    assert json.loads(filled(templates()[0], {"inputs": text})) == {"inputs": text}


def test_a_text_that_is_json_itself_is_refused_as_the_page_says(server: str) -> None:
    commons = MLCommons()
    commons.settings = {
        "plugins.ml_commons.trusted_connector_endpoints_regex": ["^http://127.*$"],
        "plugins.ml_commons.connector.private_ip_enabled": True,
    }
    action = {"action_type": "predict", "method": "POST", "request_body": templates()[0]}
    commons.connectors["a"] = {"actions": [{**action, "url": server}]}
    commons.models["b"] = "a"
    assert commons.call("b", {"inputs": "Mira"})["response"][0]["word"] == "Mira"
    with pytest.raises(ValueError, match="Invalid payload"):
        commons.call("b", {"inputs": '["Mira"]'})


def indexed(document: Document) -> dict[str, Any]:
    entities = [
        {"start": each.start, "end": each.end, "label": each.label} for each in document.entities
    ]
    return {"text": document.text, "entities": entities}


@pytest.mark.parametrize("helper", ["bulk", "streaming_bulk", "parallel_bulk"])
def test_the_clients_helpers_index_a_stream_of_the_tagger(
    engine: SearchEngine, tagger: Tagger, helper: str
) -> None:
    client, helpers = client_of(engine)
    properties = {"text": {"type": "text"}, "entities": {"type": "nested", "properties": KINDS}}
    client.indices.create(index="a", body={"mappings": {"properties": properties}})
    texts = [*HOSTILE[:-1], *(f"Mira {number} Oslo" for number in range(20))]
    documents = (Document(text, id=str(number)) for number, text in enumerate(texts))
    actions = (
        {"_index": "a", "_id": each.id, "_source": indexed(each)} for each in tagger.pipe(documents)
    )
    result = getattr(helpers, helper)(client, actions, chunk_size=7)
    if helper == "bulk":
        assert result == (len(texts), [])
    else:
        assert [ok for ok, _ in result] == [True] * len(texts)
    kept = [engine.indices["a"].documents[str(number)] for number in range(len(texts))]
    assert [each["text"] for each in kept] == texts
    assert [places(each["entities"]) for each in kept] == [of_tagger(tagger, t) for t in texts]


KINDS = {"start": {"type": "integer"}, "end": {"type": "integer"}, "label": {"type": "keyword"}}


def client_of(engine: SearchEngine) -> tuple[Any, Any]:
    """The client of an engine, and its helpers."""
    if engine.kind == "OpenSearch":
        return opensearchpy.OpenSearch(engine.url), opensearchpy.helpers
    return elasticsearch.Elasticsearch(engine.url), elasticsearch.helpers


def reason_of(error: Any) -> str:
    """What an engine says of a request that it refuses."""
    return str(error.info)


def test_the_stand_in_refuses_what_does_not_fit(engine: SearchEngine) -> None:
    client, helpers = client_of(engine)
    refused = (elasticsearch.BadRequestError, opensearchpy.RequestError)
    create = client.indices.create
    with pytest.raises(refused) as caught:
        create(index="a", body={"mappings": {"properties": {"text": {"type": "string"}}}})
    assert "No handler for type" in reason_of(caught.value)
    properties = {"text": {"type": "text"}, "entities": {"type": "nested", "properties": KINDS}}
    create(index="a", body={"mappings": {"properties": properties}})
    wrong = {"_index": "a", "_source": {"entities": [{"start": 0.5}]}}
    with pytest.raises((elasticsearch.helpers.BulkIndexError, opensearchpy.helpers.BulkIndexError)):
        helpers.bulk(client, [wrong])
    for body in (b'{"index": {}}\n{}', b'{"index": {}}\n', b'{"put": {}}\n{}\n'):
        headers = {"Content-Type": "application/x-ndjson"}
        assert httpx.post(f"{engine.url}/a/_bulk", content=body, headers=headers).is_error
    right = {"_index": "a", "_source": {"entities": [{"label": "person"}], "text": "Mira"}}
    assert helpers.bulk(client, [right]) == (1, [])
    term = {"term": {"entities.label": "person"}}
    for query, count in ((term, 0), ({"nested": {"path": "entities", "query": term}}, 1)):
        found = client.search(index="a", body={"query": query})
        assert found["hits"]["total"]["value"] == count
    with pytest.raises(refused) as caught:
        client.search(index="a", body={"aggs": {"words": {"terms": {"field": "text"}}}})
    assert "Fielddata is disabled" in reason_of(caught.value)


ELAND = """
import json, sys, tempfile
import torch
from eland.ml.pytorch.transformers import TransformerModel

given = json.load(sys.stdin)
model = TransformerModel(model_id=given["folder"], task_type="ner", es_version=(9, 2, 0))
with tempfile.TemporaryDirectory() as folder:
    path, config, _ = model.save(folder)
    encoded = model._tokenizer(given["text"], return_tensors="pt")
    ids = encoded["input_ids"]
    zeros, mask = torch.zeros_like(ids), torch.ones_like(ids)
    (logits,) = torch.jit.load(path)(ids, mask, zeros, torch.arange(ids.shape[1])[None])
found = {"config": config.to_dict(), "ids": ids[0].tolist(), "logits": logits[0].tolist()}
print(json.dumps(found))
"""


@pytest.mark.slow
def test_eland_takes_the_copy_and_computes_the_same(
    folder: Path, tagger: Tagger, tmp_path: Path
) -> None:
    (function,) = (
        node
        for node in python_of(ELASTICSEARCH)
        if isinstance(node, ast.FunctionDef) and node.name == "for_eland"
    )
    names: dict[str, Any] = {}
    code = ast.unparse(ast.Module([function], []))
    exec(f"import json, shutil\nfrom pathlib import Path\n{code}", names)
    names["for_eland"](str(folder / "named"), str(tmp_path / "copy"))
    text = TEXTS[0]
    found = run_client("eland", ELAND, {"folder": str(tmp_path / "copy"), "text": text})
    ids = AutoTokenizer.from_pretrained(folder / "named")(text)["input_ids"]
    assert found["ids"] == ids
    model = AutoModelForTokenClassification.from_pretrained(folder / "named").eval()
    with torch.no_grad():
        (logits,) = model(torch.tensor([ids])).logits
    assert found["logits"] == [pytest.approx(each, abs=1e-4) for each in logits.tolist()]
    tokenization = {"do_lower_case": True, "max_sequence_length": 64}
    options = found["config"]["inference_config"]["ner"]
    assert options["tokenization"] == {"bert": tokenization}
    assert options["classification_labels"][:3] == ["O", "B_location", "I_location"]
