"""Repositories → checkpoints: fetched files, checks, and messages of failures."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import constants

from hub import Fault, Hub
from hub.samples import TOKEN
from nerine.cli import main
from nerine.core.errors import CheckpointError, EncodingError, HubError, NerineError
from nerine.core.files import file_hash
from nerine.hub import cache
from nerine.hub.names import RepoName, check_file_name
from nerine.model.loading.checkpoint import load_checkpoint, save_checkpoint
from nerine.model.tagger import Tagger
from tiny import documents, make_foreign

REPO = "mira/names"
TEXTS = [document.text for document in documents()]
CONLL_TAGS = ("O", "B-MISC", "I-MISC", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")

Published = Callable[..., str]


@pytest.fixture
def published(hub: Hub, checkpoint_of: Callable[..., Path]) -> Published:
    """Puts a tiny checkpoint on the hub; gives its commit."""

    def put(name: str = REPO, *, folder: Path | None = None, **options: Any) -> str:
        return hub.add_repo(name, files_of(folder or checkpoint_of()), **options).oid

    return put


def files_of(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def found(tagger: Tagger) -> list[Any]:
    return [document.entities for document in tagger.predict(TEXTS)]


def refusal(name: str = REPO, kind: type[NerineError] = HubError, **options: Any) -> NerineError:
    with pytest.raises(NerineError) as caught:
        Tagger.load(name, device="cpu", **options)
    assert type(caught.value) is kind, caught.value
    return caught.value


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def cached() -> set[str]:
    """The files of all snapshots in the cache."""
    root = Path(constants.HF_HUB_CACHE)
    return {path.name for path in root.glob("*/snapshots/*/**/*") if path.is_file()}


# --- what is fetched


def test_a_pulled_checkpoint_is_the_one_that_was_published(
    published: Published, checkpoint_of: Callable[..., Path]
) -> None:
    commit = published()
    tagger = Tagger.load(REPO, device="cpu")
    assert tagger.name == f"{REPO}@{commit}"
    assert tagger.notes == ()
    assert found(tagger) == found(Tagger.load(checkpoint_of(), device="cpu"))


def test_only_what_is_needed_is_fetched(
    hub: Hub, published: Published, checkpoint_of: Callable[..., Path]
) -> None:
    published()
    hub.add_commit(REPO, {"README.md": b"# A card", "optimizer.pt": b"x" * 999, "a/b.json": b"{}"})
    Tagger.load(REPO, device="cpu")
    assert cached() == {*files_of(checkpoint_of())}
    assert hub.matching("optimizer.pt") == []


def test_a_revision_is_a_branch_a_tag_or_a_commit(
    hub: Hub, published: Published, checkpoint_of: Callable[..., Path]
) -> None:
    first = published()
    other = files_of(checkpoint_of("distilbert"))
    second = hub.add_commit(REPO, other, branch="lean", delete=("config.json",)).oid
    for asked, commit in (("main", first), ("lean", second), (second, second), (first, first)):
        assert Tagger.load(REPO, revision=asked, device="cpu").name == f"{REPO}@{commit}"
        assert Tagger.load(f"{REPO}@{asked}", device="cpu").name == f"{REPO}@{commit}"
    with pytest.raises(HubError, match="two revisions are asked for"):
        Tagger.load(f"{REPO}@lean", revision="main")


def test_a_commit_that_is_here_is_not_asked_for(hub: Hub, published: Published) -> None:
    commit = published()
    Tagger.load(REPO, device="cpu")
    hub.forget_requests()
    Tagger.load(REPO, revision=commit, device="cpu")
    assert hub.requests == []


def test_a_branch_that_moved_is_fetched_anew_and_only_what_changed(
    hub: Hub, published: Published, checkpoint_of: Callable[..., Path]
) -> None:
    published()
    Tagger.load(REPO, device="cpu")
    config = json.loads((checkpoint_of() / "config.json").read_text())
    hub.add_commit(REPO, {"config.json": json.dumps({**config, "note": 1}).encode()})
    hub.forget_requests()
    Tagger.load(REPO, device="cpu")
    assert hub.bytes_sent("/storage/", "GET") == 0


def test_onnx_models_are_fetched_only_where_they_are_used(
    hub: Hub, published: Published, checkpoint_of: Callable[..., Path]
) -> None:
    published()
    hub.add_commit(REPO, {"onnx/onnx.json": b"{}", "onnx/model-int8.onnx": b"x"})
    tagger = Tagger.load(REPO, device="cpu")
    assert "model-int8.onnx" not in cached()
    assert tagger.notes[0].startswith("PyTorch is used: ")


def test_an_onnx_model_that_was_not_pulled_is_asked_for(
    hub: Hub, published: Published, offline: Callable[[], None], checkpoint_of: Callable[..., Path]
) -> None:
    weights = file_hash(checkpoint_of() / "model.safetensors")
    model = {"file": "model-fp32.onnx", "sha256": "0" * 64, "bytes": 1}
    saved = {"format": 1, "weights": weights, "chosen": "pytorch", "models": {"onnx-fp32": model}}
    published()
    commit = hub.add_commit(REPO, {"onnx/onnx.json": json.dumps(saved).encode()}).oid
    Tagger.load(REPO, device="cpu", backend="pytorch")
    for name in (REPO, f"{REPO}@{commit}"):  # one that was not fetched, of a list or of none
        with pytest.raises(HubError, match="a file is missing"):
            Tagger.load(name, device="cpu", backend="onnx-fp32")
    offline()
    with pytest.raises(HubError, match="not in the cache"):
        Tagger.load(REPO, device="cpu", backend="onnx-fp32")
    assert Tagger.load(REPO, device="cpu").notes == ()


def test_a_private_repository_takes_a_login(
    hub: Hub, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_user("mira", token=TOKEN)
    published(private=True)
    error = refusal()
    assert "private and nobody is logged in" in error.found
    assert "hf auth login" in str(error.hint)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert Tagger.load(REPO, device="cpu").name.startswith(f"{REPO}@")
    monkeypatch.setenv("HF_TOKEN", "hf_" + "somebodyelse" * 3)
    error = refusal(f"{REPO}@main")
    assert "does not accept this login's token" in error.found


# --- one message each


def test_no_such_repository(hub: Hub) -> None:
    error = refusal("mira/nothing")
    assert error.found.startswith(f"there is no such model repository on {hub.endpoint}")
    assert error.place == "mira/nothing, which is not a folder here"


def test_a_gated_repository(hub: Hub, published: Published) -> None:
    published(gated=True)
    error = refusal()
    assert error.found.startswith("the repository is gated")
    assert f"{hub.endpoint}/{REPO}" in str(error.hint)


def test_no_such_revision(published: Published) -> None:
    published()
    error = refusal(revision="v9")
    assert error.found == "the repository has no revision 'v9'"


@pytest.mark.parametrize("name", ["a/b@../../x", "a/b@/etc", "a/b@x\ny", "--x/y", "a..b/c", "@v1"])
def test_names_that_no_repository_has(hub: Hub, name: str) -> None:
    assert refusal(name).found
    assert hub.requests == []


@pytest.mark.parametrize("name", ["", "x" * 5000, "mira/" + "x" * 5000, "a\0b"])
def test_names_that_no_folder_has_either(hub: Hub, name: str) -> None:
    assert "no repository on the hub can have this name" in refusal(name).found
    assert hub.requests == []


def test_a_folder_has_no_revisions(checkpoint_of: Callable[..., Path]) -> None:
    with pytest.raises(CheckpointError, match="a folder has no revisions"):
        Tagger.load(checkpoint_of(), revision="v1", device="cpu")


def test_a_repository_without_a_model(hub: Hub) -> None:
    hub.add_repo(REPO, {"README.md": b"", "\x1b[31m.txt": b""})
    with pytest.raises(HubError) as caught:
        Tagger.load(REPO)
    assert "\x1b" not in str(caught.value)


def test_a_repository_with_a_pickle_only(hub: Hub, published: Published) -> None:
    hub.add_repo(REPO, {"config.json": b"{}", "pytorch_model.bin": b"\x80\x04."})
    error = refusal()
    assert "the weights are a pickle (pytorch_model.bin)" in error.found
    assert hub.matching("resolve/") == []


# --- offline


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.mark.parametrize("revision", [None, "main", "commit"])
def test_offline_with_a_warm_cache(
    hub: Hub, published: Published, offline: Callable[[], None], revision: str | None
) -> None:
    commit = published()
    before = found(Tagger.load(REPO, revision=revision and "main", device="cpu"))
    offline()
    hub.forget_requests()
    asked = commit if revision == "commit" else revision
    tagger = Tagger.load(REPO, revision=asked, device="cpu")
    assert (tagger.name, tagger.notes) == (f"{REPO}@{commit}", ())
    assert found(tagger) == before
    assert hub.requests == []


def test_offline_with_a_cold_cache(published: Published, offline: Callable[[], None]) -> None:
    published()
    published("mira/other")
    Tagger.load("mira/other", device="cpu")
    offline()
    error = refusal()
    assert "HF_HUB_OFFLINE is set" in error.found
    assert str(error.place).startswith(REPO)
    assert "mira/other" in str(error.expected)
    assert f"nerine pull {REPO}" in str(error.hint)
    error = refusal("mira/other@v2")
    assert "mira/other@main" in str(error.expected)


def test_offline_with_half_a_snapshot(
    hub: Hub, published: Published, offline: Callable[[], None]
) -> None:
    published()
    hub.fault(Fault(path="model.safetensors", status=403, times=None))
    refusal()
    offline()
    assert "not in the cache" in refusal().found


def test_a_hub_out_of_reach_leaves_the_cache(hub: Hub, published: Published) -> None:
    commit = published()
    Tagger.load(REPO, device="cpu")
    hub.fault(Fault(path="/api/", status=503, times=None))
    tagger = Tagger.load(REPO, device="cpu")
    assert tagger.name == f"{REPO}@{commit}"
    assert tagger.notes == (f"the hub fails (HTTP 503): {REPO}@{commit} of the cache is used",)


# --- what goes wrong on the way


def test_a_hub_that_says_nothing_is_not_waited_for_without_end(
    hub: Hub, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    published()
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    hub.fault(Fault(path="/api/models", wait=1.0, times=None))
    assert "could not be reached: timed out" in refusal().found


@pytest.mark.parametrize("path", ["/api/models", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "retry_after": 3},
        {"status": 500},
        {"status": 503},
        {"cut_download": 700},
        {"cut_upload": 0},  # no answer at all
    ],
    ids=lambda fault: "-".join(map(str, fault.items())),
)
def test_a_fault_that_passes_is_waited_out(
    hub: Hub, published: Published, path: str, fault: dict[str, Any]
) -> None:
    published()
    hub.fault(Fault(path=path, **fault))
    assert found(Tagger.load(REPO, device="cpu"))


def test_a_busy_hub_says_how_long_to_wait(hub: Hub, published: Published) -> None:
    published()
    hub.fault(Fault(path="/api/models", status=429, retry_after=7))
    Tagger.load(REPO, device="cpu")
    assert hub.waits == [7.0]
    hub.fault(Fault(path="/api/models", status=429, retry_after=99, times=None))
    error = refusal(f"{REPO}@v1")
    assert (error.found, error.hint) == (
        "the hub was asked too often (HTTP 429)",
        "try again in 99 seconds",
    )
    assert max(hub.waits) == 30.0


@pytest.mark.parametrize(
    "file", ["nerine.json", "config.json", "tokenizer.json", "model.safetensors"]
)
@pytest.mark.parametrize("fault", [{"alter": True}, {"truncate": 100}], ids=["altered", "cut"])
def test_an_altered_file_is_never_used(
    hub: Hub, published: Published, file: str, fault: dict[str, Any]
) -> None:
    published()
    path = "/storage/" if file == "model.safetensors" else file
    hub.fault(Fault(method="GET", path=path, times=None, **fault))
    error = refusal()
    assert file in error.found or "cannot be used" in error.found or "reached" in error.found
    assert file not in cached()
    hub.mend()
    assert found(Tagger.load(REPO, device="cpu"))


def test_a_file_altered_once_is_fetched_again(hub: Hub, published: Published) -> None:
    published()
    hub.fault(Fault(method="GET", path="/storage/", alter=True))
    assert found(Tagger.load(REPO, device="cpu"))


def test_a_file_altered_in_the_cache_is_fetched_again_or_refused(
    hub: Hub, published: Published, offline: Callable[[], None]
) -> None:
    commit = published()
    origin = Tagger.load(REPO, device="cpu").source
    assert origin is not None
    weights = (origin.folder / "model.safetensors").resolve()
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    Tagger.load(REPO, revision=commit, device="cpu")
    assert weights.read_bytes() == whole
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    offline()
    assert "model.safetensors is not what the hub lists" in refusal().found


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/../../x", "a\\..\\x", "c:x", "a\nb", ""])
def test_a_name_that_leaves_its_folder(hub: Hub, published: Published, name: str) -> None:
    published()
    hub.fault(Fault(path="/api/models", listing=name, times=None))
    error = refusal()
    assert "the repository has a file called" in error.found
    assert hub.matching("/resolve/") == []
    with pytest.raises(HubError):
        check_file_name(name, REPO)


def test_an_ordinary_name_passes() -> None:
    for name in ("config.json", "onnx/model-int8.onnx", ".gitattributes", "a b/…"):
        check_file_name(name, REPO)
    assert RepoName.parse("bert-base-uncased") == RepoName("bert-base-uncased")
    assert str(RepoName.parse("a/b@v1")) == "a/b@v1"


@pytest.mark.parametrize("etag", ["../../../../escaped", "/tmp/escaped", "x y", ""])
def test_a_hash_that_is_a_path(hub: Hub, published: Published, tmp_path: Path, etag: str) -> None:
    published()
    hub.fault(Fault(path="config.json", etag=etag, times=None))
    before = {path for path in tmp_path.rglob("*") if "escaped" in path.name}
    error = refusal()
    assert "config.json" in error.found or "cannot be used" in error.found
    assert {path for path in tmp_path.rglob("*") if "escaped" in path.name} == before == set()


def test_a_file_of_another_commit(hub: Hub, published: Published) -> None:
    published()
    hub.fault(Fault(path="nerine.json", headers={"X-Repo-Commit": "c" * 40}, times=None))
    error = refusal()
    assert error.found == f"the hub offers nerine.json of '{'c' * 40}'"
    assert cached() == set()
    hub.mend()
    assert Tagger.load(REPO, device="cpu").notes == ()


def test_a_token_that_no_header_can_hold(
    hub: Hub, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    published()
    monkeypatch.setenv("HF_TOKEN", "hf_ü" * 9)
    error = refusal()
    assert "this login's token is not valid" in error.found
    assert "ü" not in str(error)
    assert hub.requests == []


def test_a_signed_address_is_not_repeated(hub: Hub, published: Published) -> None:
    published()
    hub.fault(Fault(path="/storage/", status=416, times=None))
    error = refusal()
    assert "HTTP 416" in error.found
    assert "/storage/" in error.found
    assert "Signature" not in str(error)


def test_a_token_goes_to_the_hub_alone(
    hub: Hub, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add_user("mira", token=TOKEN)
    published(private=True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    for method, path in (("*", "/tokenizer.json"), ("GET", "/storage/")):
        hub.fault(Fault(method=method, path=path, redirect=True, times=None))
        refusal()
        hub.mend()
    hosts = {record.host for record in hub.requests if TOKEN in str(record)}
    assert {record.host for record in hub.requests} == {"hub", "storage", "elsewhere"}
    assert hosts == {"hub"}


def test_only_files_of_its_own_library_are_in_the_cache_of_the_hub(published: Published) -> None:
    published()
    Tagger.load(REPO, device="cpu")
    (folder,) = Path(constants.HF_HUB_CACHE).glob("models--*")
    assert {path.name for path in folder.iterdir()} == {"blobs", "refs", "snapshots"}
    lists = [path for path in Path(constants.HF_ASSETS_CACHE).rglob("*") if path.is_file()]
    assert len(lists) == 1


# --- models that Nerine did not make


def foreign(hub: Hub, folder: Path, tags: tuple[str, ...], kind: str = "bert") -> Path:
    make_foreign(folder, dict(enumerate(tags)), kind)
    hub.add_repo(REPO, files_of(folder))
    return folder


@pytest.mark.parametrize(
    ("kind", "tags", "scheme"),
    [
        ("bert", CONLL_TAGS, "IOB2"),
        ("bert", ("O", "I-PER", "B-PER", "I-LOC"), "IOB1"),
        ("roberta", ("O", "B-PER", "I-PER", "E-PER", "S-PER"), "BIOES"),
        ("distilbert", ("O", "B-PER", "I-PER"), "IOB2"),
    ],
)
def test_any_model_of_the_hub_works(
    hub: Hub, tmp_path: Path, kind: str, tags: tuple[str, ...], scheme: str
) -> None:
    folder = foreign(hub, tmp_path / "foreign", tags, kind)
    assert load_checkpoint(REPO).settings.scheme.value == scheme
    tagger = Tagger.load(REPO, device="cpu")
    assert found(tagger) == found(Tagger.load(folder, device="cpu"))


def test_a_cased_model_with_a_vocabulary_only(hub: Hub, tmp_path: Path) -> None:
    """As older models have it: `vocab.txt` and no `tokenizer.json`."""
    folder = make_foreign(tmp_path / "foreign", dict(enumerate(CONLL_TAGS)))
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text(
        '{"do_lower_case": false, "model_max_length": 128}'
    )
    hub.add_repo(REPO, files_of(folder))
    tagger = Tagger.load(REPO, device="cpu")
    assert tagger.inference.tokenizer.tokenize("oslo") != tagger.inference.tokenizer.tokenize(
        "OSLO"
    )
    assert found(tagger) == found(Tagger.load(folder, device="cpu"))


def test_tags_without_names_are_asked_for(hub: Hub, tmp_path: Path) -> None:
    foreign(hub, tmp_path / "foreign", ("LABEL_0", "LABEL_1", "LABEL_2"))
    error = refusal(kind=CheckpointError)
    assert error.found == "the model's labels are unnamed (LABEL_0 to LABEL_2)"
    assert "--tags O,B-person,…" in str(error.hint)
    tagger = Tagger.load(REPO, tags=["O", "B-PER", "I-PER"], device="cpu")
    assert tagger.labels == ("PER",)
    with pytest.raises(CheckpointError, match="2 names for 3 tags"):
        Tagger.load(REPO, tags=["O", "B-PER"])
    shown = run("predict", REPO, "Mira", "--tags", "O,B-PER,I-PER", "--json")
    assert shown.exit_code == 0, shown.output


@pytest.mark.parametrize(
    ("kind", "change", "found"),
    [
        ("roberta", {"pad_token_id": -1}, "the model has no position for any subword"),
        ("roberta", {"pad_token_id": None}, "the model cannot be run"),
    ],
)
def test_a_configuration_that_nothing_can_be_computed_with(
    hub: Hub, tmp_path: Path, kind: str, change: dict[str, Any], found: str
) -> None:
    folder = make_foreign(tmp_path / "foreign", dict(enumerate(CONLL_TAGS)), kind)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    commit = hub.add_repo("owner/bert-ner", files_of(folder)).oid
    error = refusal("owner/bert-ner", CheckpointError)
    assert error.found.startswith(found)
    assert str(error.place).endswith(f"{commit}/config.json")


def test_a_model_without_layers_is_run_as_it_is(hub: Hub, tmp_path: Path) -> None:
    folder = make_foreign(tmp_path / "foreign", dict(enumerate(CONLL_TAGS)))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 0}))
    hub.add_repo("owner/bert-ner", files_of(folder))
    tagger = Tagger.load("owner/bert-ner", device="cpu")
    assert len(tagger.predict(TEXTS)) == len(TEXTS)


def test_named_tags_are_saved(tmp_path: Path) -> None:
    make_foreign(tmp_path / "foreign", {0: "LABEL_0", 1: "LABEL_1"})
    save_checkpoint(tmp_path / "ours", load_checkpoint(tmp_path / "foreign", tags=["O", "I-PER"]))
    assert Tagger.load(tmp_path / "ours").labels == ("PER",)
    with pytest.raises(CheckpointError, match="its tags have names already"):
        load_checkpoint(tmp_path / "ours", tags=["O", "I-LOC"])


def test_a_slow_tokenizer_is_refused(hub: Hub, tmp_path: Path) -> None:
    from transformers import ByT5Tokenizer

    folder = make_foreign(tmp_path / "foreign", dict(enumerate(CONLL_TAGS)))
    for file in folder.glob("tokenizer*"):
        file.unlink()
    ByT5Tokenizer().save_pretrained(folder)
    hub.add_repo(REPO, files_of(folder))
    assert "is a slow tokenizer" in refusal(kind=EncodingError).found


def test_what_another_program_has_cached_is_used_and_what_is_not_known_said(
    hub: Hub, tmp_path: Path, offline: Callable[[], None]
) -> None:
    from huggingface_hub import snapshot_download

    foreign(hub, tmp_path / "foreign", CONLL_TAGS)
    snapshot_download(REPO)
    offline()
    tagger = Tagger.load(REPO, device="cpu")
    assert "whether the cache has all of its files is not known" in tagger.notes[0]


def test_a_cache_that_cannot_be_written_is_read(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import snapshot_download

    def refuse(path: Path, text: str) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    folder = foreign(hub, tmp_path / "foreign", CONLL_TAGS)
    snapshot_download(REPO)
    monkeypatch.setattr(cache, "write_text", refuse)
    assert found(Tagger.load(REPO, device="cpu")) == found(Tagger.load(folder, device="cpu"))


def test_weights_in_shards(hub: Hub, tmp_path: Path, offline: Callable[[], None]) -> None:
    from transformers import AutoModelForTokenClassification

    folder = make_foreign(tmp_path / "foreign", dict(enumerate(CONLL_TAGS)))
    model = AutoModelForTokenClassification.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="50KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    hub.add_repo(REPO, files_of(folder))
    tagger = Tagger.load(REPO, device="cpu")
    assert found(tagger) == found(Tagger.load(folder, device="cpu"))


# --- the command


def test_the_command_says_what_was_fetched(published: Published) -> None:
    commit = published()
    shown = run("pull", REPO)
    assert shown.exit_code == 0, shown.output
    assert f"{REPO}@{commit} is in " in shown.output
    assert "made by Nerine; scheme IOB2; labels: location, person" in shown.output
    about = json.loads(run("pull", f"{REPO}@main", "--json").output)
    assert about["checkpoint"] == f"{REPO}@{commit}"
    assert about["files"]["model.safetensors"] > 0
    assert Path(about["folder"]).is_dir()


def test_the_command_refuses_folders_and_what_cannot_be_had(
    hub: Hub, checkpoint_of: Callable[..., Path]
) -> None:
    for name, message in ((checkpoint_of(), "this is a folder"), ("a/b", "no such model")):
        shown = run("pull", name)
        assert shown.exit_code == 2
        assert message in shown.output
        assert "Traceback" not in shown.output


def test_outputs_name_the_commit(published: Published, tmp_path: Path) -> None:
    name = f"{REPO}@{published()}"
    assert json.loads(run("evaluate", REPO, "sample", "--json").output)["checkpoint"] == name
    assert json.loads(run("explain", REPO, "Mira", "--json").output)["checkpoint"] == name
    texts = tmp_path / "texts.txt"
    texts.write_text("Mira\n")
    out = run("tag", REPO, texts, "-o", tmp_path / "out.jsonl", "--json")
    assert json.loads(out.stdout)["checkpoint"] == name


def test_a_run_of_tagging_goes_on_only_with_the_same_commit(
    hub: Hub, published: Published, tmp_path: Path, checkpoint_of: Callable[..., Path]
) -> None:
    published()
    texts, out = tmp_path / "texts.txt", tmp_path / "out.jsonl"
    texts.write_text("Mira\n")
    assert run("tag", REPO, texts, "-o", out).exit_code == 0
    hub.add_commit(REPO, {"README.md": b"moved"})
    again = run("tag", REPO, texts, "-o", out, "--resume")
    assert again.exit_code == 2
    shutil.rmtree(tmp_path / "out.jsonl", ignore_errors=True)
