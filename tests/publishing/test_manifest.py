"""A manifest finds every damage to the release it describes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from small_warehouse import build, release_inputs

from publishing import manifest as manifests
from publishing.refusal import ManifestError
from publishing.release import publish


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    build(home)
    return publish(home, release_inputs("a")).folder


def test_reading_gives_what_was_written(release: Path) -> None:
    manifest = manifests.verify(release)
    assert manifests.from_json(manifests.to_json(manifest)) == manifest
    assert manifest.rows == sum(mart.rows for mart in manifest.marts) > 0


def test_a_flipped_byte_anywhere_in_any_file_is_found(release: Path) -> None:
    manifest = manifests.read(release)
    assert len(manifest.all_files) > 8
    for file in manifest.all_files:
        path = release / file.path
        whole = path.read_bytes()
        path.chmod(0o644)
        for position in range(0, len(whole), max(1, len(whole) // 8)):
            path.write_bytes(
                whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :]
            )
            assert manifests.differences(release, manifest) == [f"{file.path} has another sha256"]
        path.write_bytes(whole)
    assert manifests.verify(release) == manifest


def cut(path: Path) -> Callable[[], object]:
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole[:-1])
    return lambda: path.write_bytes(whole)


def take_away(path: Path) -> Callable[[], object]:
    away = path.rename(path.parents[2] / "away")
    return lambda: away.rename(path)


def put_beside(path: Path) -> Callable[[], object]:
    extra = path.with_name("customers.parquet")
    extra.write_bytes(b"PAR1")
    return extra.unlink


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, r"marts/orders.parquet has \d+ bytes instead of \d+"),
        (take_away, "marts/orders.parquet is missing"),
        (put_beside, "marts/customers.parquet is not in the manifest"),
    ],
)
def test_cut_missing_and_foreign_files_are_named(
    release: Path, damage: Callable[[Path], Callable[[], object]], said: str
) -> None:
    mend = damage(release / "marts" / "orders.parquet")
    with pytest.raises(ManifestError, match=said):
        manifests.verify(release)
    mend()
    assert manifests.verify(release).release == 1


@pytest.mark.parametrize("text", ["", "{}", '{"format": 2}', "[]", '{"format": 1, "rows": 0}'])
def test_what_is_no_manifest_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ManifestError, match=r"manifest.json cannot be read as a manifest"):
        manifests.read(tmp_path)
