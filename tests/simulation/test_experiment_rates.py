"""How often the experiment gate is wrong: seeded simulations of whole experiments, as counts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from coordinator.config import Config
from coordinator.experiment import judge_experiment
from coordinator.model import (
    ArmCell,
    Audit,
    AuditVerdict,
    CellData,
    Cells,
    Cohort,
    Counts,
    ExperimentVerdict,
    Histogram,
    MetricCell,
)

SINCE, UNTIL = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
HALVES = {"control": 0.5, "treatment": 0.5}
AUDIT = Audit(AuditVerdict.CLEAN, "evidence", (), True, "unconfirmed", 1_000, 50, 0, 0, 0, 0.01, ())


def config(mde: dict[str, Any], split: dict[str, float] | None = None) -> Config:
    split = split or HALVES
    variants = [{"name": arm, "cohort_size": "1", "metrics": {}} for arm in split]
    document = {"experiment_id": "banner", "running_since": SINCE, "running_until": UNTIL, "variants": variants}
    shares = {arm: f"{share * 100}%" for arm, share in split.items()}
    return Config.model_validate(
        {
            "canary": {"share": "5%", "routing_unit": "user_id"},
            "experiments": [{"id": "banner", "unit": "user_id", "split": shares}],
            "mdes": {"banner": mde},
            "experiment_documents": {"banner": document},
        }
    )


def judge(made: Config, n: int, now: datetime = UNTIL, /, **metrics: dict[str, CellData]) -> ExperimentVerdict:
    cells = Cells(
        metrics=tuple(
            MetricCell(name, None, data, 0, "banner", arm)
            for name, sides in metrics.items()
            for arm, data in sides.items()
        ),
        arms=tuple(ArmCell("banner", 0, arm, Cohort.BASELINE, n) for arm in made.experiments[0].split),
    )
    return judge_experiment(cells, made, "banner", AUDIT, now=now).verdict


def rates(rng: np.random.Generator, n: int, control: float, treatment: float) -> dict[str, CellData]:
    return {
        "control": Counts(int(rng.binomial(n, control)), n),
        "treatment": Counts(int(rng.binomial(n, treatment)), n),
    }


def at_most(seen: int, runs: int, chance: float) -> bool:
    """Within three standard errors of a chance."""
    return seen / runs <= chance + 3 * (chance * (1 - chance) / runs) ** 0.5


@pytest.mark.parametrize(("n", "rate"), [(200, 0.3), (5_000, 0.05), (50_000, 0.68), (400, 0.01)])
def test_without_an_effect_hardly_anything_ships(n: int, rate: float) -> None:
    made, rng, runs = config({}), np.random.default_rng(n), 2_000
    found = Counter(judge(made, n, checkout_rate=rates(rng, n, rate, rate)) for _ in range(runs))
    assert at_most(found[ExperimentVerdict.SHIP], runs, 0.025), found


def test_an_mde_makes_false_wins_rarer_still() -> None:
    made, rng, runs = config({"checkout_rate": {"mde_relative": 5.0}}), np.random.default_rng(2), 2_000
    found = Counter(judge(made, 50_000, checkout_rate=rates(rng, 50_000, 0.68, 0.68)) for _ in range(runs))
    assert found[ExperimentVerdict.SHIP] == 0
    assert found[ExperimentVerdict.DONT_SHIP] / runs >= 0.99


def test_several_arms_and_metrics_do_not_add_up_to_false_wins() -> None:
    split = {"control": 0.25, "a": 0.25, "b": 0.25, "c": 0.25}
    made, rng, runs, n = config({}, split), np.random.default_rng(3), 800, 10_000

    def draw() -> dict[str, CellData]:
        return {arm: Counts(int(rng.binomial(n, 0.3)), n) for arm in split}

    found = Counter(judge(made, n, checkout_rate=draw(), signup_rate=draw(), add_rate=draw()) for _ in range(runs))
    assert at_most(found[ExperimentVerdict.SHIP], runs, 0.05), found


def test_heavy_tailed_revenue_ships_no_more_often_than_it_may() -> None:
    made, rng, runs, n = config({}), np.random.default_rng(4), 400, 500

    def draw() -> Histogram:
        return Histogram.of(((rng.random(n) < 0.1) * np.round(rng.lognormal(3, 1.5, n), 2)).tolist())

    found = Counter(judge(made, n, revenue={"control": draw(), "treatment": draw()}) for _ in range(runs))
    assert at_most(found[ExperimentVerdict.SHIP], runs, 0.025), found


def test_an_effect_of_twice_the_mde_ships_with_the_units_that_were_asked_for() -> None:
    made, rng, runs = config({"checkout_rate": {"mde_absolute": 1.0}}), np.random.default_rng(6), 500
    n = 34_100  # required_n at 68 % and one point
    found = Counter(judge(made, n, checkout_rate=rates(rng, n, 0.68, 0.70)) for _ in range(runs))
    assert found[ExperimentVerdict.SHIP] / runs >= 0.98, found


def test_an_effect_of_just_the_mde_wins_half_of_the_time() -> None:
    made, rng, runs = config({"checkout_rate": {"mde_absolute": 1.0}}), np.random.default_rng(7), 500
    found = Counter(judge(made, 60_000, checkout_rate=rates(rng, 60_000, 0.68, 0.69)) for _ in range(runs))
    assert 0.42 <= found[ExperimentVerdict.SHIP] / runs <= 0.58, found


def test_a_harmful_variant_never_ships() -> None:
    made, rng = config({"checkout_rate": {"mde_absolute": 1.0}}), np.random.default_rng(8)
    found = Counter(judge(made, 20_000, checkout_rate=rates(rng, 20_000, 0.68, 0.66)) for _ in range(400))
    assert found[ExperimentVerdict.SHIP] == 0
    assert found[ExperimentVerdict.DONT_SHIP] / 400 >= 0.98


def test_thirty_looks_before_the_end_ship_no_more_often_than_alpha() -> None:
    made, rng, runs, looks, n = config({}), np.random.default_rng(9), 200, 30, 1_000
    wrong = 0
    for _ in range(runs):
        totals = [Counts(0, 0), Counts(0, 0)]
        for look in range(1, looks + 1):
            totals = [side + Counts(int(rng.binomial(n, 0.3)), n) for side in totals]
            now = SINCE + (UNTIL - SINCE) * look / looks - timedelta(seconds=1)
            sides: dict[str, CellData] = dict(zip(HALVES, totals, strict=True))
            if judge(made, n * look, now, checkout_rate=sides) is ExperimentVerdict.SHIP:
                wrong += 1
                break
    assert wrong / runs <= 0.05, wrong
