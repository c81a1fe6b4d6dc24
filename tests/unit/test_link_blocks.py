"""The pairs that blocking rules propose, against every pair of subjects looked at one by one."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from linkage.blocking import propose
from pipeline.tables import connect

SOURCES = ["a", "b", "c"]
TEXTS = ("first_name", "family_name", "postcode", "birth_month", "birth_decade_month_day", "sex")
PAIRS = [(0, 1), (0, 2), (1, 1)]
"""Not b with c; b with itself."""


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(1)
    size = 240
    frame = pl.DataFrame({name: random.integers(0, 12, size) for name in TEXTS}).with_columns(
        node=pl.int_range(size),
        source=pl.Series(np.sort(random.integers(0, 3, size)), dtype=pl.UInt8),
        certain_sources=pl.Series(np.where(random.random(size) < 0.1, 2, 0), dtype=pl.UInt64),
        birth_year_from=pl.Series(random.integers(1950, 1960, size)),
    )
    missing = [pl.when(pl.Series(random.random(size) < 0.1)).then(None).otherwise(name).alias(name) for name in TEXTS]
    undated = pl.when(pl.Series(random.random(size) < 0.2)).then(None)
    both = pl.when(pl.int_range(size) % 3 == 0)
    return (
        frame.with_columns(missing)
        .with_columns(undated.otherwise("birth_year_from").alias("birth_year_from"))
        .with_columns(both.then(pl.concat_list("first_name", "family_name").list.drop_nulls().list.unique())
                      .otherwise(pl.concat_list("family_name").list.drop_nulls()).alias("name_parts"))
    )  # fmt: skip


def proposed(rows, pairs_per_record, training_pairs=10**6):
    connection = connect(2)
    connection.register("given", rows)
    connection.execute("CREATE TABLE subjects AS SELECT * FROM given ORDER BY node")
    columns = set(rows.columns) - {"node", "source", "certain_sources"}
    subjects = SimpleNamespace(
        sources=SOURCES, source=rows["source"].cast(pl.Int64).to_numpy(), connection=connection, comparisons=(),
        columns=dict.fromkeys(SOURCES, columns),
    )  # fmt: skip
    return propose(subjects, PAIRS, pairs_per_record, training_pairs)


def allowed(one, other):
    sources = one["source"], other["source"]
    if sources[0] == sources[1]:
        return sources in PAIRS
    linked = one["certain_sources"] >> sources[1] & 1 or other["certain_sources"] >> sources[0] & 1
    return sources in PAIRS and not linked


def agree(one, other, rule):
    return all(
        set(one[column[:-2]]) & set(other[column[:-2]]) if column.endswith("[]")
        else one[column] is not None and one[column] == other[column]
        for column in rule.columns
    )  # fmt: skip


def every_pair(rows, condition):
    return {
        (one["node"], other["node"])
        for one, other in combinations(rows.to_dicts(), 2)
        if allowed(one, other) and condition(one, other)
    }


def found_pairs(found, bit=None):
    inside = slice(None) if bit is None else (found.rules >> np.uint64(bit)) & np.uint64(1) == 1
    return set(zip(found.left[inside].tolist(), found.right[inside].tolist(), strict=True))


def test_rules_propose_the_pairs_that_agree_on_their_columns(rows):
    found = proposed(rows, 100_000)
    used = found.plan  # the others propose nothing that these do not
    assert len(found.plan) > 5
    for bit, rule in enumerate(found.plan):
        assert found_pairs(found, bit) == every_pair(rows, lambda one, other, rule=rule: agree(one, other, rule))
    everybody = every_pair(rows, lambda one, other: any(agree(one, other, rule) for rule in used))
    assert found_pairs(found) == everybody
    assert list(zip(found.left, found.right, strict=True)) == sorted(everybody)
    sources = rows["source"].to_list()
    assert [PAIRS[number] for number in found.pair] == [
        (sources[one], sources[other]) for one, other in zip(found.left, found.right, strict=True)
    ]


@pytest.mark.parametrize("pairs_per_record", [0.1, 3, 5])
def test_large_blocks_are_split_and_dropped_within_the_budget(rows, pairs_per_record):
    found = proposed(rows, pairs_per_record)
    limit = pairs_per_record * rows.height / 15
    assert any(cost.split_by for cost in found.costs)
    by_node = rows.to_dicts()
    for bit, (rule, cost) in enumerate(zip(found.plan, found.costs, strict=True)):
        pairs = found_pairs(found, bit)
        assert all(agree(by_node[one], by_node[other], rule) for one, other in pairs)
        if rule.sampled or bit in found.training.values():
            continue  # training has a budget of its own
        assert len(pairs) <= cost.pairs <= limit


def test_rules_for_undated_propose_all_their_undated_pairs(rows):
    found = proposed(rows, 5)
    limited = [bit for bit, cost in enumerate(found.costs) if cost.for_undated and not cost.blocks_dropped]
    limited = [bit for bit in limited if not found.costs[bit].split_by]
    assert limited
    for bit in limited:
        rule = found.plan[bit]
        assert found_pairs(found, bit) == every_pair(
            rows,
            lambda one, other, rule=rule: (
                agree(one, other, rule) and (one["birth_year_from"] is None or other["birth_year_from"] is None)
            ),
        )
