"""Recall and false-link rate from verdicts, some wrong: right by hand, and unbiased over many reviews."""

import numpy as np
import polars as pl
import pytest

from linkage.clerical_review import review_patterns, reviewed_quality

SCHEMA = {"linked_to": pl.Int64, "verdict": pl.Int64, "second_verdict": pl.Int64}


def review(*rows):
    return review_patterns(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def test_by_hand_with_reviewers_who_never_err():
    # 8 on the spine, 6 of them linked right, 1 wrong, 1 not; 2 not on it, one of them linked
    rows = [(at, at, at) for at in range(1, 7)] + [(90, 7, 7), (None, 8, 8), (91, 0, 0), (None, 0, 0)]
    found = reviewed_quality(review(*rows))
    assert (found.missed_by_reviewer, found.mistaken_by_reviewer) == (0, 0)
    assert found.recall == pytest.approx(6 / 8)
    assert found.false_link_rate == pytest.approx(1 / 2)
    assert found.not_on_spine == pytest.approx(2)
    # at least the textbook standard error of a share, sqrt(p (1 - p) / (n - 1))
    assert found.recall_se >= np.sqrt(0.75 * 0.25 / 7)


def test_expected_counts_give_back_what_made_them():
    """The exact expected shares of each pattern, as weights: the estimator inverts its own equations."""
    mu, a, linked_wrong, b, f, g = 0.9, 0.95, 0.02, 0.2, 0.01, 0.008
    h, scale = f + g, 2_000_000
    verdict_on = {7: 1 - f - g, 0: f, 8: g}
    rows = []
    for link, p_link in ((7, a), (9, linked_wrong), (None, 1 - a - linked_wrong)):
        for first, p_first in verdict_on.items():
            for second, p_second in {**verdict_on, 6: g, 8: 0.0}.items():
                rows += [(link, first, second)] * round(scale * mu * p_link * p_first * p_second)
    for link, p_link in ((9, b), (None, 1 - b)):
        for first, p_first in ((0, 1 - h), (5, h)):
            for second, p_second in ((0, 1 - h), (4, h)):
                rows += [(link, first, second)] * round(scale * (1 - mu) * p_link * p_first * p_second)
    found = reviewed_quality(review(*rows))
    assert found.missed_by_reviewer == pytest.approx(f, rel=0.01)
    assert found.mistaken_by_reviewer == pytest.approx(g, rel=0.01)
    assert found.recall == pytest.approx(a, abs=1e-4)
    assert found.false_link_rate == pytest.approx(b, abs=1e-3)


def simulated(random, people=1500, twice=300, mu=0.93, a=0.97, linked_wrong=0.01, b=0.15, wrong=0.01, none=0.6):
    """Return verdicts on people: links and both reviews drawn independently given who is on the spine."""
    person = np.arange(1, people + 1)
    right = np.where(random.random(people) < mu, person, 0)
    draw = random.random(people)
    stranger = lambda: 10_000 + random.integers(0, 50_000, people)  # noqa: E731
    on_spine = np.where(draw < a, right, np.where(draw < a + linked_wrong, stranger(), 0))
    linked = np.where(right > 0, on_spine, np.where(draw < b, stranger(), 0))

    def verdict():
        errs = random.random(people) < wrong
        mistake = np.where((right > 0) & (random.random(people) < none), 0, stranger())
        return np.where(errs, mistake, right)

    first, second = verdict(), verdict()
    rows = pl.DataFrame({"linked_to": linked, "verdict": first, "second_verdict": second}).with_columns(
        pl.when(pl.col("linked_to") > 0).then(pl.col("linked_to")),
        pl.when(pl.int_range(pl.len()) < twice).then(pl.col("second_verdict")),
    )
    return review_patterns(rows)


@pytest.mark.parametrize(("mu", "false_links"), [(0.93, 0.15), (0.97, 0.05)])
def test_unbiased_within_noise_and_standard_errors_match_the_noise(mu, false_links):
    random = np.random.default_rng(11)
    runs = [reviewed_quality(simulated(random, mu=mu, b=false_links)) for _ in range(150)]
    for rate, true in (("recall", 0.97), ("false_link_rate", false_links)):
        found = np.array([getattr(one, rate) for one in runs])
        error = np.array([getattr(one, f"{rate}_se") for one in runs])
        assert found.mean() == pytest.approx(true, abs=3.5 * found.std() / np.sqrt(len(runs)))
        assert 0.9 < error.mean() / found.std() < 1.4
        assert np.mean(abs(found - true) < 1.96 * error) > 0.92


def test_without_the_correction_the_false_link_rate_would_be_far_off():
    patterns = simulated(np.random.default_rng(5), people=60_000, twice=20_000)
    found = reviewed_quality(patterns)
    naive = patterns["missed_but_linked"].sum() / (patterns.height - patterns["names"].sum())
    assert abs(found.false_link_rate - 0.15) < 0.015
    assert naive - 0.15 > 0.04


def test_groups_share_the_reviewers_error_and_an_empty_group_is_an_error():
    patterns = simulated(np.random.default_rng(6)).with_row_index("at")
    whole, half = reviewed_quality(patterns), reviewed_quality(patterns, pl.col("at") % 2 == 0)
    assert half.reviewed * 2 == whole.reviewed
    assert half.missed_by_reviewer == whole.missed_by_reviewer
    assert half.recall_se > whole.recall_se
    with pytest.raises(ValueError, match="no one in this group"):
        reviewed_quality(patterns, pl.lit(False))
