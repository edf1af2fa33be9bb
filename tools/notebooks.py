"""Runs the tutorials, and compares their outputs with the saved ones.

    python -m tools.notebooks run                # run all notebooks and save their outputs
    python -m tools.notebooks check              # run all notebooks and compare their outputs
    python -m tools.notebooks run docs/tutorials/1-token-and-sequence.ipynb

A notebook runs in a fresh kernel of this Python, in an empty folder, without a hub. Equal outputs
give equal files, so that a difference in git is a difference for readers.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

import nerine
from tools.alike import difference, difference_of_words

ROOT = Path(__file__).parents[1]
TUTORIALS = ROOT / "docs" / "tutorials"
MEASURED = "measured"
"""The tag of a cell that prints speeds and the like: its numbers aren't compared."""

_CELL_SECONDS = 1800  # seconds, enough for a busy machine
_KEPT = ("image/svg+xml", "text/html", "text/markdown", "text/plain")
_HUB_VARIABLES = ("HF_TOKEN", "HF_ENDPOINT", "HUGGING_FACE_HUB_TOKEN")
_SVG_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.S)  # the time, matplotlib's version
_KEPT_METADATA = ("jupyter", "mystnb", "tags")  # hidden cells, texts of figures, kinds of cells
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class NotebookError(click.ClickException):
    """A notebook that doesn't run, or whose outputs can't be kept."""


def notebooks() -> list[Path]:
    """The tutorials, in the order in which they are read."""
    return sorted(TUTORIALS.glob("*.ipynb"))


def read(path: Path) -> NotebookNode:
    """Reads a notebook."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def written(notebook: NotebookNode) -> str:
    """The text of a notebook's file."""
    text: str = nbformat.writes(notebook, version=4)
    return text + "\n"


# -- running -------------------------------------------------------------------------------------


def executed(path: Path) -> NotebookNode:
    """A notebook with the outputs of this run: fresh kernel, empty folder, no hub.

    Raises `NotebookError` with the cell that failed.
    """
    notebook = cleared(read(path))
    with tempfile.TemporaryDirectory() as folder:
        work, home = Path(folder, "work"), Path(folder, "home")
        work.mkdir()
        home.mkdir()
        client = NotebookClient(
            notebook,
            timeout=_CELL_SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(work)}},
            extra_arguments=["--log-level=ERROR"],
        )
        try:
            client.execute(env=_environment(home))
        except CellExecutionError as error:
            raise NotebookError(f"{path.name} does not run\n{error}") from error
        return _without_paths(normalised(notebook), path, [folder])


def _environment(home: Path) -> dict[str, str]:
    """This process's variables, with this `nerine`, without a hub or a user's configuration."""
    kept = {name: value for name, value in os.environ.items() if name not in _HUB_VARIABLES}
    source = str(Path(nerine.__file__).parents[1])
    return kept | {
        "PYTHONPATH": os.pathsep.join(filter(None, [source, kept.get("PYTHONPATH")])),
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel of this Python, not one of the user's
        "IPYTHONDIR": str(home / "ipython"),
        "HF_HOME": str(home / "hub"),
        "HF_HUB_OFFLINE": "1",
    }


def _without_paths(notebook: NotebookNode, path: Path, folders: list[str]) -> NotebookNode:
    """The notebook; raises an error if it contains paths of this machine."""
    for number, cell in enumerate(notebook.cells, start=1):
        for text in _texts(cell):
            for folder in [*folders, *machine_paths()]:
                if folder in text:
                    place = f"{path.name}, cell {number}"
                    raise NotebookError(f"{place}: the output names {folder}, of this machine only")
    return notebook


def machine_paths() -> list[str]:
    """Folders of this machine, which mean nothing to readers."""
    folders = [str(ROOT), sys.prefix, str(Path.home())]
    return [folder for folder in folders if len(folder) > 1]  # in a container, home may be /


# -- what is kept --------------------------------------------------------------------------------


def cleared(notebook: NotebookNode) -> NotebookNode:
    """The notebook without outputs."""
    for cell in _code(notebook):
        cell.outputs = []
        cell.execution_count = None
    return notebook


def normalised(notebook: NotebookNode) -> NotebookNode:
    """The notebook without data of a single run.

    The ids of cells are hashes of their sources. Of their metadata, tags, alternative texts of
    figures and what hides a cell are kept. Of their outputs, text, tables and figures as SVG are
    kept; the progress of training runs and output to stderr are dropped.
    """
    notebook.metadata = nbformat.from_dict(_METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5  # the first version with cell ids
    names: set[str] = set()
    for cell in notebook.cells:
        cell.id = _name(cell, names)
        kept = {name: cell.metadata[name] for name in _KEPT_METADATA if name in cell.metadata}
        cell.metadata = NotebookNode(kept)
    for count, cell in enumerate(_code(notebook), start=1):
        cell.execution_count = count
        cell.outputs = [_kept(output, count) for output in _joined(cell.outputs)]
    return notebook


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _name(cell: NotebookNode, taken: set[str]) -> str:
    """A cell's id, which depends on its own source only."""
    digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
    name, number = digest, 1
    while name in taken:
        number += 1
        name = f"{digest}-{number}"
    taken.add(name)
    return name


def _joined(outputs: list[NotebookNode]) -> Iterator[NotebookNode]:
    """The outputs to keep, with consecutive prints joined to one."""
    stream: NotebookNode | None = None
    for output in outputs:
        if output.output_type != "stream":
            if "nerine" in output.get("metadata", {}):  # the progress of a training run
                continue
            if any(kind in _KEPT or kind.startswith("image/") for kind in output.get("data", {})):
                stream = None
                yield output
        elif output.name == "stdout" and stream is not None:
            stream.text += output.text
        elif output.name == "stdout":
            stream = output
            yield output


def _kept(output: NotebookNode, count: int) -> NotebookNode:
    if output.output_type not in ("display_data", "execute_result"):
        return output
    if "image/svg+xml" not in output.data and any(
        kind.startswith("image/") for kind in output.data
    ):
        raise NotebookError(f"In [{count}] draws a figure that is no SVG")
    if output.output_type == "execute_result":
        output.execution_count = count
    output.metadata = NotebookNode()
    output.data = NotebookNode({kind: output.data[kind] for kind in _KEPT if kind in output.data})
    if "image/svg+xml" in output.data:
        output.data["image/svg+xml"] = _SVG_METADATA.sub("", output.data["image/svg+xml"])
    return output


# -- comparing -----------------------------------------------------------------------------------


def differences(printed: NotebookNode, shown: NotebookNode) -> Iterator[str]:
    """Cells whose output differs from the saved one, and the differences."""
    for one, other in zip(_code(printed), _code(shown), strict=True):
        found = _difference(one, other)
        if found is not None:
            first = one.source.strip().splitlines()[0]
            yield f"In [{one.execution_count}], {first!r}:\n{found}"


def _difference(printed: NotebookNode, shown: NotebookNode) -> str | None:
    found, expected = _kinds(printed), _kinds(shown)
    if found != expected:
        return f"outputs {found} where {expected} are shown"
    compare = difference_of_words if MEASURED in shown.metadata.get("tags", []) else difference
    for one, other in zip(_texts(printed), _texts(shown), strict=True):
        apart = compare(one, other)
        if apart is not None:
            return apart
    return None


def _kinds(cell: NotebookNode) -> list[str]:
    """The kind of each output: `stream`, or its MIME types. Figures are compared by these only."""
    return [
        ",".join(sorted(output.get("data", {}))) or output.output_type for output in cell.outputs
    ]


def _texts(cell: NotebookNode) -> list[str]:
    """The text of each output of a cell, without figures."""
    texts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            texts.append(output.text)
        for kind, value in output.get("data", {}).items():
            if not kind.startswith("image/"):
                texts.append(value)
    return texts


# -- the commands --------------------------------------------------------------------------------


@click.group()
def main() -> None:
    """Runs the tutorials, or compares their outputs with the saved ones."""


_paths = click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))


@main.command()
@_paths
def run(paths: tuple[Path, ...]) -> None:
    """Runs notebooks (all by default) and saves them with their outputs."""
    for path in paths or notebooks():
        started = time.perf_counter()
        new = path.with_suffix(".new")
        new.write_text(written(executed(path)), encoding="utf-8")
        new.replace(path)
        click.echo(f"{path.name}: {time.perf_counter() - started:.0f} s")


@main.command()
@_paths
def check(paths: tuple[Path, ...]) -> None:
    """Runs notebooks (all by default) and compares their outputs with the saved ones."""
    failed = False
    for path in paths or notebooks():
        started = time.perf_counter()
        found = list(differences(executed(path), read(path)))
        click.echo(f"{path.name}: {len(found)} differences, {time.perf_counter() - started:.0f} s")
        for each in found:
            click.echo(each)
        failed = failed or bool(found)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
