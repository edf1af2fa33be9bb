"""Loading an optimised checkpoint: no torch, no formats of corpora, weights hashed once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub import Hub
from nerine.core.errors import CheckpointError
from nerine.core.filenames import INFO_FILE, ONNX_INFO_FILE, WEIGHTS_FILE
from nerine.model.backends import hardware
from nerine.model.backends.saved import FP32, PYTORCH
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.loading.tokenizer import Tokenizer, TokenizerInfo
from nerine.model.tagger import Tagger
from tiny import LONGEST, ONNX_MODEL, add_onnx, documents, make_foreign

for _package in ("onnx", "onnxscript"):
    pytest.importorskip(_package, reason="needs the extra train")

MODEL = ONNX_MODEL


@pytest.fixture(scope="module")
def made(onnx_checkpoint: Path) -> Path:
    """A checkpoint with an ONNX model; to be read only."""
    return onnx_checkpoint


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """The same, for a test that changes it."""
    return shutil.copytree(made, tmp_path / "run")


def tagged(folder: Path) -> list[Any]:
    tagger = Tagger.load(folder, device="cpu")
    assert tagger.inference.backend.name == FP32
    return [each.entities for each in tagger.predict([each.text for each in documents()])]


def forget_tokenizer(path: Path) -> None:
    """Makes a record one that an earlier version of Nerine wrote."""
    record = json.loads(path.read_text())
    record.pop("tokenizer", None)
    path.write_text(json.dumps(record))


def run(code: str, *arguments: object) -> str:
    """The output of Python code in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- modules that loading imports


def test_an_onnx_checkpoint_is_loaded_without_torch_and_without_formats(made: Path) -> None:
    code = (
        "import sys\n"
        "from nerine.model.tagger import Tagger\n"
        "assert Tagger.load(sys.argv[1])('Mira left Oslo.').text\n"
        "print(*sys.modules)"
    )
    modules = run(code, made).split()
    ours = [name for name in modules if name.split(".")[0] == "nerine"]
    unwanted = {"torch", "transformers", "huggingface_hub", "rich", "click", "nerine.data"}
    found = unwanted & set(modules)
    assert not found, f"{sorted(found)} among {len(ours)} modules of Nerine"


def test_without_torch_the_extra_is_named(made: Path, checkpoint_of: Callable[..., Path]) -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "import nerine\n"
        "from nerine.core.errors import MissingExtraError\n"
        "assert nerine.Tagger.load(sys.argv[1]).inference.backend.name == 'onnx-fp32'\n"
        "def check():\n"
        "    return nerine.check_corpus(nerine.load_corpus('sample'), encoder=sys.argv[2])\n"
        "calls = {\n"
        "    'load': lambda: nerine.Tagger.load(sys.argv[2]),\n"
        "    'train': lambda: nerine.train,\n"
        "    'optimize': lambda: nerine.optimize,\n"
        "    'check': check,\n"
        "}\n"
        "for name, call in calls.items():\n"
        "    try:\n"
        "        call()\n"
        "    except MissingExtraError as error:\n"
        "        print(name, error.found, error.hint)\n"
    )
    lines = run(code, made, checkpoint_of("bert")).splitlines()
    assert [line.split()[0] for line in lines] == ["load", "train", "optimize", "check"]
    for line in lines:
        assert "needs the package torch, which is not installed" in line
        assert line.endswith('pip install "nerine[train]"')


def test_without_torch_a_folder_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "import nerine\n"
        "try:\n"
        "    nerine.Tagger.load(sys.argv[1])\n"
        "except nerine.CheckpointError as error:\n"
        "    print(error.place)\n"
    )
    assert run(code, tmp_path).strip() == str(tmp_path)


# --- checkpoints with and without the facts


def test_an_earlier_checkpoint_gives_the_same_entities(folder: Path) -> None:
    light = tagged(folder)
    assert isinstance(Tagger.load(folder, device="cpu").inference.tokenizer, Tokenizer)
    forget_tokenizer(folder / INFO_FILE)
    assert tagged(folder) == light
    assert not isinstance(Tagger.load(folder, device="cpu").inference.tokenizer, Tokenizer)


def test_the_facts_may_be_in_either_file(folder: Path, made: Path) -> None:
    facts = TokenizerInfo(**json.loads((folder / INFO_FILE).read_text())["tokenizer"])
    forget_tokenizer(folder / INFO_FILE)
    record = json.loads((folder / ONNX_INFO_FILE).read_text())
    (folder / ONNX_INFO_FILE).write_text(
        json.dumps({**record, "tokenizer": dataclasses.asdict(facts)})
    )
    assert isinstance(Tagger.load(folder, device="cpu").inference.tokenizer, Tokenizer)
    assert tagged(folder) == tagged(made)


def test_a_tokenizer_that_was_exchanged_is_read_by_transformers(folder: Path) -> None:
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(json.dumps(json.loads(tokenizer.read_text())))
    loaded = load_checkpoint(folder, weights=False)
    assert loaded.model is None
    assert not isinstance(loaded.tokenizer, Tokenizer)


def test_a_foreign_checkpoint_is_light_once_it_is_optimised(tmp_path: Path) -> None:
    folder = make_foreign(tmp_path / "foreign", dict(enumerate(("O", "B-person", "I-person"))))
    before = load_checkpoint(folder)
    add_onnx(folder, TokenizerInfo.of(folder, before.tokenizer, LONGEST))
    light = load_checkpoint(folder, weights=False)
    assert isinstance(light.tokenizer, Tokenizer)
    assert light.settings == before.settings
    assert tagged(folder)
    names = ("O", "B-place", "I-place")
    assert load_checkpoint(folder, weights=False, tags=names).settings.tags == names
    with pytest.raises(CheckpointError, match="2 names for 3 tags"):
        load_checkpoint(folder, weights=False, tags=names[:2])


# --- how often weights are read


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was hashed, by its name; ONNX models by their kind."""
    counts: Counter[str] = Counter()
    file_digest, sha256 = hashlib.file_digest, hashlib.sha256

    def digest(stream: Any, kind: Any, **options: Any) -> Any:
        counts[Path(stream.name).name] += 1
        return file_digest(stream, kind, **options)

    def whole(content: bytes = b"", **options: Any) -> Any:
        is_ours = threading.current_thread() is threading.main_thread()  # and not the hub's
        counts[MODEL] += is_ours and len(content) > 10_000
        return sha256(content, **options)

    monkeypatch.setattr(hashlib, "file_digest", digest)
    monkeypatch.setattr(hashlib, "sha256", whole)
    return counts


def test_weights_are_hashed_where_they_are_used(made: Path, hashed: Counter[str]) -> None:
    Tagger.load(made, device="cpu")
    assert (hashed[WEIGHTS_FILE], hashed[MODEL]) == (0, 1)
    hashed.clear()
    Tagger.load(made, device="cpu", backend=PYTORCH)
    assert (hashed[WEIGHTS_FILE], hashed[MODEL]) == (1, 0)


def test_weights_of_the_hub_are_hashed_once(made: Path, hub: Hub, hashed: Counter[str]) -> None:
    files = {
        path.relative_to(made).as_posix(): path.read_bytes()
        for path in made.rglob("*")
        if path.is_file()
    }
    hub.add_repo("mira/names", files)
    hashed.clear()
    Tagger.load("mira/names", device="cpu")
    assert hashed[WEIGHTS_FILE] <= 1
    assert hashed[MODEL] <= 1
    hashed.clear()
    Tagger.load("mira/names", device="cpu", backend=PYTORCH)
    assert hashed[WEIGHTS_FILE] <= 1


# --- the machine


def test_threads_are_those_of_the_environment_where_torch_is_not_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    assert hardware.number_of_threads() == torch.get_num_threads()
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert hardware.number_of_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "0")
    assert 1 <= hardware.number_of_threads() <= (os.cpu_count() or 1)


@pytest.mark.skipif(sys.platform != "linux", reason="drivers are looked for on Linux")
@pytest.mark.parametrize(
    ("version", "driver", "expected"),
    [
        ("cuda: Optional[str] = None\nhip = None", True, False),
        ("cuda: Optional[str] = '12.8'", True, True),
        ("cuda: Optional[str] = '12.8'", False, False),
        ("hip: Optional[str] = '6.4'", True, False),
        (None, False, True),
    ],
)
def test_torch_is_asked_for_an_accelerator_only_where_one_may_be(
    version: str | None,
    driver: bool,
    expected: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = tmp_path / "torch"
    package.mkdir()
    (package / "__init__.py").touch()
    if version is not None:
        (package / "version.py").write_text(version)
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.syspath_prepend(str(tmp_path))
    drivers = {"cuda": (str(tmp_path if driver else tmp_path / "no"),), "hip": ("/nowhere",)}
    monkeypatch.setattr(hardware, "_DRIVERS", drivers)
    assert hardware.may_have_accelerator() is expected


# --- no paths in what is saved


def test_folders_are_recorded_by_their_names(made: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(made)
    provenance = {
        "corpus": {"source": "/home/mira/wnut17/", "kind": "files"},
        "encoder": {"name": "tiny", "kind": "folder"},
        "settings": {"encoder": "~/models/tiny"},
        "teacher": {"source": "../runs/teacher", "kind": "folder"},
        "further_teachers": [{"source": "../runs/other", "kind": "folder"}],
    }
    fields = {name: getattr(loaded, name) for name in ("model", "tokenizer", "settings")}
    save_checkpoint(tmp_path / "new", type(loaded)(**fields, provenance=provenance))
    saved = load_checkpoint(tmp_path / "new").provenance
    assert saved["corpus"]["source"] == "wnut17"
    assert saved["settings"]["encoder"] == "tiny"
    assert saved["teacher"]["source"] == "teacher"
    assert saved["further_teachers"] == [{"source": "other", "kind": "folder"}]
