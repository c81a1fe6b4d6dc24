"""A delivery that is shorter than its contract says: what needs it is not measured, and nobody arrives in a flood."""

from datetime import date

import polars as pl
import pytest

START = date(2016, 7, 1)


@pytest.fixture
def without_a_year_of_the_border(study_copy):
    """A study whose border record begins on 1 July 2016, more than a year late."""
    old = study_copy.parent / "extracts" / "exit_checks_travel_to_2017.csv"
    rows = pl.read_csv(old, infer_schema=False)
    kept = rows.filter(pl.col("TRAVEL_DATE").str.to_date("%d/%m/%Y") >= START)
    assert 0 < kept.height < rows.height
    kept.write_csv(old)
    text = study_copy.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("rows = ")]
    study_copy.write_text("\n".join(lines) + "\n")
    return study_copy


def total(flows: pl.DataFrame, measure: str, year: int) -> dict:
    rows = flows.filter(
        pl.col("period_start") == date(year - 1, 7, 1), pl.col("period_end") == date(year, 6, 30),
        pl.col("measure") == measure, *(pl.col(name) == "all" for name in ("sex", "age_group", "nationality_group")),
    )  # fmt: skip
    return rows.row(0, named=True)


def test_figures_without_their_evidence_are_not_measured(without_a_year_of_the_border, command):
    study = without_a_year_of_the_border
    outcome = command("run", study)
    assert outcome.status == 0, outcome.out + outcome.err
    run = study.parent / "run"
    told = next(line for line in outcome.lines if "Not measured" in line)
    assert "exit_checks_travel has no rows from 2015-04-08 to 2016-0" in told
    assert "flows of the years ending June 2016, 2017; stocks of 30 June 2015, 2016" in told

    flows, stocks = (pl.read_parquet(run / "tables" / f"{name}.parquet") for name in ("flows", "stocks"))
    assert {total(flows, "net", year)["status"] for year in (2016, 2017)} == {"not measured"}
    assert {total(flows, one, year)["estimate"] for one in ("immigration", "net") for year in (2016, 2017)} == {None}
    assert set(stocks.filter(status="not measured")["reference_date"]) == {date(2015, 6, 30), date(2016, 6, 30)}
    csv = (run / "tables" / "flows.csv").read_text().splitlines()
    assert "2015-07-01,2016-06-30,net,long_term,all,all,all,all,,,,,not measured,,long_term_2019,2019-12-31" in csv
    report = (run / "report.html").read_text()
    assert "not measured: the study or a delivery lacks the evidence of the period" in report
    assert "Net migration, year ending June 2019" in outcome.out

    scored = command("evaluate", run)
    assert scored.status == 0, scored.out + scored.err

    # what is measured is what the same files give when the study asks for no more
    text = study.read_text()
    head, first, rest = text.partition("\n[[extract]]")
    study.write_text(f"{head}\n[periods]\nflow_years = [2018, 2019]\nstock_years = [2017, 2018, 2019]\n{first}{rest}")
    again = command("run", study, "--out", study.parent / "again")
    assert again.status == 0, again.out + again.err
    less = pl.read_parquet(study.parent / "again" / "tables" / "flows.parquet")
    assert flows.filter(pl.col("status") != "not measured").equals(less)
