"""Adaptation of an encoder to texts of the kind that it will read.

The encoder goes on learning to predict masked words, on raw text of the user's own kind, before it
is fine-tuned (Gururangan et al., 2020). The weights with the lowest loss on held-out texts are
kept.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from transformers import set_seed

from nerine.core.arguments import checked
from nerine.core.display import counted
from nerine.core.document import Document
from nerine.core.errors import NerineError
from nerine.core.filenames import RUN_FILE
from nerine.core.logs import log_notes
from nerine.data.corpus import Corpus
from nerine.data.corpus.given import CorpusLike, as_corpus
from nerine.data.near_duplicates import KnownTexts, Where
from nerine.model.backends.lean import WholeModel, takes_mask
from nerine.model.backends.pytorch import default_device
from nerine.model.encoding import Encoder
from nerine.model.loading.pretrained import (
    Pretrained,
    load_masked_language_model,
    longest_input,
    quiet,
    width_of,
)
from nerine.training.adaptation.loop import AdaptationTrainer, steps_of_pass
from nerine.training.adaptation.masking import Masking, MaskingCollator
from nerine.training.adaptation.measurements import (
    AdaptationListener,
    Measurement,
    Measuring,
    best_measurement,
)
from nerine.training.adaptation.prior import begin_with_frequencies
from nerine.training.adaptation.record import adaptation_record, encoder_hash, save_encoder
from nerine.training.adaptation.settings import AdaptationSettings
from nerine.training.adaptation.texts import (
    Division,
    InterruptedReadingError,
    Texts,
    read_texts,
    texts_folder,
)
from nerine.training.changes import AdaptationChanges
from nerine.training.initialization import learning_rate_for, usable_precision
from nerine.training.parallel.group import check_alone
from nerine.training.plan import has_bfloat16
from nerine.training.run import OpenRun, open_run

logger = logging.getLogger("nerine.adapt")

_SMALL_RATE, _BASE_RATE = 5e-4, 1e-4
_PASSES = 3
_MEASUREMENTS = 10


@dataclass(frozen=True, slots=True)
class AdaptationRun:
    """The result of `adapt`.

    Attributes:
        folder: The run's folder, with the encoder.
        measurements: The held-out losses, the first one before the first step.
        texts: The number of texts that were read, those left out and blank ones apart.
        held_out: The number of different texts among them on which the loss is measured.
        left_out: The number of texts that were left out, as they are like texts to keep clear of.
        notes: Notes for the user on the run and its texts.
        interrupted: The name of the signal that ended the run early; None if it ended normally.
    """

    folder: Path
    measurements: tuple[Measurement, ...]
    texts: int = 0
    held_out: int = 0
    left_out: int = 0
    notes: tuple[str, ...] = ()
    interrupted: str | None = None

    @property
    def before(self) -> Measurement:
        """The measurement before the first step."""
        return self.measurements[0]

    @property
    def best(self) -> Measurement:
        """The measurement with the lowest held-out loss, whose weights are kept."""
        return best_measurement(self.measurements)

    @property
    def learned_nothing(self) -> bool:
        """Whether the held-out loss never fell, so that the encoder is as it was."""
        return self.best.step == 0

    def to_dict(self) -> dict[str, Any]:
        """The run for JSON."""
        ended = self.interrupted is None
        return {
            "encoder": str(self.folder) if ended else None,
            "texts": self.texts,
            "held_out": self.held_out,
            "left_out": self.left_out,
            "best": self.best.step if ended else None,
            "measurements": [each.to_dict() for each in self.measurements],
            "learned_nothing": self.learned_nothing if ended else None,
            "notes": list(self.notes),
            "interrupted": self.interrupted,
        }


@checked
def adapt(
    encoder: str | Path,
    texts: Iterable[str | Document],
    *,
    output: str | Path,
    settings: AdaptationSettings | None = None,
    without: Sequence[CorpusLike] = (),
    left_out: str | Path | None = None,
    resume: bool = False,
    listener: AdaptationListener | None = None,
    **changes: Unpack[AdaptationChanges],
) -> AdaptationRun:
    """Trains an encoder on raw texts to predict masked words; keeps the lowest held-out loss.

    `train` then goes on from the folder, as its `encoder`. The folder holds a plain checkpoint of
    transformers, with its masked-language head, so that it can be adapted further.

    Args:
        encoder: A folder, a hub id, or `package:NAME`.
        texts: The texts, which are read once and not kept in memory; labels have no effect.
        output: The run's folder, in which the encoder is written.
        settings: The settings; by default `AdaptationSettings()`.
        without: Corpora to keep clear of: texts that are the same as one of their validation and
            test texts, or nearly, are left out. If a corpus has neither split, all of it counts.
        left_out: A file for the texts that are left out, as JSON lines.
        resume: Whether to resume from the last complete state in `output`, with the same texts.
        listener: Receives the progress.
        changes: Settings by name that replace those in `settings`, such as `epochs=1`.

    Returns:
        The run's folder, losses and notes.

    Raises:
        ArgumentError: If an argument has another type.
        TrainingError: If the run cannot start or resume, there are too few texts, or the loss is
            not finite.
        SettingsError: If a setting is unknown or has an invalid value.
        CheckpointError: If the encoder is not found, or cannot be trained in this way.
        DocumentError: If an item of `texts` is not a text.
        CorpusError: If a corpus to keep clear of is not found or empty.
        EncodingError: If the tokenizer gives no character offsets.
        HubError: If the encoder or a corpus cannot be reached.
        MissingExtraError: If the encoder's package is not installed.
    """
    check_alone()
    settings = (settings or AdaptationSettings()).changed(changes)
    set_seed(settings.seed)
    with quiet():
        loaded = load_masked_language_model(str(encoder), revision=settings.revision)
    corpora = [as_corpus(each) for each in without]
    conditions = {
        "encoder": encoder_hash(loaded.source),
        "corpora to keep clear of": [each.hash for each in corpora],
        "settings": settings.to_dict(),
    }
    path = None if left_out is None else Path(left_out)
    with open_run(output, conditions, resume=resume) as run:
        try:
            read = _read(texts, loaded, settings, run, corpora, path)
            division = read.held_out(settings.held_out)
        except InterruptedReadingError:
            return AdaptationRun(run.states.run, (), interrupted=run.interruption.received)
        except NerineError:
            if not resume:  # so that the folder can be used again
                shutil.rmtree(texts_folder(run.states.run), ignore_errors=True)
                (run.states.run / RUN_FILE).unlink()
            raise
        settings = _planned(settings, loaded, read, division, run.notes)
        trainer = _trainer(loaded, settings, read, division, run, listener)
        trainer.train(resume_from_checkpoint=run.resume_from)
        return _finished(run, trainer, loaded, corpora)


def _read(
    texts: Iterable[str | Document],
    loaded: Pretrained,
    settings: AdaptationSettings,
    run: OpenRun,
    corpora: Sequence[Corpus],
    left_out: Path | None,
) -> Texts:
    """The texts, but for those to keep clear of; adds notes on them."""
    longest = longest_input(loaded.model, loaded.tokenizer)
    encoder = Encoder(
        loaded.tokenizer, words="rule", max_length=min(settings.max_length, longest), overlap=0
    )
    found = read_texts(
        texts,
        encoder,
        run.states.run,
        known=KnownTexts(_kept_clear_of(corpora)) if corpora else None,
        left_out=left_out,
        is_stopped=lambda: run.interruption.received is not None,
    )
    logger.info("read %d texts, %d windows", found.record["read"], len(found))
    if found.record["blank"]:
        run.notes.append(f"{counted(found.record['blank'], 'text')} without a word passed over")
    if corpora:
        left = counted(found.record["left_out"], "text")
        sources = " and ".join(each.source for each in corpora)
        run.notes.append(f"{left} left out, by their likeness to texts of {sources}")
    return found


def _kept_clear_of(corpora: Sequence[Corpus]) -> Iterable[tuple[Where, str]]:
    """The validation and test texts of each corpus, or all of one without these splits."""
    for corpus in corpora:
        judged = [name for name in ("validation", "test") if name in corpus.splits]
        for name in judged or corpus.splits:
            for index, document in enumerate(corpus.splits[name]):
                yield (f"{corpus.source}, {name}", index), document.text


def _planned(
    settings: AdaptationSettings,
    loaded: Pretrained,
    texts: Texts,
    division: Division,
    notes: list[str],
) -> AdaptationSettings:
    """The settings with all numbers filled in; adds notes."""
    rate, steps, every = settings.learning_rate, settings.steps, settings.validate_every
    if rate is None:
        width = width_of(loaded.model.config)
        rate = learning_rate_for(width, small=_SMALL_RATE, base=_BASE_RATE)
    if steps is None:
        steps = steps_of_pass(texts, division, settings) * (settings.epochs or _PASSES)
    if every is None:
        every = -(-steps // _MEASUREMENTS)
    precision = settings.precision or ("bf16" if has_bfloat16(default_device()) else "fp32")
    planned = dataclasses.replace(
        settings,
        learning_rate=rate,
        steps=steps,
        epochs=None,
        validate_every=every,
        precision=precision,
    )
    return usable_precision(loaded.model, planned, notes)


def _trainer(
    loaded: Pretrained,
    settings: AdaptationSettings,
    texts: Texts,
    division: Division,
    run: OpenRun,
    listener: AdaptationListener | None,
) -> AdaptationTrainer:
    if loaded.unlike:
        run.notes.append(
            "the encoder has no masked-language head, so that it begins with a new one: the first "
            "losses are those of the new head"
        )
        begin_with_frequencies(loaded.model, texts, division)
    collator = MaskingCollator(
        texts,
        Masking.of(loaded.tokenizer, settings.masking, settings.seed),
        loaded.tokenizer.pad_token_id or 0,
        WholeModel(loaded.model.eval()).batching.least_length,
        has_mask=takes_mask(loaded.model),
    )
    trainer = AdaptationTrainer(
        loaded.model,
        settings,
        collator=collator,
        division=division,
        states=run.states,
        callbacks=[Measuring(settings, listener), run.interruption],
    )
    trainer.args.eval_on_start = run.resume_from is None
    return trainer


def _finished(
    run: OpenRun, trainer: AdaptationTrainer, loaded: Pretrained, corpora: Sequence[Corpus]
) -> AdaptationRun:
    """The result, after the encoder is written, unless the run was interrupted."""
    read, interrupted = trainer.texts.record, run.interruption.received
    result = AdaptationRun(
        run.states.run,
        trainer.measurements(),
        read["split"]["documents"],
        trainer.division.held_out_texts,
        read["left_out"],
        tuple(run.notes),
        interrupted,
    )
    if interrupted is None:
        trainer.load_best()
        record = adaptation_record(loaded, result.measurements, trainer, corpora)
        save_encoder(run.states.run, loaded, trainer.settings, record)
        run.states.remove()
        shutil.rmtree(texts_folder(run.states.run), ignore_errors=True)
        (run.states.run / RUN_FILE).unlink()
    end = f"interrupted by {interrupted}" if interrupted else "the run has ended"
    log_notes(logger, f"{end}: {run.states.run}", result.notes)
    return result
