"""The report on a checkpoint over a split of a corpus, and the files that hold a report."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from nerine.core.arguments import checked
from nerine.core.display import json_text, short_path
from nerine.core.errors import FormatError
from nerine.core.files import replacing
from nerine.data.corpus.given import CorpusLike, GoldSplit, as_corpus
from nerine.evaluation.epochs import read_epochs
from nerine.evaluation.report import Report, make_report, to_html, to_markdown
from nerine.evaluation.significance.intervals import LEVEL, SAMPLES
from nerine.model.evaluate import seen_by
from nerine.model.given import CheckpointLike, as_tagger
from nerine.model.tagger import Tagger

ReportForm = Literal["html", "json", "markdown"]

_ENDINGS: dict[str, ReportForm] = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".md": "markdown",
}


@checked
def report(
    checkpoint: CheckpointLike,
    corpus: CorpusLike,
    *,
    split: str | None = None,
    level: float = LEVEL,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Report:
    """Tags a split of a corpus, and reports on the scores and the errors.

    Args:
        checkpoint: A tagger, whose thresholds apply, or what `Tagger.load` loads: a folder or a hub
            id.
        corpus: The corpus, or what `load_corpus` loads: a folder, a file, "sample", a hub id.
        split: The split; by default `test`, or the only one.
        level: The confidence level of the intervals, between 0 and 1.
        samples: The number of bootstrap samples for the intervals.
        seed: The seed of the bootstrap samples.

    Returns:
        The report, which `write_report` writes.

    Raises:
        ArgumentError: If an argument has another type.
        CorpusError: If the corpus or its split is missing.
        SettingsError: If the level or the number of samples is out of range.
        CheckpointError: If the checkpoint cannot be used, or its logits are not finite.
    """
    corpus, tagger = as_corpus(corpus), as_tagger(checkpoint)
    gold = GoldSplit.of(corpus, split)
    name = short_path(tagger.name or "a tagger")
    notes = [*corpus.notes]
    if tagger.thresholds is not None:
        notes.append("predicted entities below their thresholds are left out")
    notes += rule_notes(tagger)
    return make_report(
        gold.documents,
        tagger.predict(gold.documents),
        checkpoint=tagger.name,
        contamination=seen_by(tagger, gold),
        rules=None if tagger.rules is None else tagger.rules.fingerprint,
        title=f"{name} on {short_path(corpus.source)}, {gold.title}",
        corpus=corpus.source,
        split=gold.title,
        train=gold.training,
        places=gold.places,
        epochs=None if tagger.source is None else read_epochs(tagger.source.folder),
        notes=notes,
        level=level,
        samples=samples,
        seed=seed,
    )


def rule_notes(tagger: Tagger) -> list[str]:
    """What a report says of the rules of a tagger, if it has some."""
    if tagger.rules is None:
        return []
    note = (
        f"the scores are those of the model with {tagger.rules}; entities of rules have no "
        "probability, and a reliability diagram is shown only if rules found nothing"
    )
    return [note]


@checked
def write_report(report: Report, path: str | Path, form: ReportForm | None = None) -> None:
    """Writes a report to a file, which is replaced if it exists.

    Args:
        report: The report.
        path: The file.
        form: A page, JSON, or Markdown; by default the ending of the file tells.

    Raises:
        ArgumentError: If an argument has another type.
        FormatError: If the ending is not that of a report, or the file cannot be written.
    """
    target = Path(path)
    form = form or form_of(target)
    if form == "json":
        content = f"{json_text(report.to_dict())}\n"
    else:
        content = to_html(report) if form == "html" else to_markdown(report)
    with replacing(target) as file:
        file.write(content.encode())


def form_of(path: Path) -> ReportForm:
    """The form of a report that the ending of its file tells. Raises `FormatError`."""
    form = _ENDINGS.get(path.suffix.lower())
    if form is None:
        raise FormatError(
            f"the ending {path.suffix!r} is not that of a report",
            place=str(path),
            expected=f"one of {', '.join(_ENDINGS)}",
            hint=f"--to (form=…) states the form: {', '.join(get_args(ReportForm))}",
        )
    return form
