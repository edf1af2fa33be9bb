"""LitServe's batching over `pipeline("ner")`.

    python -I litserve_batching.py CHECKPOINT PORT BATCH_SIZE SECONDS

What is read and written has no annotations, as in its examples; LitServe makes schemas of them.
"""

from __future__ import annotations

import sys
from typing import Any

import litserve
from transformers import pipeline

Entities = list[dict[str, Any]]


class NerAPI(litserve.LitAPI):  # type: ignore[misc]
    """Tags texts in batches."""

    def setup(self, device: str) -> None:
        """Loads the model."""
        self.ner = pipeline(  # type: ignore[call-overload]
            "ner", model=sys.argv[1], aggregation_strategy="simple", device=device
        )

    def decode_request(self, request):  # type: ignore[no-untyped-def]
        """The text of a request."""
        return str(request["inputs"])

    def batch(self, inputs: list[str]) -> list[str]:
        """The texts of a batch."""
        return inputs

    def predict(self, x: list[str]) -> list[Entities]:
        """The entities of each text."""
        return list(self.ner(x, batch_size=len(x)))

    def unbatch(self, output: list[Entities]) -> list[Entities]:
        """The entities of each text."""
        return output

    def encode_response(self, output):  # type: ignore[no-untyped-def]
        """The entities of a text."""
        return [{**entity, "score": float(entity["score"])} for entity in output]


if __name__ == "__main__":
    api = NerAPI(max_batch_size=int(sys.argv[3]), batch_timeout=float(sys.argv[4]))
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", generate_client_file=False
    )
