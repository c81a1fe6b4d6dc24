"""How coverage classes merge: nationality groups first, then ages, then sexes, the British last of all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimation.coverage.classes import CELLS, class_name, members, merge_classes


def by_name(matches, minimum=50):
    return {class_name(one): one for one in merge_classes(matches, minimum)}


ENOUGH = dict.fromkeys(CELLS, 60)


def test_classes_with_enough_matches_are_not_merged():
    assert len(merge_classes(ENOUGH, 50)) == len(CELLS) == 40


def test_a_nationality_group_short_of_matches_joins_its_smaller_neighbour():
    classes = by_name(ENOUGH | {("F", "25-44", "EU"): 10, ("F", "25-44", "Irish"): 55})

    assert "F 25-44 Irish+EU" in classes
    assert "F 25-44 non_EU" in classes
    assert len(classes) == 39


def test_the_british_are_merged_with_other_ages_before_other_groups():
    classes = by_name(ENOUGH | {("M", "65+", group): 5 for group in ("Irish", "EU", "non_EU")})

    assert "M 65+ British" in classes
    assert "M 65+ Irish+EU+non_EU" not in classes
    assert any("M 65+ Irish" in name and "M 45-64" in name for name in classes)


def test_sexes_merge_when_ages_do_not_suffice():
    few = ENOUGH | {cell: 3 for cell in CELLS if cell[2] != "British"}  # 15 cells of each sex: 45 matches
    classes = by_name(few)

    assert "F+M 0-15+16-24+25-44+45-64+65+ Irish+EU+non_EU" in classes
    assert len(classes) == 11


def test_all_cells_make_one_class_where_matches_are_few():
    assert by_name({("F", "0-15", "British"): 12}) == {"all": tuple(sorted(CELLS, key=CELLS.index))}


def test_members_are_the_json_of_cells():
    assert json.loads(members((("F", "0-15", "EU"), ("M", "0-15", "EU")))) == [
        ["F", "0-15", "EU"],
        ["M", "0-15", "EU"],
    ]


def test_a_class_that_is_not_a_full_block_is_named_by_its_cells():
    assert class_name((("F", "0-15", "EU"), ("F", "16-24", "Irish"))) == "F 0-15 EU, F 16-24 Irish"


@given(st.dictionaries(st.sampled_from(CELLS), st.integers(0, 120)), st.integers(1, 100))
def test_every_cell_belongs_to_one_class_and_every_class_has_enough(matches, minimum):
    classes = merge_classes(matches, minimum)

    assert sorted(cell for one in classes for cell in one) == sorted(CELLS)
    assert len({class_name(one) for one in classes}) == len(classes)
    sizes = [sum(matches.get(cell, 0) for cell in one) for one in classes]
    assert len(classes) == 1 or min(sizes) >= minimum


@pytest.mark.parametrize("minimum", [1, 50])
def test_the_order_of_the_matches_does_not_matter(minimum):
    matches = {cell: (7 * i) % 40 for i, cell in enumerate(CELLS)}

    assert merge_classes(matches, minimum) == merge_classes(dict(reversed(matches.items())), minimum)
