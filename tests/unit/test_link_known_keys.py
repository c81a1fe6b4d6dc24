"""Pairs that a key free of one part of an identity finds, by hand."""

from datetime import date

import polars as pl
from link_population import people, subjects_of

from linkage.known_keys import pairs_by_keys

ANN = {
    "given_name": "Ann",
    "family_name": "Lee",
    "date_of_birth": date(1980, 1, 2),
    "sex": "F",
    "postcode": "AB1 2CD",
}
EVA = ANN | {"given_name": "Eva", "date_of_birth": date(1990, 5, 6), "postcode": "ZE1 9ZZ"}


def found(folder, left, right):
    subjects = subjects_of(folder, {"a": people(*left), "b": people(*right)})
    pairs = pairs_by_keys(subjects, [(0, 1)])
    return {
        part: pairs.filter(pl.col("left_out") == part).select("l", "r").rows() for part in ("name", "date", "place")
    }


def test_each_key_finds_people_whatever_the_part_that_it_leaves_out(tmp_path):
    moved = ANN | {"postcode": "EF3 4GH"}
    assert found(tmp_path / "moved", [ANN], [moved]) == {"name": [], "date": [], "place": [(0, 1)]}
    misdated = ANN | {"date_of_birth": date(1981, 1, 2)}
    assert found(tmp_path / "misdated", [ANN], [misdated]) == {"name": [], "date": [(0, 1)], "place": []}
    renamed = ANN | {"given_name": "Zoe", "family_name": "Roy"}
    assert found(tmp_path / "renamed", [ANN], [renamed]) == {"name": [(0, 1)], "date": [], "place": []}


def test_values_that_two_subjects_of_a_source_share_find_nobody(tmp_path):
    twin = ANN | {"given_name": "Amy"}
    assert found(tmp_path, [ANN, twin], [ANN, EVA])["name"] == []
    assert found(tmp_path / "again", [ANN, EVA], [ANN, EVA])["place"] == [(0, 2), (1, 3)]


def test_a_child_with_a_parents_name_is_not_the_parent(tmp_path):
    child = ANN | {"date_of_birth": date(2010, 1, 2)}
    assert found(tmp_path, [ANN], [child]) == {"name": [], "date": [], "place": []}


def test_a_key_counts_only_if_both_sources_record_it(tmp_path):
    nowhere = {name: value for name, value in ANN.items() if name != "postcode"}
    assert found(tmp_path, [ANN], [nowhere]) == {"name": [], "date": [], "place": [(0, 1)]}
