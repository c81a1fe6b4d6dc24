"""Spellings of one name get one code, and different names seldom do."""

from itertools import combinations
from pathlib import Path

import jellyfish
import numpy as np
import polars as pl
import pytest
from faker.providers.person import en_GB, en_IN, es_ES, fr_FR, id_ID, pl_PL, tr_TR, vi_VN, yo_NG

from pipeline.ingest.name_codes import initial, latin_letters, prefix, skeleton, suffix
from pipeline.ingest.names import parts_of_name
from synthetic_data.country import names
from synthetic_data.country.tables import table
from synthetic_data.numbers.draws import draws
from synthetic_data.numbers.labels import Labels


def joined(*texts):
    return parts_of_name(pl.Series(texts, dtype=pl.String)).list.join("")


def codes(*texts):
    return skeleton(joined(*texts)).to_list()


@pytest.mark.parametrize(
    ("code", "spellings"),
    [
        ("MKMT", "Mohammed Muhammad Mohamed Mahomet محمد Мухаммад मुहम्मद মোহাম্মদ"),
        ("KSN", "Hussein Husayn Hossain Khusein حسين Хусейн हुसैन"),
        ("JSP", "Yusuf Youssef Jusuf Iosif يوسف יוסף"),
        ("STR", "Chowdhury Chaudhry Chaudhari चौधरी"),
        ("NKN", "Nguyễn Nguen"),
        ("PTM", "Fatima فاطمة فاطمه"),
        ("ALKSNTR", "Aleksandr Alexander Olexandr Александр"),
        ("SRK", "Sergei Sergey Serhii Sergej Сергей Сергій"),
        ("SNK", "Zhang Chang 张"),
        ("SE", "Xia Hsia"),
        ("KRS", "Qureshi Kureshi Coreishi قريشی"),
        ("KNSLS", "Gonzalez Gonsales"),
        ("JNS", "Ioannis Yannis Giannis Ιωάννης"),
        ("PSK", "Wójcik Voicik"),
        ("SMT", "Smith Smyth"),
        ("KTRN", "Catherine Katherine"),
        ("APTLRKMN", "Abdul-Rahman Abdurrahman عبدالرحمن"),
        ("KSN", "Al-Hassan ElHassan Hassan"),
        ("SNK", "Singh सिंह ਸਿੰਘ"),
        ("KM", "Kim Gim 김"),
        ("APNKLS", "Evangelos Evaggelos Ευάγγελος"),
    ],
)
def test_spellings_of_a_name_have_one_code(code, spellings):
    assert codes(*spellings.split()) == [code] * len(spellings.split())


@pytest.mark.parametrize(
    ("one", "other"),
    [("Katherine", "Katarzyna"), ("Li", "Lu"), ("Szczepan", "Stefan"), ("Maria", "Marta"), ("Wang", "Wan")],
)
def test_other_names_have_another_code(one, other):
    assert len(set(codes(one, other))) == 2


def test_a_text_without_known_sounds_is_its_own_code():
    assert codes("𒀀", None) == ["𒀀", None]


def test_texts_in_the_letters_a_to_z():
    texts = pl.Series(["ΓΕΩΡΓΙΟΣ", "ШЕВЧЕНКО", "SMITH", "عمر", None])
    assert latin_letters(texts).to_list() == ["GEORGIOS", "SHEVCHENKO", "SMITH", "AMR", None]


def test_beginnings_ends_and_initials():
    texts = pl.Series("name", ["SMITH", "LI", "J", "김민준", None])
    assert prefix(texts).to_list() == ["SMI", "LI", None, "김민준", None]
    assert prefix(texts, letters=4).to_list() == ["SMIT", "LI", None, "김민준", None]
    assert suffix(texts, letters=2).to_list() == ["TH", "LI", None, "민준", None]
    assert initial(texts).to_list() == ["S", "L", "J", "김", None]
    assert {of(texts).name for of in (prefix, suffix, initial, skeleton)} == {"name"}


def test_most_spellings_written_from_knowledge_agree_and_more_than_by_soundex():
    groups = pl.read_csv(Path(__file__).with_name("name_spellings.csv"))
    pairs = [pair for spellings in groups["spellings"] for pair in combinations(spellings.split(), 2)]
    left, right = (joined(*side) for side in zip(*pairs, strict=True))
    assert len(pairs) > 1000
    assert (skeleton(left) == skeleton(right)).mean() > 0.9
    assert (soundex(left) == soundex(right)).mean() < 0.7


def simulated(part):
    """Return names of people of all origins alike, as the simulator draws them."""
    uniform = draws(3, "names of a test", np.arange(40_000))
    origins = Labels(names.ORIGINS, (np.arange(len(uniform)) % len(names.ORIGINS)).astype(np.int8))
    if part == "family":
        return names.family_names(origins, uniform)
    return names.given_names(origins, np.arange(len(uniform)) // len(names.ORIGINS) % 2 == 0, uniform)


def of_faker(attribute):
    providers = (en_GB, en_IN, es_ES, fr_FR, id_ID, pl_PL, tr_TR, vi_VN, yo_NG)
    lists = (getattr(one.Provider, attribute) for one in providers)
    return pl.Series(sorted({str(name) for one in lists if isinstance(one, list | tuple | dict) for name in one}))


@pytest.mark.parametrize(
    "people",
    [
        pytest.param(lambda: simulated("given"), id="given names of the simulator"),
        pytest.param(lambda: simulated("family"), id="family names of the simulator"),
        pytest.param(lambda: of_faker("first_names"), id="given names of Faker"),
        pytest.param(lambda: of_faker("last_names"), id="family names of Faker"),
    ],
)
def test_two_people_agree_by_chance_hardly_more_often_than_by_soundex(people):
    drawn = joined(*people())
    drawn = drawn.filter(drawn.str.contains("^[A-Z]+$"))
    assert len(drawn) > 1000
    assert by_chance(skeleton(drawn)) < 1.5 * by_chance(soundex(drawn))


def by_chance(coded):
    """Return the share of pairs of people whose codes are equal."""
    people = coded.value_counts()["count"]
    return (people * (people - 1)).sum() / (len(coded) * (len(coded) - 1))


def soundex(texts):
    return pl.Series([jellyfish.soundex(text) for text in texts])


def test_the_spellings_are_not_the_tables_of_the_simulator():
    groups = pl.read_csv(Path(__file__).with_name("name_spellings.csv"))
    ours = {frozenset(pair) for spellings in groups["spellings"] for pair in combinations(spellings.split(), 2)}
    variants = table("name_variants").select(pl.col("name", "variant").str.to_uppercase())
    theirs = {frozenset(pair) for pair in variants.iter_rows()}
    assert len(ours & theirs) < 0.2 * len(ours)
