"""`nerine optimize`: the fastest way to run a checkpoint that is good enough."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nerine.cli.options import CorpusReading, corpus_notes, corpus_options, json_option
from nerine.cli.terminal import cell, console, print_json, table, titled, working
from nerine.core.errors import CorpusError
from nerine.core.filenames import INFO_FILE, RUN_FILE

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nerine.data.corpus import Corpus
    from nerine.serving.optimization.measuring import Measurement
    from nerine.serving.optimization.optimize import Optimization

_VARIANTS = ("onnx-fp32", "onnx-int8")
_MEGABYTE = 1e6


@click.command(
    short_help="Make a checkpoint fast: ONNX, 8 bits.",
    epilog="""\b
Examples:
  nerine optimize runs/wnut
  nerine optimize runs/wnut --data wnut17/ --tolerance 0.5
  nerine optimize runs/wnut --data posts.jsonl --split train --variant onnx-fp32 --json

Without --data, the corpus of the training run is read again, if it is still there and the same.
""",
)
@click.argument("checkpoint")
@click.option(
    "--data",
    metavar="CORPUS",
    help="Labelled documents to measure on, as a corpus.  [default: the one it was trained on]",
)
@click.option("--split", default="validation", show_default=True, help="Which documents of it.")
@click.option(
    "--tolerance",
    type=float,
    default=0.3,
    show_default=True,
    metavar="POINTS",
    help="Points of F1, of 100, that a variant may lose against PyTorch.",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice(_VARIANTS),
    help="Try this one only. May be given again.  [default: all]",
)
@corpus_options
@json_option
def optimize(
    checkpoint: str,
    data: str | None,
    split: str,
    tolerance: float,
    variants: tuple[str, ...],
    reading: CorpusReading,
    as_json: bool,
) -> None:
    """Find the fastest way to run CHECKPOINT, a folder, that is good enough.

    The model is exported to ONNX and quantised to 8 bits; each variant is measured against
    PyTorch on your own documents. Those that are good enough are put into the folder onnx of the
    checkpoint, and the fastest of them is used from then on by every command, on a CPU.
    """
    from nerine.serving.optimization.choice import check_tolerance
    from nerine.serving.optimization.folder import check_folder

    check_tolerance(tolerance)  # now, and not after a corpus is read
    check_folder(Path(checkpoint).expanduser())
    corpus, source = _corpus(checkpoint, data, reading)
    documents = corpus.split(split)
    about = {"corpus": source, "hash": corpus.hash, "split": split}
    with working(f"optimising {checkpoint}") as say:
        from nerine.serving.optimization.optimize import optimize as run

        result = run(
            checkpoint,
            documents,
            tolerance=tolerance,
            variants=("pytorch", *(variants or _VARIANTS)),
            about=about,
            say=say,
        )
    notes = corpus_notes(corpus)
    if as_json:
        print_json({**about, "notes": notes, **result.to_dict()})
        return
    on = console()
    for note in notes:
        on.print(cell(f"note: {note}"), soft_wrap=True)
    _print_result(result, f"{checkpoint} on {source}, {split}", on)


def _corpus(checkpoint: str, data: str | None, reading: CorpusReading) -> tuple[Corpus, str]:
    """The documents to measure on, and what they are called."""
    if data is not None:
        corpus = reading.load(data)
        return corpus, corpus.source
    source, wanted, config = _trained_on(Path(checkpoint).expanduser())
    if source is None or not (source == "sample" or _may_be_there(source)):
        found = "does not say what it was trained on" if source is None else f"names {source}"
        raise CorpusError(
            f"the checkpoint {found}" + ("" if source is None else ", which is not here"),
            place=checkpoint,
            expected="documents to measure on",
            hint=f"nerine optimize {checkpoint} --data CORPUS",
        )
    corpus = dataclasses.replace(reading, config=reading.config or config).load(source)
    if corpus.hash != wanted:
        raise CorpusError(
            "the corpus is not any more what the checkpoint was trained on",
            place=source,
            expected=f"a corpus with the hash {str(wanted)[:16]}…",
            hint=f"say that it is to be used: nerine optimize {checkpoint} --data {source}",
        )
    return corpus, source


def _may_be_there(source: str) -> bool:
    """Whether a corpus is here, or one of the hub, of which the commit is known, too."""
    from nerine.data.corpus import is_hub_id

    return Path(source).expanduser().exists() or ("@" in source and is_hub_id(source))


def _trained_on(folder: Path) -> tuple[str | None, str | None, str | None]:
    """The source of a checkpoint's corpus, its hash, and its configuration on the hub.

    `nerine.json` has them, but only the name of a folder; `run.json` has its path.
    """
    source = None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # no run, or an earlier one
        source = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))["source"]
    try:
        info = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
        corpus = info["provenance"]["corpus"]
        return str(source or corpus["source"]), str(corpus["hash"]), corpus.get("config")
    except (OSError, ValueError, KeyError, TypeError):
        return None, None, None  # what is wrong with the checkpoint is said when it is loaded


def _print_result(result: Optimization, title: str, on: Console) -> None:
    on.print(titled(title, _table(result)))
    on.print(
        "same: the share of documents with the very entities of PyTorch; docs/s: the median of "
        "three rounds in turns; memory and first result: of a process of its own",
        soft_wrap=True,
    )
    on.print()
    for name, reason in result.choice.reasons.items():
        on.print(cell(f"not {name}: {reason}"), soft_wrap=True)
    where = f"{result.checkpoint}/onnx"
    on.print(cell(f"{result.chosen} is used from now on; the models are in {where}", "bold"))


def _table(result: Optimization) -> Table:
    numbers = ("F1", "95%", "same", "F1 to PyTorch", "docs/s", "file", "memory", "first result")
    shown = table(("variant", *numbers), numbers=numbers)
    for each in result.measurements:
        style = "bold" if each.variant == result.chosen else ""
        shown.add_row(cell(each.variant, style), *_numbers(each))
    return shown


def _numbers(each: Measurement) -> list[str]:
    memory, first = each.footprint.memory, each.footprint.first_result
    return [
        f"{each.f1:.4f}",
        f"{each.interval.low:.3f}–{each.interval.high:.3f}",
        f"{100 * each.same_documents:.1f}%",
        f"{each.same_f1:.4f}",
        f"{each.rate:.0f}",
        _megabytes(each.size),
        "" if memory is None else _megabytes(memory),
        f"{first:.2f} s",
    ]


def _megabytes(number: int) -> str:
    return f"{number / _MEGABYTE:.1f} MB"
