"""rapport.yml: what it says is followed to the letter, and every mistake names key, cause and way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion import settings
from ingestion.settings import SettingsError

GOOD = """
reporting_currency: NOK
time_zone: Europe/Oslo
sources:
  shop:
    files:
      - contract: generic_orders
        pattern: "*.csv"
        columns:
          order_id: id
          ordered_at: at
          gross_amount: amount
  hubspot: {}
"""


def load(folder: Path, text: str) -> settings.Settings:
    (folder / "rapport.yml").write_text(text, encoding="utf-8")
    return settings.load(folder)


def error(folder: Path, text: str | bytes) -> str:
    """What the file is refused with; anything but a SettingsError fails the test."""
    path = folder / "rapport.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SettingsError) as caught:
        settings.load(folder)
    assert str(path) in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


def changed(**entry: Any) -> str:
    """GOOD with keys of its file mapping changed; None takes a key out."""
    document = yaml.safe_load(GOOD)
    file = document["sources"]["shop"]["files"][0]
    file.update(entry)
    document["sources"]["shop"]["files"][0] = {
        key: value for key, value in file.items() if value is not None
    }
    return yaml.safe_dump(document, allow_unicode=True)


def column(name: str = "status", body: Any = "x") -> str:
    """GOOD with one more column."""
    columns = yaml.safe_load(GOOD)["sources"]["shop"]["files"][0]["columns"]
    return changed(columns={**columns, name: body})


def test_a_small_file_says_everything_that_is_needed(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD)
    assert (loaded.margin, loaded.discount_rate, loaded.horizon_months) == (1, 0.1, 36)
    assert [source.name for source in loaded.sources] == ["shop", "hubspot"]
    shop, hubspot = loaded.sources
    assert (shop.vendor, shop.path, shop.id_space, shop.required) == (
        "generic",
        "shop",
        "shop",
        True,
    )
    assert [file.contract.table for file in hubspot.files] == ["hubspot_contacts", "hubspot_deals"]
    # The contract's version is a column that is not mapped, so the file's name decides.
    assert shop.files[0].version == "file_name"
    assert shop.is_commerce
    assert not hubspot.is_commerce
    assert settings.source_names(tmp_path) == ("hubspot", "shop")


def test_no_file_yet_is_no_sources_and_an_error_to_load(tmp_path: Path) -> None:
    assert settings.source_names(tmp_path) == ()
    with pytest.raises(SettingsError, match="rapport sources detect"):
        settings.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        (
            GOOD.replace("time_zone", "timezone"),
            "unknown key 'timezone'",
            "did you mean 'time_zone'",
        ),
        (
            GOOD.replace("    files", "    file"),
            "sources.shop: unknown key 'file'",
            "did you mean 'files'",
        ),
        (changed(colums={}), "files[1]: unknown key 'colums'", "did you mean 'columns'"),
        (changed(dialect={"delimeter": ";"}), "dialect: unknown key 'delimeter'", "'delimiter'"),
        (column("order_nr"), "columns: unknown key 'order_nr'", "order_id"),
        (column(body={"form": "x"}), "columns.status: unknown key 'form'", "'format'"),
        (GOOD + "lifetime_value: {discount: 1}", "unknown key 'discount'", "'discount_rate'"),
        (changed(contract="orders"), "contract: no 'orders'", "'generic_orders'"),
        (changed(mode="apend"), "mode: no 'apend'", "'append'"),
        (changed(format="xlsx"), "format: no 'xlsx'", "csv, json"),
        (changed(key="order_nr"), "key: no column 'order_nr'", "'order_id'"),
        (changed(key="customer_id"), "key: customer_id is not mapped", "Map it"),
        (changed(version="updated_at"), "version: no 'updated_at'", "'ordered_at'"),
        (changed(zone="Europe/Olso"), "zone: no time zone 'Europe/Olso'", "'Europe/Oslo'"),
        (changed(dialect={"encoding": "utf8mb4"}), "no text encoding 'utf8mb4'", "'utf-8'"),
        (changed(dialect={"encoding": "base64"}), "no text encoding 'base64'", "utf-8"),
        (
            GOOD.replace("shop:", "shop: {vendor: hubspott}\n  other:"),
            "no vendor 'hubspott'",
            "'hubspot'",
        ),
        (GOOD.replace("hubspot", "salesforce"), "no vendor 'salesforce'", "vendor: generic"),
    ],
)
def test_an_unknown_word_names_the_nearest_right_one(
    text: str, key: str, hint: str, tmp_path: Path
) -> None:
    said = error(tmp_path, text)
    assert key in said
    assert hint in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected keys (reporting_currency"),
        ("- a\n- b", "expected keys"),
        ("just text", "expected keys"),
        ("a: [", "expected the node content"),
        ("a: b: c", "mapping values are not allowed"),
        ("\tx: y", "cannot start any token"),
        ("? [a, b]\n: c", "line 1: a key must be a text"),
        (b"\xff\xfe", "cannot be read as UTF-8"),
        ("reporting_currency: NOK", "lacks time_zone"),
        (GOOD.replace("NOK", ""), "lacks reporting_currency"),
        (GOOD.replace("NOK", "kroner"), "'kroner' is not an ISO 4217 code"),
        (GOOD.replace("NOK", "[NOK]"), "reporting_currency: expected a text"),
        (GOOD.replace("Europe/Oslo", "2026-05-14"), "no time zone '2026-05-14'"),
        ("reporting_currency: NOK\ntime_zone: UTC\nsources: []", "lacks sources"),
        ("reporting_currency: NOK\ntime_zone: UTC\nsources: [shop]", "expected source instances by name"),
        ("reporting_currency: NOK\ntime_zone: UTC\nsources: {shop: 5}", "expected keys (vendor"),
        ("reporting_currency: NOK\ntime_zone: UTC\nsources: {123: {}}", "named in lower case"),
        ("reporting_currency: NOK\ntime_zone: UTC\nsources: {Shop NO: {}}", "named in lower case"),
        ("reporting_currency: NOK\ntime_zone: UTC\nsources: {'../x': {}}", "named in lower case"),
        (GOOD.replace("hubspot: {}", "shop: {}"), "key 'shop' stands here a second time"),
        (GOOD.replace("order_id: id", "order_id: id\n          order_id: nr"), "line 11: key 'order_id'"),
        (GOOD.replace("  shop:", "  shop:\n    required: maybe"), "required: 'maybe' is neither"),
        (GOOD.replace("  shop:", "  shop:\n    path: [a]"), "path: expected a text"),
        ("reporting_currency: NOK\ntime_zone: UTC\nsources: {x: {vendor: generic}}", "needs files"),
        ("reporting_currency: NOK\ntime_zone: UTC\nsources: {x: {files: {}}}", "a list with at least one"),
        ("reporting_currency: NOK\ntime_zone: UTC\nsources: {x: {files: [5]}}", "expected keys (contract"),
        (GOOD + "lifetime_value: {margin: lots}", "margin: 'lots' is not a number"),
        (GOOD + "lifetime_value: {margin: 2}", "margin: 2 is not between 0 and 1"),
        (GOOD + "lifetime_value: {margin: nan}", "margin: nan is not between"),
        (GOOD + "lifetime_value: {margin: 2026-05-14}", "margin: '2026-05-14' is not a number"),
        (GOOD + "lifetime_value: {margin: [1]}", "margin: expected a text"),
        (GOOD + "lifetime_value: {horizon_months: 1.5}", "whole months"),
        (GOOD + "lifetime_value: 5", "lifetime_value: expected keys"),
        (changed(columns=None), "columns: say which field feeds which column"),
        (changed(columns={"order_id": "id"}), "generic_orders needs ordered_at (When the order"),
        (changed(columns=["id"]), "columns: expected keys"),
        (changed(contract=["generic_orders"]), "contract: expected a text"),
        (changed(pattern=None), "pattern: say which files"),
        (changed(pattern=[]), "pattern: say which files"),
        (changed(pattern={"a": "b"}), "pattern: expected a text"),
        (changed(records=["a"]), "records: expected a text"),
        (changed(key=[]), "mode upsert needs key"),
        (changed(key={"a": "b"}), "key: expected a text"),
        (changed(version=["a"]), "version: expected a text"),
        (changed(dialect="semicolon"), "dialect: expected keys"),
        (changed(dialect={"delimiter": ";;"}), "delimiter: ';;' is not one character"),
        (changed(dialect={"delimiter": ""}), "delimiter: '' is not one character"),
        (changed(dialect={"delimiter": "\\t"}), 'a tab is written "\\t"'),
        (changed(dialect={"delimiter": "¦"}), "must be ASCII"),
        (changed(dialect={"delimiter": ",", "quote": ","}), "two meanings"),
        (changed(dialect={"decimal": ",", "thousands": ","}), "two meanings"),
        (changed(filter={}), "filter: expected field: value(s)"),
        (changed(filter=["a"]), "filter: expected field: value(s)"),
        (changed(filter={"a": {"is": "x"}}), "the only word allowed here is not"),
        (changed(filter={"a": [["x"]]}), "filter.a: expected a text"),
        (column(body={}), "needs exactly one of from, constant, generate"),
        (column(body={"from": "a", "constant": "b"}), "needs exactly one of"),
        (column(body=[["a"]]), "from: expected a text"),
        (column(body=""), "from: '' is no field name"),
        (column(body="a\nb"), "is no field name"),
        (column(body={"generate": ["a"]}), "generate makes ids, but status is text"),
        (column(body={"constant": "a", "default": "b"}), "default: only beside from"),
        (column(body={"from": "a", "map": ["b"]}), "map: expected text: text"),
        (column(body={"from": "a", "map": {"b": ["c"]}}), "map.b: expected a text"),
        (column(body={"from": "a", "map": {"b": "c"}, "map_prefix": {"d": "e"}}), "not both"),
        (column(body={"from": "a", "format": "%Y"}), "only for times, but status is text"),
        (column(body={"from": "a", "zone": "UTC"}), "only for times, but status is text"),
        (column("ordered_at", {"from": "a", "format": "%H:%M"}), "neither a strptime pattern with a year"),
        (column("ordered_at", {"from": "a", "format": "%Y-%Q"}), "neither a strptime pattern"),
        (column("ordered_at", {"from": "a", "format": ["%Y"]}), "format: expected a text"),
        (column("ordered_at", {"from": "a", "zone": "Mars"}), "no time zone 'Mars'"),
        (column("ordered_at", {"from": "a", "zone": "Europe"}), "no time zone 'Europe'"),
        (column("ordered_at", {"from": "a", "relative": "hours"}), "relative: needs unit and start"),
        (column("ordered_at", {"from": "a", "relative": {"unit": "weeks", "start": "2018-01-01"}}), "unit: no 'weeks'"),
        (column("ordered_at", {"from": "a", "relative": {"unit": "hours", "start": "soon"}}), "'soon' is no time"),
        (column("ordered_at", {"from": "a", "format": "%Y", "relative": {"unit": "hours", "start": "2018-01-01"}}), "not beside format"),
        (column("document_type", {"from": "a", "map": {"C": "cancelation"}}), "did you mean 'cancellation'"),
        (column("document_type", {"constant": "refund"}), "'refund' is no value"),
    ],
)  # fmt: skip
def test_a_wrong_kind_of_value_is_an_error_in_words(
    text: str | bytes, said: str, tmp_path: Path
) -> None:
    assert said in error(tmp_path, text)


def test_texts_are_the_texts_that_stand_there(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        GOOD.replace(
            "gross_amount: amount",
            "gross_amount: amount\n"
            "          country: {constant: NO}\n"
            "          channel: {from: x, map: {01: yes, 2026-01-02: 1e3, null: off}, default: 007}\n"
            "          status: [yes, 0x1F, 1_000]\n"
            "          ordered_at: {from: h, relative: {unit: hours, start: 2018-01-01T00:00:00Z}}\n",
        ).replace("          ordered_at: at\n", ""),
    )
    rules = loaded.source("shop").files[0].rules
    assert rules["country"].constant == "NO"
    assert rules["channel"].values == (("01", "yes"), ("2026-01-02", "1e3"), ("null", "off"))
    assert rules["channel"].default == "007"
    assert rules["status"].paths == ("yes", "0x1F", "1_000")
    assert str(rules["ordered_at"].relative_start) == "2018-01-01 00:00:00"


def test_tags_build_nothing(tmp_path: Path) -> None:
    text = GOOD.replace("id: id", 'id: !!python/object/apply:os.system ["touch hacked"]')
    loaded = load(tmp_path, text)
    assert loaded.source("shop").files[0].rules["order_id"].paths == ("touch hacked",)
    assert not Path("hacked").exists()


def test_an_unknown_source_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no source 'hubspo'; did you mean 'hubspot'"):
        load(tmp_path, GOOD).source("hubspo")


def two_entries(**second: Any) -> str:
    document = yaml.safe_load(GOOD)
    [file] = document["sources"]["shop"]["files"]
    document["sources"]["shop"]["files"].append({**file, **second})
    return yaml.safe_dump(document)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"pattern": "x", "mode": "append"}, "differ in mode, key or version"),
        ({"pattern": "x", "version": "content"}, "differ in mode, key or version"),
        ({"pattern": "x", "key": ["order_id", "ordered_at"]}, "differ in mode, key or version"),
        ({}, "every row would count twice"),
        ({"pattern": ["a", "*.csv"]}, "every row would count twice"),
    ],
)
def test_entries_of_one_contract_must_agree_and_not_overlap(
    second: dict[str, Any], said: str, tmp_path: Path
) -> None:
    assert said in error(tmp_path, two_entries(**second))


def test_entries_of_one_contract_may_share_files_by_filter(tmp_path: Path) -> None:
    loaded = load(tmp_path, two_entries(filter={"kind": "x"}))
    assert len(loaded.source("shop").files) == 2


def test_what_changes_results_changes_the_configuration_text_and_nothing_else_does(
    tmp_path: Path,
) -> None:
    base = settings.configuration_text(load(tmp_path, GOOD))
    same = ["# a remark\n" + GOOD, GOOD.replace("hubspot: {}", "hubspot:")]
    for text in same:
        assert settings.configuration_text(load(tmp_path, text)) == base
    other = [
        GOOD.replace("Oslo", "Rome"), GOOD.replace("NOK", "SEK"), GOOD + "lifetime_value: {margin: 0.4}",
        GOOD.replace("hubspot: {}", "hubspot: {required: false}"), changed(version="content"),
        changed(filter={"a": "b"}), changed(zone="Asia/Jakarta"), column(), changed(dialect={"decimal": ","}),
    ]  # fmt: skip
    texts = {settings.configuration_text(load(tmp_path, text)) for text in other}
    assert len(texts) == len(other)
    assert base not in texts


def test_only_settings_read_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("RAPPORT_EXPORTS", raising=False)
    assert settings.home() == tmp_path / "data"
    assert settings.exports() == str(tmp_path / "data" / "exports")
    monkeypatch.setenv("RAPPORT_EXPORTS", "s3://bucket/exports")
    assert settings.exports() == "s3://bucket/exports"
    assert settings.source_root("s3://b/e/", "shop") == "s3://b/e/shop"
    assert settings.source_root("/e", "shop") == "/e/shop"
    assert settings.source_root("/e", "/shop") == "/shop"
    assert settings.source_root("/e", "sftp://x/shop") == "sftp://x/shop"
    monkeypatch.setenv("RAPPORT_AS_OF", "yesterday")
    with pytest.raises(SettingsError, match="not a date like"):
        settings.as_of()
    monkeypatch.setenv("RAPPORT_AS_OF", "2026-06-30")
    assert str(settings.as_of()) == "2026-06-30"
    readers = [
        path.name
        for path in (Path(settings.__file__).parent).rglob("*.py")
        if "environ" in path.read_text() or "getenv" in path.read_text()
    ]
    assert readers == ["settings.py"]
