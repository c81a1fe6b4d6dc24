from datetime import date

import polars as pl
import pytest
from link_population import people as people_in_clear
from link_population import tokens_of

from linkage.match_keys import MatchKey, link_by_keys, read_match_keys
from pipeline.errors import UserError
from pipeline.ingest.features import COMPOSITES, VALUES

STRICT = MatchKey(id="all_three", says="", columns=("name", "birth", "postcode"), match_probability=0.999)
LOOSE = MatchKey(id="two_of_them", says="", columns=("name", "birth"), match_probability=0.9)


def people(*rows):
    return pl.DataFrame(rows, schema=["subject_id", "name", "birth", "postcode"], orient="row")


def linked(left, right, *keys):
    return [row[:3] for row in link_by_keys(left, right, keys).rows()]


def test_a_key_links_those_who_agree_on_all_of_its_columns():
    left, right = people((1, 7, 70, 700), (2, 8, 80, 800)), people((5, 7, 70, 700), (6, 8, 80, 801))
    assert linked(left, right, STRICT) == [(1, 5, "all_three")]


def test_nobody_is_linked_by_a_key_that_two_people_of_a_source_share():
    left, right = people((1, 7, 70, 700)), people((5, 7, 70, 700), (6, 7, 70, 700))
    assert linked(left, right, STRICT) == []


def test_subjects_linked_by_a_strict_key_no_longer_block_a_looser_one():
    # 1 and 2 share name and birth; once 1 is linked by postcode, 2 is the only one left
    left = people((1, 7, 70, 700), (2, 7, 70, 999))
    right = people((5, 7, 70, 700), (6, 7, 70, 888))
    assert linked(left, right, STRICT, LOOSE) == [(1, 5, "all_three"), (2, 6, "two_of_them")]


def test_an_unknown_value_agrees_with_nothing():
    left, right = people((1, 7, 70, None)), people((5, 7, 70, None))
    assert linked(left, right, STRICT) == []


def test_a_key_is_skipped_where_a_source_lacks_a_column():
    left, right = people((1, 7, 70, 700)), people((5, 7, 70, 700)).drop("postcode")
    assert linked(left, right, STRICT, LOOSE) == [(1, 5, "two_of_them")]


def test_the_keys_of_the_package_go_from_strict_to_looser():
    keys = read_match_keys()
    assert len(keys) >= 10
    assert keys[0].columns == ("given_name", "family_name", "date_of_birth", "sex", "postcode")
    assert [key.without_model for key in keys] == sorted(key.without_model for key in keys)
    assert keys[-1].match_probability < keys[0].match_probability


def attributes_of(column):
    """Return the attributes of a person that a column of tokens is made of."""
    parts = COMPOSITES.get(column, (column,))
    known = {"first_name": "given_name", "full_name": "names", "family_initial": "family_name",
             "given_initial": "given_name"}  # fmt: skip
    return {known.get(part, "date_of_birth" if part.startswith("birth") else part.partition("_")[0] + "_name"
                      if part.startswith(("given_", "family_")) else part)
            for part in parts}  # fmt: skip


def test_for_each_kind_of_identifier_there_are_keys_without_it():
    used = [set().union(*map(attributes_of, key.columns)) for key in read_match_keys()]
    # names in any order contain both
    used = [one | {"given_name", "family_name"} if "names" in one else one for one in used]
    for kind in ("given_name", "family_name", "date_of_birth", "sex", "postcode"):
        assert any(kind not in one for one in used), kind
    strict = [one for key, one in zip(read_match_keys(), used, strict=True) if not key.without_model]
    for kind in ("family_name", "date_of_birth", "sex", "postcode"):
        assert any(kind not in one for one in strict), kind


def test_every_column_of_a_key_is_a_column_of_tokens():
    columns = {"sex", "birth_month", *VALUES, *COMPOSITES}
    assert {column for key in read_match_keys() for column in key.columns} <= columns


# one person twice, and what is withheld or wrong in the second source: some key still links them
PERSON = {"given_name": "Elena", "family_name": "Marchetti", "date_of_birth": date(1980, 3, 7), "sex": "F",
          "postcode": "AB1 2CD"}  # fmt: skip


@pytest.mark.parametrize("value", [None, "other"])
@pytest.mark.parametrize("kind", list(PERSON))
def test_whoever_lacks_one_identifier_or_has_a_wrong_one_is_still_linked(kind, value):
    other = {"given_name": "Wojtek", "family_name": "Nguyen", "date_of_birth": date(1951, 11, 23), "sex": "M",
             "postcode": "ZE1 9ZZ"}  # fmt: skip
    second = PERSON | {kind: other[kind] if value else None}
    found = link_by_keys(tokens_of(people_in_clear(PERSON)), tokens_of(people_in_clear(second)), read_match_keys())
    assert found.height == 1, (kind, value)


def test_two_keys_of_one_id_are_a_mistake(tmp_path):
    one = '[[key]]\nid = "same"\nsays = ""\ncolumns = ["a", "b"]\nmatch_probability = 0.9\n'
    (tmp_path / "keys.toml").write_text(one + one)
    with pytest.raises(UserError, match="two match-keys have the id 'same'"):
        read_match_keys(tmp_path / "keys.toml")
