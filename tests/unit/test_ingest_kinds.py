"""Kinds of identifiers are declared: what describes a person, direct identifiers, what corroborates."""

from datetime import date

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.ingest import ingest as stage
from pipeline.ingest.check_digits import passes
from pipeline.ingest.columns import PARTS_OF_A_PERSON
from pipeline.ingest.contracts import read_contract

CARD = 'card = { header = "CARD", type = "text", identifier = "library_card" }'
NATIONALITY = 'header = "A", type = "code", codes = "country_name", corroborates = "nationality"'
CONTRACT = f"""
source = "library"
person_key = "card"

[extracts.library]
unique = ["card"]

[extracts.library.columns]
{CARD}
"""


@pytest.fixture
def library(tmp_path):
    def of(*columns, contract=CONTRACT):
        path = tmp_path / "library.toml"
        path.write_text(contract + "\n".join(columns), encoding="utf-8")
        return read_contract(path).extracts["library"]

    return of


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (
            'a = { header = "A", type = "text", identifier = "street_name" }',
            "columns.a': unknown kind of identifier 'street_name'. Did you mean 'street'? A number or key that",
        ),
        (
            'a = { header = "A", type = "text", identifier = "street_name" }',
            "key that identifies one person is a direct identifier: declare it by direct = true.",
        ),
        ('a = { header = "A", type = "text", identifier = "post_code" }', "Did you mean 'postcode'?"),
        ('a = { header = "A", type = "text", identifier = "surname" }', "Did you mean 'family_name'?"),
        ('a = { header = "A", type = "text", identifier = "first_name" }', "Did you mean 'given_name'?"),
        ('a = { header = "A", type = "date", identifier = "dob" }', "Did you mean 'date_of_birth'?"),
        ('a = { header = "A", type = "text", identifier = "nhs_number" }', "Valid: given_name, middle_name,"),
        ('a = { header = "A", type = "text", identifier = "postcode", direct = true }', "Remove 'direct'"),
        ('a = { header = "A", type = "text", direct = true, pattern = "a" }', "'direct' is for an identifier"),
        ('a = { header = "A", type = "text", identifier = "nationality", direct = true }', "a name of Sojourn's own"),
        (
            'a = { header = "A", type = "text", identifier = "postcode", check_digit = "nino" }',
            "for a direct identifier",
        ),
        (
            'a = { header = "A", type = "text", identifier = "n", direct = true, check_digit = "luhn" }',
            "Input should be 'nhs_number', 'nino' or 'husid'",
        ),
        ('a = { header = "A", type = "text", identifier = "birth_year" }', "must be of type 'integer'"),
        ('a = { header = "A", type = "integer", identifier = "house" }', "must be of type 'text'"),
        ('a = { header = "A", type = "integer", identifier = "age" }', "needs 'age_on'"),
        ('a = { header = "A", type = "text", identifier = "street", age_on = 2011-03-27 }', "needs 'age_on'"),
        ('a = { header = "A", type = "integer", identifier = "age", age_on = "b" }', "'age_on' of 'a' is 'b'"),
        ('a = { header = "A", type = "integer", identifier = "age", age_on = "card" }', "'age_on' of 'a' is 'card'"),
        ('a = { header = "A", type = "integer", min = 0, max = "data_date" }', "cannot be 'data_date'"),
        ('a = { header = "A", type = "date", corroborates = "nationality" }', "must be a code or a text"),
        (
            'a = { header = "A", type = "integer", min = 0, max = 9, corroborates = "nationality" }',
            "a code or a text",
        ),
        ('a = { header = "A", type = "text", pattern = "[A-Z]", corroborates = "first_arrival" }', "must be a date"),
        (
            'a = { header = "A", type = "date", identifier = "date_of_birth", corroborates = "first_arrival" }',
            "is no identifier",
        ),
        ('a = { header = "A", type = "text", pattern = "[A-Z]", corroborates = "religion" }', "Input should be"),
        (
            f"a = {{ {NATIONALITY} }}\nb = {{ {NATIONALITY.replace('A', 'B', 1)} }}",
            "two columns have corroborates = 'nationality'",
        ),
    ],
)
def test_a_mistake_in_a_kind_names_the_column_and_the_remedy(library, column, words):
    with pytest.raises(UserError) as error:
        library(column)
    assert words in str(error.value)


def test_a_misspelt_person_key_is_named_before_what_follows_from_it(library):
    with pytest.raises(UserError, match="needs the person key 'kard', which is not one of its columns"):
        library(contract=CONTRACT.replace('person_key = "card"', 'person_key = "kard"'))


def test_every_describing_kind_can_be_declared_may_be_missing_and_becomes_null(library):
    written = {"date_of_birth": "date", "birth_year": "integer", "age": "integer", "sex": "code"}
    more = {"sex": ', codes = "sex_letter"', "age": ", age_on = 2011-03-27"}
    extract = library(
        *(
            f'{kind} = {{ header = "{kind}", type = "{written.get(kind, "text")}", identifier = "{kind}"'
            f"{more.get(kind, '')} }}"
            for kind in PARTS_OF_A_PERSON
        )
    )
    assert extract.nulled == PARTS_OF_A_PERSON
    assert not any(extract.columns[kind].required for kind in PARTS_OF_A_PERSON)
    assert (extract.columns["age"].min, extract.columns["age"].max) == (0, 130)
    assert (extract.columns["birth_year"].min, extract.columns["birth_year"].max) == (1800, "data_date")
    assert extract.columns["card"].required
    assert set(extract.attributes) == {"sex"}


def test_several_dates_can_stand_for_the_first_arrival(library):
    extract = library(
        'a = { header = "A", type = "date", corroborates = "first_arrival" }',
        'b = { header = "B", type = "date", corroborates = "first_arrival", required = false }',
    )
    assert extract.corroborating("first_arrival") == ["a", "b"]


NUMBERS = {
    # 943 476 5919: the example of the NHS Data Dictionary; 9876543210 by hand: 9*10+8*9+...+1*2 = 330, 330 % 11 = 0
    "nhs_number": (
        ["9434765919", "9876543210", "0000000000"],
        ["9434765918", "9434756919", "943476591", "94347659190"],
    ),
    # by hand: 1*3+1*7+5*9+6*1+1*9 = 70, so 0; 1*3+1*7+5*9+6*1+2*9 = 79, so 1
    "husid": (
        ["0115600000010", "0115600000021"],
        ["0115600000011", "0151600000010", "011560000001", "A115600000010"],
    ),
    "nino": (
        ["AB123456C", "ZY000000A"],
        ["QQ123456C", "AO123456C", "BG123456A", "AB12345C", "AB123456E", "AB123456"],
    ),
}


@pytest.mark.parametrize("check", list(NUMBERS))
def test_numbers_pass_or_fail_their_check(check):
    good, bad = NUMBERS[check]
    numbers = pl.DataFrame({"number": [*good, *bad, None]})
    passed = numbers.select(passes(pl.col("number"), check)).to_series().to_list()
    assert passed == [True] * len(good) + [False] * len(bad) + [None]


@pytest.mark.parametrize("place", range(10))
def test_every_wrong_digit_of_an_nhs_number_is_found(place):
    number = "9434765919"
    wrong = [f"{number[:place]}{digit}{number[place + 1 :]}" for digit in "0123456789" if digit != number[place]]
    assert not pl.DataFrame({"n": wrong}).select(passes(pl.col("n"), "nhs_number")).to_series().any()


# what linkage is given


def identities(library, rows, *columns, dated_by="seen"):
    seen = 'seen = { header = "SEEN", type = "date" }'
    contract = CONTRACT.replace('unique = ["card"]', f'unique = ["card"]\ndated_by = "{dated_by}"')
    extract = library(seen, *columns, contract=contract)
    frame = pl.DataFrame(rows).with_row_index("record_id", offset=1).with_columns(pl.col("record_id").cast(pl.Int64))
    found = stage._identities(frame, extract, 0)
    return stage._in_order([found], ["library_card"])


def test_an_age_becomes_the_years_in_which_the_person_can_have_been_born(library):
    rows = {
        "subject_id": [1, 2, 3, 4, 5],
        "card": list("ABCDE"),
        "seen": [date(2018, 7, 1), date(2018, 12, 31), date(2018, 1, 1), None, date(2018, 7, 1)],
        "age": [30, 30, 0, 30, None],
    }
    by_column = identities(
        library, rows, 'age = { header = "AGE", type = "integer", identifier = "age", age_on = "seen" }'
    )
    # 30 on 1 July 2018: born from 2 July 1987 to 1 July 1988; 30 on 31 December: born in 1988
    years = by_column.sort("subject_id").select("birth_year_from", "birth_year_to")
    assert years.rows() == [(1987, 1988), (1988, 1988), (2017, 2018), (None, None), (None, None)]
    assert years.dtypes == [pl.Int32, pl.Int32]
    by_date = identities(
        library, rows, 'age = { header = "AGE", type = "integer", identifier = "age", age_on = 2011-12-31 }'
    )
    assert by_date.sort("subject_id")["birth_year_from"].to_list() == [1981, 1981, 2011, 1981, None]


def test_kinds_and_corroborating_attributes_arrive_by_their_names(library):
    rows = {
        "subject_id": [1, 1, 2],
        "card": ["A", "A", "B"],
        "seen": [date(2018, 1, 2), date(2017, 1, 1), date(2019, 1, 1)],
        "came": [date(2016, 5, 5), date(2016, 6, 6), None],
        "number": ["1a", "1a", None],
        "nation": ["PL", None, "IT"],
        "year": [1981, 1981, None],
    }
    frame = identities(
        library,
        rows,
        'came = { header = "C", type = "date", corroborates = "first_arrival", required = false }',
        'number = { header = "N", type = "text", identifier = "house" }',
        'nation = { header = "NAT", type = "code", codes = "country_alpha2", corroborates = "nationality" }',
        'year = { header = "Y", type = "integer", identifier = "birth_year" }',
    )
    frame = frame.sort("subject_id", "last")
    assert frame.select("subject_id", "house", "nationality", "birth_year", "first_arrival").rows() == [
        (1, "1a", None, 1981, date(2016, 5, 5)),
        (1, "1a", "PL", 1981, date(2016, 5, 5)),
        (2, None, "IT", None, None),
    ]
    assert frame.schema["birth_year"] == pl.Int32
    assert "country_of_birth" not in frame.columns
