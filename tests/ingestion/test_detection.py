"""Detection: vendors by their fields, generic contracts by likely names, and a proposal that loads."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from ingestion import settings
from ingestion.detection import Detected, detect, proposal
from ingestion.ingest import ingest

EXPORTS = Path(__file__).parents[1] / "exports"
NOW = datetime.fromisoformat("2026-11-22")


def loaded(folder: Path, found: list[Detected]) -> settings.Settings:
    """The proposal as a data home reads it."""
    folder.mkdir(exist_ok=True)
    (folder / "rapport.yml").write_text(proposal(found), encoding="utf-8")
    return settings.load(folder)


def by_name(found: list[Detected]) -> dict[str, tuple[str | None, str | None]]:
    return {item.name: (item.vendor, item.object or item.guess) for item in found}


def test_every_vendors_export_is_recognised_by_its_fields() -> None:
    found = by_name(detect(EXPORTS))
    for name, (vendor, _) in found.items():
        folder = name.split("/", maxsplit=1)[0]
        assert vendor == (None if folder in ("broken", "generic") else folder), name
    assert found["hubspot/contacts_export.csv"] == ("hubspot", "contacts")
    assert found["hubspot/deals_page_1.json"] == ("hubspot", "deals")
    assert found["delighted/survey_responses.csv"] == ("delighted", "survey_responses")


def test_the_proposal_loads_and_takes_the_exports_in(tmp_path: Path) -> None:
    ready = loaded(tmp_path / "home", detect(EXPORTS))
    assert [source.name for source in ready.sources] == [
        "delighted", "ga4", "hubspot", "sendgrid", "shopify",
    ]  # fmt: skip
    assert "TODO" not in proposal(detect(EXPORTS))
    for source in ready.sources:
        done = ingest(ready, str(EXPORTS), source.name, NOW)
        assert done.rows_accepted > 0
        assert done.rows_quarantined == 0


def test_vendors_in_one_folder_get_patterns_of_their_own(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    for vendor in ("sendgrid", "delighted", "shopify"):
        for path in (EXPORTS / vendor).iterdir():
            shutil.copyfile(path, exports / path.name)
    (exports / "notes.json").write_text('{"a": 1}')
    ready = loaded(tmp_path / "home", detect(exports))
    patterns = {
        file.contract.table: file.patterns for source in ready.sources for file in source.files
    }
    assert patterns == {
        "delighted_survey_responses": ("survey_responses.csv", "survey_responses.json"),
        "sendgrid_events": ("webhook_events_*.json", "webhook_events_*.ndjson"),
        # Shopify's own pattern finds no one else's files, so it needs no word.
        "shopify_orders": ("*orders*.csv",),
    }
    for source in ready.sources:
        assert ingest(ready, str(exports), source.name, NOW).rows_quarantined == 0


@pytest.mark.parametrize(
    ("header", "table", "columns"),
    [
        (
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
            "generic_order_lines",
            {"order_id": "InvoiceNo", "quantity": "Quantity", "customer_id": "CustomerID"},
        ),
        (
            "order_id;customer_id;order_date;total;currency",
            "generic_orders",
            {"order_id": "order_id", "gross_amount": "total", "ordered_at": "order_date"},
        ),
        ("Customer ID,First Name,Last Name,E-Mail", "generic_contacts", {"email": "E-Mail"}),
        ("event_id,timestamp,event,url,visitor_id", "generic_web_events", {"page_url": "url"}),
        ("event id\tdate\tevent\trecipient", "generic_email_events", {"email": "recipient"}),
        ("response_id,score,created_at,comment", "generic_survey_responses",
         {"survey_type": {"constant": "nps"}, "score": "score"}),
        ("ticket_id,created_at,status,requester_id", "generic_tickets", {"customer_id": "requester_id"}),
        ("id,order_id,kind,amount,processed_at", "generic_payments", {"payment_id": "id"}),
    ],
)  # fmt: skip
def test_likely_names_lead_to_a_generic_contract(
    header: str, table: str, columns: dict[str, object], tmp_path: Path
) -> None:
    exports = tmp_path / "exports"
    (exports / "my shop").mkdir(parents=True)
    (exports / "my shop" / "file_2026-05-14.csv").write_text(f"{header}\n")
    found = detect(exports)
    assert [item.guess for item in found] == [table]
    [source] = loaded(tmp_path / "home", found).sources
    assert (source.name, source.path) == ("my_shop", "my shop")
    [file] = source.files
    assert (file.contract.table, file.patterns) == (table, ("file_*.csv",))
    proposed = yaml.safe_load(proposal(found))["sources"]["my_shop"]["files"][0]["columns"]
    assert columns.items() <= proposed.items()


def test_names_that_say_too_little_lead_nowhere_and_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a_1.csv").write_text("Kundenr,Beløp\n1,2\n")
    (tmp_path / "a_2.csv").write_text("Kundenr,Beløp\n1,2\n")
    (tmp_path / "b\n# evil: {x}.csv").write_text("x,y\n1,2\n")
    (tmp_path / "readme.md").write_text("a,b\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "a_1.csv")
    text = proposal(detect(tmp_path))
    assert "# not recognised: a_*.csv (fields Kundenr, Bel\\xf8p), 2 files" in text
    assert "# not recognised: readme.md (its ending tells no format)" in text
    assert "# not recognised: link.csv (not a regular file)" in text
    assert "# not recognised: b\\n# evil: {x}.csv" in text
    assert "generic_order_lines" in text
    assert "Nothing was recognised" in text
    assert yaml.safe_load(text)["sources"] == {}


def test_several_headers_of_one_contract_make_entries_that_agree(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "crm_1.csv").write_text("contact_id,last_name,email\n1,x,a@x.no\n")
    (exports / "crm_2.csv").write_text(
        "contact_id,last_name,email,updated_at\n2,y,b@x.no,2026-05-14\n"
    )
    [source] = loaded(tmp_path / "home", detect(exports)).sources
    assert source.name == "exports"
    assert {(file.patterns, file.version) for file in source.files} == {
        (("crm_1.csv",), "file_name"),
        (("crm_2.csv",), "file_name"),
    }


def test_packed_nested_cut_and_columnar_files_are_looked_into(tmp_path: Path) -> None:
    events = [{"user_pseudo_id": "1", "event_params": [{"key": "a"}], "x": "y" * 1000}] * 1000
    (tmp_path / "a.json").write_text(json.dumps(events))
    (tmp_path / "b.json").write_text(json.dumps({"results": events, "total": 1000}))
    (tmp_path / "c.ndjson.gz").write_bytes(
        gzip.compress("\n".join(map(json.dumps, [{"first": 1}, *events])).encode())
    )
    pq.write_table(
        pa.table({"user_pseudo_id": ["1"], "event_params": [["x"]]}), tmp_path / "d.parquet"
    )
    (tmp_path / "e.json").write_text("\ufeff" + json.dumps(events[0]))
    found = by_name(detect(tmp_path))
    assert found == dict.fromkeys(
        ["a.json", "b.json", "c.ndjson.gz", "d.parquet", "e.json"], ("ga4", "events")
    )


def test_the_list_of_a_page_is_proposed_with_its_place(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    contact = {"Id": 1, "FirstName": "Ola", "LastName": "Nordmann", "Email": "ola@example.no"}
    page = {"totalSize": 1, "done": True, "records": [{**contact, "Id": n} for n in range(5000)]}
    (exports / "contacts.json").write_text(json.dumps(page))
    ready = loaded(tmp_path / "home", detect(exports))
    assert ready.sources[0].files[0].records == "records"
    assert ingest(ready, str(exports), ready.sources[0].name, NOW).rows_accepted == 5000


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        detect(tmp_path / "nowhere")
