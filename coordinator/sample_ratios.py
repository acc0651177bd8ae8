"""Sample-ratio checks: do the units seen have the declared shares? Of every split, by stratum. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from coordinator import wording as fmt
from coordinator.config import Config
from coordinator.model import Cells, Cohort, SampleRatioCheck, Stratum, UnitCell
from coordinator.stats.sample_ratio import sample_ratio
from coordinator.stats.sample_ratio_process import sequential_sample_ratio

RATIO_ALPHA = 0.001
ARM_CAUSES = "redirects or crashes in one arm, exposures logged late, bots filtered unevenly, a changed share"
CANARY_CAUSES = "a weight that is not what the config says, a rollout still under way, requests routed instead of units"


def sample_ratios(cells: Cells, config: Config, *, sequential: bool = False) -> tuple[SampleRatioCheck, ...]:
    """The units seen against the declared shares, in each stratum: every experiment's arms, and the canary.

    Args:
        cells: unit cells and strata.
        config: the experiments. The canary's is left out where its log lists canary units alone.
        sequential: whether the data is looked at more than once.
    """
    checks: list[SampleRatioCheck] = []
    for experiment in config.experiments:
        own = [cell for cell in cells.units if cell.experiment == experiment.id]
        reached = [item for item in cells.strata[experiment.id] if any(cell.stratum == item.index for cell in own)]
        canary = "canary" if len(config.experiments) == 1 else f"canary ({experiment.id})"
        for stratum in reached:
            here = [cell for cell in own if cell.stratum == stratum.index]
            step = f", step {stratum.index + 1}" if len(reached) > 1 else ""
            checks.append(_arms(experiment.id + step, here, stratum, list(experiment.split), sequential))
            if cells.facts[experiment.id].canary_log_complete:
                checks.append(_canary(canary + step, here, stratum, sequential))
    return tuple(checks)


def _arms(
    name: str, cells: Sequence[UnitCell], stratum: Stratum, arms: Sequence[str], sequential: bool
) -> SampleRatioCheck:
    total = sum(cell.units for cell in cells)
    observed = {arm: sum(cell.units for cell in cells if cell.arm == arm) for arm in arms}
    return ratio_check(name, observed, {arm: total * stratum.arm_shares[arm] for arm in arms}, sequential=sequential)


def _canary(name: str, cells: Sequence[UnitCell], stratum: Stratum, sequential: bool) -> SampleRatioCheck:
    total = sum(cell.units for cell in cells)
    observed = {str(side): sum(cell.units for cell in cells if cell.cohort is side) for side in Cohort}
    share = total * stratum.canary_share
    expected = {str(Cohort.CANARY): share, str(Cohort.BASELINE): total - share}
    return ratio_check(name, observed, expected, sequential=sequential)


def ratio_warnings(checks: Sequence[SampleRatioCheck]) -> list[str]:
    """One sentence for each mismatch, with its likely causes.

    Args:
        checks: from ``sample_ratios``.
    """
    return [
        f"Sample ratio mismatch of {check.split}: {_pairs(check.observed)} where {_pairs(check.expected)} were "
        f"expected ({fmt.p_phrase(check.p_value)}). Likely causes: "
        f"{CANARY_CAUSES if str(Cohort.CANARY) in check.observed else ARM_CAUSES}."
        for check in checks
        if check.mismatch
    ]


def _pairs(units: Mapping[str, float]) -> str:
    return ", ".join(f"`{label}` {fmt.count(round(count))}" for label, count in units.items() if math.isfinite(count))


def ratio_check(
    split: str, observed: dict[str, int], expected: dict[str, float], *, sequential: bool = False
) -> SampleRatioCheck:
    """One sample-ratio check at 0.001 (Fabijan et al. 2019).

    Args:
        split: whose it is.
        observed: units by label.
        expected: units by label, as declared; same labels.
        sequential: whether it is looked at more than once (Lindon & Malek 2022). Only without a ramp.
    """
    total = sum(expected.values())
    if total <= 0 or sum(observed.values()) <= 0:
        return SampleRatioCheck(split, observed, expected, None, mismatch=False)
    test = sequential_sample_ratio if sequential else sample_ratio
    p = test(list(observed.values()), [expected[label] / total for label in observed])
    # counts that are no counts (a negative one) match no split
    return SampleRatioCheck(split, observed, expected, None if math.isnan(p) else p, mismatch=not p >= RATIO_ALPHA)
