import dataclasses
from pathlib import Path

from bench.panel.outcome import Outcome, read_tags
from bench.panel.store import Result, append_result, make_result, read_results
from nerine import Document, Entity

TEXT = Document.from_tokens(["Ada", "Lovelace", "met", "Babbage"])
GOLD = TEXT.with_entities([Entity(0, 12, "person"), Entity(17, 24, "person")])


def result(*tags: str) -> Result:
    """The result of a run that predicted these tags."""
    predicted = read_tags([GOLD], [list(tags)])
    outcome = Outcome(2, 0.5, predicted, minutes=1.5, core_minutes=1.0, versions={"torch": "2"})
    return make_result(("peer", "ai", 0), [GOLD], outcome, threads=1)


def test_tags_are_scored_by_both_modes_of_seqeval() -> None:
    run = result("I-person", "I-person", "O", "B-person")
    assert run.scores("strict").f1 == 2 / 3
    assert run.scores("strict").predicted == [1]
    assert run.scores("default").f1 == 1.0
    assert run.scores("default").correct == [2]


def test_modes_that_agree_are_stored_once() -> None:
    run = result("B-person", "I-person", "O", "O")
    assert list(run.test) == ["strict"]
    assert run.scores("default") == run.scores("strict")


def test_a_run_that_was_killed_while_writing_is_run_again(tmp_path: Path) -> None:
    store = tmp_path / "results.jsonl"
    assert read_results(store) == {}
    first = result("B-person", "I-person", "O", "O")
    append_result(store, first)
    with store.open("a") as file:
        file.write('{"system":"pe')
    assert read_results(store) == {first.key: first}
    second = dataclasses.replace(first, seed=1)
    append_result(store, second)
    assert read_results(store) == {first.key: first, second.key: second}
