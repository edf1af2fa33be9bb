"""Public functions and types refuse arguments of another type by name, with an error of ours."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nerine
from nerine.core.arguments import check_type, checked


class Strange:
    """Of a type that nothing takes."""


DOCUMENT = nerine.Document("Mira", (nerine.Entity(0, 4, "person", 0.5),))
CORPUS = nerine.Corpus.from_documents(train=[DOCUMENT], test=[DOCUMENT])
SCHEME = nerine.TagScheme.IOB2
REDACTOR = object.__new__(nerine.Redactor)
UNTYPED: Any = nerine
"""The package as somebody without a type checker uses it."""
PAIR: dict[str, Any] = {"gold": [], "predicted": []}
SAMPLE: dict[str, Any] = {"corpus": "sample"}

FUNCTIONS: dict[str, dict[str, Any]] = {
    "adapt": {"encoder": "encoder", "texts": [], "output": "adapted"},
    "apply_thresholds": {"documents": [], "thresholds": nerine.Thresholds(0.5)},
    "breakdowns": PAIR,
    "calibrate": {"checkpoint": "run", **SAMPLE},
    "check_corpus": SAMPLE,
    "compare": {"gold": [], "systems": []},
    "cross_validated_label_errors": {"validation": nerine.CrossValidation(CORPUS, Path("work"))},
    "default_device": {},
    "describe_corpus": SAMPLE,
    "distill": {"teacher": "run", **SAMPLE, "output": "small"},
    "evaluate": {"tagger": "run", "documents": "sample"},
    "evaluate_predictions": PAIR,
    "explain": {"tagger": "run", "text": "Mira"},
    "find_label_errors": {**SAMPLE, "splits": ["train"], "tagger": "run"},
    "find_source": {"name": "run"},
    "fit_thresholds": PAIR,
    "fold_corpora": {**SAMPLE, "k": 2},
    "load_corpus": {"source": "sample"},
    "make_app": {"models": "run"},
    "optimize": {"checkpoint": "run", "documents": "sample"},
    "plan_push": {"source": "run", "repo_id": "mira/run"},
    "plan_training": SAMPLE,
    "push": {"source": "run", "repo_id": "mira/run"},
    "read_documents": {"path": "a.jsonl"},
    "recipe": {"name": "notebook"},
    "redact": {"tagger": "run", "texts": []},
    "redact_files": {"redactor": REDACTOR, "inputs": "a.txt", "output": "b.txt"},
    "redaction_recall": {"redactor": REDACTOR, "documents": [DOCUMENT]},
    "reliability_diagram": PAIR,
    "report": {"checkpoint": "run", **SAMPLE},
    "restore_files": {"redacted": "b.txt", "mapping": "map", "output": "a.txt"},
    "rule_words": {"text": "Mira"},
    "score": PAIR,
    "score_tags": PAIR,
    "serve": {"models": "run"},
    "split_corpus": SAMPLE,
    "tag_files": {"tagger": "run", "inputs": "a.txt", "output": "b.jsonl"},
    "tag_frame": {"frame": None, "checkpoint": "run"},
    "train": {**SAMPLE, "output": "run"},
    "train_seeds": {**SAMPLE, "output": "run"},
    "tune": {**SAMPLE, "output": "run"},
    "verify_output": {"output": "tagged"},
    "with_context": {"documents": []},
    "word_bounds": {"document": DOCUMENT, "words": "rule"},
    "word_spans": {"document": DOCUMENT, "words": []},
    "write_documents": {"documents": [], "target": "a.jsonl"},
    "write_report": {"report": object.__new__(nerine.Report), "path": "a.html"},
}
"""The arguments that each public function needs, of the right types."""

CLASSES: dict[str, dict[str, Any]] = {
    "AppOptions": {},
    "ColumnTagger": {"checkpoint": "run"},
    "Context": {},
    "Corpus": {"splits": {}, "labels": (), "source": "memory"},
    "CrossValidation": {"corpus": CORPUS, "work": Path("work")},
    "Decoder": {"tags": ("O", "B-a", "I-a"), "scheme": SCHEME},
    "DistillationSettings": {},
    "Document": {"text": "Mira"},
    "Entity": {"start": 0, "end": 1, "label": "person"},
    "Limits": {},
    "ModelSettings": {"tags": ("O", "B-a"), "scheme": SCHEME},
    "PushOptions": {},
    "ReadOptions": {},
    "Rules": {"rules": nerine.Rules.parse({"rule": [{"label": "a", "phrases": ["b"]}]}).rules},
    "System": {"name": "ours", "runs": ((DOCUMENT,),)},
    "TaggingOptions": {},
    "Target": {},
    "Thresholds": {"value": 0.5},
    "Token": {"start": 0, "end": 1},
    "TrainingSettings": {},
    "WriteOptions": {},
}
"""The same for the public types that users make."""

METHODS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Document.from_tokens": (nerine.Document.from_tokens, {"tokens": ["Mira"]}),
    "Document.surface": (DOCUMENT.surface, {}),
    "Document.with_entities": (DOCUMENT.with_entities, {}),
    "Corpus.from_documents": (nerine.Corpus.from_documents, {"train": [DOCUMENT]}),
    "Corpus.hold_out_validation": (CORPUS.hold_out_validation, {}),
    "Corpus.place": (CORPUS.place, {"split": "train", "index": 0}),
    "Corpus.place_within": (CORPUS.place_within, {"split": "train", "index": 0, "start": 0}),
    "Corpus.split": (CORPUS.split, {}),
    "Corpus.with_splits": (CORPUS.with_splits, {}),
    "TagScheme.decode": (SCHEME.decode, {"tags": ["O"]}),
    "TagScheme.encode": (SCHEME.encode, {"spans": [], "length": 1}),
    "TagScheme.fault": (SCHEME.fault, {}),
    "TagScheme.faults": (SCHEME.faults, {}),
    "TagScheme.named": (nerine.TagScheme.named, {}),
    "TagScheme.repair": (SCHEME.repair, {}),
    "TagScheme.tags": (SCHEME.tags, {}),
    "TagScheme.transitions": (SCHEME.transitions, {"tags": ["O"]}),
    "Adapters.load": (nerine.Adapters.load, {"base": "encoder", "adapters": {}}),
    "Rules.load": (nerine.Rules.load, {}),
    "Rules.parse": (nerine.Rules.parse, {}),
    "Tagger.load": (nerine.Tagger.load, {"name": "run"}),
    "TrainingSettings.changed": (nerine.TrainingSettings().changed, {}),
    "PushOptions.changed": (nerine.PushOptions().changed, {}),
    "Target.parse": (nerine.Target.parse, {}),
}

CALLS = {
    **{name: (getattr(nerine, name), needed) for name, needed in {**FUNCTIONS, **CLASSES}.items()},
    **METHODS,
}


CALLED_OTHERWISE = {("Thresholds", "value"): "threshold", ("Target.parse", "text"): "target"}
"""Parameters that messages call by another name, which says more."""


def consume(result: object) -> None:
    """Reads a generator, which checks its arguments when it is read."""
    if inspect.isgenerator(result):
        list(result)


def parameters(function: Callable[..., Any]) -> Iterator[str]:
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            yield name


WRONG = [(call, name) for call, (called, _) in CALLS.items() for name in parameters(called)]
LATER = {("Tagger.load", name) for name in parameters(nerine.Tagger.load)} - {
    ("Tagger.load", "name"),
    ("Tagger.load", "revision"),
    ("Tagger.load", "rules"),
}
"""What is checked only once a checkpoint is there."""


def test_every_public_function_is_tried() -> None:
    functions = [name for name in nerine.__all__ if inspect.isfunction(getattr(nerine, name))]
    assert sorted(FUNCTIONS) == functions


@pytest.mark.parametrize(
    ("call", "name"), [each for each in WRONG if each not in LATER], ids=lambda each: str(each)
)
def test_an_argument_of_another_type_is_refused_by_name(
    call: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    called, needed = CALLS[call]
    with pytest.raises(nerine.NerineError) as caught:
        consume(called(**{**needed, name: Strange()}))
    assert CALLED_OTHERWISE.get((call, name), name) in str(caught.value)
    assert caught.value.expected
    assert list(tmp_path.iterdir()) == []


def test_an_argument_error_is_a_type_error_and_an_error_of_ours() -> None:
    with pytest.raises(TypeError, match="train: corpus is a list") as caught:
        nerine.train([DOCUMENT], output="run")  # type: ignore[arg-type] # on purpose
    assert isinstance(caught.value, nerine.ArgumentError)
    assert caught.value.expected == "Corpus, str or Path"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: UNTYPED.Document("abc", ((0, 1, "x"),)), r"entities\[0\] is a tuple"),
        (lambda: UNTYPED.Document("abc", UNTYPED.Entity(0, 1, "x")), "entities is an Entity"),
        (lambda: UNTYPED.Document("abc", (), ((0, 1),)), r"tokens\[0\] is a tuple"),
        (lambda: UNTYPED.Document(b"abc"), "text is a bytes"),
        (lambda: UNTYPED.Document("abc", id=7), "id is an int"),
        (lambda: UNTYPED.Entity("0", 1, "x"), "start is a str"),
        (lambda: UNTYPED.Entity(0, True, "x"), "end is a bool"),
        (lambda: UNTYPED.Entity(0, 1, None), "label is None"),
        (lambda: UNTYPED.Token(0, 1.0), "end is a float"),
        (lambda: UNTYPED.Document.from_tokens("Mira"), "tokens is a single str"),
        (lambda: UNTYPED.score("ab", []), "gold is a single str"),
        (lambda: UNTYPED.score([DOCUMENT], ["Mira"]), r"predicted\[0\] is a str"),
        (lambda: UNTYPED.compare([], [("a", [])]), r"systems\[0\] is a tuple"),
        (lambda: UNTYPED.Corpus({"train": ["a"]}, (), "m"), r"splits\['train'\]\[0\] is a str"),
        (lambda: UNTYPED.TagScheme.IOB2.encode([(0, 1, "x")], 2), r"spans\[0\] is a tuple"),
        (lambda: UNTYPED.TagScheme.IOB2.decode("BO"), "tags is a single str"),
        (lambda: UNTYPED.write_documents(iter("a"), "a.jsonl"), "document 0 is a str"),
        (lambda: UNTYPED.score_tags([], [], reading="best"), "reading: 'best' is not known"),
        (lambda: UNTYPED.ReadOptions(scheme="best"), "scheme is a str"),
        (lambda: UNTYPED.ReadOptions(offsets="words"), "offsets: 'words' is not known"),
        (lambda: UNTYPED.make_app(7), "models is an int"),
    ],
)
def test_what_is_wrong_inside_is_named(
    make: Callable[[], object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(nerine.NerineError, match=message):
        make()
    assert list(tmp_path.iterdir()) == []


def test_lists_become_tuples() -> None:
    entity = nerine.Entity(0, 4, "person")
    document = nerine.Document("Mira", [entity], [nerine.Token(0, 4)])  # type: ignore[arg-type]
    assert document == nerine.Document("Mira", (entity,), (nerine.Token(0, 4),))
    assert hash(document)
    system = nerine.System("ours", [[document]])  # type: ignore[arg-type]
    assert system.runs == ((document,),)
    corpus = nerine.Corpus({"train": [document]}, (), "m")  # type: ignore[dict-item]
    assert corpus.train == (document,)


@pytest.mark.parametrize(
    ("value", "kind", "fits"),
    [
        (1, float, True),
        (True, int, False),
        (None, int | None, True),
        ("a", list[str] | str, True),
        (["a", 1], list[str] | str, False),
        ({"a": (1,)}, dict[str, tuple[int, ...]], True),
        ({"a": ("b",)}, dict[str, tuple[int, ...]], False),
        (print, Callable[[str], None], True),
        (1, Any, True),
        (("a", 1), tuple[str, int], True),
        (("a", "b"), tuple[str, int], False),
        (("a",), tuple[str, int], False),
    ],
)
def test_values_and_their_types(value: object, kind: Any, fits: bool) -> None:
    if fits:
        check_type("value", value, kind, "here")
    else:
        with pytest.raises(nerine.ArgumentError, match="here: value"):
            check_type("value", value, kind, "here")


def test_a_checked_function_keeps_its_name_and_its_signature() -> None:
    def join(words: list[str], *, by: str = " ") -> str:
        """Joins words."""
        return by.join(words)

    both = checked(join)
    assert both(["a", "b"], by="-") == "a-b"
    assert inspect.signature(both) == inspect.signature(join)
    assert (both.__name__, both.__doc__) == ("join", "Joins words.")
