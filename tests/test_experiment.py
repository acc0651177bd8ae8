"""The experiment gate on cells written by hand: every verdict of a metric, the join, and what caps it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
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
    ExperimentMetric,
    ExperimentMetricVerdict,
    ExperimentResult,
    ExperimentVerdict,
    Histogram,
    MetricCell,
    Moments,
    PairOverlap,
    RankCell,
    RankSum,
    Role,
    Series,
)
from tests.builders import base_arm

WIN, LOSS, NO_EFFECT = ExperimentMetricVerdict.WIN, ExperimentMetricVerdict.LOSS, ExperimentMetricVerdict.NO_EFFECT
INCONCLUSIVE, HOLDS = ExperimentMetricVerdict.INCONCLUSIVE, ExperimentMetricVerdict.HOLDS
HURT = ExperimentMetricVerdict.HURT
SHIP, DONT_SHIP, MIXED = ExperimentVerdict.SHIP, ExperimentVerdict.DONT_SHIP, ExperimentVerdict.MIXED
AFTER = datetime(2026, 5, 6, 12, tzinfo=UTC)
BEFORE = datetime(2026, 4, 25, tzinfo=UTC)
HALVES = {"control": 0.5, "treatment": 0.5}
MDE = {"checkout_rate": {"mde_relative": 1.0, "mde_absolute": 0.5}}


def config(
    *,
    split: Mapping[str, float] = HALVES,
    mde: Mapping[str, Any] | None = None,
    document: Mapping[str, Any] | None = None,
    threshold: str = "2%",
    **experiment: Any,
) -> Config:
    """``document``: keys of ``experiment-data.yml``; None: the data is a per-unit table."""
    shares = {arm: f"{share * 100}%" for arm, share in split.items()}
    documents = {}
    if document is not None:
        variants = [{"name": arm, "cohort_size": "1", "metrics": {}} for arm in split]
        dates = {"running_since": "2026-04-15", "running_until": "2026-05-05"}
        documents["banner"] = {"experiment_id": "banner", "variants": variants, **dates, **document}
    return Config.model_validate(
        {
            "canary": {"share": "5%", "routing_unit": "user_id"},
            "experiments": [{"id": "banner", "unit": "user_id", "split": shares, **experiment}],
            "audit": {"exclusion_threshold": threshold},
            "mdes": {"banner": MDE if mde is None else mde},
            "experiment_documents": documents,
        }
    )


def audited(overlap: float = 0.01, verdict: AuditVerdict = AuditVerdict.CLEAN, *pairs: PairOverlap) -> Audit:
    arm = base_arm(experiment="banner", arm="treatment", observed_overlap=overlap)
    return Audit(verdict, "evidence", (), True, "unconfirmed", 1_000, 50, 0, 0, 0, overlap, (arm,), pairs)


def cells(arms: Mapping[str, int] | None = None, /, **metrics: Mapping[str, CellData]) -> Cells:
    """Each metric by arm; ``arms``: units of the arms, where they are not equal."""
    found = [
        MetricCell(name, None, data, 0, "banner", arm) for name, sides in metrics.items() for arm, data in sides.items()
    ]
    names = {cell.arm: 0 for cell in found}
    sizes = arms or dict.fromkeys(names, 50_000)
    units = tuple(ArmCell("banner", 0, arm, Cohort.BASELINE, n) for arm, n in sizes.items())
    return Cells(metrics=tuple(found), arms=units)


def rates(control: float, treatment: float, n: int = 50_000) -> dict[str, CellData]:
    """Rates in per cent."""
    return {
        "control": Counts(round(control * n / 100), n),
        "treatment": Counts(round(treatment * n / 100), n),
    }


def means(control: float, treatment: float, std: float = 10, n: int = 50_000) -> dict[str, CellData]:
    return {
        arm: Moments(n, value, std * std * (n - 1)) for arm, value in zip(HALVES, (control, treatment), strict=True)
    }


def judge(
    made: Cells, made_config: Config | None = None, audit: Audit | None = None, now: datetime = AFTER
) -> ExperimentResult:
    return judge_experiment(made, made_config or config(), "banner", audit or audited(), now=now)


def one(result: ExperimentResult, name: str = "checkout_rate", arm: str = "treatment") -> ExperimentMetric:
    return next(metric for metric in result.metrics if (metric.name, metric.arm) == (name, arm))


def codes(result: ExperimentResult) -> list[str]:
    return [reason.code for reason in result.reasons]


def words(result: ExperimentResult) -> str:
    return " ".join(reason.message for reason in result.reasons)


# ------------------------------------------------------------------------------------------- the primary metric


def test_a_significant_effect_of_at_least_the_mde_ships() -> None:
    result = judge(cells(checkout_rate=rates(68, 70)))
    metric = one(result)
    assert (metric.verdict, metric.role, metric.mde_met) == (WIN, Role.PRIMARY, True)
    assert (result.verdict, result.winning_arm, codes(result)) == (SHIP, "treatment", ["primary_wins"])
    assert "68.0% in control, 70.0% in treatment: +2.9%" in metric.reason
    assert "at least the MDE of +0.74%" in metric.reason
    assert metric.relative_effect == pytest.approx(70 / 68 - 1)
    assert metric.mde == pytest.approx(0.005 / 0.68)


def test_a_large_effect_without_significance_does_not_ship() -> None:
    result = judge(cells(checkout_rate=rates(68, 71, 500)))
    metric = one(result)
    assert (metric.verdict, metric.mde_met, result.verdict) == (INCONCLUSIVE, True, MIXED)
    assert "not significant" in metric.reason
    assert metric.required_n is not None
    assert f"{metric.required_n - 500:,} more than there are" in metric.reason


def test_a_significant_effect_below_the_mde_does_not_ship() -> None:
    wide = judge(cells(checkout_rate=rates(68, 68.45, 100_000)))
    assert one(wide).p_value is not None
    assert (one(wide).verdict, wide.verdict) == (INCONCLUSIVE, MIXED)
    assert "better, but below the MDE" in one(wide).reason
    narrow = judge(cells(checkout_rate=rates(68, 68.2, 1_000_000)))
    assert (one(narrow).verdict, narrow.verdict) == (NO_EFFECT, DONT_SHIP)
    assert "significant, but the interval excludes the MDE" in one(narrow).reason


def test_an_interval_that_excludes_the_mde_is_no_effect() -> None:
    result = judge(cells(checkout_rate=rates(68, 68, 1_000_000)))
    assert (one(result).verdict, result.verdict, codes(result)) == (NO_EFFECT, DONT_SHIP, ["no_effect"])
    assert one(result).power is not None
    assert (one(result).power or 0) > 0.8


def test_no_difference_without_power_is_not_no_effect() -> None:
    result = judge(cells(checkout_rate=rates(68, 68, 1_000)))
    assert (one(result).verdict, result.verdict) == (INCONCLUSIVE, MIXED)
    assert "users a variant are needed" in words(result)


def test_a_significantly_worse_primary_is_not_shipped() -> None:
    result = judge(cells(checkout_rate=rates(68, 66)))
    assert (one(result).verdict, result.verdict, codes(result)) == (LOSS, DONT_SHIP, ["loss"])
    assert result.winning_arm is None


def test_without_an_mde_significance_alone_wins_and_that_is_said() -> None:
    result = judge(cells(checkout_rate=rates(68, 68.8)), config(mde={}))
    assert (one(result).verdict, result.verdict) == (WIN, SHIP)
    assert "significance alone" in one(result).reason
    assert any("no minimum effect" in text for text in result.warnings)
    null = judge(cells(checkout_rate=rates(68, 68, 1_000_000)), config(mde={}))
    assert (one(null).verdict, null.verdict) == (INCONCLUSIVE, MIXED)


@pytest.mark.parametrize("mde", [{"mde_relative": 1.0}, {"mde_relative": math.nan}, {"mde_absolute": math.inf}])
def test_an_mde_that_has_no_size_here_is_not_taken_as_none(mde: dict[str, float]) -> None:
    result = judge(cells(checkout_rate=rates(0, 1)), config(mde={"checkout_rate": mde}))
    assert one(result).p_value is not None
    assert (one(result).p_value or 1) < 1e-9
    assert (one(result).verdict, result.verdict) == (INCONCLUSIVE, MIXED)
    assert "mde_absolute" in one(result).reason


def test_a_count_and_the_rate_it_is_reported_as_are_one_metric() -> None:
    named = config(
        mde={"checkout_count": {"mde_absolute": 3}}, metrics={"ticket_count": {"role": "secondary"}}, looks=1
    )
    result = judge(cells(checkout_rate=rates(68, 70), ticket_rate=rates(1, 1)), named)
    assert [metric.name for metric in result.metrics] == ["checkout_rate", "ticket_rate"]
    assert one(result, "ticket_rate").role is Role.SECONDARY
    assert one(result).verdict is NO_EFFECT


def test_an_mde_for_a_metric_that_the_data_lacks_is_named() -> None:
    result = judge(cells(checkout_rate=rates(68, 70)), config(mde={"chekout_rate": {"mde_absolute": 3}}))
    assert any("`chekout_rate`, which the data does not have" in text for text in result.warnings)


@pytest.mark.parametrize("mde", [{"mde_relative": 5.0, "mde_absolute": 0.5}, {"mde_relative": 0.7, "mde_absolute": 9}])
def test_either_mde_is_enough(mde: dict[str, float]) -> None:
    assert one(judge(cells(checkout_rate=rates(68, 69)), config(mde={"checkout_rate": mde}))).verdict is WIN


def test_a_decrease_may_be_good() -> None:
    made = cells(avg_page_latency=means(240, 238))
    mde = {"avg_page_latency": {"mde_absolute": 1}}
    result = judge(made, config(mde=mde, primary="avg_page_latency"))
    assert (one(result, "avg_page_latency").verdict, result.verdict) == (WIN, SHIP)
    given = config(mde=mde, primary="avg_page_latency", metrics={"avg_page_latency": {"direction": "increase"}})
    assert judge(made, given).verdict is DONT_SHIP


def test_a_name_that_says_nothing_takes_an_increase_as_good_and_says_so() -> None:
    metric = one(judge(cells(cart_size=means(5, 6))), "cart_size")
    assert metric.verdict is WIN
    assert "an increase was taken as good" in metric.notes[0]


def test_the_primary_is_the_one_named_else_the_first_that_is_no_guardrail() -> None:
    made = cells(support_tickets=means(1, 1), checkout_rate=rates(68, 70), revenue=means(9, 9))
    assert next(m.name for m in judge(made).metrics if m.role is Role.PRIMARY) == "checkout_rate"
    assert next(m.name for m in judge(made, config(primary="revenue")).metrics if m.role is Role.PRIMARY) == "revenue"


def test_a_primary_that_the_data_lacks_is_mixed() -> None:
    result = judge(cells(checkout_rate=rates(68, 70)), config(primary="revenue"))
    assert (one(result, "revenue").verdict, result.verdict) == (INCONCLUSIVE, MIXED)
    assert "`control` has no such metric" in words(result)


def test_no_metric_at_all_is_mixed() -> None:
    result = judge(cells())
    assert (result.verdict, codes(result)) == (MIXED, ["no_metrics"])


# ------------------------------------------------------------------------------------------- secondary and guardrails


def test_a_worse_secondary_metric_makes_a_win_mixed() -> None:
    result = judge(cells(checkout_rate=rates(68, 70), revenue=means(9, 8)))
    assert one(result, "revenue").verdict is LOSS
    assert (result.verdict, result.winning_arm, codes(result)) == (MIXED, None, ["loss"])
    assert "wins in `treatment`, but `revenue`" in words(result)


def test_a_hurt_guardrail_makes_a_win_mixed() -> None:
    result = judge(cells(checkout_rate=rates(68, 70), support_tickets=means(1, 1.5)))
    metric = one(result, "support_tickets")
    assert (metric.role, metric.verdict) == (Role.GUARDRAIL, HURT)
    assert (result.verdict, codes(result)) == (MIXED, ["hurt"])


@pytest.mark.parametrize("treatment", [1.0, 0.8])
def test_a_guardrail_that_is_not_worse_holds(treatment: float) -> None:
    result = judge(cells(checkout_rate=rates(68, 70), support_tickets=means(1, treatment)))
    assert (one(result, "support_tickets").verdict, result.verdict) == (HOLDS, SHIP)


def test_a_guardrail_is_not_saved_by_the_correction() -> None:
    others = {f"metric_{n}": means(5, 5) for n in range(20)}
    metric = one(judge(cells(checkout_rate=rates(68, 70), refunds=means(1, 1.15), **others)), "refunds")
    assert metric.p_adjusted is not None
    assert metric.p_adjusted > 0.05
    assert metric.verdict is HURT


def test_a_margin_asks_for_proof_that_nothing_got_worse() -> None:
    margin = config(metrics={"support_tickets": {"role": "guardrail", "margin": "5%"}})
    shown = judge(cells(checkout_rate=rates(68, 70), support_tickets=means(1, 1, std=1)), margin)
    assert (one(shown, "support_tickets").verdict, shown.verdict) == (HOLDS, SHIP)
    assert "not worse by 5% or more" in one(shown, "support_tickets").reason
    open_ = judge(cells(checkout_rate=rates(68, 70), support_tickets=means(1, 1, std=10)), margin)
    assert (one(open_, "support_tickets").verdict, open_.verdict) == (INCONCLUSIVE, MIXED)
    assert "not shown to be within the margin of 5%" in words(open_)
    hurt = judge(cells(checkout_rate=rates(68, 70), support_tickets=means(1, 1.2, std=1)), margin)
    assert (one(hurt, "support_tickets").verdict, hurt.verdict) == (HURT, MIXED)


@pytest.mark.parametrize("treatment", [5.5, 4.5])
def test_a_guardrail_without_a_direction_may_change_to_neither_side(treatment: float) -> None:
    guarded = config(metrics={"page_weight": {"role": "guardrail"}})
    result = judge(cells(checkout_rate=rates(68, 70), page_weight=means(5, treatment)), guarded)
    assert (one(result, "page_weight").verdict, result.verdict) == (HURT, MIXED)
    assert "either side" in one(result, "page_weight").notes[0]


def test_a_guardrail_that_the_data_lacks_blocks() -> None:
    guarded = config(metrics={"refunds": {"role": "guardrail"}})
    result = judge(cells(checkout_rate=rates(68, 70)), guarded)
    assert (one(result, "refunds").verdict, result.verdict) == (INCONCLUSIVE, MIXED)
    assert "`refunds`: `control` has no such metric" in words(result)


@pytest.mark.parametrize("name", ["support_tickets", "refund_rate", "churn", "unsubscribes", "p95_latency", "crashes"])
def test_a_guardrail_is_known_by_name(name: str) -> None:
    result = judge(cells(checkout_rate=rates(68, 70), **{name: means(1, 1)}))
    assert one(result, name).role is Role.GUARDRAIL


# ------------------------------------------------------------------------------------------- several arms, corrections


THREE = {"control": 0.5, "blue": 0.25, "green": 0.25}


def three(control: float, blue: float, green: float, n: int = 50_000) -> dict[str, CellData]:
    return {arm: Counts(round(p * n / 100), n) for arm, p in zip(THREE, (control, blue, green), strict=True)}


SIZES = {"control": 100_000, "blue": 50_000, "green": 50_000}


def test_the_best_of_the_winning_arms_ships() -> None:
    result = judge(cells(SIZES, checkout_rate=three(68, 70, 72)), config(split=THREE))
    assert (result.verdict, result.winning_arm) == (SHIP, "green")
    assert [metric.arm for metric in result.metrics] == ["blue", "green"]


def test_an_arm_with_a_hurt_guardrail_is_passed_over_for_a_clean_one() -> None:
    tickets = {arm: Moments(50_000, value, 50_000.0) for arm, value in zip(THREE, (1, 1, 1.5), strict=True)}
    made = cells(SIZES, checkout_rate=three(68, 70, 72), support_tickets=tickets)
    result = judge(made, config(split=THREE))
    assert (result.verdict, result.winning_arm) == (SHIP, "blue")


def test_dont_ship_needs_every_arm_to_fail() -> None:
    lost = judge(cells(SIZES, checkout_rate=three(68, 66, 66)), config(split=THREE))
    assert lost.verdict is DONT_SHIP
    part = {**three(68, 66, 66), "green": Counts(340, 500)}
    open_ = judge(cells(SIZES, checkout_rate=part), config(split=THREE))
    assert open_.verdict is MIXED
    assert "in `green`" in words(open_)


@pytest.mark.parametrize("correction", ["fdr_bh", "bonferroni", "holm", "none"])
def test_p_values_are_corrected_over_arms_and_metrics(correction: str) -> None:
    made = cells(SIZES, checkout_rate=three(68, 68.6, 68.7), revenue_rate=three(50, 50.4, 50.1))
    result = judge(made, config(split=THREE, correction=correction))
    raw = [metric.p_value or 0.0 for metric in result.metrics]
    adjusted = [metric.p_adjusted or 0.0 for metric in result.metrics]
    assert len(raw) == 4
    assert result.correction == correction
    smallest = raw.index(min(raw))
    factor = {"bonferroni": 4, "holm": 4, "none": 1}.get(correction)
    if factor:
        assert adjusted[smallest] == pytest.approx(min(1.0, factor * raw[smallest]))
    else:
        assert raw[smallest] < adjusted[smallest] <= 4 * raw[smallest] * (1 + 1e-12)


def test_a_win_that_the_correction_takes_away_is_none() -> None:
    sides = rates(68, 68.65)  # p = 0.03
    alone = judge(cells(checkout_rate=sides))
    assert alone.verdict is SHIP
    others = {f"metric_{n}": means(5, 5) for n in range(9)}
    assert judge(cells(checkout_rate=sides, **others)).verdict is MIXED


def test_planned_looks_divide_alpha() -> None:
    sides = rates(68, 68.65)
    result = judge(cells(checkout_rate=sides), config(looks=5))
    assert (result.verdict, result.sequential) == (MIXED, False)
    assert any("one look of 5" in note for note in result.notes)


# ------------------------------------------------------------------------------------------- which test


def test_rates_are_tested_by_chi_square_and_small_ones_by_fisher() -> None:
    assert one(judge(cells(checkout_rate=rates(68, 70)))).test == "chi-square"
    assert one(judge(cells(checkout_rate=rates(1, 1, 200)))).test == "Fisher's exact"


def heavy(seed: int, n: int, scale: float) -> Histogram:
    """Revenue: mostly 0, now and then very much."""
    rng = np.random.default_rng(seed)
    return Histogram.of(float(v) for v in (rng.random(n) < 0.1) * np.round(scale * rng.lognormal(3, 1.5, n), 2))


def test_heavy_tails_are_tested_by_ranks_unless_winsorised() -> None:
    sides: dict[str, CellData] = {"control": heavy(1, 3_000, 1), "treatment": heavy(2, 3_000, 1)}
    plain = one(judge(cells(revenue_per_user=sides)), "revenue_per_user")
    assert plain.test == "Mann-Whitney U"
    capped = config(metrics={"revenue_per_user": {"winsorize": "99%"}})
    winsorised = one(judge(cells(revenue_per_user=sides), capped), "revenue_per_user")
    assert winsorised.test == "Welch's t"
    assert (winsorised.control or 0) < 0.9 * (plain.control or 0)
    light: dict[str, CellData] = {arm: Histogram.of(range(1_000)) for arm in HALVES}
    assert one(judge(cells(revenue_per_user=light)), "revenue_per_user").test == "Welch's t"


def skewed(treatment_mean: float, u: float) -> Cells:
    sides = {"control": Moments(1_000, 5.0, 1e6, 1e9), "treatment": Moments(1_000, treatment_mean, 1e6, 1e9)}
    made = cells(revenue_per_user=sides)
    ranks = RankCell("banner", "revenue_per_user", "treatment", 0, False, RankSum(1_000, 1_000, u, 0.0))
    return replace(made, ranks=(ranks,))


@pytest.mark.parametrize(
    ("mean", "u", "verdict"),
    [(7, 560_000, WIN), (7, 440_000, INCONCLUSIVE), (3, 440_000, LOSS), (3, 560_000, INCONCLUSIVE)],
)
def test_ranks_decide_only_where_the_mean_agrees(mean: float, u: float, verdict: ExperimentMetricVerdict) -> None:
    result = judge(skewed(mean, u), config(mde={"revenue_per_user": {"mde_absolute": 1}}))
    metric = one(result, "revenue_per_user")
    assert metric.test == "Mann-Whitney U"
    assert (metric.p_value or 1) < 0.001
    assert metric.verdict is verdict
    if verdict is INCONCLUSIVE:
        assert "opposite ways" in metric.reason


def test_a_guardrail_is_hurt_where_the_ranks_or_the_mean_say_so() -> None:
    made = skewed(7, 440_000)
    guarded = config(mde={}, metrics={"revenue_per_user": {"role": "guardrail"}}, primary="checkout_rate")
    both = cells(checkout_rate=rates(68, 70)) + replace(made, arms=())
    assert judge(both, guarded).verdict is MIXED


def test_ratios_use_the_delta_method() -> None:
    sides: dict[str, CellData] = {
        arm: Moments(5_000, value, 40_000.0, 0.0, 2.0, 5_000.0, 9_000.0)
        for arm, value in zip(HALVES, (6.0, 6.6), strict=True)
    }
    ratio = config(
        mde={"revenue_per_order": {"mde_absolute": 0.1}}, metrics={"revenue_per_order": {"denominator": "o"}}
    )
    result = judge(cells(revenue_per_order=sides), ratio)
    metric = one(result, "revenue_per_order")
    assert (metric.type, metric.test) == ("ratio", "Welch's t (delta method)")
    assert (metric.control, metric.treatment) == (3.0, pytest.approx(3.3))
    assert (metric.verdict, result.verdict) == (WIN, SHIP)


def test_a_covariate_narrows_the_interval_and_moves_no_effect() -> None:
    def sides(y_treatment: float) -> dict[str, CellData]:
        return {
            arm: Moments(5_000, value, 50_000.0, 0.0, y, 50_000.0, 45_000.0)
            for arm, value, y in zip(HALVES, (5.0, 5.1), (4.0, y_treatment), strict=True)
        }

    named = config(mde={}, metrics={"visits_per_user": {"covariate": "visits_before"}})
    with_covariate = one(judge(cells(visits_per_user=sides(4.0)), named), "visits_per_user")
    without = one(judge(cells(visits_per_user=sides(4.0)), config(mde={})), "visits_per_user")
    assert with_covariate.test == "Welch's t (CUPED)"
    assert (with_covariate.p_value or 1) < (without.p_value or 0)
    assert with_covariate.difference == pytest.approx(0.1)
    luck = one(judge(cells(visits_per_user=sides(4.1)), named), "visits_per_user")
    assert luck.difference == pytest.approx(0.01)


def test_a_covariate_that_the_data_lacks_is_not_claimed() -> None:
    named = config(metrics={"visits_per_user": {"covariate": "visits_before"}})
    assert one(judge(cells(visits_per_user=means(5, 5)), named), "visits_per_user").test == "Welch's t"


def test_steps_of_a_ramp_are_weighted_and_not_pooled() -> None:
    found = []
    for stratum, percent, sizes in ((0, 40, (90_000, 10_000)), (1, 60, (50_000, 50_000))):
        for arm, n in zip(HALVES, sizes, strict=True):
            data = Counts(round(n * percent / 100), n)
            found.append(MetricCell("checkout_rate", Cohort.BASELINE, data, stratum, "banner", arm))
    result = judge(Cells(metrics=tuple(found)))
    assert one(result).p_value == pytest.approx(1)
    assert one(result).control == pytest.approx(one(result).treatment)
    assert result.verdict is MIXED


# ------------------------------------------------------------------------------------------- canary users


def with_canary(bias: float) -> Cells:
    """Canary users' completion is off in treatment by ``bias`` points; all others' is 68 % and 70 %."""
    users = {(Cohort.BASELINE, "control"): (68, 47_500), (Cohort.BASELINE, "treatment"): (70, 47_500)}
    users |= {(Cohort.CANARY, "control"): (68, 2_500), (Cohort.CANARY, "treatment"): (70 + bias, 2_500)}
    metrics = [
        MetricCell("checkout_rate", cohort, Counts(round(p * n / 100), n), 0, "banner", arm)
        for (cohort, arm), (p, n) in users.items()
    ]
    arms = [ArmCell("banner", 0, arm, cohort, n) for (cohort, arm), (_, n) in users.items()]
    return Cells(metrics=tuple(metrics), arms=tuple(arms))


@pytest.mark.parametrize(("overlap", "excluded", "units"), [(0.025, True, 5_000), (0.02, False, 0), (0.005, False, 0)])
def test_canary_users_are_left_out_above_the_threshold(overlap: float, excluded: bool, units: int) -> None:
    result = judge(with_canary(-60), audit=audited(overlap))
    assert (result.canary_users_excluded, result.excluded_units) == (excluded, units)
    assert one(result).n_treatment == (47_500 if excluded else 50_000)
    assert result.verdict is (SHIP if excluded else DONT_SHIP)
    word = "yes (overlap 2.50% is above 2%)" if excluded else "is not above 2%)"
    assert word in result.exclusion


def test_the_ratio_is_checked_again_after_the_exclusion() -> None:
    made = with_canary(0)
    uneven = tuple(
        replace(cell, units=45_000) if cell.cohort is Cohort.BASELINE and cell.arm == "control" else cell
        for cell in made.arms
    )
    result = judge(replace(made, arms=uneven), audit=audited(0.025))
    assert result.sample_ratio is not None
    assert result.sample_ratio.observed == {"control": 45_000, "treatment": 47_500}
    assert result.verdict is MIXED


def test_aggregated_data_cannot_leave_anyone_out_and_says_how_to() -> None:
    made = cells(checkout_rate=rates(68, 70))
    result = judge(made, config(document={}), audited(0.025))
    assert (result.verdict, result.canary_users_excluded) == (MIXED, False)
    assert result.exclusion == "no (aggregated data has no user ids)"
    assert codes(result)[0] == "canary_users_not_excluded"
    assert "exclusions: true" in words(result)
    assert "canary_users_excluded: true" in words(result)
    assert judge(made, config(document={}), audited(0.02)).verdict is SHIP


def test_the_data_file_may_say_that_they_are_left_out_already() -> None:
    made = cells(checkout_rate=rates(68, 70))
    result = judge(made, config(document={"canary_users_excluded": True}), audited(0.025))
    assert (result.verdict, result.exclusion) == (SHIP, "yes (the data file says so)")
    assert result.canary_users_excluded


# ------------------------------------------------------------------------------------------- what caps a verdict


def test_a_sample_ratio_mismatch_is_mixed_with_likely_causes() -> None:
    for treatment in (70, 66):
        made = cells({"control": 50_000, "treatment": 48_500}, checkout_rate=rates(68, treatment))
        result = judge(made)
        assert (result.verdict, result.winning_arm) == (MIXED, None)
        assert codes(result)[0] == "sample_ratio_mismatch"
        assert "`control` 50,000, `treatment` 48,500 where 49,250, 49,250 were expected" in words(result)
        assert "Likely causes" in words(result)


def test_sizes_that_are_no_sizes_never_ship() -> None:
    made = cells({"control": 50_000, "treatment": -5}, checkout_rate=rates(68, 70))
    assert judge(made).verdict is MIXED


def test_an_uneven_split_as_declared_is_no_mismatch() -> None:
    made = cells({"control": 90_000, "treatment": 10_000}, checkout_rate=rates(68, 70))
    assert judge(made, config(split={"control": 0.9, "treatment": 0.1})).verdict is SHIP


@pytest.mark.parametrize("verdict", [AuditVerdict.INCONCLUSIVE, AuditVerdict.CONTAMINATED, AuditVerdict.REFUSED])
def test_an_audit_that_is_not_clean_is_mixed_at_best(verdict: AuditVerdict) -> None:
    result = judge(cells(checkout_rate=rates(68, 70)), audit=audited(0.01, verdict))
    assert (result.verdict, codes(result)[0]) == (MIXED, "audit_inconclusive")
    assert verdict in words(result)
    assert judge(cells(checkout_rate=rates(68, 66)), audit=audited(0.01, verdict)).verdict is DONT_SHIP


def test_a_contaminated_pair_is_mixed_at_best_and_names_the_other() -> None:
    pair = PairOverlap(("button", "banner"), 1_000, 0.4, 1e-9, AuditVerdict.CONTAMINATED)
    result = judge(cells(checkout_rate=rates(68, 70)), audit=audited(0.01, AuditVerdict.CLEAN, pair))
    assert (result.verdict, codes(result)[0]) == (MIXED, "experiments_overlap")
    assert "`button`" in words(result)
    strangers = replace(pair, experiments=("button", "third"))
    other = judge(cells(checkout_rate=rates(68, 70)), audit=audited(0.01, AuditVerdict.CLEAN, strangers))
    assert other.verdict is SHIP


# ------------------------------------------------------------------------------------------- peeking


def test_before_its_end_the_tests_are_always_valid_and_after_it_fixed() -> None:
    made, dated = cells(checkout_rate=rates(68, 68.8)), config(document={})
    early, late = judge(made, dated, now=BEFORE), judge(made, dated, now=AFTER)
    assert (early.sequential, late.sequential) == (True, False)
    assert (early.verdict, late.verdict) == (MIXED, SHIP)
    before, after = one(early), one(late)
    assert (before.p_value or 0) > (after.p_value or 1)
    assert (before.ci_low or 0) < (after.ci_low or 0)
    assert (before.ci_high or 0) > (after.ci_high or 0)
    assert any("It still runs (50% of its planned time)" in note for note in early.notes)


def test_a_large_effect_ships_at_any_look_and_one_moment_after_the_start_nothing_does() -> None:
    dated = config(document={})
    assert judge(cells(checkout_rate=rates(68, 72)), dated, now=BEFORE).verdict is SHIP
    start = datetime(2026, 4, 15, tzinfo=UTC)
    for now in (start, datetime(2026, 4, 1, tzinfo=UTC)):
        assert judge(cells(checkout_rate=rates(68, 72)), dated, now=now).verdict is MIXED


def test_looks_many_is_always_valid_to_the_end() -> None:
    made = cells(checkout_rate=rates(68, 68.8))
    result = judge(made, config(document={}, looks="many"))
    assert (result.verdict, result.sequential) == (MIXED, True)


@pytest.mark.parametrize("document", [None, {"running_until": None}])
def test_an_end_that_nobody_gives_is_said(document: dict[str, Any] | None) -> None:
    result = judge(cells(checkout_rate=rates(68, 70)), config(document=document))
    assert any("does not say until when" in note for note in result.notes)


# ------------------------------------------------------------------------------------------- data faults


FAULTS: dict[str, CellData] = {
    "NaN count": Counts(math.nan, 100),
    "infinite cohort": Counts(5, math.inf),
    "negative count": Counts(-5, 100),
    "more events than users": Counts(120, 100),
    "no users": Counts(0, 0),
    "another form": Moments(100, 0.9, 5.0),
}


@pytest.mark.parametrize("case", FAULTS)
@pytest.mark.parametrize("arm", HALVES)
def test_counts_that_are_no_counts_never_ship(case: str, arm: str) -> None:
    result = judge(cells(checkout_rate={**rates(68, 72), arm: FAULTS[case]}))
    assert (one(result).verdict, result.verdict) == (INCONCLUSIVE, MIXED)
    assert one(result).p_value is None


@pytest.mark.parametrize(
    "data",
    [
        Moments(100, math.nan, 5.0),
        Moments(100, math.inf, 5.0),
        Moments(100, 5.0, -1.0),
        Moments(100, 5.0, math.nan),
        Moments(math.inf, 5.0, 1.0),
        Moments(1, 99.0, 0.0),
        Moments(0, math.nan, 0.0),
        Series((AFTER,), (99.0,)),
        Histogram((99.0, math.nan), (50, 1)),
        Histogram((), ()),
    ],
)
def test_values_that_are_no_numbers_never_ship(data: CellData) -> None:
    sides = {"control": Moments(100, 5.0, 100.0), "treatment": data}
    if isinstance(data, Histogram):
        sides["control"] = Histogram.of(range(100))
    assert judge(cells(revenue=sides), config(mde={})).verdict is MIXED


def test_a_faulty_guardrail_blocks_a_win() -> None:
    for data in ({"control": Counts(1, 10), "treatment": Counts(11, 10)}, {"control": Counts(1, 10)}):
        assert judge(cells(checkout_rate=rates(68, 70), refund_rate=data)).verdict is MIXED


def test_arms_without_a_step_of_the_ramp_in_common_are_not_compared() -> None:
    found = [
        MetricCell("checkout_rate", Cohort.BASELINE, Counts(percent * 100, 10_000), stratum, "banner", arm)
        for stratum, (arm, percent) in enumerate(zip(HALVES, (60, 70), strict=True))
    ]
    result = judge(Cells(metrics=tuple(found)))
    assert (one(result).verdict, result.verdict) == (INCONCLUSIVE, MIXED)
    assert "no step of the ramp in common" in words(result)


def test_values_that_do_not_vary_prove_nothing() -> None:
    for name in ("revenue", "refunds"):
        assert judge(cells(**{name: means(5, 9, std=0)}), config(mde={}, primary=name)).verdict is MIXED
    result = judge(cells(checkout_rate=rates(68, 70), refunds=means(5, 9, std=0)))
    assert (one(result, "refunds").verdict, result.verdict) == (INCONCLUSIVE, MIXED)


# ------------------------------------------------------------------------------------------- power


def test_required_n_is_that_of_the_mde_at_eighty_per_cent() -> None:
    metric = one(judge(cells(checkout_rate=rates(68, 68, 1_000))))
    assert metric.required_n == pytest.approx(136_500, rel=0.01)  # 0.5 points of 68 %
    enough = one(judge(cells(checkout_rate=rates(68, 68, metric.required_n or 0))))
    assert enough.power == pytest.approx(0.8, abs=0.001)


def test_power_is_no_promise_of_a_win_at_the_mde() -> None:
    strong, weak = (
        one(judge(cells(checkout_rate=rates(68, 68, 900_000)))),
        one(judge(cells(checkout_rate=rates(68, 68, 9_000)))),
    )
    assert (strong.power or 0) > 0.99
    assert strong.win_chance_at_mde == 0.5
    assert (weak.power or 1) < 0.5
    assert weak.win_chance_at_mde == weak.power


def test_figures_stand_in_every_metric() -> None:
    for metric in judge(cells(checkout_rate=rates(68, 70), revenue=means(9, 8), refunds=means(1, 1))).metrics:
        assert metric.ci_level == 0.95
        assert metric.n_control == 50_000
        assert "p " in metric.reason
        assert "in control" in metric.reason


# ------------------------------------------------------------------------------------------- what the canary can do


def by_cohort(canary: tuple[float, float], baseline: tuple[float, float], shares: tuple[int, int]) -> Cells:
    """Rates in per cent (control, treatment) inside and outside the canary; canary units of each arm."""
    found = []
    for cohort, percents in ((Cohort.CANARY, canary), (Cohort.BASELINE, baseline)):
        for arm, percent, inside in zip(HALVES, percents, shares, strict=True):
            n = inside if cohort is Cohort.CANARY else 100_000 - inside
            found.append(MetricCell("checkout_rate", cohort, Counts(round(n * percent / 100), n), 0, "banner", arm))
    return Cells(metrics=tuple(found))


def test_bias_and_interaction_with_the_canary_are_told_as_information() -> None:
    result = judge(by_cohort((68, 70), (68, 70), (5_000, 5_000)))
    bias, interaction = (note for note in result.notes if "canary" in note.lower())
    assert "by 0.00 pp at worst" in bias.replace("+", "")
    assert "differs by" in interaction
    assert "80% of cases" in interaction
    assert result.verdict is SHIP


def test_an_uneven_canary_biases_the_effect_by_its_own_effect_times_the_gap_of_shares() -> None:
    result = judge(by_cohort((58, 60), (68, 70), (4_000, 6_000)))
    [bias] = [note for note in result.notes if "at worst" in note]
    # at most some -11.5 points of canary effect, 6 % against 4 % of the arms: -0.23 points
    assert "−0.2" in bias
    assert "6.00%" in bias
    assert "4.00%" in bias


def test_aggregated_data_says_nothing_of_the_canarys_part() -> None:
    result = judge(cells(checkout_rate=rates(68, 70)))
    assert not [note for note in result.notes if "at worst" in note]


def test_before_its_end_the_sample_ratio_is_checked_by_a_test_that_may_be_looked_at_again() -> None:
    document = {"running_until": "2026-05-20"}
    arms = {"control": 50_000, "treatment": 51_100}  # p = 0.0005 with one look
    made = cells(arms, checkout_rate=rates(68, 70))
    assert "sample_ratio_mismatch" in codes(judge(made, config(document={})))
    running = judge(made, config(document=document), now=BEFORE)
    assert running.sample_ratio is not None
    assert not running.sample_ratio.mismatch
