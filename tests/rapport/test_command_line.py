"""What the commands say on the screen, whatever the deliveries are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.night import rapport
from tests.ingestion.company import ORDER_HEADER, Company, order

HOSTILE = "[/b] :warning: [red]"


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """A company with a good order and a bad one, in a file with a hostile name."""
    company = Company(tmp_path)
    company.deliver(f"{HOSTILE}.csv", [ORDER_HEADER, order(1), order(2, amount=HOSTILE)])
    company.ingest()
    return company


def said(company: Company, *arguments: str) -> str:
    done = rapport(*arguments, "--home", company.home)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", ["deliveries", "quarantine"])
def test_names_and_values_of_deliveries_are_shown_as_they_came(
    command: str, company: Company
) -> None:
    assert f"{HOSTILE}.csv" in said(company, command)


def test_a_decision_about_a_delivery_is_told_with_its_effect(company: Company) -> None:
    [delivery] = company.deliveries()
    decide = ["--reason", HOSTILE]
    rejected = said(company, "deliveries", "reject", delivery.delivery_id, *decide)
    assert f"rejected: {HOSTILE}. The next run builds without its rows" in rejected
    assert f"rejected: {HOSTILE}" in said(company, "deliveries")
    accepted = said(company, "deliveries", "accept", delivery.delivery_id, *decide)
    assert f"accepted: {HOSTILE}. The next run builds with its rows" in accepted
