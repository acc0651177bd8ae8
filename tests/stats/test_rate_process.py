"""The rate-ratio e-process: oracles, and error rates over 30 looks by simulation."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from coordinator.model import Counts
from coordinator.stats.rate_process import _SCALE, rate_ratio_process

NAN, INF = math.nan, math.inf
LOOKS = 30


@st.composite
def counts(draw):
    trials = draw(st.integers(1, 3000))
    return Counts(draw(st.integers(0, min(trials, draw(st.sampled_from([3, 60, 3000]))))), trials)


PAIRS = st.lists(st.tuples(counts(), counts()), min_size=1, max_size=6)


def log_likelihood(pairs, x):
    total = 0.0
    for t, c in pairs:
        logit = math.log(t.trials / c.trials) + x
        total += t.events * float(special.log_expit(logit)) + c.events * float(special.log_expit(-logit))
    return total


def slow_log_mixture(pairs):
    """By adaptive quadrature."""

    def log_integrand(x):
        half = x / _SCALE
        return log_likelihood(pairs, x) + float(special.log_expit(half) + special.log_expit(-half)) - math.log(_SCALE)

    grid = np.linspace(-40, 40, 16001)
    logs = np.array([log_integrand(x) for x in grid])
    top, at = logs.max(), float(grid[logs.argmax()])
    ends = [float(grid[logs > top - 35][0]), at, float(grid[logs > top - 35][-1])]
    area = sum(
        integrate.quad(lambda x: math.exp(log_integrand(x) - top), a, b, limit=200)[0]
        for a, b in pairwise(ends)
        if b > a
    )
    return top + math.log(area)


@pytest.mark.parametrize(
    "pairs",
    [
        [(Counts(3, 500), Counts(0, 9500)), (Counts(2, 300), Counts(1, 5700))],
        [(Counts(30, 1000), Counts(31, 1000)), (Counts(400, 500), Counts(300, 500)), (Counts(0, 10), Counts(5, 10))],
        [(Counts(0, 100), Counts(40, 100))],
    ],
)
def test_agrees_with_quadrature(pairs):
    logs = [slow_log_mixture(pairs[: i + 1]) for i in range(len(pairs))]
    p_value, interval = rate_ratio_process(pairs, alpha=0.05)
    expected = min(1.0, math.exp(-max(e - log_likelihood(pairs[: i + 1], 0.0) for i, e in enumerate(logs))))
    assert p_value == pytest.approx(expected, rel=1e-6)
    for end in (interval.low, interval.high):  # at a finite end the e-process has just reached 20
        if -1 < end < INF:
            x = math.log1p(end)
            highest = max(e - log_likelihood(pairs[: i + 1], x) for i, e in enumerate(logs))
            assert highest == pytest.approx(math.log(20), abs=1e-6)


def test_is_the_uniform_beta_mixture_with_a_logistic_prior_of_scale_one(monkeypatch):
    monkeypatch.setattr("coordinator.stats.rate_process._SCALE", 1.0)
    p_value, _ = rate_ratio_process([(Counts(30, 1000), Counts(8, 1000))])
    log_e = special.betaln(31, 9) + 38 * math.log(2)  # logit(share) logistic = share uniform
    assert p_value == pytest.approx(math.exp(-log_e), rel=1e-9)


def test_what_the_design_promises_for_a_zero_baseline():
    at_a_twentieth, interval = rate_ratio_process([(Counts(5, 500), Counts(0, 9500))])
    assert at_a_twentieth < 0.005
    assert interval.low > 1
    assert interval.high == INF
    at_a_half, interval = rate_ratio_process([(Counts(4, 500), Counts(0, 500))])
    assert at_a_half > 0.05
    assert interval.low < 0


@settings(max_examples=40, deadline=None)
@given(PAIRS)
def test_swapped_sides_mirror(pairs):
    p_value, interval = rate_ratio_process(pairs)
    swapped, mirrored = rate_ratio_process([(c, t) for t, c in pairs])
    assert swapped == pytest.approx(p_value, rel=1e-6)
    assert (interval is None) == (mirrored is None)
    if interval is not None and interval.low > -1 and mirrored.low > -1:
        assert math.log1p(mirrored.low) == pytest.approx(-math.log1p(interval.high), abs=1e-6)
        assert math.log1p(mirrored.high) == pytest.approx(-math.log1p(interval.low), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(PAIRS, st.sampled_from([0.2, 0.05, 0.01]))
def test_p_falls_with_the_looks_and_agrees_with_the_interval(pairs, alpha):
    values = [rate_ratio_process(pairs[: i + 1], alpha=alpha)[0] for i in range(len(pairs))]
    assert all(b <= a * (1 + 1e-9) for a, b in pairwise(values))
    if len(pairs) == 1 or values[-1] > alpha:
        _, interval = rate_ratio_process(pairs, alpha=alpha)
        outside = interval is not None and not interval.low <= 0 <= interval.high
        assert outside == (values[-1] <= alpha)


def test_empty_intervals_change_nothing():
    pairs = [(Counts(9, 500), Counts(40, 9500)), (Counts(4, 500), Counts(31, 9500))]
    empty = [(Counts(0, 500), Counts(0, 9500)), (Counts(NAN, 5), Counts(1, 5)), (Counts(0, 0), Counts(1, 5))]
    assert rate_ratio_process([*empty, pairs[0], *empty, pairs[1]]) == rate_ratio_process(pairs)


def test_odd_input():
    assert rate_ratio_process([(Counts(0, 10), Counts(0, 10))]) == (1.0, None)
    good = (Counts(1, 10), Counts(2, 10))
    for pairs in ([], [(Counts(NAN, 10), good[0])], [(Counts(-1, 10), good[0])], [(Counts(1, 1e300), good[0])]):
        p_value, interval = rate_ratio_process(pairs)
        assert math.isnan(p_value)
        assert interval is None
    assert math.isnan(rate_ratio_process([good], alpha=NAN)[0])
    assert rate_ratio_process([(Counts(10, 10), Counts(10, 10))])[0] == 1.0


def test_an_effect_that_turns_round_still_has_an_interval():
    p_value, interval = rate_ratio_process(
        [(Counts(900, 1000), Counts(90, 1000)), (Counts(90, 1000), Counts(900, 1000))]
    )
    assert p_value < 1e-6
    assert interval.low < 0 < interval.high


def test_large_counts_and_many_intervals():
    p_value, interval = rate_ratio_process([(Counts(10**9, 10**11), Counts(10**9, 10**11))])
    assert p_value == 1.0
    assert interval.high - interval.low < 5e-4
    rng = np.random.default_rng(3)
    rows = zip(rng.poisson(2, 400).tolist(), rng.poisson(19, 400).tolist(), strict=True)
    p_value, interval = rate_ratio_process([(Counts(t, 500), Counts(c, 9500)) for t, c in rows])
    assert p_value < 1e-20
    assert interval.low < 1 < interval.high


def simulate(seed, *, units, share, rate, ratio=1.0, runs=100, alpha=0.05):
    """Shares of runs in which 30 looks ever reject, and in which the interval covers."""
    rng = np.random.default_rng(seed)
    sizes = round(units * share / LOOKS), round(units * (1 - share) / LOOKS)
    treated = rng.binomial(sizes[0], rate * ratio, (runs, LOOKS)).tolist()
    control = rng.binomial(sizes[1], rate, (runs, LOOKS)).tolist()
    rejected = covered = 0
    for t, c in zip(treated, control, strict=True):
        pairs = [(Counts(a, sizes[0]), Counts(b, sizes[1])) for a, b in zip(t, c, strict=True)]
        p_value, interval = rate_ratio_process(pairs, alpha=alpha)
        rejected += p_value <= alpha
        covered += interval is None or interval.low <= ratio - 1 <= interval.high
    return rejected / runs, covered / runs


@pytest.mark.parametrize("share", [0.05, 0.5])
@pytest.mark.parametrize("rate", [0.001, 0.02, 0.4])
def test_thirty_looks_without_effect(share, rate):
    rejected, covered = simulate(1, units=60_000, share=share, rate=rate)
    assert rejected <= 0.05  # the p-value is the running one: any look counts
    assert covered >= 0.95


@pytest.mark.parametrize(("ratio", "rate"), [(2.0, 0.01), (0.5, 0.02), (1.5, 0.4)])
def test_covers_a_true_effect_at_all_looks(ratio, rate):
    _, covered = simulate(2, units=30_000, share=0.2, rate=rate, ratio=ratio)
    assert covered >= 0.93  # 95 %, less what 100 runs leave open


def test_power_of_a_doubled_error_rate():
    # 1,000 canary units at 1 % for the fixed test (one-sided 5 %), 1.8 times that here.
    found, _ = simulate(3, units=36_000, share=0.05, rate=0.01, ratio=2.0, runs=200, alpha=0.10)
    assert found >= 0.77
    found, _ = simulate(4, units=60_000, share=0.05, rate=0.01, ratio=2.0)
    assert found >= 0.85


def test_shares_that_ramp_do_not_mislead():
    # 1 % to 50 % while the error rate falls: pooled counts would say that the canary is better.
    rng = np.random.default_rng(5)
    sizes = [(round(2000 * s), round(2000 * (1 - s))) for s in np.geomspace(0.01, 0.5, LOOKS)]
    rates = np.geomspace(0.05, 0.005, LOOKS)
    rejected = 0
    for _ in range(60):
        pairs = [
            (Counts(int(rng.binomial(t, r)), t), Counts(int(rng.binomial(c, r)), c))
            for (t, c), r in zip(sizes, rates, strict=True)
        ]
        rejected += rate_ratio_process(pairs)[0] <= 0.05
    assert rejected <= 3
