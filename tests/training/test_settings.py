"""Settings: checked when made, TOML both ways, recipes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.errors import NerineError, SettingsError
from nerine.core.tags import TagScheme
from nerine.model.settings import ModelSettings
from nerine.training.recipes import RECIPES, read_settings, recipe
from nerine.training.settings import TrainingSettings

changes = st.fixed_dictionaries(
    {},
    optional={
        "encoder": st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        "words": st.sampled_from(["rule", "rule-2", "tokens"]),
        "learning_rate": st.none() | st.floats(0, 1),
        "epochs": st.integers(1, 99),
        "freeze_embeddings": st.booleans(),
        "early_stopping": st.none() | st.integers(1, 9),
        "report_to": st.lists(st.sampled_from(["wandb", "tensorboard"])).map(tuple),
    },
)


@given(changes)
def test_settings_survive_toml(given_changes: dict[str, Any]) -> None:
    import tempfile

    settings = TrainingSettings().changed(given_changes)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "settings.toml"
        file.write_text(settings.to_toml(), encoding="utf-8")
        assert read_settings(file, TrainingSettings()) == settings


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("words", "Rule", "words: 'Rule' is not known\n  expected: one of rule, rule-2, tokens"),
        ("epochs", 0, "epochs: 0 is too small\n  expected: at least 1"),
        ("epochs", "3", "epochs: '3' is a str\n  expected: int"),
        ("epochs", True, "epochs: True is a bool"),
        ("learning_rate", -1.0, "learning_rate: -1.0 is too small"),
        ("learning_rate", "high", "learning_rate: 'high' is a str"),
        ("freeze_embeddings", 1, "freeze_embeddings: 1 is a int"),
        ("scheme", "BMEWO", "unknown tag scheme 'BMEWO'"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error(field: str, value: Any, message: str) -> None:
    with pytest.raises(NerineError) as caught:
        TrainingSettings().changed({field: value})
    assert message in str(caught.value)


def test_an_unknown_setting_is_named_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("epoch = 3\n")
    with pytest.raises(SettingsError, match=r"mine\.toml: unknown setting 'epoch'"):
        read_settings(file, TrainingSettings())


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("recipe", r"settings=nerine\.recipe\(NAME\)"),
        ("seeds", r"nerine\.train_seeds"),
        ("learning_rat", "nearest one is 'learning_rate'"),
    ],
)
def test_an_unknown_setting_comes_with_the_right_way(name: str, way: str) -> None:
    with pytest.raises(SettingsError, match=f"unknown setting '{name}'(.|\n)*hint: .*{way}"):
        TrainingSettings().changed({name: 3})


@pytest.mark.parametrize("content", [b"epochs = ", b"\xff"])
def test_a_file_that_is_no_toml_is_an_error(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"mine\.toml: not valid TOML"):
        read_settings(file, TrainingSettings())


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_settings(tmp_path / "none.toml", TrainingSettings())


def test_every_setting_says_what_it_means() -> None:
    assert all(each.metadata["help"] for each in dataclasses.fields(TrainingSettings))


def test_the_notebooks_recipe_is_the_notebooks() -> None:
    settings = recipe("notebook")
    assert (settings.epochs, settings.learning_rate, settings.batch_size) == (2, 2e-5, 16)
    assert (settings.weight_decay, settings.warmup, settings.schedule) == (0.01, 0.0, "linear")
    assert (settings.words, settings.decoding, settings.batching) == ("tokens", "argmax", "random")
    with pytest.raises(SettingsError, match="unknown recipe 'best'"):
        recipe("best")
    assert set(RECIPES) == {"default", "four-epochs", "notebook"}


def test_model_settings_survive_json() -> None:
    settings = ModelSettings(TagScheme.BIOES.tags(["creative-work"]), TagScheme.BIOES, "tokens")
    assert ModelSettings.from_dict(settings.to_dict()) == settings
    assert settings.labels == ("creative-work",)
    with pytest.raises(SettingsError, match="unknown or missing"):
        ModelSettings.from_dict({"tags": ["O"]})
