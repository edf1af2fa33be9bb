"""Tagging in a pipeline of Ray Data, on a cluster on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engines import MortalTexts, NotedTagger, assert_same, expected_of, start_ray
from forking import TEXTS
from nerine.core.errors import ProcessError
from nerine.model.loading.checkpoint import load_checkpoint
from nerine.model.tagger import Tagger
from nerine.serving.arrow import entities_type
from nerine.serving.columns import ColumnTagger
from nerine.serving.ray import TagTexts

ray = pytest.importorskip("ray", reason="needs the extra ray: make engines")
pa = pytest.importorskip("pyarrow", reason="needs the extra ray: make engines")

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore"),  # of Ray itself
]
ROWS = 80


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Ray with two CPUs. Blocks keep their order."""
    with pytest.MonkeyPatch.context() as environment:
        found = start_ray(environment)
        found.data.DataContext.get_current().execution_options.preserve_order = True
        yield found
        found.shutdown()


@pytest.fixture(scope="module")
def table() -> Any:
    """Rows with texts, some of them null or empty."""
    texts = [*TEXTS, None, "", "😀 Mira grüßt aus Kraków"]
    body = pa.array([texts[row % len(texts)] for row in range(ROWS)], pa.string())
    return pa.table({"id": list(range(ROWS)), "body": body, "tags": [["a"]] * ROWS})


def blocks(table: Any) -> Any:
    """The table as a data set of three blocks."""
    return ray.data.from_arrow([table.slice(0, 30), table.slice(30, 1), table.slice(31)])


def tagged_by(kind: Any, dataset: Any, *arguments: Any, size: int = 2, **options: Any) -> Any:
    """The tagged table, by a pool of actors."""
    batches = {"batch_size": 7, "batch_format": "pyarrow", **options}
    tagged = dataset.map_batches(
        kind,
        fn_constructor_args=arguments,
        fn_constructor_kwargs={"text": "body"},
        compute=ray.data.ActorPoolStrategy(size=size),
        **batches,
    )
    return pa.concat_tables(ray.get(tagged.to_arrow_refs()))


@pytest.mark.parametrize("batch_format", ["pyarrow", "numpy"])
@pytest.mark.parametrize("given", ["the folder", "a tagger"])
def test_actors_give_the_entities_of_a_tagger_and_keep_all_else(
    cluster: Any, folder: Path, table: Any, batch_format: str, given: str
) -> None:
    tagger = Tagger.load(folder, device="cpu")
    checkpoint = str(folder) if given == "the folder" else tagger
    tagged = tagged_by(TagTexts, blocks(table), checkpoint, batch_format=batch_format)
    assert tagged.schema.field("entities").type == entities_type()
    assert tagged.select(table.column_names).to_pylist() == table.to_pylist()
    expected = expected_of(tagger, table["body"].to_pylist())
    assert_same(tagged["entities"].to_pylist(), expected)


@pytest.mark.parametrize("given", [str, NotedTagger.load])
def test_an_actor_loads_the_model_once(
    cluster: Any, folder: Path, table: Any, given: Callable[[Any], Any]
) -> None:
    checkpoint = given(folder)
    loads = folder.with_name("loads")
    loads.write_text("")
    tagged = tagged_by(TagTexts, blocks(table), checkpoint)
    assert tagged.num_rows == ROWS
    processes = loads.read_text().split()
    assert len(processes) == len(set(processes)) <= 2
    assert bool(processes) == (given is not str)  # the plain class notes nothing


def test_a_process_that_dies_is_replaced_and_each_row_is_there_once(
    cluster: Any, folder: Path, table: Any
) -> None:
    whole = tagged_by(TagTexts, blocks(table), str(folder), size=1)
    tagged = tagged_by(MortalTexts, blocks(table), str(folder), size=1)
    assert len(folder.with_name("deaths").read_text().split()) == 1
    assert tagged["id"].to_pylist() == list(range(ROWS))
    assert tagged["entities"].to_pylist() == whole["entities"].to_pylist()


def test_a_column_tagger_works_in_tasks(cluster: Any, folder: Path, table: Any) -> None:
    tag = ColumnTagger(Tagger.load(folder, device="cpu"), text="body")
    mapped = blocks(table).map_batches(tag, batch_format="pyarrow", batch_size=None)
    tagged = pa.concat_tables(ray.get(mapped.to_arrow_refs()))
    assert tagged["id"].to_pylist() == list(range(ROWS))
    assert tagged["entities"].null_count == table["body"].null_count


def test_what_is_wrong_with_a_row_reaches_the_driver(cluster: Any, folder: Path) -> None:
    wrong = ray.data.from_items([{"body": "Mira left."}, {"body": "Oslo"}]).map_batches(
        lambda batch: {"body": [b"Mira" for _ in batch["body"]]}
    )
    with pytest.raises(ray.exceptions.RayError, match="of type bytes"):
        tagged_by(TagTexts, wrong, str(folder), batch_format="numpy")


def test_a_tagger_made_in_memory_is_refused(folder: Path) -> None:
    tagger = Tagger.from_checkpoint(load_checkpoint(folder), device="cpu")
    with pytest.raises(ProcessError, match="made in memory cannot be pickled"):
        ray.cloudpickle.dumps(tagger)
