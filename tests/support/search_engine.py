"""A stand-in for Elasticsearch and OpenSearch on loopback, for what the manual's pages ask.

It refuses what the engines document as wrong: bodies of `_bulk` that do not alternate or do not end
with a line break, mappings of unknown types, values that do not fit a mapping, a term of an entity
that is asked outside of `nested`, terms of a field of the type `text`. Texts are analysed by lower
case and words only, and scores are not computed.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from ml_commons import MLCommons

TYPES: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "keyword": lambda value: isinstance(value, str) and len(value.encode()) <= 32766,
    "integer": lambda value: type(value) is int and abs(value) < 2**31,
    "float": lambda value: type(value) in (int, float),
}
"""Types of fields, and the values that they take."""
OBJECTS = ("object", "nested")
_ACTIONS = ("index", "create")
_JSON_LINES = ("application/x-ndjson", "application/vnd.elasticsearch+x-ndjson")

Lookup = Callable[[str], list[Any]]
"""From the name of a field to its values."""


class RefusedError(Exception):
    """A request that the engine refuses, with its status and the type of the error."""

    def __init__(self, kind: str, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status
        self.body = {"error": {"type": kind, "reason": reason}, "status": status}


def need(holds: object, reason: str, kind: str = "parsing_exception") -> None:
    """Refuses a request unless a condition holds."""
    if not holds:
        raise RefusedError(kind, reason)


@dataclass
class Index:
    """Documents by their ids, and the types of their fields by their names."""

    properties: Mapping[str, Any]
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def field_type(self, name: str) -> str | None:
        """The type of a field such as `entities.label`; None if it is not mapped."""
        found: Any = {"properties": self.properties}
        for part in name.split("."):
            found = found.get("properties", {}).get(part)
            if found is None:
                return None
        return str(found.get("type", "object"))

    def path_of(self, name: str) -> str | None:
        """The nested field that a field is in."""
        parts = name.split(".")
        starts = [".".join(parts[:size]) for size in range(1, len(parts))]
        return next((each for each in starts if self.field_type(each) == "nested"), None)


def check_mapping(properties: Mapping[str, Any]) -> None:
    """Refuses a mapping with unknown types or parameters."""
    for name, each in properties.items():
        kind = each.get("type", "object")
        need(kind in (*TYPES, *OBJECTS), f"No handler for type [{kind}] declared on field [{name}]")
        allowed = {"type", "properties", "dynamic"} if kind in OBJECTS else {"type", "ignore_above"}
        need(set(each) <= allowed, f"unknown parameter {set(each) - allowed} on mapper [{name}]")
        check_mapping(each.get("properties", {}))


def check_source(source: Any, properties: Mapping[str, Any], at: str = "") -> None:
    """Refuses values that do not fit a mapping; fields that are not in it are taken as they are."""
    need(isinstance(source, dict), f"object mapping for [{at}] tried to parse a value")
    for name, value in source.items():
        if name not in properties or value is None:
            continue
        rule = properties[name]
        kind = rule.get("type", "object")
        for each in value if isinstance(value, list) else [value]:
            if kind in OBJECTS:
                check_source(each, rule.get("properties", {}), f"{at}{name}.")
            else:
                reason = f"failed to parse field [{at}{name}] of type [{kind}]"
                need(TYPES[kind](each), reason, "document_parsing_exception")


def values_in(source: Any, path: str) -> list[Any]:
    """The values of a field such as `names.person`."""
    found = [source]
    for part in path.split("."):
        parts = [each.get(part) for each in found if isinstance(each, dict)]
        found = [value for each in parts for value in (each if isinstance(each, list) else [each])]
    return [each for each in found if each is not None]


def words(text: Any) -> set[str]:
    return set(re.findall(r"\w+", str(text).lower()))


@dataclass
class Search:
    """A query on an index: which documents and nested objects it matches."""

    index: Index
    inner: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def matches(self, query: Mapping[str, Any], source: Any, path: str | None = None) -> bool:
        """Whether an object, of a nested field if there is a path, is matched."""
        need(len(query) == 1, f"[{'_'.join(query)}] malformed query, expected [END_OBJECT]")
        ((kind, body),) = query.items()
        if kind == "match_all":
            return True
        if kind == "bool":
            return self._bool(body, source, path)
        if kind == "nested":
            return self._nested(body, source)
        need(kind in ("match", "term", "range"), f"unknown query [{kind}]")
        ((name, wanted),) = body.items()
        values = self._lookup(source, path)(name)
        if kind == "range":
            least, most = wanted.get("gte", float("-inf")), wanted.get("lte", float("inf"))
            need(set(wanted) <= {"gte", "lte"}, f"[range] query does not support {set(wanted)}")
            return any(least <= each <= most for each in values)
        if isinstance(wanted, dict):
            wanted = wanted["query" if kind == "match" else "value"]
        if kind == "match" and self.index.field_type(name) == "text":
            return any(words(wanted) & words(each) for each in values)
        return wanted in values

    def _bool(self, body: Mapping[str, Any], source: Any, path: str | None) -> bool:
        need(set(body) <= {"must", "filter"}, f"[bool] query does not support {set(body)}")
        parts = [each for value in body.values() for each in listed(value)]
        return all(self.matches(each, source, path) for each in parts)

    def _nested(self, body: Mapping[str, Any], source: Any) -> bool:
        path = body["path"]
        need(self.index.field_type(path) == "nested", f"path [{path}] is not nested")
        found = [
            {"_nested": {"field": path, "offset": offset}, "_source": each}
            for offset, each in enumerate(values_in(source, path))
            if self.matches(body["query"], each, path)
        ]
        if "inner_hits" in body:
            self.inner[path] = found
        return bool(found)

    def _lookup(self, source: Any, path: str | None) -> Lookup:
        """The values of fields: those of nested objects are seen inside of `nested` only."""

        def values(name: str) -> list[Any]:
            if self.index.path_of(name) != path:
                return []
            return values_in(source, name.removeprefix(f"{path}.") if path else name)

        return values


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def aggregated(
    index: Index, aggs: Mapping[str, Any], sources: list[Any], path: str | None = None
) -> dict[str, Any]:
    """The results of aggregations over objects."""
    results: dict[str, Any] = {}
    for name, body in aggs.items():
        inner = body.get("aggs", {})
        kinds = set(body) - {"aggs"}
        need(kinds <= {"terms", "nested", "filter"}, f"Unknown aggregation type {kinds}")
        if "nested" in body:
            at = body["nested"]["path"]
            need(index.field_type(at) == "nested", f"[nested] path [{at}] is not nested")
            objects = [each for source in sources for each in values_in(source, at)]
            results[name] = {"doc_count": len(objects), **aggregated(index, inner, objects, at)}
        elif "filter" in body:
            kept = [each for each in sources if Search(index).matches(body["filter"], each, path)]
            results[name] = {"doc_count": len(kept), **aggregated(index, inner, kept, path)}
        else:
            results[name] = {"buckets": _terms(index, body["terms"], sources, path, inner)}
    return results


def _terms(
    index: Index, body: Mapping[str, Any], sources: list[Any], path: str | None, inner: Any
) -> list[dict[str, Any]]:
    name = body["field"]
    reason = f"Fielddata is disabled on [{name}]"
    need(index.field_type(name) != "text", reason, "illegal_argument_exception")
    values_of = Search(index)._lookup
    found = [(each, set(values_of(each, path)(name))) for each in sources]
    counts = Counter(value for _, values in found for value in values)
    ranked = sorted(counts, key=lambda each: (-counts[each], each))[: body.get("size", 10)]
    return [
        {
            "key": key,
            "doc_count": counts[key],
            **aggregated(index, inner, [each for each, values in found if key in values], path),
        }
        for key in ranked
    ]


class SearchEngine:
    """A server of one of the engines, from now on."""

    def __init__(self, kind: Literal["Elasticsearch", "OpenSearch"] = "Elasticsearch") -> None:
        self.kind = kind
        self.indices: dict[str, Index] = {}
        self.pipelines: dict[str, list[dict[str, Any]]] = {}
        self.ml = MLCommons()
        self.asked: list[tuple[str, str]] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def end(self) -> None:
        """Stops it."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, method: str, target: str, kind: str, body: bytes) -> Any:
        """The answer to a request, as JSON."""
        place = urlsplit(target)
        self.asked.append((method, place.path))
        if place.path == "/":
            version = {"number": "9.2.0"}
            if self.kind == "OpenSearch":
                version = {"number": "3.2.0", "distribution": "opensearch"}
            return {"name": "stand-in", "cluster_name": "stand-in", "version": version}
        if place.path.endswith("/_bulk"):
            need(kind in (*_JSON_LINES, "application/json"), f"Content-Type [{kind}]")
            given = parse_qs(place.query).get("pipeline", [None])[0]
            return self._bulk(body, place.path.strip("/").removesuffix("_bulk").strip("/"), given)
        parts = place.path.strip("/").split("/")
        data = json.loads(body) if body else {}
        if parts[0] == "_ingest":
            return self._ingest(parts[2], parts[3:], data)
        if parts[0] in ("_plugins", "_cluster") and self.kind == "OpenSearch":
            return self.ml.answer(method, parts, data)
        match method, parts[1:]:
            case "PUT", []:
                return self._create(parts[0], data)
            case "POST", ["_refresh"]:
                return {"_shards": {"failed": 0}}
            case "POST", ["_search"]:
                return self._search(parts[0], data)
        raise RefusedError("illegal_argument_exception", f"no handler for [{method} {place.path}]")

    def _create(self, name: str, body: Mapping[str, Any]) -> Any:
        need(set(body) <= {"mappings", "settings"}, f"unknown keys {set(body)}")
        exists = "resource_already_exists_exception"
        need(name not in self.indices, f"index [{name}] already exists", exists)
        properties = body.get("mappings", {}).get("properties", {})
        check_mapping(properties)
        self.indices[name] = Index(properties)
        return {"acknowledged": True, "shards_acknowledged": True, "index": name}

    def _bulk(self, body: bytes, default: str, pipeline: str | None) -> Any:
        need(body.endswith(b"\n"), "The bulk request must be terminated by a newline [\\n]")
        lines = [json.loads(line) for line in body.decode().split("\n")[:-1]]
        need(len(lines) % 2 == 0, "The bulk request has an action without a source")
        items = []
        for action, source in zip(lines[::2], lines[1::2], strict=True):
            ((kind, meta),) = action.items()
            need(kind in _ACTIONS, f"Malformed action/metadata line, found [{kind}]")
            need(set(meta) <= {"_index", "_id", "pipeline"}, f"unknown parameter in {set(meta)}")
            items.append({kind: self._add({"_index": default, **meta}, source, pipeline)})
        errors = any(each["status"] >= 300 for item in items for each in item.values())
        return {"took": 1, "errors": errors, "items": items}

    def _add(self, meta: Mapping[str, Any], source: Any, pipeline: str | None) -> Any:
        """Adds a document; what does not fit the mapping fails alone."""
        name = meta["_index"]
        need(name, "index is missing", "action_request_validation_exception")
        index = self.indices.setdefault(name, Index({}))
        key = str(meta.get("_id", len(index.documents)))
        result = {"_index": name, "_id": key}
        try:
            source = self._through(meta.get("pipeline", pipeline), source)
            check_source(source, index.properties)
        except RefusedError as refusal:
            return {**result, "status": refusal.status, "error": refusal.body["error"]}
        index.documents[key] = source
        return {**result, "status": 201, "result": "created"}

    def _ingest(self, name: str, rest: list[str], body: Mapping[str, Any]) -> Any:
        if rest == ["_simulate"]:
            sources = [each["_source"] for each in body["docs"]]
            return {"docs": [{"doc": {"_source": self._through(name, each)}} for each in sources]}
        need(set(body) <= {"description", "processors"}, f"unknown keys {set(body)}")
        for each in body["processors"]:
            ((kind, options),) = each.items()
            known = "ml_inference" if self.kind == "OpenSearch" else "inference"
            need(kind == known, f"No processor type exists with name [{kind}]")
            need("model_id" in options, "[model_id] required property is missing")
        self.pipelines[name] = list(body["processors"])
        return {"acknowledged": True}

    def _through(self, name: str | None, source: Any) -> Any:
        """A document after a pipeline."""
        for each in self.pipelines[name] if name else ():
            need("ml_inference" in each, "models of Elasticsearch are not run here")
            try:
                source = self.ml.inferred(each["ml_inference"], source)
            except ValueError as error:
                raise RefusedError("illegal_argument_exception", str(error)) from error
        return source

    def _search(self, name: str, body: Mapping[str, Any]) -> Any:
        if name not in self.indices:
            raise RefusedError("index_not_found_exception", f"no such index [{name}]", 404)
        need(set(body) <= {"query", "aggs", "size", "_source"}, f"unknown key in {set(body)}")
        index = self.indices[name]
        hits = list(self._hits(index, name, body.get("query", {"match_all": {}})))
        sources = [hit["_source"] for hit in hits]
        answer: dict[str, Any] = {
            "took": 1,
            "hits": {"total": {"value": len(hits)}, "hits": hits[: body.get("size", 10)]},
        }
        if "aggs" in body:
            answer["aggregations"] = aggregated(index, body["aggs"], sources)
        return answer

    def _hits(self, index: Index, name: str, query: Any) -> Iterator[dict[str, Any]]:
        for key, source in index.documents.items():
            search = Search(index)
            if search.matches(query, source):
                hit = {"_index": name, "_id": key, "_score": None, "_source": source}
                if search.inner:
                    inner = {path: {"hits": {"hits": hits}} for path, hits in search.inner.items()}
                    hit["inner_hits"] = inner
                yield hit


def _handler(engine: SearchEngine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = (self.headers.get("Content-Type") or "").partition(";")[0]
            status = 200
            try:
                found = engine.answer(self.command, self.path, kind, body)
            except RefusedError as refusal:
                status, found = refusal.status, refusal.body
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if engine.kind == "Elasticsearch":
                self.send_header("X-Elastic-Product", "Elasticsearch")
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - its names

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    return Handler
