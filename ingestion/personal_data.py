"""Personal data: one normal form per kind, then a keyed hash. Clear values end here.

``k1:`` + 32 hex digits of HMAC-SHA-256 with the key in ``vault/key``. The number names the key's version, so that a
key can be changed. A plain hash of an e-mail address can be reversed with a dictionary; this cannot without the key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.landing import sync_folder

KEY_VERSION = "k1"

EMAIL_PATTERN = r"""[^\s@<>"',;()/?&=:]+(?:@|%40)[^\s@<>"',;()/?&=#:]+\.[^\W\d_]{2,}"""
_EMAIL = re.compile(EMAIL_PATTERN)

# Mailboxes that belong to a function, not to a person; RFC 2142 and the ones that merge strangers in practice.
ROLE_MAILBOXES = frozenset(
    """abuse accounting accounts admin billing booking bookings contact customerservice enquiries enquiry finance hello
    help helpdesk hostmaster hr info inquiries invoice invoices jobs kontakt kundeservice mail mailer-daemon marketing
    news newsletter no-reply noreply nobody office order orders post postmaster press privacy reception root sales
    salg security service shop spam staff store support team test user webmaster""".split()
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
            f"{path}: the key is gone, but earlier deliveries were keyed with it. Restore it from your "
            "backup; without it the same person would get a second key"
        )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(secrets.token_hex(32) + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    try:
        # Two first runs at once: the second takes the first one's key.
        os.link(partial, path)
    except FileExistsError:
        partial.unlink()
        return load_key(home)
    partial.unlink()
    sync_folder(path.parent)
    return load_key(home)


def key_fingerprint(key: bytes) -> str:
    """A mark that tells keys apart without revealing them (16 hex digits)."""
    return hashlib.sha256(b"rapport key " + key).hexdigest()[:16]


def normal_email(text: str) -> str | None:
    """Trimmed, NFKC, lower case, domain in IDNA; None where it is no address."""
    folded = unicodedata.normalize("NFKC", text).strip().strip("<>").lower()
    local, at, domain = folded.rpartition("@")
    if not at or not local or "." not in domain or any(mark.isspace() for mark in folded):
        return None
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return f"{local}@{domain}"


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
    """Keys values under one secret; remembers what it keyed, since names and addresses repeat."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.keyed = lru_cache(maxsize=1 << 20)(self._keyed)

    def _keyed(self, kind: str, text: str) -> str | None:
        normal = NORMAL[kind](text)
        return None if normal is None else self.digest(normal)

    def digest(self, text: str) -> str:
        """``k1:`` and 32 hex digits of the HMAC-SHA-256 of ``text``."""
        return f"{KEY_VERSION}:{hmac.digest(self._key, text.encode(), 'sha256').hex()[:32]}"

    def column(self, kind: str, texts: pa.ChunkedArray) -> pa.Array:
        """Keys of a text column; null stays null. Each distinct value is keyed once."""
        return _by_distinct(texts, lambda text: self.keyed(kind, text))

    def list_column(self, texts: pa.ChunkedArray) -> pa.Array:
        """A column of ``;``-separated addresses as ``;``-joined keys, sorted."""

        def each(text: str) -> str | None:
            keys = {self.keyed("email", part) for part in re.split(r"[;,\s]+", text) if part}
            return ";".join(sorted(key for key in keys if key)) or None

        return _by_distinct(texts, each)

    def digest_column(self, texts: pa.ChunkedArray) -> pa.Array:
        """Ids generated from fields: keyed, since the fields may be personal."""
        return _by_distinct(texts, lambda text: "g" + self.digest(text)[len(KEY_VERSION) + 1 :])

    def scrubbed(self, texts: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """A text column in which every e-mail address is replaced by its key."""
        hits = pc.match_substring_regex(texts, "@|%40")
        if not pc.any(hits).as_py():
            return texts
        return _by_distinct(texts, self._scrub)

    def _scrub(self, text: str) -> str:
        def key(hit: re.Match[str]) -> str:
            address = hit[0].replace("%40", "@")
            return self.keyed("email", address) or self.digest(address.lower())

        return _EMAIL.sub(key, text)


def is_role_mailbox(text: str) -> bool:
    """Is the address one of a function (info@, support@...), ignoring a +tag?"""
    normal = normal_email(text)
    return normal is not None and normal.rpartition("@")[0].split("+")[0] in ROLE_MAILBOXES


def role_column(texts: pa.ChunkedArray) -> pa.Array:
    """For each address: is it a role mailbox? Null stays null."""
    return _by_distinct(texts, is_role_mailbox, pa.bool_())


def _by_distinct(
    texts: pa.ChunkedArray, change: Callable[[str], object], kind: pa.DataType | None = None
) -> pa.Array:
    encoded = texts.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    changed = [None if text is None else change(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(changed, kind or pa.string()).take(encoded.indices)
