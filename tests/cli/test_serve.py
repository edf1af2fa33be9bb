"""`nerine serve` up to the point where it serves, and `nerine predict --server`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from nerine.cli import main
from nerine.cli.serve import ServerOptions, _announce, checkpoints_by_name, serve
from nerine.core.errors import SettingsError
from nerine.model.tagger import Tagger
from nerine.serving.http.app import AppOptions
from nerine.serving.http.sockets import bound, listen
from servers import TEXTS, named_tagger, serving


def run(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], env=environment)


# --- options

VALUES = {
    "host": "0.0.0.0",
    "port": "9",
    "uds": "/run/ner.sock",
    "workers": "3",
    "grace": "2.5",
    "log": "json",
    "key": "one two",
    "cors": "https://example.org",
    "language": "en de",
    "max_body": "11",
    "max_texts": "12",
    "max_characters": "13",
    "queue": "14",
    "timeout": "15",
    "key_file": "keys.txt",
    "threads": "2",
    "thresholds": "0.5",
    "rules": "rules.toml",
    "backend": "onnx",
    "revision": "main",
    "scheme": "IOB2",
    "tags": "O,B-a",
    "words": "rule",
    "decoding": "argmax",
    "max_length": "64",
}


LISTS = ("key", "cors", "language")
OPTIONS = [each.name for each in serve.params if each.expose_value and each.name != "checkpoints"]


@pytest.mark.parametrize("option", OPTIONS)
def test_each_flag_has_an_environment_variable(
    option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameter = next(each for each in serve.params if each.name == option)
    assert isinstance(parameter, click.Option)
    flag = max(parameter.opts, key=len).removeprefix("--").replace("-", "_")
    monkeypatch.setenv("NERINE_SERVE_CHECKPOINTS", "runs/a runs/b=c")
    monkeypatch.setenv(f"NERINE_SERVE_{flag.upper()}", VALUES[option])
    with serve.make_context("serve", []) as context:
        assert context.params["checkpoints"] == ("runs/a", "runs/b=c")
        expected = VALUES[option].split() if option in LISTS else VALUES[option]
        assert context.params[option] == parameter.type_cast_value(context, expected)
        assert context.get_parameter_source(option) is click.core.ParameterSource.ENVIRONMENT


def test_a_flag_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NERINE_SERVE_PORT", "9")
    monkeypatch.setenv("NERINE_KEY", "from-the-environment")
    with serve.make_context("serve", ["runs/a", "--port", "10"]) as context:
        assert context.params["port"] == 10
        assert context.params["key"] == ("from-the-environment",)


def test_names_of_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("runs/a", "runs/b", "runs/lr=0.1"):
        Path(folder).mkdir(parents=True)
    named = checkpoints_by_name(("runs/a/", "runs/b=beta", "runs/lr=0.1", "mira/names@v1"))
    assert named == {
        "a": "runs/a/",
        "beta": "runs/b",
        "lr=0.1": "runs/lr=0.1",
        "names": "mira/names@v1",
    }
    monkeypatch.chdir(tmp_path / "runs/a")
    assert checkpoints_by_name((".",)) == {"a": "."}


@pytest.mark.parametrize("given", ["runs/a=", "=a", ""])
def test_a_checkpoint_without_a_name_is_an_error(given: str) -> None:
    with pytest.raises(SettingsError, match="does not name a checkpoint"):
        checkpoints_by_name((given,))


# --- errors


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        ([], ["Missing argument"]),
        (["./nowhere"], ["there is no such folder"]),
        (["a/b", "c/b"], ["two models have the name b", "c/b=NAME"]),
        (["a/b", "c/d", "--tags", "O,B-a"], ["--tags", "each of several checkpoints"]),
        (["./nowhere", "--key", ""], ["a key is empty"]),
        (["./nowhere", "--key-file", "nowhere"], ["nowhere: cannot be read"]),
        (["./nowhere", "--host", "192.0.2.1"], ["not an address of this machine"]),
        (["./nowhere", "--port", "65536"], ["65536 is not in the range"]),
        (["./nowhere", "--thresholds", "2"], ["--thresholds", "not a valid threshold"]),
        (["./nowhere", "--workers", "0"], ["0 is not in the range"]),
    ],
)
def test_bad_input_ends_with_2_and_says_why(arguments: list[str], messages: list[str]) -> None:
    result = run("serve", *arguments, *([] if "--port" in arguments else ["--port", "0"]))
    assert result.exit_code == 2
    assert result.stdout == ""
    for message in messages:
        assert message in result.stderr


def test_a_port_that_is_taken_is_an_error_before_the_model_is_loaded() -> None:
    with bound("127.0.0.1", 0) as taken:
        listen(taken)
        result = run("serve", "./nowhere", "--port", taken.getsockname()[1])
    assert result.exit_code == 2
    assert "this address is in use" in result.stderr
    assert "hint: stop the other program, or choose another port" in result.stderr


def test_workers_that_cannot_begin_end_with_their_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nerine", "serve", "./nowhere", "--workers", "2", "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("there is no such folder") == 1
    assert done.stdout == ""


def test_a_file_without_keys_does_not_leave_the_server_open(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("\n \n", encoding="utf-8")
    result = run("serve", "./nowhere", "--key-file", file)
    assert result.exit_code == 2
    assert "this file has no key" in result.stderr


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "pydantic", "prometheus_client"])
def test_without_the_extra_it_is_named(package: str) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{package!r}] = None\n"
        "from nerine.cli import main\n"
        "main(['serve', './nowhere', '--port', '0'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"this command needs the package {package}, which is not installed" in done.stderr
    assert 'pip install "nerine[serve]"' in done.stderr


@pytest.mark.parametrize("name", ["serve", "make_app"])
def test_the_public_face_names_the_extra(name: str) -> None:
    code = f"import sys; sys.modules['starlette'] = None; import nerine; nerine.{name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"nerine.{name} needs the package starlette" in done.stderr
    assert 'pip install "nerine[serve]"' in done.stderr


def test_a_server_that_others_may_reach_without_a_key_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for host, keys, notes in (
        ("0.0.0.0", (), 1),
        ("0.0.0.0", ("sesame",), 0),
        ("127.0.0.1", (), 0),
    ):
        options = ServerOptions(host, 8000, None, 1, 0.0, "words", keys, (), ("en",), {})
        _announce(options, ["a", "b"], f"http://{host}:8000")
        printed = capsys.readouterr()
        assert printed.out == f"serving a, b at http://{host}:8000\n"
        assert printed.err.count("no key is needed") == notes


# --- nerine predict --server


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    return named_tagger(tmp_path_factory.mktemp("predict"))


@pytest.fixture(scope="module")
def url(tagger: Tagger) -> Iterator[str]:
    with serving(tagger, AppOptions(keys=("sesame",))) as found:
        yield found


def test_predict_with_a_server_prints_what_the_checkpoint_would(
    url: str, tagger: Tagger, tmp_path: Path
) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    for rest in (
        [TEXTS[0]],
        ["--file", file],
        [TEXTS[0], "--file", file, "--to", "text"],
        [TEXTS[0], "--thresholds", "0.7"],
    ):
        local = run("predict", tagger.name, *rest)
        remote = run("predict", "--server", url, *rest, NERINE_KEY="sesame")
        assert (remote.exit_code, remote.stdout) == (0, local.stdout), remote.stderr
    assert json.loads(run("predict", "--server", url, "Mira", NERINE_KEY="sesame").stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--server", "URL", "Mira", "--model", "other"], "no model 'other'"),
        (["--server", "URL", "Mira", "--backend", "onnx"], "a setting of the server"),
        (["--server", "URL", "Mira", "--words", "rule"], "--words"),
        (["--server", "nowhere", "Mira"], "not the address of a server"),
        (["runs/a", "Mira", "--model", "other"], "there is no server"),
        ([], "Missing argument 'CHECKPOINT'"),
    ],
)
def test_bad_arguments_of_predict(url: str, arguments: list[str], message: str) -> None:
    given = [url if each == "URL" else each for each in arguments]
    result = run("predict", *given, NERINE_KEY="sesame")
    assert result.exit_code == 2
    assert message in result.stderr


def test_without_its_key_the_server_refuses(url: str) -> None:
    result = run("predict", "--server", url, "Mira", NERINE_KEY="")
    assert result.exit_code == 2
    assert "the request has no key" in result.stderr
