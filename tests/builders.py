"""Valid objects of the model with overridable fields, for any test that needs a report or a part of one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from coordinator.model import (
    ArmOverlap,
    Audit,
    AuditVerdict,
    CanaryMetric,
    CanaryMetricVerdict,
    CanaryResult,
    CanaryVerdict,
    DecisionKind,
    Direction,
    ExperimentHeader,
    ExperimentMetric,
    ExperimentMetricVerdict,
    ExperimentResult,
    ExperimentVerdict,
    MetricClass,
    MetricType,
    PairOverlap,
    Problem,
    Reason,
    Release,
    Report,
    Role,
    SampleRatioCheck,
    SourceRecord,
    Window,
)

EXPERIMENT = "checkout-promo-banner-v2"
NOW = datetime(2026, 5, 5, 14, 40, tzinfo=UTC)
WINDOW = Window(datetime(2026, 5, 5, 14, 0, tzinfo=UTC), datetime(2026, 5, 5, 14, 30, tzinfo=UTC))
STEPS = (
    (
        "1. Canary: raise build 9f3c2ab from 5% to 100%. Leave checkout-promo-banner-v2 at control 50% / "
        "treatment_a 50%. "
        "Watch the canary's metrics for one observation window."
    ),
    (
        "2. Experiment checkout-promo-banner-v2: not before one observation window (30 minutes) after step 1, run "
        "this gate "
        "with `step: experiment`; if it opens, set the flag from control 50% / treatment_a 50% to treatment_a 100%. "
        "Never in the same step as the canary."
    ),
)
HOLD_STEPS = (
    "1. Canary: keep build 9f3c2ab at 5%; do not promote. Resolve each metric that the canary verdict names.",
    (
        "2. Experiment: leave the flag of checkout-promo-banner-v2 unchanged, and run this gate again not before one "
        "observation window (30 minutes) has passed."
    ),
)


# ---------------------------------------------------------------- parts


def base_arm(**fields: Any) -> ArmOverlap:
    """One arm's overlap, 1.6% above what was expected."""
    values: dict[str, Any] = {
        "experiment": EXPERIMENT,
        "arm": "treatment_a",
        "overlap_units": 5081,
        "observed_overlap": 0.025405,
        "expected_overlap": 0.025,
        "relative_deviation": 0.0162,
        "independent_overlap": 0.025028,
        "independent_deviation": 0.015063,
        "ci_low": -0.0041,
        "ci_high": 0.0345,
        "p_value": 0.1231,
        "chance_of_false_alarm": 1.2e-11,
        "units_needed": 9120,
    }
    return ArmOverlap(**values | fields)


def base_audit(**fields: Any) -> Audit:
    """A clean audit of 200,000 units."""
    control = base_arm(
        arm="control",
        overlap_units=4931,
        observed_overlap=0.024655,
        relative_deviation=-0.0138,
        independent_overlap=0.025032,
        independent_deviation=-0.015061,
        ci_low=-0.0345,
        ci_high=0.0041,
    )
    values: dict[str, Any] = {
        "verdict": AuditVerdict.CLEAN,
        "rule": "evidence",
        "reasons": (),
        "same_routing_unit": True,
        "layer_isolation": "unconfirmed",
        "units": 200_000,
        "canary_units": 10_012,
        "crossover_units": 31,
        "canary_only_units": 1204,
        "experiment_only_units": 988,
        "overlap": 0.025405,
        "arms": (control, base_arm()),
        "sample_ratios": (
            SampleRatioCheck(
                "canary",
                {"canary": 10_012, "baseline": 189_988},
                {"canary": 10_000.0, "baseline": 190_000.0},
                0.902,
                False,
            ),
        ),
        "mixed_exposure_units": 112,
        "tolerance": 0.1,
    }
    return Audit(**values | fields)


def base_canary_metric(**fields: Any) -> CanaryMetric:
    """An error rate that is fine."""
    values: dict[str, Any] = {
        "name": "error_rate",
        "class_": MetricClass.RELIABILITY,
        "type": MetricType.RATE,
        "test": "chi-square",
        "canary": 52 / 12_400,
        "baseline": 912 / 236_100,
        "relative_change": 0.0856,
        "p_value": 0.5636,
        "ci_low": -0.1786,
        "ci_high": 0.4348,
        "ci_level": 0.95,
        "limits": {"absolute": {"max": 0.005}, "relative": {"max": 1.5}},
        "verdict": CanaryMetricVerdict.OK,
        "reason": "0.419% in the canary against 0.386% in the baseline, within the limits (chi-square, p = 0.57, "
        "n = 12,400 and 236,100).",
        "p_adjusted": 1.0,
        "direction": Direction.DECREASE,
        "n_canary": 12_400,
        "n_baseline": 236_100,
        "power": 0.86,
        "minutes_needed": {"5%": 18.0, "25%": 5.0, "50%": 4.0},
        "units_needed": 140_000,
        "smallest_limit": 0.44,
    }
    return CanaryMetric(**values | fields)


def latency_metric(**fields: Any) -> CanaryMetric:
    """A p95 latency that is fine."""
    values: dict[str, Any] = {
        "name": "p95_latency",
        "class_": MetricClass.PERFORMANCE,
        "type": MetricType.GAUGE,
        "test": "paired difference",
        "canary": 243.1,
        "baseline": 241.9,
        "relative_change": 0.005,
        "p_value": 0.41,
        "ci_low": -0.0071,
        "ci_high": 0.0172,
        "limits": {"absolute": {"max": 500}, "relative": {"max": 1.2}},
        "reason": "243.1 ms in the canary against 241.9 ms in the baseline, within the limits (30 points, "
        "effective n 24).",
        "p_adjusted": 1.0,
        "unit": "ms",
        "n_canary": 24.0,
        "n_baseline": 24.0,
        "power": 0.99,
        "minutes_needed": {},
        "units_needed": None,
    }
    return base_canary_metric(**values | fields)


def completion_metric(**fields: Any) -> CanaryMetric:
    """A completion rate that is fine."""
    values: dict[str, Any] = {
        "name": "checkout_completion_rate",
        "class_": MetricClass.BUSINESS,
        "canary": 11_520 / 12_400,
        "baseline": 219_400 / 236_100,
        "relative_change": -0.00027,
        "p_value": 0.9152,
        "ci_low": -0.0053,
        "ci_high": 0.0047,
        "limits": {"absolute": {"min": 0.9}, "relative": {"min": 0.95}},
        "reason": "92.9% in the canary against 92.9% in the baseline, within the limits (chi-square, p = 0.92).",
        "direction": Direction.INCREASE,
        "power": 0.9999,
    }
    return base_canary_metric(**values | fields)


BREACH = {
    "canary": 148 / 12_400,
    "relative_change": 2.0899,
    "p_value": 3.3e-41,
    "p_adjusted": 9.9e-41,
    "ci_low": 1.5997,
    "ci_high": 2.6725,
    "verdict": CanaryMetricVerdict.BREACH,
    "reason": "1.19% in the canary against 0.386% in the baseline: beyond the absolute limit of 0.5% with its whole "
    "95% interval, and beyond 1.5× the baseline with p < 0.0001 (chi-square, n = 12,400 and 236,100).",
}
THIN = {
    "verdict": CanaryMetricVerdict.THIN,
    "power": 0.21,
    "reason": "within the limits, but with 310 canary users a change of 5% would be seen in 21% of such windows "
    "(50% are asked for): about 190 minutes at 5%, 44 at 25%, 33 at 50%.",
    "n_canary": 310,
    "n_baseline": 5900,
    "minutes_needed": {"5%": 190.0, "25%": 44.0, "50%": 33.0},
}


def base_canary(**fields: Any) -> CanaryResult:
    """A canary to promote: three metrics, all OK."""
    values: dict[str, Any] = {
        "verdict": CanaryVerdict.PROMOTE,
        "window": WINDOW,
        "metrics": (base_canary_metric(), latency_metric(), completion_metric()),
        "window_enough": True,
        "warnings": ("3 metrics: 5 to 10 are advised.",),
    }
    return CanaryResult(**values | fields)


def base_experiment_metric(**fields: Any) -> ExperimentMetric:
    """A primary metric that wins."""
    values: dict[str, Any] = {
        "name": "checkout_completion_rate",
        "arm": "treatment_a",
        "role": Role.PRIMARY,
        "type": MetricType.PROPORTION,
        "test": "chi-square",
        "control": 8523 / 12_450,
        "treatment": 8771 / 12_380,
        "relative_effect": 0.03492,
        "p_value": 4.2e-05,
        "p_adjusted": 8.4e-05,
        "ci_low": 0.01805,
        "ci_high": 0.05206,
        "ci_level": 0.95,
        "mde_met": True,
        "required_n": 11_020,
        "power": 0.84,
        "verdict": ExperimentMetricVerdict.WIN,
        "reason": "68.46% in control, 70.85% in treatment_a: +3.5% [+1.8%, +5.2%], adjusted p < 0.0001, at "
        "least the MDE of "
        "+1.0%.",
        "direction": Direction.INCREASE,
        "n_control": 12_450,
        "n_treatment": 12_380,
        "win_chance_at_mde": 0.48,
        "difference": 0.02390,
        "mde": 0.01,
    }
    return ExperimentMetric(**values | fields)


def guardrail_metric(**fields: Any) -> ExperimentMetric:
    """A guardrail that holds."""
    values: dict[str, Any] = {
        "name": "support_tickets_per_user",
        "role": Role.GUARDRAIL,
        "type": MetricType.MEAN,
        "test": "Welch t",
        "control": 0.0193,
        "treatment": 0.0203,
        "relative_effect": 0.0518,
        "p_value": 0.5687,
        "p_adjusted": 0.5687,
        "ci_low": -0.1171,
        "ci_high": 0.253,
        "mde_met": None,
        "required_n": None,
        "power": None,
        "verdict": ExperimentMetricVerdict.HOLDS,
        "reason": "not significantly worse: +5.2% [−11.7%, +25.3%], adjusted p = 0.57.",
        "direction": Direction.DECREASE,
        "win_chance_at_mde": None,
        "difference": 0.001,
        "mde": None,
    }
    return base_experiment_metric(**values | fields)


def base_experiment(**fields: Any) -> ExperimentResult:
    """An experiment to ship."""
    values: dict[str, Any] = {
        "id": EXPERIMENT,
        "verdict": ExperimentVerdict.SHIP,
        "action": "Promote canary to 100% + ship experiment variant.",
        "canary_users_excluded": True,
        "excluded_units": 10_012,
        "correction": "fdr_bh",
        "metrics": (base_experiment_metric(), guardrail_metric()),
        "exclusion": "yes (overlap 2.54% is above 2%)",
        "winning_arm": "treatment_a",
        "reasons": (Reason("primary_wins", "The primary metric wins and no other metric is significantly worse."),),
        "sample_ratio": SampleRatioCheck(
            EXPERIMENT,
            {"control": 12_450, "treatment_a": 12_380},
            {"control": 12_415.0, "treatment_a": 12_415.0},
            0.657,
            False,
        ),
        "window": Window(datetime(2026, 4, 15, tzinfo=UTC), datetime(2026, 5, 6, tzinfo=UTC)),
    }
    return ExperimentResult(**values | fields)


def base_release(**fields: Any) -> Release:
    """The release's header."""
    header = ExperimentHeader(EXPERIMENT, {"control": 0.5, "treatment_a": 0.5}, "user_id")
    values: dict[str, Any] = {
        "canary_sha": "9f3c2ab",
        "canary_share": 0.05,
        "canary_routing_unit": "user_id",
        "experiments": (header,),
    }
    return Release(**values | fields)


def base_sources() -> tuple[SourceRecord, ...]:
    """Four sources with rows, checksum and window."""
    log = Window(datetime(2026, 4, 15, tzinfo=UTC), datetime(2026, 5, 5, 14, 30, tzinfo=UTC))
    return (
        SourceRecord("canary assignments", "logs/canary-*.parquet", 201_204, "a41c" * 16, WINDOW),
        SourceRecord("experiment assignments", "logs/experiment.csv.gz", 200_988, "77be" * 16, log),
        SourceRecord("canary metrics", "canary-metrics.yml", 6, "09d3" * 16, WINDOW),
        SourceRecord("experiment data", "experiment-data.yml", 4, "c0de" * 16, log),
    )


# ---------------------------------------------------------------- whole reports


def base_report(**fields: Any) -> Report:
    """Promote and ship: nothing is wrong."""
    values: dict[str, Any] = {
        "schema_version": 1,
        "decision": DecisionKind.PROMOTE,
        "may_proceed": True,
        "action": "Promote canary to 100% + ship experiment variant.",
        "exit_code": 0,
        "release": base_release(),
        "audit": base_audit(),
        "canary": base_canary(),
        "experiments": (base_experiment(),),
        "sequencing": STEPS,
        "sources": base_sources(),
        "errors": (),
        "warnings": (),
        "window": WINDOW,
        "created_at": NOW,
        "notes": ("canary.share: 0.05 was read as 5%.",),
    }
    return Report(**values | fields)


def promote_report(**fields: Any) -> Report:
    """Promote and ship."""
    return base_report(**fields)


def mixed_report(**fields: Any) -> Report:
    """Promote; the primary wins, but a guardrail is hurt."""
    action = "Promote canary; extend experiment window."
    hurt = guardrail_metric(
        treatment=0.0259,
        relative_effect=0.345,
        p_value=0.0005,
        p_adjusted=0.001,
        ci_low=0.14,
        ci_high=0.587,
        verdict=ExperimentMetricVerdict.HURT,
        reason="significantly worse: +34.5% [+14.0%, +58.7%], adjusted p = 0.0010.",
    )
    result = base_experiment(
        verdict=ExperimentVerdict.MIXED,
        action=action,
        winning_arm=None,
        metrics=(base_experiment_metric(), hurt),
        reasons=(
            Reason("guardrail_hurt", "The primary metric wins, but support_tickets_per_user is significantly worse."),
        ),
    )
    steps = (
        STEPS[0],
        (
            f"2. Experiment {EXPERIMENT}: leave it at control 50% / treatment_a 50% and extend its window. Run this "
            f"gate again "
            "when the users still needed are there, not before one observation window (30 minutes) after step 1."
        ),
    )
    return base_report(**{"action": action, "experiments": (result,), "sequencing": steps} | fields)


def dont_ship_report(**fields: Any) -> Report:
    """Promote; the primary is significantly worse."""
    action = "Promote canary; hold experiment for investigation."
    loss = base_experiment_metric(
        treatment=8324 / 12_380,
        relative_effect=-0.01783,
        p_value=0.0395,
        p_adjusted=0.0395,
        ci_low=-0.0345,
        ci_high=-0.0009,
        mde_met=False,
        difference=-0.0122,
        verdict=ExperimentMetricVerdict.LOSS,
        reason="68.46% in control, 67.24% in treatment_a: −1.8% [−3.4%, −0.1%], adjusted p = 0.0395, the wrong way.",
    )
    result = base_experiment(
        verdict=ExperimentVerdict.DONT_SHIP,
        action=action,
        winning_arm=None,
        metrics=(loss, guardrail_metric()),
        reasons=(Reason("primary_loses", "The primary metric is significantly worse."),),
    )
    steps = (
        STEPS[0],
        (
            f"2. Experiment {EXPERIMENT}: do not ship it. Hold it at control 50% / treatment_a 50% while you find "
            f"out why the "
            "variant does not help; switch it off not before one observation window (30 minutes) after step 1."
        ),
    )
    return base_report(**{"action": action, "experiments": (result,), "sequencing": steps} | fields)


def pause_report(**fields: Any) -> Report:
    """The canary is too thin in one KPI."""
    action = "Hold everything; resolve canary pause first."
    canary = base_canary(
        verdict=CanaryVerdict.PAUSE,
        metrics=(base_canary_metric(), latency_metric(), completion_metric(**THIN)),
        window_enough=False,
    )
    values: dict[str, Any] = {
        "decision": DecisionKind.HOLD,
        "may_proceed": False,
        "action": action,
        "canary": canary,
        "experiments": (base_experiment(action=action),),
        "sequencing": HOLD_STEPS,
    }
    return base_report(**values | fields)


def rollback_report(**fields: Any) -> Report:
    """The error rate breaches its limits; the experiment is not judged."""
    values: dict[str, Any] = {
        "decision": DecisionKind.ROLLBACK,
        "may_proceed": False,
        "action": "Rollback canary immediately; suspend experiment.",
        "exit_code": 1,
        "canary": base_canary(
            verdict=CanaryVerdict.ROLLBACK,
            metrics=(base_canary_metric(**BREACH), latency_metric(), completion_metric()),
            reasons=(Reason("breach", "error_rate is beyond its limits."),),
        ),
        "experiments": None,
        "sequencing": (
            "1. Canary: take build 9f3c2ab from 5% to 0% now.",
            (
                f"2. Experiment: suspend it: leave the flag of {EXPERIMENT} as it is and read no verdict from it. "
                f"Not before one "
                "observation window (30 minutes) after step 1, and with the metrics back at the baseline, go on."
            ),
            (
                "3. Fix the build, deploy it as a new canary with its own SHA, and run this gate again before it is "
                "promoted."
            ),
        ),
    }
    return base_report(**values | fields)


def contaminated_report(**fields: Any) -> Report:
    """Nearly all canary users are in one arm."""
    dependence = Reason(
        "dependence",
        "The canary holds 97.1% of its users in `treatment_a`: the overlap is 4.85% of all units where 2.50% "
        "was expected "
        "(+94.1%, 95% interval +90.2% to +98.0%, p < 0.0001, n = 200,000).",
    )
    subset = Reason("subset", "The canary lies almost wholly in `treatment_a`; by chance that happens in < 0.0001.")
    audit = base_audit(
        verdict=AuditVerdict.CONTAMINATED,
        reasons=(dependence, subset),
        overlap=0.0485,
        arms=(
            base_arm(
                arm="control",
                overlap_units=290,
                observed_overlap=0.00145,
                relative_deviation=-0.942,
                independent_deviation=-0.941,
                ci_low=-0.98,
                ci_high=-0.902,
                p_value=1e-300,
            ),
            base_arm(
                overlap_units=9722,
                observed_overlap=0.04861,
                relative_deviation=0.944,
                independent_deviation=0.941,
                ci_low=0.902,
                ci_high=0.98,
                p_value=1e-300,
            ),
        ),
    )
    values: dict[str, Any] = {
        "decision": DecisionKind.REFUSED,
        "may_proceed": False,
        "action": "Stop: fix the assignment first.",
        "exit_code": 1,
        "audit": audit,
        "canary": None,
        "experiments": None,
        "reasons": audit.reasons,
        "sources": base_sources()[:2],
        "sequencing": (
            (
                "1. Canary: keep build 9f3c2ab at 5% or take it to 0%; do not promote. To fix: give the canary its "
                "own salt (seed), apart from the experiment's."
            ),
            (
                f"2. Experiment: do not read or ship the flag of {EXPERIMENT}; its figures up to now are mixed with "
                "the canary's. Start both anew, and run this gate again one observation window (30 minutes) after the "
                "fix."
            ),
        ),
    }
    return base_report(**values | fields)


def refused_report(**fields: Any) -> Report:
    """Two errors in the config: nothing was read."""
    errors = (
        Problem("unknown_key", "unknown key 'shar'", "release.yml", 3, 3, "Did you mean 'share'?"),
        Problem(
            "missing_file",
            "the canary thresholds are missing: 'canary-thresholds.yml' was not found in the workspace",
            "release.yml",
            9,
            None,
            "Check the path, or add a checkout step before the gate.",
        ),
    )
    values: dict[str, Any] = {
        "decision": DecisionKind.REFUSED,
        "may_proceed": False,
        "action": "Refused: unknown key 'shar' (and 1 more).",
        "exit_code": 2,
        "release": None,
        "audit": None,
        "canary": None,
        "experiments": None,
        "sequencing": (),
        "sources": (),
        "errors": errors,
        "reasons": tuple(Reason(problem.code, problem.message) for problem in errors),
        "window": None,
        "notes": (),
    }
    return base_report(**values | fields)


def error_report(**fields: Any) -> Report:
    """A source broke off after the audit."""
    problem = Problem(
        "truncated",
        "the file ends in the middle of a row group",
        "metrics/part-3.parquet",
        fix="Upload it again.",
    )
    values: dict[str, Any] = {
        "decision": DecisionKind.ERROR,
        "may_proceed": False,
        "action": "Could not finish: the file ends in the middle of a row group.",
        "exit_code": 3,
        "canary": None,
        "experiments": None,
        "errors": (problem,),
        "reasons": (Reason(problem.code, problem.message),),
        "sequencing": (
            f"1. Change nothing: leave the canary (build 9f3c2ab) at 5% and the flag of {EXPERIMENT} as they are.",
            "2. Correct what is named under the errors, then run this gate again.",
        ),
    }
    return base_report(**values | fields)


def inconclusive_report(**fields: Any) -> Report:
    """Too few units to tell chance from contamination."""
    action = "Hold everything; gather more units."
    reason = Reason(
        "too_few_units",
        "`treatment_a` deviates by +14.2%, which 800 independent units show by luck in 31% of such releases (p "
        "= 0.21): "
        "about 9,120 units decide it.",
    )
    audit = base_audit(
        verdict=AuditVerdict.INCONCLUSIVE,
        reasons=(reason,),
        units=800,
        canary_units=41,
        arms=(
            base_arm(
                overlap_units=23,
                observed_overlap=0.02875,
                relative_deviation=0.15,
                independent_deviation=0.142,
                ci_low=-0.163,
                ci_high=0.447,
                p_value=0.2143,
                chance_of_false_alarm=0.31,
            ),
        ),
    )
    result = base_experiment(
        verdict=ExperimentVerdict.MIXED,
        action=action,
        reasons=(Reason("audit_inconclusive", "The audit is INCONCLUSIVE, so the experiment is MIXED at best."),),
    )
    values: dict[str, Any] = {
        "decision": DecisionKind.HOLD,
        "may_proceed": False,
        "action": action,
        "audit": audit,
        "experiments": (result,),
        "sequencing": (
            "1. Canary: keep build 9f3c2ab at 5%; do not promote. About 9,120 units in all settle it; there are 800.",
            HOLD_STEPS[1],
        ),
    }
    return base_report(**values | fields)


def two_experiments_report(**fields: Any) -> Report:
    """One experiment ships, the other, with two treatment arms, goes on."""
    second = "search-ranking"
    zero = base_experiment_metric(
        name="revenue_per_user",
        arm="ranker_b",
        type=MetricType.MEAN,
        test="Mann-Whitney U",
        control=3.19,
        treatment=3.22,
        relative_effect=0.0094,
        p_value=0.31,
        p_adjusted=0.62,
        ci_low=-0.012,
        ci_high=0.031,
        mde_met=False,
        required_n=88_400,
        power=0.27,
        verdict=ExperimentMetricVerdict.INCONCLUSIVE,
        reason="$3.19 in control, $3.22 in ranker_b: +0.94% [−1.2%, +3.1%], p = 0.62 adjusted; 88,400 users a "
        "variant are "
        "needed, there are 21,300.",
        n_control=21_300,
        n_treatment=21_280,
        win_chance_at_mde=0.22,
        difference=0.03,
        mde=0.05,
        unit="$",
    )
    other = replace(
        zero,
        arm="ranker_c",
        treatment=3.3,
        relative_effect=None,
        ci_low=None,
        ci_high=None,
        difference=0.11,
        reason="no relative effect: the control mean is within 3 standard errors of 0.",
    )
    results = (
        base_experiment(),
        base_experiment(
            id=second,
            verdict=ExperimentVerdict.MIXED,
            action="Promote canary; extend experiment window.",
            canary_users_excluded=False,
            excluded_units=0,
            exclusion="no (aggregated data has no user ids)",
            correction="holm",
            winning_arm=None,
            sequential=True,
            metrics=(zero, other),
            reasons=(Reason("underpowered", "The primary metric is inconclusive: too few users."),),
            sample_ratio=None,
        ),
    )
    split = {"control": 0.5, "ranker_b": 0.25, "ranker_c": 0.25}
    release = base_release(experiments=(*base_release().experiments, ExperimentHeader(second, split, "user_id")))
    audit = base_audit(
        arms=(*base_audit().arms, base_arm(experiment=second, arm="ranker_b", expected_overlap=0.0125)),
        pairs=(PairOverlap((EXPERIMENT, second), 40_120, 0.021, 0.44, AuditVerdict.CLEAN),),
    )
    values: dict[str, Any] = {
        "action": "; ".join(f"{item.id}: {item.action}" for item in results),
        "release": release,
        "audit": audit,
        "experiments": results,
        "sequencing": (
            *STEPS,
            (
                f"3. Experiment {second}: leave it at control 50% / ranker_b 25% / ranker_c 25% and extend its "
                f"window. Run this "
                "gate again when the users still needed are there, not before one observation window (30 minutes) "
                "after step 2."
            ),
        ),
    }
    return base_report(**values | fields)


VARIANTS = {
    "promote-ship": promote_report,
    "promote-mixed": mixed_report,
    "promote-dont-ship": dont_ship_report,
    "pause": pause_report,
    "rollback": rollback_report,
    "contaminated": contaminated_report,
    "refused": refused_report,
    "error": error_report,
    "inconclusive": inconclusive_report,
    "two-experiments": two_experiments_report,
}
