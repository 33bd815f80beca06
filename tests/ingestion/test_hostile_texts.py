"""Texts that are code elsewhere are texts here: in values, in column names, in file names, in rapport.yml."""

from __future__ import annotations

import csv
import io

import pytest

from tests.ingestion.company import Company

HOSTILE = [
    "'); drop table raw.deliveries; --",
    '"; drop schema raw cascade; --',
    'x" from records; select "1',
    "' or '1'='1",
    "{{ env_var('HOME') }}",
    "{% raw %}{{ 7*7 }}",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "<img src=x onerror=alert(1)>",
    "<script>alert('x')</script>",
    "${jndi:ldap://x/y}",
    "$(reboot)",
    "`id`",
    "../../etc/passwd",
    "\\'; --",
    "a\\",
    "%s%s%n",
    "NULL",
    "null",
    "None",
    "nan",
    "🙂\u200f\u202eabc",
    "ﷺ" * 50,
]


TEXT_COLUMNS = ("status", "discount_code", "channel", "country")


@pytest.mark.parametrize("first", range(0, len(HOSTILE), len(TEXT_COLUMNS)))
def test_hostile_texts_go_through_as_texts_wherever_they_stand(
    first: int, company: Company
) -> None:
    texts = HOSTILE[first : first + len(TEXT_COLUMNS)]
    mapped = dict(zip(TEXT_COLUMNS, texts, strict=False))
    company.entry = {
        "columns": {"order_id": "id", "ordered_at": "at", "gross_amount": "amount", **mapped},
        "filter": {texts[0]: [texts[0]]},
    }
    written = io.StringIO()
    csv.writer(written).writerows(
        [
            ["id", "at", "amount", *texts],
            [texts[0], "2026-05-14", "1", *texts],
            ["2", "2026-05-14", texts[0], *texts],
        ]
    )
    [row] = company.take(written.getvalue(), "orders.csv")
    assert [row[name] for name in ("order_id", *mapped)] == [texts[0], *texts]
    assert company.reasons() == [(2, 3, "gross_amount: not an amount")]
    assert company.current(f"select order_id, {', '.join(mapped)} from raw.generic_orders") == [
        (texts[0], *texts)
    ]
    assert company.current("select rows_accepted, rows_quarantined from raw.deliveries") == [(1, 1)]


def test_a_hostile_source_path_and_id_space_are_texts(company: Company) -> None:
    from ingestion.ingest import ingest
    from tests.ingestion.company import NOW

    space = "'); drop table x; --"
    folder = company.folder / "exports" / "{{ x }}'; --"
    folder.mkdir(parents=True)
    (folder / "orders.csv").write_text("id,at,amount\n1,2026-05-14,1\n")
    loaded = company.configured({"shop": {"path": folder.name, "id_space": space, "files": [
        {"contract": "generic_orders", "pattern": "*.csv",
         "columns": {"order_id": "id", "ordered_at": "at", "gross_amount": "amount"}}]}})  # fmt: skip
    ingest(loaded, str(folder.parent), "shop", NOW)
    assert [row["id_space"] for row in company.accepted()] == [space]
