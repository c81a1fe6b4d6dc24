"""People of the list who may be one with somebody else stand for less than one resident."""

import polars as pl
import pytest

from estimation.coverage.counted_once import counted_once

ON_SPINE = pl.Series("person_id", [1, 2, 3, 4])


def link_errors(twice: float, unseen: float, error: float) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "nationality_group": ["all", "EU"], "counted_twice": [twice, 9.0], "counted_twice_unseen": [unseen, 9.0],
            "counted_twice_se": [error, 9.0],
        }
    )  # fmt: skip


def stand_for(
    *two: tuple[int, int, float], listed: tuple[int, ...] = (1, 2, 3, 5, 6), errors: pl.DataFrame | None = None
) -> dict[int, tuple[float, float]]:
    schema = {"person_id": pl.Int64, "other_person_id": pl.Int64, "probability": pl.Float64}
    found = counted_once(
        pl.DataFrame({"person_id": listed, "people": 1.0, "people_error": 0.0}),
        pl.DataFrame(two, schema=schema, orient="row"),
        link_errors(10.0, 0.0, 3.0) if errors is None else errors,
        ON_SPINE,
    )
    assert found["person_id"].to_list() == list(listed)
    return {row["person_id"]: (row["people"], row["people_error"]) for row in found.iter_rows(named=True)}


def test_of_two_who_may_be_one_whoever_is_off_the_spine_is_taken_off() -> None:
    """People are looked for on the spine. The probability has three tenths of itself as its error."""
    people = stand_for((1, 5, 0.4))
    assert people.pop(5) == pytest.approx((0.6, 0.4 * 0.3))
    assert set(people.values()) == {(1.0, 0.0)}


def test_whoever_may_be_one_with_somebody_who_is_not_listed_stays() -> None:
    """Four is on the spine and not on the list, which has the person once, as six."""
    assert stand_for((4, 6, 0.5))[6] == (1.0, 0.0)


def test_of_two_who_are_both_on_the_spine_or_both_off_it_each_stands_for_half() -> None:
    people = stand_for((1, 2, 1.0), (5, 6, 0.5))
    assert [people[one][0] for one in (1, 2, 5, 6)] == pytest.approx([0.5, 0.5, 0.75, 0.75])


def test_whoever_may_be_one_with_several_is_left_if_none_of_them_is() -> None:
    assert stand_for((1, 5, 0.5), (2, 5, 0.2))[5][0] == pytest.approx(0.5 * 0.8)


def test_pairs_that_no_rule_proposed_are_where_the_others_are() -> None:
    """Linkage expects twelve people twice, three of them by pairs that it does not know: a third of the nine."""
    errors = link_errors(12.0, 3.0, 3.0)
    people = stand_for((1, 5, 0.3), (2, 6, 0.9), errors=errors)
    assert people[5] == pytest.approx((1 - 0.4, 0.4 * 0.25))
    assert people[6][0] == 0


def test_without_such_pairs_everybody_stands_for_one() -> None:
    assert set(stand_for(errors=link_errors(0.0, 0.0, 0.0)).values()) == {(1.0, 0.0)}
