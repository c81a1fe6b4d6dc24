"""People of an earlier run keep their numbers, and merges and splits are logged: small examples by hand."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.stored_people import StoredPeople, named_as_before, renumbered
from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contracts

Person = dict[str, int]  # the key of a subject of source s -> its person


def keys(people: Person) -> pl.DataFrame:
    schema = {"source": pl.String, "key": pl.UInt64, "person_id": pl.Int64}
    return pl.DataFrame([("s", int(key), person) for key, person in people.items()], schema=schema, orient="row")


def named(before: Person, now: Person, largest: int = 0) -> tuple[Person, set[tuple[int, int, str]]]:
    """Return the person of each key under the numbers of stored people, and what happened to stored ones."""
    clusters = keys(now).with_columns(subject_id=pl.col("key").cast(pl.Int64), draw=0).drop("key")
    renamed, changes = named_as_before(clusters, keys(now), keys(before), max([largest, *before.values()]))
    return dict(renamed.select(pl.col("subject_id").cast(pl.String), "person_id").iter_rows()), set(changes.rows())


def test_people_keep_their_numbers_in_any_order_and_new_ones_get_higher_ones():
    before = {"1": 7, "2": 7, "3": 4}
    now = {"9": 1, "3": 2, "1": 3, "2": 3}
    assert named(before, now) == ({"9": 8, "3": 4, "1": 7, "2": 7}, set())


def test_a_new_number_is_above_that_of_every_stored_person():
    assert named({"1": 7}, {"1": 1, "2": 2}, largest=20)[0] == {"1": 7, "2": 21}


def test_two_people_who_are_one_now_have_the_number_of_the_larger():
    before = {"1": 1, "2": 2, "3": 2}
    assert named(before, {"1": 1, "2": 1, "3": 1}) == ({"1": 2, "2": 2, "3": 2}, {(1, 2, "merged")})


def test_the_larger_part_of_a_person_who_is_two_keeps_the_number():
    before = {"1": 5, "2": 5, "3": 5}
    assert named(before, {"1": 1, "2": 2, "3": 2}) == ({"1": 6, "2": 5, "3": 5}, {(5, 6, "split")})


def test_equal_parts_are_decided_by_the_smaller_number():
    assert named({"1": 5, "2": 5}, {"1": 1, "2": 2}) == ({"1": 5, "2": 6}, {(5, 6, "split")})
    assert named({"1": 1, "2": 2}, {"1": 9, "2": 9}) == ({"1": 1, "2": 1}, {(2, 1, "merged")})


def test_a_person_of_whom_nothing_is_left_is_gone():
    assert named({"1": 1, "2": 2}, {"2": 1}) == ({"2": 2}, {(1, 1, "gone")})


def test_subjects_that_another_draw_moves_go_to_the_same_numbers():
    """In draw 1 subject 3 is with person 1, who is stored as 8; persons of draws alone get new numbers."""
    clusters = pl.DataFrame(
        {"source": ["s"] * 5, "subject_id": [1, 2, 3, 3, 2], "draw": [0, 0, 0, 1, 1], "person_id": [1, 2, 3, 1, 9]}
    )
    renamed, _ = named_as_before(clusters, keys({"1": 1, "2": 2, "3": 3}), keys({"1": 8, "2": 2, "3": 3}), 8)
    assert renamed["person_id"].to_list() == [8, 2, 3, 8, 9]


@given(st.dictionaries(st.integers(1, 40).map(str), st.integers(1, 15)), st.data())
def test_renaming_never_joins_or_parts_people(before, data):
    now = data.draw(st.dictionaries(st.integers(1, 40).map(str), st.integers(1, 15), min_size=1))
    people, changes = named(before, now)
    for one in now:
        for other in now:
            assert (now[one] == now[other]) == (people[one] == people[other])
    stayed = {key for key in before if key in now and before[key] == people[key]}
    assert {before[key] for key in before if key not in stayed and key in now} <= {old for old, _, _ in changes}


def test_a_run_that_is_not_finished_or_has_another_key_is_refused(tmp_path):
    with pytest.raises(UserError, match="not a finished run"):
        StoredPeople.read(tmp_path, read_contracts(), "abc")
    (tmp_path / "manifest.json").write_text(json.dumps({"key_id": "other"}))
    with pytest.raises(UserError, match="another key"):
        StoredPeople.read(tmp_path, read_contracts(), "abc")
    (tmp_path / "manifest.json").write_text(json.dumps({"key_id": "abc"}))
    with pytest.raises(UserError, match="has no people"):
        StoredPeople.read(tmp_path, read_contracts(), "abc")


def test_two_people_who_may_be_one_keep_their_probability_under_their_new_numbers():
    """Persons 1 and 3 become 9 and 4: the smaller number stands first again."""
    before = pl.DataFrame({"person_id": [1, 1, 2, 3]})
    after = pl.DataFrame({"person_id": [9, 9, 5, 4]})
    two = pl.DataFrame({"person_id": [1], "other_person_id": [3], "probability": [0.4]})
    assert renumbered(two, before, after).rows() == [(4, 9, 0.4)]
