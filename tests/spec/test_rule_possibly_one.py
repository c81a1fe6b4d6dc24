"""Two people of the run who may be one: what that makes of their migrations.

Weeks of activity to April 2016 and none after make a certain emigration; under other records the person may go on.
"""

import datetime as dt

import polars as pl
import pytest
from rule_timelines import DATA_DATE, default_rules, observed, tax_year

from pipeline.schemas import FlowCompleteness, LinkErrors
from pipeline.tables import connect
from rules.calibration import Calibration
from rules.flow_completeness import POOLED, flow_completeness
from rules.timelines import TimelinePerson, decide

D = dt.date


def working(first: int, last: int, weeks: int = 52) -> TimelinePerson:
    """A person at work in tax years from `first` to `last`, with `weeks` in the last one."""
    years = [*((year, 52) for year in range(first, last)), (last, weeks)]
    return TimelinePerson([tax_year(*one) for one in years], group="British")


def came(day: dt.date) -> TimelinePerson:
    """A person who came on a visa on that day, and is here."""
    return TimelinePerson(
        [observed("border_in", day), observed("permission_to_stay", day, D(2030, 1, 1), code="work")], group="non_EU"
    )


def probabilities(
    people: list[TimelinePerson], two: list[tuple[int, int, float]], direction: str
) -> dict[int, float]:
    found = decide(people, default_rules(), DATA_DATE, [2018], possibly_one=two).migrations.filter(
        pl.col("definition") == default_rules().people.published, pl.col("direction") == direction
    )
    return dict(found.select("person_id", "probability").rows())


@pytest.mark.parametrize(("probability", "left"), [(0.8, 0.2), (1.0, 0.0), (0.04, 1.0)])
def test_who_may_be_here_under_other_records_has_left_with_the_rest_of_the_probability(
    probability: float, left: float
) -> None:
    """Two who are one with a probability of four in a hundred are taken for two."""
    people = [working(2009, 2015), working(2016, 2018)]
    assert probabilities(people, [(1, 2, probability)], "emigration") == {1: pytest.approx(left)}


def test_two_who_leave_in_the_same_months_and_may_be_one_count_less_by_half_of_that() -> None:
    people = [working(2009, 2015, 45), working(2009, 2015)]
    assert probabilities(people, [], "emigration") == {1: 1.0, 2: 1.0}
    assert probabilities(people, [(1, 2, 0.8)], "emigration") == pytest.approx({1: 0.6, 2: 0.6})


def test_who_left_before_is_no_doubt_for_one_who_leaves_later() -> None:
    """The second left three years before the first, who was still here: that departure alone is in doubt."""
    people = [working(2009, 2015), working(2009, 2012)]
    assert probabilities(people, [(1, 2, 0.8)], "emigration") == pytest.approx({1: 1.0, 2: 0.2})


def test_of_several_who_may_be_the_same_the_likeliest_counts() -> None:
    people = [working(2009, 2015), working(2016, 2018), working(2016, 2018)]
    assert probabilities(people, [(1, 2, 0.3), (1, 3, 0.6)], "emigration") == pytest.approx({1: 0.4})


def test_two_arrivals_in_the_same_months_may_be_one_and_an_arrival_beside_a_resident_is_none_the_less() -> None:
    people = [came(D(2016, 3, 1)), came(D(2016, 4, 1)), came(D(2017, 3, 1)), working(2009, 2018)]
    assert probabilities(people, [(1, 2, 0.5), (3, 4, 0.9)], "immigration") == pytest.approx(
        {1: 0.75, 2: 0.75, 3: 1.0}
    )


def test_a_rule_set_without_the_table_takes_all_people_for_different_ones() -> None:
    rules = default_rules()
    without = rules.model_copy(update={"people": rules.people.model_copy(update={"possibly_one": None})})
    found = decide([working(2009, 2015), working(2016, 2018)], without, DATA_DATE, [2018], possibly_one=[(1, 2, 1.0)])
    emigrations = found.migrations.filter(
        pl.col("definition") == rules.people.published, pl.col("direction") == "emigration"
    )
    assert emigrations["probability"].to_list() == [1.0]


def test_people_counted_twice_of_whom_no_pair_was_proposed_take_away_as_many_in_proportion() -> None:
    """One of four EU emigrations is in doubt by half, and pairs that nobody proposed are as many as the others.

    EU: half a migration of 3.5 is none by pairs that were proposed, so half a one more by those that were not. The
    share of British people is drawn from none towards that of all, 40 to 60: (0 + 20 x 2 / 3) / (20 + 20).
    """
    moves = [
        (1, "EU", 0.5),
        *((number, "EU", None) for number in (2, 3, 4)),
        (5, "British", 0.2),
        (6, "British", None),
    ]
    connection = connect(1)
    rows = [(person, "d", D(2016, 8, 1), "emigration", 1.0) for person, _, _ in moves]
    schema = ["person_id", "definition", "date", "direction", "probability"]
    before = [(1, "d", D(2015, 6, 30), "emigration", 1.0)]
    connection.register("migration_by_stays", pl.DataFrame([*rows, *before], schema=schema, orient="row"))
    doubts = [(person, "d", D(2016, 8, 1), "emigration", nobody) for person, _, nobody in moves if nobody]
    connection.register("doubt", pl.DataFrame(doubts, schema=[*schema[:-1], "nobody"], orient="row"))
    people = {"person_id": [person for person, _, _ in moves], "nationality_group": [group for _, group, _ in moves]}
    connection.register("person", pl.DataFrame(people))
    twice = {"all": (100.0, 40.0), "EU": (40.0, 20.0), "British": (20.0, 0.0)}
    errors = [(group, *numbers) for group, numbers in twice.items()]
    columns = ["nationality_group", "counted_twice", "counted_twice_unseen"]
    connection.register("link_errors", pl.DataFrame(errors, schema=columns, orient="row"))
    nothing = Calibration(rule_set="r", rule_set_digest="", definition="d", studies=(), seeds=(), curve=())
    found = flow_completeness(connection, nothing, "d", D(2020, 6, 30))
    FlowCompleteness.validate(found, cast=True)
    ratio = {row[:2]: row[-1] for row in found.rows()}
    eu = (20 + POOLED * 40 / 60) / (20 + POOLED)
    british = (0 + POOLED * 40 / 60) / (20 + POOLED)
    assert ratio["emigration", "EU"] == pytest.approx(1 - 0.5 * eu / 3.5, abs=1e-6)
    assert ratio["emigration", "British"] == pytest.approx(1 - 0.2 * british / 1.8, abs=1e-6)
    assert {one for key, one in ratio.items() if key[0] == "immigration" or key[1] in ("Irish", "non_EU")} == {1.0}


def test_a_run_without_links_takes_nothing_away() -> None:
    connection = connect(1)
    schema = {"person_id": pl.Int64, "definition": pl.String, "date": pl.Date, "direction": pl.String}
    connection.register("migration_by_stays", pl.DataFrame(schema=schema | {"probability": pl.Float64}))
    connection.register("doubt", pl.DataFrame(schema=schema | {"nobody": pl.Float64}))
    connection.register("person", pl.DataFrame(schema={"person_id": pl.Int64, "nationality_group": pl.String}))
    connection.register("link_errors", LinkErrors.create_empty())
    nothing = Calibration(rule_set="r", rule_set_digest="", definition="d", studies=(), seeds=(), curve=())
    assert flow_completeness(connection, nothing, "d", D(2020, 6, 30))["migrations_per_case"].unique().to_list() == [
        1.0
    ]
