"""What holds for the tree as a whole."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files"],  # noqa: S607 -- git is found on the developer's PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
]
PYTHON = [path for path in TRACKED if path.suffix == ".py" and path.exists()]
EXTRACTING = ("ingestion", "expectations", "publishing", "estimation", "simulation")


def test_no_path_is_named_for_nothing() -> None:
    vague = re.compile(r"(^|/)(utils?|helpers?|common|base|manager|misc|lib)(\.\w+|/)")
    assert len(TRACKED) > 100
    assert [str(path) for path in TRACKED if vague.search(path.relative_to(ROOT).as_posix())] == []


def test_lock_files_carry_hashes_and_no_addresses() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert len(locks) >= 3
    for lock in locks:
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text, lock


def test_a_source_is_vendor_facts_in_under_eighty_lines() -> None:
    modules = (ROOT / "ingestion" / "sources").glob("*.py")
    sources = [path for path in modules if path.stem != "__init__"]
    assert len(sources) >= 6
    for path in sources:
        text = path.read_text()
        assert len(text.splitlines()) < 80, path
        for word in ("Data flow", "Run alone", "Quirks"):
            assert word in text, f"{path} lacks {word}"


def test_every_source_has_contract_staging_models_and_exports() -> None:
    from ingestion.sources import ALL

    assert len(ALL) >= 6
    for name in ALL:
        assert (ROOT / "ingestion" / "contracts" / f"{name}.yml").is_file()
        assert list((ROOT / "dbt_project" / "models" / "staging" / name).glob("stg_*.sql"))


def test_dbt_sources_are_the_contracts_tables() -> None:
    from ingestion.contract import load_contracts

    declared = set()
    staging = ROOT / "dbt_project" / "models" / "staging"
    # Tables about the run itself are made by the loading of raw, not from a contract.
    for path in set(staging.rglob("*__sources.yml")) - set(staging.glob("run/*")):
        for source in yaml.safe_load(path.read_text())["sources"]:
            if source.get("schema", source["name"]) == "raw":
                declared |= {table.get("identifier", table["name"]) for table in source["tables"]}
    assert declared == set(load_contracts())


@pytest.mark.parametrize("folder", EXTRACTING)
def test_what_extracts_and_publishes_never_imports_the_scheduler(folder: str) -> None:
    modules = [path for path in PYTHON if path.relative_to(ROOT).parts[0] == folder]
    assert modules
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [item.name for item in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not [name for name in names if name.split(".")[0] == "airflow"], path


def test_the_environment_is_read_in_settings_only() -> None:
    readers = [
        path.relative_to(ROOT).as_posix()
        for path in PYTHON
        if path.relative_to(ROOT).parts[0] in EXTRACTING
        and re.search(r"os\.(getenv|environ(?!\[[^]]+\] = ))", path.read_text())
    ]
    assert readers == ["ingestion/settings.py"]


def test_the_clock_is_read_by_the_command_line_only() -> None:
    clock = re.compile(r"\.(now|utcnow|today)\(|time\.time\(")
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in PYTHON
        if path.relative_to(ROOT).parts[0] in (*EXTRACTING, "dags", "rapport")
        and clock.search(path.read_text())
    }
    assert readers == {"rapport/cli.py"}


def test_documents_name_no_machine(pytestconfig: pytest.Config) -> None:
    private = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm|home/\w+|tmp/w)/")
    here = Path(__file__)
    found = [
        str(path.relative_to(ROOT))
        for path in TRACKED
        if path != here
        and path.suffix in {".py", ".md", ".yml", ".sql", ".toml", ""}
        and path.is_file()
        and private.search(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert found == []


def test_no_file_holds_both_sides_of_a_merge() -> None:
    mark = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
    files = [path for path in TRACKED if path.is_file()]
    assert [str(path) for path in files if mark.search(path.read_bytes())] == []


def test_the_mapping_page_lists_every_generic_column() -> None:
    from rapport.mapping_reference import PAGE, page

    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run `make docs`"
