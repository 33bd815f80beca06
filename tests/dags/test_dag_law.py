"""The DAGs keep the law, and the law notices when one does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rapport.airflow_configuration import DAGS
from tests.dags.dag_law import LINES, violations

pytestmark = pytest.mark.usefixtures("airflow_library")

LAWFUL = '''"""Makes nothing.

**When to worry**: never. **What to do**: nothing.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import CronTriggerTimetable, dag, task


@dag(
    dag_id="build_nothing",
    # Every night at 05:00 on the company's clock.
    schedule=CronTriggerTimetable("0 5 * * *", timezone="Europe/Oslo"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["tier:3", "build"],
    doc_md=__doc__,
    default_args={
        "owner": "data_engineering",
        "pool": "warehouse",
        "retries": 2,
        "retry_exponential_backoff": 2,
        "execution_timeout": timedelta(minutes=1),
    },
)
def build_nothing() -> None:
    @task
    def step() -> None:
        from rapport import steps

        steps.load_raw()

    step()


build_nothing()
'''

BREACHES = [
    ('"owner": "data_engineering",\n', "", "no owner"),
    ('"retries": 2', '"retries": 1', "retries 1"),
    ('"retry_exponential_backoff": 2,\n', "", "without backoff"),
    ('"execution_timeout": timedelta(minutes=1),\n', "", "no execution timeout"),
    ('"tier:3", ', "", "tags ['build']"),
    (', "build"]', "]", "tags ['tier:3']"),
    ('"tier:3"', '"tier:9"', "one of tier:1, tier:2, tier:3"),
    ("**When to worry**", "**Nothing**", "does not say 'When to worry'"),
    ("**What to do**", "**Nothing**", "does not say 'What to do'"),
    ("doc_md=__doc__,\n", "", "does not say 'What to do'"),
    ('"pool": "warehouse",\n', "", "pool default_pool"),
    ("catchup=False", "catchup=True", "catchup is on"),
    ("max_active_runs=1", "max_active_runs=2", "max_active_runs is 2"),
    ('dag_id="build_nothing"', 'dag_id="nothing_built"', "does not start with a verb"),
    ("from airflow.sdk", "import pandas\nfrom airflow.sdk", "imports pandas"),
    ("from rapport import", "import duckdb\n        from rapport import", "imports duckdb"),
    ("    # Every night at 05:00 on the company's clock.\n", "", "a cron line without"),
    ("build_nothing()\n", "build_nothing()\n" + "# line\n" * LINES, "wiring fits"),
    ("from airflow.sdk", "import no_such_module\nfrom airflow.sdk", "does not load"),
]


def _violations(folder: Path) -> list[str]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(folder)
    return violations(bag.dags, bag.import_errors, folder)


def test_every_dag_keeps_the_law() -> None:
    assert _violations(DAGS) == []


def test_the_lawful_example_is_lawful(tmp_path: Path) -> None:
    folder = _folder(tmp_path, LAWFUL)

    assert _violations(folder) == []


@pytest.mark.parametrize(("words", "instead", "expected"), BREACHES)
def test_a_broken_rule_is_noticed(tmp_path: Path, words: str, instead: str, expected: str) -> None:
    assert words in LAWFUL
    folder = _folder(tmp_path, LAWFUL.replace(words, instead))

    found = _violations(folder)

    assert [fault for fault in found if expected in fault], found


def test_a_dag_file_that_dbt_would_take_for_a_plugin_is_noticed(tmp_path: Path) -> None:
    folder = _folder(tmp_path, LAWFUL, name="dbt_nightly.py")

    assert _violations(folder) == [
        "dbt_nightly.py: a module called dbt_* is imported by dbt as a plugin"
    ]


def test_a_folder_without_dags_is_noticed(tmp_path: Path) -> None:
    assert _violations(tmp_path) == [f"{tmp_path}: no DAGs"]


def _folder(tmp_path: Path, text: str, name: str = "build_nothing.py") -> Path:
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / name).write_text(text)
    return folder
