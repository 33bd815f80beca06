"""Personal data: one normal form per kind, then a keyed hash. Clear values end here.

``k1:`` + 32 hex digits of HMAC-SHA-256 with the key in ``vault/key``. The number names the key's
version, so that a key can be changed. A plain hash of an e-mail address can be reversed with a
dictionary; this cannot without the key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.landing import sync_folder

KEY_VERSION = "k1"

# The sign itself, its wide forms, and as URLs carry it, encoded once or more often.
_AT = "@|＠|﹫|%(?:25)*40"
_PART = r"""[^\s@<>"',;()/?&=:]"""
# An address begins where a run of such characters begins: without that, long texts would take
# quadratic time.
_EMAIL = re.compile(
    rf"(?<!{_PART}){_PART}+(?:'{_PART}+){{0,3}}(?:{_AT})"
    rf"(?:(?!#){_PART})+\.(?:xn--[a-z0-9-]+|[^\W\d_]{{2,}})",
    re.IGNORECASE,
)

_LONGEST_LABEL = 64
# About 20 MB of keys; more would cost memory that a second hash of a rare value does not.
_REMEMBERED = 1 << 16

# Mailboxes that belong to a function, not to a person; RFC 2142 and the ones that merge strangers
# in practice.
ROLE_MAILBOXES = frozenset(
    (
        "abuse",
        "accounting",
        "accounts",
        "admin",
        "billing",
        "booking",
        "bookings",
        "contact",
        "customerservice",
        "enquiries",
        "enquiry",
        "finance",
        "hello",
        "help",
        "helpdesk",
        "hostmaster",
        "hr",
        "info",
        "inquiries",
        "invoice",
        "invoices",
        "jobs",
        "kontakt",
        "kundeservice",
        "mail",
        "mailer-daemon",
        "marketing",
        "news",
        "newsletter",
        "no-reply",
        "noreply",
        "nobody",
        "office",
        "order",
        "orders",
        "post",
        "postmaster",
        "press",
        "privacy",
        "reception",
        "root",
        "sales",
        "salg",
        "security",
        "service",
        "shop",
        "spam",
        "staff",
        "store",
        "support",
        "team",
        "test",
        "user",
        "webmaster",
    )
)


class KeyMissing(Exception):
    """There are keyed values in the home but the key is gone; nothing may go on without it."""


def load_key(home: Path) -> bytes:
    """The key of ``<home>/vault/key``; the first run of an empty home creates it (0600).

    Raises KeyMissing when deliveries were keyed before and the file is gone or unusable.
    """
    path = home / "vault" / "key"
    if path.exists():
        text = path.read_text(encoding="ascii").strip()
        if not re.fullmatch(r"[0-9a-f]{64}", text):
            raise KeyMissing(
                f"{path}: not a key (64 hex digits expected). Restore it from your backup"
            )
        return bytes.fromhex(text)
    if (home / "ledger.sqlite").exists() and any((home / "raw").glob("*/*")):
        raise KeyMissing(
            f"{path}: the key is gone, but earlier deliveries were keyed with it. Restore it from "
            "your backup; without it the same person would get a second key"
        )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _create_key(path)
    return load_key(home)


def _create_key(path: Path) -> None:
    """A new key under its final name, whole or not at all; of two first runs at once the first one
    wins.
    """
    partial = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(secrets.token_hex(32) + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    # FileExistsError: the other run was first. FileNotFoundError: it has also swept this run's
    # file.
    with suppress(FileExistsError, FileNotFoundError):
        os.link(partial, path)
    for leftover in path.parent.glob("key.*"):
        leftover.unlink(missing_ok=True)
    sync_folder(path.parent)


def key_fingerprint(key: bytes) -> str:
    """A mark that tells keys apart without revealing them (16 hex digits)."""
    return hashlib.sha256(b"rapport key " + key).hexdigest()[:16]


def normal_email(text: str) -> str | None:
    """Trimmed, NFKC, lower case, domain in IDNA; None where it is no address.

    Of ``Ola Nordmann <ola@example.no>`` the part in brackets counts.
    """
    folded = unicodedata.normalize("NFKC", text).strip().lower().removeprefix("mailto:")
    if folded.endswith(">"):
        folded = folded.rpartition("<")[2].removesuffix(">").strip()
    local, _, domain = folded.rpartition("@")
    if not local or "." not in domain or any(mark.isspace() for mark in folded):
        return None
    if domain.isascii():
        is_domain = all(0 < len(label) < _LONGEST_LABEL for label in domain.split("."))
        return folded if is_domain else None
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return None


def normal_phone(text: str) -> str | None:
    """Digits with a leading + where there was one (00 counts as +); None below five digits."""
    folded = unicodedata.normalize("NFKC", text).strip()
    digits = re.sub(r"\D", "", folded)
    if folded.startswith("00"):
        folded, digits = "+", digits[2:]
    if len(digits) < 5:
        return None
    return ("+" if folded.startswith("+") else "") + digits


def normal_text(text: str) -> str | None:
    """NFKC, single blanks, case folded; None where nothing is left."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()) or None


NORMAL: dict[str, Callable[[str], str | None]] = {
    "email": normal_email,
    "phone": normal_phone,
    "name": normal_text,
    "address": normal_text,
    "ip": normal_text,
}


class Keyring:
    """Keys values under one secret; remembers what it keyed lately, since names and addresses
    repeat.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.keyed = lru_cache(maxsize=_REMEMBERED)(self._keyed)

    def _keyed(self, kind: str, text: str) -> str | None:
        normal = NORMAL[kind](text)
        return None if normal is None else self.digest(normal)

    def digest(self, text: str) -> str:
        """``k1:`` and 32 hex digits of the HMAC-SHA-256 of ``text``."""
        return f"{KEY_VERSION}:{hmac.digest(self._key, text.encode(), 'sha256').hex()[:32]}"

    def keys(self, kind: str, texts: pa.StringArray) -> pa.StringArray:
        """The key of every text; null where the text is not of that kind."""
        return pa.array([self.keyed(kind, text) for text in texts.to_pylist()], pa.string())

    def key_lists(self, texts: pa.StringArray) -> tuple[pa.StringArray, pa.StringArray]:
        """Lists of addresses (between semicolons, commas or blanks) as ``;``-joined keys, sorted:
        all of them, and those that belong to a function, not to a person.
        """

        def each(text: str, *, of_roles: bool) -> str | None:
            parts = [part for part in re.split(r"[;,\s]+", text) if part]
            chosen = [part for part in parts if not of_roles or is_role_mailbox(part)]
            keys = {self.keyed("email", part) for part in chosen}
            return ";".join(sorted(key for key in keys if key)) or None

        lists = texts.to_pylist()
        return (
            pa.array([each(text, of_roles=False) for text in lists], pa.string()),
            pa.array([each(text, of_roles=True) for text in lists], pa.string()),
        )

    def are_role_mailboxes(self, texts: pa.StringArray) -> pa.BooleanArray:
        """For each address: does it belong to a function, not to a person? Null where it is no
        address.
        """
        return pa.array([is_role_mailbox(text) for text in texts.to_pylist()], pa.bool_())

    def generated_ids(self, texts: pa.StringArray) -> pa.StringArray:
        """Ids generated from fields: keyed, since the fields may be personal."""
        start = len(KEY_VERSION) + 1
        ids = [f"g{self.digest(text)[start:]}" for text in texts.to_pylist()]
        return pa.array(ids, pa.string())

    def scrubbed(self, texts: pa.StringArray) -> pa.StringArray:
        """The texts, with the key in the place of every e-mail address."""
        hits = pc.match_substring_regex(texts, _AT)
        if not pc.any(hits).as_py():
            return texts
        changed = [self._scrub(text) for text in texts.filter(hits).to_pylist()]
        return pc.replace_with_mask(texts, hits, pa.array(changed, pa.string()))

    def _scrub(self, text: str) -> str:
        def key(hit: re.Match[str]) -> str:
            address = re.sub(_AT, "@", hit[0])
            return self.keyed("email", address) or self.digest(address.lower())

        return _EMAIL.sub(key, text)


def is_role_mailbox(text: str) -> bool | None:
    """Is the address one of a function (info@, support@...), ignoring a +tag? None where it is no
    address.
    """
    normal = normal_email(text)
    return None if normal is None else normal.rpartition("@")[0].split("+")[0] in ROLE_MAILBOXES
