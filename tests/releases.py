"""Small complete releases on disk, for tests of the whole gate: exact proportions, so no test hangs on luck."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2026, 5, 5, 14, 0, tzinfo=UTC)
NOW = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)
SHA = "9f3c2ab"

THRESHOLDS: dict[str, Any] = {
    "metrics": {
        "error_rate": {"absolute": {"max": 2}, "relative": {"max": 1.5}},
        "checkout_completion_rate": {"relative": {"min": 0.95}},
        "p95_latency": {"relative": {"max": 1.2}, "type": "mean"},
    }
}


def rate(percent: float, n: int) -> dict[str, int]:
    """A rate of exactly ``percent`` over ``n``."""
    return {"numerator": round(n * percent / 100), "denominator": n}


def canary_document(**canary: Any) -> dict[str, Any]:
    """A healthy canary of 50,000 requests against 950,000; ``canary`` replaces metrics of the canary's side."""
    baseline = {
        "error_rate": rate(0.4, 950_000),
        "checkout_completion_rate": rate(68, 950_000),
        "p95_latency": {"n": 950_000, "mean": 240.0, "std": 60.0},
    }
    own = {
        "error_rate": rate(0.4, 50_000),
        "checkout_completion_rate": rate(68, 50_000),
        "p95_latency": {"n": 50_000, "mean": 240.0, "std": 60.0},
        **canary,
    }
    return {
        "window": {"start": "2026-05-05T14:00:00Z", "end": "2026-05-05T14:30:00Z"},
        "canary": {"sha": SHA, "metrics": own},
        "baseline": {"sha": "4d01e77", "metrics": baseline},
    }


def experiment_document(treatment: float = 70.0, control: float = 68.0, n: int = 50_000) -> dict[str, Any]:
    """``experiment-data.yml`` of an ended experiment: completion in per cent by arm."""

    def variant(name: str, percent: float) -> dict[str, Any]:
        count = round(n * percent / 100)
        return {"name": name, "cohort_size": n, "metrics": {"checkout_completion_count": count}}

    return {
        "experiment_id": "banner",
        "running_since": "2026-04-15",
        "running_until": "2026-05-05",
        "hypothesis": "The banner increases checkout completion.",
        "canary_users_excluded": True,
        "variants": [variant("control", control), variant("treatment", treatment)],
    }


def release_document(**changes: Any) -> dict[str, Any]:
    """``release.yml`` of a 20 % canary and a 50/50 experiment."""
    document: dict[str, Any] = {
        "canary": {
            "sha": SHA,
            "share": "20%",
            "routing_unit": "user_id",
            "assignments": "canary.csv",
            "metrics": "canary-metrics.yml",
            "thresholds": "canary-thresholds.yml",
            "window": "30m",
        },
        "experiments": [
            {
                "id": "banner",
                "unit": "user_id",
                "split": {"control": "50%", "treatment": "50%"},
                "assignments": "experiment.csv",
                "data": "experiment-data.yml",
                "mde": "mde.yml",
                "primary": "checkout_completion_rate",
            }
        ],
    }
    return merge(document, changes)


def merge(document: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``document`` with ``changes`` laid over it, key by key; ``experiment`` means the first experiment."""
    result = copy.deepcopy(document)
    for key, value in changes.items():
        if key == "experiment":
            result["experiments"][0] = merge(result["experiments"][0], value)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merge(result[key], value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def units(n: int = 4_000) -> list[str]:
    """Text ids."""
    return [f"user-{number:05d}" for number in range(n)]


def independent(n: int = 4_000) -> list[tuple[str, str, str]]:
    """Unit, cohort, variant: a 20 % canary exactly independent of a 50/50 split."""
    return [
        (unit, "canary" if number % 5 == 0 else "baseline", "treatment" if (number // 5) % 2 else "control")
        for number, unit in enumerate(units(n))
    ]


def shared_salt(n: int = 4_000) -> list[tuple[str, str, str]]:
    """The canary's users are all in treatment: the two splits share a salt."""
    return [
        (unit, "canary" if number % 10 < 2 else "baseline", "treatment" if number % 10 < 5 else "control")
        for number, unit in enumerate(units(n))
    ]


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def make(
    folder: Path,
    *,
    assignments: list[tuple[str, str, str]] | None = None,
    release: Mapping[str, Any] | None = None,
    canary: Mapping[str, Any] | None = None,
    thresholds: Mapping[str, Any] | None = None,
    experiment: Mapping[str, Any] | None = None,
) -> Path:
    """Write a release into ``folder``; what is not given is healthy and ships.

    Returns:
        The path of ``release.yml``. Its files are JSON in content, which is YAML too.
    """
    rows = independent() if assignments is None else assignments
    seen = [(START + timedelta(milliseconds=250 * number)).isoformat() for number in range(len(rows))]
    write_csv(
        folder / "canary.csv",
        ["user_id", "cohort", "timestamp"],
        ((unit, cohort, time) for (unit, cohort, _), time in zip(rows, seen, strict=True)),
    )
    write_csv(
        folder / "experiment.csv",
        ["user_id", "variant", "timestamp"],
        ((unit, arm, time) for (unit, _, arm), time in zip(rows, seen, strict=True)),
    )
    documents = {
        "release.yml": release or release_document(),
        "canary-metrics.yml": canary or canary_document(),
        "canary-thresholds.yml": thresholds or THRESHOLDS,
        "experiment-data.yml": experiment or experiment_document(),
        "mde.yml": {"checkout_completion_rate": {"mde_relative": 1.0, "mde_absolute": 0.5}},
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")
    return folder / "release.yml"
