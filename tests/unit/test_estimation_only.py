"""Inputs of estimation, drawn around one truth at given error rates, and the scores of such replicates by hand."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from estimation.cells import GROSS_FLOWS
from flows.estimation_only.drawn_inputs import DrawnInputs, draw_inputs
from flows.estimation_only.measured_rates import MeasuredRates, read_measured_rates
from flows.estimation_only.repeat import clustered
from flows.estimation_only.world import World, world
from pipeline.errors import UserError
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.study import Periods
from pipeline.tables import write_table

PERIODS, SURVEY_DAY = Periods(), date(2017, 6, 30)
PERFECT = {"found": 1.0, "listed": 1.0, "trimmed": 1.0, "known": 1.0}
RATES = (
    "true", "found", "misdated", "open_true", "open_false", "false", "late", "listed", "listed_false", "trimmed",
    "trimmed_false", "known", "open_p", "late_p",
)  # fmt: skip


def rates(shared: float = 0.0, **of_case: float) -> MeasuredRates:
    """Rates that are the same for all measures and groups; the group on record is always the true one."""
    cell = dict.fromkeys(RATES, 0.0) | PERFECT | {"true": 1.0} | of_case
    measures = (*GROSS_FLOWS, "population")
    return MeasuredRates(
        cases=pl.DataFrame(
            [
                {"measure": measure, "open": is_open, "nationality_group": group, "migrant": migrant, **cell}
                for measure in measures
                for migrant in ((False, True) if measure == "population" else (True,))
                for is_open in (False, True)
                for group in NATIONALITY_GROUPS
            ]
        ),
        shared=pl.DataFrame([{"measure": one, "open": False, "missed": shared, "false": shared} for one in measures]),
        patterns=pl.DataFrame(
            [
                {"nationality_group": one, "migrant": migrant, "weight": 1.0}
                | {group: float(group == one) for group in NATIONALITY_GROUPS}
                for one in NATIONALITY_GROUPS
                for migrant in (False, True)
            ]
        ),
        recall=1.0,
        false_link_rate=0.0,
        listed_of_spine=1.0,
        replicates=1,
    )


@pytest.fixture(scope="module")
def country() -> World:
    return world(1000, 5, "baseline", PERIODS)


def drawn(country: World, seed: int = 1, **of_case: float) -> DrawnInputs:
    return draw_inputs(country, rates(**of_case), PERIODS, SURVEY_DAY, seed)


def on_list(inputs: DrawnInputs, year: int) -> set[int]:
    return set(inputs.residents.filter(pl.col("reference_date") == date(year, 6, 30))["person_id"])


def true_residents(country: World, year: int) -> set[int]:
    return set(np.flatnonzero(country.resident[year]).tolist())


def test_the_truth_of_births_and_deaths_closes_the_account_of_every_year(country: World) -> None:
    for year in PERIODS.flow_years:
        signs = {"immigration": 1, "emigration": -1, "births": 1, "deaths": -1}
        moves = country.moves.filter(pl.col("year") == year)["direction"].to_list()
        vital = country.vital.filter(pl.col("time") == date(year, 6, 30)).select("measure", "count").rows()
        change = sum(signs[one] for one in moves) + sum(signs[name] * number for name, number in vital)
        assert change == len(true_residents(country, year)) - len(true_residents(country, year - 1))


def test_without_errors_the_truth_itself_is_drawn_and_only_the_survey_is_a_sample(country: World) -> None:
    inputs = drawn(country)
    assert all(on_list(inputs, year) == true_residents(country, year) for year in PERIODS.stock_years)
    published = country.moves.filter(pl.col("year").is_in(PERIODS.flow_years))
    assert inputs.moves.select("person_id", "date", "direction").rows() == published.select(
        "row", "date", "direction"
    ).sort("row", "date", "direction").rows()  # fmt: skip
    assert inputs.moves["cases"].to_list() == [1.0] * published.height
    assert 0 < inputs.answers.height < len(true_residents(country, 2017)) * 1.1


def test_the_same_people_are_missed_in_all_years_and_not_their_migrations_alone(country: World) -> None:
    inputs = drawn(country, found=0.9)
    missed = [true_residents(country, year) - on_list(inputs, year) for year in (2016, 2017)]
    both = true_residents(country, 2016) & true_residents(country, 2017)
    assert missed[0] & both == missed[1] & both
    assert 0.06 < len(missed[0]) / len(true_residents(country, 2016)) < 0.14
    came = {row for row, way in country.moves.select("row", "direction").rows() if way == "immigration"}
    assert len(inputs.moves) < len(country.moves.filter(pl.col("year").is_in(PERIODS.flow_years)))
    assert not (came & missed[1] & set(inputs.moves.filter(pl.col("direction") == "immigration")["person_id"]))


def test_false_residents_are_people_who_are_not_residents_and_as_many_as_the_rate_says(country: World) -> None:
    numbers = [
        len(on_list(drawn(country, seed, false=0.05), 2018) - true_residents(country, 2018)) for seed in range(12)
    ]
    assert np.mean(numbers) == pytest.approx(0.05 * len(true_residents(country, 2018)), rel=0.25)


def test_late_and_unfinished_cases_carry_the_variances_that_the_nowcast_gives_them(country: World) -> None:
    inputs = drawn(country, found=0.5, open_true=0.5, open_false=0.5, open_p=0.5, late=0.4, late_p=0.8)
    late, unfinished = (inputs.moves.filter(one) for one in (pl.col("years_later") > 0, pl.col("unfinished")))
    assert set(late["variance_of_cases"].round(6)) == {round(0.8 + 0.8**2, 6)}
    assert set(unfinished["variance_of_cases"].round(6)) == {0.25}
    assert set(unfinished["cases"]) == {0.5}
    assert late["provisional"].all()


def test_a_seed_gives_the_same_inputs_and_another_one_a_new_survey(country: World) -> None:
    first, again, other = (drawn(country, seed, found=0.9) for seed in (3, 3, 4))
    assert first.residents.equals(again.residents)
    assert first.answers.equals(again.answers)
    assert first.moves.equals(again.moves)
    assert not first.residents.equals(other.residents)
    assert not first.answers.equals(other.answers)


def test_standard_errors_count_replicates_and_not_figures_that_err_together() -> None:
    """Two replicates of two figures: in the first both intervals miss the truth, in the second neither does."""
    rows = [
        {"measure": "net", "margin": "total", "replicate": replicate, "truth": 100.0, "error": error,
         "half_width": 2.0, "inside": abs(error) <= 2, "dispersion": 1.0, "too_high": 0.5, "too_low": 0.0}
        for replicate, error in ((0, 4.0), (0, 4.0), (1, 0.0), (1, 0.0))
    ]  # fmt: skip
    one = clustered(pl.DataFrame(rows), ["measure", "margin"]).row(0, named=True)
    assert (one["replicates"], one["figures"], one["coverage"], one["bias"]) == (2, 2, 0.5, 2.0)
    assert one["coverage_se"] == pytest.approx(0.5)  # of 0 and 1: not 0.29, as of four figures
    assert one["bias_se"] == pytest.approx(2.0)
    assert one["half_width_over_rmse"] == pytest.approx(2 / (1.96 * 8**0.5))
    assert (one["interval_score"], one["relative_bias"]) == (1.5, None)


def test_rates_are_pooled_over_replicates_and_what_years_share_is_more_than_chance(tmp_path) -> None:
    for seed, missed in ((1, 10.0), (2, 30.0)):
        cell = dict.fromkeys(RATES[1:12], 0.0) | {"open_sum": 0.0, "late_sum": 0.0}
        row = (
            {"measure": "emigration", "nationality_group": "EU", "migrant": True, "true": 100.0}
            | cell
            | {"found": 100.0 - missed}
        )
        frame = pl.DataFrame([row | {"time": date(year, 6, 30)} for year in (2018, 2019)])
        write_table(frame, tmp_path / "scores" / str(seed) / "error_rates.parquet")
        pattern = {"nationality_group": "EU", "migrant": True, "EU": 1.0, "people": 3}
        pattern |= dict.fromkeys(("British", "Irish", "non_EU"), 0.0)
        write_table(pl.DataFrame([pattern]), tmp_path / "scores" / str(seed) / "nationality_patterns.parquet")
        links = {"surveyed": 100, "known": 90, "linked": 81, "unknown_linked": 1, "spine_people": 200, "listed": 100}
        write_table(
            pl.DataFrame([{"time": SURVEY_DAY, **links}]), tmp_path / "scores" / str(seed) / "survey_links.parquet"
        )
    found = read_measured_rates(tmp_path, PERIODS)
    assert found.cases["found"].to_list() == [0.8, 0.8]  # 2018, and 2019 whose cases are unfinished
    assert (found.recall, found.false_link_rate, found.listed_of_spine) == (0.9, 0.1, 0.5)
    # rates of .1 and .3 vary by .01 about .2, of which .2 x .8 / 100 is chance
    assert found.shared["missed"].to_list() == pytest.approx([(0.01 - 0.0016) / 0.04] * 2)


def test_a_folder_without_error_rates_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="has no error rates"):
        read_measured_rates(tmp_path, PERIODS)
