"""How figures were revised from delivery to delivery, by hand."""

from datetime import date

import polars as pl
import pytest

from flows.revisions import by_data_date, mean_revisions, revisions
from pipeline.errors import UserError
from pipeline.study import read_study

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
