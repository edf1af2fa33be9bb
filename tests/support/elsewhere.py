"""Runs checkpoints with transformers alone, in a process without Nerine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

# On a machine without Nerine, importing it fails.
_SCRIPT = """
import json, sys
sys.modules["nerine"] = None
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

try:
    import nerine
except ImportError:
    pass
else:
    raise SystemExit("there is a Nerine")

texts = json.loads(sys.argv[1])
for name in sys.argv[2:]:
    tokenizer = AutoTokenizer.from_pretrained(name)
    model = AutoModelForTokenClassification.from_pretrained(name)
    with torch.inference_mode():
        logits = [model(**tokenizer(text, return_tensors="pt")).logits.tolist() for text in texts]
    found = pipeline("ner", model=name, aggregation_strategy="first")(texts)
    found = [[{**each, "score": float(each["score"])} for each in every] for every in found]
    print(json.dumps({"tags": model.config.id2label, "logits": logits, "found": found}))
"""


def arguments(texts: Sequence[str], *names: str) -> list[str]:
    """Arguments of a Python process that tags `texts` with each of the checkpoints `names`.

    It prints a line of JSON for each: tags, the logits of each subword, the pipeline's entities.
    """
    return ["-c", _SCRIPT, json.dumps(texts), *names]


def told(printed: str) -> list[dict[str, Any]]:
    """The parsed output of such a process."""
    return [json.loads(line) for line in printed.splitlines()]
