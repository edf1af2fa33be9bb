"""How OpenSearch's ML Commons sends a document to a remote model, and reads the answer.

The rules are those of its sources at 950f056 (2026-08-20): parameters are escaped for JSON unless
they are JSON objects or arrays themselves, and are put into the template of the connector; the
result has to be JSON. An answer that is a list is the field `response`.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

_NEEDED = ("name", "description", "version", "protocol", "actions")
_METHODS = ("POST", "GET")


def escaped(value: Any) -> str:
    """A parameter as it is put into a template."""
    if not isinstance(value, str):
        return json.dumps(value)
    return value if _is_json(value) else json.dumps(value)[1:-1]


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), (dict, list))
    except ValueError:
        return False


def filled(template: str, parameters: Mapping[str, Any], kind: str = "parameters") -> str:
    """A template with its parameters."""

    def value(found: re.Match[str]) -> str:
        return escaped(parameters[found[1]]) if found[1] in parameters else found[0]

    return re.sub(rf"\$\{{{kind}\.([\w.]+)\}}", value, template)


class MLCommons:
    """Connectors, models, and their calls."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.connectors: dict[str, dict[str, Any]] = {}
        self.models: dict[str, str] = {}

    def answer(self, method: str, parts: list[str], body: dict[str, Any]) -> Any:
        """The answer to a request of the plugin, or of the settings of the cluster."""
        match method, parts:
            case "PUT", ["_cluster", "settings"]:
                self.settings |= body["persistent"]
                return {"acknowledged": True, **body}
            case "POST", ["_plugins", "_ml", "connectors", "_create"]:
                key = f"connector-{len(self.connectors)}"
                self.connectors[key] = checked(body)
                return {"connector_id": key}
            case "POST", ["_plugins", "_ml", "models", "_register"]:
                assert body["function_name"] == "remote", body
                key = f"model-{len(self.models)}"
                assert body["connector_id"] in self.connectors, body
                self.models[key] = body["connector_id"]
                return {"task_id": "task", "status": "CREATED", "model_id": key}
            case "POST", ["_plugins", "_ml", "models", key, "_predict"]:
                data = self.call(key, body["parameters"])
                output = {"name": "response", "dataAsMap": data}
                return {"inference_results": [{"output": [output], "status_code": 200}]}
        raise AssertionError((method, parts))

    def call(self, model: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What a model answers, as a mapping; ValueError if there is no answer."""
        connector = self.connectors[self.models[model]]
        (action,) = (each for each in connector["actions"] if each["action_type"] == "predict")
        parameters = {**connector.get("parameters", {}), **parameters}
        url = filled(action["url"], parameters)
        trusted = self.settings.get("plugins.ml_commons.trusted_connector_endpoints_regex", [])
        if not any(re.fullmatch(each, url) for each in trusted):
            raise ValueError(
                f"Connector URL is not matching the trusted connector endpoints: {url}"
            )
        if not self.settings.get("plugins.ml_commons.connector.private_ip_enabled"):
            raise ValueError("Remote inference host name has private ip address")
        payload = filled(action["request_body"], parameters)
        if not _is_json(payload):
            raise ValueError(f"Invalid payload: {payload}")
        headers = {"Content-Type": "application/json"}
        for name, value in action.get("headers", {}).items():
            headers[name] = filled(value, connector.get("credential", {}), "credential")
        request = urllib.request.Request(url, payload.encode(), headers, method=action["method"])
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                data = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(f"Error from remote service: {error.read().decode()}") from error
        return {"response": data} if isinstance(data, list) else data

    def inferred(self, options: Mapping[str, Any], source: dict[str, Any]) -> dict[str, Any]:
        """A document after the processor `ml_inference`."""
        for inputs, outputs in zip(options["input_map"], options["output_map"], strict=True):
            answer = self.call(
                options["model_id"], {name: source[each] for name, each in inputs.items()}
            )
            source = source | {name: _read(answer, path) for name, path in outputs.items()}
        return source


def checked(connector: dict[str, Any]) -> dict[str, Any]:
    """A connector that has what the documentation asks for."""
    assert not [name for name in _NEEDED if name not in connector], connector
    assert connector["protocol"] in ("http", "aws_sigv4"), connector
    for each in connector["actions"]:
        assert each["method"] in _METHODS, each
        assert {"action_type", "url", "request_body"} <= set(each), each
    return connector


def _read(answer: Any, path: str) -> Any:
    """A field of an answer, by its name or a path such as `documents[0].entities`."""
    if path in answer:
        return answer[path]
    for name, index in re.findall(r"(\w+)|\[(\d+)\]", path.removeprefix("$.")):
        answer = answer[name] if name else answer[int(index)]
    return answer
