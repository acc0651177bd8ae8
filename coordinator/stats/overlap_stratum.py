"""One arm's overlap with the canary in one stratum: what ``overlap`` and ``overlap_luck`` work on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OverlapStratum:
    """One arm's overlap with the canary in one stratum.

    Attributes:
        units: units in both logs, of all cohorts and arms.
        canary: of them, units in the canary.
        arm: of them, units in the arm.
        both: units in the canary and in the arm.
        canary_share: declared share of the canary, 0 to 1.
        arm_share: declared share of the arm, 0 to 1.

    >>> OverlapStratum(1000, 50, 500, 25, 0.05, 0.5).both
    25
    """

    units: int
    canary: int
    arm: int
    both: int
    canary_share: float
    arm_share: float
