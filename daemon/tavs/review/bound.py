"""How much may have been missed, given what a person found in a sample.

Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26
(1934): exact, so it never promises more than the sample bears.
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p

CONFIDENCE = 0.95
STEPS = 60


def upper_bound(misses: int, segments: int, confidence: float = CONFIDENCE) -> float:
    """Largest share of segments with a miss that `misses` of `segments` leaves possible (one-sided).

    >>> round(upper_bound(0, 300), 4), round(upper_bound(3, 300), 4), upper_bound(5, 5), upper_bound(0, 0)
    (0.0099, 0.0256, 1.0, 1.0)
    """
    if misses >= segments:
        return 1.0
    low, high = misses / segments, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(misses, segments, middle) > 1 - confidence else (low, middle)
    return high


def _at_most(misses: int, segments: int, share: float) -> float:
    """Probability of `misses` or fewer, each segment having one with probability `share`."""
    if share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    terms = (
        lgamma(segments + 1)
        - lgamma(k + 1)
        - lgamma(segments - k + 1)
        + k * log(share)
        + (segments - k) * log1p(-share)
        for k in range(misses + 1)
    )
    return sum(map(exp, terms))
