"""A made-up release on disk: logs, metrics and config of 200,000 users, the same for the same seed.

Everything is made by SQL from hashes of row numbers, so that a release takes a second or so and no random state.
"""

from __future__ import annotations

from pathlib import Path

from coordinator.errors import InputError

SCENARIOS = {
    "promote": "a healthy canary, and a variant that is worth shipping",
    "contaminated": "the canary's router shares its salt with the experiment: all canary users are in treatment",
    "rollback": "a hidden regression: the canary's error rate is three times the baseline's",
}
"""What ``make_release`` can make, and what is in it."""

MIN_UNITS = 1_000

_RELEASE = """\
# Made by `python -m coordinator demo`: {about}.
canary:
  sha: 9f3c2ab
  share: 5%
  routing_unit: user_id
  assignments: logs/canary.parquet        # user_id, cohort, timestamp
  metrics: logs/canary-metrics.csv        # one row a minute, metric and cohort
  thresholds: canary-thresholds.yml
  window: 30m
experiments:
  - id: checkout-promo-banner-v2
    unit: user_id
    split: {{ control: 50%, treatment: 50% }}
    assignments: logs/experiment.csv.gz   # user_id, variant, timestamp
    data: logs/metrics.parquet            # one row a user, one column a metric
    mde: mde.yml
    primary: checkout_completed
    metrics:
      revenue: {{ role: secondary, direction: increase }}
      support_tickets: {{ role: guardrail, direction: decrease }}
"""

_THRESHOLDS = """\
metrics:
  error_rate:
    absolute: { max: 0.5 }      # %, whatever the baseline is
    relative: { max: 1.5 }      # x baseline
  checkout_completion_rate:
    absolute: { min: 60 }       # %
    relative: { min: 0.95 }     # at least 95 % of the baseline
  signup_rate:
    relative: { min: 0.85 }
  p95_latency:
    absolute: { max: 500 }      # ms
    relative: { max: 1.2 }
    unit: ms
  order_value:
    class: business
    direction: increase
    relative: { min: 0.9 }
"""

_MDE = """\
# What is worth shipping: either one is enough.
checkout_completed: { mde_relative: 1.0, mde_absolute: 0.5 }   # % and percentage points
"""

# A uniform number in [0, 1) and a standard normal one, from the seed, a name and a row number.
_MACROS = """
CREATE MACRO uniform(name, i) AS (hash(concat({seed}, '/', name, '/', i)) >> 11)::DOUBLE / 9007199254740992.0;
CREATE MACRO normal(name, i) AS
    sqrt(-2 * ln(1 - uniform(concat(name, '/radius'), i))) * cos(2 * pi() * uniform(concat(name, '/angle'), i));
"""

# Who gets what. The canary's salt is the experiment's own in the contaminated scenario.
_USERS = """
CREATE TEMP TABLE users AS
SELECT i, printf('user-%07d', i) AS user_id,
       CASE WHEN uniform('{salt}', i) >= 0.95 THEN 'canary' ELSE 'baseline' END AS cohort,
       CASE WHEN uniform('checkout-promo-banner-v2', i) >= 0.5 THEN 'treatment' ELSE 'control' END AS variant,
       TIMESTAMP '2026-05-05 14:00:00' + to_milliseconds(floor(uniform('arrival', i) * 1800000)::BIGINT) AS seen
FROM range({units}) AS rows(i);
"""

_CANARY_LOG = "SELECT user_id, cohort, to_timestamp(epoch_us(seen) / 1e6) AS timestamp FROM users ORDER BY seen, i"

# Everyone meets the experiment with the router; one user in four had met it on an earlier day.
_EXPERIMENT_LOG = """
SELECT user_id, variant, strftime(exposed, '%Y-%m-%dT%H:%M:%S.%gZ') AS timestamp FROM (
    SELECT i, user_id, variant, seen AS exposed FROM users
    UNION ALL
    SELECT i, user_id, variant, seen - to_days(1 + floor(uniform('before', i) * 19)::INTEGER)
    FROM users WHERE uniform('returning', i) < 0.25
) ORDER BY exposed, i
"""

# The banner brings 4 % more completed checkouts.
_PER_UNIT = """
SELECT user_id, completed AS checkout_completed,
       round(completed * exp(3.4 + 0.5 * normal('basket', i)), 2) AS revenue,
       (uniform('ticket', i) < tickets)::INTEGER + (uniform('ticket', i) < tickets / 6)::INTEGER AS support_tickets
FROM (
    SELECT i, user_id, CASE variant WHEN 'treatment' THEN 0.048 ELSE 0.050 END AS tickets,
           (uniform('completes', i) < CASE variant WHEN 'treatment' THEN 0.7072 ELSE 0.68 END)::INTEGER AS completed
    FROM users
) ORDER BY i
"""

# Counts by minute: the expected one and its binomial noise. Ten requests a user, one order for two completed visits.
_CANARY_METRICS = """
WITH minutes AS (
    SELECT cohort, date_trunc('minute', seen) AS minute, count(*) AS users
    FROM users GROUP BY ALL
), traffic AS (
    SELECT *, concat(cohort, '/', minute) AS cell, 10 * users AS requests, greatest(users // 3, 1) AS orders,
           CASE cohort WHEN 'canary' THEN {errors} ELSE 0.0031 END AS errors
    FROM minutes
), rates AS (
    SELECT minute, cohort, cell, unnest([
        {{metric: 'error_rate', n: requests, p: errors}},
        {{metric: 'checkout_completion_rate', n: users, p: 0.694}},
        {{metric: 'signup_rate', n: users, p: 0.21}}
    ], recursive := true) FROM traffic
), counts AS (
    SELECT minute, metric, cohort, n AS denominator,
           n * p + sqrt(n * p * (1 - p)) * normal(concat(metric, '/noise'), cell) AS drawn,
           least(n, greatest(0, round(drawn)))::BIGINT AS numerator
    FROM rates
)
SELECT strftime(minute, '%Y-%m-%dT%H:%M:%SZ') AS timestamp, metric, cohort, numerator, denominator,
       n, round(sum, 2) AS sum, round(sum_sq, 2) AS sum_sq, round(value, 1) AS value
FROM (
    SELECT minute, metric, cohort, numerator, denominator, NULL::BIGINT AS n, NULL::DOUBLE AS sum,
           NULL::DOUBLE AS sum_sq, NULL::DOUBLE AS value
    FROM counts
    UNION ALL
    SELECT minute, 'order_value', cohort, NULL, NULL, orders, orders * mean, orders * (mean * mean + 18 * 18), NULL
    FROM (SELECT *, 34 + 18 / sqrt(orders) * normal('order_value', cell) AS mean FROM traffic)
    UNION ALL
    SELECT minute, 'p95_latency', cohort, NULL, NULL, NULL, NULL, NULL, 241 + 7 * normal('p95_latency', cell)
    FROM traffic
) ORDER BY metric, minute, cohort
"""


def make_release(directory: Path, scenario: str = "promote", *, units: int = 200_000, seed: int = 7) -> Path:
    """Write a complete release into ``directory``: config, two assignment logs, canary metrics, a table of users.

    Args:
        directory: made if need be; files of an earlier release in it are written over.
        scenario: one of ``SCENARIOS``.
        units: how many users, at least 1,000; from about 50,000 on the verdicts are those of the scenario.
        seed: another number gives other users with the same effects.

    Returns:
        The path of the ``release.yml`` that was written.

    Raises:
        ValueError: the scenario is unknown.
        InputError: the users are too few, or the folder cannot be written to.
    """
    if scenario not in SCENARIOS:
        raise ValueError(f"unknown scenario {scenario!r}; choose one of {', '.join(SCENARIOS)}")
    if units < MIN_UNITS:
        raise InputError.of("too_few_units", f"{units} users are too few; a release needs at least {MIN_UNITS:,}")
    logs = directory / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        (directory / "release-gate" / "report.json").unlink(missing_ok=True)  # it told of other data
    except OSError as error:
        raise InputError.of(
            "bad_folder", f"the demo cannot be made there: {error.strerror}", file=str(directory)
        ) from None
    _write_tables(logs, scenario, units, seed)
    (directory / "canary-thresholds.yml").write_text(_THRESHOLDS, encoding="utf-8")
    (directory / "mde.yml").write_text(_MDE, encoding="utf-8")
    release = directory / "release.yml"
    release.write_text(_RELEASE.format(about=SCENARIOS[scenario]), encoding="utf-8")
    return release


def _write_tables(logs: Path, scenario: str, units: int, seed: int) -> None:
    import duckdb  # noqa: PLC0415 - only the demo needs it here

    salt = "checkout-promo-banner-v2" if scenario == "contaminated" else "canary-9f3c2ab"
    errors = 0.0093 if scenario == "rollback" else 0.0031
    tables = {
        "canary.parquet": (_CANARY_LOG, "FORMAT parquet"),
        "experiment.csv.gz": (_EXPERIMENT_LOG, "FORMAT csv, HEADER, COMPRESSION gzip"),
        "metrics.parquet": (_PER_UNIT, "FORMAT parquet"),
        "canary-metrics.csv": (_CANARY_METRICS.format(errors=errors), "FORMAT csv, HEADER"),
    }
    with duckdb.connect(":memory:") as connection:
        connection.execute(_MACROS.format(seed=int(seed)))
        connection.execute(_USERS.format(salt=salt, units=int(units)))
        for name, (query, form) in tables.items():
            path = str(logs / name).replace("'", "''")
            connection.execute(f"COPY ({query}) TO '{path}' ({form})")
