"""What tokens give away, on two small countries: thresholds that no change of the tokens may pass, and hand cases."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from flows import attack_names
from flows.attack_days import days_by_exchange
from flows.attack_names import classes_of, names_together
from flows.bench_attack import attack, ranked
from flows.progress import NullListener
from pipeline.ingest.features import CODES, PARTNERS

FULL_RECOVERY = 0.01
"""The most records whose full name and date of birth may be recovered without the key."""


@pytest.fixture(scope="module")
def found():
    records, figures, by_column = attack(3000, NullListener())
    return records, figures, {row["column"]: row for row in by_column}


def test_without_the_key_hardly_anybody_is_recovered_in_full(found):
    records, figures, _ = found
    assert records > 3000
    assert figures["full_by_public"] <= FULL_RECOVERY
    assert figures["full_by_together"] <= FULL_RECOVERY
    assert figures["full_by_linked"] <= FULL_RECOVERY
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
    people = with_codes(
        pl.DataFrame(rows, schema=["sex", "first_name", "family_name", "age"], orient="row").with_columns(
            birth_month=pl.col("age").replace_strict(born).str.to_date()
        )
    )
    assert names_together(people, people, nobody(people))["first_name"].all()


def test_names_are_recognised_by_the_codes_that_they_share(monkeypatch):
    def country(often):
        rows = [("F", name, family) for name, number in often.items() for family in ("LEE", "MAY") * (number // 2)]
        people = pl.DataFrame(rows, schema=["sex", "first_name", "family_name"], orient="row")
        return with_codes(people.with_columns(birth_month=pl.lit(date(1980, 1, 1))))

    # of the rare names the frequencies tell the opposite, by chance; each sounds like a frequent one
    victim = country({"ANN": 1800, "OTT": 600, "ANNA": 8, "OTTO": 6})
    public = country({"ANN": 1800, "OTT": 600, "ANNA": 6, "OTTO": 8})
    rare = victim["first_name"].is_in(["ANNA", "OTTO"]).to_numpy()
    assert names_together(victim, public, nobody(victim))["first_name"].all()
    monkeypatch.setattr(attack_names, "ROUNDS", 0)  # by frequency alone
    assert (names_together(victim, public, nobody(victim))["first_name"] == ~rare).all()


def test_a_class_is_joined_by_any_partner_of_a_code():
    people = pl.DataFrame({
        "first_name": ["ANNE", "ANN", "EVA", "ANNA"],
        "given_sound_birth_year": ["a", "a", "c", None],
        "given_sound_birth_day": [None, "b", "b2", "b"],
        "given_sound_family_name": [None] * 4,
        "given_sound_postcode": [None] * 4,
    }, schema_overrides={"given_sound_family_name": pl.String, "given_sound_postcode": pl.String})  # fmt: skip
    one, other, eva, anna = classes_of(people, "first_name", "sound", ["ANNE", "ANN", "EVA", "ANNA"])
    assert one == other == anna != eva


def test_exchanged_dates_tell_the_days_of_all_who_share_them():
    born = {
        "one": ["1981-03-07", "1981-07-03"], "of the decade": ["1985-03-07"], "of another": ["1990-03-07"],
        "a year apart": ["1970-02-05", "1971-05-02"], "day alone": ["1981-05-20", "1981-05-21"],
    }  # fmt: skip
    records = pl.DataFrame([(who, day) for who, days in born.items() for day in days], orient="row",
                           schema=["number", "born"]).with_columns(pl.col("born").str.to_date())  # fmt: skip
    records = records.with_columns(
        birth_month=pl.col("born").dt.truncate("1mo"),
        # as opaque as tokens: only equality is used
        birth_decade_month_day=pl.concat_str(
            pl.col("born").dt.year() // 10, pl.col("born").dt.strftime("%m%d")
        ).hash(),
    )
    days = days_by_exchange(records)
    read = records.join(days, on="birth_decade_month_day", how="left", maintain_order="left")
    assert read["day"].to_list() == [7, 3, 7, None, None, None, None, None]


def with_codes(people):
    """Return people with the first three letters of each name as its code, and composites with the other name.

    The composites of other partners are there and say nothing.
    """
    codes = [
        pl.col(name).str.head(3).alias(f"{side}_{code}")
        for name, side in (("first_name", "given"), ("family_name", "family"))
        for code in CODES
    ]
    people = people.with_columns(codes)
    return people.with_columns(
        (
            pl.concat_str(f"{side}_{code}", partner, separator="|")
            if partner in people.columns
            else pl.lit(None, pl.String)
        ).alias(f"{side}_{code}_{partner}")
        for side, partners in PARTNERS.items()
        for code in CODES
        for partner in partners
    )


def nobody(people):
    return {name: np.zeros(people.height, dtype=bool) for name in ("first_name", "family_name", "date_of_birth")}
