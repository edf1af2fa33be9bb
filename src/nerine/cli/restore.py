"""`nerine restore`: put back what `nerine redact` replaced."""

from __future__ import annotations

from pathlib import Path

import click

from nerine.cli.flags import FILE, json_option, output_option
from nerine.cli.help import Command
from nerine.cli.redact import key_in, key_option
from nerine.cli.terminal import console, print_json, print_line, working
from nerine.core.display import counted


@click.command(
    cls=Command,
    short_help="Put back what redact replaced.",
    epilog="""\b
Examples:
  nerine redact runs/wnut posts.txt -o safe.txt --mapping posts.map
  nerine restore safe.txt posts.map -o posts-again.txt

REDACTED must be unchanged since. Records that failed are not in it, and so not restored.
""",
)
@click.argument("redacted", type=FILE)
@click.argument("mapping", type=FILE)
@output_option("OUTPUT", "File or folder to write; it must not exist.")
@key_option
@json_option
def restore(
    redacted: Path, mapping: Path, output: Path, key_file: Path | None, as_json: bool
) -> None:
    """Write REDACTED, a file or folder, with the names of its MAPPING: byte for byte as it was."""
    from nerine.serving.redaction import restore_files

    with working(f"restoring {redacted}"):
        done = restore_files(redacted, mapping, output, key=key_in(key_file))
    if as_json:
        print_json(done.to_dict())
        return
    files = counted(len(done.outputs), "file")
    print_line(console(), f"{counted(done.parts, 'name')} put back, {files} written: {output}")
