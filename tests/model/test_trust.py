"""Untrusted folders: code, reads elsewhere and endless work are refused before anything is loaded.

Each malicious folder carries canaries: code and pickles that make a folder when they run. The
first tests show that the canaries are alive.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import runpy
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

from nerine.cli import main
from nerine.core.errors import CheckpointError
from nerine.model.loading import pretrained
from nerine.model.loading.pretrained import encoder_width, load_encoder, load_model, load_tokenizer
from nerine.model.loading.trust import Header, check_folder
from nerine.model.loading.trust.configuration import check_configuration
from nerine.model.loading.trust.sizes import check_sizes
from tiny import KINDS, make_encoder, make_foreign

TAGS = ("O", "B-person", "I-person")
ARCHITECTURES = frozenset({"bert"})


class Trap:
    """A pickle that makes a folder when it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self.marker),)


def code(marker: Path) -> str:
    """A module that makes a folder when it is imported."""
    return f"import os\nos.mkdir({str(marker)!r})\nclass Own: pass\n"


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A harmless model, to be copied."""
    return make_foreign(tmp_path_factory.mktemp("foreign") / "model", dict(enumerate(TAGS)))


@pytest.fixture
def folder(foreign: Path, tmp_path: Path, marker: Path) -> Path:
    """A model with canaries beside it, which are nowhere named yet."""
    made = tmp_path / "model"
    shutil.copytree(foreign, made)
    for name in ("modeling_own.py", "tokenization_own.py", "kernel.py", "__init__.py"):
        (made / name).write_text(code(marker))
    for name in ("pytorch_model.bin", "adapter_model.bin", "training_args.bin", ".metadata"):
        (made / name).write_bytes(pickle.dumps(Trap(marker)))
    return made


def change(folder: Path, file: str = "config.json", /, **changes: Any) -> None:
    path = folder / file
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**old, **changes}), encoding="utf-8")


def refusal(folder: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        check_folder(folder, architectures=ARCHITECTURES)
    return caught.value


# --- the canaries are alive, and a folder that names none of them loads


def test_the_pickle_is_alive(folder: Path, marker: Path) -> None:
    with (folder / "pytorch_model.bin").open("rb") as stream:
        pickle.load(stream)
    assert marker.is_dir()


@pytest.mark.parametrize("name", ["modeling_own.py", "tokenization_own.py", "kernel.py"])
def test_the_code_is_alive(folder: Path, marker: Path, name: str) -> None:
    runpy.run_path(str(folder / name))
    assert marker.is_dir()


def test_a_tokenizer_can_be_replaced_from_outside_without_the_check(
    folder: Path, tmp_path: Path
) -> None:
    other = make_encoder(tmp_path / "other", "roberta") / "tokenizer.json"
    assert _model_of(AutoTokenizer.from_pretrained(folder)) == "WordPiece"
    change(folder, "special_tokens_map.json", tokenizer_file=str(other))
    assert _model_of(AutoTokenizer.from_pretrained(folder)) == "BPE"


def _model_of(tokenizer: Any) -> str:
    return type(tokenizer.backend_tokenizer.model).__name__


def test_what_lies_unnamed_beside_a_model_is_left_alone(folder: Path, marker: Path) -> None:
    load_model(str(folder))
    load_encoder(str(folder), TAGS)
    load_tokenizer(str(folder))
    assert not marker.exists()


# --- malicious folders

_MAP = dict.fromkeys(("AutoConfig", "AutoModelForTokenClassification"), "modeling_own.Own")
_TOKENIZER_MAP = {"AutoTokenizer": ["tokenization_own.Own", "tokenization_own.Own"]}
_TOKENIZER = "tokenizer_config.json"
_SPECIAL = "special_tokens_map.json"
_TEXT_FILES = (_TOKENIZER, _SPECIAL, "added_tokens.json")


def as_pickle(folder: Path, name: str) -> None:
    """The weights under the name of a pickle, and a pickle they are."""
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").rename(folder / name)


def as_other_framework(folder: Path, name: str) -> None:
    (folder / "pytorch_model.bin").unlink()
    (folder / "model.safetensors").rename(folder / name)


def with_index(folder: Path, shard: str) -> None:
    shutil.move(folder / "model.safetensors", folder.parent / "outside.safetensors")
    where = {"classifier.weight": shard}
    change(folder, "model.safetensors.index.json", metadata={}, weight_map=where)


def with_link(folder: Path, name: str) -> None:
    outside = folder.parent / "outside.txt"
    outside.write_text('{"secret": "4711"}')
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(outside)


def with_templates(folder: Path) -> None:
    (folder.parent / "outside").mkdir()
    (folder / "additional_chat_templates").symlink_to(folder.parent / "outside")


def with_pipe(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)


def as_ranks(folder: Path) -> None:
    name = "shard-00000-model-00001-of-00001.safetensors"
    shutil.copy(folder / "model.safetensors", folder / name)


def with_text(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def config(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder, **changes)


def tokenizer(file: str = _TOKENIZER, /, **changes: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder, file, **changes)


MALICIOUS: dict[str, tuple[Callable[[Path], None], str]] = {
    "pickle": (partial(as_pickle, name="pytorch_model.bin"), "the weights are a pickle"),
    "pickle .pt": (partial(as_pickle, name="model.pt"), "the weights are a pickle"),
    "tensorflow": (partial(as_other_framework, name="tf_model.h5"), "another framework"),
    "flax": (partial(as_other_framework, name="flax_model.msgpack"), "another framework"),
    "ranks": (as_ranks, "distributed checkpoint"),
    "shard outside": (
        partial(with_index, shard="../outside.safetensors"),
        "not a safetensors file of this folder",
    ),
    "shard a pickle": (
        partial(with_index, shard="pytorch_model.bin"),
        "not a safetensors file of this folder",
    ),
    "auto_map": (config(auto_map=_MAP), "auto_map names Python code"),
    "auto_map elsewhere": (config(auto_map={"AutoConfig": "a/b--c.D"}), "auto_map names Python"),
    "auto_map below": (config(text_config={"auto_map": _MAP}), "auto_map names Python code"),
    "auto_map, own type": (config(auto_map=_MAP, model_type="own"), "auto_map names Python code"),
    "own type": (config(model_type="own"), "no token classification for own"),
    "no type": (config(model_type=None, pretrained_cfg={}), "names no architecture"),
    "another type": (config(model_type="rag"), "no token classification for rag"),
    "trust": (config(trust_remote_code=True), "trust_remote_code asks"),
    "pipelines": (config(custom_pipelines={"ner": {"impl": "modeling_own.Own"}}), "custom_pipelin"),
    "kernel": (config(_attn_implementation="user/kernel"), "user/kernel may be code"),
    "kernel inside": (config(_attn_implementation_internal="user/kernel"), "may be code"),
    "kernel public": (config(attn_implementation="user/kernel:forward"), "may be code"),
    "kernel below": (config(text_config={"_attn_implementation": "a/b@c"}), "may be code"),
    "kernel by part": (config(_attn_implementation={"": "sdpa", "text": "a/b"}), "may be code"),
    "flash attention": (config(_attn_implementation="flash_attention_2"), "may be code"),
    "experts": (config(_experts_implementation="deepgemm"), "deepgemm may be code"),
    "experts inside": (config(_experts_implementation_internal="a/b"), "may be code"),
    "quantized": (config(quantization_config={"quant_method": "gptq"}), "quantization_config"),
    "fusion": (config(fusion_config={"patch_embeddings": True}), "fusion_config"),
    "weights elsewhere": (config(transformers_weights="adapter_model.bin"), "another file"),
    "configuration elsewhere": (config(configuration_files=["config.1.0.json"]), "other config"),
    "class of tokenizer": (config(tokenizer_class="RagRetriever"), "not the name of a tokenizer"),
    "adapter": (
        tokenizer("adapter_config.json", base_model_name_or_path="a/b"),
        "holds an adapter",
    ),
    "tokenizer code": (tokenizer(auto_map=_TOKENIZER_MAP), "auto_map would run untrusted code"),
    "tokenizer code, old": (tokenizer(auto_map=["a.B", None]), "auto_map would run untrusted code"),
    "tokenizer trust": (tokenizer(trust_remote_code=True), "trust_remote_code would"),
    "tokenizer class": (tokenizer(tokenizer_class="BertModel"), "not the name of a tokenizer"),
    "tokenizer classes": (tokenizer(tokenizer_class=["A", "B"]), "not the name of a tokenizer"),
    "tokenizer itself": (tokenizer(tokenizer_class="AutoTokenizer"), "not the name of a tokeni"),
    "tokenizer file": (tokenizer(tokenizer_file="/etc/passwd"), "not a file of this folder"),
    "vocab file": (tokenizer(vocab_file="../outside.txt"), "not a file of this folder"),
    "vocab file, backwards": (tokenizer(vocab_file="..\\outside.txt"), "not a file of this folder"),
    "vocab file of a drive": (tokenizer(vocab_file="C:outside.txt"), "not a file of this folder"),
    "merges": (tokenizer(merges="/etc/passwd"), "names the file"),
    "vocab": (tokenizer(vocab="/etc/passwd"), "names the file"),
    "versions": (
        tokenizer(fast_tokenizer_files=["tokenizer.1/../../x.json"]),
        "not a file of this",
    ),
    "gguf": (tokenizer(gguf_file="/etc/passwd"), "gguf_file would"),
    "arguments": (tokenizer(init_inputs=["/etc/passwd"]), "init_inputs would"),
    "dictionary": (tokenizer(sudachi_kwargs={"config_path": "/x"}), "another library"),
    "length": (tokenizer(model_max_length="x"), "is a string, not a number of subwords"),
    "length below one": (tokenizer(model_max_length=0), "model_max_length is 0"),
    "length in a list": (tokenizer(max_len=[1]), "max_len is an array"),
    "length without end": (
        tokenizer(model_max_length=float("inf")),
        "Infinity is not a JSON number",
    ),
    "no number": (config(hidden_dropout_prob=float("nan")), "NaN is not a JSON number"),
    "special: file": (
        tokenizer(_SPECIAL, tokenizer_file="/etc/passwd"),
        "not a file of this folder",
    ),
    "special: gguf": (tokenizer(_SPECIAL, gguf_file="/etc/passwd"), "gguf_file would"),
    "added": (tokenizer("added_tokens.json", x="/etc/passwd"), "has no number"),
    "link": (partial(with_link, name="vocab.txt"), "a link that leads out"),
    "link of config": (partial(with_link, name="config.json"), "a link that leads out"),
    "link of templates": (with_templates, "a link that leads out"),
    "pipe": (partial(with_pipe, name="tokenizer.json"), "not a regular file"),
    "no JSON": (partial(with_text, name="config.json", text="{"), "this is not valid JSON"),
    "array": (partial(with_text, name="config.json", text="[]"), "the JSON is an array"),
    "deep": (partial(with_text, name="config.json", text="[" * 100_000), "nested too deeply"),
    "digits": (partial(with_text, name=_TOKENIZER, text="9" * 5_000), "this JSON cannot be used"),
    "large": (partial(with_text, name="config.json", text=" " * 5_000_001), "at most 5,000,000"),
}


OF_WEIGHTS = tuple(MALICIOUS)[:7]
"""What only those refuse who load weights."""


@pytest.fixture
def no_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers must not be asked for anything."""

    def reached(*_: object, **__: object) -> None:
        raise AssertionError("transformers was reached")

    for name in ("AutoConfig", "AutoModel", "AutoModelForTokenClassification", "AutoTokenizer"):
        for method in ("from_pretrained", "from_config"):
            if hasattr(getattr(pretrained, name), method):
                monkeypatch.setattr(getattr(pretrained, name), method, reached)


@pytest.mark.parametrize("kind", MALICIOUS)
def test_a_malicious_folder_is_refused_and_nothing_runs(
    kind: str, folder: Path, marker: Path, no_loading: None
) -> None:
    make, found = MALICIOUS[kind]
    make(folder)
    before = sorted(folder.parent.rglob("*"))
    calls: list[Callable[[], object]] = [
        partial(load_encoder, str(folder), TAGS),
        partial(load_model, str(folder)),
        partial(load_model, str(folder), weights=False),
        partial(load_tokenizer, str(folder)),
        partial(encoder_width, str(folder)),
    ]
    for call in calls[:3] if kind in OF_WEIGHTS else calls:
        with pytest.raises(CheckpointError) as caught:
            call()
        assert found in str(caught.value)
        assert str(folder) in str(caught.value.place)
        assert "4711" not in str(caught.value)
    assert not marker.exists()
    assert sorted(folder.parent.rglob("*")) == before


@pytest.mark.parametrize("kind", ["pickle", "auto_map", "tokenizer code", "kernel", "link", "deep"])
def test_the_command_line_says_why(kind: str, folder: Path, marker: Path) -> None:
    make, found = MALICIOUS[kind]
    make(folder)
    result = CliRunner().invoke(main, ["predict", str(folder), "Mira left."])
    assert result.exit_code == 2
    assert found in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert not marker.exists()


def test_what_strangers_write_is_shown_without_control_characters(folder: Path) -> None:
    change(folder, _attn_implementation="a/\x1b[31mred\u202e" + "x" * 500)
    message = str(refusal(folder))
    assert not set(message) & set("\x1b\u202e")
    assert len(message) < 600


# --- links


def test_the_cache_of_the_hub_passes(foreign: Path, tmp_path: Path) -> None:
    blobs = tmp_path / "models--user--name" / "blobs"
    snapshot = blobs.parent / "snapshots" / "0123abcd"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for number, file in enumerate(sorted(foreign.iterdir())):
        if file.name == "tokenizer.json":  # as the hub's client stores what it may share
            (tmp_path / "blobs" / "00").mkdir(parents=True)
            shutil.copy(file, tmp_path / "blobs" / "00" / "shared")
            (blobs / f"hash{number}").symlink_to("../../blobs/00/shared")
        else:
            shutil.copy(file, blobs / f"hash{number}")
        (snapshot / file.name).symlink_to(Path("../../blobs") / f"hash{number}")
    assert load_model(str(snapshot)).unlike == ()
    (tmp_path / "linked").symlink_to(snapshot)
    assert load_model(str(tmp_path / "linked")).unlike == ()
    (snapshot / "vocab.txt").symlink_to("../../../outside")
    (tmp_path / "outside").write_text("x")
    assert "leads out of its folder" in refusal(snapshot).found


def test_weights_may_be_a_link_and_are_looked_at_all_the_same(folder: Path) -> None:
    shared = folder.parent / "shared"
    (folder / "model.safetensors").rename(shared)
    (folder / "model.safetensors").symlink_to(shared)
    check_folder(folder)
    shared.write_text("a secret of mine that is no safetensors file")
    assert "secret" not in str(refusal(folder))


@pytest.mark.parametrize("target", ["nowhere", "vocab.txt"])
def test_a_link_that_leads_nowhere(folder: Path, target: str) -> None:
    (folder / "vocab.txt").symlink_to(target)
    assert "has no target" in refusal(folder).found


def test_files_that_nobody_reads_may_be_large(folder: Path) -> None:
    for name in ("archive.tar.gz", "model.ckpt", "vocab.txt"):
        with (folder / name).open("wb") as stream:  # sparse
            stream.truncate(100_000_001)
    error = refusal(folder)
    assert error.place == str(folder / "vocab.txt")
    assert error.expected == "at most 100,000,000 bytes in a file of this name"
    (folder / "vocab.txt").unlink()
    check_folder(folder)


# --- sizes

SIZES: dict[str, dict[str, Any]] = {
    "layers": {"num_hidden_layers": 10**9},
    "many layers": {"num_hidden_layers": 65},
    "layers below zero": {"num_hidden_layers": -(10**9)},
    "vocabulary": {"vocab_size": 10**12},
    "rows": {"vocab_size": 4_000},
    "width": {"hidden_size": 10**9},
    "twice": {"hidden_size": 4_096},
    "inner": {"intermediate_size": 4_096},
    "positions": {"max_position_embeddings": 10**12},
    "a few positions more": {"max_position_embeddings": 129},
    "types": {"type_vocab_size": 10**10},
    "labels": {"num_labels": 10**9},
    "beyond 64 bits": {"vocab_size": 10**30},
    "below": {"text_config": {"num_hidden_layers": 10**9}},
    "in a list": {"block_sizes": [4_000] * 1_000},
    "unheard of": {"some_size": 10**7},
}


@pytest.mark.parametrize("kind", SIZES)
def test_a_configuration_that_asks_for_too_much(kind: str, folder: Path, no_loading: None) -> None:
    change(folder, **SIZES[kind])
    start = time.perf_counter()
    with pytest.raises(CheckpointError, match="for which the weights are too small") as caught:
        load_encoder(str(folder), TAGS)
    assert time.perf_counter() - start < 1
    assert caught.value.place == str(folder / "config.json")
    with pytest.raises(CheckpointError):
        load_model(str(folder))


@pytest.mark.parametrize(
    "kind", ["layers", "vocabulary", "width", "positions", "types", "labels", "unheard of"]
)
def test_without_weights_there_are_limits_too(kind: str, folder: Path, no_loading: None) -> None:
    change(folder, **SIZES[kind])
    with pytest.raises(CheckpointError, match="for which the weights are too small"):
        load_tokenizer(str(folder))


_REAL = ["albert", "bert", "canine", "funnel", "longformer", "mobilebert", "modernbert", "qwen3"]
_LARGE: dict[str, dict[str, Any]] = {
    "albert": {"hidden_size": 2048, "num_hidden_layers": 24, "intermediate_size": 8192},
    "modernbert": {"num_hidden_layers": 28, "max_position_embeddings": 8192},
    "qwen3": {"hidden_size": 1024, "max_position_embeddings": 131_072, "num_hidden_layers": 28},
}


@pytest.mark.parametrize("kind", _REAL)
def test_models_of_real_size_pass(kind: str) -> None:
    described = AutoConfig.for_model(kind, **_LARGE.get(kind, {}))
    with torch.device("meta"):
        model = AutoModelForTokenClassification.from_config(described)
    shapes = {name: tuple(weights.shape) for name, weights in model.state_dict().items()}
    written = json.loads(described.to_json_string())
    check_configuration(written, Path("config.json"), None)
    check_sizes(written, Header(shapes), Path("config.json"))


# --- labels


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["O", "B-x", "I-x"], "this is an array"),
        ({"0": "O", "1": "B-x", "2": None}, "label 2 is null"),
        ({"0": "O", "1": "B-x", "2": {"a": 1}}, "label 2 is an object"),
        ({"0": "B-x", "1": "O", "2": "B-x"}, "0 and 2 are both B-x"),
        ({"0": "O", "1": "B-x", "3": "I-x"}, "none of 3 labels has the index 2"),
        ({"0": "O", "1": "B-x", "-1": "I-x"}, "-1 is not an index"),
        ({"0": "O", "1": "B-x", "02": "I-x"}, "02 is not an index"),
        ({"0": "O", "1": "B-x", "zwei": "I-x"}, "zwei is not an index"),
        ({"0": "O", "1": "B-x"}, "there are 2 labels, and the head has 3 rows"),
        ({str(each): f"B-{each}" for each in range(9)}, "there are 9 labels, and the head has 3"),
        ({"0": "O", "1": "B-x", "2": "x" * 1_001}, "label 2 has 1,001 characters"),
    ],
)
def test_labels_that_fit_no_head(folder: Path, labels: Any, found: str) -> None:
    change(folder, id2label=labels)
    error = refusal(folder)
    assert found in error.found
    assert error.place == f"{folder / 'config.json'}, id2label"


def test_a_label_may_be_any_string(folder: Path) -> None:
    names = {"0": "O", "1": "<b>\x1b[31m", "2": "auto_map"}
    change(folder, id2label=names, label2id={name: int(at) for at, name in names.items()})
    check_folder(folder)


# --- what real models have


def damage_template(parsed: dict[str, Any]) -> None:
    parsed["post_processor"]["special_tokens"] = {}


def damage_prefix(parsed: dict[str, Any]) -> None:
    parsed["model"]["continuing_subword_prefix"] = "longer"


@pytest.mark.parametrize(
    ("kind", "damage"), [("bert", damage_template), ("roberta", damage_prefix)]
)
def test_a_panic_of_tokenizers_is_an_error_of_ours(
    kind: str, damage: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    model = make_foreign(tmp_path / kind, dict(enumerate(TAGS)), kind)
    parsed = json.loads((model / "tokenizer.json").read_text())
    damage(parsed)
    (model / "tokenizer.json").write_text(json.dumps(parsed))
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_model(str(model))


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_pass(
    kind: str, encoder_of: Callable[[str], Path], checkpoint_of: Callable[..., Path]
) -> None:
    check_folder(encoder_of(kind))
    check_folder(checkpoint_of(kind))


def test_shards_pass(folder: Path) -> None:
    model = AutoModelForTokenClassification.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    assert load_model(str(folder)).unlike == ()


def test_what_older_versions_left_behind_passes(folder: Path) -> None:
    """As in configurations of the hub that were written by transformers 3 and 4."""
    change(
        folder,
        _name_or_path="/home/someone/out/checkpoint-500",
        _attn_implementation_autoset=True,
        _commit_hash=None,
        auto_map={},
        output_past=True,
        quantization_config=None,
        rope_theta=1_000_000,
        sliding_window=262_144,
        task_specific_params={"text-generation": {"max_length": 50}},
        tokenizer_class="BertTokenizerFast",
        torch_dtype="float32",
        transformers_version="4.3.0",
    )
    change(
        folder,
        _TOKENIZER,
        do_lower_case=False,
        init_inputs=[],
        max_len=512,
        model_max_length=10**30,
        name_or_path="/home/someone/out",
        sp_model_kwargs={},
        special_tokens_map_file="/root/.cache/huggingface/transformers/0123abcd",
        tokenizer_class="BertTokenizer",
        tokenizer_file=None,
        vocab_file="vocab.txt",
    )
    change(folder, _SPECIAL, unk_token="[UNK]", cls_token={"content": "[CLS]", "lstrip": False})
    change(folder, "modules.json", type="sentence_transformers.models.Transformer")
    (folder / "1_Pooling").mkdir()
    assert load_model(str(folder)).unlike == ()
    assert load_encoder(str(folder), TAGS).unlike == ()


_KEYS = st.sampled_from(
    [
        *("auto_map", "_attn_implementation", "model_type", "id2label", "label2id", "0", "1"),
        *("num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"),
        *("tokenizer_class", "tokenizer_file", "fast_tokenizer_files", "sp_model_kwargs"),
        *("vocab", "init_inputs", "\ud800"),
    ]
)
_LEAVES = st.none() | st.booleans() | st.floats() | st.text(max_size=3)
_VALUES = st.recursive(
    _LEAVES | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=6), st.sampled_from(["config.json", *_TEXT_FILES]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_settings_pass_or_are_refused_with_an_error_of_ours(
    folder: Path, changes: dict[str, Any], file: str
) -> None:
    path = folder / file
    before = path.read_bytes() if path.exists() else b"{}"
    path.write_text(json.dumps({**json.loads(before), **changes}))
    with contextlib.suppress(CheckpointError):
        check_folder(folder, architectures=ARCHITECTURES)
    path.write_bytes(before)


def test_a_tokenizer_with_numbers_beyond_the_embeddings(folder: Path) -> None:
    parsed = json.loads((folder / "tokenizer.json").read_text())
    word = next(reversed(parsed["model"]["vocab"]))
    parsed["model"]["vocab"][word] = 2**31
    (folder / "tokenizer.json").write_text(json.dumps(parsed))
    with pytest.raises(CheckpointError, match="an entry with id 2147483648"):
        load_model(str(folder))


def test_the_check_takes_milliseconds(folder: Path) -> None:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        check_folder(folder)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1
