"""What tokens give away, on two small countries: thresholds that no change of the tokens may pass, and hand cases."""

import numpy as np
import polars as pl
import pytest

from flows.bench_attack import attack, days_by_structure, ranked, together
from flows.progress import NullListener

FULL_RECOVERY = 0.01
"""The most records whose full name and date of birth may be recovered without the key, by ranks and by names."""
WITH_DAYS = 0.03
"""The same if days are read from the tokens of dates: more than is intended, and it must not become worse."""


@pytest.fixture(scope="module")
def found():
    records, figures, by_column = attack(3000, NullListener())
    return records, figures, {row["column"]: row for row in by_column}


def test_without_the_key_hardly_anybody_is_recovered_in_full(found):
    records, figures, _ = found
    assert records > 3000
    assert figures["full_by_public"] <= FULL_RECOVERY
    assert figures["full_by_together"] <= FULL_RECOVERY
    assert figures["full_by_dictionary_key_unknown"] == 0
    assert figures["full_by_dictionary_key_known"] > 0.5  # the key is all that protects against a dictionary


def test_the_exact_distribution_is_the_upper_bound(found):
    _, figures, columns = found
    assert figures["full_by_exact"] >= figures["full_by_public"]
    for column in ("first_name", "family_name"):
        assert columns[column]["recovered_exact"] > columns[column]["recovered_public"] > 0


def test_no_composite_gives_away_as_much_as_a_name(found):
    _, _, columns = found
    names = columns["first_name"]["recovered_public"]
    assert all(
        row["recovered_public"] < names for name, row in columns.items() if "_postcode" in name or "_day" in name
    )


def test_ranks_meet_where_frequencies_differ():
    people = pl.DataFrame({"sex": ["F"] * 6, "name": ["ANN", "ANN", "ANN", "EVA", "EVA", "IDA"]})
    assert ranked(people, people, "name", ["sex"], seed=1).all()
    other = people.with_columns(name=pl.col("name").replace({"ANN": "EVA", "EVA": "ANN"}))
    assert ranked(people, other, "name", ["sex"], seed=1).tolist() == [False] * 5 + [True]


def test_two_names_of_one_frequency_are_told_apart_by_the_age_of_those_who_have_them():
    born = {"old": "1930-01-01", "new": "2000-01-01"}
    rows = [("F", "ANN", "LEE", "old")] * 20 + [("F", "EVA", "LEE", "new")] * 20
    people = pl.DataFrame(rows, schema=["sex", "first_name", "family_name", "age"], orient="row").with_columns(
        birth_month=pl.col("age").replace_strict(born).str.to_date()
    )
    alone = {name: np.zeros(40, dtype=bool) for name in ("first_name", "family_name", "date_of_birth")}
    assert together(people, people, alone)["first_name"].all()


def test_a_date_seen_in_either_order_tells_both_days_and_those_who_share_them():
    born = ["1981-03-07", "1981-07-03", "1990-03-07", "1981-05-07", "1981-03-20"]
    people = pl.DataFrame({"born": born}).with_columns(pl.col("born").str.to_date()).select(
        birth_month=pl.col("born").dt.truncate("1mo"),
        # as opaque as tokens: only equality is used
        birth_month_day=pl.col("born").dt.strftime("%m%d").hash(),
        birth_year_day=pl.col("born").dt.strftime("%Y%d").hash(),
        birth_day_month_sorted=pl.Series(["a", "a", "b", "c", "d"]).hash(),
    )  # fmt: skip
    # 7 March and 3 July are each other's reverse; 1990 shares month and day, 7 May year and day; 20 March nothing
    assert days_by_structure(people).to_list() == [7, 3, 7, 7, None]


def test_structure_gives_away_more_than_ranks(found):
    _, figures, _ = found
    assert figures["days_read_by_structure"] > 0.1
    assert figures["full_by_public"] < figures["full_by_structure"] <= WITH_DAYS
