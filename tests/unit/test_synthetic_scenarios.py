"""Scenarios: each changes what it declares, and people who are also in the baseline keep their lives."""

from datetime import date
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.study import read_study
from synthetic_data.country.geography import PARTS
from synthetic_data.country.migrant_groups import MIGRANT_GROUPS
from synthetic_data.delivery import extracts
from synthetic_data.errors.catalogue import Errors, values
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.lives.build import live
from synthetic_data.lives.households import stacked
from synthetic_data.lives.lives import Lives
from synthetic_data.lives.newcomers import newcomers
from synthetic_data.numbers.days import LONG_AGO, NEVER, day
from synthetic_data.scenarios.scenario import BASELINE, Scenario, read_scenario, scenario_names
from synthetic_data.simulate import simulate

SEED, RESIDENTS = 9, 6_000
ARRIVALS_OF = 200_000
"""Residents of the country in which only newcomers are counted."""


@pytest.fixture(scope="module")
def baseline() -> Lives:
    return live(SEED, RESIDENTS)


def of(name: str) -> Lives:
    return live(SEED, RESIDENTS, read_scenario(name))


def first_addresses(lives: Lives) -> pl.DataFrame:
    first = lives.moves.filter(pl.col("start") == LONG_AGO)
    of_person = lives.people["household"]
    by_household = dict(first.select("household", "postcode").iter_rows())
    return lives.people.select(
        "person", "birth", "sex", "given_name", "family_name", "nationality", "country_of_birth",
        address=of_person.replace_strict(by_household),
    )  # fmt: skip


def test_the_shipped_scenarios_are_those_of_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "synthetic_data.md").read_text(encoding="utf-8")
    chapter = page.split("## Scenarios")[1].split("\n## ")[0]
    for name in scenario_names():
        assert f"| `{name}` |" in chapter
        assert read_scenario(name).says


@pytest.mark.parametrize("name", ["visa_surge", "longer_stays", "hard_links", "lost_tenth", "perfect_sources"])
def test_people_common_to_two_scenarios_keep_births_names_and_first_addresses(baseline: Lives, name: str) -> None:
    theirs, ours = first_addresses(of(name)), first_addresses(baseline)
    common = ours.select("person").join(theirs.select("person"), on="person")
    assert common.height > 0.995 * ours.height
    assert theirs.join(common, on="person", maintain_order="right").equals(
        ours.join(common, on="person", maintain_order="right")
    )


def arrived(scenario: Scenario | None = None) -> pl.DataFrame:
    households, _ = stacked(newcomers(SEED, ARRIVALS_OF, tuple(PARTS), scenario))
    names = [*(group.name for group in MIGRANT_GROUPS), "residents", "ghosts"]
    return households.with_columns(migrant_group=pl.col("migrant_group").map_elements(names.__getitem__, pl.String))


@pytest.fixture(scope="module")
def usual() -> pl.DataFrame:
    return arrived()


def arrivals(households: pl.DataFrame, group: str, begins: int, until: int) -> int:
    came = (pl.col("migrant_group") == group) & pl.col("arrive").is_between(begins, until, closed="left")
    return households.filter(came).height


def surge_of(folder: Path, group: str, begins: str, factor: float) -> Scenario:
    file = folder / "surge.toml"
    file.write_text(f'says = "x"\n[surge]\nmigrant_group = "{group}"\nbegins = {begins}\nfactor = {factor}\n')
    return read_scenario(str(file))


def test_a_surge_multiplies_arrivals_of_one_migrant_group_from_its_day_on(
    usual: pl.DataFrame, baseline: Lives
) -> None:
    surged = arrived(read_scenario("visa_surge"))
    begins, end = day(2017, 7, 1), day(2021, 1, 1)
    for group in (one.name for one in MIGRANT_GROUPS):
        assert arrivals(surged, group, 0, begins) == arrivals(usual, group, 0, begins)
        if group != "non_eu_workers":
            assert arrivals(surged, group, begins, NEVER) == arrivals(usual, group, begins, NEVER)
    before, after = (arrivals(one, "non_eu_workers", begins, end) for one in (usual, surged))
    # what is added is the expected number, so that only the baseline's own number is due to chance
    assert abs(after / before - 3) < 4 * 2 / before**0.5
    assert before > 400
    arrived_in_lives = (
        of("visa_surge").households.filter((pl.col("arrive") >= begins) & (pl.col("arrive") < end)).height
    )
    assert (
        arrived_in_lives > baseline.households.filter((pl.col("arrive") >= begins) & (pl.col("arrive") < end)).height
    )


def test_a_surge_keeps_the_trend_of_its_migrant_group(usual: pl.DataFrame, tmp_path: Path) -> None:
    """Arrivals of Romanians and Bulgarians rose fourfold within two years: a doubled number of them does so, too."""
    group = "eu2_seasonal"
    surged = arrived(surge_of(tmp_path, group, "2012-07-01", 2))
    halves = [day(year, month, 1) for year in range(2012, 2021) for month in (1, 7)][1:]
    for begins, until in pairwise(halves):
        before = arrivals(usual, group, begins, until)
        added = arrivals(surged, group, begins, until) - before
        assert abs(added - before) < 4 * (2 * before) ** 0.5


def test_a_surge_of_students_begins_with_the_courses_after_its_day(usual: pl.DataFrame, tmp_path: Path) -> None:
    surged = arrived(surge_of(tmp_path, "non_eu_students", "2016-11-01", 2))
    begins = day(2016, 11, 1)
    assert arrivals(surged, "non_eu_students", 0, begins) == arrivals(usual, "non_eu_students", 0, begins)
    before, after = (arrivals(one, "non_eu_students", begins, NEVER) for one in (usual, surged))
    assert abs(after / before - 2) < 4 / before**0.5


def test_longer_stays_lengthen_only_stays_that_begin_late(usual: pl.DataFrame) -> None:
    begins = day(2016, 1, 1)
    longer = arrived(read_scenario("longer_stays")).select("key", leave_longer="leave")
    both = usual.join(longer, on="key", validate="1:1").filter(pl.col("migrant_group") != "ghosts")
    assert both.height > 50_000
    purpose = {group.name: group.purpose for group in MIGRANT_GROUPS}
    both = both.with_columns(purpose=pl.col("migrant_group").replace_strict(purpose))
    changes = (pl.col("arrive") >= begins) & ~pl.col("purpose").is_in(["visit", "study"])
    same, late = both.filter(~changes), both.filter(changes)
    assert (same["leave"] == same["leave_longer"]).all()
    assert (late["leave"] <= late["leave_longer"]).all()
    workers = late.filter(
        (pl.col("migrant_group") == "eu8_workers")
        & (pl.col("leave") < pl.col("leave_longer"))
        & (pl.col("leave") - pl.col("arrive") > 100)
    )
    ratio = (workers["leave_longer"] - workers["arrive"]) / (workers["leave"] - workers["arrive"])
    assert workers.height > 50
    assert ratio.is_between(1.48, 1.52).all()


def test_a_lost_tenth_is_lost_from_one_year_of_one_extract(baseline: Lives) -> None:
    errors = Errors(broken_rows=0)
    whole = {one.name: one.files for one in extracts.extracts(baseline, errors)}
    loss = read_scenario("lost_tenth").loss
    left = {one.name: one.files for one in extracts.extracts(baseline, errors, losses=loss)}
    for name, files in whole.items():
        for file, frame in files.items():
            if name != "activity_weeks":
                assert left[name][file].equals(frame)
    weeks, fewer = (one["activity_weeks"]["activity_weeks.parquet"] for one in (whole, left))
    lost = weeks.join(fewer, on=weeks.columns, how="anti")
    assert set(lost["TAX_YEAR_START"]) == {date(2016, 4, 6)}
    in_year = weeks.filter(pl.col("TAX_YEAR_START") == date(2016, 4, 6)).height
    assert abs(lost.height / in_year - 0.1) < 0.015
    assert fewer.height + lost.height == weeks.height


def test_the_benchmark_of_linkage_fixes_every_value_of_the_catalogue() -> None:
    """A default may change; `hard_links` may not, or its figures are no longer comparable."""
    scenario = read_scenario("hard_links")

    def leaves(tree: dict, prefix: str = "") -> set[str]:
        found: set[str] = set()
        for key, value in tree.items():
            found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}"}
        return found

    assert leaves(scenario.errors) == {name for name, _ in values(Errors())}
    assert scenario.source_errors().rate("names", "rate", "mws") == pytest.approx(0.15)


def test_errors_of_a_user_change_those_of_the_scenario(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[names]\nrate = 0.2\n")
    hard = read_scenario("hard_links")
    mixed = hard.source_errors(str(file))
    assert (mixed.names.rate, mixed.addresses.stale) == (0.2, hard.source_errors().addresses.stale)
    assert hard.source_errors("none") == NO_ERRORS == read_scenario("perfect_sources").source_errors()
    assert read_scenario(BASELINE).source_errors() == Errors()


@pytest.mark.parametrize(
    ("text", "expected_message"),
    [
        ('says = "x"\nsurg = 1\n', "unknown key 'surg'. Did you mean 'surge'?"),
        (
            'says = "x"\n[surge]\nmigrant_group = "eu8_worker"\nbegins = 2016-01-01\nfactor = 2\n',
            "Did you mean 'eu8_workers'?",
        ),
        (
            'says = "x"\n[surge]\nmigrant_group = "eu8_workers"\nbegins = 2036-01-01\nfactor = 2\n',
            "simulated from 2010-01-01",
        ),
        ('says = "x"\n[errors.names]\nrat = 0.1\n', r"\[names\]: unknown key 'rat'. Did you mean 'rate'?"),
        ('says = "x"\n[[loss]]\nextract = "survey"\nyear = 2016\nshare = 0.1\n', "loss.0.extract"),
        ("perfect = true\n", "'says' is missing"),
    ],
)
def test_a_mistake_in_a_scenario_of_a_user_is_reported_with_its_place(
    tmp_path: Path, text: str, expected_message: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=expected_message) as raised:
        read_scenario(str(file))
    assert "mine" in str(raised.value)


def test_an_unknown_scenario_suggests_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown scenario 'hard_link'. Did you mean 'hard_links'?"):
        read_scenario("hard_link")


def test_the_study_file_lists_differences_from_the_baseline(tmp_path: Path) -> None:
    simulate(1_000, 1, tmp_path / "hard", scenario=read_scenario("hard_links"), data_date=date(2018, 12, 31))
    text = (tmp_path / "hard" / "study.toml").read_text(encoding="utf-8")
    assert "# Scenario hard_links: The benchmark" in text
    assert "# Error names.rate = 0.1\n" in text
    study = read_study(tmp_path / "hard" / "study.toml")
    assert study.name == "Synthetic country, 1,000 residents, seed 1, hard_links, data of 2018-12-31"
    assert study.data_date == date(2018, 12, 31)
    assert (study.periods.flow_years[-1], study.periods.stock_years[-1]) == (2018, 2018)
    simulate(1_000, 1, tmp_path / "usual", errors=NO_ERRORS)
    assert "# Errors: none" in (tmp_path / "usual" / "study.toml").read_text(encoding="utf-8")
