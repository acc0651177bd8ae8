"""How often the canary gate is wrong: five metrics drawn at random, a handful of traffic cells, as counts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest

from coordinator.canary import judge_canary
from coordinator.config import Config
from coordinator.model import CanaryVerdict, Cells, Cohort, Counts, MetricCell, Moments, Window

START = datetime(2026, 5, 5, 14, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(minutes=30))
RATES = {
    "error_rate": 0.003,
    "5xx_rate": 0.0005,
    "timeout_rate": 0.003,
    "checkout_completion_rate": 0.7,
    "signup_rate": 0.04,
}
LIMITS = {
    "error_rate": {"absolute": {"max": 1.0}, "relative": {"max": 1.5}},
    "5xx_rate": {"relative": {"max": 1.5}},
    "timeout_rate": {"absolute": {"max": 0.5}},
    "checkout_completion_rate": {"absolute": {"min": 60}, "relative": {"min": 0.95}},
    "signup_rate": {"relative": {"min": 0.95}},
    "p50_latency": {"relative": {"max": 1.2}, "type": "mean"},
    "p95_latency": {"relative": {"max": 1.2}, "absolute": {"max": 500}, "type": "mean"},
}
FIVE = ("error_rate", "checkout_completion_rate", "signup_rate", "p50_latency", "p95_latency")


@cache
def config(share: float, only: tuple[str, ...]) -> Config:
    return Config.model_validate(
        {
            "canary": {"share": f"{share * 100}%", "routing_unit": "user_id", "window": "30m"},
            "experiments": [{"id": "banner", "unit": "user_id", "split": {"control": "50%", "treatment": "50%"}}],
            "thresholds": {name: LIMITS[name] for name in only},
        }
    )


def draw(rng: np.random.Generator, n: int, share: float, factors: dict[str, float], only: tuple[str, ...]) -> Cells:
    sizes = {Cohort.CANARY: round(n * share), Cohort.BASELINE: n - round(n * share)}
    found = []
    for cohort, size in sizes.items():
        for name in only:
            factor = factors.get(name, 1.0) if cohort is Cohort.CANARY else 1.0
            if name in RATES:
                data: Counts | Moments = Counts(int(rng.binomial(size, RATES[name] * factor)), size)
            else:
                mean = 300 * factor
                sample = rng.normal(mean, 190 / size**0.5)
                data = Moments(size, float(sample), float(190**2 * rng.chisquare(size - 1)))
            found.append(MetricCell(name, cohort, data))
    return Cells(metrics=tuple(found), windows={"canary": WINDOW})


def verdicts(
    seed: int, runs: int, n: int, share: float, only: tuple[str, ...] = FIVE, **factors: float
) -> Counter[CanaryVerdict]:
    rng = np.random.default_rng(seed)
    made = config(share, only)
    return Counter(judge_canary(draw(rng, n, share, factors, only), made).verdict for _ in range(runs))


@pytest.mark.parametrize(
    ("n", "share"), [(2_000, 0.05), (20_000, 0.01), (50_000, 0.05), (500_000, 0.05), (20_000, 0.5), (500_000, 0.5)]
)
def test_a_healthy_release_is_hardly_ever_rolled_back(n: int, share: float) -> None:
    runs = 800
    found = verdicts(n, runs, n, share)
    # 2.1 % at worst in the long run, and three standard errors of this many runs
    assert found[CanaryVerdict.ROLLBACK] / runs <= 0.025 + 3 * (0.025 * 0.975 / runs) ** 0.5, found


@pytest.mark.parametrize(("n", "share"), [(2_000_000, 0.05), (500_000, 0.5)])
def test_a_healthy_release_with_enough_traffic_is_promoted(n: int, share: float) -> None:
    found = verdicts(1, 500, n, share)
    assert found[CanaryVerdict.PROMOTE] / 500 >= 0.93, found


@pytest.mark.parametrize("name", ["error_rate", "5xx_rate"])
@pytest.mark.parametrize(
    ("n", "share"), [(20_000, 0.05), (60_000, 0.05), (120_000, 0.05), (250_000, 0.05), (20_000, 0.5), (50_000, 0.5)]
)
def test_twice_the_errors_are_hardly_ever_promoted(n: int, share: float, name: str) -> None:
    runs = 600
    found = verdicts(n, runs, n, share, (name,), **{name: 2.0})
    assert found[CanaryVerdict.PROMOTE] / runs <= 0.06, found


@pytest.mark.parametrize("n", [2_000, 12_000, 14_000, 20_000])
def test_errors_beyond_the_absolute_limit_are_hardly_ever_promoted_for_want_of_events(n: int) -> None:
    # 0.6 % where 0.5 % are allowed: "no adverse event at all" promotes once its bound is inside every limit
    runs = 1_000
    found = verdicts(n, runs, n, 0.05, ("timeout_rate",), timeout_rate=2.0)
    assert found[CanaryVerdict.PROMOTE] / runs <= 0.06, found


@pytest.mark.parametrize("n", [50_000, 500_000, 2_000_000])
def test_twice_the_errors_among_five_metrics_are_hardly_ever_promoted(n: int) -> None:
    found = verdicts(n, 400, n, 0.05, error_rate=2.0)
    assert found[CanaryVerdict.PROMOTE] / 400 <= 0.06, found


@pytest.mark.parametrize(("name", "factor"), [("p95_latency", 1.4), ("checkout_completion_rate", 0.9)])
def test_twice_the_limit_of_another_metric_is_hardly_ever_promoted(name: str, factor: float) -> None:
    for n in (500, 2_000, 10_000):
        found = verdicts(n, 300, n, 0.05, (name,), **{name: factor})
        assert found[CanaryVerdict.PROMOTE] / 300 <= 0.06, (n, found)


def test_twenty_looks_with_always_valid_tests_roll_back_hardly_ever() -> None:
    runs, looks, wrong = 200, 20, 0
    rng = np.random.default_rng(5)
    made = config(0.05, ("error_rate",))
    for _ in range(runs):
        mine = other = Counts(0, 0)
        for look in range(1, looks + 1):
            mine += Counts(int(rng.binomial(2_500, 0.005)), 2_500)
            other += Counts(int(rng.binomial(47_500, 0.005)), 47_500)
            end = START + timedelta(minutes=30 * look)
            cells = Cells(
                metrics=(
                    MetricCell("error_rate", Cohort.CANARY, mine),
                    MetricCell("error_rate", Cohort.BASELINE, other),
                ),
                windows={"canary": Window(START, end)},
            )
            if judge_canary(cells, made, looks=None).verdict is CanaryVerdict.ROLLBACK:
                wrong += 1
                break
    assert wrong / runs <= 0.05, wrong
