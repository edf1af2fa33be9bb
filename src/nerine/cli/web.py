"""The options of `nerine optimize` about the web, and what it prints of the folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from nerine.cli.flags import FILE, Decorator, gathered
from nerine.cli.help import options_in
from nerine.cli.model_options import ModelOptions
from nerine.cli.terminal import noted_console, print_json, print_line, print_notes, working
from nerine.core.errors import CheckpointError, SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from nerine.serving.web.exporting import WebFolder

_MEGABYTE = 1e6
_ALONE = "the model was trained with document context; in a browser it sees each text alone"


@dataclass(frozen=True, slots=True)
class WebOptions:
    """The options about a folder for the web."""

    purpose: Literal["cpu", "web"]
    output: Path | None
    packages: Path | None

    @property
    def is_wanted(self) -> bool:
        """Whether a folder for the web is to be made."""
        return self.purpose == "web"

    def check(self) -> None:
        """Raises `SettingsError` for an option about the web without `--for web`."""
        for option, value in (("--output", self.output), ("--packages", self.packages)):
            if value is not None and not self.is_wanted:
                raise SettingsError(
                    "this is about a folder for the web", place=option, hint="add --for web"
                )

    def has_models(self, checkpoint: str, variants: Sequence[str]) -> bool:
        """Whether the checkpoint has ONNX models of its weights, and those of `variants`."""
        from nerine.model.backends.saved import read_saved

        try:
            saved = read_saved(Path(checkpoint).expanduser())
        except CheckpointError:  # of other weights: they are made again
            return False
        return saved is not None and bool(saved.models) and set(variants) <= set(saved.models)

    def export(self, checkpoint: str, variants: Sequence[str], model: ModelOptions) -> WebFolder:
        """Makes the folder, with the model of `variants` if that is one alone."""
        from nerine.serving.web.exporting import export_for_web

        with working(f"making the folder for the web of {checkpoint}"):
            folder = export_for_web(
                checkpoint,
                self.output,
                variant=variants[0] if len(variants) == 1 else None,
                packages=self.packages,
                scheme=model.scheme,
                tags=model.tags,
                usage=model.usage,
            )
        print_notes([_ALONE] if folder.context else [])
        return folder


_option = options_in("The web")

_OPTIONS: list[Decorator] = [
    _option(
        "--for",
        "purpose",
        type=click.Choice(["cpu", "web"]),
        default="cpu",
        show_default=True,
        help="With web, also make a folder that tags in a browser without a server.",
    ),
    _option(
        "-o",
        "--output",
        type=FILE,
        metavar="FOLDER",
        help="The folder; an older one is replaced.  [default: CHECKPOINT/web]",
    ),
    _option(
        "--packages",
        type=FILE,
        metavar="FOLDER",
        help="Copy onnxruntime-web from this node_modules, so that the page works without a "
        "network.  [default: the page imports it from cdn.jsdelivr.net]",
    ),
]

web_options = gathered(_OPTIONS, "web", lambda values: WebOptions(**values))
"""The options about the web; the command gets them as `web`."""


def show_web(folder: WebFolder, as_json: bool) -> None:
    """Prints a folder that was made of models measured before."""
    if as_json:
        print_json({"web": web_json(folder)})
    else:
        print_web(folder, noted_console([]))


def web_json(folder: WebFolder) -> dict[str, Any]:
    """A folder for JSON."""
    return {
        "folder": str(folder.path),
        "variant": folder.variant,
        "bytes": folder.size,
        "packages": folder.has_packages,
    }


def print_web(folder: WebFolder, on: Console) -> None:
    """Prints where the folder is, and how to see its page."""
    from nerine.serving.web.exporting import RUNTIME, RUNTIME_VERSION

    size = f"{folder.size / _MEGABYTE:.1f} MB"
    print_line(on, f"{folder.path} tags in a browser with {folder.variant}, {size}", "bold")
    if not folder.has_packages:
        print_line(
            on,
            f"it imports {RUNTIME} from cdn.jsdelivr.net; for a page that needs no network: "
            f"npm install {RUNTIME}@{RUNTIME_VERSION}, then --packages node_modules",
        )
    print_line(on, f"to see the page: python -m http.server --directory {folder.path}")
