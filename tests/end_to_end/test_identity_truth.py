"""Identity against the truth of a company of 20,000, and what may not change it.

Some ten minutes: ``make test-identity``. The measured figures are printed and stand in
benchmarks/RESULTS.md.
"""

from __future__ import annotations

import csv
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from ingestion import settings as configuration
from ingestion.warehouse import warehouse_path
from rapport import steps
from rapport.identities import resolve_identities
from tests.end_to_end.night import Night, rapport, run_night
from tests.end_to_end.test_invariants import ABOUT_DELIVERIES
from tests.end_to_end.truth_of_identity import agreement_of_home

pytestmark = pytest.mark.slow

CUSTOMERS, DAYS, LAST_DAY = 20_000, 90, date(2026, 6, 30)
INGESTED_AT = datetime(2026, 7, 1)  # noqa: DTZ001 - naive UTC


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose warehouse holds the identity evidence of the large company."""
    exports = tmp_path_factory.mktemp("large") / "exports"
    done = rapport("simulate", exports, "--customers", str(CUSTOMERS), "--days", str(DAYS))
    assert done.returncode == 0, done.stdout + done.stderr
    home = tmp_path_factory.mktemp("large_home")
    shutil.copy2(exports / "rapport.yml", home)
    for source in configuration.source_names(home):
        steps.ingest_source(home, str(exports), source, INGESTED_AT)
    (home / "truth").symlink_to(exports.with_name("exports_truth"))
    return home


def _evidence(home: Path, as_of: date) -> None:
    steps.load_raw(home, as_of)
    steps.run_dbt(home, "staging")


def _customers(home: Path) -> dict[str, str]:
    """The customer of every node."""
    with duckdb.connect(str(warehouse_path(home)), read_only=True) as connection:
        return dict(
            connection.execute(
                "select node, customer_id from estimates.identity_assignments"
            ).fetchall()
        )


def test_identities_of_a_large_company_agree_with_the_truth(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _evidence(home, LAST_DAY)
    steps.resolve_identity(home)
    with (home / "truth" / "identifiers.csv").open(encoding="utf-8", newline="") as file:
        found = agreement_of_home(home, list(csv.DictReader(file)))
    with capsys.disabled():
        print(
            f"\n{found.claimed:,} pairs claimed, {found.tied:,} tied: precision "
            f"{found.precision:.5f} ({found.raw_precision:.5f} with pairs that no evidence could "
            f"tell), recall {found.recall:.5f}"
        )
    assert found.claimed > 100_000
    assert found.precision >= 0.999
    assert found.recall >= 0.97


def test_nobody_is_merged_through_a_guarded_identifier(home: Path) -> None:
    with duckdb.connect(str(warehouse_path(home)), read_only=True) as connection:
        guarded = connection.execute(
            "select count(*), count(distinct reason) from estimates.identity_exclusions "
            "where other_identifier is null and not contains(identifier, '|anonymous|')"
        ).fetchone()
        through = connection.execute(
            "select count(*) from estimates.identity_exclusions as exclusions "
            "inner join estimates.identity_assignments using (identifier) "
            "where other_identifier is null and not contains(identifier, '|anonymous|')"
        ).fetchone()
    assert guarded is not None
    assert guarded[0] > 300
    assert guarded[1] >= 2
    assert through == (0,)


def test_ids_stay_from_night_to_night(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _customers(home)
    with duckdb.connect(str(warehouse_path(home))) as connection:
        again = resolve_identities(connection, "the same code", anew=True)
        quiet = resolve_identities(connection, "the same code")
    assert again.looked_at == again.identifiers
    # Without new evidence nothing is looked at, and no id changes.
    assert quiet.looked_at == 0
    assert _customers(home) == before
    _evidence(home, LAST_DAY - timedelta(days=1))
    with duckdb.connect(str(warehouse_path(home))) as connection:
        resolve_identities(connection, "the same code")
    yesterday = _customers(home)
    _evidence(home, LAST_DAY)
    with duckdb.connect(str(warehouse_path(home))) as connection:
        night = resolve_identities(connection, "the same code")
    today = _customers(home)
    # The incremental night ends where the full one did.
    assert today == before
    assert 0 < night.looked_at < night.identifiers / 5
    churned = sum(today.get(node) != customer for node, customer in yesterday.items())
    with capsys.disabled():
        print(
            f"\n{night.looked_at:,} of {night.identifiers:,} identifiers looked at; with a day of "
            f"new evidence {churned} of {len(yesterday):,} ids changed"
        )
    assert churned / len(yesterday) <= 0.001


def test_a_decision_taken_back_leaves_no_trace(night: Night, tmp_path: Path) -> None:
    """A night with decisions differs; without them it is, by hash, the night before them."""
    home = tmp_path / "home"
    shutil.copytree(night.home, home, symlinks=True)
    undone = [
        item["contact"] for item in night.company.evidence("merge_undone") if "contact" in item
    ]
    one, other = (f"hubspot|customer|{contact}" for contact in undone)
    merged = next(item for item in night.company.evidence("merged_contact"))
    kept = (merged["survivor"], merged["merged"][0])
    (home / "decisions.csv").write_text(
        f"decision,left,right,note\nmerge,{one},{other},the same after all\n"
        f"do_not_merge,hubspot|customer|{kept[0]},hubspot|customer|{kept[1]},two people\n"
    )
    configured = (home / "rapport.yml").read_text()
    (home / "rapport.yml").write_text(f"{configured}\nidentity: {{decisions: decisions.csv}}\n")
    decided = _again(night, home)
    assert decided.customer(undone[0], "hubspot") == decided.customer(undone[1], "hubspot")
    assert decided.customer(kept[0], "hubspot") != decided.customer(kept[1], "hubspot")
    assert _hashes(decided) != _hashes(night)
    (home / "rapport.yml").write_text(configured)
    (home / "decisions.csv").unlink()
    assert _hashes(_again(night, home)) == _hashes(night)


def _again(night: Night, home: Path) -> Night:
    done = run_night(home, night.company.exports)
    assert done.returncode == 0, done.stdout + done.stderr
    return Night(night.company, home, done)


def _hashes(night: Night) -> dict[str, str]:
    return {
        mart["name"]: mart["content_hash"]
        for mart in night.manifest["marts"]
        if mart["name"] not in ABOUT_DELIVERIES and not mart["name"].endswith("_history")
    }
