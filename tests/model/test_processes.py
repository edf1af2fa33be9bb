"""A tagger in forked and spawned processes, in threads, under asyncio, pickled and copied."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path
from typing import Any

import pytest
import torch

from forking import TEXTS, found
from hub import Hub
from nerine.core.errors import DocumentError, ProcessError
from nerine.evaluation.calibration import Thresholds
from nerine.model.backends.pytorch import TorchBackend
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.tagger import Tagger
from places import ROOT
from tiny import documents, make_checkpoint, make_foreign

SUPPORT = ROOT / "tests" / "support"
BACKENDS = ("pytorch", "onnx")
BEFORE = ("calls", "loads")
TAGGING = (*BEFORE, "many texts", "in a thread", "asyncio", "unpickles")
THREADS = {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive", "TOKENIZERS_PARALLELISM": "true"}
"""Several threads in all libraries; on a busy machine they wait without turning."""

can_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.fixture(scope="module", params=BACKENDS)
def tagger(request: pytest.FixtureRequest, onnx_checkpoint: Path) -> Tagger:
    """A tagger of each backend."""
    return Tagger.load(onnx_checkpoint, device="cpu", backend=request.param, threads=2)


@pytest.fixture(scope="module")
def light(onnx_checkpoint: Path) -> Tagger:
    """A tagger whose processes do not import torch."""
    return Tagger.load(onnx_checkpoint, device="cpu")


@pytest.fixture
def folder(checkpoint_of: Callable[..., Path], tmp_path: Path) -> Path:
    """A checkpoint that a test may change."""
    return Path(shutil.copytree(checkpoint_of("bert"), tmp_path / "run"))


# --- forked processes


@pytest.fixture(scope="module")
def forks(onnx_checkpoint: Path) -> Callable[[str], Any]:
    """What forked processes say, by backend; see `forking`."""
    said: dict[str, Any] = {}

    def run(backend: str) -> Any:
        if backend not in said:
            done = run_python(SUPPORT / "forking.py", onnx_checkpoint, backend)
            assert done.returncode == 0, done.stderr
            said[backend] = json.loads(done.stdout)
        return said[backend]

    return run


@can_fork
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("when", "task"), [*(("before", each) for each in BEFORE), *(("after", e) for e in TAGGING)]
)
def test_a_forked_process_tags_like_its_parent(
    forks: Callable[[str], Any], backend: str, when: str, task: str
) -> None:
    said = forks(backend)
    assert any(said["expected"])
    assert said[when][task] == {"result": said["expected"], "end": 0}


@can_fork
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_forked_process_ends(forks: Callable[[str], Any], backend: str) -> None:
    assert forks(backend)["after"]["exits"] == {"result": None, "end": 0}


@can_fork
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_pickle_in_a_forked_process_uses_the_parents_weights(
    forks: Callable[[str], Any], backend: str
) -> None:
    assert forks(backend)["after"]["has the model"] == {"result": True, "end": 0}


@can_fork
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stream_is_read_in_the_process_that_began_it(
    forks: Callable[[str], Any], backend: str
) -> None:
    said = forks(backend)["after"]["reads on"]
    assert said["error"].startswith("this stream was begun in another process")
    assert "hint: call pipe again in this process" in said["error"]
    assert said["end"] == 0


def test_a_model_on_an_accelerator_says_what_a_fork_cannot_do() -> None:
    backend = TorchBackend(torch.nn.Linear(2, 2, device="meta"))  # type: ignore[arg-type] # not run
    backend._process = os.getppid()  # as in a process that was forked after it was loaded
    with pytest.raises(ProcessError) as caught:
        backend.logits(None)  # type: ignore[arg-type] # not looked at
    assert "lies on meta, which a forked process cannot use" in str(caught.value)
    assert "get_context('spawn')" in (caught.value.hint or "")


@can_fork
@pytest.mark.slow
def test_a_model_is_trained_in_a_fork_of_a_process_that_has_trained(
    encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from runs import small_run\n"
        "base, encoder = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "assert not small_run(base / 'first', encoder, epochs=1).notes\n"
        "process = os.fork()\n"
        "if not process:\n"
        "    (note,) = small_run(base / 'second', encoder, epochs=1).notes\n"
        "    (base / 'note').write_text(note)\n"
        "    os._exit(0)\n"
        "sys.exit(os.waitpid(process, 0)[1])\n"
    )
    done = run_python("-c", code, tmp_path, encoder_of("bert"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "note").read_text().startswith("trained with one thread")
    assert (tmp_path / "second" / "nerine.json").is_file()


def run_python(*arguments: object, folder: Path = SUPPORT) -> Any:
    """A Python process with several threads, which finds modules in `folder`."""
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env={**os.environ, **THREADS, "PYTHONPATH": paths},
    )


# --- other processes


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", get_all_start_methods())
def test_a_pool_of_each_kind_tags_like_this_process(light: Tagger, method: str) -> None:
    light.predict(TEXTS * 20)  # the libraries have their threads
    with get_context(method).Pool(2) as pool:
        tasks = [pool.apply_async(light.predict, (TEXTS,)) for _ in range(4)]
        tagged = [task.get(timeout=200) for task in tasks]
    assert [found(each) for each in tagged] == [found(light.predict(TEXTS))] * 4


@pytest.mark.slow
@pytest.mark.parametrize("method", get_all_start_methods())
def test_an_executor_of_each_kind_tags_with_each_backend(tagger: Tagger, method: str) -> None:
    tagger.predict(TEXTS * 20)
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as executor:
        tagged = list(executor.map(tagger, TEXTS * 4, timeout=200))
    assert found(tagged) == found(tagger.predict(TEXTS)) * 4


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
def test_joblib_sends_a_tagger_to_its_workers(light: Tagger, backend: str) -> None:
    joblib = pytest.importorskip("joblib", reason="needs joblib")
    tasks = (joblib.delayed(light)(text) for text in TEXTS * 4)
    tagged = joblib.Parallel(n_jobs=2, backend=backend, timeout=200)(tasks)
    assert found(tagged) == found(light.predict(TEXTS)) * 4


@can_fork
def test_datasets_maps_with_a_tagger_in_two_processes(
    light: Tagger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)

    def tag(batch: dict[str, list[str]]) -> dict[str, list[str]]:
        return {"found": [json.dumps(each) for each in found(light.predict(batch["text"]))]}

    rows = datasets.Dataset.from_dict({"text": TEXTS * 2})
    mapped = rows.map(tag, batched=True, batch_size=2, num_proc=2)
    assert [json.loads(each) for each in mapped["found"]] == found(light.predict(TEXTS)) * 2


def test_datasets_knows_a_tagger_again_and_tells_others_apart(
    onnx_checkpoint: Path, light: Tagger, folder: Path
) -> None:
    fingerprint = pytest.importorskip("datasets.fingerprint", reason="needs the extra datasets")
    digest = fingerprint.Hasher.hash
    first = digest(light)
    light.predict(TEXTS)
    assert digest(light) == first
    assert digest(Tagger.load(onnx_checkpoint, device="cpu")) == first
    assert digest(pickle.loads(pickle.dumps(light))) == first
    strict = copy.copy(light)
    strict.thresholds = Thresholds(0.5)
    assert digest(strict) != first
    assert digest(Tagger.load(folder, device="cpu")) != first


@pytest.mark.skipif(find_spec("gunicorn") is None, reason="needs gunicorn")
def test_gunicorn_loads_a_tagger_before_it_forks_its_workers(
    onnx_checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "service.py").write_text(
        "import json, os, nerine\n"
        f"tagger = nerine.Tagger.load({str(onnx_checkpoint)!r}, backend='pytorch')\n"
        "tagger('Mira left Lisbon.')\n"
        "def app(environ, start):\n"
        "    text = environ['wsgi.input'].read().decode()\n"
        "    start('200 OK', [('Content-Type', 'application/json')])\n"
        "    names = [each.label for each in tagger(text).entities]\n"
        "    return [json.dumps([os.getppid(), names]).encode()]\n"
    )
    code = (
        "import json, os, signal, subprocess, sys, time, urllib.request\n"
        "server = subprocess.Popen([sys.executable, '-m', 'gunicorn', '--preload', '--workers',\n"
        "    '2', '--timeout', '200', '--bind', '127.0.0.1:0', 'service:app'],\n"
        "    stderr=subprocess.PIPE, text=True)\n"
        "for line in server.stderr:\n"
        "    if 'Listening at' in line:\n"
        "        address = line.split()[-2]\n"
        "    if 'Booting worker' in line:\n"
        "        break\n"
        "for _ in range(4):\n"
        "    body = urllib.request.urlopen(address, b'Mira left Lisbon.', timeout=200).read()\n"
        "    print(json.loads(body) == [server.pid, json.loads(sys.argv[1])])\n"
        "server.send_signal(signal.SIGTERM)\n"
        "print(server.wait(100))\n"
    )
    expected = [each.label for each in Tagger.load(onnx_checkpoint)("Mira left Lisbon.").entities]
    done = run_python("-c", code, json.dumps(expected), folder=tmp_path)
    assert done.stdout.split() == ["True"] * 4 + ["0"], done.stderr


# --- threads and asyncio


def test_eight_threads_use_a_tagger_at_once(tagger: Tagger) -> None:
    texts = [each.text for each in documents()]
    expected = found(tagger.predict(texts))
    with ThreadPoolExecutor(8) as threads:
        alone = [threads.submit(lambda: found(map(tagger, texts))) for _ in range(4)]
        many = [threads.submit(lambda: found(tagger.predict(texts * 20))) for _ in range(4)]
        assert all(each.result() == expected for each in alone)
        assert all(each.result() == expected * 20 for each in many)


def test_eight_threads_load_and_unpickle_a_tagger_at_once(tagger: Tagger) -> None:
    folder, pickled = tagger.name, pickle.dumps(tagger)
    backend = tagger.inference.backend.name.partition("-")[0]
    expected = found(tagger.predict(TEXTS))

    def load(number: int) -> list[Any]:
        if number % 2:
            return found(pickle.loads(pickled).predict(TEXTS))
        return found(Tagger.load(folder, device="cpu", backend=backend).predict(TEXTS))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(load, range(8))) == [expected] * 8


def test_an_event_loop_goes_on_while_texts_are_tagged(tagger: Tagger) -> None:
    async def tag() -> tuple[list[Any], int]:
        calls = asyncio.gather(*(tagger.apredict([text] * 20) for text in TEXTS))
        turns = 0
        while not calls.done():
            await asyncio.sleep(0)
            turns += 1
        return [found(each) for each in await calls], turns

    tagged, turns = asyncio.run(tag())
    assert tagged == [[each] * 20 for each in found(tagger.predict(TEXTS))]
    assert turns > len(TEXTS)


def test_errors_reach_the_one_who_waits(tagger: Tagger) -> None:
    with pytest.raises(DocumentError, match="a single str"):
        asyncio.run(tagger.apredict("Mira"))


# --- pickles and copies


def test_a_pickle_is_small_and_gives_the_same_entities(tagger: Tagger) -> None:
    pickled = pickle.dumps(tagger)
    assert len(pickled) < 10_000
    again = pickle.loads(pickled)
    assert found(again.predict(TEXTS)) == found(tagger.predict(TEXTS))
    assert again.inference is tagger.inference


def test_a_pickle_holds_all_arguments_of_load(light: Tagger) -> None:
    arguments = set(inspect.signature(Tagger.load).parameters)
    # the name and the revision are those of the source, thresholds and rules may be set later
    _, (_, pickled) = light.__reduce__()
    assert set(pickled.arguments) == arguments - {"name", "revision", "thresholds", "rules"}


def test_a_pickle_is_loaded_with_the_same_arguments(tmp_path: Path) -> None:
    names = ["O", "B-person", "I-person"]
    made = make_foreign(tmp_path / "model", {index: f"LABEL_{index}" for index in range(3)})
    tagger = Tagger.load(made, tags=names, scheme="IOB1", device="cpu", thresholds=0.4)
    expected = found(tagger.predict(TEXTS))
    pickled = pickle.dumps(tagger)
    del tagger
    again = pickle.loads(pickled)
    assert (again.name, again.settings.scheme.value) == (str(made), "IOB1")
    assert found(again.predict(TEXTS)) == expected


def test_a_folder_is_found_from_another_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    tagger = Tagger.load(folder.name, device="cpu")
    expected = found(tagger.predict(TEXTS))
    monkeypatch.chdir(tmp_path.parent)
    pickled = pickle.dumps(tagger)
    del tagger
    again = pickle.loads(pickled)
    assert (again.name, found(again.predict(TEXTS))) == ("run", expected)


def test_an_onnx_model_is_opened_again_from_another_folder(
    onnx_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(onnx_checkpoint.parent)
    tagger = Tagger.load(onnx_checkpoint.name, device="cpu", threads=2)
    monkeypatch.chdir(tmp_path)
    first = found(map(tagger, TEXTS))  # the second text opens the session with all threads
    assert first == found(tagger.predict(TEXTS))


def test_a_model_of_the_hub_is_pickled_by_its_commit(
    checkpoint_of: Callable[..., Path], hub: Hub
) -> None:
    files = {path.name: path.read_bytes() for path in checkpoint_of("bert").iterdir()}
    hub.add_repo("mira/names", files)
    tagger = Tagger.load("mira/names", device="cpu")
    expected, name = found(tagger.predict(TEXTS)), tagger.name
    pickled = pickle.dumps(tagger)
    del tagger
    again = pickle.loads(pickled)
    assert again.name == name
    assert "@" in name
    assert found(again.predict(TEXTS)) == expected


def test_thresholds_and_settings_go_with_a_pickle(folder: Path) -> None:
    tagger = Tagger.load(folder, device="cpu")
    tagger.thresholds = Thresholds(0.35)
    expected = found(tagger.predict(TEXTS))
    pickled = pickle.dumps(tagger)
    del tagger
    info = json.loads((folder / "nerine.json").read_text())
    info["settings"]["decoding"] = "argmax"
    (folder / "nerine.json").write_text(json.dumps(info))
    again = pickle.loads(pickled)
    assert again.settings.decoding == "viterbi"
    assert found(again.predict(TEXTS)) == expected


def test_a_checkpoint_that_has_changed_is_not_taken_for_the_pickled_one(
    folder: Path, tmp_path: Path
) -> None:
    tagger = Tagger.load(folder, device="cpu")
    pickled = pickle.dumps(tagger)
    other = make_checkpoint(tmp_path / "other", labels=("group",))
    save_checkpoint(folder, load_checkpoint(other))
    with pytest.raises(ProcessError, match="has changed since this tagger was loaded"):
        pickle.dumps(tagger)
    del tagger
    with pytest.raises(ProcessError, match="has changed since the tagger was pickled"):
        pickle.loads(pickled)
    again = Tagger.load(folder, device="cpu")  # as the hints say
    assert pickle.loads(pickle.dumps(again)).labels == ("group",)


def test_a_tagger_made_in_memory_says_how_it_can_be_sent(folder: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(folder)
    tagger = Tagger.from_checkpoint(checkpoint, device="cpu")
    with pytest.raises(ProcessError, match="made in memory cannot be pickled") as caught:
        pickle.dumps(tagger)
    assert (
        caught.value.hint == "save_checkpoint(folder, checkpoint), and pickle Tagger.load(folder)"
    )
    save_checkpoint(tmp_path / "saved", checkpoint)
    again = pickle.loads(pickle.dumps(Tagger.load(tmp_path / "saved", device="cpu")))
    assert found(again.predict(TEXTS)) == found(tagger.predict(TEXTS))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_share_the_model_and_nothing_that_can_be_set(
    tagger: Tagger, copied: Callable[[Tagger], Tagger]
) -> None:
    twin = copied(tagger)
    twin.thresholds = Thresholds(1.0)
    assert tagger.thresholds is None
    assert twin.inference.backend is tagger.inference.backend
    assert any(found(tagger.predict(TEXTS)))
    assert not any(found(twin.predict(TEXTS)))


def test_a_deep_copy_of_a_model_in_training_has_weights_of_its_own(folder: Path) -> None:
    checkpoint = load_checkpoint(folder)
    tagger = Tagger.from_checkpoint(checkpoint, device="cpu")
    twin, same = copy.deepcopy(tagger), copy.copy(tagger)
    expected = found(tagger.predict(TEXTS))
    with torch.no_grad():
        checkpoint.model.classifier.weight.neg_()
    assert found(twin.predict(TEXTS)) == expected != found(same.predict(TEXTS))
