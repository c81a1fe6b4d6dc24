"""Whatever a file contains, ingest reads the same from it in the layout of any version of its contract."""

from datetime import date, datetime
from functools import partial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.check import FILE, check
from pipeline.ingest.contracts import read_contracts
from pipeline.ingest.order_check import OrderCheck
from pipeline.ingest.period_check import FIRST_DAYS, PeriodCheck
from pipeline.ingest.read_extract import read_extract
from synthetic_data.delivery.layouts import in_layout

DATA_DATE = date(2019, 12, 31)
VERSIONS = [
    pytest.param(extract, version, id=f"{name} {version.id}")
    for contract in read_contracts().values()
    for name, extract in contract.extracts.items()
    for version in extract.version
]


def day_of(column, first=None, last=None):
    bounds = {None: DATA_DATE, "data_date": DATA_DATE}
    first = max(one for one in (first, bounds.get(column.min, column.min)) if one and one != DATA_DATE)
    return st.dates(first, min(one for one in (last, bounds.get(column.max, column.max)) if one))


def value_of(column, version, *, dates_it):
    """A value that a column of the current layout allows, as the source writes it; null where it may be missing."""
    if column.type == "date":
        days = day_of(column, version.since, version.until) if dates_it else day_of(column)
        some = days.map(lambda day: day.strftime(column.format))
    elif column.type == "code":
        some = st.sampled_from(sorted(column.codes))
    elif column.type == "boolean":
        some = st.sampled_from(["true", "false"])
    elif column.type == "text":
        some = st.from_regex(column.pattern, fullmatch=True) if column.pattern else st.sampled_from(["Ann", "Ó Lee"])
    else:
        some = st.integers(int(column.min), int(column.max)).map(str)
    return some if column.required else st.none() | some


def checks_of(extract, kind):
    return [one for one in extract.check if isinstance(one, kind)]


def in_order(values, extract):
    """Whether the dates of a row, as the current layout writes them, pass the checks of the contract."""
    for one in checks_of(extract, OrderCheck):
        names = (one.column, one.other) if one.not_after else (one.other, one.column)
        first, last = (values[extract.columns[name].header] for name in names)
        if first and last and first > last:
            return False
    return True


def of_one_period(values, extract):
    """The row with the first day and the label of one year where the contract checks them."""
    for one in checks_of(extract, PeriodCheck):
        first, label = (extract.columns[name] for name in (one.first, one.label))
        day = datetime.strptime(values[first.header], first.format)  # noqa: DTZ007 - a day has no zone
        month, begins = FIRST_DAYS[one.period]
        year = max(day.year - ((day.month, day.day) < (month, begins)), first.min.year)
        values = values | {
            first.header: date(year, month, begins).strftime(first.format),
            label.header: f"{year}/{(year + 1) % 100:02d}",
        }
    return values


@pytest.mark.parametrize(("extract", "version"), VERSIONS)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_ingest_reads_the_same_from_every_layout(extract, version, data, tmp_path_factory):
    values = {
        column.header: value_of(column, version, dates_it=name == extract.dated_by)
        for name, column in extract.delivered.items()
    }
    some = (
        st.fixed_dictionaries(values)
        .map(partial(of_one_period, extract=extract))
        .filter(lambda row: in_order(row, extract))
    )
    rows = data.draw(st.lists(some, min_size=1, max_size=5))
    now = pl.DataFrame(rows, schema=dict.fromkeys(values, pl.String))
    then = in_layout(now, extract, version.id)
    folder = tmp_path_factory.mktemp("layouts")
    read = []
    for name, frame in (("current", now), (version.id, then)):
        path = folder / f"{name}.csv"
        frame.write_csv(path)
        texts = read_extract(path, extract.layouts[name]).with_columns(pl.lit("file").alias(FILE))
        read.append(check(texts, extract, DATA_DATE, {"file": name}))
    absent = [name for name in extract.columns if name in extract.layouts[version.id].absent]
    assert read[1].accepted.drop(absent).equals(read[0].accepted.drop(absent))
    assert read[1].quarantined.height == read[0].quarantined.height
    assert read[0].accepted.height >= 1


def test_there_are_versions_to_be_tried():
    assert len(VERSIONS) >= 3
