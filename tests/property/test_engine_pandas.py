"""The overlap of random small logs, joined by the engine, equals a naive merge in pandas."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.world import audit, counted, iso, write_logs

Row = tuple[str, str, int]
ids = st.integers(0, 15).map(lambda number: f"user-{number}")
minutes = st.integers(0, 12)


def logs(labels: tuple[str, str]) -> st.SearchStrategy[list[Row]]:
    """Rows of a log in which both labels occur; a unit may stand under both, and often."""
    some = st.lists(st.tuples(ids, st.sampled_from(labels), minutes), min_size=4, max_size=60)
    return st.tuples(ids, minutes, ids, minutes, some).map(
        lambda drawn: [(drawn[0], labels[0], drawn[1]), (drawn[2], labels[1], drawn[3]), *drawn[4]]
    )


def latest(firsts: pd.DataFrame, joint: pd.Series[int], order: tuple[str, str]) -> pd.Series[str]:
    """Of the labels that had begun by then the one that began last; of two at once the first of ``order``."""
    begun = firsts[list(order)].where(firsts[list(order)].le(joint, axis=0), -1).fillna(-1)
    return begun.idxmax(axis=1)


def merged(canary: list[Row], experiment: list[Row]) -> dict[tuple[int, str, str], int]:
    """Units by cohort and arm at their first joint exposure inside the canary's live period."""
    c = pd.DataFrame(canary, columns=["id", "label", "t"])
    e = pd.DataFrame(experiment, columns=["id", "label", "t"])
    live = c.loc[c["label"] == "canary", "t"]
    c, e = (log[log["t"].between(live.min(), live.max())] for log in (c, e))
    cohorts = c.pivot_table(index="id", columns="label", values="t", aggfunc="min")
    arms = e.pivot_table(index="id", columns="label", values="t", aggfunc="min")
    cohorts = cohorts.reindex(columns=["canary", "baseline"])
    arms = arms.reindex(columns=["control", "treatment"])
    both = cohorts.join(arms, how="inner")
    if both.empty:
        return {}
    joint = pd.concat([both[cohorts.columns].min(axis=1), both[arms.columns].min(axis=1)], axis=1).max(axis=1)
    table = pd.DataFrame(
        {
            "cohort": latest(both, joint, ("canary", "baseline")),
            "arm": latest(both, joint, ("control", "treatment")),
        }
    )
    return {(0, cohort, arm): int(n) for (cohort, arm), n in table.value_counts().items()}


@settings(max_examples=25)
@given(logs(("canary", "baseline")), logs(("control", "treatment")))
def test_the_overlap_equals_a_naive_merge_in_pandas(canary: list[Row], experiment: list[Row]) -> None:
    """cells(engine) = merge(canary, experiment)"""
    with tempfile.TemporaryDirectory() as folder:
        timed = [[(unit, label, iso(minute)) for unit, label, minute in rows] for rows in (canary, experiment)]
        write_logs(Path(folder), *timed)
        assert counted(audit(Path(folder))) == merged(canary, experiment)
