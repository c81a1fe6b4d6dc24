"""Draws the inputs of estimation around one truth: who is listed, which migrations are counted, who is surveyed.

A person has one number for being seen at all, and one for being seen to leave. Whom the list misses this year is thus
missed next year too, and whose arrival is missed is mostly not listed either; whose departure is missed stays listed.
Where the rates of a year vary by more than chance, a replicate has a factor of its own (a gamma variate of mean 1).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from estimation.arrays import Booleans, Floats, Integers
from estimation.cells import GROSS_FLOWS
from estimation.coverage.linkage_error import LinkageError
from estimation.coverage.survey import SURVEY
from estimation.keyed_random import generator
from estimation.migration_flows import is_child
from estimation.periods import year_end, year_start
from flows.estimation_only.drawn_outcomes import false_outcomes, numbers_of_invented, true_outcomes, values
from flows.estimation_only.error_rates import FALSE, LATE, TRUE
from flows.estimation_only.measured_rates import MeasuredRates
from flows.estimation_only.world import World
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.study import Periods
from synthetic_data.lives.lives import Lives
from synthetic_data.surveys.clerical_review import REVIEWED
from synthetic_data.surveys.coverage_survey import coverage_survey

PARTS = ["nationality_group", "migrant"]
"""What people are alike in: those on record have groups as such people have."""
OF_MOVES = ["nationality_group", "child", "quarter"]
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
    residents, known = _residents(world, rates, periods, survey_day, seed, seen, leaves)
    moves = _moves(world, rates, periods, seed, {GROSS_FLOWS[0]: seen, GROSS_FLOWS[1]: leaves})
    on_day = residents.filter(pl.col("reference_date") == survey_day, pl.col("resident"))
    return DrawnInputs(people, residents, moves, *_survey(world, rates, on_day, known, survey_day, seed))


def _factors(rates: MeasuredRates, measure: str, year: int, random: np.random.Generator) -> tuple[float, float]:
    """Return the factors of mean 1 by which the rates of missed and of false cases differ from the usual ones."""
    found = rates.shared.filter(pl.col("measure") == measure, pl.col("year") == year)
    variations = [float(found[name].sum()) for name in ("missed", "false")]
    missed, false = (float(random.gamma(1 / one, one)) if one > 0 else 1.0 for one in variations)
    return missed, false


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
        told_by=pl.col("person_id"),
    ).sort("person_id", "nationality_group")


def _residents(
    world: World, rates: MeasuredRates, periods: Periods, survey_day: date, seed: int, seen: Floats, leaves: Floats
) -> tuple[pl.DataFrame, Booleans]:
    """Return the table `residents`, and whom counted sources know.

    Both the list trimmed to the usual depth and those known are of the survey's day alone, where they are read.
    """
    random = generator(seed, "estimation only: list")
    size = len(world.people)
    # the same people are missed in all years, so the factors are those of the replicate
    missed_more, false_more = _factors(rates, "population", survey_day.year, random)
    trims, knows = random.random(size), random.random(size)
    frames, known = [], np.zeros(size, dtype=bool)
    for year in periods.stock_years:
        here = world.resident[year]
        ever_here = (world.came_by <= _number_of(year_end(year))) & (world.people["cohort"] <= year).to_numpy()
        others = ever_here & ~here
        cells = world.people.select(*PARTS, child=is_child(pl.lit(year), pl.col("cohort")))
        of_year = rates.outcomes.filter(pl.col("measure") == "population", pl.col("year") == year)
        true, false = (of_year.filter(pl.col("kind") == kind) for kind in (TRUE, FALSE))
        found = true_outcomes(true, cells.filter(here), seen[here], missed_more)
        besides = false_outcomes(false, cells.filter(here), cells.filter(others), leaves[others], false_more)
        who = np.concatenate([np.flatnonzero(here), np.flatnonzero(others)])
        probability, listed, trimmed, of_known = (
            np.concatenate([values(true, name, found), values(false, name, besides)])
            for name in ("probability", "listed", "trimmed", "known")
        )
        on_day = year_end(year) == survey_day
        if on_day:
            known[who] = listed | (knows[who] < of_known)
        list_of_year = pl.DataFrame(
            {
                "person_id": who,
                "reference_date": [year_end(year)] * len(who),
                "probability": probability.round(6),
                "resident": listed,
                "trimming_depth": (on_day & listed & (trims[who] < trimmed)).astype(np.int32),
            }
        )
        frames.append(list_of_year.filter(pl.col("probability") > 0).sort("person_id"))
    return pl.concat(frames), known


def _moves(
    world: World, rates: MeasuredRates, periods: Periods, seed: int, visible: dict[str, Floats]
) -> pl.DataFrame:
    """Return `expected_moves` of published years: true migrations as far as they are found, false and late ones.

    Those of the years before and after are drawn as well, since some are dated in the published ones.
    """
    random = generator(seed, "estimation only: migrations")
    first, last = periods.flow_years[0], periods.flow_years[-1]
    frames = []
    for measure in GROSS_FLOWS:
        for year in range(first - 1, last + 2):
            of = pl.col("measure") == measure, pl.col("year") == min(max(year, first), last)
            true = world.moves.filter(pl.col("direction") == measure, pl.col("year") == year)
            more_missed, more_false = _factors(rates, measure, year, random)
            outcomes = rates.outcomes.filter(*of, pl.col("kind") == TRUE)
            number = visible[measure][true["row"].to_numpy()]
            chosen = true_outcomes(outcomes, true.select(OF_MOVES), number, more_missed)
            frames.append(_rows(true, outcomes, chosen, 0))
            before = world.moves.filter(pl.col("direction") == measure, pl.col("year") == year - 1)
            for kind, like, years_later in ((FALSE, true, 0), (LATE, before, 1)):
                outcomes = rates.outcomes.filter(*of, pl.col("kind") == kind)
                number = numbers_of_invented(outcomes, true.select(OF_MOVES), more_false, random)
                invented, chosen = _like(like, outcomes, number, random)
                frames.append(_rows(invented, outcomes, chosen, years_later))
    published = pl.col("date").is_between(year_start(first), year_end(last))
    return pl.concat(frames).filter(published).sort("person_id", "date", "direction", "cases")


def _like(
    moves: pl.DataFrame, outcomes: pl.DataFrame, number: Integers, random: np.random.Generator
) -> tuple[pl.DataFrame, Integers]:
    """Return invented moves, each like one of those of its cell, and the row of `outcomes` that each has.

    `number` is how many have each of the outcomes. There are none of a cell without moves.
    """
    wanted = outcomes.select(OF_MOVES).with_row_index("chosen")[np.repeat(np.arange(len(number)), number)]
    own = moves.with_columns(nth=pl.int_range(pl.len()).over(OF_MOVES), of_cell=pl.len().over(OF_MOVES))
    drawn = (
        wanted.with_columns(drawn=random.random(len(wanted)))
        .join(own.select(*OF_MOVES, "of_cell").unique(), on=OF_MOVES, maintain_order="left")
        .with_columns(nth=(pl.col("drawn") * pl.col("of_cell")).floor().cast(pl.Int64))
        .join(own.drop("of_cell"), on=[*OF_MOVES, "nth"], maintain_order="left")
    )
    return drawn.select(moves.columns), drawn["chosen"].to_numpy().astype(np.int64)


def _rows(moves: pl.DataFrame, outcomes: pl.DataFrame, chosen: Integers, years_later: int) -> pl.DataFrame:
    """Return moves as rows of `expected_moves`, with the variances that it gives to them, by the outcomes chosen."""
    months = pl.Series(12 * years_later + 3 * values(outcomes, "quarters_later", chosen))
    cases, certain = values(outcomes, "probability", chosen).round(6), values(outcomes, "certain", chosen)
    late = years_later > 0
    in_doubt = np.where(certain, 0.0, cases * (1 - cases))
    return moves.select(
        pl.col("row").alias("person_id"),
        pl.col("date").dt.offset_by(pl.format("{}mo", months)),
        "direction",
        years_later=pl.lit(years_later, pl.Int32),
        cases=pl.Series(cases),
        variance_of_cases=pl.Series(cases + cases**2 if late else in_doubt),
        certain=pl.Series(certain),
        unfinished=pl.Series(~certain & (cases < 1) & (not late)),
        provisional=pl.Series(values(outcomes, "provisional", chosen)),
    ).filter(pl.col("cases") > 0)


def _survey(
    world: World, rates: MeasuredRates, listed: pl.DataFrame, known: Booleans, survey_day: date, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series, LinkageError]:
    """Return the answers of a survey that is sampled anew, its links, who may be linked, and the review."""
    random = generator(seed, "estimation only: survey links")
    size = len(world.people)
    on_list = np.zeros(size, dtype=bool)
    on_list[listed["person_id"].to_numpy()] = True
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
        weight=pl.col("WEIGHT"), arrived=pl.col("ARRIVED"),
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
