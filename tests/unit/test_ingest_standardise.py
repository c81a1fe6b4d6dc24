"""Whatever two sources write differently becomes the same text before it is hashed."""

import polars as pl
import pytest

from pipeline.ingest import standardise


def of(function, *texts):
    frame = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
    return frame.select(function(pl.col("text"))).to_series().to_list()


@pytest.mark.parametrize(
    ("written", "standard"),
    [
        ("  Smith ", "SMITH"),
        ("O'Neill", "ONEILL"),
        ("O’Neill", "ONEILL"),
        ("O Neill", "O NEILL"),
        ("Śmith-Jones", "SMITH JONES"),
        ("Łukasz", "LUKASZ"),
        ("Großmann", "GROSSMANN"),
        ("Dr. José", "JOSE"),
        ("Mrs MARY ANN", "MARY ANN"),
        ("Prof. Dr Ada", "ADA"),
        ("Lord", "LORD"),
        ("ﬁona", "FIONA"),
        ("Mr", "MR"),
        ("Miss", "MISS"),
        ("Drake", "DRAKE"),
        ("王 小明", "王 小明"),
        ("---", None),
        ("123", None),
        ("", None),
        (None, None),
    ],
)
def test_names(written, standard):
    assert of(standardise.standard_name, written) == [standard]


def test_joined_names_do_not_care_how_parts_are_parted():
    joined = of(
        lambda text: standardise.joined_name(standardise.standard_name(text)), "Mary-Ann", "MARY ANN", "maryann"
    )
    assert set(joined) == {"MARYANN"}


def test_all_parts_are_sorted_whichever_name_they_are_in():
    frame = pl.DataFrame({"given": ["WEI MING", "LI", None], "family": ["LI", "WEI MING", "LI"]})
    parts = frame.select(standardise.sorted_parts(pl.col("given"), pl.col("family"))).to_series().to_list()
    assert parts == ["LI MING WEI", "LI MING WEI", None]


@pytest.mark.parametrize(
    ("written", "whole", "outward"),
    [
        ("sw1a 1aa", "SW1A1AA", "SW1A"),
        ("SW1A1AA", "SW1A1AA", "SW1A"),
        ("M1 1AE", "M11AE", "M1"),
        ("m1-1ae", "M11AE", "M1"),
        ("SW1A", None, "SW1A"),
        (" ", None, None),
        (None, None, None),
    ],
)
def test_postcodes(written, whole, outward):
    assert of(lambda text: standardise.full_postcode(standardise.standard_postcode(text)), written) == [whole]
    assert of(lambda text: standardise.outward_code(standardise.standard_postcode(text)), written) == [outward]


def test_numbers_lose_their_blanks_and_case():
    assert of(standardise.standard_number, "943 476 5919", "ab\t12 ", " ") == ["9434765919", "AB12", None]
