"""Migrations by many rules at once are those of a classification by each rule alone."""

import datetime as dt
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.bench_stays import random_crossings
from flows.classify_stays import classify_file
from flows.variants.crossings import sweep_days_in_window
from pipeline.errors import UserError
from pipeline.tables import write_table
from rules.lengths_of_stay.by_rule import migrations_by_rule
from rules.lengths_of_stay.crossings_file import read_crossings_file
from rules.lengths_of_stay.days_in_window import DaysInWindow

END = dt.date(2017, 12, 31)


def counted_one_by_one(file: Path, rule: DaysInWindow) -> Counter[tuple[str, int]]:
    """Classify the file by one rule, as `sojourn stays` does, and count its rows by measure and year."""
    out = file.with_name("classified.parquet")
    classify_file(file, out, rule, END)
    counts: Counter[tuple[str, int]] = Counter()
    for row in pl.read_parquet(out).iter_rows(named=True):
        day = row["date"]
        year = day.year + (day.month > 6)
        if row["long_term_migration"]:
            counts["immigration" if row["is_arrival"] else "emigration", year] += 1
            counts["net", year] += 1 if row["is_arrival"] else -1
        elif row["long_term_migration"] is None and day <= END:
            counts["unknown", year] += 1
    return counts


@pytest.fixture(scope="module")
def crossings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two thousand crossings of random histories, some of them after the end of observation."""
    path = tmp_path_factory.mktemp("crossings") / "crossings.parquet"
    write_table(random_crossings(2_000, 1, seed=7), path)
    return path


@given(
    st.lists(
        st.integers(1, 400).flatmap(lambda t: st.tuples(st.just(t), st.integers(t, 500))), min_size=1, max_size=3
    )
)
def test_each_rule_counts_what_it_alone_would_classify(crossings: Path, rules: list[tuple[int, int]]) -> None:
    pairs = [DaysInWindow(*rule) for rule in rules]
    found = migrations_by_rule(read_crossings_file(crossings), pairs, END)
    for rule in set(pairs):
        expected = counted_one_by_one(crossings, rule)
        own = found.filter(threshold=rule.threshold, window=rule.window)
        for row in own.iter_rows(named=True):
            assert row["estimate"] == expected[row["measure"], row["period"].year]
        assert sum(abs(count) for count in expected.values()) == own["estimate"].abs().sum() / pairs.count(rule)


def test_by_hand(tmp_path: Path) -> None:
    """One comes in May 2016 and stays; one comes for 100 days and stays away; one comes too late to be known."""
    rows = [
        (1, dt.date(2016, 5, 1), True),
        (2, dt.date(2016, 8, 1), True),
        (2, dt.date(2016, 11, 9), False),
        (3, dt.date(2017, 12, 1), True),
        (3, dt.date(2018, 2, 1), False),
    ]
    frame = pl.DataFrame(rows, schema=["person_id", "date", "is_arrival"], orient="row")
    write_table(frame.with_columns(initial_resident=pl.lit(value=False)), tmp_path / "few.parquet")
    file = read_crossings_file(tmp_path / "few.parquet")
    swept = sweep_days_in_window(file, {"threshold": (90, 365)}, END)
    found = {
        (row["threshold"], row["measure"], row["period"].year): row["estimate"]
        for row in swept.filter(pl.col("estimate") != 0).iter_rows(named=True)
    }
    assert found == {
        (90, "immigration", 2016): 1, (90, "net", 2016): 1,
        (90, "immigration", 2017): 1, (90, "emigration", 2017): 1, (90, "unknown", 2018): 1,
        (365, "immigration", 2016): 1, (365, "net", 2016): 1, (365, "unknown", 2018): 1,
    }  # fmt: skip
    assert swept["period"].unique().sort().to_list() == [dt.date(year, 6, 30) for year in (2016, 2017, 2018)]


def test_a_threshold_beyond_the_window_is_refused(crossings: Path) -> None:
    with pytest.raises(UserError, match="a threshold of 400 days in a window of 365 cannot be reached"):
        sweep_days_in_window(read_crossings_file(crossings), {"threshold": (300, 400), "window": (365,)}, END)
