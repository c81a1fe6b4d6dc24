"""People on the list who are no residents: a worked example, made-up countries, and what is not measured."""

import json

import numpy as np
import polars as pl
import pytest

from estimation.coverage.over_coverage import over_coverage
from estimation.coverage.sampled_postcodes import at_sampled_postcodes, people_found, postcodes_of
from pipeline.schemas import OverCoverage

PLACE = ("F", "25-44")


def coverage(recall: float = 1.0, false_link_rate: float = 0.0, depth: int = 1) -> pl.DataFrame:
    """Return a table `coverage` of two classes, of which 1 and 2% are no residents."""
    groups = (("British",), ("Irish", "EU", "non_EU"))
    return pl.DataFrame({
        "survey_date": ["2017-06-30"] * 2, "coverage_class": ["one", "two"],
        "members": [json.dumps([[*PLACE, group] for group in one]) for one in groups],
        "share_erroneous": [0.01, 0.02], "surveyed": [50, 50], "recall": recall, "false_link_rate": false_link_rate,
        "trimming_depth": depth,
    }).with_columns(pl.col("survey_date").str.to_date())  # fmt: skip


def people(groups: list[str], depth: np.ndarray) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"nationality_group": groups, "trimming_depth": depth, "share": 1.0, "probability": 1.0}
    ).with_row_index("person_id")
    return frame.with_columns(pl.col("person_id").cast(pl.Int64), sex=pl.lit(PLACE[0]), age_group=pl.lit(PLACE[1]))


def survey(clusters: int, known: float = 1.0) -> pl.DataFrame:
    """Return ten answers in each cluster of two strata, of whom the share `known` is linked."""
    at = np.arange(clusters * 10)
    return pl.DataFrame({
        "stratum": np.where(at // 10 < clusters // 2, "A", "B"), "cluster": [f"{one // 10:04}" for one in at],
        "weight": 1.0, "share": 1.0, "known": (at % 10) < round(known * 10),
    })  # fmt: skip


def measured(listed: pl.DataFrame, surveyed: pl.DataFrame, places: pl.DataFrame, found: list[int], **more: float):
    table = over_coverage(
        coverage(**more),
        listed.with_columns(count=pl.lit(1.0), squares=pl.lit(1.0)),
        listed,
        surveyed,
        1_000,
        places,
        pl.Series(found),
    )
    checked = OverCoverage.validate(table.select(OverCoverage.column_names()), cast=True)
    return {row["nationality_group"]: row for row in checked.iter_rows(named=True)}


def places_of(listed: pl.DataFrame, clusters: int) -> pl.DataFrame:
    place = pl.col("person_id") % clusters
    return listed.select(
        "person_id",
        stratum=pl.when(place < clusters // 2).then(pl.lit("A")).otherwise(pl.lit("B")),
        cluster=place.cast(pl.String).str.zfill(4),
    )


def test_a_worked_example():
    """Of 100 British on the trimmed list 80 are found, of 20 others 12: of all 120, 92, where 96 residents would be.

    The EU's own rate is 5 in 10; of 10 more who are not on the trimmed list 4 are found, so of 20 there are 9 for 10.
    """
    listed = people(["British"] * 120 + ["EU"] * 20, np.array([1] * 100 + [0] * 20 + [1] * 10 + [0] * 10))
    found = [*range(80), *range(100, 112), *range(120, 125), *range(130, 134)]
    rows = measured(listed, survey(4), places_of(listed, 4), found)

    assert (rows["British"]["listed"], rows["British"]["found"]) == (120, 92)
    assert rows["British"]["expected_share_found"] == pytest.approx(0.8)
    assert rows["British"]["share_erroneous"] == pytest.approx(1 - 92 / 96)
    assert rows["EU"]["share_erroneous"] == pytest.approx(1 - 9 / 10)
    assert rows["all"]["share_erroneous"] == pytest.approx(1 - 101 / 106)
    assert rows["all"]["standard_error"] > 0
    assert rows["all"]["share_by_factor"] == pytest.approx((120 * 0.01 + 20 * 0.02) / 140)
    assert (rows["Irish"]["status"], rows["Irish"]["listed"]) == ("not measured", 0)
    assert rows["Irish"]["reason"] == "nobody of the group is listed at a sampled postcode"


def test_people_found_by_false_links_are_taken_off_both_rates():
    """40 people are surveyed, 28 linked: at recall 1 and b = 0.4 only 20 are known, and 8 of 1,000 falsely found."""
    listed = people(["British"] * 120, np.array([1] * 100 + [0] * 20))
    rows = measured(listed, survey(4, known=0.7), places_of(listed, 4), [*range(80), *range(100, 112)],
                    recall=1.0, false_link_rate=0.4)  # fmt: skip

    assert rows["British"]["share_erroneous"] == pytest.approx(1 - (92 - 120 * 0.008) / (120 * (0.8 - 0.008)))


def test_the_trimmed_list_is_that_of_the_class():
    listed = people(["British"] * 120, np.array([2] * 50 + [1] * 70))
    rows = measured(listed, survey(4), places_of(listed, 4), [*range(40), *range(50, 92)], depth=2)

    assert rows["British"]["share_erroneous"] == pytest.approx(1 - 82 / (120 * 0.8))


def test_it_finds_the_wrong_people_of_made_up_countries_within_its_standard_error():
    """Of 5,000 listed, half of them where the survey went, 6% have left; 85% of residents answer, by postcode."""
    errors, sizes = [], []
    for seed in range(60):
        draw = np.random.default_rng(seed)
        wrong = draw.random(5_000) < 0.06
        trimmed = ~wrong & (draw.random(5_000) < 0.7)
        listed = people(list(np.where(draw.random(5_000) < 0.8, "British", "EU")), trimmed.astype(int))
        at = np.arange(5_000) % 400
        answering = draw.beta(17, 3, 400)[at]
        found = np.flatnonzero((at < 200) & ~wrong & (draw.random(5_000) < answering))
        places = places_of(listed, 400).filter(pl.Series(at < 200))
        row = measured(listed, survey(400), places, found.tolist())["all"]
        errors.append(row["share_erroneous"] - wrong[at < 200].mean())
        sizes.append(row["standard_error"])

    assert abs(np.mean(errors)) < 0.003
    assert np.std(errors) < 1.1 * np.mean(sizes)
    assert np.mean(np.abs(errors) < 1.96 * np.array(sizes)) >= 0.9


def test_without_common_postcodes_it_is_not_measured_and_says_why():
    listed = people(["British"] * 20, np.ones(20, dtype=int))
    nowhere = places_of(listed, 4).clear()
    for places, found, reason in (
        (nowhere, [1], "share no postcode that was sampled"),
        (places_of(listed, 4), [], "nobody on the trimmed list at a sampled postcode was found"),
    ):
        rows = measured(listed, survey(4), places, found)
        assert {row["status"] for row in rows.values()} == {"not measured"}
        assert all(reason in row["reason"] for row in rows.values())
        assert rows["British"]["share_erroneous"] is None
        assert rows["British"]["share_by_factor"] == pytest.approx(0.01)


def test_people_are_where_their_postcode_on_the_spine_was_sampled(tmp_path):
    """Postcode 7 has two answers in cluster 1 and one in 2; 8 has one alone; the spine's 3 has moved from 9 to 7."""
    answers = pl.DataFrame({"subject_id": [1, 2, 3, 4], "stratum": "A", "cluster": ["1", "1", "2", "2"]})
    token = {"subject_id": pl.Int64, "postcode": pl.UInt64}
    of_survey = pl.DataFrame({"subject_id": [1, 2, 3, 4], "postcode": [7, 7, 7, 8]}, schema=token)
    of_spine = pl.DataFrame({"subject_id": [1, 2, 3, 4], "postcode": [7, 8, 7, None]}, schema=token)
    of_spine.write_parquet(tmp_path / "pds.parquet")
    clusters = pl.DataFrame(
        [("pds", 1, 10), ("pds", 2, 20), ("pds", 3, 30), ("coverage_survey", 1, 10), ("coverage_survey", 4, 40)],
        schema=["source", "subject_id", "person_id"],
        orient="row",
    )
    found = at_sampled_postcodes(answers, of_survey, postcodes_of(tmp_path / "pds.parquet"), clusters, "pds")

    assert found.rows() == [(10, "A", "1"), (30, "A", "1")]
    assert people_found(answers, clusters).to_list() == [10, 40]
    assert postcodes_of(tmp_path / "nothing.parquet").is_empty()
