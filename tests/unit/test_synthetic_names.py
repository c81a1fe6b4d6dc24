"""The tables of names: complete for every country, and one draw gives a person's whole name."""

import numpy as np
import polars as pl
import pytest

from synthetic_data.country import names
from synthetic_data.country.tables import table
from synthetic_data.errors.recorded_identity import code
from synthetic_data.numbers.draws import draws
from synthetic_data.numbers.labels import Labels

DRAWS = draws(1, "test", np.arange(20_000))


def drawn(origin: str) -> tuple[pl.Series, pl.Series]:
    origins = of_all(origin, names.ORIGINS)
    female = np.arange(len(DRAWS)) % 2 == 0
    return names.given_names(origins, female, DRAWS), names.family_names(origins, DRAWS[::-1])


def of_all(text: str, texts: tuple[str, ...]) -> Labels:
    return Labels(texts, np.full(len(DRAWS), texts.index(text), dtype=np.int8))


def origins() -> list[str]:
    countries = table("countries")
    return sorted({*countries["name_origin"], *countries["other_origin"].drop_nulls()})


@pytest.mark.parametrize("origin", origins())
def test_every_origin_has_names_and_customs(origin: str) -> None:
    given, family = drawn(origin)
    assert given.null_count() == family.null_count() == 0
    assert given.n_unique() >= 20
    assert family.n_unique() >= 12
    assert table("name_customs").filter(pl.col("origin") == origin).height == 1


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("countries", ["country"]), ("given_names", ["origin", "sex", "name"]), ("family_names", ["origin", "name"]),
        ("name_customs", ["origin"]), ("name_variants", ["origin", "name", "variant"]),
        ("nicknames", ["name", "nickname"]),
    ],
)  # fmt: skip
def test_no_table_repeats_a_row(name: str, key: list[str]) -> None:
    assert table(name).select(key).is_duplicated().sum() == 0


def test_every_variant_respells_a_name_that_exists_in_its_origin() -> None:
    known = pl.concat([table("given_names").select("origin", "name"), table("family_names")])
    variants = table("name_variants")
    assert variants.join(known, on=["origin", "name"], how="anti").is_empty()
    assert (variants["name"] != variants["variant"]).all()
    home = known.filter(pl.col("origin").is_in(["english", "irish"]))
    assert table("nicknames").join(home, on="name", how="anti").is_empty()


def test_every_country_has_a_code_of_every_kind_and_one_fine_group() -> None:
    countries = table("countries")
    assert code(countries["country"], "border_code").null_count() == 0
    abroad = countries.filter(pl.col("country") != "GB")
    assert code(abroad["country"], "registration_name").null_count() == 0
    europe = countries.filter(pl.col("nationality_group") == "EU")
    assert set(europe["fine_group"]) == {"EU14", "EU8", "EU2", "other_EU", "other_EEA"}
    assert europe.group_by("fine_group").len().sort("fine_group").rows() == [
        ("EU14", 13), ("EU2", 2), ("EU8", 8), ("other_EEA", 4), ("other_EU", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(("origin", "share"), [("spanish", 0.95), ("portuguese", 0.85), ("polish", 0.0)])
def test_people_have_two_family_names_where_that_is_usual(origin: str, share: float) -> None:
    two = drawn(origin)[1].str.contains(" ", literal=True).mean()
    # the same name drawn twice is written once
    assert share * 0.93 <= two <= share + 0.008


def test_several_given_names_are_two_different_ones() -> None:
    given = drawn("west_african")[0].filter(drawn("west_african")[0].str.contains(" ", literal=True))
    assert 0.48 < len(given) / len(DRAWS) < 0.56
    parts = given.str.split(" ")
    assert (parts.list.first() != parts.list.last()).all()


def test_the_first_name_is_drawn_by_rank() -> None:
    """Weights fall like Zipf's law: r to the power of -0.75."""
    family = drawn("korean")[1]
    ranks = table("family_names").filter(pl.col("origin") == "korean")["name"].to_list()
    weights = np.arange(1, len(ranks) + 1) ** -names.ZIPF
    for rank in (0, 1, 5):
        expected = weights[rank] / weights.sum()
        bound = 4 * np.sqrt(expected * (1 - expected) / len(family))
        assert abs((family == ranks[rank]).mean() - expected) < bound


def test_a_country_has_its_main_origin_and_sometimes_its_other_one() -> None:
    india = names.origin_of(of_all("IN", names.COUNTRIES), DRAWS)
    assert abs(india.are("south_indian").mean() - 0.22) < 0.012
    assert india.are_any("indian", "south_indian").all()
    poland = names.origin_of(of_all("PL", names.COUNTRIES), DRAWS)
    assert poland.are("polish").all()


def test_women_and_men_have_given_names_of_their_own_lists() -> None:
    given, _ = drawn("japanese")
    for sex, those in (("F", slice(0, None, 2)), ("M", slice(1, None, 2))):
        known = table("given_names").filter(pl.col("origin") == "japanese", pl.col("sex") == sex)["name"]
        assert set(given[those]) == set(known)
