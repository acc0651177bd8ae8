"""Error rates of the gate's verdicts by seeded simulation, through the real stages.

python -m benchmarks.error_rates            all rows, written to benchmarks/RESULTS.md
python -m benchmarks.error_rates --quick    a tenth of the runs, printed only
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np

from coordinator.audit import audit
from coordinator.canary import judge_canary
from coordinator.config import CanaryConfig, Config, ExperimentConfig
from coordinator.documents import Limit, Mde, Threshold
from coordinator.engine import open_engine
from coordinator.experiment import judge_experiment
from coordinator.model import (
    ArmCell,
    Audit,
    AuditVerdict,
    Cells,
    Cohort,
    Counts,
    LogFacts,
    MetricCell,
    MetricType,
    Moments,
    Series,
    Stratum,
    UnitCell,
    Window,
)
from coordinator.stats.series import paired_difference

SEED = 20261123
START = datetime(2026, 5, 5, 14, tzinfo=UTC)
EXPERIMENT = "e"
RESULTS = Path(__file__).parent / "RESULTS.md"


class Row(NamedTuple):
    """One measured rate beside what is promised."""

    claim: str
    measured: float
    runs: int
    promised: str
    passed: bool


def at_most(claim: str, hits: int, runs: int, most: float) -> Row:
    """A rate that must not be passed, three standard errors of simulation allowed."""
    slack = 3 * math.sqrt(most * (1 - most) / runs)
    return Row(claim, hits / runs, runs, f"<= {most:.1%}", hits / runs <= most + slack)


def at_least(claim: str, hits: int, runs: int, least: float) -> Row:
    """A rate that must be reached, three standard errors of simulation allowed."""
    slack = 3 * math.sqrt(least * (1 - least) / runs)
    return Row(claim, hits / runs, runs, f">= {least:.1%}", hits / runs >= least - slack)


# ------------------------------------------------------------ audit


def release(rule: str = "evidence") -> Config:
    """A 5 % canary and a 50/50 experiment."""
    experiment = ExperimentConfig(id=EXPERIMENT, unit="user_id", split="control=50,treatment=50")
    canary = CanaryConfig(sha="9f3c2ab", share="5%", routing_unit="user_id")
    return Config(canary=canary, experiments=(experiment,), audit={"rule": rule})


def unit_cells(both: np.ndarray, stratum: int = 0) -> tuple[UnitCell, ...]:
    """Cells of counts by cohort (canary, baseline) and arm (control, treatment)."""
    return tuple(
        UnitCell(EXPERIMENT, stratum, cohort, arm, int(both[row, column]))
        for row, cohort in enumerate((Cohort.CANARY, Cohort.BASELINE))
        for column, arm in enumerate(("control", "treatment"))
    )


def audited(cells: tuple[UnitCell, ...], config: Config, *, sequential: bool = False) -> Audit:
    """The audit of unit cells in one stratum."""
    strata = {EXPERIMENT: (Stratum(0, None, None, 0.05, {"control": 0.5, "treatment": 0.5}),)}
    facts = {EXPERIMENT: LogFacts(EXPERIMENT)}
    return audit(Cells(strata=strata, units=cells, facts=facts), config, sequential=sequential)


def audit_rows(runs: int, rng: np.random.Generator) -> Iterator[Row]:
    """Independent hashes are not accused; the literal rule beside it."""
    evidence, literal = release(), release("threshold")
    for units in (1_000, 5_000, 20_000):
        tables = rng.multinomial(units, [0.025, 0.025, 0.475, 0.475], size=runs).reshape(runs, 2, 2)
        verdicts = [audited(unit_cells(table), evidence).verdict for table in tables]
        accused = sum(verdict is AuditVerdict.CONTAMINATED for verdict in verdicts)
        yield at_most(f"audit: false CONTAMINATED, {units:,} independent units", accused, runs, 0.001)
        loud = [audited(unit_cells(table), literal).verdict for table in tables[: max(runs // 4, 50)]]
        share = sum(verdict is AuditVerdict.CONTAMINATED for verdict in loud)
        yield Row(f"the literal rule beside it, {units:,} units", share / len(loud), len(loud), "for the reader", True)
    found = 0
    for _ in range(runs // 4):
        canary = rng.binomial(2_000, 0.05)
        table = np.array([[0, canary], [1_000, 1_000 - canary]])
        found += audited(unit_cells(table), evidence).verdict is AuditVerdict.CONTAMINATED
    yield at_least("audit: a shared salt found at 2,000 units", found, runs // 4, 0.99)
    accused = 0
    for _ in range(runs // 10):
        steps = rng.multinomial(400, [0.025, 0.025, 0.475, 0.475], size=100).cumsum(axis=0).reshape(100, 2, 2)
        accused += any(
            audited(unit_cells(table), evidence, sequential=True).verdict is AuditVerdict.CONTAMINATED
            for table in steps[::10]
        )
    yield at_most(
        "audit: false CONTAMINATED over 10 looks at 400 to 40,000 units, always-valid", accused, runs // 10, 0.001
    )


def ramp_rows(runs: int, rng: np.random.Generator) -> Iterator[Row]:
    """Both shares ramp: looked at a hundred times; and users who come back over a canary's ramp."""
    starts = [START + timedelta(days=day) for day in range(3)]
    stages = [(0.01, 0.1), (0.05, 0.5), (0.25, 0.5)]
    strata = tuple(
        Stratum(index, start, None, canary, {"control": 1 - arm, "treatment": arm})
        for index, (start, (canary, arm)) in enumerate(zip(starts, stages, strict=True))
    )
    accused = pooled = 0
    for _ in range(max(runs // 40, 10)):
        cells: dict[int, np.ndarray] = {}
        found = False
        for look in range(100):
            index = min(look // 34, 2)
            canary, arm = stages[index]
            chances = [canary * (1 - arm), canary * arm, (1 - canary) * (1 - arm), (1 - canary) * arm]
            new = rng.multinomial(300, chances).reshape(2, 2)
            cells[index] = cells.get(index, np.zeros((2, 2), dtype=int)) + new
            units = tuple(cell for number, both in cells.items() for cell in unit_cells(both, number))
            facts = {EXPERIMENT: LogFacts(EXPERIMENT)}
            seen = Cells(strata={EXPERIMENT: strata}, units=units, facts=facts)
            found = found or audit(seen, release(), sequential=True).verdict is AuditVerdict.CONTAMINATED
        accused += found
        whole = sum(cells.values(), np.zeros((2, 2), dtype=int))
        pooled += audited(unit_cells(whole), release()).verdict == "CONTAMINATED"
    count = max(runs // 40, 10)
    yield at_most("audit: false CONTAMINATED over 100 looks while both shares ramp", accused, count, 0.001)
    yield Row("the same units pooled beside it", pooled / count, count, "for the reader", True)
    with tempfile.TemporaryDirectory() as folder:
        worst = _coming_back(Path(folder), 1_000_000 if runs >= 1_000 else 100_000)
    most = 0.02 if runs >= 1_000 else 0.08
    claim = "audit: largest deviation where users come back over a 1 -> 5 % ramp"
    yield Row(claim, worst, 1, f"<= {most:.0%}", worst <= most)


def _coming_back(folder: Path, users: int) -> float:
    """The audit's largest deviation on logs of users who visit on half of four days, through the engine."""
    visits = (
        f"SELECT u, d, TIMESTAMP '2026-05-01' + to_days(CAST(d AS INTEGER)) "
        "+ to_milliseconds(hash(u, d) % 86400000) AS t "
        f"FROM range({users}) users(u), range(4) days(d) WHERE hash(u, d, 'visit') % 2 = 0"
    )
    share = "CASE WHEN d < 2 THEN 100 ELSE 500 END"
    cohort = f"CASE WHEN hash(u, 'canary') % 10000 < {share} THEN 'canary' ELSE 'baseline' END"
    arm = "CASE WHEN hash(u, 'arm') % 2 = 0 THEN 'control' ELSE 'treatment' END"
    for name, column in (("canary", f"{cohort} AS cohort"), ("experiment", f"{arm} AS variant")):
        query = f"SELECT u AS user_id, {column}, t AS timestamp FROM ({visits})"
        duckdb.sql(f"COPY ({query}) TO '{folder / name}.parquet' (FORMAT parquet)")
    steps = ({"at": "2026-05-01", "share": "1%"}, {"at": "2026-05-03", "share": "5%"})
    canary = CanaryConfig(sha="9f3c2ab", steps=steps, routing_unit="user_id", assignments="canary.parquet")
    own = release().experiments[0].model_copy(update={"assignments": ("experiment.parquet",)})
    config = Config(canary=canary, experiments=(own,))
    engine = open_engine(config, workspace=folder)
    try:
        found = audit(engine.audit_cells(), config)
    finally:
        engine.close()
    return max(abs(arm.relative_deviation or 0) for arm in found.arms)


# ------------------------------------------------------------ canary

THRESHOLDS = {
    "error_rate": Threshold(absolute=Limit(max=0.5), relative=Limit(max=1.5)),
    "p50_latency": Threshold(relative=Limit(max=1.2), type=MetricType.MEAN),
    "p95_latency": Threshold(absolute=Limit(max=500), relative=Limit(max=1.2), type=MetricType.MEAN),
    "checkout_completion_rate": Threshold(absolute=Limit(min=60), relative=Limit(min=0.95)),
    "signup_rate": Threshold(relative=Limit(min=0.95)),
}
RATES = {"error_rate": 0.003, "checkout_completion_rate": 0.70, "signup_rate": 0.04}
MEANS = {"p50_latency": (200.0, 130.0), "p95_latency": (400.0, 160.0)}


def gate(share: float, window: float = 30) -> Config:
    """A canary of that share, with five metrics."""
    canary = CanaryConfig(sha="9f3c2ab", share=share, routing_unit="user_id", window=timedelta(minutes=window))
    return Config(canary=canary, thresholds=THRESHOLDS)


def traffic(units: int, share: float, rng: np.random.Generator, **factors: float) -> Cells:
    """One release's cells in one interval; ``factors`` change the canary's metrics."""
    sizes = {Cohort.CANARY: round(units * share), Cohort.BASELINE: units - round(units * share)}
    cells = []
    for cohort, n in sizes.items():
        for name, rate in RATES.items():
            own = rate * factors.get(name, 1.0) if cohort is Cohort.CANARY else rate
            cells.append(MetricCell(name, cohort, Counts(int(rng.binomial(n, own)), n)))
        for name, (mean, sd) in MEANS.items():
            own = mean * factors.get(name, 1.0) if cohort is Cohort.CANARY else mean
            seen = rng.normal(own, sd / math.sqrt(n))
            cells.append(MetricCell(name, cohort, Moments(n, seen, sd * sd * (n - 1))))
    window = Window(START, START + timedelta(minutes=30))
    return Cells(metrics=tuple(cells), intervals=(window,), windows={"canary": window})


def verdicts(runs: int, make: Callable[[], Cells], config: Config, looks: int | None = 1) -> Counter[str]:
    """How often each canary verdict comes."""
    return Counter(str(judge_canary(make(), config, looks=looks).verdict) for _ in range(runs))


CELLS = ((50_000, 0.05), (500_000, 0.05), (1_000_000, 0.05), (200_000, 0.25), (200_000, 0.5))


def canary_rows(runs: int, rng: np.random.Generator) -> Iterator[Row]:
    """False rollbacks, promoted regressions and needless pauses, five metrics."""
    for units, share in CELLS:
        config, where = gate(share), f"{units:,} units, share {share:.0%}"
        healthy = verdicts(runs, lambda u=units, s=share: traffic(u, s, rng), config)  # type: ignore[misc] # bound now
        yield at_most(f"canary: false ROLLBACK, {where}", healthy["ROLLBACK"], runs, 0.03)
        for name, factor in (
            ("error_rate", 2.0),
            ("p95_latency", 1.4),
            ("checkout_completion_rate", 0.9),
            ("signup_rate", 0.9),
        ):
            bad = verdicts(runs // 2, lambda u=units, s=share, n=name, f=factor: traffic(u, s, rng, **{n: f}), config)  # type: ignore[misc] # bound now
            yield at_most(f"canary: PROMOTE of {name} x {factor:g}, {where}", bad["PROMOTE"], runs // 2, 0.08)
    healthy = verdicts(runs, lambda: traffic(1_000_000, 0.05, rng), gate(0.05))
    yield at_most("canary: PAUSE of a healthy release of 1,000,000 units, share 5%", healthy["PAUSE"], runs, 0.05)


def grid_rows(runs: int, rng: np.random.Generator) -> Iterator[Row]:
    """The worst of 60 cells: error rates of 0.05, 0.3 and 1 %, shares from 1 to 50 %, 5,000 to 5 million units."""
    worst = {"ROLLBACK": 0, "error_rate": 0, "signup_rate": 0}
    for base in (0.0005, 0.003, 0.01):
        limit = Threshold(absolute=Limit(max=min(base * 500, 2)), relative=Limit(max=1.5))
        for share in (0.01, 0.05, 0.1, 0.25, 0.5):
            config = gate(share).model_copy(update={"thresholds": {**THRESHOLDS, "error_rate": limit}})
            for units in (5_000, 50_000, 500_000, 5_000_000):
                RATES["error_rate"] = base
                found = [str(judge_canary(traffic(units, share, rng), config).verdict) for _ in range(runs)]
                worst["ROLLBACK"] = max(worst["ROLLBACK"], found.count("ROLLBACK"))
                for name, factor in (("error_rate", 2.0), ("signup_rate", 0.9)):
                    bad = [traffic(units, share, rng, **{name: factor}) for _ in range(runs // 2)]
                    promoted = sum(judge_canary(cells, config).verdict == "PROMOTE" for cells in bad)
                    worst[name] = max(worst[name], promoted)
    RATES["error_rate"] = 0.003
    yield at_most("canary: false ROLLBACK, the worst of 60 cells", worst["ROLLBACK"], runs, 0.03)
    yield at_most("canary: PROMOTE of twice the errors, the worst of 60 cells", worst["error_rate"], runs // 2, 0.08)
    yield at_most("canary: PROMOTE of signup x 0.9, the worst of 60 cells", worst["signup_rate"], runs // 2, 0.08)


def falling_rows(runs: int, rng: np.random.Generator) -> Iterator[Row]:
    """A ramp of 1, 5 and 25 % while the error rate falls for everybody: 2, 1 and 0.5 %."""
    threshold = {"error_rate": Threshold(relative=Limit(max=1.2))}
    config = gate(0.25, 180).model_copy(update={"thresholds": threshold})
    windows = tuple(Window(START + timedelta(hours=hour), START + timedelta(hours=hour + 1)) for hour in range(3))
    whole = {"canary": Window(windows[0].start, windows[-1].end)}
    for claim, factor in (("false ROLLBACK", 1.0), ("1.5x regression found", 1.5)):
        hits = 0
        for _ in range(runs):
            cells = []
            for index, (share, rate) in enumerate(((0.01, 0.02), (0.05, 0.01), (0.25, 0.005))):
                for cohort, n, own in (
                    (Cohort.CANARY, round(200_000 * share), rate * factor),
                    (Cohort.BASELINE, round(200_000 * (1 - share)), rate),
                ):
                    cells.append(MetricCell("error_rate", cohort, Counts(int(rng.binomial(n, own)), n), index))
            seen = Cells(metrics=tuple(cells), intervals=windows, windows=whole)
            hits += judge_canary(seen, config).verdict == "ROLLBACK"
        where = f"canary: {claim}, ramp 1 -> 5 -> 25 % with a falling error rate"
        yield at_most(where, hits, runs, 0.06) if factor == 1 else at_least(where, hits, runs, 0.9)


def looks_rows(runs: int, rng: np.random.Generator) -> Iterator[Row]:
    """Thirty looks at a growing window: always-valid, and the fixed tests beside it for the reader."""
    for claim, looks, factor in (
        ("canary: false ROLLBACK over 30 looks, always-valid", None, 1.0),
        ("the fixed-horizon tests beside it", 1, 1.0),
        ("canary: 2x error rate at a 5 % share found within 30 looks", None, 2.0),
    ):
        hits = 0
        for _ in range(runs):
            hits += any(verdict == "ROLLBACK" for verdict in _thirty(rng, looks, factor))
        if factor > 1:
            yield at_least(claim, hits, runs, 0.95)
        elif looks is None:
            yield at_most(claim, hits, runs, 0.05)
        else:
            yield Row(claim, hits / runs, runs, "for the reader", True)


def _thirty(rng: np.random.Generator, looks: int | None, factor: float) -> Iterator[str]:
    """Verdicts at 30 looks, one a minute of a 30-minute window, until the first rollback."""
    canary, baseline = Counts(0, 0), Counts(0, 0)
    threshold = {"error_rate": Threshold(relative=Limit(max=1.5))}
    config = gate(0.05).model_copy(update={"thresholds": threshold})
    for minute in range(1, 31):
        canary += Counts(int(rng.binomial(2_000, 0.003 * factor)), 2_000)
        baseline += Counts(int(rng.binomial(38_000, 0.003)), 38_000)
        window = Window(START, START + timedelta(minutes=minute))
        cells = (
            MetricCell("error_rate", Cohort.CANARY, canary),
            MetricCell("error_rate", Cohort.BASELINE, baseline),
        )
        result = judge_canary(Cells(metrics=cells, windows={"canary": window}), config, looks=looks)
        yield str(result.verdict)


def gauge_rows(runs: int, rng: np.random.Generator) -> Iterator[Row]:
    """Gauges whose points depend on one another."""
    for phi, most in ((0.5, 0.06), (0.8, 0.08), (0.95, 0.12)):
        hits = 0
        times = tuple(START + timedelta(minutes=minute) for minute in range(60))
        for _ in range(runs):
            sides = [Series(times, tuple(_ar1(phi, rng))) for _ in range(2)]
            hits += paired_difference(sides[0], sides[1])[0].p_value < 0.05
        yield at_most(f"gauge of 60 points, AR(1) {phi}: false alarm of the paired test", hits, runs, most)


def _ar1(phi: float, rng: np.random.Generator) -> list[float]:
    values = [float(rng.normal())]
    for noise in rng.normal(0, math.sqrt(1 - phi * phi), 59):
        values.append(phi * values[-1] + float(noise))
    return [100 + value for value in values]


# ------------------------------------------------------------ experiment


def experiment_rows(runs: int, rng: np.random.Generator) -> Iterator[Row]:
    """SHIP of a treatment that does nothing: ten metrics, one primary."""
    names = [f"conversion_{index}_rate" for index in range(10)]
    experiment = release().experiments[0].model_copy(update={"primary": names[0]})
    mde = {name: Mde(mde_relative=1.0) for name in names}
    config = release().model_copy(update={"experiments": (experiment,), "mdes": {EXPERIMENT: mde}})
    clean = audited(unit_cells(np.array([[2_500, 2_500], [47_500, 47_500]])), release())
    shipped = Counter(
        str(judge_experiment(_ten(names, rng), config, EXPERIMENT, clean, now=START).verdict) for _ in range(runs)
    )
    yield at_most("experiment: SHIP of a null treatment among 10 metrics, 1 primary", shipped["SHIP"], runs, 0.025)


def _ten(names: list[str], rng: np.random.Generator) -> Cells:
    cells = [
        MetricCell(name, Cohort.BASELINE, Counts(int(rng.binomial(20_000, 0.1)), 20_000), 0, EXPERIMENT, arm)
        for name in names
        for arm in ("control", "treatment")
    ]
    arms = tuple(ArmCell(EXPERIMENT, 0, arm, Cohort.BASELINE, 20_000) for arm in ("control", "treatment"))
    return Cells(metrics=tuple(cells), arms=arms)


# ------------------------------------------------------------ the table


def measure(runs: int) -> list[Row]:
    """Every row, with about ``runs`` releases each."""
    parts = (audit_rows, ramp_rows, canary_rows, falling_rows, looks_rows, gauge_rows, experiment_rows, grid_rows)
    sizes = (runs, runs, runs, runs // 2, runs // 4, runs, runs, runs // 4)
    rows = []
    for index, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        for row in part(size, np.random.default_rng([SEED, index])):
            print(
                f"{'ok  ' if row.passed else 'MISS'} {row.claim}: {row.measured:.2%} of {row.runs:,} ({row.promised})"
            )
            rows.append(row)
    return rows


def table(rows: list[Row], seconds: float) -> str:
    """The rows as Markdown."""
    lines = [
        "# Error rates of the verdicts",
        "",
        f"Seed {SEED}; Python {platform.python_version()}, NumPy {np.__version__}; {seconds:.0f} s in all.",
        "Three standard errors of simulation are allowed. `python -m benchmarks.error_rates` makes this page.",
        "",
        "| claim | measured | runs | promised |",
        "|:--|--:|--:|:--|",
    ]
    lines += [f"| {row.claim} | {row.measured:.2%} | {row.runs:,} | {row.promised} |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, and write the page unless it is a quick run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs, printed only")
    quick = parser.parse_args().quick
    start = time.monotonic()
    rows = measure(200 if quick else 2_000)
    if not quick:
        RESULTS.write_text(table(rows, time.monotonic() - start), encoding="utf-8")
    return 0 if all(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
