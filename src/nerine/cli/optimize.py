"""`nerine optimize`: export a checkpoint to ONNX and choose the fastest good enough variant."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nerine.cli.completion import CHECKPOINT, CORPUS
from nerine.cli.flags import default_option, json_option, threads_option
from nerine.cli.help import Command
from nerine.cli.model_options import ModelOptions, stated_options
from nerine.cli.options import CorpusOptions, corpus_options, notes_on
from nerine.cli.terminal import (
    Titled,
    cell,
    noted_console,
    print_json,
    print_line,
    print_warnings,
    table,
    working,
)
from nerine.cli.web import WebOptions, print_web, show_web, web_json, web_options
from nerine.core.errors import CorpusError
from nerine.core.filenames import INFO_FILE, RUN_FILE

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.data.corpus import Corpus
    from nerine.serving.optimization.optimize import Optimization

_VARIANTS = ("onnx-fp32", "onnx-int8")
_MEGABYTE = 1e6


@click.command(
    cls=Command,
    short_help="Make a checkpoint fast on CPUs: ONNX, 8 bits.",
    epilog="""\b
Examples:
  nerine optimize runs/wnut
  nerine optimize runs/wnut wnut17/ --tolerance 0.5
  nerine optimize runs/wnut posts.jsonl --split train --variant onnx-fp32
  nerine optimize runs/wnut --for web --packages node_modules -o site

Without CORPUS, the corpus of the training run is read again, if it exists and has not changed.
With --for web and without CORPUS, models that were made before are used, if there are any.
""",
)
@click.argument("checkpoint", type=CHECKPOINT)
@click.argument("corpus", required=False, type=CORPUS)
@default_option("--split", "validation", "Split to measure on.")
@default_option(
    "--tolerance",
    0.3,
    "Most points of F1, of 100, that a variant may lose against PyTorch.",
    metavar="POINTS",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice(_VARIANTS),
    help="Try only this variant. May be repeated.  [default: all]",
)
@web_options
@threads_option
@stated_options
@corpus_options
@json_option
def optimize(
    checkpoint: str,
    corpus: str | None,
    split: str,
    tolerance: float,
    variants: tuple[str, ...],
    web: WebOptions,
    model: ModelOptions,
    reading: CorpusOptions,
    as_json: bool,
) -> None:
    """Find the fastest way to run CHECKPOINT, a folder, that is good enough.

    The model is exported to ONNX and quantised to 8 bits; each variant is measured against
    PyTorch on CORPUS. Good enough variants are saved in the folder onnx of the
    checkpoint, and from then on every command on a CPU runs the fastest of them.
    """
    from nerine.serving.optimization.choice import check_tolerance
    from nerine.serving.optimization.folder import check_folder

    check_tolerance(tolerance)  # now rather than after a corpus is read
    check_folder(Path(checkpoint).expanduser())
    web.check()
    if web.is_wanted and corpus is None and web.has_models(checkpoint, variants):
        show_web(web.export(checkpoint, variants, model), as_json)
        return
    loaded, source = corpus_to_measure_on(checkpoint, corpus, reading)
    if split not in loaded.splits:
        others = " or ".join(f"--split {name}" for name in loaded.splits)
        raise CorpusError(
            f"there is no {split} split to measure on",
            place=source,
            expected=f"one of: {', '.join(loaded.splits)}",
            hint=f"{others} measures on another one; nerine split {source} -o FOLDER makes a "
            "corpus with a validation split",
        )
    documents = loaded.split(split)
    about = {"corpus": source, "hash": loaded.hash, "split": split}
    with working(f"optimising {checkpoint}") as say:
        from nerine.serving.optimization.optimize import optimize as run

        result = run(
            checkpoint,
            documents,
            tolerance=tolerance,
            variants=("pytorch", *(variants or _VARIANTS)),
            scheme=model.scheme,
            tags=model.tags,
            usage=model.usage,
            about=about,
            say=say,
        )
    notes = [*notes_on(loaded), *result.notes]
    made = web.export(checkpoint, variants, model) if web.is_wanted else None
    if as_json:
        seen = result.contamination.to_dict()
        values = {"contamination": seen, **about, "notes": notes, **result.to_dict()}
        print_json(values | ({"web": web_json(made)} if made else {}))
        return
    on = noted_console(notes, {"": result.contamination})
    print_optimization(result, f"{checkpoint} on {source}, {split}", on)
    if made is not None:
        print_web(made, on)


def corpus_to_measure_on(
    checkpoint: str, given: str | None, reading: CorpusOptions
) -> tuple[Corpus, str]:
    """The corpus that is given, or that of the checkpoint's training, and its source.

    Raises `CorpusError` if the corpus of the training cannot be found, or has changed.
    """
    from nerine.data.corpus import is_hub_id

    if given is not None:
        corpus = reading.load(given)
        return corpus, corpus.source
    try:
        path = Path(checkpoint).expanduser() / INFO_FILE
        provenance = json.loads(path.read_text(encoding="utf-8"))["provenance"]
        trained_on = provenance["corpus"]
        source, hash_, config = trained_on["source"], trained_on["hash"], trained_on.get("config")
    except (OSError, ValueError, KeyError, TypeError) as error:
        # other faults of the checkpoint are reported when it is loaded
        raise CorpusError(
            "the checkpoint does not say what it was trained on",
            place=checkpoint,
            expected="documents to measure on",
            hint=f"nerine optimize {checkpoint} CORPUS",
        ) from error
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # runs of earlier versions
        # `nerine.json` has only the name of a folder, but `run.json` its path
        run = json.loads(path.with_name(RUN_FILE).read_text(encoding="utf-8"))
        source = str(run["source"])
    is_pinned = "@" in source and is_hub_id(source)
    if not (source == "sample" or Path(source).expanduser().exists() or is_pinned):
        raise CorpusError(
            f"the checkpoint was trained on {source}, which does not exist here",
            place=checkpoint,
            expected="documents to measure on",
            hint=f"nerine optimize {checkpoint} CORPUS",
        )
    corpus = dataclasses.replace(reading, config=reading.config or config).load(source)
    settings = provenance.get("settings") or {}
    fraction = settings.get("validation_fraction")
    if fraction and "validation" not in corpus.splits and corpus.hash == trained_on.get("given"):
        # the documents that training held out
        corpus = corpus.hold_out_validation(fraction, settings.get("seed", 0))
    if corpus.hash != hash_:
        raise CorpusError(
            "the corpus has changed since the checkpoint was trained on it",
            place=source,
            expected=f"a corpus with the hash {str(hash_)[:16]}…",
            hint=f"to use it nevertheless: nerine optimize {checkpoint} {source}",
        )
    return corpus, source


def print_optimization(result: Optimization, title: str, on: Console) -> None:
    """Prints the measurements of each variant, and the choice with its reasons."""
    numbers = ("F1", "95%", "same", "F1 to PyTorch", "docs/s", "file", "memory", "first result")
    rows = []
    for each in result.measurements:
        memory = each.footprint.memory
        row = (
            cell(each.variant, "bold" if each.variant == result.chosen else ""),
            f"{each.f1:.4f}",
            f"{each.agreement.interval.low:.3f}–{each.agreement.interval.high:.3f}",
            f"{100 * each.agreement.same_documents:.1f}%",
            f"{each.agreement.same_f1:.4f}",
            f"{each.rate:.0f}",
            f"{each.size / _MEGABYTE:.1f} MB",
            "" if memory is None else f"{memory / _MEGABYTE:.1f} MB",
            f"{each.footprint.first_result:.2f} s",
        )
        rows.append(row)
    on.print(Titled(title, table(("variant", *numbers), rows, numbers=numbers)))
    print_line(
        on,
        "same: the share of documents with exactly the entities of PyTorch; docs/s: the median of "
        "three alternating rounds; memory and first result: of a separate process",
    )
    on.print()
    for name, reason in result.choice.reasons.items():
        print_line(on, f"not {name}: {reason}")
    where = f"{result.checkpoint}/onnx"
    print_line(on, f"{result.chosen} is used from now on; the models are in {where}", "bold")
    print_warnings(on, result.warnings)
