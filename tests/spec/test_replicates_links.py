"""One uncertain link of each kind: each enters the figures with the variance p(1 - p), and once.

Two hundred women are certainly on the list and found by the survey. Beside them, an answer to the survey may be Ann's
(p = .7); a crossing of the border may be Bea's, who then immigrated (.8); and two records of the list may both be
Cleo (.6).
"""

from datetime import date
from itertools import groupby

import numpy as np
import polars as pl
import pytest
from estimation_people import migration, person, resident

from estimation.by_replicates.counted_again import Records, count_again
from estimation.by_replicates.drawn_factors import FactorDraws, LinksNotVaried
from estimation.by_replicates.drawn_people import DecidedPeople
from estimation.by_replicates.rubin import nested_variance
from estimation.coverage.classes import CELLS, members
from linkage.draws import draw_clusters
from linkage.joined_pairs import CandidatePairs, joined_pairs, missed_pairs, units_of
from pipeline.schemas import LateMigrations, Migrations, Mothers, People, PeopleNationality, Residents, Stays
from pipeline.study import Periods

CERTAIN = 200
DRAWS = 3000
DAY = date(2017, 6, 30)
SOURCES = ("pds", "coverage_survey", "exit_checks", "hesa")
PDS, SURVEY, TRAVEL, HESA = range(4)
UNCERTAIN = ((PDS, SURVEY, 0.7), (PDS, TRAVEL, 0.8), (PDS, HESA, 0.6))
LISTED = CERTAIN + len(UNCERTAIN)
ONE_CLASS = pl.DataFrame({"coverage_class": ["all"], "members": [members(CELLS)], "trimming_depth": [1]})


@pytest.fixture(scope="module")
def links_of_draws():
    """Which of the uncertain links hold in each draw, (draws, links)."""
    nodes = [(source, number) for number, link in enumerate(UNCERTAIN, 1) for source in link[:2]]
    people = pl.DataFrame(
        [{"node": node, "source": source, "source_name": SOURCES[source], "subject_id": node, "person": of}
         for node, (source, of) in enumerate(nodes)]
    )  # fmt: skip
    edges = pl.DataFrame(
        [{"l": 2 * at, "r": 2 * at + 1, "p": link[2], "certain": False} for at, link in enumerate(UNCERTAIN)]
    )
    candidates = CandidatePairs(edges["l"].to_numpy(), edges["r"].to_numpy(), people.height)
    joined = joined_pairs(people, edges)
    missed = missed_pairs(people, edges, joined, candidates, [link[:2] for link in UNCERTAIN], ())
    changed = draw_clusters(people, units_of(people, edges), joined, missed, (), DRAWS, 1)
    of_draw = np.tile(people["person"].to_numpy(), (DRAWS, 1))
    for draw, node, of in changed.iter_rows():
        of_draw[draw - 1, node] = of
    return of_draw[:, ::2] == of_draw[:, 1::2]


def table(rows, schema):
    return pl.DataFrame(rows, schema=schema.create_empty().schema, strict=False)


def decided(found: bool, came: bool, same: bool) -> DecidedPeople:
    """Return the people of a draw, and what the simplest rules make of them: who is on a list lives here."""
    subjects = [("pds", one, one) for one in range(LISTED)]
    subjects += [("coverage_survey", one, one) for one in range(CERTAIN)]
    subjects.append(("coverage_survey", CERTAIN, CERTAIN if found else 900))
    subjects.append(("exit_checks", 1, CERTAIN + 1 if came else 901))
    subjects.append(("hesa", 1, CERTAIN + 2 if same else 902))
    here = [*range(LISTED), *([] if same else [902])]
    moves = [migration(CERTAIN + 1, date(2016, 9, 1), "immigration")] if came else []
    return DecidedPeople(
        clusters=pl.DataFrame(subjects, schema=["source", "subject_id", "person_id"], orient="row"),
        mothers=Mothers.create_empty(),
        people=table([person(one, "F", date(1980, 3, 1)) for one in here], People),
        nationality=PeopleNationality.create_empty(),
        stays=Stays.create_empty(),
        migrations=table(moves, Migrations),
        late=LateMigrations.create_empty(),
        residents=table([resident(one, date(year, 6, 30)) for one in here for year in (2016, 2017)], Residents),
    )


def records() -> Records:
    vital = {"subject_id": pl.Int64, "sex": pl.String, "birth_month": pl.Date}
    answers = pl.DataFrame({"subject_id": range(CERTAIN + 1)}).with_columns(
        sex=pl.lit("F"), birth_month=date(1980, 3, 1), nationality=pl.lit("GB"), stratum=pl.lit("A"),
        cluster=pl.col("subject_id").cast(pl.String), weight=pl.lit(1.0), arrived=pl.lit(None, pl.Date),
    )  # fmt: skip
    each = pl.DataFrame({"direction": ["immigration", "emigration"], "nationality_group": "British", "child": False})
    each = each.join(pl.DataFrame({"quarter": range(1, 5)}, schema={"quarter": pl.Int8}), how="cross")
    return Records(
        births=pl.DataFrame(schema={**vital, "registration_date": pl.Date}),
        deaths=pl.DataFrame(schema={**vital, "date_of_death": pl.Date}),
        answers=answers,
        completeness=each.with_columns(from_date=pl.lit(date.min), migrations_per_case=pl.lit(1.0)),
        periods=Periods(flow_years=(2017,), stock_years=(2016, 2017)),
        survey_day=DAY,
        spine="pds",
    )


@pytest.fixture(scope="module")
def figures(links_of_draws):
    """Immigration, the list, matches of the survey, and the estimated population of every draw, (draws, 4)."""
    by_state = {}
    for state, _ in groupby(sorted(map(tuple, links_of_draws.tolist()))):
        again = count_again(decided(*state), records())
        matches = again.lists.surveyed.filter(pl.col("listed") & (pl.col("trimming_depth") > 0)).height
        listed = again.lists.counted["count"].sum()
        factor = FactorDraws(
            ONE_CLASS, np.ones((1, CERTAIN + 1)), np.zeros(1), np.zeros(1), np.zeros((1, 0)), LinksNotVaried(0, 0), 1
        ).of_replicate(again.lists, 0)[""][0]
        by_state[state] = again.counts["immigration"]["count"].sum(), listed, matches, factor * listed
    return np.array([by_state[tuple(state)] for state in links_of_draws.tolist()])


def variance_of_links(values):
    """Return the part of links where every draw has two replicates, which nothing else varies."""
    twice, draw = np.repeat(values, 2)[:, None], np.repeat(np.arange(len(values)), 2)
    found = nested_variance(twice, draw, np.zeros(1))
    assert found.rest[0] == 0
    assert found.total[0] == pytest.approx((1 + 1 / len(values)) * found.links[0])
    return found.links[0]


def test_a_link_is_drawn_as_often_as_it_is_probable(links_of_draws):
    assert links_of_draws.mean(axis=0) == pytest.approx([link[2] for link in UNCERTAIN], abs=0.03)
    assert np.corrcoef(links_of_draws.T) == pytest.approx(np.eye(3), abs=0.06)


@pytest.mark.parametrize(
    ("figure", "link", "rest"),
    [(0, 1, 0), (1, 2, LISTED), (2, 0, CERTAIN)],
    ids=["a migration by a list-travel link", "two of a list who are one", "a match of survey and list"],
)
def test_each_kind_of_link_gives_its_count_p_times_1_less_p(figures, links_of_draws, figure, link, rest):
    values, held = figures[:, figure], links_of_draws[:, link]
    assert values.tolist() == (rest + (~held if link == 2 else held)).tolist()
    p = UNCERTAIN[link][2]
    assert variance_of_links(values) == pytest.approx(p * (1 - p), rel=0.08)


def test_the_population_has_the_variance_of_its_links_once(figures, links_of_draws):
    """Chapman's (n1 + 1)(n2 + 1) / (m + 1) - 1 with n1 and m of the draw, and no recall that would count m again."""
    found, _, same = links_of_draws.T
    listed, surveyed, matches = LISTED + ~same, CERTAIN + 1, CERTAIN + found
    by_hand = (listed + 1) * (surveyed + 1) / (matches + 1) - 1
    assert figures[:, 3] == pytest.approx(by_hand)
    slope = (LISTED + 1.4) / (CERTAIN + 1.7)  # of the population, for one person on the list, or one match less
    assert variance_of_links(figures[:, 3]) == pytest.approx(0.6 * 0.4 + slope**2 * 0.7 * 0.3, rel=0.08)
