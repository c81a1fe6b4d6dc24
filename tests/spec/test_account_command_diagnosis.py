"""`sojourn account --diagnosis`: what the account changed of its reports, and what it says without each source.

The account is that of `test_account_command`: 100 + 10 - 5 = 105, but 109 are counted. The difference of 4 has the
variance 4 + 0.36 + 0.64 + 1 + 4 = 10, so every z is 4 / 10^0.5 = 1.265.
"""

import json
from pathlib import Path

import polars as pl
import pytest
from test_account_command import FILES, both_places, written

from flows.account_verb import account_of_folder

Z = 4 / 10**0.5


def diagnosed(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    out = folder.parent / f"{folder.name}-out"
    assert account_of_folder(folder, out, em=False, as_json=True, diagnosis=True) == 0
    return pl.read_csv(out / "adjustments.csv"), pl.read_csv(out / "left_out.csv")


def with_areas(folder: Path, terms: str = "term,measure,area,sd\n", areas: tuple[str, ...] = ("E06", "W01")) -> Path:
    places = {name: both_places(text, areas=areas) for name, text in FILES.items()}
    return written(folder, places | {"bias_terms": terms})


def test_every_report_stands_beside_what_the_account_makes_of_it(tmp_path):
    changed, _ = diagnosed(written(tmp_path / "in", FILES))
    rows = {row[:4]: row[4:] for row in changed.iter_rows()}

    assert changed.columns == [
        "measure", "time", "sex", "age_group", "reported", "adjustment", "standard_error", "z", "estimate",
    ]  # fmt: skip
    assert len(rows) == 4 * 4  # two stocks and two flows; of women and all, of 25 to 44 and all
    # Of a report with the variance v the account keeps v - v^2 / 10, and has changed it with the variance v^2 / 10.
    assert rows["population", 2016, "all", "all"] == pytest.approx((109, -1.6, 1.6**0.5, -Z, 107.4), abs=1e-4)
    assert rows["population", 2015, "Female", "25-44"] == pytest.approx((100, 1.6, 1.6**0.5, Z, 101.6), abs=1e-4)
    assert rows["immigration", 2016, "Female", "all"] == pytest.approx((10, 0.4, 0.1**0.5, Z, 10.4), abs=1e-4)


def test_every_source_stands_beside_what_all_others_say(tmp_path):
    _, without = diagnosed(written(tmp_path / "in", FILES))
    rows = {row["source"]: row for row in without.to_dicts()}

    assert list(rows) == [
        "population 2015", "population 2016", "immigration 2016", "emigration 2016", "immigration", "emigration",
    ]  # fmt: skip
    end = rows["population 2016"]
    assert (end["reported"], end["estimate"]) == (109, pytest.approx(107.4))
    assert (end["without"], end["without_standard_error"]) == (
        pytest.approx(105, abs=0.01),
        pytest.approx(6**0.5, abs=0.001),
    )
    assert end["z"] == pytest.approx(Z, abs=0.01)


def test_areas_have_rows_of_their_own_and_all_together_a_blank_one(tmp_path):
    changed, without = diagnosed(with_areas(tmp_path / "in"))
    totals = changed.filter(measure="population", time=2016, sex="all", age_group="all")

    assert totals["area"].to_list() == ["E06", "W01", None]
    assert totals["adjustment"].to_list() == pytest.approx([-1.6, -1.6, -3.2])
    assert totals["z"].to_list() == pytest.approx([-Z, -Z, -Z * 2**0.5], abs=1e-4)
    assert without.filter(source="population 2016")["z"].item() == pytest.approx(Z * 2**0.5, abs=0.01)


def test_the_biases_of_an_area_are_in_the_error_of_its_reports_and_no_other(tmp_path):
    # A bias of 10% multiplies stocks of 101.6 and 107.4, as an account without biases has them. The difference of 4
    # has the variance 10 + (0.1 x 5.8)^2, and with the last stock the covariance 4 + 0.1^2 x 107.4 x 5.8.
    of_one = "term,measure,area,sd\nE06 stocks,population,E06,0.1\n"
    alone, _ = diagnosed(with_areas(tmp_path / "alone", of_one, ("E06",)))
    beside, _ = diagnosed(with_areas(tmp_path / "beside", of_one))
    unbiased, _ = diagnosed(with_areas(tmp_path / "unbiased"))
    last = beside.filter(area="E06", measure="population", time=2016, sex="all", age_group="all")

    assert beside.filter(area="E06").equals(alone.filter(area="E06"))
    assert beside.filter(area="W01").equals(unbiased.filter(area="W01"))
    assert last["standard_error"].item() == pytest.approx(
        (4 + 0.01 * 107.4 * 5.8) / (10 + 0.01 * 5.8**2) ** 0.5, abs=1e-4
    )


def test_a_bias_that_areas_share_adds_up_in_their_total(tmp_path):
    # With each of the differences, last stocks of both areas have the covariance 4 + 0.1^2 x 214.8 x 5.8; the
    # differences have the variance 10 + 0.1^2 x 5.8^2 and the covariance 0.1^2 x 5.8^2.
    changed, _ = diagnosed(with_areas(tmp_path / "in", "term,measure,area,sd\nstocks,population,,0.1\n"))
    *_, both = changed.filter(measure="population", time=2016, sex="all", age_group="all")["standard_error"]

    assert both == pytest.approx((4 + 0.01 * 214.8 * 5.8) * (2 / (10 + 2 * 0.01 * 5.8**2)) ** 0.5, abs=1e-4)


def test_the_most_contradicted_sources_are_printed(tmp_path, capsys):
    folder = written(tmp_path / "in", FILES)
    account_of_folder(folder, tmp_path / "out", em=False, as_json=True, diagnosis=True)
    found = json.loads(capsys.readouterr().out)["left_out"]
    account_of_folder(folder, tmp_path / "out", em=False, as_json=False, diagnosis=True)
    lines = capsys.readouterr().out.splitlines()

    assert len(found) == 5
    assert set(found[0]) == {"source", "reported", "without", "z"}
    assert "  without  population 2016: 109 reported, 105 by all others (z +1.3)" in lines


def test_without_the_option_neither_table_is_written(tmp_path):
    account_of_folder(written(tmp_path / "in", FILES), tmp_path / "out", em=False, as_json=True)

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "bias.csv", "flows.csv", "population.csv", "totals.csv",
    ]  # fmt: skip
