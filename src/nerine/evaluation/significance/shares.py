"""The interval of a share of entities, such as recall, near its bounds of 0 and 1.

Wilson's interval (Wilson, 1927) is right where nearly all entities are found, and a bootstrap is
not: of a sample without a single miss it gives [1, 1]. The entities of a document are not
independent, so their number is divided by the design effect of the documents: how many times larger
the variance of the share is than that of independent entities (Korn & Graubard, 1998).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from nerine.evaluation.significance.intervals import LEVEL, Interval, check_sampling


def share_interval(found: Sequence[int], total: Sequence[int], level: float = LEVEL) -> Interval:
    """The confidence interval of the share of entities that are found.

    Args:
        found: The number of entities found in each document.
        total: The number of entities in each document.
        level: The confidence level, between 0 and 1.

    Returns:
        Its bounds; 0 and 1 if there are no entities.

    Raises:
        SettingsError: If the level is out of range.
    """
    check_sampling(level, 1, 0)
    parts, wholes = np.asarray(found, float), np.asarray(total, float)
    entities, documents = wholes.sum(), int(np.count_nonzero(wholes))
    if not entities:
        return Interval(0.0, 1.0)
    share = float(parts.sum() / entities)
    effect = 1.0
    if 0 < share < 1 and documents > 1:
        spread = documents / (documents - 1) * float(np.sum((parts - share * wholes) ** 2))
        effect = max(1.0, spread / (share * (1 - share) * entities))
    return _wilson(share, entities / effect, level)


def _wilson(share: float, number: float, level: float) -> Interval:
    z = NormalDist().inv_cdf((1 + level) / 2)
    weight = z * z / number
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * share * (1 - share) + weight * weight / 4) / (1 + weight)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))
