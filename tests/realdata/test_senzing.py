"""Deterministic identity on records that were written to be hard to match.

Senzing's truth set (Apache-2.0): 120 records of 72 people with nicknames, misprints, moved homes
and relatives at one address. Its key (truthsets/demo/truthset_key.csv) is written out below: the
records that are one person; all others stand alone. Rapport joins two records of one source only
where e-mail address and name agree, so it finds few of these pairs and claims none that is wrong.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from ingestion.settings import realdata
from tests.realdata.conftest import Night, ask

KEY = """
1001-1004 1009-1011 1015-1018 1022-1023 1030-1031 1032-1033 1034-1036 1043,1045 1044,1046 1047-1049
1050-1052 1053,1055 1054,1056 1059-1060 1061-1062 1063-1068 1069-1070 1071-1072 1073-1074 1075-1076
1077-1078 1079-1080 1081-1082 1083-1084 1085-1086 1087-1088 1091-1092 1093-1094 1095-1096 1097-1098
1099-1100 1101-1102 1103-1104 2031-2032 2192-2193 2207,2213
"""


def _people() -> list[set[str]]:
    groups = []
    for word in KEY.split():
        first, dash, last = word.partition("-")
        members = range(int(first), int(last) + 1) if dash else map(int, word.split(","))
        groups.append({str(member) for member in members})
    return groups


def _pairs(groups: list[set[str]]) -> set[tuple[str, str]]:
    return {pair for group in groups for pair in combinations(sorted(group), 2)}


def test_few_pairs_are_found_and_none_is_wrong(
    tmp_path: Path,
    night: Night,
    new_home: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "exports" / "customers"
    folder.mkdir(parents=True)
    shutil.copy2(realdata() / "native" / "senzing" / "customers.csv", folder)
    home = new_home("senzing")
    night(home, folder.parent)
    found: dict[object, set[str]] = defaultdict(set)
    records = set()
    for identifier, customer in ask(
        home,
        "select identifier, customer_id from customer_identities "
        "where identifier_type = 'customer'",
    ):
        found[customer].add(str(identifier))
        records.add(str(identifier))
    truth = _people()
    assert len(records) == 120
    assert len(truth) + 120 - len(set().union(*truth)) == 72
    claimed, real = _pairs(list(found.values())), _pairs(truth)
    right = claimed & real
    with capsys.disabled():
        print(
            f"\n{len(found)} customers; {len(claimed)} pairs claimed, {len(right)} of them right; "
            f"{len(real)} are one person: recall {len(right) / len(real):.3f}"
        )
    assert claimed - real == set()
