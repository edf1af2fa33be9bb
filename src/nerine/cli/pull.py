"""`nerine pull`: a repository on the hub → a checked checkpoint in the hub's own cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nerine.cli.options import ModelChoice, json_option, model_options
from nerine.cli.terminal import cell, console, print_json, table
from nerine.core.errors import HubError
from nerine.core.filenames import INFO_FILE

if TYPE_CHECKING:
    from nerine.model.loading.sources import Source
    from nerine.model.tagger import Tagger


@click.command(
    short_help="Fetch a model from the hub, and check it.",
    epilog="""\b
Examples:
  nerine pull mira/wnut
  nerine pull mira/wnut@v1.2 --json
  nerine pull somebody/bert-ner --tags O,B-person,I-person
  HF_HUB_OFFLINE=1 nerine predict mira/wnut "Mira Okonjo left Tandem Labs."

The login is the hub's own: hf auth login, or HF_TOKEN. HF_HUB_CACHE says where the cache is.
""",
)
@click.argument("repository")
@model_options
@json_option
def pull(repository: str, model: ModelChoice, as_json: bool) -> None:
    """Fetch REPOSITORY, as owner/name or owner/name@revision, and check it.

    Any token-classification model of the hub, made by Nerine or not. Only what is needed is
    fetched: safetensors weights, the tokenizer, the settings, and what nerine optimize chose.
    Sizes and hashes are compared with the hub's list, and the model is loaded once, so that
    what is wrong with it shows now. All commands then take the same name, with or without a
    network.
    """
    source = model.find(repository)
    if source.snapshot is None:
        raise HubError(
            "this is a folder, so there is nothing to pull",
            place=repository,
            expected="a repository on the hub, as owner/name",
        )
    tagger = model.load(source)
    about = _about(source, tagger)
    if as_json:
        print_json(about)
    else:
        _print(about)


def _about(source: Source, tagger: Tagger) -> dict[str, Any]:
    """What was fetched, and what it can do."""
    names = (path for path in source.folder.rglob("*") if path.is_file())
    files = {path.relative_to(source.folder).as_posix(): path.stat().st_size for path in names}
    return {
        "checkpoint": tagger.name,
        "folder": str(source.folder),
        "made_by_nerine": INFO_FILE in files,
        "files": dict(sorted(files.items())),
        "labels": list(tagger.labels),
        "settings": tagger.settings.to_dict(),
        "backend": tagger.inference.backend.name,
        "notes": list(tagger.notes),
    }


def _print(about: dict[str, Any]) -> None:
    on = console()
    files = table(("file", "bytes"), numbers=("bytes",))
    for name, size in about["files"].items():
        files.add_row(cell(name), f"{size:,}")
    on.print(files)
    settings = about["settings"]
    maker = "Nerine" if about["made_by_nerine"] else "another program"
    for line in (
        f"made by {maker}; scheme {settings['scheme']}; labels: {', '.join(about['labels'])}",
        f"windows of {settings['max_length']} subwords, run with {about['backend']}",
        f"{about['checkpoint']} is in {about['folder']}",
    ):
        on.print(cell(line), soft_wrap=True)
