"""One sentence, one row a stage: what each outcome says of itself."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

import pytest

from coordinator.model import (
    AuditVerdict,
    CanaryMetricVerdict,
    CanaryVerdict,
    DecisionKind,
    ExperimentMetricVerdict,
    ExperimentVerdict,
    Reason,
)
from coordinator.report import headline
from coordinator.report import why as why_lines
from tests.builders import (
    VARIANTS,
    base_audit,
    base_canary,
    base_canary_metric,
    base_experiment,
    base_report,
    error_report,
    pause_report,
    refused_report,
    two_experiments_report,
)

SENTENCES = {
    "promote-ship": "Promote the canary to 100%; the variant ships one observation window later",
    "promote-mixed": "Promote the canary to 100%; let the experiment run on",
    "promote-dont-ship": "Promote the canary to 100%; do not ship the experiment",
    "pause": "Hold everything, the canary is paused",
    "rollback": "Roll back the canary now and suspend the experiment",
    "contaminated": "Stop, the canary and the experiment are not independent",
    "refused": "Refused, nothing was validated",
    "error": "Could not finish, so nothing may be promoted",
    "inconclusive": "Hold everything, the audit needs more units",
    "two-experiments": "Promote the canary to 100%; then ship checkout-promo-banner-v2, extend search-ranking",
}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_outcome_has_its_sentence(name: str) -> None:
    assert headline.sentence(VARIANTS[name]()) == SENTENCES[name]


def test_the_experiments_step_says_that_the_canary_is_there_already() -> None:
    assert headline.sentence(base_report(step="experiment")).startswith("The canary is at 100%; ")


def test_an_audit_alone_says_so() -> None:
    report = pause_report(canary=None, experiments=None, action="Audit only: neither validator was asked for.")
    assert headline.sentence(report) == "Audit only, the assignment is CLEAN"
    assert headline.stages(report)[1].why == "Only the audit was asked for."


def test_a_hold_of_another_kind_speaks_with_its_action() -> None:
    report = base_report(decision=DecisionKind.HOLD, action="Hold the experiment; the canary went to 100% just now.")
    assert headline.sentence(report) == "Hold the experiment; the canary went to 100% just now"


@pytest.mark.parametrize("kind", [AuditVerdict, CanaryVerdict, CanaryMetricVerdict, ExperimentVerdict, DecisionKind])
def test_every_verdict_has_a_symbol_of_the_basic_plane_and_a_word(kind: type[StrEnum]) -> None:
    for verdict in kind:
        symbol, word = headline.word(verdict).split(" ", 1)
        assert all(ord(char) <= 0xFFFF for char in symbol)
        assert word == verdict.value.upper().replace("_", " ")
        assert headline.tone(verdict) != "none"


def test_no_verdict_of_an_experiments_metric_shows_as_good_when_it_is_not() -> None:
    tones = {verdict: headline.tone(verdict) for verdict in ExperimentMetricVerdict}
    assert {verdict for verdict, tone in tones.items() if tone == "good"} == {"WIN", "HOLDS"}
    assert {verdict for verdict, tone in tones.items() if tone == "bad"} == {"LOSS", "HURT"}


def test_several_problems_name_two_and_count_the_rest() -> None:
    metrics = tuple(
        base_canary_metric(name=f"m{index}", verdict=CanaryMetricVerdict.THIN, reason="too few.") for index in range(4)
    )
    why = why_lines.canary_why(base_canary(verdict=CanaryVerdict.PAUSE, metrics=metrics))
    assert why == "4 of 4 metrics not OK: `m0` THIN; `m1` THIN and 2 more"


def test_a_thin_metric_that_passed_by_choice_is_counted_in_the_headline() -> None:
    thin = base_canary_metric(name="signup", verdict=CanaryMetricVerdict.THIN, reason="too few.")
    why = why_lines.canary_why(base_canary(metrics=(base_canary_metric(), thin)))
    assert why == "1 of 2 metrics within the limits, 1 noted (`signup` THIN)"


def test_a_short_window_pauses_with_its_reason() -> None:
    canary = base_canary(verdict=CanaryVerdict.PAUSE, reasons=(Reason("short_window", "The window is 5 minutes."),))
    assert why_lines.canary_why(canary) == "The window is 5 minutes."


def test_many_experiments_share_a_row() -> None:
    results = tuple(base_experiment(id=f"e{index}") for index in range(8))
    rows = headline.stages(base_report(experiments=results))
    assert len(rows) == 2 + 5 + 1 + 1
    assert rows[7].name == "3. 3 more experiments"
    assert rows[7].why == "3 SHIP, 0 DON'T-SHIP, 0 MIXED"


def test_what_to_do_first_is_the_fix_of_an_error_or_the_first_step() -> None:
    assert headline.do_now(refused_report()) == "Did you mean 'share'? Then the 1 other error below."
    assert headline.do_now(error_report()) == "Upload it again."
    unfixed = error_report(errors=(replace(error_report().errors[0], fix=None),))
    assert headline.do_now(unfixed) == "Correct what is named under the errors, then run the gate again."
    assert headline.do_now(base_report()).startswith("Canary: raise build 9f3c2ab")
    assert headline.do_now(base_report(sequencing=())) == base_report().action


def test_the_reason_shown_is_the_deciding_stages() -> None:
    assert headline.main_reason(VARIANTS["rollback"]()).startswith("`error_rate`: 1.19%")
    assert headline.main_reason(VARIANTS["inconclusive"]()).startswith("`treatment_a` deviates")
    assert headline.main_reason(VARIANTS["promote-ship"]()).startswith("The primary metric wins")
    assert headline.main_reason(VARIANTS["refused"]()) == "unknown key 'shar'"


def test_a_rollback_outweighs_an_inconclusive_audit() -> None:
    report = replace(VARIANTS["rollback"](), audit=base_audit(verdict=AuditVerdict.INCONCLUSIVE))
    assert headline.main_reason(report).startswith("`error_rate`")
    assert headline.sentence(report).startswith("Roll back")


def test_the_audits_row_names_the_largest_deviation() -> None:
    assert headline.stages(two_experiments_report())[0].why == (
        "overlap 2.54% where 2.50% was expected (+1.6%), p = 0.12"
    )
