"""Whatever two sources write differently becomes the same text before it is hashed."""

import unicodedata

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
        ("O´Neill", "ONEILL"),
        ("Nguyễn Đặng", "NGUYEN DANG"),
        ("Νικόλαος", "ΝΙΚΟΛΑΟΣ"),
        ("Фёдор", "ФЕДОР"),
        ("İpek Işık", "IPEK ISIK"),
        ("王 小明", "王 小明"),
        ("राम", "राम"),
        ("रमा", "रमा"),
        ("राम-कुमार", "राम कुमार"),
        ("தமிழ்", "தமிழ்"),
        ("สุ", "สุ"),
        ("ส", "ส"),
        ("김 민준", "김 민준"),
        ("か", "か"),
        ("が", "が"),
        ("ｶﾞ", "ガ"),
        ("مُحَمَّد", "محمد"),
        ("محـمد", "محمد"),
        ("أحمد", "احمد"),
        ("אַבְרָהָם", "אברהם"),
        ("葛\U000e0100", "葛"),
        ("ශ්\u200dරී", "ශ්රී"),
        ("Mary\u00adAnn", "MARYANN"),
        ("---", None),
        ("123", None),
        ("", None),
        (None, None),
    ],
)
def test_names(written, standard):
    assert of(standardise.standard_name, written) == [standard]


@pytest.mark.parametrize(
    "name", ["Nguyễn Đặng", "김 민준", "が", "राम", "กำ", "मुहम्मद क़ासिम", "أحمد", "Фёдор", "שָׁלוֹם"]
)
def test_composed_and_decomposed_names_are_equal(name):
    forms = [unicodedata.normalize(form, name) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    assert len(set(of(standardise.standard_name, *forms))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("राम", "रमा"), ("रीता", "रता"), ("か", "が"), ("கமலா", "கமல"), ("สุดา", "สีดา"), ("ကို", "ကာ"), ("ប៊ុន", "បាន")],
)
def test_vowel_signs_are_letters(one, other):
    assert len(set(of(standardise.standard_name, one, other))) == 2


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
