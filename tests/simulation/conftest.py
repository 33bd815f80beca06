"""One small company for all tests of this folder."""

from __future__ import annotations

import pytest

from simulation.company import write_company
from tests.simulation.exports import Written


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Sixty-four customers over forty days, with the truth in its default place."""
    summary = write_company(
        tmp_path_factory.mktemp("simulation") / "company", customers=64, days=40, seed=3
    )
    return Written(summary.folder, summary.truth, summary)
