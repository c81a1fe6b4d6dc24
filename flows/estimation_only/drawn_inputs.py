"""Draws the inputs of estimation around one truth: who is listed, which migrations are counted, who is surveyed.

A person has one number for being seen at all, and one for being seen to leave. Whom the list misses this year is thus
missed next year too, and whose arrival is missed is mostly not listed either; whose departure is missed stays listed.
Where the rates of years vary by more than chance, each year has a factor of its own (a gamma variate of mean 1).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from estimation.arrays import Booleans, Floats, Integers
from estimation.cells import GROSS_FLOWS
from estimation.coverage.linkage_error import LinkageError
from estimation.coverage.survey import SURVEY
from estimation.keyed_random import generator
from estimation.periods import year_end, year_start
from flows.estimation_only.measured_rates import MeasuredRates
from flows.estimation_only.world import World
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.study import Periods
from synthetic_data.lives.lives import Lives
from synthetic_data.surveys.clerical_review import REVIEWED
from synthetic_data.surveys.coverage_survey import coverage_survey

PARTS = ["nationality_group", "migrant"]
"""What people are alike in: their rates are those of such people."""
DAYS_OF_YEAR = 365.25
NOBODY = -1


@dataclass(frozen=True)
class DrawnInputs:
    """What `count` reads, of one replicate.

    `people` is that of `people_by_group`, `residents` and `moves` are the table `residents` and `expected_moves`;
    `answers`, `clusters` and `known` are those of `people_surveyed`, and `links` is what a review of them says.
    """

    people: pl.DataFrame
    residents: pl.DataFrame
    moves: pl.DataFrame
    answers: pl.DataFrame
    clusters: pl.DataFrame
    known: pl.Series
    links: LinkageError


def draw_inputs(world: World, rates: MeasuredRates, periods: Periods, survey_day: date, seed: int) -> DrawnInputs:
    """Return the inputs of one replicate; the same seed gives the same inputs."""
    size = len(world.people)
    seen, leaves = (generator(seed, f"estimation only: {name}").random(size) for name in ("seen", "seen to leave"))
    people = _people(world, rates, generator(seed, "estimation only: nationality"))
    residents = _residents(world, rates, periods, survey_day, seed, seen, leaves)
    moves = _moves(world, rates, periods, seed, {GROSS_FLOWS[0]: seen, GROSS_FLOWS[1]: leaves})
    on_day = residents.filter(pl.col("reference_date") == survey_day, pl.col("resident"))
    return DrawnInputs(people, residents, moves, *_survey(world, rates, on_day, survey_day, seed, seen))


def _rates_of(rates: MeasuredRates, measure: str, people: pl.DataFrame, *, is_open: bool) -> dict[str, Floats]:
    """Return the rates of people (or cases) by `nationality_group` and `migrant`; 0 for what was never measured."""
    of_measure = rates.cases.filter(pl.col("measure") == measure, pl.col("open") == is_open)
    joined = people.select(PARTS).join(of_measure, on=PARTS, how="left", maintain_order="left")
    names = [name for name, kind in joined.schema.items() if kind.is_numeric()]
    return {name: joined[name].fill_null(0.0).to_numpy() for name in names}


def _factor(rates: MeasuredRates, measure: str, kind: str, random: np.random.Generator, *, is_open: bool) -> float:
    """Return a factor of mean 1 by which the rate of a year differs from the usual one."""
    found = rates.shared.filter(pl.col("measure") == measure, pl.col("open") == is_open)[kind]
    variation = float(found[0]) if len(found) else 0.0
    return float(random.gamma(1 / variation, variation)) if variation > 0 else 1.0


def _people(world: World, rates: MeasuredRates, random: np.random.Generator) -> pl.DataFrame:
    """Return `people_by_group`: each person with the shares of a pattern drawn among those of their true group."""
    people, drawn = world.people, random.random(len(world.people))
    of_key = people.select(PARTS)
    shares = np.zeros((len(people), len(NATIONALITY_GROUPS)))
    shares[np.arange(len(people)), [NATIONALITY_GROUPS.index(one) for one in people["nationality_group"]]] = 1.0
    for (group, migrant), part in rates.patterns.group_by(PARTS, maintain_order=True):
        rows = np.flatnonzero(
            ((of_key["nationality_group"] == str(group)) & (of_key["migrant"] == bool(migrant))).to_numpy()
        )
        ends = np.cumsum(part["weight"].to_numpy())
        chosen = np.minimum(np.searchsorted(ends, drawn[rows], side="right"), len(ends) - 1)
        own = part.select(NATIONALITY_GROUPS).to_numpy()[chosen]
        shares[rows] = own / own.sum(axis=1, keepdims=True)
    person, group = np.nonzero(shares > 0)
    columns = people.select("person_id", "sex", "cohort")[person]
    return columns.with_columns(
        nationality_group=pl.Series(np.array(NATIONALITY_GROUPS, dtype=object)[group], dtype=pl.String),
        share=pl.Series(shares[person, group]),
    ).sort("person_id", "nationality_group")


def _residents(
    world: World, rates: MeasuredRates, periods: Periods, survey_day: date, seed: int, seen: Floats, leaves: Floats
) -> pl.DataFrame:
    """Return the table `residents`, trimmed to the usual depth on the survey's day alone, where it is read."""
    random = generator(seed, "estimation only: list")
    part = world.people.select(pl.struct(PARTS).rank("dense")).to_series().to_numpy()
    cohort = world.people["cohort"].to_numpy()
    # the same people are missed in all years, so the factors are those of the replicate
    missed_more, false_more = (
        _factor(rates, "population", kind, random, is_open=False) for kind in ("missed", "false")
    )
    trims = random.random(len(world.people))
    frames = []
    for year in periods.stock_years:
        is_open, here = year == periods.stock_years[-1], world.resident[year]
        of = _rates_of(rates, "population", world.people, is_open=is_open)
        missed = np.clip(1 - of["found"] - of["open_true"], 0, 1) * missed_more
        known_true = here & (seen >= missed)
        unsure = known_true & (seen < missed + of["open_true"])
        ever_here = (world.came_by <= _number_of(year_end(year))) & (cohort <= year) & ~here
        false = _falsely_listed(part, here, ever_here, leaves, of["false"] * false_more)
        unsure_false = _falsely_listed(part, here, ever_here & ~false, leaves, of["open_false"])
        probability = np.where(unsure | unsure_false, of["open_p"], (known_true | false).astype(float))
        who = np.flatnonzero(probability > 0)
        trimmed = np.zeros(len(here), dtype=bool)
        if year_end(year) == survey_day:
            share = {
                name: of[name] / np.maximum(of[name.replace("trimmed", "listed")], 1e-9)
                for name in ("trimmed", "trimmed_false")
            }
            trimmed = trims < np.where(here, share["trimmed"], share["trimmed_false"])
        frames.append(
            pl.DataFrame(
                {
                    "person_id": who,
                    "reference_date": [year_end(year)] * len(who),
                    "probability": probability[who].round(6),
                    "resident": probability[who] >= 0.5,
                    "trimming_depth": (trimmed[who] & (probability[who] >= 0.5)).astype(np.int32),
                }
            )
        )
    return pl.concat(frames)


def _falsely_listed(
    part: Integers, here: Booleans, candidates: Booleans, leaves: Floats, rate: Floats
) -> NDArray[np.bool_]:
    """Return who is listed without living here: as many of a part as `rate` per resident, first who left unseen."""
    chosen = np.zeros(len(here), dtype=bool)
    for one in np.unique(part):
        of_part = part == one
        able = candidates & of_part
        if able.any():
            expected = rate[of_part][0] * (here & of_part).sum()
            chosen |= able & (leaves < min(expected / able.sum(), 1.0))
    return chosen


def _moves(
    world: World, rates: MeasuredRates, periods: Periods, seed: int, visible: dict[str, Floats]
) -> pl.DataFrame:
    """Return `expected_moves`: true migrations as far as they are found, false ones, and late ones as expected."""
    random = generator(seed, "estimation only: migrations")
    frames = []
    for measure in GROSS_FLOWS:
        for year in periods.flow_years:
            is_open = year == periods.flow_years[-1]
            true = world.moves.filter(pl.col("direction") == measure, pl.col("year") == year)
            row = true["row"].to_numpy()
            of = _rates_of(rates, measure, world.people[row], is_open=is_open)
            more_missed, more_false = (
                _factor(rates, measure, kind, random, is_open=is_open) for kind in ("missed", "false")
            )
            missed = np.clip(1 - of["found"] - of["misdated"] - of["open_true"], 0, 1) * more_missed
            number = visible[measure][row]
            opened = (number >= missed) & (number < missed + of["open_true"])
            other_year = (number >= missed + of["open_true"]) & (number < missed + of["open_true"] + of["misdated"])
            kept = number >= missed
            days = true["date"].to_physical().to_numpy().astype(np.int64)
            shift = np.where(random.random(len(row)) < 0.5, -1, 1)
            days = np.where(other_year, days + np.round(shift * DAYS_OF_YEAR).astype(np.int64), days)
            frames.append(_rows(measure, row[kept], days[kept], np.where(opened, of["open_p"], 1.0)[kept]))
            for name, expected in (("false", "one"), ("open_false", "open_p"), ("late", "late_p")):
                factor = more_false if name == "false" else 1.0
                frames += _invented(
                    world, rates, measure, year, name, expected, random, factor=factor, is_open=is_open
                )
    return pl.concat(frames).sort("person_id", "date", "direction", "cases")


def _invented(
    world: World,
    rates: MeasuredRates,
    measure: str,
    year: int,
    name: str,
    expected: str,
    random: np.random.Generator,
    *,
    factor: float,
    is_open: bool,
) -> list[pl.DataFrame]:
    """Return cases that are not true migrations of the year, or expected late ones: each like a true one.

    A false case is like one of any year, a late one like one of the year before, as `late_migrations` has them.
    """
    frames = []
    of_measure = world.moves.filter(pl.col("direction") == measure)
    group_of = world.people["nationality_group"]
    cases = rates.cases.filter(pl.col("measure") == measure, pl.col("open") == is_open)
    for group, rate, *values in cases.select("nationality_group", name, "open_p", "late_p").iter_rows():
        own = of_measure.filter(group_of[of_measure["row"]] == group)
        number = random.poisson(rate * factor * own.filter(pl.col("year") == year).height)
        if name == "late":
            own = own.filter(pl.col("year") == year - 1)
        if not number or own.is_empty():
            continue
        like = own[random.integers(own.height, size=number)]
        years_on = year - like["year"].to_numpy()
        days = like["date"].to_physical().to_numpy() + np.round(years_on * DAYS_OF_YEAR).astype(np.int64)
        days = np.clip(days, _number_of(year_start(year)), _number_of(year_end(year)))
        p = {"one": 1.0, "open_p": values[0], "late_p": values[1]}[expected]
        frames.append(_rows(measure, like["row"].to_numpy(), days, np.full(number, p), late=name == "late"))
    return frames


def _rows(measure: str, row: Integers, days: Integers, expected: Floats, *, late: bool = False) -> pl.DataFrame:
    """Return rows of `expected_moves`, with the variances that it gives to them."""
    variance = expected + expected**2 if late else expected * (1 - expected)
    return pl.DataFrame(
        {
            "person_id": row,
            "date": pl.Series(days.astype(np.int32)).cast(pl.Date),
            "direction": [measure] * len(row),
            "years_later": np.full(len(row), int(late), dtype=np.int32),
            "cases": expected,
            "variance_of_cases": variance,
            "certain": (expected == 1) & (not late),
            "unfinished": (expected < 1) & (not late),
            "provisional": (expected < 1) | late,
        },
        schema_overrides={"direction": pl.String, "person_id": pl.Int64},
    )


def _survey(
    world: World, rates: MeasuredRates, listed: pl.DataFrame, survey_day: date, seed: int, seen: Floats
) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series, LinkageError]:
    """Return the answers of a survey that is sampled anew, its links, who may be linked, and the review."""
    random = generator(seed, "estimation only: survey links")
    size = len(world.people)
    on_list = np.zeros(size, dtype=bool)
    on_list[listed["person_id"].to_numpy()] = True
    of = _rates_of(rates, "population", world.people, is_open=False)
    known = on_list | (world.resident[survey_day.year] & (seen >= 1 - of["known"]))
    again = Lives(seed, *(getattr(world.lives, name) for name in _OF_LIVES))
    found = coverage_survey(again, world.errors, on_list, _number_of(survey_day)).filter("USUAL_RESIDENT")
    row = found["row"].to_numpy()
    right = known[row] & (random.random(len(row)) < rates.recall)
    wrong = ~known[row] & (random.random(len(row)) < rates.false_link_rate)
    # people known to the spine who do not live here can be linked falsely as well; nobody looks at who they are
    everybody = round(len(listed) / max(rates.listed_of_spine, 1e-9))
    others = np.arange(size, size + max(everybody - int(known.sum()), 0))
    all_known = np.concatenate([np.flatnonzero(known), others])
    anybody = all_known[random.integers(len(all_known), size=len(row))]
    person = np.where(right, row, np.where(wrong, anybody, NOBODY))
    answers = found.select(
        subject_id=pl.int_range(pl.len(), dtype=pl.Int64), sex=pl.col("SEX"), nationality=pl.col("NATIONALITY"),
        birth_month=pl.col("DOB").dt.month_start(), stratum=pl.col("STRATUM"), cluster=pl.col("CLUSTER"),
        weight=pl.col("WEIGHT"),
    )  # fmt: skip
    clusters = answers.select("subject_id", source=pl.lit(SURVEY)).with_columns(person_id=pl.Series(person))
    return answers, clusters.filter(pl.col("person_id") != NOBODY), pl.Series(all_known), _review(
        random, known[row], right | wrong
    )  # fmt: skip


_OF_LIVES = ("residents", "people", "households", "stays", "trips", "moves")


def _review(random: np.random.Generator, known: Booleans, linked: Booleans) -> LinkageError:
    """Return what a clerical review of some of the survey's people says of its links, reviewers' errors apart."""
    reviewed = random.permutation(len(known))[:REVIEWED]
    recall, recall_error = _share(linked[reviewed], known[reviewed])
    rate, rate_error = _share(linked[reviewed], ~known[reviewed])
    return LinkageError(recall, recall_error, rate, rate_error)


FEWEST_UNKNOWN = 10


def _share(linked: Booleans, of: Booleans) -> tuple[float, float]:
    """Return the share of `of` who are linked and its standard error; 0 and infinite for too few to say."""
    number = int(of.sum())
    if number < FEWEST_UNKNOWN:
        return 0.0, float("inf")
    share = float((linked & of).sum()) / number
    return share, float((max(share * (1 - share), 1 / number) / number) ** 0.5)


def _number_of(day: date) -> int:
    """Return a day as the number by which tables and lives have it: days since 1970."""
    return day.toordinal() - date(1970, 1, 1).toordinal()
