"""Text → documents with entities: the one way through the model.

Training, scoring, the command line and the server all take it.
"""

from __future__ import annotations

from nerine.tagger.choices import ThresholdChoice
from nerine.tagger.pipeline import Failure
from nerine.tagger.tagging import Tagger

__all__ = ["Failure", "Tagger", "ThresholdChoice"]
