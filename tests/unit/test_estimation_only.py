"""Inputs of estimation, drawn around one truth at given error rates, and the scores of such replicates by hand."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from estimation.cells import GROSS_FLOWS
from flows.estimation_only.drawn_inputs import DrawnInputs, draw_inputs
from flows.estimation_only.estimates import Settings, estimate
from flows.estimation_only.measured_rates import MeasuredRates, read_measured_rates
from flows.estimation_only.repeat import clustered
from flows.estimation_only.world import World, world
from pipeline.errors import UserError
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.study import Periods
from pipeline.tables import write_table
from rules.completeness import completeness_of_flows

PERIODS, SURVEY_DAY = Periods(), date(2017, 6, 30)
MEASURES = (*GROSS_FLOWS, "population")
CELLS = pl.DataFrame(
    [
        {
            "measure": measure,
            "year": year,
            "nationality_group": group,
            "migrant": migrant,
            "child": child,
            "quarter": q,
        }
        for measure in MEASURES
        for year in (PERIODS.stock_years if measure == "population" else PERIODS.flow_years)
        for group in NATIONALITY_GROUPS
        for migrant in ((False, True) if measure == "population" else (True,))
        for child in (False, True)
        for q in ((0,) if measure == "population" else (1, 2, 3, 4))
    ],
    schema_overrides={"year": pl.Int32, "quarter": pl.Int8},
)


def outcome(rate: float, probability: float = 1.0, kind: str = "true", **others: bool | int) -> dict:
    """What becomes of so many cases for each true one: of certain ones, found on all lists."""
    found = {"certain": probability == 1, "listed": probability >= 0.5, "provisional": False, "quarters_later": 0}
    lists = {"trimmed": float(probability >= 0.5), "known": float(probability > 0)}
    value = {"twentieth": int(np.ceil(20 * min(probability, 1))), "rate": rate, "probability": probability}
    return {"kind": kind} | found | lists | value | others


def rates(*outcomes: dict, shared: float = 0.0) -> MeasuredRates:
    """Rates that are the same for all measures and groups; the group on record is always the true one."""
    every = pl.DataFrame(sorted(outcomes or (outcome(1.0),), key=lambda one: one["twentieth"]))
    return MeasuredRates(
        outcomes=CELLS.join(every, how="cross"),
        shared=pl.DataFrame([{"measure": one, "year": 2017, "missed": shared, "false": shared} for one in MEASURES]),
        completeness=standing_for(1.0),
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


def standing_for(migrations: float) -> pl.DataFrame:
    """A table `flow_completeness` by which every case stands for so many migrations."""
    table = completeness_of_flows((), (), date(2019, 12, 31))
    return table.with_columns(migrations_per_case=pl.lit(migrations))


@pytest.fixture(scope="module")
def country() -> World:
    return world(1000, 5, "baseline", PERIODS)


def drawn(country: World, *outcomes: dict, seed: int = 1) -> DrawnInputs:
    return draw_inputs(country, rates(*outcomes), PERIODS, SURVEY_DAY, seed)


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
    inputs = drawn(country, outcome(0.1, 0.0), outcome(0.9))
    missed = [true_residents(country, year) - on_list(inputs, year) for year in (2016, 2017)]
    both = true_residents(country, 2016) & true_residents(country, 2017)
    assert missed[0] & both == missed[1] & both
    assert 0.06 < len(missed[0]) / len(true_residents(country, 2016)) < 0.14
    came = {row for row, way in country.moves.select("row", "direction").rows() if way == "immigration"}
    assert len(inputs.moves) < len(country.moves.filter(pl.col("year").is_in(PERIODS.flow_years)))
    assert not (came & missed[1] & set(inputs.moves.filter(pl.col("direction") == "immigration")["person_id"]))


def test_false_residents_are_people_who_are_not_residents_and_as_many_as_the_rate_says(country: World) -> None:
    numbers = [
        len(
            on_list(drawn(country, outcome(1.0), outcome(0.05, kind="false"), seed=seed), 2018)
            - true_residents(country, 2018)
        )
        for seed in range(12)
    ]
    assert np.mean(numbers) == pytest.approx(0.05 * len(true_residents(country, 2018)), rel=0.25)


def test_late_and_unfinished_cases_carry_the_variances_that_the_nowcast_gives_them(country: World) -> None:
    late = outcome(0.4, 0.8, kind="late", provisional=True)
    inputs = drawn(country, outcome(0.5), outcome(0.5, 0.5), outcome(0.5, 0.5, kind="false"), late)
    late, unfinished = (inputs.moves.filter(one) for one in (pl.col("years_later") > 0, pl.col("unfinished")))
    assert set(late["variance_of_cases"].round(6)) == {round(0.8 + 0.8**2, 6)}
    assert set(unfinished["variance_of_cases"].round(6)) == {0.25}
    assert set(unfinished["cases"]) == {0.5}
    assert late["provisional"].all()


def test_a_case_that_rules_decide_is_certain_though_a_calibration_gives_it_less_than_one(country: World) -> None:
    moves = drawn(country, outcome(1.0, 0.9, certain=True)).moves
    assert set(moves["cases"]) == {0.9}
    assert set(moves["variance_of_cases"]) == {0.0}
    assert moves["certain"].all()
    assert not moves["unfinished"].any()


def test_who_is_least_visible_has_the_lowest_probability_in_every_year(country: World) -> None:
    residents = drawn(country, outcome(0.1, 0.4), outcome(0.3, 0.8), outcome(0.6, 0.9)).residents
    by_year = [
        dict(
            residents.filter(pl.col("reference_date") == date(year, 6, 30)).select("person_id", "probability").rows()
        )
        for year in (2016, 2017)
    ]
    both = by_year[0].keys() & by_year[1].keys()
    assert all(by_year[0][one] == by_year[1][one] for one in both)
    assert np.mean([by_year[0][one] == 0.4 for one in both]) == pytest.approx(0.1, abs=0.03)
    assert set(residents.filter("resident")["probability"]) == {0.8, 0.9}


def test_a_migration_that_is_dated_a_quarter_later_is_in_that_quarter_even_of_the_next_year(country: World) -> None:
    moves = drawn(country, outcome(1.0, quarters_later=1)).moves
    later = country.moves["date"].dt.offset_by("3mo")
    published = later.is_between(date(PERIODS.flow_years[0] - 1, 7, 1), date(PERIODS.flow_years[-1], 6, 30))
    assert moves["date"].sort().to_list() == later.filter(published).sort().to_list()


def test_cases_stand_for_as_many_migrations_as_the_table_of_the_runs_says(country: World) -> None:
    """Every migration counts half. If each stands for two, the estimates are near the truth."""
    inputs = drawn(country, outcome(1.0, 0.5, certain=True))
    flows = [
        estimate(country, inputs, standing_for(migrations), Settings(), 1).flows.filter(
            pl.col("measure") == "immigration",
            pl.col("period_end") - pl.col("period_start") > timedelta(days=300),
            *(pl.col(name) == "all" for name in ("sex", "age_group", "nationality_group")),
        )
        for migrations in (1.0, 2.0)
    ]
    of_one, of_two = (one["estimate"].sum() / one["truth"].sum() for one in flows)
    assert of_one == pytest.approx(0.5, abs=0.05)
    assert of_two == pytest.approx(1.0, abs=0.05)


def test_a_seed_gives_the_same_inputs_and_another_one_a_new_survey(country: World) -> None:
    first, again, other = (drawn(country, outcome(0.1, 0.0), outcome(0.9), seed=seed) for seed in (3, 3, 4))
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


def test_rates_are_pooled_over_replicates_and_what_they_share_is_more_than_chance(tmp_path) -> None:
    """Of 200 emigrants a year 40 are missed: 10 in one replicate and 30 in the other, whose cases stand for more."""
    for seed, missed, migrations in ((1, 10.0, 1.1), (2, 30.0, 1.3)):
        write_scores(tmp_path / "scores" / str(seed), missed, migrations)
    found = read_measured_rates(tmp_path, PERIODS)
    of_2018 = found.outcomes.filter(pl.col("year") == 2018, pl.col("nationality_group") == "EU", ~pl.col("child"))
    assert of_2018.filter(quarter=1).select("twentieth", "probability", "rate").rows() == [
        (0, 0.0, 0.2),
        (20, 0.95, 0.8),
    ]
    assert (found.recall, found.false_link_rate, found.listed_of_spine) == (0.9, 0.1, 0.5)
    assert found.completeness["migrations_per_case"].unique().to_list() == [1.2]
    # rates of .1 and .3 vary by .01 about .2, of which .2 x .8 / 100 is chance
    assert found.shared["missed"].to_list() == pytest.approx([(0.01 - 0.0016) / 0.04] * 2)


def test_a_cell_of_few_cases_has_the_rates_of_a_wider_one(tmp_path) -> None:
    write_scores(tmp_path / "scores" / "1", 20.0, 1.0)
    outcomes = read_measured_rates(tmp_path, PERIODS).outcomes.filter(
        pl.col("year") == 2018, pl.col("twentieth") == 20
    )
    assert outcomes.height == len(NATIONALITY_GROUPS) * 2  # the one quarter of the scores, of grown-ups and children
    assert outcomes["rate"].unique().to_list() == [0.8]


def write_scores(folder: Path, missed: float, migrations: float) -> None:
    """The scores of a run of 100 EU emigrants in each of two years; those found for certain count .95 each."""
    key = {"measure": "emigration", "nationality_group": "EU", "migrant": True, "child": False, "quarter": 1}
    lists = {"listed": False, "trimmed": 0.0, "known": 0.0}
    of_found = {"cases": 100.0 - missed, "probability": 0.95 * (100.0 - missed), "twentieth": 20, "certain": True}
    of_missed = {"cases": missed, "probability": 0.0, "twentieth": 0, "certain": False}
    rows = [
        key | lists | one | {"time": date(year, 6, 30), "kind": "true", "quarters_later": 0, "provisional": False}
        for year in (2018, 2019)
        for one in (of_found, of_missed)
    ]
    write_table(pl.DataFrame(rows, schema_overrides={"quarter": pl.Int8}), folder / "error_rates.parquet")
    pattern = {"nationality_group": "EU", "migrant": True, "EU": 1.0, "people": 3}
    pattern |= dict.fromkeys(("British", "Irish", "non_EU"), 0.0)
    write_table(pl.DataFrame([pattern]), folder / "nationality_patterns.parquet")
    links = {"surveyed": 100, "known": 90, "linked": 81, "unknown_linked": 1, "spine_people": 200, "listed": 100}
    write_table(pl.DataFrame([{"time": SURVEY_DAY, **links}]), folder / "survey_links.parquet")
    write_table(standing_for(migrations), folder / "flow_completeness.parquet")


def test_a_folder_without_error_rates_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="has no error rates"):
        read_measured_rates(tmp_path, PERIODS)


def test_a_folder_that_does_not_say_what_cases_stand_for_is_refused_with_the_command_that_makes_it(tmp_path) -> None:
    write_scores(tmp_path / "scores" / "1", 10.0, 1.0)
    (tmp_path / "scores" / "1" / "flow_completeness.parquet").unlink()
    with pytest.raises(UserError, match=r"An earlier version made it.*`sojourn validate --replicates 1 "):
        read_measured_rates(tmp_path, PERIODS)
