"""Writes one of the example releases: config, two assignment logs, canary metrics, a table of users.

Every figure comes from SHA-256 of a seed, a name and a number, so a release is the same on every machine.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED = 11
USERS = 20_000
START = datetime(2026, 5, 5, 14, tzinfo=UTC)
MINUTES = 30
EXPERIMENT = "banner"
CANARY_SALT = "canary-9f3c2ab"


@dataclass(frozen=True, slots=True)
class Step:
    """From ``day`` on (counted from the start): the canary's and the treatment's share, and how many users come."""

    day: int
    canary: float
    treatment: float
    users: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is in one release.

    Attributes:
        about: in one line.
        steps: of the ramp; one step: no ramp.
        salt: what the canary's router hashes users with; the experiment's id is shared with it where it is the same.
        requests: per minute, canary and baseline.
        errors: the error rates of both; None: exactly five errors in the canary and none in the baseline.
        tickets: the share of treatment's users with a support ticket; control has 5 %.
    """

    about: str
    steps: tuple[Step, ...] = (Step(0, 0.05, 0.5, USERS),)
    salt: str = CANARY_SALT
    requests: tuple[int, int] = (2_000, 38_000)
    errors: tuple[float, float] | None = (0.003, 0.003)
    tickets: float = 0.05


SCENARIOS = {
    "promote-and-ship": Scenario("a healthy canary, and a variant that is worth shipping"),
    "shared-salt": Scenario("the canary's router hashes users with the experiment's salt", salt=EXPERIMENT),
    "ramp": Scenario(
        "both shares are raised over three days; the splits stay independent on every day",
        steps=(Step(0, 0.02, 0.10, 8_000), Step(1, 0.05, 0.25, 6_000), Step(2, 0.20, 0.50, 6_000)),
    ),
    "rare-error": Scenario("five errors in a canary of 5 %, none in the baseline", requests=(100, 1_900), errors=None),
    "guardrail-hurt": Scenario("the variant sells more, and brings twice the support tickets", tickets=0.10),
}
"""What ``make`` can write, by name."""

_RELEASE = """\
# {name}: {about}.
# Made by `python -m examples.releases.make {name} DIRECTORY`.
canary:
  sha: 9f3c2ab
{canary_share}
  routing_unit: user_id
  assignments: canary.csv
  metrics: canary-metrics.csv
  thresholds: canary-thresholds.yml
  window: 30m
experiments:
  - id: banner
    unit: user_id
    split: {{ control: {control}, treatment: {treatment} }}
{split_steps}    assignments: experiment.csv
    data: users.csv
    mde: mde.yml
    primary: checkout_completed
    metrics:
      revenue: {{ role: secondary, direction: increase }}
      support_tickets: {{ role: guardrail, direction: decrease }}
"""
_THRESHOLDS = """\
metrics:
  error_rate:
    absolute: { max: 0.5 }      # %
    relative: { max: 1.5 }      # x baseline
"""
_OTHER_THRESHOLDS = """\
  checkout_completion_rate:
    relative: { min: 0.95 }
  signup_rate:
    relative: { min: 0.85 }
"""
_MDE = "checkout_completed: { mde_relative: 3.0 }   # %\n"


def make(name: str, directory: Path) -> Path:
    """Write a release; files of an earlier one in the folder are written over.

    Args:
        name: one of ``SCENARIOS``.
        directory: made if need be.

    Returns:
        The path of its ``release.yml``.
    """
    scenario = SCENARIOS[name]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "release-gate" / "report.json").unlink(missing_ok=True)  # it told of other data
    users = list(_users(scenario))
    _write(directory / "canary.csv", ("user_id", "cohort", "timestamp"), ((u, c, t) for u, c, _, t in users))
    _write(directory / "experiment.csv", ("user_id", "variant", "timestamp"), ((u, v, t) for u, _, v, t in users))
    columns = ("user_id", "checkout_completed", "revenue", "support_tickets")
    _write(directory / "users.csv", columns, _table(scenario, users))
    columns = ("timestamp", "metric", "cohort", "numerator", "denominator")
    _write(directory / "canary-metrics.csv", columns, _metrics(scenario))
    files = {
        "canary-thresholds.yml": _THRESHOLDS + (_OTHER_THRESHOLDS if scenario.errors else ""),
        "mde.yml": _MDE,
        "release.yml": _release(name, scenario),
    }
    for file, text in files.items():
        (directory / file).write_text(text, encoding="utf-8", newline="\n")
    return directory / "release.yml"


def _release(name: str, scenario: Scenario) -> str:
    last = scenario.steps[-1]
    if len(scenario.steps) == 1:
        share, split = f"  share: {last.canary:.0%}", ""
    else:
        at = [(step, _at(step).isoformat()) for step in scenario.steps]
        share = "\n".join(["  steps:", *(f"    - {{ at: {when}, share: {step.canary:.0%} }}" for step, when in at)])
        arms = [f"control: {1 - step.treatment:.0%}, treatment: {step.treatment:.0%}" for step in scenario.steps]
        rows = [f"      - {{ at: {when}, split: {{ {arm} }} }}\n" for (_, when), arm in zip(at, arms, strict=True)]
        split = "    steps:\n" + "".join(rows)
    return _RELEASE.format(
        name=name,
        about=scenario.about,
        canary_share=share,
        control=f"{1 - last.treatment:.0%}",
        treatment=f"{last.treatment:.0%}",
        split_steps=split,
    )


def _at(step: Step) -> datetime:
    return START + timedelta(days=step.day)


def uniform(*parts: object) -> float:
    """A number in [0, 1) from the seed and a name.

    >>> uniform("a", 1) == uniform("a", 1) != uniform("a", 2)
    True
    """
    digest = hashlib.sha256("/".join(map(str, (SEED, *parts))).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _users(scenario: Scenario) -> Iterator[tuple[str, str, str, str]]:
    """Id, cohort, variant and the time at which the user came."""
    number = 0
    for step in scenario.steps:
        for _ in range(step.users):
            number += 1
            user = f"user-{number:05d}"
            cohort = "canary" if uniform(scenario.salt, user) < step.canary else "baseline"
            variant = "treatment" if uniform(EXPERIMENT, user) < step.treatment else "control"
            seen = _at(step) + timedelta(seconds=int(uniform("arrival", user) * MINUTES * 60))
            yield user, cohort, variant, seen.isoformat()


def _table(scenario: Scenario, users: Iterable[tuple[str, str, str, str]]) -> Iterator[tuple[object, ...]]:
    for user, _, variant, _ in users:
        treated = variant == "treatment"
        bought = uniform("buys", user) < (0.36 if treated else 0.30)
        price = 10 + int(uniform("price", user) * 60) if bought else 0
        ticket = uniform("ticket", user) < (scenario.tickets if treated else 0.05)
        yield user, int(bought), price, int(ticket)


def _metrics(scenario: Scenario) -> Iterator[tuple[object, ...]]:
    """One row a minute, metric and cohort, on the last day."""
    rates: dict[str, tuple[float, float]] = {"error_rate": scenario.errors or (0.0, 0.0)}
    if scenario.errors:
        rates |= {"checkout_completion_rate": (0.69, 0.69), "signup_rate": (0.21, 0.21)}
    for metric, both in rates.items():
        for minute in range(MINUTES):
            at = (_at(scenario.steps[-1]) + timedelta(minutes=minute)).isoformat()
            for cohort, rate, n in zip(("canary", "baseline"), both, scenario.requests, strict=True):
                count = round(n * rate + (n * rate * (1 - rate)) ** 0.5 * _noise(metric, cohort, minute))
                if scenario.errors is None:
                    count = int(cohort == "canary" and minute % 6 == 2)
                yield at, metric, cohort, min(max(count, 0), n), n


def _noise(*parts: object) -> float:
    """About a standard normal number: the sum of twelve uniform ones."""
    return sum(uniform("noise", *parts, index) for index in range(12)) - 6


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the release that the command line names.

    Args:
        argv: the words after the program's name; the process's own without it.
    """
    known = "\n".join(f"  {name:<18}{scenario.about}" for name, scenario in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="python -m examples.releases.make",
        description="Write a small release to run the gate on.",
        epilog=f"releases:\n{known}\n\nexample:\n  python -m examples.releases.make ramp /tmp/ramp",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=SCENARIOS, metavar="NAME", help="one of the releases below")
    parser.add_argument("directory", type=Path, metavar="DIRECTORY", help="where to write it")
    arguments = parser.parse_args(argv)
    try:
        release = make(arguments.name, arguments.directory)
    except OSError as error:
        parser.error(f"the release cannot be written there: {error.strerror}")
    sys.stdout.write(f"Made {release}. Now: python -m coordinator gate --workspace {arguments.directory}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
