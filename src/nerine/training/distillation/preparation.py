"""What a student learns from, and its settings: all that is known before its run begins."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nerine.core.display import counted
from nerine.core.document import Document, count_entities
from nerine.core.errors import SettingsError
from nerine.data.corpus import Corpus
from nerine.data.near_duplicates import near_duplicates
from nerine.model.backends.pytorch import default_device
from nerine.model.encoding import Encoder
from nerine.model.heads import TagHead
from nerine.model.loading.checkpoint import Checkpoint
from nerine.model.loading.pretrained import width_of
from nerine.training.batches import Batches, DrawnBatches, WithoutContext, batches_of
from nerine.training.crf import zero_scores
from nerine.training.dataset import Examples, context_notes, make_examples
from nerine.training.distillation.settings import DistillationSettings
from nerine.training.distillation.student import (
    count_layers,
    encoder_student,
    lowest_layers,
    make_student,
)
from nerine.training.distillation.teachers import (
    Teacher,
    Teaching,
    one_teacher,
    run_on_batches,
)
from nerine.training.held_out import check_labels, with_validation
from nerine.training.initialization import learning_rate_for
from nerine.training.plan import (
    Choice,
    Facts,
    choose_precision,
    choose_settings,
    choose_transitions,
    has_bfloat16,
)
from nerine.training.settings import check_crf

_SMALL_TEACHER_RATE, _BASE_TEACHER_RATE = 4e-4, 1e-4
_PASSES = 7
_SCORED = ("validation", "test")
_NOT_REPLACED = (
    "words are masked, but not replaced: the teachers cannot be run on the student's subwords, so "
    "they have labelled each text once, as it is"
)


@dataclass(frozen=True, slots=True)
class Preparation:
    """A student before its training, and what it learns from.

    Attributes:
        settings: The settings, with what was open chosen.
        student: The student with its initial weights.
        corpus: The corpus, with a validation split.
        texts: The unlabelled texts that are learned from.
        left_out: How many were left out, as near duplicates of each split.
        examples: The windows of the training split, then of these texts.
        batches: The windows of each pass.
        teaching: The teachers as they are run on batches; None if what they say of the texts is
            kept instead.
        layers: The number of layers that the student's were chosen from, None if none were.
        notes: Notes for the user on the corpus and the plan.
        text_notes: Those on the unlabelled texts.
    """

    settings: DistillationSettings
    student: Checkpoint
    corpus: Corpus
    texts: Sequence[Document]
    left_out: dict[str, int]
    examples: Examples
    batches: Batches
    teaching: Teaching | None
    layers: int | None
    notes: tuple[str, ...]
    text_notes: tuple[str, ...]

    @property
    def documents(self) -> list[Document]:
        """All documents that are learned from, in the order of the examples."""
        return [*self.corpus.train, *self.texts]


def prepare(
    corpus: Corpus,
    teachers: Sequence[Teacher],
    settings: DistillationSettings,
    given: Sequence[Document],
) -> Preparation:
    """The student, its texts and its settings. Raises the errors of `distill`.

    `given` are the unlabelled texts.
    """
    settings, student, layers = _student(teachers, settings)
    settings, student, choices = _transitions(settings, student, alone=len(teachers) == 1)
    notes: list[str] = []
    context = student.settings.context
    corpus = with_validation(corpus, settings, notes, context)
    notes += [*check_labels(corpus), *context_notes(corpus.train, context)]
    texts, left_out = without_near_duplicates(corpus, given, settings)
    teaching = _online(teachers, student, settings)
    if teaching is None and settings.replacing:
        settings = dataclasses.replace(settings, replacing=0.0)
        notes.append(_NOT_REPLACED)
    encoder = Encoder.of(student.tokenizer, student.settings)
    examples = make_examples(corpus.train, encoder, TagHead(student.settings), texts)
    batches = _batches(examples, len(corpus.train), settings)
    if settings.encoder is not None:
        facts = _facts(corpus, student, encoder, examples, batches)
        settings, planned = choose_settings(settings, facts)
    else:
        settings, planned = choose_precision(settings, bfloat16=has_bfloat16(default_device()))
    choices += planned
    notes += [f"{each.name}: {each.value} ({each.reason})" for each in choices]
    if examples.windows.lefts is not None:
        batches = WithoutContext(batches, len(examples.windows), settings.seed)
    return Preparation(
        settings=settings,
        student=student,
        corpus=corpus,
        texts=texts,
        left_out=left_out,
        examples=examples,
        batches=batches,
        teaching=teaching,
        layers=layers,
        notes=tuple(notes),
        text_notes=tuple(text_notes(corpus, texts, left_out)),
    )


def _online(
    teachers: Sequence[Teacher], student: Checkpoint, settings: DistillationSettings
) -> Teaching | None:
    """The teachers on the student's batches. A single one whose layers it has always can be."""
    if len(teachers) == 1 and settings.encoder is None:
        return one_teacher(teachers[0])
    return run_on_batches(teachers, student)


def without_near_duplicates(
    corpus: Corpus, texts: Sequence[Document], settings: DistillationSettings
) -> tuple[Sequence[Document], dict[str, int]]:
    """The texts but those that are equal or nearly equal to one of the validation or test split.

    Also how many there are of each split. All texts stay if the settings say so.
    """
    left_out: dict[str, int] = {}
    if not settings.drop_near_duplicates or not texts:
        return texts, left_out
    dropped: set[int] = set()
    for name in _SCORED:
        split = corpus.splits.get(name, ())
        own = near_duplicates((each.text for each in texts), of=(each.text for each in split))
        left_out |= {name: len(own)} if own else {}
        dropped |= {*own}
    return [text for index, text in enumerate(texts) if index not in dropped], left_out


def text_notes(corpus: Corpus, texts: Sequence[Document], left_out: dict[str, int]) -> list[str]:
    """Notes on texts that were left out, and on scored ones that are learned from."""
    notes = [
        f"{counted(count, 'unlabelled text')} left out: equal or nearly equal to a text of the "
        f"{name} split"
        for name, count in left_out.items()
    ]
    unlabelled = {document.text for document in texts}
    for name in _SCORED:
        split = corpus.splits.get(name, ())
        count = sum(document.text in unlabelled for document in split) if unlabelled else 0
        if count:
            notes.append(
                f"{counted(count, 'text')} of the {name} split also unlabelled: scores on this "
                "split will be too high"
            )
    return notes


def _student(
    teachers: Sequence[Teacher], settings: DistillationSettings
) -> tuple[DistillationSettings, Checkpoint, int | None]:
    """The settings with the layers filled in, and the student with its initial weights.

    Also the number of layers that its own were chosen from, None if it has all of its encoder.
    """
    first = teachers[0].checkpoint
    if settings.encoder is not None:
        student, layers = encoder_student(first.settings, settings)
        if layers is None:
            return settings, student, None
        kept = settings.keep_layers or tuple(range(settings.layers or layers))
        return dataclasses.replace(settings, layers=len(kept), keep_layers=kept), student, layers
    settings = _resolve(settings, first)
    if len(teachers) > 1:  # they teach the probabilities of tags, which need no scores of pairs
        own = dataclasses.replace(first.settings, transitions=None)
        first = dataclasses.replace(first, settings=own)
    return settings, make_student(first, settings.keep_layers), count_layers(first.model)


def _transitions(
    settings: DistillationSettings, student: Checkpoint, *, alone: bool
) -> tuple[DistillationSettings, Checkpoint, tuple[Choice, ...]]:
    """The student with the scores of pairs that it begins with, if it learns some.

    One made of layers of a single teacher (`alone`) keeps its teacher's, unless the settings say
    otherwise.
    """
    own = student.settings
    check_crf(settings, own.decoding)
    if settings.crf is None and settings.encoder is None and alone:
        if settings.crf_learning_rate is not None:
            raise SettingsError(
                "a learning rate for a CRF, but a student of one teacher's layers keeps its scores",
                place="crf_learning_rate",
                expected="crf = true as well (--crf), or no such rate",
            )
        return settings, student, ()
    settings, choices = choose_transitions(settings, own.decoding, len(own.tags))
    scores = own.transitions or zero_scores(len(own.tags))
    own = dataclasses.replace(own, transitions=scores if settings.crf else None)
    return settings, dataclasses.replace(student, settings=own), choices


def _resolve(settings: DistillationSettings, teacher: Checkpoint) -> DistillationSettings:
    """The settings with the layers, the passes and the learning rate filled in."""
    layers = count_layers(teacher.model)
    keep = settings.keep_layers or lowest_layers(settings.layers or max(1, layers // 2), layers)
    if keep[-1] >= layers or len(keep) == layers:
        raise SettingsError(
            f"layers {', '.join(map(str, keep))} of a teacher that has {layers}",
            place="keep_layers" if settings.keep_layers else "layers",
            expected=f"fewer than {layers} of the layers 0 to {layers - 1}",
        )
    rate, epochs = settings.learning_rate, settings.epochs
    decay = 1.0 if settings.layer_decay is None else settings.layer_decay
    if rate is None:
        width = width_of(teacher.model.config)
        rate = learning_rate_for(width, small=_SMALL_TEACHER_RATE, base=_BASE_TEACHER_RATE)
    if settings.steps is None and epochs is None:
        epochs = _PASSES
    return dataclasses.replace(
        settings,
        layers=len(keep),
        keep_layers=tuple(keep),
        learning_rate=rate,
        layer_decay=decay,
        epochs=epochs,
    )


def _batches(examples: Examples, labelled: int, settings: DistillationSettings) -> Batches:
    """The batches of all windows, or of so many unlabelled ones for each other as is set."""
    lengths = examples.windows.lengths
    gold = int((examples.windows.documents < labelled).sum())
    share = settings.unlabelled_per_gold
    drawn = len(lengths) - gold if share is None else max(1, round(share * gold))
    if drawn >= len(lengths) - gold:
        return batches_of(lengths, settings)
    return DrawnBatches(lengths, gold, drawn, settings)


def _facts(
    corpus: Corpus, student: Checkpoint, encoder: Encoder, examples: Examples, batches: Batches
) -> Facts:
    """What the plan of a student with its own encoder depends on; a pass has texts of all kinds."""
    windows = examples.windows
    indices = [index for batch in batches for index in batch]
    entities = count_entities(corpus.train)
    texts = Counter(document.text for document in corpus.train)
    documents = windows.documents[indices]
    validation = encoder.windows(encoder.encode(corpus.validation))
    return Facts(
        documents=len({*documents.tolist()}),
        words=len(windows.encoding.word_starts),
        entities={label: entities[label] for label in corpus.labels},
        windows=len(indices),
        subwords=int(windows.lengths[indices].sum()),
        long=sum(count > 1 for count in Counter(windows.documents.tolist()).values()),
        repeated=len(corpus.train) - len(texts),
        validation_documents=len(corpus.validation),
        validation_entities=sum(len(each.entities) for each in corpus.validation),
        validation_subwords=int(validation.lengths.sum()),
        width=width_of(student.model.config),
        batches=len(batches),
        bfloat16=has_bfloat16(default_device()),
    )
