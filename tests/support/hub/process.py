"""Makes the process that runs the tests use a hub for tests.

huggingface_hub reads its variables once, when it is imported, and tests are offline. So this
replaces the values, and everything made from them: default arguments, a shared client, an object.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from huggingface_hub import HfFileSystem, constants, file_download, hf_api
from huggingface_hub.utils import _detect_agent, _http

from hub.hub import Hub


def turn_to(hub: Hub, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Makes huggingface_hub, and datasets if it is installed, use a hub, with a cache of its own.

    No token is set; a test that needs one sets HF_TOKEN. Waits between attempts are skipped, and
    recorded in `hub.waits`.
    """
    _import_datasets()
    for name, value in hub.environment(home).items():
        monkeypatch.setenv(name, value)
    _turn_constants(hub, monkeypatch, home)
    _turn_objects(hub, monkeypatch)
    _turn_datasets(hub, monkeypatch, home)
    without_waiting = SimpleNamespace(sleep=hub.waits.append)
    monkeypatch.setattr(_http, "time", without_waiting)
    monkeypatch.setattr(file_download, "time", without_waiting)


def _turn_constants(hub: Hub, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    values = {
        "ENDPOINT": hub.endpoint,
        "HUGGINGFACE_CO_URL_TEMPLATE": template,
        "HF_URL_HOSTS": constants.HF_URL_HOSTS | {str(urlsplit(hub.endpoint).hostname)},
        "HF_HOME": str(home),
        "HF_HUB_CACHE": str(home / "hub"),
        "HUGGINGFACE_HUB_CACHE": str(home / "hub"),
        "HF_ASSETS_CACHE": str(home / "assets"),
        "HF_XET_CACHE": str(home / "xet"),
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_STORED_TOKENS_PATH": str(home / "stored_tokens"),
        "AGENT_HARNESSES_PATH": str(home / ".agent_harnesses.json"),
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_TELEMETRY": True,
    }
    for name, value in values.items():
        monkeypatch.setattr(constants, name, value)


def _turn_objects(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces objects made on import: the module's functions are bound to `api`."""
    monkeypatch.setattr(hf_api.api, "endpoint", hub.endpoint)
    origin = _http._url_origin(hub.endpoint)
    monkeypatch.setattr(_http, "_HUB_ORIGINS", _http._HUB_ORIGINS | {origin})
    monkeypatch.setattr(_detect_agent, "_registry", _detect_agent._EMPTY_REGISTRY)


def _import_datasets() -> None:
    """Imports datasets before the replacement, so that it does not keep this hub's address."""
    try:
        importlib.import_module("datasets")
    except ImportError:
        return


def _turn_datasets(hub: Hub, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    config = sys.modules.get("datasets.config")
    if config is None:
        return
    address = hub.endpoint + "/datasets/{repo_id}/resolve/{revision}/{path}"
    values = {
        "HF_ENDPOINT": hub.endpoint,
        "HUB_DATASETS_URL": address,
        "HF_HUB_OFFLINE": False,
        "HF_DATASETS_OFFLINE": False,
        "HF_UPDATE_DOWNLOAD_COUNTS": False,
        "HF_CACHE_HOME": str(home),
        "HF_DATASETS_CACHE": home / "datasets",
        "HF_MODULES_CACHE": home / "modules",
        "DOWNLOADED_DATASETS_PATH": home / "datasets" / "downloads",
        "EXTRACTED_DATASETS_PATH": home / "datasets" / "downloads" / "extracted",
    }
    for name, value in values.items():
        monkeypatch.setattr(config, name, value)


def leave() -> None:
    """Closes connections to a hub that ends: the shared client, and file systems."""
    _http.close_session()
    HfFileSystem.clear_instance_cache()
