"""Batches change no byte, a region's people have the rows of the whole country, and pieces are removed."""

import hashlib
import os
from collections.abc import Iterator
from datetime import date
from math import ceil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import UserError
from synthetic_data import simulate
from synthetic_data.country import parts
from synthetic_data.country.geography import PARTS, part_residents
from synthetic_data.country.parts import (
    BATCH_RESIDENTS,
    RESIDENTS_FOR_PROCESSES,
    batches,
    names_of,
    parts_of,
    people_of,
)
from synthetic_data.delivery import ordered_files
from synthetic_data.delivery.ordered_files import OrderedFiles

RESIDENTS = 2_000


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    simulate.simulate(RESIDENTS, 7, out)
    return out


def smaller_batches(monkeypatch: pytest.MonkeyPatch, residents: int) -> None:
    monkeypatch.setattr(parts, "BATCH_RESIDENTS", residents)


def test_the_bytes_are_the_same_whatever_the_batches(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smaller_batches(monkeypatch, ceil(RESIDENTS / 4))
    assert len(parts.batches(PARTS, RESIDENTS)) == 4
    simulate.simulate(RESIDENTS, 7, tmp_path)
    assert digests(tmp_path) == digests(whole)


def test_the_bytes_are_the_same_whatever_the_threads(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "RESIDENTS_FOR_PROCESSES", 0)
    messages: list[str] = []
    simulate.simulate(RESIDENTS, 7, tmp_path, messages.append, threads=3)
    assert messages == [*(f"{ended} of 3 batches simulated" for ended in (1, 2, 3)), "writing files"]
    assert digests(tmp_path) == digests(whole)


def test_the_people_of_a_region_have_the_rows_of_the_whole_country(whole: Path, tmp_path: Path) -> None:
    simulate.simulate(RESIDENTS, 7, tmp_path, regions=("South East", "w92000004"))
    people = pl.read_parquet(tmp_path / "truth" / "people.parquet")
    assert 0.15 < len(people) / len(pl.read_parquet(whole / "truth" / "people.parquet")) < 0.27
    for file in sorted(tmp_path.rglob("*.parquet")):
        some, every = pl.read_parquet(file), pl.read_parquet(whole / file.relative_to(tmp_path))
        if file.parent.name == "truth" and "person" in every.columns:
            assert some.equals(every.filter(pl.col("person").is_in(people["person"].implode()))), file.name
        assert some.join(every, on=some.columns, how="anti", nulls_equal=True).is_empty(), file.name
    for file in sorted(tmp_path.rglob("extracts/*.csv")):
        some = file.read_text(encoding="utf-8").splitlines()
        every = (whole / file.relative_to(tmp_path)).read_text(encoding="utf-8").splitlines()
        assert len(some) > 1
        assert not set(some) - set(every), file.name
    assert "# Regions: only people whose first home is in South East, Wales." in (tmp_path / "study.toml").read_text()


def test_no_piece_remains_when_a_batch_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smaller_batches(monkeypatch, 1)
    lived: Iterator[int] = iter((1, 0))
    live = simulate.live

    def live_once(*arguments: object) -> object:
        if not next(lived):
            raise MemoryError
        return live(*arguments)

    monkeypatch.setattr(simulate, "live", live_once)
    with pytest.raises(MemoryError):
        simulate.simulate(RESIDENTS, 7, tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_piece_remains_when_a_process_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "RESIDENTS_FOR_PROCESSES", 0)
    monkeypatch.setattr(simulate, "_batch", os.getcwd)  # fails in the process: it takes no arguments
    with pytest.raises(TypeError):
        simulate.simulate(RESIDENTS, 7, tmp_path, threads=2)
    assert not list(tmp_path.iterdir())


@given(st.integers(500, 10_000_000), st.integers(1, 12), st.sets(st.sampled_from(PARTS), min_size=1))
def test_batches_contain_every_part_once_and_are_about_equally_large(
    residents: int, threads: int, chosen: set[int]
) -> None:
    found = batches(sorted(chosen), residents, threads)
    assert sorted(part for batch in found for part in batch) == sorted(chosen)
    people = people_of(chosen, residents)
    wanted = max(people / BATCH_RESIDENTS, threads if people >= RESIDENTS_FOR_PROCESSES else 1)
    assert len(found) == min(len(chosen), ceil(wanted))
    sizes = [people_of(batch, residents) for batch in found]
    assert max(sizes) - min(sizes) <= max(part_residents(residents)[part] for part in chosen)


def test_a_country_of_half_a_million_is_one_batch_for_one_thread_and_a_small_one_always() -> None:
    assert [sorted(batch) for batch in batches(PARTS, 500_000)] == [list(PARTS)]
    assert len(batches(PARTS, 500_000, threads=2)) == 2
    assert len(batches(PARTS, 50_000, threads=2)) == 1
    assert len(batches(PARTS, 5_000_000, threads=2)) == 10


def test_regions_are_known_by_code_and_by_name() -> None:
    assert parts_of(()) == tuple(PARTS)
    assert parts_of(("Wales", "E12000001", "wales")) == (0, 9)
    assert names_of((6, 9)) == ["London", "Wales"]
    with pytest.raises(UserError, match=r"--region: unknown region 'Lodnon'. Did you mean 'London'\?"):
        parts_of(("Lodnon",))


keyed = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([None, "a", "Z", "é", " b"]), st.floats(0, 1)), max_size=60
)


@settings(max_examples=25)
@given(rows=keyed, kind=st.sampled_from(["csv", "parquet"]), number=st.integers(2, 4), group=st.integers(1, 20))
def test_pieces_make_the_file_that_is_written_at_once(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, str | None, float]], kind: str, number: int, group: int,
) -> None:  # fmt: skip
    schema = {"key": pl.Int64, "text": pl.String, "share": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        on=pl.Series(np.arange(len(rows), dtype=np.int32)).cast(pl.Date), known=pl.col("share") > 0.5
    )
    frame = frame.sort("text", "key", maintain_order=True)
    folder = tmp_path_factory.mktemp("it's [a] folder*")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordered_files, "ROW_GROUP", group)
        with OrderedFiles(folder / "once", 1) as once:
            once.batches[0].put(f"table.{kind}", frame, ("text", "key"))
            rows_once = once.gather(once.batches)
        with OrderedFiles(folder / "pieces", number) as pieces:
            for piece, batch in enumerate(pieces.batches):
                batch.put(f"table.{kind}", frame.filter(pl.col("key") % number == piece), ("text", "key"))
            rows_of_pieces = pieces.gather(pieces.batches, threads=2)
    assert digests(folder / "pieces") == digests(folder / "once")
    assert rows_once == rows_of_pieces == {f"table.{kind}": len(rows)}
    written = folder / "once" / f"table.{kind}"
    if kind == "parquet":
        assert pl.read_parquet(written.read_bytes()).equals(frame)
    else:
        assert written.read_text(encoding="utf-8") == frame.write_csv()


def test_the_last_snapshots_and_parquet_alone_are_written(whole: Path, tmp_path: Path) -> None:
    simulate.simulate(RESIDENTS, 7, tmp_path, snapshots=2, parquet=True, data_date=date(2019, 12, 31))
    files = {path.name for path in (tmp_path / "extracts").iterdir()}
    assert {name for name in files if name.startswith("pr_")} == {"pr_2018.parquet", "pr_2019.parquet"}
    assert {Path(name).suffix for name in files} == {".parquet"}
    text = (tmp_path / "study.toml").read_text(encoding="utf-8")
    assert "# Snapshots: the last 2 of the Patient Register." in text
    assert "# Files: every extract as Parquet." in text
    for name in files:
        usual = whole / "extracts" / name
        table = pl.read_parquet(tmp_path / "extracts" / name)
        if usual.exists():
            assert table.equals(pl.read_parquet(usual))
        else:
            assert table.write_csv() == usual.with_suffix(".csv").read_text(encoding="utf-8")
    with pytest.raises(UserError, match="--snapshots 0"):
        simulate.simulate(RESIDENTS, 7, tmp_path, snapshots=0)
