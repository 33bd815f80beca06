"""Personal data: one key per person and kind, and no clear value beyond the vault."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion.personal_data import (
    KeyMissing,
    Keyring,
    is_role_mailbox,
    load_key,
    normal_email,
    normal_phone,
)
from tests.ingestion.company import ORDER_HEADER, Company, order

KEYRING = Keyring(b"k" * 32)


def scrubbed(text: str) -> str:
    [changed] = KEYRING.scrubbed(pa.array([text])).to_pylist()
    return str(changed)


@pytest.mark.parametrize(
    "text",
    ["ola@example.no", " OLA@Example.NO ", "Ola@EXAMPLE.no", "<ola@example.no>", "Ola Nordmann <ola@example.no>",
     "mailto:ola@example.no", "ola＠example.no"],
)  # fmt: skip
def test_variants_of_an_address_have_one_key(text: str) -> None:
    assert normal_email(text) == "ola@example.no"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("ola@bücher.example", "ola@xn--bcher-kva.example"),
        ("ola@BU\u0308CHER.example", "ola@xn--bcher-kva.example"),
        ("å@example.no", "å@example.no"),
        ("a\u030a@example.no", "å@example.no"),
        ("b.levy@expressl&t.net", "b.levy@expressl&t.net"),
    ],
)
def test_international_addresses_have_one_form(text: str, normal: str) -> None:
    assert normal_email(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n/a",
        "-",
        "ola",
        "@example.no",
        "ola@",
        "ola@example",
        "a b@x.no",
        "ola@x..no",
        f"o@{'x' * 64}.no",
    ],
)
def test_what_is_no_address_has_no_key(text: str) -> None:
    assert normal_email(text) is None


def test_phones_and_role_mailboxes() -> None:
    assert normal_phone("0047 22 33 44 55") == normal_phone("+47 22334455") == "+4722334455"
    assert normal_phone("12") is None
    assert is_role_mailbox("Info+shop@example.no") is True
    assert is_role_mailbox("ola@example.no") is False
    assert is_role_mailbox("n/a") is None


KEY = KEYRING.keyed("email", "ola@example.no") or ""


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://x.no/?email=ola@example.no&a=1", f"https://x.no/?email={KEY}&a=1"),
        ("https://x.no/?email=ola%40example.no&a=1", f"https://x.no/?email={KEY}&a=1"),
        ("https://x.no/?e=OLA%2540EXAMPLE.NO#top", f"https://x.no/?e={KEY}#top"),
        ("write to ola@example.no.", f"write to {KEY}."),
        ("ola@example.no;ola@example.no", f"{KEY};{KEY}"),
        ("'ola@example.no'", f"'{KEY}'"),
        ("ola＠example.no", KEY),
        ("no address @ all", "no address @ all"),
    ],
)
def test_an_address_in_any_text_becomes_its_key(text: str, clean: str) -> None:
    assert scrubbed(text) == clean


@pytest.mark.parametrize(
    "address",
    ["o'brien@example.ie", "user@example.xn--p1ai", "Ola+Tag@Sub.Example.co.uk", "å@blåbær.no"],
)
def test_an_address_has_the_same_key_in_a_text_as_in_its_own_column(address: str) -> None:
    assert scrubbed(f"by {address} today") == f"by {KEYRING.keyed('email', address)} today"


def test_lists_of_addresses_become_sorted_keys() -> None:
    lists = KEYRING.key_lists(pa.array(["b@x.no; A@x.no;;n/a"]))
    [keys] = lists[0].to_pylist()
    assert keys == ";".join(sorted(KEYRING.keyed("email", a) or "" for a in ("a@x.no", "b@x.no")))


def test_keys_differ_between_secrets_and_kinds() -> None:
    assert Keyring(b"x" * 32).keyed("email", "ola@example.no") != KEY
    assert KEY.startswith("k1:")
    assert len(KEY) == 35


# --- the secret


def test_the_first_run_makes_a_private_key_and_keeps_it(tmp_path: Path) -> None:
    key = load_key(tmp_path)
    path = tmp_path / "vault" / "key"
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(tmp_path) == key
    assert [item.name for item in path.parent.iterdir()] == ["key"]


def test_first_runs_at_once_agree_on_one_key(tmp_path: Path) -> None:
    code = "import sys, pathlib; from ingestion.personal_data import load_key; print(load_key(pathlib.Path(sys.argv[1])).hex())"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    keys = {run.communicate(timeout=60)[0] for run in runs}
    assert len(keys) == 1
    assert keys.pop().strip() == load_key(tmp_path).hex()


def test_without_its_key_a_home_goes_no_further(company: Company) -> None:
    company.take([ORDER_HEADER, order(1)])
    (company.home / "vault" / "key").unlink()
    with pytest.raises(KeyMissing, match="Restore it from your backup"):
        company.ingest()
    (company.home / "vault" / "key").write_text("not a key")
    with pytest.raises(KeyMissing, match="64 hex digits"):
        company.ingest()


def test_no_clear_personal_data_leaves_landing(company: Company) -> None:
    company.entry = {
        "columns": {
            "order_id": "id", "ordered_at": "at", "gross_amount": "amount", "email": "email",
            "phone": "customer", "customer_id": "note", "status": "changed",
        }
    }  # fmt: skip
    company.deliver(
        "orders.csv",
        [
            ORDER_HEADER,
            order(1, email="Canary@Example.no", customer="+47 99887766", note="canary@example.no",
                  changed="see https://x.no?m=canary%40example.no"),
            order(2, email="canary@example.no", amount="bad", note="CANARY@example.no", changed="canary@example.no"),
            order(3, amount="1", note='"x"canary@example.no'),
        ],
    )  # fmt: skip
    company.ingest()
    assert len(company.accepted()) == 1
    assert len(company.quarantined()) == 2
    company.current("select 1")
    outside = [
        path
        for path in company.home.rglob("*")
        if path.is_file() and "landing" not in path.parts and "vault" not in path.parts
    ]
    assert len(outside) >= 4
    for path in outside:
        content = path.read_bytes().lower()
        for canary in (b"canary", b"99887766"):
            assert canary not in content, path


def test_unknown_addresses_are_counted_in_a_note(company: Company) -> None:
    company.deliver(
        "orders.csv", [ORDER_HEADER, order(1, email="n/a"), order(2, email="-"), order(3)]
    )
    done = company.ingest()
    assert done.rows_accepted == 3
    assert done.notes == ("orders.csv: email: 2 texts are not of that kind; kept as unknown",)
