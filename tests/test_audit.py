"""The contamination audit on cells written by hand: every verdict, every reason, with its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from coordinator.audit import audit, routing_units_match
from coordinator.config import Config
from coordinator.model import (
    Audit,
    AuditVerdict,
    Cells,
    Cohort,
    LabelCount,
    LayerFinding,
    LogFacts,
    PairCell,
    Stratum,
    UnitCell,
)

CLEAN, CONTAMINATED = AuditVerdict.CLEAN, AuditVerdict.CONTAMINATED
INCONCLUSIVE, REFUSED = AuditVerdict.INCONCLUSIVE, AuditVerdict.REFUSED
HALVES = {"control": 0.5, "treatment": 0.5}
Part = tuple[float, Mapping[str, float], Sequence[int], Sequence[int]]
"""Declared canary share and split, then units by arm: of the canary, of the baseline."""


def config(
    share: float = 0.05, splits: Mapping[str, Mapping[str, float]] | None = None, unit: str = "user_id", **rule: Any
) -> Config:
    experiments = [
        {"id": name, "unit": unit, "split": dict(split)} for name, split in (splits or {"banner": HALVES}).items()
    ]
    canary = {"share": f"{share * 100}%", "routing_unit": "user_id"}
    return Config.model_validate({"canary": canary, "experiments": experiments, "audit": rule})


def cells(*parts: Part, experiment: str = "banner", **facts: Any) -> Cells:
    """One stratum a part."""
    strata, units = [], []
    for index, (share, split, canary, baseline) in enumerate(parts):
        strata.append(Stratum(index, None, None, share, split))
        for cohort, row in ((Cohort.CANARY, canary), (Cohort.BASELINE, baseline)):
            units += [UnitCell(experiment, index, cohort, arm, n) for arm, n in zip(split, row, strict=True)]
    known = LogFacts(experiment, **{"id_shapes": {"canary": "a-9", "experiment": "a-9"}, **facts})
    return Cells(strata={experiment: tuple(strata)}, units=tuple(units), facts={experiment: known})


def independent(n: int, share: float = 0.05, split: Mapping[str, float] = HALVES) -> Part:
    """Exactly what the declared shares give."""
    canary = [round(n * share * part) for part in split.values()]
    return share, split, canary, [round(n * part) - inside for part, inside in zip(split.values(), canary, strict=True)]


def halves(n: int, in_control: int, in_treatment: int, share: float = 0.05) -> Part:
    """A canary of these units in an experiment of two equal arms."""
    return share, HALVES, (in_control, in_treatment), (n // 2 - in_control, n // 2 - in_treatment)


def codes(found: Audit) -> list[str]:
    return [reason.code for reason in found.reasons]


def words(found: Audit) -> str:
    return " ".join(reason.message for reason in found.reasons)


# ------------------------------------------------------------------------------------------- expectations


def test_both_expectations_are_given_for_every_arm() -> None:
    found = audit(cells(halves(10_000, 260, 300)), config())
    control, treatment = found.arms
    assert (control.arm, treatment.arm) == ("control", "treatment")
    assert treatment.overlap_units == 300
    assert treatment.observed_overlap == pytest.approx(0.03)
    assert treatment.expected_overlap == pytest.approx(0.025)
    assert treatment.relative_deviation == pytest.approx(0.2)
    assert treatment.independent_overlap == pytest.approx(0.028)
    assert treatment.independent_deviation == pytest.approx(300 / 280 - 1)
    assert treatment.ci_low is not None
    assert treatment.ci_high is not None
    assert treatment.independent_deviation is not None
    assert treatment.ci_low < treatment.independent_deviation < treatment.ci_high
    assert (found.units, found.canary_units) == (10_000, 560)
    assert found.overlap == pytest.approx(0.03)
    assert found.tolerance == 0.1


def test_an_exactly_independent_split_is_clean() -> None:
    found = audit(cells(independent(200_000)), config())
    assert found.verdict is CLEAN
    assert codes(found) == ["independent"]
    assert "10%" in words(found)
    assert found.warnings == ()


def test_luck_and_the_units_that_end_it_are_printed_under_either_rule() -> None:
    for rule in ("evidence", "threshold"):
        arm = audit(cells(independent(10_000)), config(rule=rule)).arms[0]
        assert arm.chance_of_false_alarm == pytest.approx(0.21, abs=0.02)
        assert arm.units_needed is not None
        assert 15_000 < arm.units_needed < 22_000


# ------------------------------------------------------------------------------------------- the rule of evidence


def test_dependence_with_evidence_is_contamination() -> None:
    found = audit(cells(halves(100_000, 2_000, 3_000)), config())
    assert found.verdict is CONTAMINATED
    assert set(codes(found)) == {"dependence"}
    assert "`treatment`" in words(found)
    assert "3.00%" in words(found)
    assert "+20.0%" in words(found)
    assert "p < 0.0001" in words(found)


def test_a_deviation_that_may_be_luck_is_inconclusive_and_says_how_many_units_decide_it() -> None:
    found = audit(cells(halves(1_000, 20, 30)), config())
    assert found.verdict is INCONCLUSIVE
    assert codes(found)[-1] == "too_few_units"
    assert "1,000 units cannot tell this from luck" in words(found)
    assert "86%" in words(found)
    decided = int(found.reasons[-1].message.split("About ")[1].split(" units")[0].replace(",", ""))
    assert decided >= (found.arms[0].units_needed or 0) > 10_000


def test_the_units_that_decide_it_are_more_than_there_are() -> None:
    # 11 % more canary units than declared, p = 0.01: luck seldom breaks the line here, and yet this is no proof
    found = audit(cells(halves(20_000, 555, 555)), config())
    assert (found.verdict, codes(found)[0]) == (INCONCLUSIVE, "share_mismatch")
    assert (found.arms[0].units_needed or 0) < 20_000
    decided = int(found.reasons[-1].message.split("About ")[1].split(" units")[0].replace(",", ""))
    assert decided > 20_000


def test_alpha_is_shared_by_the_arms_and_both_expectations() -> None:
    # p = 0.0006: below 0.001, above 0.00025
    part = halves(20_000, 447, 553)
    assert audit(cells(part), config()).arms[1].p_value == pytest.approx(0.0006, abs=0.00005)
    assert audit(cells(part), config()).verdict is INCONCLUSIVE
    assert audit(cells(part), config(alpha=0.003)).verdict is CONTAMINATED


def test_a_tiny_p_value_within_the_tolerance_is_a_warning_and_no_verdict() -> None:
    found = audit(cells(halves(4_000_000, 97_000, 103_000)), config())
    assert found.verdict is CLEAN
    assert len(found.warnings) == 2
    assert "within the tolerance, but not luck" in found.warnings[1]
    assert "+3.0%" in found.warnings[1]
    assert "p < 0.0001" in found.warnings[1]


def test_clean_says_what_the_units_could_not_have_seen() -> None:
    found = audit(cells(independent(4_000)), config())
    assert found.verdict is CLEAN
    assert codes(found) == ["independent", "resolution"]
    arm = found.arms[0]
    assert arm.ci_high is not None
    assert f"could not have seen less than {round(arm.ci_high * 100)}%" in words(found)


def test_proof_that_is_asked_for_and_not_there_is_inconclusive_with_the_units_that_give_it() -> None:
    found = audit(cells(independent(4_000)), config(require_proof=True))
    assert (found.verdict, codes(found)) == (INCONCLUSIVE, ["not_proven"])
    needed = int(words(found).split("about ")[1].split(" units")[0].replace(",", ""))
    assert needed > 4_000
    again = audit(cells(independent(int(needed * 1.05))), config(require_proof=True))
    assert again.verdict is CLEAN


# ------------------------------------------------------------------------------------------- shares


def test_a_canary_share_that_is_not_what_the_config_says_is_named_with_its_size() -> None:
    found = audit(cells(halves(100_000, 3_500, 3_500)), config())
    assert found.verdict is CONTAMINATED
    assert set(codes(found)) == {"share_mismatch"}
    assert "the canary's share is 7.00% where 5% is declared (+40.0%)" in words(found)
    assert "share of `treatment`" not in words(found)


def test_an_arm_share_that_is_not_what_the_config_says_is_named_with_its_size() -> None:
    part = (0.05, HALVES, (1_750, 3_250), (33_250, 61_750))
    found = audit(cells(part), config())
    assert (found.verdict, set(codes(found))) == (CONTAMINATED, {"share_mismatch"})
    assert "the share of `treatment` is 65.0% where 50% is declared (+30.0%)" in words(found)
    assert "the canary's share" not in words(found)


def test_dependence_is_not_called_a_share_mismatch_where_both_expectations_are_missed() -> None:
    found = audit(cells(halves(100_000, 3_000, 5_000)), config())
    assert "dependence" in codes(found)
    assert "look independent" not in next(r.message for r in found.reasons if "`treatment`" in r.message)


def test_few_units_that_miss_both_expectations_are_not_called_independent() -> None:
    found = audit(cells(halves(400, 6, 14)), config())
    assert found.verdict is INCONCLUSIVE
    assert "look independent" not in words(found)


def test_no_canary_unit_at_all_among_many_is_a_share_mismatch() -> None:
    found = audit(cells((0.05, HALVES, (0, 0), (5_000, 5_000))), config())
    assert (found.verdict, set(codes(found))) == (CONTAMINATED, {"share_mismatch"})
    assert "the canary's share is 0%" in words(found)


def test_no_canary_unit_among_a_few_is_inconclusive() -> None:
    assert audit(cells((0.05, HALVES, (0, 0), (10, 10))), config()).verdict is INCONCLUSIVE


def test_everyone_in_the_canary_is_never_clean() -> None:
    assert audit(cells((0.05, HALVES, (500, 500), (0, 0))), config()).verdict is CONTAMINATED


# ------------------------------------------------------------------------------------------- subsets


def test_a_canary_wholly_in_one_arm_is_contamination_where_chance_is_excluded() -> None:
    found = audit(cells(halves(200, 0, 11)), config())
    assert found.verdict is CONTAMINATED
    assert codes(found)[0] == "subset"
    assert "All canary units are in the arm `treatment`" in words(found)
    assert "50.0%" in words(found)
    assert "salt" in words(found)


def test_a_canary_wholly_in_one_arm_by_chance_is_inconclusive() -> None:
    found = audit(cells(halves(180, 0, 9)), config())
    assert found.verdict is INCONCLUSIVE
    assert codes(found)[0] == "subset"
    assert "units decide it" in words(found)


def test_a_canary_nearly_wholly_in_one_arm_is_contamination() -> None:
    found = audit(cells(halves(2_000, 4, 96)), config())
    assert found.verdict is CONTAMINATED
    assert "96.0% of the canary's units are in the arm `treatment`" in words(found)


def test_an_arm_with_nearly_all_units_may_hold_nearly_all_of_the_canary() -> None:
    split = {"control": 0.99, "treatment": 0.01}
    found = audit(cells(independent(2_000_000, split=split)), config(splits={"banner": split}))
    assert found.verdict is CLEAN, found.reasons
    few = (0.05, split, (990, 10), (18_811, 189))
    assert audit(cells(few), config(splits={"banner": split})).verdict is CLEAN


def test_a_canary_kept_out_of_a_small_arm_is_found() -> None:
    split = {"control": 0.9, "treatment": 0.1}
    found = audit(cells((0.01, split, (1_000, 0), (89_000, 10_000))), config(0.01, {"banner": split}))
    assert found.verdict is CONTAMINATED
    assert codes(found)[0] == "subset"
    assert "`control`, which has 90.0% of all units" in words(found)


# ------------------------------------------------------------------------------------------- the seed's two states


def test_the_threshold_rule_needs_no_evidence() -> None:
    part = halves(1_000, 20, 30)
    assert audit(cells(part), config()).verdict is INCONCLUSIVE
    found = audit(cells(part), config(rule="threshold"))
    assert (found.verdict, found.rule) == (CONTAMINATED, "threshold")


def test_the_threshold_rule_knows_two_states_only() -> None:
    within = halves(1_000, 24, 26)
    assert audit(cells(within), config(rule="threshold", require_proof=True)).verdict is CLEAN
    assert audit(cells(halves(1_000, 0, 3)), config(rule="threshold")).verdict is CONTAMINATED


@pytest.mark.parametrize(("treatment", "verdict"), [(550, CLEAN), (551, CONTAMINATED)])
def test_the_line_is_passed_beyond_ten_per_cent_and_not_at_it(treatment: int, verdict: AuditVerdict) -> None:
    part = (0.1, HALVES, (1_000 - treatment, treatment), (4_000 + treatment, 5_000 - treatment))
    assert audit(cells(part), config(0.1, rule="threshold")).verdict is verdict


# ------------------------------------------------------------------------------------------- ramps


def test_an_independent_ramp_of_both_shares_is_clean_where_pooling_would_accuse_it() -> None:
    first = independent(100_000, 0.01, {"control": 0.9, "treatment": 0.1})
    second = independent(100_000, 0.05, HALVES)
    made = cells(first, second)
    found = audit(made, config())
    assert found.verdict is CLEAN, found.reasons
    arm = found.arms[1]
    assert arm.independent_deviation == pytest.approx(0, abs=1e-9)
    both, n = arm.overlap_units, found.units
    in_treatment = sum(cell.units for cell in made.units if cell.arm == "treatment")
    pooled = both * n / (found.canary_units * in_treatment) - 1
    assert pooled > 0.4


def test_dependence_in_one_stratum_is_not_hidden_by_the_other() -> None:
    found = audit(cells(independent(20_000, 0.01), halves(100_000, 1_000, 4_000)), config())
    assert (found.verdict, set(codes(found))) == (CONTAMINATED, {"dependence"})


def test_an_empty_stratum_changes_nothing() -> None:
    empty = (0.01, HALVES, (0, 0), (0, 0))
    alone, both = audit(cells(independent(50_000)), config()), audit(cells(independent(50_000), empty), config())
    assert both.arms == alone.arms
    assert both.verdict is CLEAN


# ------------------------------------------------------------------------------------------- layers


LAYER = LayerFinding("banner", "confirmed", disjoint=True, evidence="growthbook.json: namespace `checkout`")


def test_any_unit_in_both_is_contamination_where_one_layer_keeps_them_apart() -> None:
    found = audit(cells(halves(10_000, 0, 1)), config(), layers=[LAYER])
    assert (found.verdict, codes(found)) == (CONTAMINATED, ["layer_overlap"])
    assert "1 units are in the canary and in the experiment" in words(found)
    assert "namespace `checkout`" in words(found)
    assert [arm.expected_overlap for arm in found.arms] == [0.0, 0.0]


@pytest.mark.parametrize(("both", "verdict"), [(3, CLEAN), (4, CONTAMINATED)])
def test_layer_noise_that_is_allowed_is_allowed(both: int, verdict: AuditVerdict) -> None:
    found = audit(cells(halves(10_000, 0, both)), config(layer_noise=3), layers=[LAYER])
    assert found.verdict is verdict
    assert str(both) in words(found)


def test_no_overlap_is_clean_where_one_layer_keeps_them_apart() -> None:
    for part in (halves(10_000, 0, 0), halves(0, 0, 0)):
        found = audit(cells(part), config(), layers=[LAYER])
        assert (found.verdict, codes(found)) == (CLEAN, ["layer_isolated"])
        assert found.layer_isolation == "confirmed"


def test_a_layer_does_not_excuse_ids_of_different_shapes() -> None:
    shapes = {"canary": "9", "experiment": "a-9"}
    found = audit(cells(halves(0, 0, 0), id_shapes=shapes), config(), layers=[LAYER])
    assert (found.verdict, codes(found)) == (REFUSED, ["id_shapes"])
    assert "`9`" in words(found)
    assert "`a-9`" in words(found)


def test_an_unconfirmed_layer_is_not_taken_on_trust() -> None:
    claimed = replace(LAYER, isolation="unconfirmed")
    assert audit(cells(halves(0, 0, 0)), config(), layers=[claimed]).verdict is REFUSED
    found = audit(cells(independent(50_000)), config(), layers=[claimed])
    assert (found.verdict, found.layer_isolation) == (CLEAN, "unconfirmed")


# ------------------------------------------------------------------------------------------- units under two labels


@pytest.mark.parametrize(
    ("crossed", "warned", "verdict"),
    [(100, False, CLEAN), (250, False, CLEAN), (300, True, CLEAN), (500, True, CLEAN), (501, True, INCONCLUSIVE)],
)
def test_crossovers_warn_above_half_a_per_cent_and_leave_it_open_above_one(
    crossed: int, warned: bool, verdict: AuditVerdict
) -> None:
    found = audit(cells(independent(50_000), crossover_units=crossed), config())
    assert found.verdict is verdict
    assert any(f"{crossed} units" in text for text in found.warnings) is warned
    assert found.crossover_units == crossed
    if verdict is INCONCLUSIVE:
        assert codes(found) == ["crossovers"]
        assert "501 of 50,000 units (1.00%)" in words(found)


def test_crossovers_do_not_soften_contamination() -> None:
    found = audit(cells(halves(100_000, 0, 5_000), crossover_units=5_000), config())
    assert found.verdict is CONTAMINATED


def test_units_that_saw_both_builds_are_reported() -> None:
    found = audit(cells(independent(50_000), mixed_exposure_units=1_234), config())
    assert found.mixed_exposure_units == 1_234
    assert any("1,234 units saw both" in note for note in found.notes)


# ------------------------------------------------------------------------------------------- coverage and ids


def coverage(log: str, *counts: tuple[str, int, int]) -> tuple[LabelCount, ...]:
    return tuple(LabelCount(log, label, total, part) for label, total, part in counts)


def test_poor_coverage_is_a_warning_with_its_share() -> None:
    counts = coverage("experiment", ("control", 1_000, 800), ("treatment", 1_000, 805))
    found = audit(cells(independent(50_000), coverage=counts), config())
    assert found.verdict is CLEAN
    assert found.warnings == ("Only 80.2% of the experiment's log is in the other.",)


def test_uneven_coverage_is_named_by_arm_and_by_cohort() -> None:
    arms = coverage("experiment", ("control", 10_000, 9_000), ("treatment", 10_000, 7_000))
    found = audit(cells(independent(50_000), coverage=arms), config())
    assert "The arms are not covered alike (`control` 90.0%, `treatment` 70.0%)" in found.warnings[0]
    cohorts = coverage("canary", ("canary", 10_000, 9_000), ("baseline", 10_000, 7_000))
    found = audit(cells(independent(50_000), coverage=cohorts), config())
    assert "The cohorts are not covered alike (`canary` 90.0%, `baseline` 70.0%)" in found.warnings[0]


def test_the_smaller_logs_coverage_counts() -> None:
    counts = coverage("canary", ("canary", 100, 99), ("baseline", 100, 98)) + coverage(
        "experiment", ("control", 10_000, 100), ("treatment", 10_000, 97)
    )
    assert audit(cells(independent(50_000), coverage=counts), config()).warnings == ()


def test_ids_of_different_shapes_that_hardly_join_are_refused_with_both_shapes() -> None:
    counts = coverage("experiment", ("control", 1_000, 8), ("treatment", 1_000, 5))
    shapes = {"canary": "9", "experiment": "a@a.a"}
    found = audit(cells(independent(1_000), coverage=counts, id_shapes=shapes), config())
    assert (found.verdict, codes(found)) == (REFUSED, ["id_shapes"])
    assert "`9`" in words(found)
    assert "`a@a.a`" in words(found)
    assert "0.65" in words(found)


def test_no_join_is_refused_with_the_shapes_and_what_was_left_out() -> None:
    found = audit(cells(halves(0, 0, 0), left_out_early=70), config())
    assert (found.verdict, codes(found)) == (REFUSED, ["no_join"])
    assert "`a-9`" in words(found)
    assert "70 units of the experiment were seen only before the canary started" in words(found)


def test_anonymous_rows_alike_on_all_sides_are_a_warning() -> None:
    null = coverage("experiment", ("control", 10_000, 2_000), ("treatment", 10_000, 2_010))
    found = audit(cells(independent(50_000), null_ids=null), config())
    assert found.verdict is CLEAN
    assert found.warnings == (
        "20.1% of the rows of the experiment's log have no id (anonymous traffic); they were left out.",
    )


@pytest.mark.parametrize(("log", "labels"), [("canary", ("canary", "baseline")), ("experiment", tuple(HALVES))])
def test_anonymous_rows_that_differ_by_side_are_refused(log: str, labels: tuple[str, str]) -> None:
    null = coverage(log, (labels[0], 10_000, 2_000), (labels[1], 10_000, 3_000))
    found = audit(cells(independent(50_000), null_ids=null), config())
    assert (found.verdict, codes(found)) == (REFUSED, ["null_ids"])
    assert f"`{labels[0]}` 20.0%, `{labels[1]}` 30.0%" in words(found)


# ------------------------------------------------------------------------------------------- a log of canary units


def test_a_log_of_canary_units_without_times_is_judged_by_independence_alone() -> None:
    part = halves(50_000, 3_500, 3_500)
    found = audit(cells(part, canary_log_complete=False, has_timestamps=False), config())
    assert found.verdict is CLEAN
    assert [arm.relative_deviation for arm in found.arms] == [None, None]
    assert any("only independence could be judged" in note for note in found.notes)
    assert [check.split for check in found.sample_ratios] == ["banner"]
    dependent = halves(50_000, 1_000, 4_000)
    again = audit(cells(dependent, canary_log_complete=False, has_timestamps=False), config())
    assert (again.verdict, set(codes(again))) == (CONTAMINATED, {"dependence"})


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("rule", ["evidence", "threshold"])
def test_a_log_of_canary_units_none_of_which_joins_is_refused(timed: bool, rule: str) -> None:
    part = (0.05, HALVES, (0, 0), (500, 500))
    found = audit(cells(part, canary_log_complete=False, has_timestamps=timed), config(rule=rule))
    assert (found.verdict, codes(found)) == (REFUSED, ["no_join"])


@pytest.mark.parametrize("rule", ["evidence", "threshold"])
def test_without_anyone_to_compare_with_nothing_is_clean(rule: str) -> None:
    part = (0.05, HALVES, (500, 500), (0, 0))
    found = audit(cells(part, canary_log_complete=False, has_timestamps=False), config(rule=rule))
    assert (found.verdict, codes(found)) == (INCONCLUSIVE, ["not_comparable"])


# ------------------------------------------------------------------------------------------- several experiments


TWO = {"banner": HALVES, "button": {"off": 0.8, "on": 0.2}}


def two(first: Part, second: Part, *pairs: PairCell) -> Cells:
    return cells(first) + cells(second, experiment="button") + Cells(pairs=pairs)


def test_one_contaminated_experiment_contaminates_the_release_and_is_named() -> None:
    bad = (0.05, TWO["button"], (1_000, 1_500), (39_000, 8_500))
    found = audit(two(independent(50_000), bad), config(splits=TWO))
    assert found.verdict is CONTAMINATED
    assert all(reason.message.startswith("`button`: ") for reason in found.reasons)
    assert [arm.experiment for arm in found.arms] == ["banner", "banner", "button", "button"]


def test_an_open_experiment_is_said_beside_a_contaminated_one() -> None:
    bad = (0.05, TWO["button"], (1_000, 1_500), (39_000, 8_500))
    found = audit(two(halves(1_000, 20, 30), bad), config(splits=TWO))
    assert found.verdict is CONTAMINATED
    assert "too_few_units" in codes(found)


def pairs(table: Mapping[tuple[str, str], int], stratum: int = 0) -> tuple[PairCell, ...]:
    return tuple(PairCell(("banner", "button"), arms, stratum, units) for arms, units in table.items())


def crossed(n: int, first: float, second: float) -> dict[tuple[str, str], int]:
    return {
        ("control", "off"): round(n * (1 - first) * (1 - second)),
        ("control", "on"): round(n * (1 - first) * second),
        ("treatment", "off"): round(n * first * (1 - second)),
        ("treatment", "on"): round(n * first * second),
    }


def test_two_experiments_that_are_not_independent_are_a_contaminated_pair_and_not_a_contaminated_release() -> None:
    table = {("control", "off"): 25_000, ("treatment", "off"): 15_000, ("treatment", "on"): 10_000}
    clean = independent(50_000), independent(50_000, split=TWO["button"])
    found = audit(two(*clean, *pairs(table)), config(splits=TWO))
    assert found.verdict is CLEAN
    assert [pair.verdict for pair in found.pairs] == [CONTAMINATED]
    assert found.pairs[0].units == 50_000
    assert "both are MIXED at best" in found.warnings[0]


def test_a_pair_that_may_be_luck_is_open_and_one_that_is_independent_clean() -> None:
    clean = independent(50_000), independent(50_000, split=TWO["button"])
    few = {("control", "off"): 20, ("control", "on"): 3, ("treatment", "off"): 20, ("treatment", "on"): 7}
    assert audit(two(*clean, *pairs(few)), config(splits=TWO)).pairs[0].verdict is INCONCLUSIVE
    even = audit(two(*clean, *pairs(crossed(50_000, 0.5, 0.2))), config(splits=TWO)).pairs[0]
    assert even.verdict is CLEAN
    assert even.largest_deviation == pytest.approx(0)


def test_a_pair_is_never_pooled_over_a_ramp() -> None:
    clean = independent(50_000), independent(50_000, split=TWO["button"])
    ramp = pairs(crossed(50_000, 0.1, 0.1)) + pairs(crossed(50_000, 0.5, 0.5), stratum=1)
    assert audit(two(*clean, *ramp), config(splits=TWO)).pairs[0].verdict is CLEAN


# ------------------------------------------------------------------------------------------- more than one look


@pytest.mark.parametrize(("control", "treatment"), [(2_350, 2_650), (2_450, 2_550), (20, 30), (1, 9)])
def test_always_valid_p_values_are_larger(control: int, treatment: int) -> None:
    n = (control + treatment) * 20
    fixed = audit(cells(halves(n, control, treatment)), config())
    looked = audit(cells(halves(n, control, treatment)), config(), sequential=True)
    for one, many in zip(fixed.arms, looked.arms, strict=True):
        assert one.p_value is not None
        assert many.p_value is not None
        assert one.p_value < many.p_value <= 1
    assert any("always-valid" in note for note in looked.notes)


def test_a_shared_salt_is_found_at_any_look() -> None:
    assert audit(cells(halves(2_000, 0, 100)), config(), sequential=True).verdict is CONTAMINATED


def test_what_one_look_proves_need_not_be_proven_at_one_of_many() -> None:
    part = halves(25_000, 560, 690)
    assert audit(cells(part), config()).verdict is CONTAMINATED
    assert audit(cells(part), config(), sequential=True).verdict is INCONCLUSIVE


# ------------------------------------------------------------------------------------------- routing units, ratios


@pytest.mark.parametrize("unit", ["User-ID", "userid", "USER ID", "uid"])
def test_a_unit_has_many_spellings_and_aliases(unit: str) -> None:
    assert routing_units_match(config(unit=unit, unit_aliases={"user_id": ["uid"]})) == []


def test_another_unit_is_refused_with_both_names_and_a_way_out() -> None:
    (problem,) = routing_units_match(config(unit="device_id"))
    assert problem.code == "routing_unit"
    assert "`user_id`" in problem.message
    assert "`device_id`" in problem.message
    assert "unit_aliases" in (problem.fix or "")


def test_sample_ratios_of_both_splits_are_checked_by_stratum() -> None:
    ramp = independent(50_000, 0.01, {"control": 0.9, "treatment": 0.1}), independent(50_000)
    checks = audit(cells(*ramp), config()).sample_ratios
    assert [(check.split, check.mismatch) for check in checks] == [
        ("banner, step 1", False),
        ("canary, step 1", False),
        ("banner, step 2", False),
        ("canary, step 2", False),
    ]
    off = audit(cells((0.05, HALVES, (2_600, 2_400), (49_400, 45_600))), config())
    arms, canary = off.sample_ratios
    assert (arms.split, arms.mismatch, canary.mismatch) == ("banner", True, False)
    [warning] = [text for text in off.warnings if "Sample ratio" in text]
    assert "`control` 52,000, `treatment` 48,000 where" in warning
    assert "Likely causes" in warning


EVERY = {
    "clean": (independent(50_000), {}, {}),
    "dependence": (halves(100_000, 1_000, 4_000), {}, {}),
    "mismatch": (halves(100_000, 4_000, 4_000), {}, {}),
    "subset": (halves(2_000, 0, 100), {}, {}),
    "open": (halves(1_000, 20, 30), {}, {}),
    "proof": (independent(4_000), {"require_proof": True}, {}),
    "threshold": (halves(1_000, 20, 30), {"rule": "threshold"}, {}),
    "crossovers": (independent(10_000), {}, {"crossover_units": 200}),
}


@pytest.mark.parametrize("case", EVERY)
def test_every_verdict_has_a_reason_with_figures_and_no_odd_number(case: str) -> None:
    part, rule, facts = EVERY[case]
    found = audit(cells(part, **facts), config(**rule))
    assert found.reasons
    for reason in found.reasons:
        assert any(sign.isdigit() for sign in reason.message), reason
        assert reason.message.endswith(".")
        assert "nan" not in reason.message.lower()
