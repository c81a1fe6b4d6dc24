"""Simulated reviewers: right but for a declared share, and each review by itself."""

import polars as pl
import pytest

from synthetic_data.surveys.link_reviewers import verdicts

MANY = 20_000
SEARCHED = pl.DataFrame({"person": range(1, MANY + 1), "file": "s.csv", "row_number": range(1, MANY + 1)})
ASKED = pl.DataFrame({
    "decision": [f"D{one:05}" for one in range(1, 2 * MANY + 1)], "person": range(1, 2 * MANY + 1),
})  # fmt: skip


def test_reviewers_who_never_err_find_everybody_who_is_there():
    twice = pl.concat([SEARCHED, pl.DataFrame({"person": [1], "file": ["t.csv"], "row_number": [4]})])
    unknown = pl.DataFrame({"decision": ["D00001", "D00002", "D00003"], "person": [1, MANY + 1, None]})
    found = verdicts(unknown, twice, 0.0, 2, seed=1)
    assert found.drop("reviewer").rows() == [
        ("D00001", 2, "found", "s.csv", 1), ("D00001", 2, "found", "t.csv", 4),
        ("D00002", 2, "nobody", None, None), ("D00003", 2, "nobody", None, None),
    ]  # fmt: skip
    assert found["reviewer"].str.contains("^R(0[1-9]|1[0-2])$").all()


def test_a_declared_share_errs_and_a_second_review_errs_by_itself():
    first, second = (verdicts(ASKED, SEARCHED, 0.05, review, seed=1) for review in (1, 2))

    def wrong(found):
        right = pl.when(pl.int_range(1, 2 * MANY + 1) <= MANY).then(pl.int_range(1, 2 * MANY + 1))
        return found.select(pl.col("found_row").ne_missing(right)).to_series()

    there, not_there = wrong(first)[:MANY], wrong(first)[MANY:]
    assert there.mean() == pytest.approx(0.05, abs=0.006)
    assert not_there.mean() == pytest.approx(0.05, abs=0.006)
    assert (first["verdict"][:MANY] == "nobody").mean() == pytest.approx(0.03, abs=0.005)
    assert (wrong(first) & wrong(second)).mean() == pytest.approx(0.0025, abs=0.0012)
