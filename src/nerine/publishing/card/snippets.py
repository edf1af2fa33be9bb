"""Code that uses a checkpoint: it can be copied and run as it stands."""

from __future__ import annotations

SENTENCE = "Mira Okonjo left Tandem Labs for Lisbon to build the Quill 3."
"""What every snippet is run on."""

_KNOWN_TO_PIPELINE = ("IOB1", "IOB2")


def with_nerine(repo_id: str, revision: str | None, thresholds: bool) -> str:
    """Whole words, the best sequence of tags, exact scores."""
    saved = ', thresholds="saved"' if thresholds else ""
    return f"""\
from nerine import Tagger

tagger = Tagger.load({_arguments(repo_id, revision)}{saved})
document = tagger({_quoted(SENTENCE)})
for entity in document.entities:
    print(entity.label, document.surface(entity), round(entity.score, 4))
"""


def with_pipeline(repo_id: str, revision: str | None, scheme: str) -> str:
    """transformers alone: each word has the tag of its first subword."""
    strategy = "first" if scheme in _KNOWN_TO_PIPELINE else "none"
    label = "entity_group" if scheme in _KNOWN_TO_PIPELINE else "entity"
    return f"""\
from transformers import pipeline

text = {_quoted(SENTENCE)}
recogniser = pipeline(
    "ner",
    model={_arguments(repo_id, revision)},
    aggregation_strategy="{strategy}",
)
for found in recogniser(text):
    print(found["{label}"], text[found["start"] : found["end"]], round(float(found["score"]), 4))
"""


def by_hand(repo_id: str, revision: str | None) -> str:
    """Each step alone: subwords, logits, the most probable tag of each subword."""
    arguments = _arguments(repo_id, revision)
    return f"""\
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

text = {_quoted(SENTENCE)}
tokenizer = AutoTokenizer.from_pretrained({arguments})
model = AutoModelForTokenClassification.from_pretrained({arguments})

inputs = tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
offsets = inputs.pop("offset_mapping")[0].tolist()
with torch.inference_mode():
    probabilities = model(**inputs).logits[0].softmax(dim=-1)

for (start, end), of_tags in zip(offsets, probabilities):
    if start < end:  # special subwords cover nothing
        tag = model.config.id2label[int(of_tags.argmax())]
        print(tag, text[start:end], round(float(of_tags.max()), 4))
"""


def _arguments(repo_id: str, revision: str | None) -> str:
    """The first arguments of whatever loads a checkpoint, as Python writes them."""
    name = _quoted(repo_id)
    return name if revision is None else f"{name}, revision={_quoted(revision)}"


def _quoted(text: str) -> str:
    """A string literal in ASCII, in double quotes where that can be."""
    literal = ascii(text)
    return f'"{literal[1:-1]}"' if '"' not in text and literal[0] == "'" else literal
