"""Recall and false-link rate of the survey's links: read, shrunk, drawn, and refused where linkage is too poor."""

import numpy as np
import polars as pl
import pytest

from estimation.coverage.linkage_error import (
    LinkageError,
    check_separation,
    draw_linkage_errors,
    survey_linkage_error,
)
from pipeline.errors import UserError


def quality(
    *rates: float | None,
    expected: tuple[float | None, ...] = (None, None, None),
    precision: tuple[float | None, ...] = (None, None, None),
    linked: int = 900,
) -> pl.DataFrame:
    """Return `linkage_quality` with the rates of a review: recall and its error, false-link rate and its error.

    `expected` is the recall that linkage expects, with its limits, and `precision` that of its links, of `linked`
    among 1,000 survey people.
    """
    names = ["review_recall", "review_recall_se", "review_false_link_rate", "review_false_link_rate_se"]
    names += ["recall_estimate", "recall_low", "recall_high", "precision_estimate", "precision_low", "precision_high"]
    values = dict(zip(names, (*rates, *expected, *precision), strict=True))
    who = {"source_l": "coverage_survey", "source_r": "pds", "group": "all", "subjects_l": 1_000, "linked": linked}
    row = who | values
    return pl.DataFrame([row], schema_overrides=dict.fromkeys(names, pl.Float64))


def test_a_review_is_read_as_it_is():
    assert survey_linkage_error(quality(0.97, 0.01, 0.2, 0.05), "pds") == LinkageError(0.97, 0.01, 0.2, 0.05)


def test_recall_is_that_of_the_review_and_of_linkage_by_their_precision():
    """0.96 with 0.02, and 0.99 with (1.02 - 0.96) / 6 = 0.01, so four times the weight: 0.984; 1 / (1/4 + 1)
    of 0.01^2 is left. A review that has no error stands.
    """
    found = survey_linkage_error(quality(0.96, 0.02, 0.2, 0.05, expected=(0.99, 0.96, 1.02)), "pds")
    assert (found.recall, found.recall_error) == (pytest.approx(0.984), pytest.approx(0.01 * 0.8**0.5))
    assert (found.false_link_rate, found.false_link_error) == (0.2, 0.05)
    certain = survey_linkage_error(quality(1.0, 0.0, 0.0, 0.0, expected=(0.99, 0.96, 1.02)), "pds")
    assert (certain.recall, certain.recall_error) == (1.0, 0.0)


def test_groups_have_the_recall_that_linkage_expects_of_them_beside_that_of_all():
    """EU nationals: 0.97 for 0.99 of all; limits of 0.03 to either side are 0.01, of which all share 0.006."""
    of_all = quality(0.97, 0.01, 0.2, 0.05, expected=(0.99, 0.972, 1.008))
    of_group = quality(None, None, None, None, expected=(0.97, 0.94, 1.0)).with_columns(
        group=pl.lit("nationality_group=EU")
    )
    unknown = quality(None, None, None, None).with_columns(group=pl.lit("nationality_group=non_EU"))
    found = survey_linkage_error(pl.concat([of_all, of_group, unknown]), "pds")
    assert found.of_groups == {"EU": (pytest.approx(0.97 / 0.99), pytest.approx(0.008))}
    alone = survey_linkage_error(pl.concat([quality(0.97, 0.01, 0.2, 0.05), of_group]), "pds")
    assert alone.of_groups == {}


def test_a_review_that_contradicts_what_linkage_expects_stands():
    """0.90 with 0.01 and 0.99 with 0.01 differ by 6.4 joint errors; 0.96 and 0.99 by 2.1, and are averaged."""
    expected = (0.99, 0.96, 1.02)
    assert survey_linkage_error(quality(0.90, 0.01, 0.2, 0.05, expected=expected), "pds") == LinkageError(
        0.90, 0.01, 0.2, 0.05
    )
    assert survey_linkage_error(quality(0.96, 0.01, 0.2, 0.05, expected=expected), "pds").recall == pytest.approx(
        0.975
    )


def test_false_links_are_those_of_the_review_and_of_linkage_by_their_precision():
    """Of 900 links 0.98 are right: 882, of 0.98 who are on the spine, so 100 of 1,000 people are not.

    18 false links among them are 0.18, with (0.9996 - 0.9604) / 3.92 x 900 / 100 = 0.09; the review has 0.09 with
    0.09: together 0.135, and half of the variance. Without a rate of the review, that of linkage stands.
    """
    precision = (0.98, 0.9604, 0.9996)
    both = survey_linkage_error(quality(0.98, 0.0, 0.09, 0.09, precision=precision), "pds")
    assert both.false_link_rate == pytest.approx(0.135)
    assert both.false_link_error == pytest.approx(0.09 / 2**0.5)
    alone = survey_linkage_error(quality(0.98, 0.0, None, None, precision=precision), "pds")
    assert (alone.false_link_rate, alone.false_link_error) == (pytest.approx(0.18), pytest.approx(0.09))
    assert alone.false_link_rate_is_known


def test_a_review_that_contradicts_what_linkage_expects_of_false_links_stands_and_says_so():
    """0.58 with 0.01, and 0.18 with 0.09, differ by 4.4 joint errors; 0.09 with 0.09 and 0.18 agree."""
    precision = (0.98, 0.9604, 0.9996)
    stands = survey_linkage_error(quality(0.98, 0.0, 0.58, 0.01, precision=precision), "pds")
    assert (stands.false_link_rate, stands.false_link_error, stands.contradicted) == (0.58, 0.01, True)
    assert not survey_linkage_error(quality(0.98, 0.0, 0.09, 0.09, precision=precision), "pds").contradicted


def test_where_everybody_is_on_the_spine_linkage_shows_no_false_link_rate():
    """980 right links are all of 1,000 whom a recall of 0.98 leaves."""
    links = survey_linkage_error(quality(0.98, 0.01, None, None, precision=(1.0, 0.99, 1.0), linked=980), "pds")
    assert not links.false_link_rate_is_known


def test_links_of_which_none_was_found_again_show_no_false_link_rate():
    links = survey_linkage_error(quality(0.0, 0.01, None, None, precision=(0.98, 0.97, 0.99)), "pds")
    assert not links.false_link_rate_is_known
    with pytest.raises(UserError, match="too few of the links are right"):
        check_separation(links)


@pytest.mark.parametrize("rate", [(None, None), (0.2, None)])
def test_a_false_link_rate_that_no_review_shows_becomes_the_prior(rate):
    # Fewer than ten reviewed people are not on the spine: no rate is given. That is no certain zero.
    assert survey_linkage_error(quality(0.97, 0.01, *rate), "pds").shrunk() == LinkageError(0.97, 0.01, 0.0, 0.1)


@pytest.mark.parametrize("recall", [(None, None), (0.97, None)])
def test_a_review_without_recall_or_its_error_is_refused(recall):
    with pytest.raises(UserError, match="or too few of them.*'review_sample'"):
        survey_linkage_error(quality(*recall, 0.2, 0.05), "pds")


def test_draws_of_a_rate_have_its_mean_and_error():
    recall, rate = draw_linkage_errors(LinkageError(0.97, 0.01, 0.2, 0.05), 40_000, seed=1)

    assert (recall.mean(), recall.std()) == (pytest.approx(0.97, abs=2e-4), pytest.approx(0.01, rel=0.02))
    assert (rate.mean(), rate.std()) == (pytest.approx(0.2, abs=1e-3), pytest.approx(0.05, rel=0.02))


def test_draws_of_a_rate_at_its_bound_are_as_far_from_it_as_its_error():
    recall, rate = draw_linkage_errors(LinkageError(1.0, 0.02, 0.0, 0.1), 40_000, seed=1)

    assert rate.min() >= 0
    assert recall.max() <= 1
    assert np.mean(rate**2) ** 0.5 == pytest.approx(0.1, rel=0.02)
    assert np.mean((1 - recall) ** 2) ** 0.5 == pytest.approx(0.02, rel=0.02)


def test_poor_linkage_is_refused_with_what_to_do():
    with pytest.raises(UserError, match=r"recall 0.700 less false-link rate 0.300.*linkage_quality"):
        check_separation(LinkageError(0.7, 0.02, 0.3, 0.02))


def test_an_imprecise_review_is_no_reason_to_refuse_the_links():
    check_separation(LinkageError(0.99, 0.01, 0.6, 0.4))


def test_a_false_link_rate_is_shrunk_towards_zero_where_the_review_is_imprecise():
    # The prior's standard deviation is 0.1: an error of 0.1 halves the rate, one of 0.3 leaves a tenth of it.
    assert LinkageError(0.98, 0.01, 0.2, 0.1).shrunk().false_link_rate == pytest.approx(0.1)
    assert LinkageError(0.98, 0.01, 0.4, 0.3).shrunk().false_link_rate == pytest.approx(0.04)


def test_a_false_link_rate_without_error_is_not_shrunk():
    known = LinkageError(0.98, 0.01, 0.2, 0.0)

    assert known.shrunk() == known


def test_shrinking_never_makes_a_rate_less_certain():
    for error in (0.01, 0.1, 0.5, 1.0):
        assert LinkageError(0.98, 0.01, 0.2, error).shrunk().false_link_error < min(error, 0.1 + 1e-12)


def test_a_low_recall_is_refused_where_the_false_link_rate_is_not_known():
    links = survey_linkage_error(quality(0.45, 0.01, None, None), "pds")

    with pytest.raises(UserError, match=r"recall 0.450 less false-link rate 0.000"):
        check_separation(links)
