"""The words of the gate: cohorts, roles, directions, and every verdict."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Cohort(StrEnum):
    """Side of the canary split a unit is on."""

    CANARY = "canary"
    BASELINE = "baseline"


class Role(StrEnum):
    """What an experiment metric is for."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    GUARDRAIL = "guardrail"


class Direction(StrEnum):
    """Which way is good: an ``increase``, a ``decrease``, or not known (``either``: two-sided)."""

    INCREASE = "increase"
    DECREASE = "decrease"
    EITHER = "either"


class MetricClass(StrEnum):
    """The canary's three classes of metrics."""

    RELIABILITY = "reliability"
    PERFORMANCE = "performance"
    BUSINESS = "business"


class MetricType(StrEnum):
    """How a metric's numbers are made, and so which test fits."""

    RATE = "rate"
    MEAN = "mean"
    QUANTILE = "quantile"
    GAUGE = "gauge"
    PROPORTION = "proportion"
    RATIO = "ratio"


class AuditVerdict(StrEnum):
    """Step 1's verdict. ``REFUSED``: the logs cannot be judged."""

    CLEAN = "CLEAN"
    CONTAMINATED = "CONTAMINATED"
    INCONCLUSIVE = "INCONCLUSIVE"
    REFUSED = "REFUSED"


class CanaryVerdict(StrEnum):
    """Step 2's verdict."""

    PROMOTE = "PROMOTE"
    PAUSE = "PAUSE"
    ROLLBACK = "ROLLBACK"


class CanaryMetricVerdict(StrEnum):
    """One canary metric's verdict; NO_DATA and DATA_ERROR come before the others."""

    BREACH = "BREACH"
    TREND = "TREND"
    THIN = "THIN"
    NO_DATA = "NO_DATA"
    DATA_ERROR = "DATA_ERROR"
    OK = "OK"


class ExperimentVerdict(StrEnum):
    """Step 3's verdict."""

    SHIP = "SHIP"
    DONT_SHIP = "DON'T-SHIP"
    MIXED = "MIXED"


class ExperimentMetricVerdict(StrEnum):
    """One experiment metric's verdict; ``HOLDS`` and ``HURT`` are for guardrails."""

    WIN = "WIN"
    LOSS = "LOSS"
    NO_EFFECT = "NO_EFFECT"
    INCONCLUSIVE = "INCONCLUSIVE"
    HOLDS = "HOLDS"
    HURT = "HURT"


class DecisionKind(StrEnum):
    """The output ``decision``."""

    PROMOTE = "promote"
    HOLD = "hold"
    ROLLBACK = "rollback"
    REFUSED = "refused"
    ERROR = "error"


class ExitCode(IntEnum):
    """The gate's exit codes. Only ``gate.py`` turns a result into one."""

    OPEN = 0
    CLOSED = 1
    REFUSED = 2
    UNFINISHED = 3
    INTERRUPTED = 130
    TERMINATED = 143
