"""`nerine pull`: fetch a checkpoint from the hub into its cache, and check it."""

from __future__ import annotations

import click

from nerine.cli.completion import CHECKPOINT
from nerine.cli.flags import json_option
from nerine.cli.help import Command
from nerine.cli.model_options import ModelOptions, model_options
from nerine.cli.terminal import console, number_table, print_json, print_line
from nerine.core.errors import HubError
from nerine.core.filenames import INFO_FILE


@click.command(
    cls=Command,
    short_help="Fetch a model from the hub, and check it.",
    epilog="""\b
Examples:
  nerine pull mira/wnut
  nerine pull mira/wnut@v1.2 --json
  nerine pull somebody/bert-ner --tags O,B-person,I-person
  HF_HUB_OFFLINE=1 nerine predict mira/wnut "Mira Okonjo left Tandem Labs."

Log in with hf auth login, or set HF_TOKEN. HF_HUB_CACHE sets the folder of the cache.
""",
)
@click.argument("repository", type=CHECKPOINT)
@model_options
@json_option
def pull(repository: str, model: ModelOptions, as_json: bool) -> None:
    """Fetch REPOSITORY, as owner/name or owner/name@revision, and check it.

    Any token-classification model of the hub, made by Nerine or not. Only the files that Nerine
    uses are fetched: safetensors weights, the tokenizer, the settings, and the models of nerine
    optimize. Sizes and hashes are compared with the hub's list, and the model is loaded once, so
    that faults show now. All commands then take the same name, with or without a network.
    """
    source = model.find(repository)
    if source.snapshot is None:
        raise HubError(
            "this is a folder, so there is nothing to pull",
            place=repository,
            expected="a repository on the hub, as owner/name",
        )
    tagger = model.load(source)
    paths = (path for path in source.folder.rglob("*") if path.is_file())
    sizes = {path.relative_to(source.folder).as_posix(): path.stat().st_size for path in paths}
    files = dict(sorted(sizes.items()))
    settings = tagger.settings.to_dict()
    if as_json:
        print_json(
            {
                "checkpoint": tagger.name,
                "folder": str(source.folder),
                "made_by_nerine": INFO_FILE in files,
                "files": files,
                "labels": list(tagger.labels),
                "settings": settings,
                "backend": tagger.inference.backend.name,
                "notes": list(tagger.notes),
            }
        )
        return
    on = console()
    rows = ((name, f"{size:,}") for name, size in files.items())
    on.print(number_table("file", ["bytes"], rows))
    maker = "Nerine" if INFO_FILE in files else "another program"
    labels = ", ".join(tagger.labels)
    print_line(on, f"made by {maker}; scheme {settings['scheme']}; labels: {labels}")
    length = settings["max_length"]
    print_line(on, f"windows of {length} subwords, run with {tagger.inference.backend.name}")
    print_line(on, f"{tagger.name} is in {source.folder}")
