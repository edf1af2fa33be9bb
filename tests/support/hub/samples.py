"""A minimal model with a file of every kind, and folders on disk."""

from __future__ import annotations

from pathlib import Path

TOKEN = "hf_" + "mIrAsOwNtOkEn" * 3
"""Long enough to be known for a token, and to stand in no file by chance."""

WEIGHTS = bytes(range(256)) * 800
CARD = b"---\nlicense: mit\npipeline_tag: token-classification\ntags: [ner]\n---\n# A model\n"
FILES = {
    "README.md": CARD,
    "config.json": b'{"a": 1}\n',
    "model.safetensors": WEIGHTS,
    "onnx/model.onnx": b"onnx" * 999,
    "onnx/deep/er.txt": b"deep",
    "a b/ü#?%.txt": "ünïcode\n".encode(),
    "empty": b"",
}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Files on disk."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def read(folder: str | Path) -> dict[str, bytes]:
    """Files on disk, by their path in the folder."""
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
