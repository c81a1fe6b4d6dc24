"""Flows that are expected beforehand: how they are read, and how much they are trusted."""

import numpy as np
import pytest

from estimation.account.expected_flows import SMALLEST_DISPERSION, dispersion
from estimation.account.files import AccountFiles, read_account_files
from pipeline.errors import UserError
from synthetic_data.accounts.lives import DISPERSION
from synthetic_data.accounts.reports import simulate_account


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate_account(21).write(tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def files(folder) -> AccountFiles:
    return read_account_files(folder)


def test_half_of_a_year_of_age_is_expected_in_each_triangle(files):
    cells = files.cells["immigration"]
    means = dict(cells.filter(cells["time"] == 2015, cells["sex"] == "F").select("age", "expected").iter_rows())

    assert cells["expected"].sum() == pytest.approx(10 * 200_000 * 0.019, rel=0.01)
    assert max(means, key=means.__getitem__) == 23


def test_emigrants_are_expected_of_the_people_present(files):
    cells = files.cells["emigration"]
    assert cells["expected"].sum() == pytest.approx(
        cells["count"].sum(), rel=0.15
    )  # reports are biased by a few percent
    assert cells.filter(cells["age"] == 100)["expected"].max() < 0.1


@pytest.mark.parametrize("measure", ["immigration", "emigration"])
def test_the_dispersion_is_found_in_reports_with_errors(files, measure):
    cells = files.cells[measure]
    used = ((cells["expected_variance"] - cells["expected"]) / cells["expected"] ** 2).to_numpy()

    assert np.median(used) == pytest.approx(DISPERSION, abs=0.015)


def test_counts_that_vary_by_chance_alone_have_no_dispersion():
    draw = np.random.default_rng(4)
    mean = np.full(20_000, 8.0)
    found = dispersion(draw.poisson(mean).astype(float), mean, np.zeros(20_000), np.zeros(20_000, dtype=np.int64))

    assert found < 0.01
    assert dispersion(mean, mean, np.ones(20_000), np.zeros(20_000, dtype=np.int64)) == SMALLEST_DISPERSION


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age,sex,time,mean\n20,F,2015,-1\n", "row 1: mean -1.0 is negative"),
        ("age,sex,time,mean\n20,F,2015,1\n20,F,2015,2\n", "row 2: age 20, time 2015 has a row already"),
        ("age,sex,time,rate\n20,F,2015,1\n", "the column 'mean' is missing"),
    ],
)
def test_a_mistake_in_what_is_expected_names_the_row(tmp_path, text, message):
    folder = simulate_account(1, residents=2_000).write(tmp_path)
    (folder / "prior_immigration.csv").write_text(text)

    with pytest.raises(UserError, match=rf"prior_immigration\.csv.*{message}"):
        read_account_files(folder)
