"""Which spans of time a delivery lacks: by hand, and whatever odd rows there are."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.ingest.contracts import CONTRACT_FOLDER, read_contract, read_contracts
from pipeline.ingest.gaps import gaps_of

EXTRACTS = {name: one for contract in read_contracts().values() for name, one in contract.extracts.items()}
BORDER, WEEKS, HESA = (EXTRACTS[name] for name in ("exit_checks_travel", "activity_weeks", "hesa"))
D = date
DATA_DATE = D(2019, 12, 31)
DAY = timedelta(1)


def days(first: date, last: date, step: int = 3) -> list[date]:
    return [first + number * DAY for number in range(0, (last - first).days + 1, step)]


def crossings(dates: list[date]) -> pl.DataFrame:
    return pl.DataFrame({"event_date": dates}, schema={"event_date": pl.Date})


def tax_years(years: list[int], rows: int = 100) -> pl.DataFrame:
    all_rows = [year for year in years for _ in range(rows)]
    return pl.DataFrame(
        {"tax_year_start": [D(one, 4, 6) for one in all_rows], "tax_year_end": [D(one + 1, 4, 5) for one in all_rows]}
    )


def academic_years(years: list[int]) -> pl.DataFrame:
    return pl.DataFrame({"year_start": [D(year, 8, 1) for year in years for _ in range(50)]})


def gaps(records: pl.DataFrame, extract, data_date: date = DATA_DATE) -> list[tuple[date, date]]:
    return gaps_of(records, extract, data_date).rows()


WHOLE = days(D(2015, 4, 8), DATA_DATE)


def test_a_whole_delivery_has_no_gap():
    assert gaps(crossings(WHOLE), BORDER) == []
    assert gaps(tax_years(list(range(2009, 2019))), WEEKS) == []
    assert gaps(academic_years(list(range(2010, 2019))), HESA) == []


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (days(D(2016, 7, 1), DATA_DATE), [(D(2015, 4, 8), D(2016, 6, 30))]),
        (days(D(2015, 4, 8), D(2019, 3, 30)), [(D(2019, 3, 31), DATA_DATE)]),
        ([day for day in WHOLE if day.year != 2017], [(D(2017, 1, 1), D(2017, 12, 31))]),
        # both ends
        (days(D(2016, 7, 1), D(2018, 12, 31)), [(D(2015, 4, 8), D(2016, 6, 30)), (D(2018, 12, 31), DATA_DATE)]),
        ([day for day in WHOLE if not D(2017, 1, 1) <= day <= D(2017, 3, 25)], []),  # not longer than is usual
        (days(D(2016, 7, 1), DATA_DATE, 90), []),  # five rows are missing, which may be chance
    ],
)
def test_gaps_of_daily_rows(kept, expected):
    assert gaps(crossings(kept), BORDER) == expected


@pytest.mark.parametrize(
    ("years", "expected"),
    [
        (range(2012, 2019), [(D(2009, 4, 6), D(2012, 4, 5))]),
        (range(2009, 2018), [(D(2018, 4, 6), D(2019, 4, 5))]),
        ([*range(2009, 2014), *range(2015, 2019)], [(D(2014, 4, 6), D(2015, 4, 5))]),
    ],
)
def test_gaps_of_tax_years(years, expected):
    assert gaps(tax_years(list(years)), WEEKS) == expected


def test_a_year_that_is_not_delivered_yet_is_no_gap():
    assert gaps(tax_years(list(range(2009, 2018))), WEEKS, D(2019, 10, 5)) == []
    assert gaps(tax_years(list(range(2009, 2018))), WEEKS, D(2019, 10, 6)) != []  # 184 days after the year ended
    assert gaps(academic_years(list(range(2010, 2018))), HESA, D(2019, 12, 30)) == []
    assert gaps(academic_years(list(range(2010, 2018))), HESA) == [(D(2018, 8, 1), D(2019, 7, 31))]


@given(odd=st.dates(D(1900, 1, 1), D(2100, 1, 1)))
def test_one_odd_row_neither_makes_nor_hides_a_gap(odd):
    assert gaps(crossings([*WHOLE, odd]), BORDER) == []
    late = days(D(2016, 7, 1), DATA_DATE)
    missing = sum(((last - first).days for first, last in gaps(crossings([*late, odd]), BORDER)), 0)
    assert abs(missing - (D(2016, 7, 1) - D(2015, 4, 8)).days) <= 20  # six rows are 18 days


def test_a_contract_states_the_end_of_what_it_covers(tmp_path):
    text = (CONTRACT_FOLDER / "exit_checks.toml").read_text()
    path = tmp_path / "exit_checks.toml"
    path.write_text(text.replace("covers_from = 2015-04-08", "covers_from = 2015-04-08\ncovers_to = 2019-03-31"))
    ended = read_contract(path).extracts["exit_checks_travel"]
    assert gaps(crossings(days(D(2015, 4, 8), D(2019, 3, 31))), ended) == []
    assert gaps(crossings(days(D(2015, 4, 8), D(2018, 3, 31))), ended) != []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("covers_from = 2015-04-08", "covers_to = 2015-04-08", "'covers_to' needs 'covers_from'"),
        ("covers_from = 2015-04-08", "covers_from = 2015-04-08\ncovers_to = 2015-04-07", "no day is covered"),
        ('dated_by = "event_date"\n', "", "needs 'dated_by'"),
    ],
)
def test_a_span_that_cannot_be_checked_is_refused(tmp_path, old, new, message):
    text = (CONTRACT_FOLDER / "exit_checks.toml").read_text()
    head, _, rest = text.partition("[[extracts.exit_checks_travel.version]]")
    visas = rest[rest.index("[extracts.exit_checks_visas]") :]
    path = tmp_path / "exit_checks.toml"
    path.write_text((head + visas).replace(old, new, 1))
    with pytest.raises(UserError, match="exit_checks_travel") as error:
        read_contract(path)
    assert message in str(error.value)
