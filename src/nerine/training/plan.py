"""The plan of a training run: what the user did not set, from the corpus and the encoder.

The rules were chosen on five corpora by their validation splits; `docs/trials.md` has the protocol
and every trial.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from nerine.core.arguments import checked
from nerine.core.document import Document, count_entities
from nerine.core.files import write_text
from nerine.core.tags import TagScheme
from nerine.core.words import cut_words
from nerine.data.corpus import Corpus
from nerine.data.corpus.given import CorpusLike, as_corpus
from nerine.data.formats.overlaps import check_flat
from nerine.model.backends.hardware import multiplies_bfloat16
from nerine.model.backends.pytorch import default_device
from nerine.model.batching import BudgetSampler
from nerine.model.encoding import Encoder
from nerine.model.loading.pretrained import encoder_width, load_tokenizer
from nerine.model.settings import Decoding
from nerine.training.case_marks import with_case_marks
from nerine.training.dataset import context_notes
from nerine.training.held_out import check_labels, held_out_share, with_validation
from nerine.training.initialization import MIXED, learning_rate_for
from nerine.training.lora import check_lora
from nerine.training.settings import LAYER_DECAY, RunSettings, TrainingSettings

_Settings = TypeVar("_Settings", bound=RunSettings)

PLAN_FILE = "plan.json"

_SMALL_ENCODER_RATE, _BASE_ENCODER_RATE = 4e-4, 1e-4

_LORA_FACTOR = 5
"""How much higher the learning rate is for LoRA, whose updates are small at first."""

# The learning rate falls above `_MUCH` subwords of the training split, down to a half.
_MUCH, _FALL, _LEAST_PART = 32_000, 0.6, 0.5

# Passes over the training split: `_PASSES` at `_SIZE` subwords, more over fewer.
_PASSES, _SIZE, _EXPONENT = 5, 186_000, 0.63
_FEWEST_PASSES, _MOST_PASSES = 3, 80
_FEWEST_STEPS = 200

_VALIDATIONS = 10
_VALIDATION_SHARE = 0.09
"""Time that the validations of a run may take, as a share of that of its steps."""
_TRAINING_COST, _MIXED_TRAINING_COST = 3, 1.5
"""Cost of a subword in training, in fp32 and in mixed precision, by that of one in validation.

Validation is in fp32, so that it scores what users will get."""
_LEAST_SAMPLE, _LEAST_SAMPLED = 50, 2
_ENOUGH_WHOLE = 4
"""Validations of all documents that are enough without others of a sample."""

_MOST_TAGS = 65
"""Tags up to which a CRF is learned: the time for its pairs rises with their square."""

_MANY_CUT = 0.005
"""Share of entities inside words of the first rule from which on the second one is taken."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a plan depends on.

    Attributes:
        documents: Number of training documents.
        words: Number of their words.
        entities: Number of their entities with each label.
        windows: Number of their windows.
        subwords: Number of subwords in these windows.
        long: Number of documents that are longer than a window.
        repeated: Number of documents whose text occurs earlier in the training split.
        validation_documents: Number of validation documents.
        validation_entities: Number of their entities.
        validation_subwords: Number of subwords in their windows.
        width: Width of the encoder's hidden states.
        batches: Number of batches in a pass over the training split.
        bfloat16: Whether the device has instructions for bfloat16.
    """

    documents: int
    words: int
    entities: Mapping[str, int]
    windows: int
    subwords: int
    long: int
    repeated: int
    validation_documents: int
    validation_entities: int
    validation_subwords: int
    width: int
    batches: int
    bfloat16: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision of a plan.

    Attributes:
        name: What is decided, such as `steps`.
        value: The decision, for the user.
        reason: The reason for it.
    """

    name: str
    value: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """The settings of a run, with the facts and the reasons that they follow from.

    Attributes:
        settings: The settings, with a number of steps or epochs and a learning rate.
        facts: What they were chosen from.
        choices: What was chosen and why; settings that the user gave are not among them.
        corpus: The corpus, with a validation split.
        given: The hash of the corpus before a validation split was held out.
        notes: Notes for the user on the corpus.
    """

    settings: TrainingSettings
    facts: Facts
    choices: tuple[Choice, ...]
    corpus: Corpus
    given: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """A line for each choice."""
        wide = max((len(choice.name) for choice in self.choices), default=0)
        return "\n".join(
            f"{choice.name:{wide}}  {choice.value} ({choice.reason})" for choice in self.choices
        )

    def to_dict(self) -> dict[str, Any]:
        """The facts, choices and settings for JSON."""
        return {
            "facts": asdict(self.facts),
            "choices": [asdict(choice) for choice in self.choices],
            "settings": self.settings.to_dict(),
        }

    def save(self, folder: Path) -> None:
        """Writes `plan.json` into a run's folder."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False)
        write_text(folder / PLAN_FILE, f"{text}\n")


@checked
def plan_training(corpus: CorpusLike, settings: TrainingSettings | None = None) -> Plan:
    """The plan of `train` for a corpus: the settings that are given, and the others chosen.

    If the corpus has no validation split, some training documents are held out as one.

    Args:
        corpus: The corpus, or what `load_corpus` loads: a folder, a file, "sample", a hub id.
        settings: The settings; those that are None are chosen.

    Raises:
        ArgumentError: If an argument has another type.
        TrainingError: If training has no entities.
        OverlapError: If entities of the training or the validation split overlap.
        CorpusError: If the corpus has no training split, or it cannot be divided.
        CheckpointError: If the encoder is not found or cannot be used.
        EncodingError: If the tokenizer gives no character offsets.
        HubError: If the encoder cannot be reached.
        MissingExtraError: If the encoder's package is not installed.
    """
    corpus = as_corpus(corpus)
    settings = settings or TrainingSettings()
    given = corpus.hash
    notes: list[str] = []
    if "validation" not in corpus.splits and settings.validation_fraction is None:
        settings = replace(settings, validation_fraction=held_out_share(len(corpus.train)))
    corpus = with_validation(corpus, settings, notes, settings.context)
    notes += check_labels(corpus)
    notes += context_notes(corpus.train, settings.context, corpus.source)
    documents = itertools.chain(corpus.train, corpus.validation)
    check_flat(documents, "training with one tag a word", corpus.source)
    settings, words = _words(corpus, settings, notes)
    tags = len(TagScheme.named(settings.scheme).tags(corpus.labels))
    settings, transitions = choose_transitions(settings, settings.decoding, tags)
    facts = _facts(corpus, settings)
    check_lora(settings, facts.width)
    chosen, choices = choose_settings(settings, facts)
    return Plan(chosen, facts, (*words, *transitions, *choices), corpus, given, tuple(notes))


def choose_settings(settings: _Settings, facts: Facts) -> tuple[_Settings, tuple[Choice, ...]]:
    """The settings with those that are None chosen from `facts`, and what was chosen."""
    choices: list[Choice] = []
    if settings.layer_decay is None:
        settings = replace(settings, layer_decay=LAYER_DECAY)
    if settings.learning_rate is None:
        settings, choice = _learning_rate(settings, facts)
        choices.append(choice)
    settings, precision = choose_precision(settings, bfloat16=facts.bfloat16)
    choices += precision
    if settings.steps is None and settings.epochs is None:
        settings, choice = _steps(settings, facts)
        choices.append(choice)
    if settings.steps is not None and settings.validate_every is None:
        settings, choice = _validations(settings, facts)
        choices.append(choice)
    return settings, tuple(choices)


def _words(
    corpus: Corpus, settings: TrainingSettings, notes: list[str]
) -> tuple[TrainingSettings, tuple[Choice, ...]]:
    """The settings with the rule whose words the corpus's entities cut least.

    Adds a note if the user has chosen the coarser one.
    """
    if settings.words not in (None, "rule"):
        return settings, ()
    documents = (*corpus.train, *corpus.validation)
    entities = sum(len(document.entities) for document in documents)
    cut = sum(len(cut_words(document)) for document in documents)
    finer = sum(len(cut_words(document, "rule-2")) for document in documents) if cut else 0
    found = (
        f"{cut:,} of {entities:,} entities begin or end inside a word of rule, {finer:,} of rule-2"
    )
    if settings.words == "rule":
        notes += [f"{found}: --words rule-2 divides words there"] if finer < cut else []
        return settings, ()
    if finer == cut or cut < _MANY_CUT * entities:
        return replace(settings, words="rule"), ()
    return replace(settings, words="rule-2"), (Choice("words", "rule-2", found),)


def choose_transitions(
    settings: _Settings, decoding: Decoding, tags: int
) -> tuple[_Settings, tuple[Choice, ...]]:
    """The settings with a CRF if decoding uses one and the tags have few pairs."""
    if settings.crf is not None:
        return settings, ()
    if decoding != "viterbi":
        return replace(settings, crf=False), ()
    learned = tags <= _MOST_TAGS or settings.crf_learning_rate is not None
    reason = "decoding weighs neighbouring tags" if learned else "their pairs would take long"
    value = "learned" if learned else "not learned"
    return replace(settings, crf=learned), (Choice("transitions", value, f"{tags} tags; {reason}"),)


def _facts(corpus: Corpus, settings: TrainingSettings) -> Facts:
    tokenizer, longest = load_tokenizer(settings.encoder, revision=settings.revision)
    if settings.case_marks:
        tokenizer = with_case_marks(tokenizer)
    sizes = settings.window_sizes(longest)
    context = settings.context
    encoder = Encoder(tokenizer, words=settings.words or "rule", **sizes, context=context)
    encoding = encoder.encode(corpus.train)
    seen = encoder.windows(encoding)
    windows = seen.without_context()  # what a corpus can teach grows with its own subwords
    texts = Counter(document.text for document in corpus.train)
    entities = count_entities(corpus.train)
    return Facts(
        documents=len(corpus.train),
        words=len(encoding.word_starts),
        entities={label: entities[label] for label in corpus.labels},
        windows=len(windows),
        subwords=int(windows.lengths.sum()),
        long=sum(count > 1 for count in Counter(windows.documents.tolist()).values()),
        repeated=len(corpus.train) - len(texts),
        validation_documents=len(corpus.validation),
        validation_entities=sum(len(each.entities) for each in corpus.validation),
        validation_subwords=_subwords(encoder, corpus.validation),
        width=encoder_width(settings.encoder, revision=settings.revision),
        batches=_batches(seen.lengths.tolist(), settings),
        bfloat16=has_bfloat16(default_device()),
    )


def _subwords(encoder: Encoder, documents: Sequence[Document]) -> int:
    """The number of subwords in the documents' windows, without context."""
    windows = encoder.windows(encoder.encode(documents)).without_context()
    return int(windows.lengths.sum())


def has_bfloat16(device: str) -> bool:
    """Whether a device has instructions for bfloat16."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device == "cpu" and multiplies_bfloat16()


def _batches(lengths: list[int], settings: RunSettings) -> int:
    """The number of steps of the optimizer in a pass over windows of these lengths."""
    if not lengths:
        return 0
    batches = math.ceil(len(lengths) / settings.batch_size)
    if settings.batching == "budget":
        sampler = BudgetSampler(
            lengths, batch_size=settings.batch_size, token_budget=settings.token_budget, seed=0
        )
        batches = len(sampler)
    return math.ceil(batches / settings.gradient_accumulation)


def _learning_rate(settings: _Settings, facts: Facts) -> tuple[_Settings, Choice]:
    """That of the encoder's size, lower for a large corpus, higher for LoRA."""
    whole = learning_rate_for(facts.width, small=_SMALL_ENCODER_RATE, base=_BASE_ENCODER_RATE)
    part = min(max((_MUCH / max(facts.subwords, 1)) ** _FALL, _LEAST_PART), 1)
    has_updates = isinstance(settings, TrainingSettings) and settings.lora_rank is not None
    factor = _LORA_FACTOR if has_updates else 1
    rate = float(f"{factor * part * whole:.2g}")
    reason = f"hidden states of width {facts.width}"
    if part < 1:
        reason += f", {facts.subwords:,} subwords; larger corpora need smaller steps"
    if factor > 1:
        reason += f"; {factor} times as high for LoRA, whose updates begin at zero"
    return replace(settings, learning_rate=rate), Choice("learning rate", f"{rate:g}", reason)


def choose_precision(
    settings: _Settings, *, bfloat16: bool
) -> tuple[_Settings, tuple[Choice, ...]]:
    """The settings with bf16 if the device has instructions for it, else with fp32."""
    if settings.precision is not None:
        return settings, ()
    if bfloat16:
        reason = "the device multiplies in bfloat16; weights and scores stay in fp32"
        return replace(settings, precision="bf16"), (Choice("precision", "bf16", reason),)
    reason = "the device has no instructions for bfloat16"
    return replace(settings, precision="fp32"), (Choice("precision", "fp32", reason),)


def _steps(settings: _Settings, facts: Facts) -> tuple[_Settings, Choice]:
    """Enough steps to learn from little text, and few passes over much."""
    passes = _PASSES * (_SIZE / max(facts.subwords, 1)) ** _EXPONENT
    passes = min(max(passes, _FEWEST_PASSES), _MOST_PASSES)
    steps = max(round(passes * facts.batches), _FEWEST_STEPS)
    passes = steps / max(facts.batches, 1)
    choice = Choice(
        "steps",
        f"{steps:,}, or {passes:.3g} passes",
        f"{facts.documents:,} training documents with {facts.subwords:,} subwords; smaller "
        "corpora need more passes",
    )
    return replace(settings, steps=steps), choice


def _validations(settings: _Settings, facts: Facts) -> tuple[_Settings, Choice]:
    """As many validations of all documents as the budget allows.

    If they are few, they are the last ones, after others of a sample.
    """
    steps = settings.steps or 1
    documents = max(facts.validation_documents, 1)
    passes = steps / max(facts.batches, 1)
    cost = max(facts.validation_subwords, 1) / documents  # of scoring a document
    training = _MIXED_TRAINING_COST if settings.precision in MIXED else _TRAINING_COST
    budget = int(_VALIDATION_SHARE * training * passes * facts.subwords / cost)
    allowed = min(budget // documents, _VALIDATIONS)
    if allowed < _ENOUGH_WHOLE:
        whole = max((budget - _LEAST_SAMPLED * _LEAST_SAMPLE) // documents, 1)
        left = budget - whole * documents
        sampled = min(max(left // _LEAST_SAMPLE, _LEAST_SAMPLED), _VALIDATIONS - whole)
        sample = max(left // sampled, _LEAST_SAMPLE)
        if sample < documents:
            every = math.ceil(steps / (whole + sampled))
            changed = replace(
                settings, validate_every=every, validation_sample=sample, whole_validations=whole
            )
            return changed, Choice(
                "validation",
                f"every {every} steps on {sample} documents, the last {whole} on all {documents:,}",
                f"about {_VALIDATION_SHARE:.0%} of the time of these steps",
            )
    every = math.ceil(steps / max(allowed, 1 + _LEAST_SAMPLED))
    return replace(settings, validate_every=every), Choice(
        "validation", f"every {every} steps", f"{documents:,} documents, few for this run"
    )
