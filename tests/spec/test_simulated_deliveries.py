"""Successive deliveries of one simulated country: each is the one before and the changes that the log lists."""

from datetime import date
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contracts
from pipeline.ingest.read_extract import read_extract
from pipeline.ingest.versions import version_of
from pipeline.study import read_study
from synthetic_data.country import parts
from synthetic_data.simulate import simulate

DATES = [date(2018, 6, 30), date(2018, 9, 30), date(2018, 12, 31), date(2019, 3, 31)]
EXTRACTS = {
    name: extract for contract in read_contracts().values() for name, extract in contract.extracts.items()
}  # fmt: skip


@pytest.fixture(scope="module")
def country(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("country")
    simulate(1_000, 3, out, deliveries=DATES)
    return out


def rows_of(study: Path, name: str) -> pl.DataFrame:
    """The rows of an extract as texts, without their places."""
    extract = EXTRACTS[name]
    files = read_study(study).files_of(name)
    texts = [read_extract(path, extract.layouts[version_of(path, extract, None, "")]) for path in files]
    return pl.concat(texts).drop("row_number")


@pytest.fixture(scope="module")
def log(country) -> pl.DataFrame:
    return pl.read_parquet(country / "truth" / "delivery_log.parquet")


def test_every_delivery_is_a_study_of_its_data_date(country):
    for day in DATES:
        study = read_study(country / "deliveries" / str(day))
        assert study.data_date == day
        assert all(path.is_file() for one in study.extract for path in study.files_of(one.name))
        assert (study.folder / "truth" / "identities.parquet").is_file()


def test_the_study_of_the_country_has_the_files_of_its_last_delivery(country):
    latest = country / "deliveries" / str(DATES[-1])
    for name in ("pds", "hesa", "mws"):
        assert rows_of(country, name).equals(rows_of(latest, name))


@pytest.mark.parametrize("name", ["pds", "mws", "exit_checks_travel", "benefit_spells", "pr", "passenger_survey"])
def test_a_delivery_is_the_one_before_with_the_logged_changes(country, log, name):
    """Keys that are gone are those withdrawn, keys that are new are new or late, other values are corrected."""
    key = list(EXTRACTS[name].unique)
    changes = 0
    for earlier, later in pairwise(DATES):
        before, now = (rows_of(country / "deliveries" / str(day), name) for day in (earlier, later))
        logged = log.filter(pl.col("extract") == name, pl.col("delivery") == later)
        number = dict(logged["change"].value_counts(name="rows").iter_rows())
        gone = before.join(now, on=key, how="anti", nulls_equal=True).height
        came = now.join(before, on=key, how="anti", nulls_equal=True).height
        same = now.join(before, on=now.columns, how="semi", nulls_equal=True).height
        assert gone == number.get("withdrawn", 0)
        assert came == number.get("new", 0) + number.get("late", 0)
        assert now.height - came - same == number.get("corrected", 0)
        changes += logged.height
    assert changes


def test_all_kinds_of_change_occur_and_late_rows_are_about_days_that_were_covered(log):
    assert set(log["change"]) == {"new", "late", "corrected", "withdrawn"}
    before = dict(zip(DATES[1:], DATES, strict=False))
    covered = log.with_columns(
        pl.col("delivery").replace_strict(before, return_dtype=pl.Date).alias("covered")
    ).filter(pl.col("day").is_not_null())
    late = pl.col("day") <= pl.col("covered")
    came = covered.filter(pl.col("change").is_in(["new", "late"]))
    assert came.filter(late != (pl.col("change") == "late")).is_empty()
    assert set(log.filter(pl.col("change") == "corrected")["columns"].is_null()) == {False}


@pytest.mark.parametrize("name", ["pr", "activity_weeks", "hesa"])
def test_no_row_of_a_snapshot_or_a_year_comes_late(country, log, name):
    """All rows of a day or year are in the first delivery that has any of it: 2% fewer would look like departures."""
    extract = EXTRACTS[name]
    period = next(one for one in extract.unique if extract.columns[one].type == "date" or one == "academic_year")
    number = {}
    for day in DATES:
        for row in rows_of(country / "deliveries" / str(day), name).group_by(period).len().to_dicts():
            number.setdefault(row[period], []).append(row["len"])
    assert any(len(found) > 1 for found in number.values())
    # a thousandth of the rows is withdrawn later, and none is added
    assert all(later <= first for found in number.values() for first, later in pairwise(found))


def test_a_survey_is_delivered_once_and_no_row_of_it_is_withdrawn(log):
    assert log.filter(
        pl.col("source").is_in(["coverage_survey", "passenger_survey"]), pl.col("change") == "withdrawn"
    ).is_empty()


def test_the_bytes_of_deliveries_do_not_depend_on_batches(tmp_path, monkeypatch):
    simulate(1_000, 3, tmp_path / "whole", deliveries=DATES[:2])
    monkeypatch.setattr(parts, "BATCH_RESIDENTS", 500)
    simulate(1_000, 3, tmp_path / "parts", deliveries=DATES[:2])
    whole, batches = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "whole", tmp_path / "parts")
    )
    assert whole.keys() == batches.keys()
    assert [file for file in whole if whole[file] != batches[file]] == []


def test_a_day_before_the_first_possible_data_date_is_refused(tmp_path):
    with pytest.raises(UserError, match="2017-12-31"):
        simulate(1_000, 3, tmp_path, deliveries=[date(2017, 9, 30), date(2018, 3, 31)])
