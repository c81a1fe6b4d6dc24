"""How many people are counted twice and joined with others, and how many pairs are right, worked by hand."""

import polars as pl
import pytest

from linkage.assess import Assessed
from linkage.link_errors import PAIRS_OF_TWO, RELATIVE_ERROR, link_errors, two_who_may_be_one
from linkage.quality import estimates
from pipeline.schemas import LinkErrors

PAIR = {"l": pl.Int64, "r": pl.Int64, "source_l": pl.Int64, "source_r": pl.Int64}
SUBJECTS = pl.DataFrame(
    {
        "node": [0, 1, 2, 3, 4],
        "source": [0, 0, 1, 1, 1],
        "person": [1, 2, 1, 3, 4],
        "nationality_group": ["British", "EU", "British", "EU", None],
    }
)
"""Person 1 has a subject in either source, 2 in source 0, 3 and 4 in source 1."""


def assessed(joined=(), missed=(), unseen=()):
    def frame(rows, more):
        return pl.DataFrame(list(rows), schema=PAIR | more, orient="row")

    return Assessed(
        frame(joined, {"p": pl.Float64, "q": pl.Float64}),
        frame(missed, {"p": pl.Float64, "conflict": pl.Boolean}),
        frame(unseen, {"pairs": pl.Float64}),
        {}, {}, (), {},
    )  # fmt: skip


def errors_of(subjects, found):
    return link_errors(subjects, found, two_who_may_be_one(subjects, found))


def errors(found, counted=(0, 1)):
    table = errors_of(SUBJECTS.filter(pl.col("source").is_in(counted)), found)
    LinkErrors.validate(table, cast=True)
    return {row["nationality_group"]: row for row in table.iter_rows(named=True)}


def test_two_people_who_may_be_one_count_with_the_probability_that_they_are():
    found = errors(assessed(missed=[(1, 3, 0, 1, 0.4, False)]))
    assert found["all"]["people"] == 4
    assert found["all"]["counted_twice"] == found["EU"]["counted_twice"] == pytest.approx(0.4)
    assert found["British"]["counted_twice"] == 0
    assert found["EU"]["counted_twice_se"] == pytest.approx(
        (0.4 * 0.6 + (0.4 * RELATIVE_ERROR) ** 2) ** 0.5, abs=2e-3
    )


def test_two_people_count_once_whichever_of_them_has_the_first_subject_of_a_pair():
    """Persons 1 and 3 may be one by nodes 0 and 3, and by nodes -1 and 2, of which 3 has the first."""
    subjects = pl.concat([SUBJECTS, SUBJECTS.filter(node=3).with_columns(node=pl.lit(-1, pl.Int64))])
    found = assessed(missed=[(0, 3, 0, 1, 0.4, False), (-1, 2, 1, 1, 0.3, False)])
    table = errors_of(subjects, found)
    assert table.filter(nationality_group="all")["counted_twice"].item() == pytest.approx(0.4)


def test_two_people_who_may_be_one_are_a_row_with_the_likeliest_of_their_pairs():
    """A pair that is in conflict counts only if either person has no other subject."""
    found = assessed(missed=[(1, 3, 0, 1, 0.4, False), (1, 2, 0, 1, 0.3, True), (1, 4, 0, 1, 0.2, False)])
    two = two_who_may_be_one(SUBJECTS, found)
    assert two.select("one", "other", "p").rows() == [(1, 2, 0.3), (2, 3, 0.4), (2, 4, 0.2)]
    assert two_who_may_be_one(SUBJECTS.filter(pl.col("node") != 3), found)["other"].to_list() == [2, 4]


def test_two_people_are_of_the_group_that_is_recorded_of_either():
    """Somebody whose nationality nobody records counts as British: person 1 may be the EU national 3."""
    found = errors(assessed(missed=[(0, 3, 0, 1, 0.4, False)]))
    assert (found["EU"]["counted_twice"], found["British"]["counted_twice"]) == (pytest.approx(0.4), 0)


def test_a_subject_with_the_wrong_person_counts_nobody_twice_unless_it_is_alone():
    """Node 0 may belong to person 3, of whom node 3 is all: person 3 is then counted twice."""
    alone = errors(assessed(missed=[(0, 3, 0, 1, 0.2, True)]))
    assert alone["all"]["counted_twice"] == pytest.approx(0.2)
    subjects = pl.concat(
        [SUBJECTS, SUBJECTS.filter(node=3).with_columns(node=pl.lit(5, pl.Int64), source=pl.lit(2, pl.Int64))]
    )
    with_others = errors_of(subjects, assessed(missed=[(0, 3, 0, 1, 0.2, True)]))
    assert with_others.filter(nationality_group="all")["counted_twice"].item() == 0


def test_pairs_that_nobody_proposed_are_people_by_the_pairs_that_two_have():
    found = errors(assessed(unseen=[(0, 2, 0, 1, 3.0)]))
    assert found["all"]["counted_twice_unseen"] == pytest.approx(3.0 / PAIRS_OF_TWO)
    assert found["all"]["counted_twice"] == found["all"]["counted_twice_unseen"]


def test_whose_records_a_joined_person_has_is_in_the_error_of_a_group():
    """Person 1 is joined with .5, person 2 (after a subject more) with .25: .5 of .75 are British."""
    subjects = pl.concat(
        [SUBJECTS, SUBJECTS.filter(node=1).with_columns(node=pl.lit(5, pl.Int64), source=pl.lit(1, pl.Int64))]
    )
    found = errors_of(subjects, assessed(joined=[(0, 2, 0, 1, 0.9, 0.5), (1, 5, 0, 1, 0.9, 0.75)]))
    row = {one["nationality_group"]: one for one in found.iter_rows(named=True)}
    own = {"British": 0.5 * 0.5 + (0.5 * RELATIVE_ERROR) ** 2, "EU": 0.25 * 0.75 + (0.25 * RELATIVE_ERROR) ** 2}
    for group, variance in own.items():
        assert row[group]["joined_se"] ** 2 == pytest.approx(variance + 0.5 * 0.25, abs=2e-3)
    of_all = 0.5 * 0.5 + 0.25 * 0.75 + (0.75 * RELATIVE_ERROR) ** 2
    assert row["all"]["joined_se"] ** 2 == pytest.approx(of_all, abs=2e-3)


def test_a_person_is_joined_if_its_least_probable_pair_is_wrong():
    found = errors(assessed(joined=[(0, 2, 0, 1, 0.9, 0.95)]))
    assert found["all"]["joined"] == found["British"]["joined"] == pytest.approx(0.05)


def test_people_whom_no_counted_source_has_are_nobody():
    found = errors(assessed(missed=[(1, 3, 0, 1, 0.4, False)]), counted=(0,))
    assert found["all"]["people"] == 2
    assert found["all"]["counted_twice"] == 0


def test_of_two_sources_that_share_hardly_anybody_no_precision_and_no_recall_are_given():
    """Nineteen joined pairs tell nothing; of twenty, one is expected to be wrong, and five to be missed."""
    table = pl.DataFrame(
        {"joined": [19, 20, 0], "right": [18.0, 19.0, 0.0], "apart": [0.0, 3.0, 30.0], "unseen": [0.0, 2.0, 0.0]}
    )
    found = estimates(table)
    assert found["precision_estimate"].to_list() == [None, 0.95, None]
    assert found["recall_estimate"].to_list() == [None, pytest.approx(19 / 24), 0.0]
    for name in ("precision", "recall"):
        known = found.drop_nulls(f"{name}_estimate")
        assert (known[f"{name}_low"] <= known[f"{name}_estimate"]).all()
        assert (known[f"{name}_estimate"] <= known[f"{name}_high"]).all()
        assert found[f"{name}_low"].null_count() == found[f"{name}_estimate"].null_count()
