"""What helps where sentences are few: changed copies, R-Drop, label names, and their errors."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nerine.core.document import Document, Entity, Token
from nerine.core.errors import SettingsError
from nerine.core.tags import TagScheme
from nerine.data.corpus import Corpus
from nerine.model.encoding import Encoder
from nerine.model.heads import TagHead
from nerine.model.settings import ModelSettings
from nerine.training.dataset import make_examples
from nerine.training.initialization import last_layer, new_checkpoint
from nerine.training.label_names import spoken, start_from_names
from nerine.training.losses import Batch, GoldLoss, divergence
from nerine.training.r_drop import RDropLoss
from nerine.training.settings import TrainingSettings
from nerine.training.variants import make_variants
from runs import corpus, small_run

LABELS = ["a", "b"]


@st.composite
def documents(draw: st.DrawFn) -> list[Document]:
    """Documents of words, some of which are names, with tokens or without."""
    found = []
    has_tokens = draw(st.booleans())
    for _ in range(draw(st.integers(1, 4))):
        words = draw(st.lists(st.text("aBß#İ1", min_size=1, max_size=4), min_size=1, max_size=8))
        document = Document.from_tokens(words)
        entities = []
        for token in document.tokens or ():
            label = draw(st.sampled_from([None, *LABELS]))
            if label:
                entities.append(Entity(token.start, token.end, label))
        document = document.with_entities(entities)
        found.append(document if has_tokens else dataclasses.replace(document, tokens=None))
    return found


settings = st.builds(
    TrainingSettings,
    variants=st.integers(1, 3),
    swapping=st.floats(0.1, 1),
    case_noise=st.sampled_from([0.0, 0.5]),
    symbol_noise=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 5),
)


@given(documents(), settings)
def test_a_copy_has_the_labels_and_the_contexts_of_its_document(
    originals: list[Document], chosen: TrainingSettings
) -> None:
    """`Document` itself checks that ranges are in order and inside the text."""
    copies = make_variants(originals, chosen)
    contexts = Counter(context(each) for each in originals)
    for copy in copies:
        assert context(copy) in contexts
        assert (copy.tokens is None) == (originals[0].tokens is None)
    assert len(copies) <= chosen.variants * len(originals)
    assert copies == make_variants(originals, chosen)


def context(document: Document) -> tuple[Any, ...]:
    """The text without names, signs before them and case, the labels and the number of tokens."""
    parts, place = [], 0
    for entity in document.entities:
        parts.append(document.text[place : entity.start].removesuffix("@").removesuffix("#"))
        place = entity.end
    parts.append(document.text[place:])
    folded = tuple(part.upper().lower() for part in parts)
    tokens = None if document.tokens is None else len(document.tokens)
    return folded, tuple(entity.label for entity in document.entities), tokens


@given(documents(), st.integers(0, 5))
def test_swapped_names_are_names_of_the_same_label(originals: list[Document], seed: int) -> None:
    names = {label: set[str]() for label in LABELS}
    for document in originals:
        for entity in document.entities:
            names[entity.label].add(document.text[entity.start : entity.end])
    for copy in make_variants(originals, TrainingSettings(variants=2, swapping=1.0, seed=seed)):
        for entity in copy.entities:
            assert copy.text[entity.start : entity.end] in names[entity.label]


def one(text: str, *names: tuple[int, int], tokens: bool = False) -> Document:
    entities = tuple(Entity(start, end, "a") for start, end in names)
    own = tuple(Token(*each) for each in names) if tokens else None
    return Document(text, entities, own)


def test_a_name_within_a_token_stays() -> None:
    cut = Document("pro-Rome x", (Entity(4, 8, "a"),), (Token(0, 8), Token(9, 10)))
    other = Document("Bath", (Entity(0, 4, "a"),), (Token(0, 4),))
    copies = make_variants([cut, other], TrainingSettings(variants=3, swapping=1.0))
    assert copies == []  # the one has no whole token, so the other has no name to be swapped with


@pytest.mark.parametrize(
    ("text", "entity", "expected"),
    [
        ("see #Rome", (4, 9), (0, 5)),  # the corpus has the sign inside
        ("see #Rome", (5, 9), (1, 5)),  # and outside
    ],
)
def test_signs_are_inside_of_names_where_the_corpus_has_them_inside(
    text: str, entity: tuple[int, int], expected: tuple[int, int]
) -> None:
    copies = make_variants(
        [one(text, entity), one("Bath it is", (0, 4))],
        TrainingSettings(variants=1, symbol_noise=1.0),
    )
    assert [each.text[1:] for each in copies] == ["Bath it is"]
    assert copies[0].text[0] in "#@"
    assert (copies[0].entities[0].start, copies[0].entities[0].end) == expected


def test_letters_whose_other_case_is_longer_stay() -> None:
    copies = make_variants([one("Straße", (0, 6))], TrainingSettings(variants=4, case_noise=1.0))
    assert {each.text for each in copies} == {"straße", "STRAßE"}


def test_copies_that_nothing_changes_are_left_out() -> None:
    assert make_variants([one("so it is")], TrainingSettings(variants=4, swapping=1.0)) == []


# --- R-Drop


class Halves:
    """A loss that shows what it gets: the sum of the labels, once for each pass."""

    def augment(self, batch: Batch) -> Batch:
        return {**batch, "input_ids": batch["input_ids"] + 1}

    def __call__(self, outputs: Any, batch: Batch) -> torch.Tensor:
        assert len(outputs["logits"]) == len(batch["labels"])
        loss: torch.Tensor = outputs["logits"].sum() * 0 + batch["labels"].clamp_min(0).sum()
        return loss


def test_r_drop_is_the_formula_of_the_paper() -> None:
    logits = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[1, 2, -100], [0, -100, -100]])
    batch = {"input_ids": torch.zeros(2, 3), "labels": labels}
    loss = RDropLoss(Halves(), 2.0)
    doubled = loss.augment(batch)
    assert torch.equal(doubled["labels"], torch.cat([labels, labels]))
    assert torch.equal(doubled["input_ids"], torch.ones(4, 3))
    first, second = (torch.softmax(each, dim=-1) for each in (logits[:2], logits[2:]))
    words = [(0, 0), (0, 1), (1, 0)]
    apart = sum(
        ((first[w] * (first[w] / second[w]).log()) + (second[w] * (second[w] / first[w]).log()))
        .sum()
        .item()
        for w in words
    )
    assert float(loss({"logits": logits}, doubled)) == pytest.approx(3 + 2.0 / 4 * apart, rel=1e-5)


def test_r_drop_of_two_equal_passes_is_the_loss_of_one() -> None:
    head = TagHead(ModelSettings(TagScheme.IOB2.tags(LABELS), TagScheme.IOB2))
    plain = GoldLoss(head, 0.0, None)
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(1))
    batch = {"input_ids": torch.zeros(2, 3), "labels": torch.tensor([[1, 2, -100], [0, -100, 3]])}
    doubled = RDropLoss(plain, 3.0)
    twice = {"logits": torch.cat([logits, logits])}
    found = doubled(twice, doubled.augment(batch))
    assert float(found) == pytest.approx(float(plain({"logits": logits}, batch)), rel=1e-6)
    assert float(divergence(logits, logits)) == pytest.approx(0, abs=1e-6)


# --- label names


@pytest.mark.parametrize(
    ("label", "text"),
    [("creative-work", "creative work"), ("fieldOfStudy", "field of study"), ("PER", "per")],
)
def test_a_label_is_spoken_as_words(label: str, text: str) -> None:
    assert spoken(label) == text


ENCODERS = ["bert", "distilbert", "roberta", "modernbert", "electra", "deberta-v2"]


@pytest.mark.parametrize("architecture", ENCODERS)
def test_a_head_starts_from_the_vectors_of_its_labels(
    architecture: str, encoder_of: Callable[[str], Path]
) -> None:
    """The logits of training words have the spread that was asked for, and those of `O` stay."""
    chosen = TrainingSettings(
        encoder=str(encoder_of(architecture)), max_length=64, overlap=8, head_start="names",
        label_descriptions=("person=the name of Mira",),
    )  # fmt: skip
    random, named = (new_checkpoint(corpus(), chosen) for _ in range(2))
    examples = make_examples(
        corpus().train, Encoder.of(named.tokenizer, named.settings), TagHead(named.settings)
    )
    start_from_names(named, examples, chosen.descriptions())
    before, after = (last_layer(each.model).weight.detach() for each in (random, named))
    rows = {tag: index for index, tag in enumerate(named.settings.tags)}
    assert torch.equal(before[rows["O"]], after[rows["O"]])
    added = after - before
    assert torch.allclose(added[rows["B-person"]], added[rows["I-person"]], atol=1e-5)
    assert not torch.allclose(added[rows["B-person"]], added[rows["B-location"]], atol=1e-3)
    # two labels without their mean are opposite
    ratio = added[rows["B-person"]] / added[rows["B-location"]]
    assert float(ratio.max()) < 0
    others = {name for name, _ in random.model.named_parameters() if "classifier" not in name}
    same = dict(named.model.named_parameters())
    assert all(
        torch.equal(each, same[name])
        for name, each in random.model.named_parameters()
        if name in others
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variants": 2}, "2 changed copies of each document, with swapping 0"),
        ({"swapping": 0.5}, "0 changed copies"),
        ({"label_descriptions": ("a=b",)}, "the head starts at random"),
        ({"label_descriptions": ("a",), "head_start": "names"}, "'a' is not a valid description"),
        ({"label_descriptions": ("a=b", "a=c"), "head_start": "names"}, "'a=c' is not valid"),
        ({"swapping": 2.0}, "too large"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        TrainingSettings(**changes)
    assert message.replace(" is not valid", "") in str(raised.value)


def test_a_description_of_an_unknown_label_is_refused(
    encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="'city', which is not a label of the corpus"):
        small_run(
            tmp_path / "run", encoder_of("bert"), head_start="names",
            label_descriptions=["city=a town"],
        )  # fmt: skip


def test_a_run_with_all_of_them_learns_and_says_so(
    encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    run = small_run(
        tmp_path / "run", encoder_of("bert"), head_start="names", r_drop=1.0, variants=2,
        swapping=0.5, symbol_noise=0.2, epochs=2,
    )  # fmt: skip
    assert run.best.f1 > 0.5
    copies = make_variants(
        corpus().train, TrainingSettings(variants=2, swapping=0.5, symbol_noise=0.2, seed=5)
    )
    note = f"the training texts and {len(copies):,} changed copies are learned"
    assert note in run.notes


@pytest.mark.slow
def test_the_copies_are_no_part_of_the_corpus(
    encoder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """The record of training texts, by which contamination is found, has the documents alone."""
    plain = small_run(tmp_path / "plain", encoder_of("bert"), epochs=1)
    varied = small_run(tmp_path / "varied", encoder_of("bert"), epochs=1, variants=2, swapping=0.9)
    records = [run.tagger(device="cpu").training_texts.provenance for run in (plain, varied)]
    assert records[0]["splits"] == records[1]["splits"]
    assert records[0]["corpus"] == records[1]["corpus"]
    assert isinstance(corpus(), Corpus)
    assert np.isfinite(varied.best.f1)
