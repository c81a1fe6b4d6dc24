"""Which estimated migration serves which true one, against a slow loop that takes one pair at a time."""

import datetime as dt

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rules.score import score_classes
from rules.truth_comparison import TOLERANCE_DAYS, compare_migrations

DAY_0 = dt.date(2016, 1, 1)
TRUE_PERSON = pl.DataFrame({"person_id": [1, 2, 3, 4], "person": [100, 100, 200, 200]})
DAYS = st.integers(0, 500)
WAYS = st.sampled_from(["immigration", "emigration"])


@st.composite
def cases(draw):
    true = draw(st.sets(st.tuples(st.sampled_from([100, 200]), DAYS, WAYS), max_size=8))
    estimated = draw(st.sets(st.tuples(st.integers(1, 5), DAYS, WAYS), max_size=8))
    chances = draw(st.lists(st.integers(1, 1_000_000), min_size=len(estimated), max_size=len(estimated)))
    return (
        [(person, DAY_0 + dt.timedelta(day), way) for person, day, way in sorted(true)],
        [
            (person, DAY_0 + dt.timedelta(day), way, chance / 1e6)
            for (person, day, way), chance in zip(sorted(estimated), chances, strict=True)
        ],
    )


NONE_LATE = pl.DataFrame(
    schema={"direction": pl.String, "date": pl.Date, "probability": pl.Float64, "factor": pl.Float64}
)


def frames(true, estimated):
    return (
        pl.DataFrame(true, schema={"person": pl.Int64, "date": pl.Date, "direction": pl.String}, orient="row"),
        pl.DataFrame(
            estimated,
            schema={"person_id": pl.Int64, "date": pl.Date, "direction": pl.String, "probability": pl.Float64},
            orient="row",
        ).with_columns(rule_id=pl.lit("eu"), dated_by=pl.lit("seen"), provisional=pl.lit(value=False)),
    )  # fmt: skip


def slow_pairs(true, estimated):
    """Take the nearest pair of all, mark both as used, and begin again."""
    person_of = dict(TRUE_PERSON.rows())
    pairs = set()
    while True:
        open_pairs = [
            (abs((date - true_date).days), true_date, date, person_id, person, way)
            for person, true_date, way in true
            for person_id, date, direction, *_ in estimated
            if direction == way
            and person_of.get(person_id) == person
            and abs((date - true_date).days) <= TOLERANCE_DAYS
            and not any((person, true_date, way) == (one[0], one[1], one[4]) for one in pairs)
            and not any((person_id, date, way) == (one[2], one[3], one[4]) for one in pairs)
        ]
        if not open_pairs:
            return pairs
        _, true_date, date, person_id, person, way = min(open_pairs)
        pairs.add((person, true_date, person_id, date, way))


def year(date):
    return dt.date(date.year + (date.month > 6), 6, 30)


@given(cases())
def test_the_pairs_are_those_of_the_slow_loop(case):
    true, estimated = case
    truth, migrations = frames(true, estimated)
    compared = compare_migrations(migrations, TRUE_PERSON, truth)
    found = compared.filter(pl.col("is_true") & pl.col("date").is_not_null())
    assert set(found.select("person", "true_date", "person_id", "date", "measure").rows()) == slow_pairs(*case)
    assert compared.height == len(true) + len(estimated) - found.height


@given(cases(), st.randoms(use_true_random=False))
def test_the_score_is_that_of_the_slow_loop_in_any_order_of_rows(case, order):
    true, estimated = case
    chance = {(person_id, date, way): p for person_id, date, way, p in estimated}
    served = {(person, true_date, way): (date, chance[person_id, date, way])
              for person, true_date, person_id, date, way in slow_pairs(*case)}  # fmt: skip
    used = {(person_id, date, way) for _, _, person_id, date, way in slow_pairs(*case)}
    in_order = frames(true, estimated)
    truth, migrations = frames(order.sample(true, len(true)), order.sample(estimated, len(estimated)))
    scores = score_classes(compare_migrations(migrations, TRUE_PERSON, truth), NONE_LATE)
    assert scores.equals(score_classes(compare_migrations(in_order[1], TRUE_PERSON, in_order[0]), NONE_LATE))
    expected = {}
    for person, date, way in true:
        row = expected.setdefault((way, year(date)), [0.0] * 5)
        other, p = served.get((person, date, way), (date, 0.0))
        row[0] += 1
        row[1 if year(other) == year(date) else 2] += p
        row[3] += 1 - p
    for key in chance.keys() - used:
        expected.setdefault((key[2], year(key[1])), [0.0] * 5)[4] += chance[key]
    columns = ["true", "hits", "misdated", "misses", "false"]
    found = {(row["measure"], row["time"]): [row[name] for name in columns] for row in scores.to_dicts()}
    assert {key: [round(one, 6) for one in found[key]] for key in expected} == {
        key: [round(one, 6) for one in row] for key, row in expected.items()
    }
    assert all(not any(found[key]) for key in found.keys() - expected.keys())
