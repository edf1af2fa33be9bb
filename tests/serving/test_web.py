"""A checkpoint in the browser: the JavaScript does as Python does, or the export refuses."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regex
import tokenizers
from click.testing import CliRunner, Result
from tokenizers import AddedToken, normalizers, pre_tokenizers, processors

import nerine
from bench.web.running import (
    PACKAGES,
    agreement,
    missing,
    open_page,
    run_in_browser,
    run_in_node,
    serving,
)
from bench.web.texts import hostile_texts, web_texts
from nerine.cli import main
from nerine.core.document import Document
from nerine.core.errors import CheckpointError, NerineError, SettingsError
from nerine.core.tags import TagScheme
from nerine.core.words import Rule, Words, rule_words
from nerine.model.encoding import Encoder
from nerine.model.heads import TagHead
from nerine.model.loading.tokenizer import Tokenizer
from nerine.model.settings import ModelSettings, TransitionScores
from nerine.serving.web import subwords
from nerine.serving.web.characters import word_classes
from nerine.serving.web.exporting import (
    RUNTIME_VERSION,
    chain_settings,
    export_for_web,
    web_settings,
)
from nerine.serving.web.subwords import subword_settings
from places import ROOT
from tiny import add_onnx, make_checkpoint, make_foreign, make_tokenizer
from web import in_node

TEXTS = web_texts([document.text for document in nerine.load_corpus("sample").test], 300)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


# --- the parts


def test_words_are_cut_as_in_python() -> None:
    texts = [*TEXTS, *hostile_texts(500, seed=11)]
    rules: tuple[Rule, ...] = ("rule", "rule-2")
    cases = [
        {"part": "words", "rule": rule, "classes": dict(word_classes(rule)), "texts": texts}
        for rule in rules
    ]
    for rule, found in zip(rules, in_node(*cases), strict=True):
        for text, words in zip(texts, found, strict=True):
            expected = [[word.start, word.end] for word in rule_words(text, rule)]
            assert words == expected, (rule, text)


def test_white_space_of_the_pattern_is_that_of_python() -> None:
    """The JavaScript passes over what the pattern's class has, Python what `isspace` says."""
    blank = {chr(code) for code in range(0x110000) if chr(code).isspace()}
    found = word_classes("rule")["blank"]
    assert {each for each in blank if not _in_class(each, found)} == set()
    assert sum(_in_class(chr(code), found) for code in range(0x3100)) == len(blank)


def _in_class(character: str, class_: str) -> bool:
    hexadecimal = regex.sub(r"\\u\{(\w+)\}", lambda match: rf"\U{match[1]:0>8}", class_)
    return regex.fullmatch(f"[{hexadecimal}]", character) is not None


def _cased() -> tokenizers.Tokenizer:
    backend = _copied("bert")
    backend.normalizer = normalizers.BertNormalizer(lowercase=False)
    return backend


def _prefixed() -> tokenizers.Tokenizer:
    """As RoBERTa's, with a space before the text, and tokens with the space next to them."""
    backend = _copied("roberta")
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    backend.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True
    )
    backend.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    return tokenizers.Tokenizer.from_str(backend.to_str())


def _copied(kind: str) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_str(make_tokenizer(kind).backend_tokenizer.to_str())


TOKENIZERS: dict[str, Callable[[], tokenizers.Tokenizer]] = {
    "wordpiece": lambda: _copied("bert"),
    "wordpiece, cased": _cased,
    "bytes": lambda: _copied("roberta"),
    "bytes, prefixed": _prefixed,
}


@pytest.mark.parametrize(
    "names",
    [["wordpiece"], pytest.param([*TOKENIZERS][1:], marks=pytest.mark.slow)],
    ids=["wordpiece", "others"],
)
def test_subwords_words_and_windows_are_those_of_python(names: list[str]) -> None:
    """In windows of 24 subwords, so that many texts have several."""
    settings = {"max_length": 24, "overlap": 6}
    cases, expected = [], []
    for name in names:
        tokenizer = Tokenizer(TOKENIZERS[name](), pad_id=0)
        encoder = Encoder(tokenizer, words="rule", **settings)
        capacity = 24 - len(tokenizer.before) - len(tokenizer.after)
        cases.append(
            {
                "part": "encodings",
                "json": json.loads(tokenizer.to_json()),
                "settings": subword_settings(tokenizer, "here"),
                "rule": "rule",
                "classes": dict(word_classes("rule")),
                "capacity": capacity,
                "overlap": 6,
                "texts": TEXTS,
            }
        )
        expected.append([_encoded(encoder, text) for text in TEXTS])
    for name, found, ours in zip(names, in_node(*cases), expected, strict=True):
        for text, theirs, mine in zip(TEXTS, found, ours, strict=True):
            assert theirs == mine, (name, text)


def _encoded(encoder: Encoder, text: str) -> dict[str, Any]:
    """The encoding of a text as the JavaScript has it."""
    encoding = encoder.encode([Document(text)])
    windows = encoder.windows(encoding)
    return {
        "ids": encoding.input_ids.tolist(),
        "offsets": encoding.offsets.tolist(),
        "words": encoding.word_bounds.tolist(),
        "starts": encoding.word_starts.tolist(),
        "windows": [
            {"first": each.first, "last": each.last, "words": each.words.tolist()}
            for each in windows
        ],
    }


def _chains() -> list[ModelSettings]:
    labels = ("location", "person", "group")
    found = [
        ModelSettings(TagScheme(scheme).tags(labels), TagScheme(scheme), decoding=decoding)
        for scheme in ("IOB1", "IOB2", "BIOES", "BILOU")
        for decoding in ("viterbi", "argmax")
    ]
    tags = TagScheme("BIOES").tags(labels)
    chance = np.random.default_rng(3)
    learned = TransitionScores.from_dict(
        {
            "between": chance.normal(size=(len(tags), len(tags))).tolist(),
            "start": chance.normal(size=len(tags)).tolist(),
            "end": chance.normal(size=len(tags)).tolist(),
        }
    )
    learning = ModelSettings(tags, TagScheme("BIOES"), transitions=learned)
    biased = [dataclasses.replace(each, outside_bias=-1.5) for each in (found[0], learning)]
    return [*found, learning, *biased]


def test_entities_and_their_scores_are_those_of_python() -> None:
    chance = np.random.default_rng(1)
    lengths = [0, 1, 2, 3, 5, 8, 13, 40, 600]
    cases, expected = [], []
    for settings in _chains():
        sizes = (3.0, 60.0)
        sentences = [
            (chance.normal(size=(length, len(settings.tags))) * size).astype(np.float32)
            for length in lengths
            for size in sizes
        ]
        head = TagHead(settings)
        cases.append(
            {
                "part": "entities",
                "chain": chain_settings(settings),
                "sentences": [each.tolist() for each in sentences],
            }
        )
        expected.append(
            head.decoder.decode(
                head.of_tags(np.concatenate(sentences)), [len(each) for each in sentences]
            )
        )
    for settings, found, spans in zip(_chains(), in_node(*cases), expected, strict=True):
        theirs = [
            (sentence, each["start"], each["end"], each["label"])
            for sentence, entities in enumerate(found)
            for each in entities
        ]
        names = [settings.labels[label] for label in spans.labels]
        mine = zip(
            spans.sentences.tolist(), spans.starts.tolist(), spans.ends.tolist(), names,
            strict=True,
        )  # fmt: skip
        assert theirs == list(mine), settings
        scores = [each["score"] for entities in found for each in entities]
        rounding = 1e-5 if settings.outside_bias else 1e-9  # Python adds it to logits in float32
        assert np.allclose(scores, spans.probabilities, rtol=0, atol=rounding), settings


# --- the export


@pytest.fixture(scope="module")
def folder(onnx_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("web") / "site"
    done = run("optimize", onnx_checkpoint, "--for", "web", "-o", place)
    assert done.exit_code == 0, done.output
    return place


def test_the_folder_has_the_model_its_settings_and_the_page(
    folder: Path, onnx_checkpoint: Path
) -> None:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    scripts = {
        f"nerine/{name}.js" for name in ("decoding", "tagger", "tokenizer", "windows", "words")
    }
    files = {"index.html", "page.css", "page.js", "model.onnx", "settings.json", "tokenizer.json"}
    assert names == {*scripts, *files, "package.json"}
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    assert settings["variant"] == "onnx-fp32"
    assert settings["windows"] == {"maxLength": 64, "overlap": 16}
    assert settings["chain"]["labels"] == ["location", "person"]
    assert RUNTIME_VERSION in settings["runtime"]["module"]
    model = (onnx_checkpoint / "onnx/model-fp32.onnx").read_bytes()
    assert (folder / "model.onnx").read_bytes() == model


def test_the_versions_of_the_runtime_are_one() -> None:
    package = json.loads((ROOT / "bench/web/package.json").read_text(encoding="utf-8"))
    assert package["dependencies"] == {"onnxruntime-web": RUNTIME_VERSION}


def test_packages_are_copied_and_the_page_may_then_load_nothing_else(
    onnx_checkpoint: Path, tmp_path: Path
) -> None:
    package = tmp_path / "node_modules/onnxruntime-web"
    (package / "dist").mkdir(parents=True)
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        (package / "dist" / name).write_text(name)
    (package / "package.json").write_text(json.dumps({"version": RUNTIME_VERSION}))
    arguments = ("--packages", tmp_path, "-o", tmp_path / "web", "--json")
    done = run("optimize", onnx_checkpoint, "--for", "web", *arguments)
    assert json.loads(done.stdout)["web"]["packages"] is True
    settings = json.loads((tmp_path / "web/settings.json").read_text())
    module = tmp_path / "web" / settings["runtime"]["module"]
    assert module.read_text() == "ort.wasm.bundle.min.mjs"
    assert "https:" not in (tmp_path / "web/index.html").read_text()
    (package / "package.json").write_text(json.dumps({"version": "1.0.0"}))
    with pytest.raises(SettingsError, match=r"onnxruntime-web 1\.0\.0"):
        export_for_web(onnx_checkpoint, tmp_path / "web", packages=tmp_path)
    with pytest.raises(SettingsError, match="npm install onnxruntime-web@"):
        export_for_web(onnx_checkpoint, tmp_path / "web", packages=tmp_path / "none")


def test_an_older_folder_is_replaced_and_any_other_left_alone(
    folder: Path, onnx_checkpoint: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "old")
    (tmp_path / "old" / "page.js").write_text("of an earlier version")
    export_for_web(onnx_checkpoint, tmp_path / "old")
    assert (tmp_path / "old/page.js").read_bytes() == (folder / "page.js").read_bytes()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/diary.txt").write_text("dear")
    with pytest.raises(CheckpointError, match="something else is there"):
        export_for_web(onnx_checkpoint, tmp_path / "mine")
    assert {path.name for path in tmp_path.iterdir()} == {"old", "mine"}
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["diary.txt"]


def test_options_about_the_web_need_the_web(onnx_checkpoint: Path) -> None:
    done = run("optimize", onnx_checkpoint, "-o", "site")
    assert done.exit_code == 2
    assert "--output: this is about a folder for the web" in done.stderr


# --- what is refused


def _refusal(backend: tokenizers.Tokenizer) -> NerineError:
    with pytest.raises(CheckpointError) as caught:
        subword_settings(Tokenizer(backend), "runs/x")
    assert caught.value.place == "runs/x"
    assert caught.value.hint
    return caught.value


def test_a_tokenizer_that_the_javascript_does_not_know_is_refused() -> None:
    assert "Unigram" in _refusal(_copied("xlm-roberta")).found
    backend = _copied("roberta")
    backend.normalizer = normalizers.NFC()
    assert "the normalizer NFC" in _refusal(backend).found
    backend = _copied("bert")
    backend.normalizer = normalizers.NFKC()
    assert "type 'NFKC'" in _refusal(backend).found
    backend = _copied("bert")
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    assert "type 'Whitespace'" in _refusal(backend).found
    backend = _copied("bert")
    backend.add_tokens([AddedToken("Mira", single_word=True, normalized=False)])
    assert "single_word True" in _refusal(backend).found
    backend = _copied("bert")
    backend.add_tokens([AddedToken("Mira", normalized=True)])
    assert "in normalized text" in _refusal(backend).found


def test_a_model_that_the_javascript_cannot_follow_is_refused(
    tmp_path: Path, checkpoint_of: Callable[..., Path]
) -> None:
    foreign = make_foreign(tmp_path / "foreign", {0: "O", 1: "B-PER", 2: "I-PER"})
    cases: tuple[tuple[Path, Words | None, str], ...] = (
        (foreign, None, "not trained by Nerine"),
        (foreign, "rule", "not trained by Nerine"),
        (checkpoint_of("bert"), "subwords", "words from the tokenizer"),
    )
    for name, words, found in cases:
        tagger = nerine.Tagger.load(name, words=words, device="cpu", backend="pytorch")
        with pytest.raises(CheckpointError, match=found) as caught:
            web_settings(tagger, Tokenizer.of(tagger.inference.tokenizer), "runs/x")
        assert caught.value.place == "runs/x"


def test_a_checkpoint_without_onnx_models_is_refused(checkpoint_of: Callable[..., Path]) -> None:
    with pytest.raises(CheckpointError, match="has no ONNX models"):
        export_for_web(checkpoint_of("bert"))


def test_a_plane_of_characters_alike_stands_for_them_all() -> None:
    """In the planes that are probed by their first character, some others are as it is."""
    some = sorted(
        {*subwords.probed_characters(), *range(0x40000, 0xE0000, 0xFFF), 0xF1234, 0x10FFF0}
    )
    options = {"clean_text": True, "handle_chinese_chars": True, "lowercase": True}
    normalizer = normalizers.BertNormalizer(**options)
    dropped = subwords.character_changes(tuple(sorted({**options, "strip_accents": None}.items())))
    for code in some[-300:]:
        is_dropped = normalizer.normalize_str(chr(code)) == ""
        assert _in_class(chr(code), dropped["dropped"]) == is_dropped, hex(code)


# --- the whole, with onnxruntime-web


def _needs_packages() -> None:
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture(scope="module", params=["bert", "roberta"])
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A checkpoint and its folder for the web, with the packages."""
    _needs_packages()
    place = tmp_path_factory.mktemp("whole")
    checkpoint = make_checkpoint(place / "run", request.param, scheme="BIOES")
    add_onnx(checkpoint)
    export_for_web(checkpoint, place / "web", packages=PACKAGES)
    return checkpoint, place / "web"


@pytest.mark.slow
def test_node_finds_what_python_finds(whole: tuple[Path, Path]) -> None:
    checkpoint, folder = whole
    texts = web_texts([document.text for document in nerine.load_corpus("sample").test])
    expected = nerine.Tagger.load(checkpoint, device="cpu").predict(texts)
    found = agreement(expected, run_in_node(folder, texts))
    assert (found.equal, found.texts) == (500, 500)
    assert found.difference < 1e-3
    assert found.entities > 500


@pytest.mark.slow
def test_the_page_tags_without_a_network(whole: tuple[Path, Path], browser: Any) -> None:
    checkpoint, folder = whole
    texts = web_texts([document.text for document in nerine.load_corpus("sample").test], 100)
    expected = nerine.Tagger.load(checkpoint, device="cpu").predict(texts)
    page = browser.new_page()
    found = agreement(expected, run_in_browser(folder, texts, page))
    page.close()
    assert (found.equal, found.texts) == (100, 100)
    assert found.difference < 1e-3


@pytest.mark.slow
def test_the_page_shows_markup_as_text(whole: tuple[Path, Path], browser: Any) -> None:
    text = "<img src=x onerror=\"document.title='bad'\"> Mira Okonjo & <b>Lisbon</b>"
    page = browser.new_page()
    with serving(whole[1]) as address:
        open_page(address, page)
        page.fill("#text", text)
        page.click("#tag")
        page.locator("#result", has_text="onerror").wait_for()
        page.evaluate("document.querySelector('#threshold').value = 1")
        page.dispatch_event("#threshold", "input")
        assert page.text_content("#result") == text
        assert page.locator("#result img, #result b").count() == 0
        assert page.title() == "Nerine: entities in a text"
    page.close()
