"""Simulated recovery: coverage factors estimate the residents whom lists miss, despite missed and false links."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from chapman_variance import chapman_variance

from estimation.coverage.counted_once import counted_once
from estimation.coverage.dual_system import chapman
from estimation.coverage.estimate import CoverageEstimate, estimate_coverage
from estimation.coverage.linkage_error import LinkageError
from pipeline.study import CoverageSettings

RESIDENTS, CLUSTER_SIZE, SAMPLED = 9_000, 15, 150
RECALL, FALSE = 0.96, 0.10
PERFECT = LinkageError(1.0, 0.0, 0.0, 0.0)
GROUPS = ("British", "EU", "non_EU")
KNOWN = np.array([0.97, 0.88, 0.80])
SHARE_LISTED, SHARE_TRIMMED = 0.96, 0.6
"""Of the residents known to some source, the share on the list; of those, the share on the trimmed list."""
GONE, GONE_LISTED = 1_500, 400
"""People known who are no residents, and those of them who are still on the list, though not on the trimmed one."""


def one_survey(draw: np.random.Generator, links: LinkageError) -> tuple[pl.DataFrame, pl.DataFrame, int, np.ndarray]:
    """Return list, survey, number of people known, and true residents by nationality group of one country."""
    group = draw.choice(3, RESIDENTS, p=[0.8, 0.12, 0.08])
    known = draw.random(RESIDENTS) < KNOWN[group]
    on_list = known & (draw.random(RESIDENTS) < SHARE_LISTED)
    trimmed = on_list & (draw.random(RESIDENTS) < SHARE_TRIMMED)
    gone = draw.choice(3, GONE_LISTED, p=[0.5, 0.3, 0.2])
    listed = people(group[on_list]).with_columns(trimming_depth=pl.Series(trimmed[on_list]).cast(pl.Int32))
    listed = pl.concat([listed, people(gone).with_columns(trimming_depth=pl.lit(0))])
    everyone_known = int(known.sum()) + GONE
    cluster = np.arange(RESIDENTS) // CLUSTER_SIZE
    sampled = np.isin(cluster, draw.choice(RESIDENTS // CLUSTER_SIZE, SAMPLED, replace=False))
    found = sampled & (draw.random(RESIDENTS) < 0.9)
    linked = np.where(known, draw.random(RESIDENTS) < links.recall, False)
    falsely = ~known & (draw.random(RESIDENTS) < links.false_link_rate)
    somebody = (
        draw.random(RESIDENTS) * everyone_known
    )  # the trimmed first, then the rest of the list, then the others
    surveyed = (
        people(group)
        .with_columns(
            stratum=pl.lit("A"),
            cluster=pl.Series(cluster).cast(pl.String),
            weight=pl.lit(RESIDENTS / CLUSTER_SIZE / SAMPLED),
            age=pl.lit(30),
            known=pl.Series(linked | falsely),
            listed=pl.Series((linked & on_list) | (falsely & (somebody < listed.height))),
            trimming_depth=pl.Series((linked & trimmed) | (falsely & (somebody < int(trimmed.sum())))).cast(pl.Int32),
        )
        .with_columns(counted=pl.col("listed").cast(pl.Float64))
    )
    return listed, surveyed.filter(pl.Series(found)), everyone_known, np.bincount(group)


def people(group: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({"nationality_group": np.array(GROUPS)[group]}).with_columns(
        sex=pl.lit("F"),
        age_group=pl.lit("25-44"),
        age=pl.lit(30),
        share=pl.lit(1.0),
        probability=pl.lit(1.0),
        people=pl.lit(1.0),
        people_error=pl.lit(0.0),
    )


def shares_of_all(result: CoverageEstimate) -> tuple[float, float]:
    """Return the share of residents who are not on the list, and the share of the list that is no resident."""
    table = result.table
    missed = (table["share_missed"] * table["estimated"]).sum() / table["estimated"].sum()
    return missed, (table["share_erroneous"] * table["listed"]).sum() / table["listed"].sum()


def counted(listed: pl.DataFrame) -> pl.DataFrame:
    """Return the list as counts of one."""
    return listed.with_columns(count=pl.lit(1.0), squares=pl.lit(1.0))


def estimated(result: CoverageEstimate, group: str) -> tuple[float, float]:
    """Return estimate and standard error of the class that contains a nationality group."""
    here = [["F", "25-44", group] in json.loads(text) for text in result.table["members"]]
    row = result.table.filter(pl.Series(here)).row(0, named=True)
    return row["estimated"], row["standard_error"] * row["listed"]


def total(result: CoverageEstimate) -> tuple[float, float]:
    size = dict(result.table.select("coverage_class", "estimated").iter_rows())
    both = [size[left] * size[right] for left, right in result.covariance.select("class_l", "class_r").iter_rows()]
    return sum(size.values()), float(np.dot(both, result.covariance["covariance"].to_numpy())) ** 0.5


@pytest.fixture(scope="module")
def scores() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(20170630)
    settings = CoverageSettings(
        minimum_matches=50, replicates=60, declared_error=0, children_error=0, list_dependence=0.0
    )
    truth = LinkageError(RECALL, 0.006, FALSE, 0.03)
    found: dict[str, list[float]] = {"total": [], "British": [], "EU": [], "bias": []}
    found |= {"missed": [], "erroneous": []}
    for seed in range(150):
        listed, surveyed, known, true = one_survey(draw, truth)
        review = LinkageError(draw.normal(RECALL, 0.006), 0.006, max(draw.normal(FALSE, 0.03), 0.0), 0.03)
        result = estimate_coverage(counted(listed), listed, surveyed, known, review, settings, seed)
        estimate, error = total(result)
        found["total"].append((estimate - RESIDENTS) / error)
        found["bias"].append(estimate / RESIDENTS - 1)
        missed, erroneous = shares_of_all(result)
        found["missed"].append(missed - float(np.dot(true, 1 - KNOWN * SHARE_LISTED)) / RESIDENTS)
        found["erroneous"].append(erroneous - GONE_LISTED / listed.height)
        for group, size in (("British", true[0]), ("EU", true[1])):
            value, spread = estimated(result, group)
            found[group].append((value - size) / spread)
    return {name: np.array(values) for name, values in found.items()}


@pytest.mark.parametrize("name", ["total", "British", "EU"])
def test_intervals_contain_the_true_residents_about_95_times_in_100(scores, name):
    assert 0.90 <= float(np.mean(np.abs(scores[name]) < 1.96)) <= 0.995


def test_the_total_is_nearly_unbiased(scores):
    assert abs(float(np.mean(scores["bias"]))) < 0.002


def test_the_share_of_residents_missed_by_the_list_is_nearly_unbiased(scores):
    """False links of people whom no source knows: most are to the full list, half to the trimmed list."""
    assert abs(float(np.mean(scores["missed"]))) < 0.0012


def test_a_group_that_is_linked_worse_has_matches_divided_by_its_own_recall():
    """EU nationals are linked as well as others, but for 20% fewer: without their own recall a fourth too many."""
    links = LinkageError(1.0, 0.0, 0.0, 0.0)
    listed, surveyed, known, _ = one_survey(np.random.default_rng(5), links)
    settings = CoverageSettings(minimum_matches=50, replicates=20)
    missed = (pl.col("nationality_group") == "EU") & (pl.int_range(pl.len()) % 5 == 0)
    worse = surveyed.with_columns(
        pl.when(missed).then(False).otherwise(pl.col("known", "listed")).name.keep(),
        counted=pl.when(missed).then(0.0).otherwise("counted"),
    )
    own = replace(links, of_groups={"EU": (0.8, 0.05)})

    def residents(surveyed: pl.DataFrame, links: LinkageError) -> tuple[float, float]:
        return estimated(estimate_coverage(counted(listed), listed, surveyed, known, links, settings, 1), "EU")

    true, error = residents(surveyed, links)
    assert residents(worse, links)[0] == pytest.approx(true / 0.8, rel=0.03)
    found, own_error = residents(worse, own)
    assert found == pytest.approx(true, rel=0.03)
    assert own_error**2 - error**2 > (0.04 * true) ** 2


@pytest.fixture(scope="module")
def with_people_twice() -> dict[str, float]:
    """Return by how much residents of the EU are estimated too high, with 3% of them listed twice.

    In each of 150 countries, the same one with each of them once. Of twice as many, linkage says with a probability
    of a half that the person is somebody else as well, off the spine; of half of them it is right. Whether the second
    person has signs of residence does not depend on the first, and survey people are found on the spine.
    """
    draw = np.random.default_rng(20150630)
    settings = CoverageSettings(minimum_matches=50, replicates=20)
    links = LinkageError(RECALL, 0.0, FALSE, 0.0)
    found: dict[str, list[float]] = {"as they stand": [], "counted once": []}
    for seed in range(150):
        listed, surveyed, known, _ = one_survey(draw, links)
        listed = listed.with_columns(person_id=pl.int_range(pl.len()))
        of_group = listed.filter(pl.col("nationality_group") == "EU")["person_id"].to_numpy()
        doubted = draw.choice(of_group, round(0.06 * len(of_group)), replace=False)
        is_twice = draw.random(len(doubted)) < 0.5
        second = len(listed) + np.arange(len(doubted))
        signs = pl.Series(draw.random(len(doubted)) < SHARE_TRIMMED).cast(pl.Int32)
        twice = people(np.ones(len(doubted), dtype=int)).with_columns(person_id=second, trimming_depth=signs)
        # Of the others the second one is a person, too, who is somebody of the list already: nobody is added.
        others = draw.choice(np.setdiff1d(of_group, doubted), int((~is_twice).sum()), replace=False)
        other = second.copy()
        other[~is_twice] = others
        two = pl.DataFrame({"person_id": doubted, "other_person_id": other, "probability": 0.5})
        errors = pl.DataFrame(
            {"nationality_group": ["all"], "counted_twice": [0.5 * len(doubted)], "counted_twice_unseen": [0.0],
             "counted_twice_se": [0.0]}
        )  # fmt: skip
        doubled = pl.concat([listed, twice.filter(pl.Series(is_twice)).select(listed.columns)])
        once = counted_once(doubled, two, errors, listed.filter(~pl.col("person_id").is_in(others))["person_id"])
        true = estimated(estimate_coverage(counted(listed), listed, surveyed, known, links, settings, seed), "EU")[0]
        for name, one in (("as they stand", doubled), ("counted once", once)):
            result = estimate_coverage(counted(one), one, surveyed, known, links, settings, seed)
            found[name].append(estimated(result, "EU")[0] / true - 1)
    return {name: float(np.mean(values)) for name, values in found.items()}


def test_people_who_are_listed_twice_are_taken_off_before_they_are_a_numerator(with_people_twice) -> None:
    assert with_people_twice["as they stand"] > 0.025
    assert abs(with_people_twice["counted once"]) < 0.005


def test_the_share_of_the_list_that_is_wrong_is_nearly_unbiased(scores):
    assert abs(float(np.mean(scores["erroneous"]))) < 0.002


def worked_example(links: LinkageError, **settings) -> dict:
    """Return the row of `coverage` of one class whose false links go to three lists of different sizes.

    2,000 people are known, 1,200 of them listed and 1,000 trimmed. Of 1,000 surveyed 800 are known, 600 listed
    and 500 trimmed; 90% of them are linked, and of the other 200 people 20%, 40, anywhere among the known: so
    720 + 40 links, 540 + 24 to the list and 450 + 20 to the trimmed list.
    """
    listed = people(np.zeros(1_200, dtype=int)).with_columns(
        trimming_depth=(pl.int_range(pl.len()) < 1_000).cast(pl.Int32)
    )
    at = pl.int_range(pl.len())
    surveyed = people(np.zeros(1_000, dtype=int)).with_columns(
        stratum=pl.lit("A"), cluster=at.cast(pl.String), weight=pl.lit(2.0), age=pl.lit(30),
        known=at < 760, listed=at < 564, counted=(at < 564) * 1.0, trimming_depth=(at < 470).cast(pl.Int32),
    )  # fmt: skip
    options = CoverageSettings(
        minimum_matches=10_000, declared_error=0, children_error=0, list_dependence=0.0, **settings
    )
    return estimate_coverage(counted(listed), listed, surveyed, 2_000, links, options, 1).table.row(0, named=True)


def test_false_links_go_to_each_list_as_often_as_it_has_known_people():
    row = worked_example(LinkageError(0.9, 0.0, 0.2, 0.0))

    assert row["estimated"] == pytest.approx(1_001 * 1_001 / 501 - 1)
    assert row["share_missed"] == pytest.approx(1 - 600 / 1_000)
    assert row["share_erroneous"] == pytest.approx(1 - 0.6 * (1_001 * 1_001 / 501 - 1) / 1_200)


def test_a_false_link_rate_that_is_not_known_makes_the_factor_less_certain():
    """At a rate b, K = (760 - 1000 b) / (0.9 - b) are known and N is that of (470 - b (1000 - K) / 2) / 0.9 matches.

    At the prior, 0, that is 1,001 x 1,001 / (522.2 + 1) - 1 = 1,914.1; one standard deviation above it, 0.1, 13.7
    matches fewer (at 0.1 K is 825 and 175 people are unknown: 8.75 links are false) make 1,951.
    """
    certain, unknown = (worked_example(LinkageError(0.9, 0.0, 0.0, error)) for error in (0.0, float("inf")))

    assert unknown["estimated"] == certain["estimated"] == pytest.approx(1_001 * 1_001 / (470 / 0.9 + 1) - 1)
    at_one_sd = worked_example(LinkageError(0.9, 0.0, 0.1, 0.0))["estimated"]
    assert at_one_sd == pytest.approx(1_001 * 1_001 / ((470 - 8.75) / 0.9 + 1) - 1)
    assert certain["standard_error_linkage"] == 0
    spread = unknown["standard_error_linkage"] * unknown["listed"]
    assert spread == pytest.approx(at_one_sd - certain["estimated"], rel=0.25)


def test_without_the_correction_missed_links_count_as_missed_people():
    links = LinkageError(RECALL, 0, FALSE, 0)
    listed, surveyed, known, _ = one_survey(np.random.default_rng(3), links)
    naive, corrected = (
        estimate_coverage(counted(listed), listed, surveyed, known, errors, CoverageSettings(replicates=20), 1)
        for errors in (PERFECT, links)
    )

    assert total(naive)[0] > 1.02 * total(corrected)[0]


def test_the_bootstrap_agrees_with_the_formula_for_a_simple_random_survey():
    # Clusters of one person, perfect links, one class: Var(factor x listed) is Chapman's, given n1 and n2.
    draw = np.random.default_rng(7)
    listed, surveyed, known, _ = one_survey(draw, PERFECT)
    surveyed = surveyed.with_columns(cluster=pl.int_range(pl.len()).cast(pl.String), weight=pl.lit(1.0))
    settings = CoverageSettings(minimum_matches=10_000, replicates=1_500)
    row = estimate_coverage(counted(listed), listed, surveyed, known, PERFECT, settings, 1).table.row(0, named=True)
    sizes = listed["trimming_depth"].sum(), surveyed.height, row["matches"]

    assert row["estimated"] == pytest.approx(float(chapman(*sizes)))
    assert row["standard_error_linkage"] == 0
    # With n1 given the survey is a sample from the infinite population of recaptures: no factor 1 - m / n1.
    with_replacement = chapman_variance(*sizes) / (1 - row["matches"] / sizes[0])
    assert row["standard_error_sampling"] * row["listed"] == pytest.approx(with_replacement**0.5, rel=0.06)


def test_a_class_without_missed_people_still_has_a_standard_error():
    listed = people(np.zeros(200, dtype=int)).with_columns(trimming_depth=pl.lit(1))
    surveyed = people(np.zeros(80, dtype=int)).with_columns(
        stratum=pl.lit("A"), cluster=pl.int_range(pl.len()).cast(pl.String), weight=pl.lit(2.5), age=pl.lit(30),
        known=pl.lit(value=True), listed=pl.lit(value=True), counted=pl.lit(1.0), trimming_depth=pl.lit(1),
    )  # fmt: skip
    row = estimate_coverage(
        counted(listed), listed, surveyed, 200, PERFECT, CoverageSettings(replicates=20), 1
    ).table.row(0, named=True)

    assert row["factor"] == pytest.approx(1.0)
    # One more person missed, p = 81 / 82: (1 - p) / (p n) = 1 / (81 x 80), of which 1 - 80 / 200 is left since 80 of
    # the 200 residents answered; and the declared error of 0.04%. Nobody is missed by the list, so nobody by both.
    assert row["standard_error"] ** 2 == pytest.approx(0.6 / (81 * 80) + 0.0004**2, rel=1e-6)


def half_of_a_country(weight: float) -> dict:
    """Return the row of `coverage` where 900 of 1,000 are listed, and 450 of 500 who were asked are found there."""
    listed = people(np.zeros(900, dtype=int)).with_columns(trimming_depth=pl.lit(1))
    at = pl.int_range(pl.len())
    surveyed = people(np.zeros(500, dtype=int)).with_columns(
        stratum=pl.lit("A"), cluster=at.cast(pl.String), weight=pl.lit(weight), age=pl.lit(30),
        known=at < 450, listed=at < 450, counted=(at < 450) * 1.0, trimming_depth=(at < 450).cast(pl.Int32),
    )  # fmt: skip
    settings = CoverageSettings(
        minimum_matches=10_000, replicates=400, declared_error=0, children_error=0, list_dependence=0.5
    )
    return estimate_coverage(counted(listed), listed, surveyed, 900, PERFECT, settings, 1).table.row(0, named=True)


def test_a_survey_of_much_of_the_country_leaves_little_to_chance() -> None:
    """With weights of 1.6 the answers stand for 800 of 1,000: 500 / 800 of those who would answer were asked.

    So the variance is three eighths of that of a small sample, and 0.1 x 0.2 / (0.9 x 0.8 x 1,000) of who answers.
    Weights of 1 stand for half of the country, those of 0.5 for none that could be: then nothing is taken off.
    """
    small, large = half_of_a_country(0.5), half_of_a_country(1.6)
    relative = [(row["standard_error_sampling"] / row["factor"]) ** 2 for row in (small, large)]
    assert relative[0] == pytest.approx(0.1 / (0.9 * 500), rel=0.15)
    assert relative[1] == pytest.approx(relative[0] * 3 / 8 + 0.1 * 0.2 / (0.9 * 0.8 * 1000), rel=0.01)


def test_people_whom_the_list_misses_may_miss_the_survey_too() -> None:
    """A tenth is not listed and a fifth does not answer: 2% are missed by both, times 0.5 for the odds ratio."""
    row = half_of_a_country(1.6)
    assert row["standard_error_dependence"] / row["factor"] == pytest.approx(0.5 * 0.1 * 0.2, rel=0.01)


def test_draws_depend_on_the_seed():
    draw = np.random.default_rng(11)
    listed, surveyed, known, _ = one_survey(draw, PERFECT)
    review = LinkageError(RECALL, 0.01, FALSE, 0.05)
    one, same, other = (
        estimate_coverage(counted(listed), listed, frame, known, review, CoverageSettings(replicates=20), seed).table
        for frame, seed in ((surveyed, 1), (surveyed.reverse(), 1), (surveyed, 2))
    )

    assert one["standard_error"].to_list() == pytest.approx(same["standard_error"].to_list(), rel=1e-6)
    assert one["factor"].to_list() == pytest.approx(other["factor"].to_list(), rel=1e-9)
    assert one["standard_error"].to_list() != other["standard_error"].to_list()


def test_the_declared_error_of_children_is_theirs_alone():
    """Of 200 people 50 are children: a class of children has the error, one of adults not, one of all a quarter."""
    ages = np.repeat(["0-15", "25-44"], [50, 150])
    listed = people(np.zeros(200, dtype=int)).with_columns(trimming_depth=pl.lit(1), age_group=pl.Series(ages))
    surveyed = listed.with_columns(
        stratum=pl.lit("A"), cluster=pl.int_range(pl.len()).cast(pl.String), weight=pl.lit(1.0), age=pl.lit(30),
        known=pl.lit(value=True), listed=pl.lit(value=True), counted=pl.lit(1.0),
    )  # fmt: skip

    def declared(minimum: int, listed: pl.DataFrame = listed) -> list[float]:
        settings = CoverageSettings(minimum_matches=minimum, replicates=20, declared_error=0, children_error=0.004)
        found = estimate_coverage(counted(listed), listed, surveyed, 200, PERFECT, settings, 1)
        own = found.covariance.filter(pl.col("class_l") == pl.col("class_r"))
        return sorted(own["declared"].sqrt().to_list())

    assert declared(40) == pytest.approx([0.0, 0.004])
    assert declared(10_000) == pytest.approx([0.001])
    calibrated = listed.with_columns(probability=pl.lit(0.99))
    assert declared(40, calibrated) == pytest.approx([0.0, 0.003])  # three tenths of the 1% that is taken off
    half = pl.when(pl.int_range(pl.len()) < 25).then(0.99).otherwise(1.0)
    assert declared(40, listed.with_columns(probability=half)) == pytest.approx([0.0, 0.0035])
