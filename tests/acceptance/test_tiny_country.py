"""A country of 21 people, counted by hand: every published figure of the whole chain, from files to tables.

Stocks and flows agree with one another, and the survey finds all 16 residents of June 2017, who are all on the
trimmed list: 17 x 17 / 17 - 1 = 16, a factor of exactly 1. So the account changes nothing, and what is published is
what happened in `tiny_country`.
"""

from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tiny_country import write_study

DIVISIONS = ["sex", "age_group", "nationality_group"]
DOUBT = 0.02
"""Of all people of one cell: nobody is British for certain for want of a record, but nearly so if answers say so."""
YEARS = {2017: date(2017, 6, 30), 2018: date(2018, 6, 30)}
STOCKS = {
    2016: Counter({
        ("F", "0-15", "British"): 1,  # Una
        ("F", "25-44", "British"): 4,  # Ada, Grace, Irene, Mary
        ("F", "45-64", "British"): 1,  # Clara
        ("F", "65+", "British"): 2,  # Edith, Kathleen
        ("M", "16-24", "British"): 1,  # Jude
        ("M", "25-44", "British"): 3,  # Bertram, Harold, Noel
        ("M", "45-64", "British"): 1,  # Dennis
        ("M", "65+", "British"): 2,  # Frank, Leonard
    }),
    2017: Counter({
        ("F", "0-15", "British"): 1,
        ("F", "25-44", "British"): 3,  # Mary has left
        ("F", "25-44", "EU"): 1,  # Olga
        ("F", "45-64", "British"): 1,
        ("F", "65+", "British"): 1,  # Kathleen has died
        ("M", "0-15", "British"): 1,  # Sam
        ("M", "16-24", "British"): 1,
        ("M", "25-44", "British"): 3,
        ("M", "25-44", "EU"): 1,  # Piotr
        ("M", "45-64", "British"): 1,
        ("M", "65+", "British"): 2,
    }),
    2018: Counter({
        ("F", "0-15", "British"): 1,
        ("F", "0-15", "EU"): 1,  # Tess, of her mother's group
        ("F", "25-44", "British"): 2,  # Ada and Grace; Irene is now 45
        ("F", "25-44", "EU"): 1,
        ("F", "25-44", "non_EU"): 1,  # Rani
        ("F", "45-64", "British"): 2,
        ("F", "65+", "British"): 1,
        ("M", "0-15", "British"): 1,
        ("M", "16-24", "British"): 1,  # Jude is 22
        ("M", "25-44", "British"): 2,  # Noel has left
        ("M", "25-44", "EU"): 2,  # Quim has come
        ("M", "45-64", "British"): 1,
        ("M", "65+", "British"): 1,  # Leonard has died
    }),
}  # fmt: skip
FLOWS = {
    ("immigration", 2017): Counter({("F", "25-44", "EU"): 1, ("M", "25-44", "EU"): 1}),
    ("emigration", 2017): Counter({("F", "25-44", "British"): 1}),
    ("immigration", 2018): Counter({("F", "25-44", "non_EU"): 1, ("M", "25-44", "EU"): 1}),
    ("emigration", 2018): Counter({("M", "25-44", "British"): 1}),
}
QUARTERS = {
    ("immigration", date(2016, 9, 30)): 1, ("emigration", date(2016, 9, 30)): 1,  # Olga; Mary
    ("immigration", date(2016, 12, 31)): 1,  # Piotr
    ("immigration", date(2017, 9, 30)): 2, ("emigration", date(2017, 9, 30)): 1,  # Quim and Rani; Noel
}  # fmt: skip


@pytest.fixture(scope="module")
def tables(tmp_path_factory, command) -> Path:
    study = write_study(tmp_path_factory.mktemp("tiny") / "study")
    outcome = command("run", study)
    assert outcome.status == 0, outcome.out + outcome.err
    return study.parent / "run" / "tables"


def read(tables: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(tables / f"{name}.parquet").with_columns(pl.col(pl.Enum).cast(pl.String))


def margins(cells: Counter) -> Counter:
    """Return the counts of all combinations of the divisions and their totals."""
    sums: Counter = Counter()
    for (sex, age, group), count in cells.items():
        for combination in ((s, a, g) for s in (sex, "all") for a in (age, "all") for g in (group, "all")):
            sums[combination] += count
    return sums


def figures(frame: pl.DataFrame) -> dict[tuple, float]:
    """Return the estimates that are not nearly zero, by divisions."""
    rows = frame.select(*DIVISIONS, "estimate").iter_rows()
    return {row[:3]: row[3] for row in rows if abs(row[3]) > DOUBT}


def test_every_row_is_accepted_and_every_subject_linked_to_its_person(tables):
    assert read(tables, "ledger")["quarantined"].sum() == 0
    clusters = read(tables, "clusters").filter(pl.col("draw") == 0)
    assert clusters["person_id"].n_unique() == 21
    by_source = clusters.group_by("source").agg(subjects=pl.len(), people=pl.col("person_id").n_unique())
    assert (by_source["subjects"] == by_source["people"]).all()


def test_the_survey_finds_everybody_so_the_factor_is_one(tables):
    row = read(tables, "coverage").row(0, named=True)

    assert (row["listed"], row["surveyed"], row["matches"]) == (16, 16, 16)
    assert (row["factor"], row["share_missed"], row["share_erroneous"]) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("year", STOCKS)
def test_stocks_are_the_people_who_live_here(tables, year):
    stocks = read(tables, "stocks").filter(pl.col("reference_date") == date(year, 6, 30))

    assert figures(stocks) == pytest.approx(margins(STOCKS[year]), abs=DOUBT)
    assert set(stocks["status"]) == {"final"}


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("measure", ["immigration", "emigration"])
def test_flows_are_the_people_who_came_and_left(tables, measure, year):
    flows = read(tables, "flows").filter(
        pl.col("period_start") == date(year - 1, 7, 1), pl.col("period_end") == YEARS[year]
    )

    assert figures(flows.filter(pl.col("measure") == measure)) == pytest.approx(
        margins(FLOWS[measure, year]), abs=DOUBT
    )
    assert set(flows["status"]) == {"final"}


@pytest.mark.parametrize("year", YEARS)
def test_net_migration_is_one_in_each_year(tables, year):
    flows = read(tables, "flows").filter(
        pl.col("period_start") == date(year - 1, 7, 1),
        pl.col("period_end") == YEARS[year],
        pl.col("measure") == "net",
    )

    assert figures(flows)["all", "all", "all"] == pytest.approx(2 - 1, abs=1e-5)
    assert figures(flows)["all", "all", "British"] == pytest.approx(-1, abs=DOUBT)


def test_quarters_are_those_of_the_days_on_which_people_came_and_left(tables):
    quarters = read(tables, "flows").filter(
        pl.col("period_end") - pl.col("period_start") < pl.duration(days=100),
        pl.col("measure") != "net",
        pl.col("estimate").abs() > 1e-6,
    )
    found = {row[:2]: row[2] for row in quarters.select("measure", "period_end", "estimate").iter_rows()}

    assert found == pytest.approx(QUARTERS, abs=1e-5)


def test_births_and_deaths_are_those_registered(tables):
    vital = read(tables, "estimates").filter(pl.col("measure").is_in(["births", "deaths"]))
    vital = vital.filter(pl.col("estimate") > DOUBT).with_columns(pl.col("estimate").round(2))

    assert vital.select("measure", "time", "sex", "cohort", "nationality_group", "estimate").sort(
        pl.all()
    ).rows() == [
        ("births", 2017, "M", 2017, "British", 1.0),  # Sam
        ("births", 2018, "F", 2018, "EU", 1.0),  # Tess
        ("deaths", 2017, "F", 1951, "British", 1.0),  # Kathleen
        ("deaths", 2018, "M", 1948, "British", 1.0),  # Leonard
    ]
