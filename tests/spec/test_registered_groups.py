"""Survey people whom no source knows are counted in the groups in which a register would have them."""

import polars as pl
import pytest

from estimation.coverage.registered_groups import as_registered

AGE = "25-44"


def people(*rows: tuple[bool, str | None, str | None, int], came: bool = False) -> pl.DataFrame:
    """Return people from rows of known, group at registration, answer and number."""
    each = [(known, group, answer) for known, group, answer, number in rows for _ in range(number)]
    schema = {"known": pl.Boolean, "nationality_group": pl.String, "answer": pl.String}
    return pl.DataFrame(each, schema=schema, orient="row").with_columns(
        subject_id=pl.int_range(pl.len()), age_group=pl.lit(AGE), share=pl.lit(1.0), came=pl.lit(came)
    )


def counted(frame: pl.DataFrame, *, known: bool) -> dict[str, float]:
    rows = frame.filter(known=known).group_by("nationality_group").agg(pl.col("share").sum())
    return dict(rows.iter_rows())


KNOWN = [
    (True, "non_EU", "British", 30), (True, "non_EU", "non_EU", 70), (True, "EU", "EU", 50),
    (True, "British", "British", 200), (True, "Irish", None, 5),
]  # fmt: skip
"""Three of ten of a group have naturalised, none of the other; five people do not say."""


def test_those_who_have_naturalised_are_found_among_those_who_answer_that_they_are_british() -> None:
    """Of 35 who answer non-EU, 35 x 0.3 / 0.7 = 15 more have become British. Of 100 who answer, 50 are non-EU, 10 EU
    and 40 British, and so are those 10 who do not answer.
    """
    frame = people(*KNOWN, (False, None, "non_EU", 35), (False, None, "EU", 10), (False, None, "British", 55),
                   (False, None, None, 10))  # fmt: skip
    found = as_registered(frame)
    assert counted(found, known=False) == pytest.approx({"non_EU": 55, "EU": 11, "British": 44})
    assert counted(found, known=True) == {"non_EU": 100, "EU": 50, "British": 200, "Irish": 5}
    shares = found.group_by("subject_id").agg(pl.col("share").sum())
    assert shares.height == frame.height
    assert shares["share"].to_list() == pytest.approx([1.0] * frame.height)
    assert "answer" not in found.columns


def test_no_more_have_naturalised_than_answer_that_they_are_british() -> None:
    found = as_registered(people(*KNOWN, (False, None, "non_EU", 35), (False, None, "British", 6)))
    assert counted(found, known=False) == pytest.approx({"non_EU": 41})


def test_each_age_is_as_its_own_answers_say() -> None:
    older = people((False, None, "British", 20)).with_columns(
        age_group=pl.lit("65+"), subject_id=pl.int_range(pl.len()) + 1_000
    )
    found = as_registered(pl.concat([people(*KNOWN, (False, None, "non_EU", 7), (False, None, "British", 9)), older]))
    by_age = found.filter(~pl.col("known")).group_by("age_group", "nationality_group").agg(pl.col("share").sum())
    assert {row[:2]: row[2] for row in by_age.iter_rows()} == pytest.approx(
        {(AGE, "non_EU"): 10, (AGE, "British"): 6, ("65+", "British"): 20}
    )


def test_each_age_has_naturalised_as_its_own_known_people_have() -> None:
    """Of all who are known 70 of 200 have naturalised: of this age 30 of 100, of the older 40, each drawn to 0.35
    by 20 people: 37 / 120 and 47 / 120. Of those of this age who are not known 83 answer non-EU: 37 more have become
    British; of the older 73, and 47 more.
    """
    older = people((True, "non_EU", "British", 40), (True, "non_EU", "non_EU", 60), (False, None, "non_EU", 73),
                   (False, None, "British", 100)).with_columns(age_group=pl.lit("65+"))  # fmt: skip
    here = people(*KNOWN, (False, None, "non_EU", 83), (False, None, "British", 100))
    found = as_registered(pl.concat([here, older]).with_columns(subject_id=pl.int_range(pl.len())))
    by_age = found.filter(~pl.col("known")).group_by("age_group", "nationality_group").agg(pl.col("share").sum())
    assert {row[:2]: row[2] for row in by_age.iter_rows()} == pytest.approx(
        {(AGE, "non_EU"): 120, (AGE, "British"): 63, ("65+", "non_EU"): 120, ("65+", "British"): 53}
    )


def test_people_of_whom_nobody_answers_are_british_and_a_survey_of_known_people_changes_nothing() -> None:
    assert counted(as_registered(people((False, None, None, 3))), known=False) == {"British": 3}
    unknown = people((True, "EU", None, 4), (False, None, "EU", 2), (False, None, "British", 2))
    assert counted(as_registered(unknown), known=False) == pytest.approx({"EU": 2, "British": 2})
    whole = people(*KNOWN)
    assert as_registered(whole).equals(whole.drop("answer", "came"))


def test_those_who_came_from_abroad_are_compared_with_others_who_did() -> None:
    """Of a group 90 of 100 born here answer British, and of 100 who came 10: of those who came and are not known 9
    answer that they are of the group, and 1 more has become British. Nobody born here answers so, and none is added.
    """
    born_here = people((True, "EU", "British", 90), (True, "EU", "EU", 10), (False, None, "British", 50))
    came = people((True, "EU", "British", 10), (True, "EU", "EU", 90), (False, None, "EU", 9),
                  (False, None, "British", 20), came=True)  # fmt: skip
    found = as_registered(pl.concat([born_here, came]).with_columns(subject_id=pl.int_range(pl.len())))
    assert counted(found, known=False) == pytest.approx({"EU": 10, "British": 69})
    assert "came" not in found.columns
