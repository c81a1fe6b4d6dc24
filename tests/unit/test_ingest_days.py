"""Which day a date-time or an academic year means, and that a planned end may lie in the future."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from small_study import CONTRACT, SmallStudy, csv_text, row

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contract

LATE = datetime.fromisoformat("2018-06-30T23:30")
VISIT = 'visited_on = { header = "VISIT", type = "date", min = "2010-01-01", max = "data_date" }'


@pytest.fixture
def visits(tmp_path):
    """Ingest visits whose column VISIT is of another kind; return days (or reasons) in order of the rows."""

    def of(keys, *written, parquet=None):
        rows = [row(PATIENT=f"P{number:04d}", VISIT=text) for number, text in enumerate(written)]
        content = pl.DataFrame(row()).with_columns(VISIT=parquet) if parquet is not None else csv_text(rows)
        name = "visits.csv" if parquet is None else "visits.parquet"
        study = SmallStudy(tmp_path / "study", {name: content})
        contract = CONTRACT.replace(VISIT, f'visited_on = {{ header = "VISIT", min = "2010-01-01", {keys} }}')
        (study.folder / "clinic.toml").write_text(contract, encoding="utf-8")
        study.run()
        kept = study.table("records/visits")["visited_on"].to_list()
        return kept + [reason for reasons in study.table("quarantine/visits")["reasons"] for reason in reasons]

    return of


def test_a_moment_is_on_the_day_that_it_was_in_the_country(visits):
    """In summer the country is an hour ahead of Greenwich, in winter it is not."""
    written = [
        "2018-06-30T23:30:00Z",
        "2018-12-30T23:30:00Z",
        "2018-07-01T00:30:00+01:00",
        "2018-07-01T03:00:00+0500",
    ]
    days = [date(2018, 7, 1), date(2018, 12, 30), date(2018, 7, 1), date(2018, 6, 30)]
    assert visits('type = "datetime", format = "%Y-%m-%dT%H:%M:%S%#z"', *written) == days


def test_a_time_without_an_offset_is_that_of_the_country_unless_the_contract_says_otherwise(visits):
    written = ["2018-06-30T23:30:00", "2018-12-30T23:30:00"]
    assert visits('type = "datetime"', *written) == [date(2018, 6, 30), date(2018, 12, 30)]
    assert visits('type = "datetime", zone = "UTC"', *written) == [date(2018, 7, 1), date(2018, 12, 30)]
    assert visits('type = "datetime", zone = "Asia/Kolkata"', "2018-07-01T04:00:00") == [date(2018, 6, 30)]


def test_hours_that_clocks_leave_out_or_repeat_keep_their_day(visits):
    spring, autumn = "2018-03-25T01:30:00", "2018-10-28T01:30:00"
    assert visits('type = "datetime"', spring, autumn) == [date(2018, 3, 25), date(2018, 10, 28)]
    reason = "visited_on: not a date and time in the format YYYY-MM-DDThh:mm:ss"
    assert visits('type = "datetime", zone = "Europe/Paris"', "2018-03-25T02:30:00") == [reason]


def test_what_is_no_date_and_time_is_quarantined(visits):
    reason = "visited_on: not a date and time in the format DD/MM/YYYY hh:mm"
    keys = 'type = "datetime", format = "%d/%m/%Y %H:%M"'
    assert visits(keys, "04/05/2016", "04/05/2016 24:30", "04/05/2016 09:30") == [date(2016, 5, 4), reason, reason]


def test_fields_that_touch_need_all_of_their_digits(visits):
    keys = 'type = "datetime", format = "%Y%m%d %H%M"'
    reason = "visited_on: not a date and time in the format YYYYMMDD hhmm"
    assert visits(keys, "20181101 0930", "2018111 0930", "20181101 930") == [date(2018, 11, 1), reason, reason]


NOVEMBER = date(2019, 11, 1)


@pytest.mark.parametrize(
    ("form", "written", "days"),
    [
        ("%Y%m%d", ["20191101", "2019111", "201911 1", "2019 1101", "019111"], [NOVEMBER]),
        ("%d%m%Y", ["01112019", "1112019", "0111019", "011119"], [NOVEMBER]),
        ("%Y%j", ["2019305", "201931", "2019 31"], [NOVEMBER]),
        ("%d %m%Y", ["01 112019", "1 112019", "1112019"], [NOVEMBER, NOVEMBER]),
        ("%d/%m%Y", ["1/112019", "1/12019"], [NOVEMBER]),
        ("%d%b%Y", ["01NOV2019", "1Nov2019", "01NOV19"], [NOVEMBER, NOVEMBER]),
        ("%d/%m/%Y", ["01/11/2019", "1/11/2019", "1/11/19", "1/11/019"], [NOVEMBER, NOVEMBER]),
        ("%Y-%m-%d", ["2019-11-01", "2019-11-1", "19-11-01", "+2019-11-01"], [NOVEMBER, NOVEMBER]),
        ("%F", ["2019-11-01", "19-11-01"], [NOVEMBER]),
        ("%d %B %Y", ["1 November 2019", "01  Nov  2019", "01November2019"], [NOVEMBER, NOVEMBER]),
        ("%y%m%d", ["191101", "19111", "1911 1", "20191101"], [NOVEMBER]),
        ("%d.%m.%y", ["1.11.19", "1.11.9"], [NOVEMBER]),
        ("%D", ["11/01/19", "11/1/9"], [NOVEMBER]),
    ],
)
def test_no_format_reads_fewer_digits_than_say_which_day(visits, form, written, days):
    """Days and months between signs may have one digit, for no other day is written so; years have all of theirs."""
    kept = visits(f'type = "date", format = "{form}"', *written)
    assert kept[: len(days)] == days
    assert len(kept) == len(written)
    assert all("visited_on: not a date in the format" in reason for reason in kept[len(days) :])


def test_a_whole_number_without_its_first_zero_is_no_date(visits):
    assert visits('type = "date", format = "%d%m%Y"', parquet=pl.lit(12112019)) == [date(2019, 11, 12)]
    (reason,) = visits('type = "date", format = "%d%m%Y"', parquet=pl.lit(1112019))
    assert reason == "visited_on: not a date in the format DDMMYYYY"


def test_a_stored_day_is_not_read_in_another_century(visits):
    keys = 'type = "date", format = "%d/%m/%y"'
    assert visits(keys, parquet=pl.lit(NOVEMBER)) == [NOVEMBER]
    assert visits(keys, parquet=pl.lit(date(1919, 11, 1))) == ["visited_on: not a date in the format DD/MM/YY"]


def test_bounds_of_a_moment_are_days(visits):
    keys = 'type = "datetime", format = "%Y-%m-%dT%H:%M:%S%#z"'
    written = ["2019-12-31T23:59:59Z", "2020-01-01T00:00:00Z", "2009-12-31T23:59:59Z"]
    assert visits(keys, *written) == [
        date(2019, 12, 31), "visited_on: after the data date", "visited_on: before 2010-01-01",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "keys", "day"),
    [
        (LATE, "", date(2018, 6, 30)),
        (LATE, ', zone = "UTC"', date(2018, 7, 1)),
        (LATE.replace(tzinfo=UTC), "", date(2018, 7, 1)),
        (LATE.replace(tzinfo=UTC), ', format = "%Y-%m-%d %H:%M:%S%z"', date(2018, 7, 1)),
        (LATE, ', format = "%Y-%m-%d %H:%M:%S%#z"', date(2018, 6, 30)),
        (date(2018, 6, 30), "", date(2018, 6, 30)),
    ],
)
def test_typed_moments_of_parquet_keep_their_zone(visits, values, keys, day):
    assert visits(f'type = "datetime"{keys}', parquet=pl.lit(values)) == [day]


def test_two_events_on_one_day_are_two_records(tmp_path):
    written = ["2018-07-01T08:00:00", "2018-07-01T17:00:00", "2018-07-01T08:00:00"]
    study = SmallStudy(tmp_path / "study", {"visits.csv": csv_text([row(VISIT=one) for one in written])})
    contract = CONTRACT.replace(VISIT, 'visited_on = { header = "VISIT", type = "datetime" }')
    (study.folder / "clinic.toml").write_text(contract, encoding="utf-8")
    study.run()
    assert study.table("records/visits")["visited_on"].to_list() == [date(2018, 7, 1)] * 2
    assert study.table("quarantine/visits")["row_number"].to_list() == [3]


def test_an_academic_year_is_its_first_day(visits):
    written = ["2018/19", "2018-19", "2018/2019", "201819", "2018", "1999/00"]
    kept = visits('type = "year", starts = "08-01"', *written)
    assert kept == [date(2018, 8, 1)] * 5 + ["visited_on: before 2010-01-01"]
    assert visits('type = "year", starts = "04-06"', "2018-19") == [date(2018, 4, 6)]
    assert visits('type = "year", starts = "08-01"', parquet=pl.lit(2018)) == [date(2018, 8, 1)]


@pytest.mark.parametrize(
    "text", ["2018/20", "2018/2018", "18/19", "2018/1", "2018/190", "0000", "autumn", "20182019"]
)
def test_what_is_no_year_is_quarantined(visits, text):
    assert visits('type = "year", starts = "08-01"', text) == ["visited_on: not a year such as 2018/19 or 2018"]


def test_a_planned_end_may_lie_in_the_future_and_no_other_date(visits):
    assert visits('type = "date", planned = true', "2024-06-30") == [date(2024, 6, 30)]
    assert visits('type = "date"', "2024-06-30", "2019-12-31") == [
        date(2019, 12, 31),
        "visited_on: after the data date",
    ]
    assert visits('type = "date", max = "2021-12-31"', "2021-12-31", "2022-01-01") == [
        date(2021, 12, 31), "visited_on: after 2021-12-31",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('type = "datetime", format = "%Y-%m-%d"', "must give day, hour and minute"),
        ('type = "datetime", format = "%Y-%m-%d %H"', "must give day, hour and minute"),
        ('type = "datetime", format = "%d/%m/%Y %I:%M"', "must give day, hour and minute"),
        ('type = "datetime", format = "%Y-%m-%d %H:%M %Z"', "must give day, hour and minute"),
        ('type = "date", format = "%Y-%m-%dT%H:%M"', 'that needs type = "datetime"'),
        ('type = "date", format = "%Y%-m%-d"', "with all of their digits where they touch"),
        ('type = "date", format = "%Y%m%e"', "with all of their digits where they touch"),
        ('type = "date", format = "%y%m%d"', "whoever was born in 1915 would be born in 2015"),
        ('type = "date", format = "%D", min = "1969-12-31"', "1970-01-01 or later"),
        ('type = "datetime", format = "%d/%m/%y %H:%M", min = "data_date"', "1970-01-01 or later"),
        ('type = "datetime", zone = "Mars/Olympus"', "'Mars/Olympus', which is no time zone"),
        ('type = "datetime", zone = "UTC", format = "%Y-%m-%dT%H:%M%z"', "whose format has no offset"),
        ('type = "date", zone = "UTC"', "'zone' is for a column of type 'datetime'"),
        ('type = "year"', "needs 'starts'"),
        ('type = "date", starts = "08-01"', "no other column can have it"),
        ('type = "year", starts = "02-29"', "not the month and day on which years begin"),
        ('type = "year", starts = "August"', "not the month and day on which years begin"),
        ('type = "date", planned = true, max = "data_date"', "'planned' is for a date that may lie after"),
        ('type = "text", pattern = "x", planned = true', "'planned' is for a date"),
    ],
)
def test_a_mistake_in_a_date_names_file_and_column(tmp_path, keys, words):
    path = tmp_path / "clinic.toml"
    path.write_text(CONTRACT.replace(VISIT, f'visited_on = {{ header = "VISIT", {keys} }}'), encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_contract(path)
    assert str(error.value).startswith(f"{path}, key 'extracts.visits.columns.visited_on")
    assert words in str(error.value)
