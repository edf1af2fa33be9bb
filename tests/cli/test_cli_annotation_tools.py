"""Exports of annotation tools on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from nerine.cli import main
from nerine.data.formats import read_documents


def test_a_folder_of_a_storage_is_converted_like_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "storage"
    folder.mkdir()
    value = {"start": 0, "end": 11, "labels": ["PER"]}
    region = {"from_name": "ner", "to_name": "text", "type": "labels", "value": value}
    data = {"text": "Ines Duarte moved to Porto."}
    for number in (9, 10):
        record = {"id": number, "task": {"id": 4, "data": data}, "result": [region]}
        (folder / str(number)).write_text(json.dumps({**record, "completed_by": 1}))
    target = tmp_path / "out.jsonl"
    arguments = ["convert", str(folder), str(target), "--annotations", "union"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    (document,) = read_documents(target)
    assert [each.label for each in document.entities] == ["PER"]
