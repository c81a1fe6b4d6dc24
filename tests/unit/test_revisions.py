"""How figures were revised from delivery to delivery, by hand."""

from datetime import date

import polars as pl
import pytest

from flows.revisions import (
    by_data_date,
    later_revisions,
    mean_revisions,
    provisional_ranges,
    revision_ranges,
    revisions,
    split,
    with_split,
    with_status,
)
from pipeline.errors import UserError
from pipeline.study import read_study
from publication.report_tables.revision_tables import latest_revision_table, revision_triangle

FIRST, SECOND, THIRD = date(2018, 12, 31), date(2019, 3, 31), date(2019, 6, 30)
YEAR_2017, YEAR_2018 = date(2017, 6, 30), date(2018, 6, 30)


def estimates(*rows: tuple[str, date, float]) -> pl.DataFrame:
    return pl.DataFrame(
        [{"measure": measure, "period": period, "group": "all", "estimate": value} for measure, period, value in rows]
    )


def replayed() -> pl.DataFrame:
    return revisions(
        {
            THIRD: estimates(("net", YEAR_2017, 104.0), ("net", YEAR_2018, 50.0)),
            FIRST: estimates(("net", YEAR_2017, 100.0)),
            SECOND: estimates(("net", YEAR_2017, 90.0), ("net", YEAR_2018, 56.0)),
        }
    )


def test_every_estimate_stands_beside_the_first_of_its_figure():
    assert replayed().drop("measure", "group").rows() == [
        (YEAR_2017, FIRST, 100.0, 100.0, 0.0),
        (YEAR_2017, SECOND, 90.0, 100.0, -10.0),
        (YEAR_2017, THIRD, 104.0, 100.0, 4.0),
        (YEAR_2018, SECOND, 56.0, 56.0, 0.0),
        (YEAR_2018, THIRD, 50.0, 56.0, -6.0),
    ]


def test_a_final_figure_that_an_earlier_run_estimated_otherwise_is_revised():
    """Of net migration of 2017 the third run knows that it is final; that of 2018 stays provisional."""
    told = ["provisional", "provisional", "final", "provisional", "provisional"]
    revised = with_status(replayed().with_columns(status=pl.Series(told)))
    assert revised["status"].to_list() == ["provisional", "provisional", "revised", "provisional", "provisional"]
    as_before = replayed().with_columns(status=pl.lit("final"), revision=pl.lit(0.0))
    assert set(with_status(as_before)["status"]) == {"final"}


def test_mean_revisions_are_of_the_latest_estimates_of_figures_that_were_revised():
    found = mean_revisions(replayed(), "all").rows()
    assert found == [("net", 2, -1.0, 5.0)]  # +4 and -6


def test_a_figure_that_one_run_alone_has_is_no_revision():
    once = revisions({FIRST: estimates(("net", YEAR_2017, 100.0))})
    assert once["revision"].to_list() == [0.0]
    assert mean_revisions(once, "all").is_empty()


def test_studies_are_put_in_the_order_of_their_data_dates_and_two_of_one_date_are_refused(tmp_path):
    def study(name: str, day: date):
        text = f'name = "{name}"\ndata_date = {day}\n[[extract]]\nname = "pds"\nfiles = ["pds.csv"]\n'
        (tmp_path / f"{name}.toml").write_text(text)
        return read_study(tmp_path / f"{name}.toml")

    late, early = study("late", SECOND), study("early", FIRST)
    assert list(by_data_date([late, early]).values()) == [early, late]
    with pytest.raises(UserError, match="both have the data date 2018-12-31"):
        by_data_date([early, study("again", FIRST)])


def test_a_revision_is_split_into_data_then_models_then_rules():
    steps = [estimates(("net", YEAR_2017, value)) for value in (100.0, 90.0, 93.0, 104.0)]
    parts = split(*steps).row(0, named=True)
    assert (parts["new_data"], parts["new_model"], parts["new_rules"]) == (-10.0, 3.0, 11.0)
    same_rules = split(steps[0], steps[1], steps[3], steps[3]).row(0, named=True)
    assert (same_rules["new_model"], same_rules["new_rules"]) == (14.0, 0.0)


def test_only_figures_that_both_vintages_have_are_split():
    before = estimates(("net", YEAR_2017, 100.0))
    now = estimates(("net", YEAR_2017, 90.0), ("net", YEAR_2018, 56.0))
    table = with_split(revisions({FIRST: before, SECOND: now}), {SECOND: split(before, now, now, now)})
    assert table.select("period", "data_date", "new_data").rows() == [
        (YEAR_2017, FIRST, None),
        (YEAR_2017, SECOND, -10.0),
        (YEAR_2018, SECOND, None),
    ]


def of_years(measure: str, *changes: tuple[float, float]) -> pl.DataFrame:
    """Figures of three years or more: the first estimate half a year after their end, and the last a year later."""
    rows = [
        {"measure": measure, "period": date(2010 + i, 6, 30), "group": "all", "data_date": date(year, 12, 31),
         "estimate": estimate}
        for i, pair in enumerate(changes)
        for year, estimate in zip((2010 + i, 2011 + i), pair, strict=True)
    ]  # fmt: skip
    return pl.DataFrame(rows)


def test_later_revisions_are_relative_but_for_net_migration_and_of_one_age():
    gross = later_revisions([of_years("immigration", (100.0, 110.0), (200.0, 190.0))])
    assert gross.rows() == [("immigration", "all", 6, 0.1), ("immigration", "all", 6, -0.05)]
    assert later_revisions([of_years("net", (100.0, 110.0))])["change"].to_list() == [10.0]


def test_the_range_of_later_revisions_is_a_prediction_interval_and_none_is_given_for_few():
    # changes of 10, 0 and 20: mean 10, standard deviation 10; t of two degrees of freedom at 95% is 2.92
    table = of_years("net", (100.0, 110.0), (100.0, 100.0), (100.0, 120.0))
    row = revision_ranges(later_revisions([table])).row(0, named=True)
    reach = 2.919986 * 10 * (4 / 3) ** 0.5
    assert (row["revisions"], row["months"]) == (3, 6)
    assert (row["lowest"], row["highest"]) == (
        pytest.approx(10 - reach, abs=1e-3),
        pytest.approx(10 + reach, abs=1e-3),
    )
    few = revision_ranges(later_revisions([of_years("net", (100.0, 110.0), (100.0, 100.0))]))
    assert few.select("revisions", "lowest").rows() == [(2, None)]


def provisional() -> pl.DataFrame:
    latest = pl.DataFrame(
        {
            "measure": ["immigration", "immigration", "net"],
            "period": [date(2019, 6, 30), date(2018, 6, 30), date(2019, 6, 30)],
            "group": ["all"] * 3,
            "data_date": [date(2019, 12, 31)] * 3,
            "estimate": [200.0, 150.0, 40.0],
            "status": ["provisional", "final", "provisional"],
        }
    )
    ranges = pl.DataFrame(
        {"measure": ["immigration"], "group": ["all"], "months": [6], "revisions": [4], "lowest": [-0.1],
         "highest": [0.25]}
    )  # fmt: skip
    return provisional_ranges(latest, ranges)


def test_every_provisional_figure_carries_its_range_and_says_where_there_is_none():
    assert provisional().select("measure", "revisions", "lower", "upper").rows() == [
        ("immigration", 4, 180.0, 250.0),
        ("net", 0, None, None),
    ]


def test_the_report_shows_a_triangle_and_what_the_latest_revision_consists_of():
    day = date(2019, 12, 31)
    before, now = (
        estimates(("immigration", date(2019, 6, 30), value), ("net", date(2019, 6, 30), 40.0))
        for value in (190.0, 200.0)
    )
    table = with_split(revisions({FIRST: before, day: now}), {day: split(before, now, now, now)})
    table = table.with_columns(
        status=pl.when(pl.col("measure") == "net").then(pl.lit("final")).otherwise(pl.lit("provisional"))
    )
    triangle = revision_triangle(table, provisional())
    assert triangle is not None
    assert triangle.columns[2:] == ("31 December 2018", "31 December 2019", "90% of later estimates")
    assert triangle.rows[0][2:] == ("190 [p]", "200 [p]", "180 to 250")
    assert triangle.rows[1][-1] == "too few earlier revisions"
    latest = latest_revision_table(table)
    assert latest is not None
    assert latest.rows[0][2:] == ("190", "200", "+10.0", "+10.0", "0.0", "0.0")
