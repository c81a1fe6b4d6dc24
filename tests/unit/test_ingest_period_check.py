"""A row whose dates or labels are not those of one tax or academic year is quarantined, and no other row."""

from datetime import date

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.ingest.check import check
from pipeline.ingest.contracts import CONTRACT_FOLDER, read_contract, read_contracts
from pipeline.ingest.period_check import PeriodCheck

WEEKS = read_contracts()["activity"].extracts["activity_weeks"]
DATA_DATE = date(2019, 12, 31)
GOOD = {
    "nino": "0123456789ABCDEF", "tax_year_start": "2018-04-06", "tax_year_end": "2019-04-05", "weeks_tax": "52",
    "weeks_benefit": "0", "benefit_combination": "NONE", "weeks": "52",
}  # fmt: skip


def reasons_of(texts: dict[str, str], extract) -> list[str]:
    """The reasons for which a row is quarantined; none if it is accepted."""
    frame = pl.DataFrame({"file": "a.csv", "row_number": 1, **texts})
    quarantined = check(frame.select("file", "row_number", *extract.columns), extract, DATA_DATE).quarantined
    return quarantined["reasons"].to_list()[0] if quarantined.height else []


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        ({"tax_year_start": "2015-04-06", "tax_year_end": "2016-04-05"}, []),  # with a 29 February
        ({"tax_year_end": "2019-04-06"}, ["tax_year_end: not the last day of a tax year"]),
        ({"tax_year_start": "2018-04-05"}, ["tax_year_start: not the first day of a tax year"]),
        ({"tax_year_start": "2018-01-06"}, ["tax_year_start: not the first day of a tax year"]),
        ({"tax_year_start": "2017-04-06"}, ["tax_year_end: of another tax year than tax_year_start"]),
        ({"tax_year_start": "2018-04-06", "tax_year_end": "2018-04-05"},
         ["tax_year_end: of another tax year than tax_year_start"]),
        ({"tax_year_start": "2018-01-01", "tax_year_end": "2018-12-31"},
         ["tax_year_start: not the first day of a tax year", "tax_year_end: not the last day of a tax year",
          "tax_year_end: of another tax year than tax_year_start"]),
    ],
)  # fmt: skip
def test_tax_years_of_activity(changes: dict[str, str], reasons: list[str]) -> None:
    assert reasons_of(GOOD | changes, WEEKS) == reasons


@pytest.mark.parametrize(
    ("label", "begins", "faults"),
    [
        ("2018/19", date(2018, 8, 1), set()),
        ("1999/00", date(1999, 8, 1), set()),
        ("2018/20", date(2018, 8, 1), {"label"}),
        ("2018/18", date(2018, 8, 1), {"label"}),
        ("2017/18", date(2018, 8, 1), {"label of another year"}),
        ("2018/19", date(2018, 9, 1), {"first"}),
        (None, date(2018, 8, 1), set()),
        ("2018/19", None, set()),
    ],
)
def test_labels_and_first_days_of_academic_years(label: str | None, begins: date | None, faults: set[str]) -> None:
    rows = pl.DataFrame({"year": [label], "begins": [begins]}, schema={"year": pl.String, "begins": pl.Date})
    checks = list(PeriodCheck(period="academic_year", first="begins", label="year").faults())
    found = {
        "first" if column == "begins" else "label of another year" if "another" in why else "label"
        for column, present, why in checks
        if rows.select(present.fill_null(value=False)).item()
    }
    assert found == faults


@pytest.mark.parametrize(
    ("check_of_period", "message"),
    [
        ('{ period = "tax_year", first = "tax_yaer_start" }', "'tax_yaer_start', which is not a column"),
        ('{ period = "tax_year", first = "weeks" }', "'weeks' as 'first' of a tax year, which must be a date"),
        ('{ period = "tax_year", label = "tax_year_end" }', "which must be a text"),
        ('{ period = "tax_year" }', "needs 'first', 'last' or 'label'"),
        ('{ period = "leap_year", first = "tax_year_start" }', "period"),
    ],
)
def test_a_check_that_does_not_fit_its_extract_is_refused(tmp_path, check_of_period: str, message: str) -> None:
    path = tmp_path / "activity.toml"
    text = (CONTRACT_FOLDER / "activity.toml").read_text()
    line = next(one for one in text.splitlines() if one.startswith("check = "))
    path.write_text(text.replace(line, f"check = [{check_of_period}]"))
    with pytest.raises(UserError, match="activity_weeks") as error:
        read_contract(path)
    assert message in str(error.value)


def test_the_last_period_by_a_day() -> None:
    tax_year, academic_year = (
        PeriodCheck(period="tax_year", first="a"),
        PeriodCheck(period="academic_year", first="a"),
    )
    assert tax_year.last_period_by(date(2019, 4, 4)) == date(2018, 4, 5)
    assert tax_year.last_period_by(date(2019, 4, 5)) == date(2019, 4, 5)
    assert academic_year.last_period_by(date(2019, 12, 31)) == date(2019, 7, 31)
