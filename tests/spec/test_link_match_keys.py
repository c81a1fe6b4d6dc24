import polars as pl
import pytest

from linkage.match_keys import MatchKey, link_by_keys, read_match_keys
from pipeline.errors import UserError

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


def test_two_keys_of_one_id_are_a_mistake(tmp_path):
    one = '[[key]]\nid = "same"\nsays = ""\ncolumns = ["a", "b"]\nmatch_probability = 0.9\n'
    (tmp_path / "keys.toml").write_text(one + one)
    with pytest.raises(UserError, match="two match-keys have the id 'same'"):
        read_match_keys(tmp_path / "keys.toml")
