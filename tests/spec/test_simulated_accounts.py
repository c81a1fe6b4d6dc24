"""Simulated accounts: what is true adds up, and what is reported errs as declared."""

import numpy as np
import polars as pl
import pytest

from flows.bench_account_cover import cover, estimated, rolled_forward, true_totals
from flows.progress import NullListener
from synthetic_data.accounts.reports import (
    BrokenSource,
    SimulatedAccount,
    bias_terms,
    simulate_account,
    simulate_areas,
)

KEYS = ["sex", "cohort", "time"]


@pytest.fixture(scope="module")
def account() -> SimulatedAccount:
    return simulate_account(5, biased=False)


def test_people_change_only_by_births_deaths_and_moves(account):
    events = [
        account.files["births"].select("sex", "time", cohort="time", value="count"),
        account.files["deaths"].with_columns(value=-pl.col("count")),
        account.truth["immigration"].with_columns(value="truth"),
        account.truth["emigration"].with_columns(value=-pl.col("truth")),
    ]
    change = pl.concat([one.select(*KEYS, "value") for one in events]).group_by(KEYS).agg(pl.col("value").sum())
    stocks = account.truth["population"].with_columns(cohort=pl.col("time") - pl.col("age"))
    before = stocks.select("sex", "cohort", pl.col("time") + 1, start="truth")
    steps = stocks.filter(pl.col("time") > 2010).join(before, on=KEYS, how="left").join(change, on=KEYS, how="left")

    assert steps.height == 2 * 101 * 10
    gap = pl.col("truth") - pl.col("start").fill_null(0.0) - pl.col("value").fill_null(0.0)
    assert steps.select(gap.abs().max()).item() == 0


def test_an_area_has_about_200_000_people_and_43_bias_terms(account):
    totals = true_totals(account).filter(pl.col("measure") == "population")["truth"]

    assert totals.min() > 190_000
    assert totals.max() < 210_000
    assert account.files["bias_terms"].height == bias_terms().height == 43


def test_reports_are_whole_numbers_whose_errors_are_as_declared(account):
    for name, allowed in (("population", 0.03), ("immigration", 0.06), ("emigration", 0.06)):
        reported, sd = account.files[name]["count"].to_numpy(), account.files[f"{name}_sd"]["sd"].to_numpy()
        true = account.truth[name]["truth"].to_numpy()
        large = true > 5 * sd  # rounding and the bound at 0 matter less
        error = ((reported - true) / sd)[large]

        assert (reported == np.rint(reported)).all()
        assert reported.min() >= 0
        assert error.std() == pytest.approx(1, abs=allowed)


def test_a_seed_makes_one_account_and_a_broken_year_changes_nothing_else():
    plain, again = simulate_account(3), simulate_account(3)
    broken = simulate_account(3, broken=BrokenSource("emigration", 2015, -0.30))
    year = pl.col("time") == 2015

    assert all(plain.files[name].equals(again.files[name]) for name in plain.files)
    assert plain.files["immigration"].equals(broken.files["immigration"])
    assert plain.files["emigration"].filter(~year).equals(broken.files["emigration"].filter(~year))
    reported = [one.files["emigration"].filter(year)["count"].sum() for one in (broken, plain)]
    assert reported[0] / reported[1] == pytest.approx(0.70, abs=0.02)


def test_areas_have_terms_of_their_own_and_share_others():
    areas = simulate_areas(1, 2, residents=20_000)
    terms = areas.files["bias_terms"]

    assert terms["area"].value_counts(sort=True).rows() == [(None, 43), ("A0000", 43), ("A0001", 43)]
    assert areas.files["population"]["area"].unique().sort().to_list() == ["A0000", "A0001"]


def test_later_stocks_are_not_used_to_roll_the_first_forward(account):
    rolled = rolled_forward(account)
    stocks = account.files["population"].with_columns(rolled=pl.Series(rolled))
    first = stocks.filter(pl.col("time") == 2010)

    assert first["rolled"].equals(first["count"])
    assert not np.isnan(rolled).any()


def test_estimates_agree_exactly_and_none_is_negative(tmp_path):
    account = simulate_account(8, residents=20_000)
    tables = estimated(account, tmp_path)
    flows = tables.flows.with_columns(
        sign=pl.when(pl.col("measure") == "immigration").then(1.0).otherwise(-1.0),
    )
    change = [
        flows.select(*KEYS, value=pl.col("sign") * pl.col("estimate")),
        account.files["births"].select("sex", "time", cohort="time", value="count").select(*KEYS, "value"),
        account.files["deaths"].select(*KEYS, value=-pl.col("count")),
    ]
    steps = pl.concat(change, how="vertical_relaxed").group_by(KEYS).agg(pl.col("value").sum())
    population = tables.population.cast({"cohort": pl.Int64, "time": pl.Int64})
    before = population.select("sex", "cohort", pl.col("time") + 1, start="estimate")
    stocks = population.filter(pl.col("time") > 2010)
    joined = stocks.join(before, on=KEYS, how="left").join(steps, on=KEYS, how="left").fill_null(0.0)

    assert joined.select((pl.col("estimate") - pl.col("start") - pl.col("value")).abs().max()).item() < 1e-4
    for table in (tables.population, tables.flows):
        assert table["lower"].min() >= 0
        assert table.select((pl.col("lower") <= pl.col("estimate")).all()).item()
        assert table.select((pl.col("estimate") <= pl.col("upper")).all()).item()
    total = tables.totals.filter(pl.col("measure") == "population")["estimate"].sum()
    assert total == pytest.approx(population["estimate"].sum())


def test_accounts_are_nearer_the_truth_than_their_sources_and_say_how_near():
    """Three replicates bound what 200 measure: half of the error at most, and most intervals with the truth."""
    accounts, figures = cover(3, 1, NullListener())

    assert accounts == 15
    assert figures["rmse_ratio_to_stock_only"] < 0.45
    assert figures["rmse_ratio_to_flow_only"] < 0.45
    assert 90 < figures["coverage_cells"] < 99
    assert abs(figures["bias_percent_immigration"]) < 1.5
    assert abs(figures["bias_percent_emigration"]) < 1.5
    assert figures["ranked_first_immigration_25_percent_more"] > 0
