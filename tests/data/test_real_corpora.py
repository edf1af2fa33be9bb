"""Published corpora next to the project, against a plain reader; skipped where they are missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nerine.core.errors import FormatError
from nerine.data.corpus import load_corpus
from nerine.data.formats import ReadOptions, read_documents
from nerine.data.split_files import split_named
from places import WNUT

CORPORA = WNUT.parent / "corpora"
FOLDERS = ("broad-twitter", "crossner-ai", "crossner-politics", "ncbi-disease")
EMPTY_TOKENS = {"btc.dev": 3, "btc.test": 2, "btc.train": 0}

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason=f"no corpora at {CORPORA}")


def counts(path: Path) -> tuple[int, int, int]:
    """Sentences, entities of IOB2, and tokens that are not empty, by splitting lines."""
    content = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    blocks = [each for each in re.split(r"\n\s*\n", content) if each.strip()]
    rows = [line.split("\t") for line in content.split("\n") if line.strip()]
    begins = sum(row[-1].startswith("B-") for row in rows)
    return len(blocks), begins, sum(bool(row[0]) for row in rows)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_corpus_is_read_like_by_a_plain_reader(name: str) -> None:
    corpus = load_corpus(CORPORA / name, options=ReadOptions(repair=name == "broad-twitter"))
    files = [each for each in (CORPORA / name).iterdir() if split_named(each.name)]
    assert sorted(corpus.splits) == sorted(filter(None, (split_named(e.name) for e in files)))
    for path in files:
        split = split_named(path.name) or ""
        documents, log = corpus.splits[split], corpus.logs[split]
        entities = sum(len(each.entities) for each in documents)
        tokens = sum(len(each.tokens or ()) for each in documents)
        assert (len(documents), entities, tokens) == counts(path), path.name
        assert log.format == "columns"
        assert (log.notes, log.repaired_tags) == ([], 0)  # two columns, beyond doubt
        assert sum(log.remarks.values()) == EMPTY_TOKENS.get(path.name, 0)


def test_empty_tokens_are_refused_without_repair() -> None:
    with pytest.raises(FormatError, match="the token is empty") as caught:
        list(read_documents(CORPORA / "broad-twitter" / "btc.dev"))
    assert "--repair" in (caught.value.hint or "")
