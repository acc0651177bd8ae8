"""The made-up release has in it what its scenario says."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import duckdb
import pytest
import yaml

from coordinator.demo import SCENARIOS, make_release
from coordinator.errors import InputError

UNITS = 20_000
README = Path(__file__).parent.parent / "README.md"
LOGS = ["canary-metrics.csv", "canary.parquet", "experiment.csv.gz", "metrics.parquet"]


def rows(release: Path, query: str) -> list[tuple[float, ...]]:
    folder = release.parent / "logs"
    files = {name.split(".")[0].replace("-", "_"): folder / name for name in LOGS}
    with duckdb.connect() as connection:
        for name, path in files.items():
            connection.execute(f"CREATE VIEW {name} AS FROM '{path}'")
        return connection.execute(query).fetchall()


def one(release: Path, query: str) -> float:
    return float(rows(release, query)[0][0])


BOTH = "canary JOIN (SELECT DISTINCT user_id, variant FROM experiment) USING (user_id)"


def test_a_release_has_every_file_that_its_config_names(tmp_path: Path) -> None:
    release = make_release(tmp_path / "new" / "demo", units=UNITS)
    assert release == tmp_path / "new" / "demo" / "release.yml"
    config = yaml.safe_load(release.read_text(encoding="utf-8"))
    experiment = config["experiments"][0]
    named = [config["canary"][key] for key in ("assignments", "metrics", "thresholds")]
    named += [experiment[key] for key in ("assignments", "data", "mde")]
    assert all((release.parent / name).is_file() for name in named)
    assert sorted(path.name for path in (release.parent / "logs").iterdir()) == LOGS


def test_the_readmes_release_is_the_demos(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(# release\.yml\n.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert block
    shown = yaml.safe_load(block[1])
    made = yaml.safe_load(make_release(tmp_path, units=UNITS).read_text(encoding="utf-8"))
    made["experiments"][0].pop("metrics")
    assert made == shown


def test_the_same_seed_makes_the_same_release_and_another_seed_another(tmp_path: Path) -> None:
    def digests(folder: Path, seed: int) -> list[str]:
        make_release(folder, units=UNITS, seed=seed)
        return [hashlib.sha256((folder / "logs" / name).read_bytes()).hexdigest() for name in LOGS]

    first = digests(tmp_path / "a", 7)
    assert first == digests(tmp_path / "b", 7)
    assert not set(first) & set(digests(tmp_path / "c", 8))


def test_every_user_is_in_both_logs_with_one_label_each(tmp_path: Path) -> None:
    release = make_release(tmp_path, units=UNITS)
    assert one(release, "SELECT count(DISTINCT user_id) FROM canary") == UNITS
    assert one(release, f"SELECT count(*) FROM {BOTH}") == UNITS
    assert one(release, "SELECT count(*) FROM experiment") > UNITS
    assert one(release, "SELECT count(*) FROM metrics") == UNITS


@pytest.mark.parametrize("scenario", ["promote", "rollback"])
def test_independent_splits_overlap_by_the_product_of_their_shares(tmp_path: Path, scenario: str) -> None:
    release = make_release(tmp_path, scenario, units=200_000)
    shares = rows(release, f"SELECT avg((cohort = 'canary')::INT), avg((variant = 'treatment')::INT) FROM {BOTH}")
    assert shares[0] == pytest.approx((0.05, 0.5), rel=0.03)
    overlap = one(release, f"SELECT avg((cohort = 'canary' AND variant = 'treatment')::INT) FROM {BOTH}")
    assert overlap == pytest.approx(0.025, rel=0.05)


def test_in_the_contaminated_release_all_canary_users_are_in_treatment(tmp_path: Path) -> None:
    release = make_release(tmp_path, "contaminated", units=UNITS)
    assert rows(release, f"SELECT DISTINCT variant FROM {BOTH} WHERE cohort = 'canary'") == [("treatment",)]
    assert one(release, "SELECT avg((cohort = 'canary')::INT) FROM canary") == pytest.approx(0.05, rel=0.1)


ERRORS = "SELECT sum(numerator) / sum(denominator) FROM canary_metrics WHERE metric = 'error_rate' AND cohort = "


@pytest.mark.parametrize(("scenario", "times"), [("promote", 1), ("contaminated", 1), ("rollback", 3)])
def test_only_the_rollbacks_canary_has_three_times_the_errors(tmp_path: Path, scenario: str, times: int) -> None:
    release = make_release(tmp_path, scenario, units=200_000)
    ratio = one(release, ERRORS + "'canary'") / one(release, ERRORS + "'baseline'")
    assert ratio == pytest.approx(times, rel=0.15)


def test_the_canarys_metrics_are_one_row_a_minute_metric_and_cohort(tmp_path: Path) -> None:
    release = make_release(tmp_path, units=UNITS)
    counts = rows(
        release, "SELECT metric, cohort, count(*), count(DISTINCT timestamp) FROM canary_metrics GROUP BY ALL"
    )
    thresholds = yaml.safe_load((release.parent / "canary-thresholds.yml").read_text(encoding="utf-8"))
    assert {(metric, cohort) for metric, cohort, *_ in counts} == {
        (metric, cohort) for metric in thresholds["metrics"] for cohort in ("canary", "baseline")
    }
    assert {count[2:] for count in counts} == {(30, 30)}
    first, last = rows(release, "SELECT min(timestamp)::VARCHAR, max(timestamp)::VARCHAR FROM canary_metrics")[0]
    assert (str(first)[:16], str(last)[:16]) == ("2026-05-05 14:00", "2026-05-05 14:29")
    bad = "numerator > denominator OR numerator < 0 OR n < 1 OR sum_sq * n < sum * sum"
    assert one(release, f"SELECT count(*) FROM canary_metrics WHERE {bad}") == 0


def test_the_variant_brings_four_per_cent_more_checkouts(tmp_path: Path) -> None:
    release = make_release(tmp_path, units=200_000)
    query = f"SELECT avg(checkout_completed) FROM {BOTH} JOIN metrics USING (user_id) GROUP BY variant ORDER BY variant"
    (control,), (treatment,) = rows(release, query)
    assert treatment / control - 1 == pytest.approx(0.04, abs=0.01)


def test_a_new_release_takes_the_place_of_the_old_one_and_of_its_report(tmp_path: Path) -> None:
    make_release(tmp_path, units=UNITS)
    report = tmp_path / "release-gate" / "report.json"
    report.parent.mkdir()
    report.write_text("{}", encoding="utf-8")
    release = make_release(tmp_path, "contaminated", units=2 * UNITS)
    assert not report.exists()
    assert one(release, "SELECT count(*) FROM metrics") == 2 * UNITS


def test_a_folder_may_have_a_quote_in_its_name(tmp_path: Path) -> None:
    assert make_release(tmp_path / "it's", units=1_000).is_file()


def test_an_unknown_scenario_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'promoted'; choose one of promote, contaminated, rollback"):
        make_release(tmp_path, "promoted")
    assert list(SCENARIOS) == ["promote", "contaminated", "rollback"]


def test_too_few_users_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 1,000"):
        make_release(tmp_path, units=999)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as caught:
        make_release(tmp_path / "file" / "demo", units=1_000)
    assert caught.value.problems[0].file == str(tmp_path / "file" / "demo")
