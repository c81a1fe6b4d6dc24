"""Records of long before in a new delivery: late ones are named, and a year that was not delivered before is none."""

from datetime import date

import polars as pl
import pytest

from pipeline.ingest.contracts import read_contracts
from reception.pairs import Pairs
from reception.records import times_of_records
from reception.thresholds import Thresholds

DATES = (date(2019, 9, 30), date(2019, 12, 31))


@pytest.mark.parametrize(
    ("year", "late"), [(2018, False), (2016, True)], ids=["the next year", "a year known before"]
)
def test_a_year_of_courses_is_late_only_if_it_had_been_delivered(year: int, late: bool) -> None:
    """Courses of 2017 are known on 30 September 2019; those of 2018 come in the next quarter, as every year."""
    extract = read_contracts()["hesa"].extracts["hesa"]
    before = pl.DataFrame({"year_start": [date(2017, 8, 1)] * 600})
    new = pl.DataFrame({"year_start": [date(year, 8, 1)] * 90})
    pairs = Pairs(both=before, vanished=before.clear(), new=new, changed_key=None)
    found = list(times_of_records(before, pairs, "hesa", extract, DATES, Thresholds(1e-6)))
    assert [one.check for one in found] == ["late records"] * late
