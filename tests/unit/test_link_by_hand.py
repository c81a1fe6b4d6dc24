"""Expected quality of links and u-probabilities of a few pairs, worked by hand."""

from fractions import Fraction

import polars as pl
import pytest

from linkage.comparisons import Comparison, Level
from linkage.quality import linkage_quality
from linkage.source_pair import DETERMINISTIC
from linkage.u_probabilities import sample_u
from pipeline.tables import connect


def test_expected_precision_and_recall_are_shares_of_match_probability() -> None:
    """Links at 0.9 and 0.8 are accepted, pairs at 0.5 and 0.3 are not: of 2 links and 2.5 matches 1.7 are both."""
    subjects = pl.DataFrame(
        {"source": ["a"] * 4 + ["b"] * 4, "subject_id": [1, 2, 3, 4] * 2, "sex": ["F", "M", "F", "M"] * 2},
    ).with_columns(age_group=pl.lit(None, pl.String), area=pl.lit(None, pl.String))
    clusters = subjects.select("source", "subject_id", person_id=pl.Series([1, 2, 3, 4, 1, 2, 5, 6]))
    links = pl.DataFrame(
        {"source_l": ["a"] * 4, "subject_id_l": [1, 2, 3, 4], "source_r": ["b"] * 4, "subject_id_r": [1, 2, 3, 4],
         "match_probability": [0.9, 0.8, 0.5, 0.3]},
    )  # fmt: skip
    quality = linkage_quality(subjects, clusters, links, [("a", "b")], {})
    found = {
        row["group"]: (row["match_rate"], row["expected_precision"], row["expected_recall"])
        for row in quality.iter_rows(named=True)
    }
    assert found == {
        "all": pytest.approx((2 / 4, 1.7 / 2, 1.7 / 2.5)),
        "sex=F": pytest.approx((1 / 2, 0.9, 0.9 / 1.4)),
        "sex=M": pytest.approx((1 / 2, 0.8, 0.8 / 1.1)),
    }


def test_u_is_the_share_of_agreement_among_pairs_known_to_be_two_people() -> None:
    """A woman and a man are each linked to themselves; another woman on either side is linked to nobody.

    Known to be two people: the linked woman with the man and with the other woman, the linked man with both women.
    One pair in four agrees, though five in all nine do.
    """
    connection = connect(1)
    for side in ("left", "right"):
        subjects = pl.DataFrame({"subject_id": [1, 2, 3], "sex": ["F", "M", "F"], DETERMINISTIC: [1, 2, None]})
        connection.register(f"{side}_subjects", subjects)
    sex = Comparison("sex", "sex", (Level("equal", ("sex",)), Level("different")))
    found = sample_u(connection, [sex], pairs=100, seed=1, stream="test")
    assert (found["sex", "equal"].share, found["sex", "equal"].total) == (Fraction(1, 4), 4)
    assert (found["sex", "different"].share, found["sex", "different"].pairs) == (Fraction(3, 4), 3)
