"""What Elasticsearch's way of decoding costs: its rules, written down in Python, beside Nerine's.

The rules are those of `NerProcessor` for BERT's tokenizer: a softmax for each subword, the mean of
these over the subwords of each word, the likeliest tag of each word; words follow an entity unless
their tag begins with `B` or has another label. Texts are cut at 512 subwords. Elasticsearch itself
is not run.

    python -m bench.elastic_decoding CHECKPOINT [CORPUS]
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

import nerine

LONGEST = 512
Tagged = tuple[int, int, str]
"""The range of a word in code points, and its tag."""


def main() -> None:
    """Prints the strict F1 of both."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("checkpoint")
    options.add_argument("corpus", nargs="?", default="sample")
    given = options.parse_args()
    documents = nerine.load_corpus(given.corpus).test
    found = elastic(given.checkpoint, documents)
    tagger = nerine.Tagger.load(given.checkpoint, backend="pytorch", device="cpu")
    print(f"{given.corpus}: {len(documents)} texts of the test split, strict F1")
    print(f"Elasticsearch's rules  {nerine.score(documents, found).overall.f1:.4f}")
    print(f"Nerine                 {nerine.evaluate(tagger, documents).overall.f1:.4f}")


def elastic(checkpoint: str, documents: Sequence[nerine.Document]) -> list[nerine.Document]:
    """The documents with the entities that Elasticsearch's rules give."""
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForTokenClassification.from_pretrained(checkpoint).eval()
    return [
        document.with_entities(grouped(tagged(tokenizer, model, document.text)))
        for document in documents
    ]


@torch.inference_mode()
def tagged(tokenizer: Any, model: Any, text: str) -> list[Tagged]:
    """The words of a text with their likeliest tags."""
    encoded = tokenizer(
        text, return_tensors="pt", return_offsets_mapping=True, truncation=True, max_length=LONGEST
    )
    offsets = encoded.pop("offset_mapping")[0].tolist()
    probs = model(**encoded).logits[0].softmax(-1)
    words = enumerate(encoded.word_ids(0))
    found = []
    for word, pieces in itertools.groupby(words, key=lambda each: each[1]):
        if word is not None:  # [CLS] and [SEP] are of none
            places = [index for index, _ in pieces]
            tag = model.config.id2label[int(probs[places].mean(0).argmax())]
            found.append((offsets[places[0]][0], offsets[places[-1]][1], tag))
    return found


def grouped(words: Sequence[Tagged]) -> Iterator[nerine.Entity]:
    """The entities of tagged words."""
    open_: Tagged | None = None
    for start, end, tag in words:
        label = tag[2:]
        if open_ and label and label == open_[2] and not tag.startswith("B"):
            open_ = (open_[0], end, label)
            continue
        if open_:
            yield nerine.Entity(*open_)
        open_ = (start, end, label) if label else None
    if open_:
        yield nerine.Entity(*open_)


if __name__ == "__main__":
    main()
