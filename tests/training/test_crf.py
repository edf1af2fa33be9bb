"""The loss of a CRF: against every sequence written out, CRFsuite, and the decoder."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pycrfsuite
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nerine.core.document import Document
from nerine.core.tags import TagScheme
from nerine.model.decoding import Decoder
from nerine.model.encoding import Encoder
from nerine.model.heads import TagHead
from nerine.model.ragged import FloatArray
from nerine.model.settings import ModelSettings, TransitionScores
from nerine.training.crf import NEVER, PairScores, documents_loss, fixed_pairs, sequence_loss
from nerine.training.dataset import NO_EXAMPLE, UNKNOWN, Collator, make_examples
from nerine.training.losses import GoldLoss, gold_loss
from strategies import documents
from tiny import make_tokenizer

Case = tuple[ModelSettings, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def settings_with(scheme: TagScheme, labels: tuple[str, ...], seed: int) -> ModelSettings:
    """Settings with random scores of a CRF."""
    tags = scheme.tags(labels)
    chance = np.random.default_rng(seed)
    scores = {
        "between": chance.normal(0, 2, (len(tags), len(tags))).tolist(),
        "start": chance.normal(0, 2, len(tags)).tolist(),
        "end": chance.normal(0, 2, len(tags)).tolist(),
    }
    return ModelSettings(tags, scheme, transitions=TransitionScores.from_dict(scores))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A model with a CRF, and logits, possible targets, lengths and borders of short sentences."""
    scheme = draw(st.sampled_from(list(TagScheme)))
    labels = ("a", "b")[: 1 if scheme.bounds_both_ends else 2]
    model = settings_with(scheme, labels, draw(st.integers(0, 999)))
    tags = len(model.tags)
    lengths = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    shape = len(lengths), max(*lengths, 1)
    chance = np.random.default_rng(draw(st.integers(0, 999)))
    borders = [draw(st.tuples(st.integers(0, 1), st.integers(0, 1))) for _ in lengths]
    targets = np.full(shape, UNKNOWN)
    for row, (length, border) in enumerate(zip(lengths, borders, strict=True)):
        if length:
            weights = weights_of(np.zeros((length, tags)), border, model)
            chosen = draw(st.sampled_from([each for each in weights if weights[each] > NEVER / 2]))
            hidden = chance.random(length) < 0.3
            targets[row, :length] = np.where(hidden, UNKNOWN, chosen)
    logits = torch.from_numpy(chance.normal(0, 3, (*shape, tags)))
    return model, logits, torch.from_numpy(targets), torch.tensor(lengths), torch.tensor(borders)


def weights_of(
    logits: FloatArray, border: tuple[int, int], model: ModelSettings, *, free: bool = False
) -> dict[tuple[int, ...], float]:
    """The logarithm of the weight of each sequence of tags; that of a forbidden one is `NEVER`."""
    learned, outside = model.transitions, model.tags.index("O")
    assert learned is not None
    allowed = model.scheme.transitions(model.tags, constrained=not free).allowed
    found = {}
    for tags in itertools.product(range(len(model.tags)), repeat=len(logits)):
        pairs = list(itertools.pairwise(tags))
        marks = [allowed[i][j] for i, j in pairs]
        weight = sum(logits[word, tag] for word, tag in enumerate(tags))
        weight += sum(learned.between[i][j] for i, j in pairs)
        if border[0]:
            marks.append(allowed[outside][tags[0]])
            weight += learned.start[tags[0]]
        if border[1]:
            marks.append(allowed[tags[-1]][outside])
            weight += learned.end[tags[-1]]
        found[tags] = float(weight) if all(marks) else NEVER
    return found


def log_sum(weights: list[float]) -> float:
    top = max(weights)
    return top + math.log(sum(math.exp(each - top) for each in weights))


def by_hand(case: Case, *, free: bool = False) -> float:
    """The loss by its definition: -log of the share of the sequences that agree."""
    model, logits, targets, lengths, borders = case
    total = 0.0
    for rows, known, length, border in zip(logits, targets, lengths, borders, strict=True):
        if length:
            first, last = border.tolist()
            weights = weights_of(rows[:length].numpy(), (first, last), model, free=free)
            agree = [
                weight
                for tags, weight in weights.items()
                if all(told in (UNKNOWN, tag) for told, tag in zip(known.tolist(), tags))  # noqa: B905
            ]
            total += log_sum(list(weights.values())) - log_sum(agree)
    return total


@given(cases(), st.booleans())
def test_the_loss_is_that_of_all_sequences(case: Case, free: bool) -> None:
    model, logits, targets, lengths, borders = case
    pairs = PairScores(model)
    if free:  # of the scheme
        pairs._forbidden.zero_()
    loss = sequence_loss(logits, targets, lengths, borders, pairs.double()())
    # of scores in single precision
    assert loss.item() == pytest.approx(by_hand(case, free=free), abs=1e-5)


@settings(max_examples=10)
@given(cases())
def test_the_gradient_is_that_of_differences(case: Case) -> None:
    model, logits, targets, lengths, borders = case
    pairs = PairScores(model).double()
    names = [name for name, _ in pairs.named_parameters()]

    def loss(values: torch.Tensor, *scores: torch.Tensor) -> torch.Tensor:
        given_scores = dict(zip(names, scores, strict=True))
        table: torch.Tensor = torch.func.functional_call(pairs, given_scores, ())
        return sequence_loss(values, targets, lengths, borders, table)

    inputs = [logits, *(each.detach() for each in pairs.parameters())]
    values = [each.clone().requires_grad_() for each in inputs]
    assert torch.autograd.gradcheck(loss, values, fast_mode=True)


@given(cases())
def test_words_without_transitions_have_the_loss_of_a_plain_head(case: Case) -> None:
    model, logits, targets, lengths, borders = case
    nothing = torch.zeros(len(model.tags) + 1, len(model.tags) + 1, dtype=torch.float64)
    loss = sequence_loss(logits, targets, lengths, borders, nothing)
    plain = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=UNKNOWN, reduction="sum"
    )
    assert loss.item() == pytest.approx(plain.item(), abs=1e-9)


@given(cases())
def test_the_gradient_is_the_decoders_probability_minus_the_gold(case: Case) -> None:
    model, logits, targets, lengths, borders = case
    values = logits.clone().requires_grad_()
    sequence_loss(values, targets, lengths, borders, fixed_pairs(model).double()).backward()
    decoder = Decoder(model.tags, model.scheme, learned=model.learned)
    outside = model.tags.index("O")
    assert values.grad is not None
    for row, length in enumerate(lengths.tolist()):
        if (targets[row, :length] < 0).any() or not borders[row].all():
            continue  # the gold is a mean of sequences, or the text goes on
        (posterior,) = decoder.posteriors(logits[row, :length].numpy(), [length])
        for word in range(length):
            gold = float(targets[row, word] == outside)
            expected = values.grad[row, word, outside].item() + gold
            assert posterior.nothing(word, word + 1) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_the_loss_weighs_sequences_and_single_words(weight: float) -> None:
    model = settings_with(TagScheme.IOB2, ("a", "b"), 1)
    logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(2))
    batch = {
        "labels": torch.tensor([[0, 1, 2], [0, UNKNOWN, 0]]),
        "sequences": torch.tensor([[0, 1, 2], [3, 4, 5]]),
        "lengths": torch.tensor([3, 3]),
        "borders": torch.ones(2, 2),
    }
    head, outputs = TagHead(model), {"logits": logits, "pairs": PairScores(model)()}
    found = GoldLoss(head, 0.0, None, weight)(outputs, batch)
    sequences = gold_loss(head, logits, batch, outputs["pairs"])
    words = gold_loss(head, logits, batch, None)
    assert found.item() == pytest.approx((weight * sequences + (1 - weight) * words).item())
    assert abs(sequences.item() - words.item()) > 0.1


def test_half_precision_of_the_model_does_not_reach_the_sums() -> None:
    model = settings_with(TagScheme.IOB2, ("a", "b"), 1)
    logits = torch.randn(4, 200, 5, generator=torch.Generator().manual_seed(1)).bfloat16()
    targets = torch.zeros(4, 200, dtype=torch.int64)
    others = targets, torch.tensor([200, 150, 9, 0]), torch.ones(4, 2)
    pairs = PairScores(model)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        table = pairs()
        loss = sequence_loss(logits, *others, table)
    assert (table.dtype, loss.dtype) == (torch.float32, torch.float32)
    exact = sequence_loss(logits.double(), *others, table.double())
    assert loss.item() == pytest.approx(exact.item(), rel=1e-5)


def test_the_scores_are_those_of_crfsuite(tmp_path: Path) -> None:
    """CRFsuite (Okazaki, 2007) trains a model of the same kind by another program."""
    model = ModelSettings(TagScheme.IOB2.tags(("a", "b")), TagScheme.IOB2)
    chance = np.random.default_rng(3)
    sentences = [chance.random((length, 3)) for length in chance.integers(1, 9, 40)]
    golds = [chance.integers(0, 5, len(rows)) for rows in sentences]

    def features(rows: FloatArray) -> list[dict[str, float]]:
        named = [{f"f{n}": float(value) for n, value in enumerate(row)} for row in rows]
        named[0]["start"] = named[-1]["end"] = 1.0  # CRFsuite has no scores of its own for them
        return named

    trainer = pycrfsuite.Trainer(
        algorithm="lbfgs",
        params={
            "c1": 0.0,
            "c2": 0.05,
            "epsilon": 1e-9,
            "feature.possible_states": True,
            "feature.possible_transitions": True,
        },
        verbose=False,
    )
    for rows, gold in zip(sentences, golds, strict=True):
        trainer.append(features(rows), [model.tags[tag] for tag in gold])
    trainer.train(str(tmp_path / "model"))
    tagger = pycrfsuite.Tagger()
    tagger.open(str(tmp_path / "model"))
    info = tagger.info()

    def states(name: str) -> list[float]:
        return [info.state_features.get((name, tag), 0.0) for tag in model.tags]

    learned = TransitionScores.from_dict(
        {
            "between": [
                [info.transitions.get((before, tag), 0.0) for tag in model.tags]
                for before in model.tags
            ],
            "start": states("start"),
            "end": states("end"),
        }
    )
    weights = torch.tensor([states(f"f{n}") for n in range(3)], dtype=torch.float64)
    pairs = torch.zeros(6, 6, dtype=torch.float64)
    pairs[:5, :5] = torch.tensor(learned.between)
    pairs[5, :5], pairs[:5, 5] = torch.tensor(learned.start), torch.tensor(learned.end)
    parameters = [weights.requires_grad_(), pairs.requires_grad_()]
    decoder = Decoder(model.tags, model.scheme, constrained=False, learned=learned)
    total = torch.zeros((), dtype=torch.float64)
    for rows, gold in zip(sentences, golds, strict=True):
        logits = torch.from_numpy(rows) @ weights
        one = torch.ones(1, 2), pairs
        loss = sequence_loss(
            logits[None], torch.from_numpy(gold)[None], torch.tensor([len(rows)]), *one
        )
        tagger.set(features(rows))  # its own numbers are shown to six places
        told = tagger.probability([model.tags[tag] for tag in gold])
        assert loss.item() == pytest.approx(-math.log(told), abs=1e-4)
        (grad,) = torch.autograd.grad(loss, logits, retain_graph=True)
        marginals = grad + torch.nn.functional.one_hot(torch.from_numpy(gold), 5)
        theirs = [[tagger.marginal(tag, word) for tag in model.tags] for word in range(len(rows))]
        assert marginals.numpy() == pytest.approx(np.array(theirs), abs=1e-4)
        best = decoder.best_tags(logits.detach().numpy(), [len(rows)])
        assert [model.tags[tag] for tag in best] == tagger.tag()
        total = total + loss
    # where it ends, the gradient of our loss is that of its penalty, -2 · c2 · weight
    for values, grad in zip(parameters, torch.autograd.grad(total, parameters), strict=True):
        assert (grad + 2 * 0.05 * values).abs().max().item() < 0.01


def test_documents_of_very_different_lengths_are_scored_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = settings_with(TagScheme.BIOES, ("a",), 4)
    lengths = [3, 0, 40, 1, 7]
    chance = torch.Generator().manual_seed(4)
    logits = torch.randn(sum(lengths), 5, generator=chance)
    targets = torch.full((sum(lengths),), model.tags.index("O"))
    targets[5] = UNKNOWN
    together = documents_loss(logits, targets, lengths, model)
    monkeypatch.setattr("nerine.training.crf._GROUP_WORDS", 8)
    assert documents_loss(logits, targets, lengths, model) == pytest.approx(together)
    parts = zip(logits.split(lengths), targets.split(lengths), lengths, strict=True)
    each = [documents_loss(rows, tags, [length], model) for rows, tags, length in parts]
    assert sum(each) == pytest.approx(together)


# --- the words of windows


TOKENIZER = make_tokenizer("bert")


@given(st.lists(documents(tokens=False), max_size=3))
def test_each_word_of_a_document_is_in_one_sequence(given_documents: list[Document]) -> None:
    model = settings_with(TagScheme.IOB2, ("person",), 5)
    encoder = Encoder(TOKENIZER, words="rule", max_length=6, overlap=1)
    plain = [
        Document("Mira left Lisbon \u200b and Oslo so early"),
        *(Document(each.text) for each in given_documents),
    ]
    examples = make_examples(plain, encoder, TagHead(model))
    windows, encoding = examples.windows, examples.windows.encoding
    batch = Collator(examples, 0, sequences=True)(range(len(examples)))
    starts = encoding.word_starts
    sequences = [
        row[:length].tolist()
        for row, length in zip(batch["sequences"], batch["lengths"].tolist(), strict=True)
    ]
    for document in set(windows.documents.tolist()):
        own = np.flatnonzero(windows.documents == document)
        words = slice(*encoding.word_splits[[document, document + 1]])
        places = [place for window in own for place in sequences[window]]
        assert [place >= 0 for place in places] == (starts[words] >= 0).tolist()
        assert batch["borders"][own].tolist() == [
            [int(window == own[0]), int(window == own[-1])] for window in own
        ]
    flat = [place for sequence in sequences for place in sequence if place >= 0]
    seen = batch["labels"].flatten() >= 0
    assert flat == torch.flatten(seen.nonzero()).tolist()
    begins = [sequence[0] >= 0 for sequence in sequences]
    assert all(begin or first for begin, first in zip(begins, batch["borders"][:, 0], strict=True))


def test_a_share_without_an_example_has_no_loss_but_a_gradient() -> None:
    model = settings_with(TagScheme.IOB2, ("person",), 5)
    encoder = Encoder(TOKENIZER, words="rule", max_length=16, overlap=1)
    head = TagHead(model)
    examples = make_examples([Document("Mira left")], encoder, head)
    batch = Collator(examples, 0, sequences=True)([NO_EXAMPLE])
    pairs = PairScores(model)
    logits = torch.randn(*batch["input_ids"].shape, 3, requires_grad=True)
    loss = gold_loss(head, logits, batch, pairs())
    loss.backward()
    assert loss.item() == 0
    for values in (logits, *pairs.parameters()):
        assert values.grad is not None
        assert values.grad.abs().max() == 0


def test_a_blind_word_may_have_any_tag_and_has_the_decoders_logits() -> None:
    model = settings_with(TagScheme.IOB2, ("person",), 6)
    encoder = Encoder(TOKENIZER, words="rule", max_length=16, overlap=1)
    head = TagHead(model)
    examples = make_examples([Document("Mira \u200b left")], encoder, head)
    batch = Collator(examples, 0, sequences=True)([0])
    assert batch["lengths"].tolist() == [3]
    logits = torch.randn(*batch["input_ids"].shape, 3)
    first, blind, last = batch["sequences"][0].tolist()
    assert blind == -1
    rows = torch.stack([logits[0, first], torch.from_numpy(head.blind_logits), logits[0, last]])
    no_entity = head.no_entity
    expected = documents_loss(rows, torch.tensor([no_entity, UNKNOWN, no_entity]), [3], model)
    loss = gold_loss(head, logits, batch, fixed_pairs(model))
    assert loss.item() == pytest.approx(expected, abs=1e-5)
