"""Interactions against statsmodels, by hand, and their error rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm

from coordinator.model import Counts, Moments
from coordinator.stats.interaction import mean_interaction, rate_interaction, worst_case_bias

NAN = math.nan
KEYS = [(True, True), (True, False), (False, True), (False, False)]


def design(sizes):
    canary = np.repeat([1.0, 1.0, 0.0, 0.0], sizes)
    arm = np.repeat([1.0, 0.0, 1.0, 0.0], sizes)
    return np.column_stack([np.ones(sum(sizes)), canary, arm, canary * arm])


def moments(x):
    return Moments(len(x), float(np.mean(x)), float(np.sum((x - np.mean(x)) ** 2)))


def test_rates_against_the_linear_probability_model():
    sizes, events = [400, 420, 1600, 1580], [60, 40, 150, 155]
    y = np.concatenate([np.repeat([1.0, 0.0], [e, n - e]) for e, n in zip(events, sizes, strict=True)])
    fit = sm.OLS(y, design(sizes)).fit(cov_type="HC0")  # the saturated model: sum p (1 - p) / n
    result = rate_interaction({k: Counts(e, n) for k, e, n in zip(KEYS, events, sizes, strict=True)})
    assert result.difference == pytest.approx(fit.params[3])
    assert result.p_value == pytest.approx(fit.pvalues[3])
    assert [result.interval.low, result.interval.high] == pytest.approx(fit.conf_int()[3])
    assert result.detectable == pytest.approx((1.959964 + 0.841621) * fit.bse[3], rel=1e-6)


def test_means_against_least_squares_and_by_hand():
    rng = np.random.default_rng(1)
    sizes = [200, 200, 200, 200]
    groups = [rng.normal(m, 2.0, n) for m, n in zip([5.0, 4.0, 4.5, 4.4], sizes, strict=True)]
    fit = sm.OLS(np.concatenate(groups), design(sizes)).fit(cov_type="HC2")  # saturated: sum s^2 / n
    result = mean_interaction(dict(zip(KEYS, map(moments, groups), strict=True)))
    assert result.difference == pytest.approx(fit.params[3])
    error = fit.bse[3]
    half = (result.interval.high - result.interval.low) / 2
    assert half == pytest.approx(1.963 * error, rel=1e-3)  # t at some 790 degrees of freedom
    assert result.p_value == pytest.approx(fit.pvalues[3], rel=0.05)
    assert result.detectable == pytest.approx(half + 0.841621 * error, rel=1e-6)


def test_two_cells_alike_and_without_spread_are_welchs_test():
    from scipy import stats

    x, y = np.array([1.0, 4.0, 2.0, 8.0]), np.array([3.0, 9.0, 11.0, 12.0, 10.0])
    flat = Moments(50, 1.0, 0.0)
    result = mean_interaction({KEYS[0]: moments(x), KEYS[1]: moments(y), KEYS[2]: flat, KEYS[3]: flat})
    assert result.p_value == pytest.approx(stats.ttest_ind(x, y, equal_var=False).pvalue)


def test_swapping_the_arms_or_the_cohorts_turns_the_sign():
    rates = [Counts(30, 300), Counts(41, 310), Counts(200, 2000), Counts(180, 2100)]
    means = [Moments(30, 3.0, 50.0), Moments(31, 3.4, 60.0), Moments(300, 2.0, 500.0), Moments(310, 2.5, 480.0)]
    for test, cells in ((rate_interaction, rates), (mean_interaction, means)):
        one = test(dict(zip(KEYS, cells, strict=True)))
        for turn in (lambda k: (k[0], not k[1]), lambda k: (not k[0], k[1])):
            other = test({turn(k): v for k, v in zip(KEYS, cells, strict=True)})
            assert other.difference == pytest.approx(-one.difference)
            assert other.p_value == pytest.approx(one.p_value)
            assert other.interval.low == pytest.approx(-one.interval.high)
            assert other.detectable == pytest.approx(one.detectable)


def test_main_effects_alone_are_no_interaction_and_p_is_uniform():
    rng = np.random.default_rng(2)
    sizes = np.array([500, 500, 9500, 9500])
    events = rng.binomial(sizes, [0.13, 0.11, 0.12, 0.10], (2000, 4))
    p = [
        rate_interaction({k: Counts(e, n) for k, e, n in zip(KEYS, row, sizes, strict=True)}).p_value for row in events
    ]
    assert 0.035 <= np.mean(np.array(p) <= 0.05) <= 0.065
    assert 0.45 <= np.mean(p) <= 0.55


def test_rare_events_are_not_taken_for_certain_knowledge():
    rng = np.random.default_rng(3)
    sizes = np.array([500, 500, 9500, 9500])
    events = rng.binomial(sizes, 0.002, (1000, 4)).tolist()
    p = [
        rate_interaction({k: Counts(e, n) for k, e, n in zip(KEYS, row, sizes, strict=True)}).p_value for row in events
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.06


def test_what_is_called_detectable_is_found_with_that_power():
    rng = np.random.default_rng(4)
    sizes, base = np.array([500, 500, 9500, 9500]), 0.2
    plan = rate_interaction({k: Counts(base * n, n) for k, n in zip(KEYS, sizes, strict=True)}).detectable
    events = rng.binomial(sizes, [base + plan, base, base, base], (1000, 4)).tolist()
    found = [
        rate_interaction({k: Counts(e, n) for k, e, n in zip(KEYS, r, sizes, strict=True)}).p_value for r in events
    ]
    assert 0.75 <= np.mean(np.array(found) <= 0.05) <= 0.85


def test_odd_cells():
    cells = {k: Counts(5, 50) for k in KEYS}
    assert rate_interaction({k: cells[k] for k in KEYS[:3]}) is None
    for odd in (Counts(0, 0), Counts(NAN, 5), Counts(6, 5)):
        assert rate_interaction({**cells, KEYS[2]: odd}) is None
    nothing = rate_interaction({k: Counts(0, 50) for k in KEYS})
    assert (nothing.difference, nothing.p_value) == (0.0, 1.0)
    assert nothing.interval.high > 0.03
    means = {k: Moments(5, 1.0, 2.0) for k in KEYS}
    assert mean_interaction({k: means[k] for k in KEYS[:3]}) is None
    for odd in (Moments(0, NAN, 0.0), Moments(1, 1.0, 0.0), Moments(5, NAN, 1.0), Moments(5, 1.0, NAN)):
        assert mean_interaction({**means, KEYS[2]: odd}) is None
    assert mean_interaction({k: Moments(5, 1.0, 0.0) for k in KEYS}) is None


def test_worst_case_bias():
    # 5 % canary, ratio 1.1 on 50/50, a 10 % effect: 0.1 %; 25 % canary, ratio 1.95: 4.75 %
    assert worst_case_bias(0.10, 0.055, 0.045) == pytest.approx(0.001)
    assert worst_case_bias(0.10, 0.25 * 1.95, 0.25 * 0.05) == pytest.approx(0.0475)
    assert worst_case_bias(-0.10, 0.055, 0.045) == -worst_case_bias(-0.10, 0.045, 0.055) == pytest.approx(-0.001)
    assert math.isnan(worst_case_bias(NAN, 0.1, 0.2))
