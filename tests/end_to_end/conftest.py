"""One company and one night over it, shared by every test that only looks at the release."""

from __future__ import annotations

import pytest

from tests.end_to_end.night import Company, Night, rapport, run_night
from tests.end_to_end.oracle import Reference

CUSTOMERS, DAYS = 120, 60


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A small company with all its traps."""
    exports = tmp_path_factory.mktemp("company") / "exports"
    done = rapport("simulate", exports, "--customers", str(CUSTOMERS), "--days", str(DAYS))
    assert done.returncode == 0, done.stdout + done.stderr
    return Company(exports)


@pytest.fixture(scope="session")
def night(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """The first night of the company in a new home."""
    home = tmp_path_factory.mktemp("night") / "home"
    done = run_night(home, company.exports)
    assert done.returncode == 0, done.stdout + done.stderr
    return Night(company, home, done)


@pytest.fixture(scope="session")
def oracle(company: Company) -> Reference:
    """What the marts must hold, worked out from the exports alone."""
    return Reference(company.exports)
