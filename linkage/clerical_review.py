"""Recall and false-link rate of links by a clerical review, the reviewers' own errors removed.

A reviewer looks for a person on the spine and names somebody or nobody. Of people who are on the spine a share f is
not found and a share g taken for somebody else; of people who are not, a share h is taken for somebody. Reviewers
err alike on both, h = f + g; two reviews of one person err independently, and never name the same wrong subject, nor
the one that a wrong link names. Let mu be the share of people on the spine, a = P(linked to the right subject | on
the spine), b = P(linked | not on the spine), l the share linked to anyone. Of first reviews

    P(names)               = h + mu (1 - f - h)
    P(names whom we link)  = mu a (1 - f - g)
    P(nobody, but linked)  = (1 - mu)(1 - h) b + mu f P(linked | on the spine)
                           = f l + (1 - mu)(1 - f - h) b,

and of people reviewed twice

    P(both name, two names)  = mu g (2 (1 - f) - g) + (1 - mu) h^2
    P(one names, one nobody) = 2 mu f (1 - f) + 2 (1 - mu) h (1 - h).

The last two with the first are solved for f, g and mu by iteration; then a and b are two divisions. So naive
shares of first reviews, where 1% of wrong verdicts swamp the few people whom nobody could find, are not used. This is
the moment estimator of misclassification by repeated measurement (J. Bross 1954; R. Tenenbein 1970) for a
verdict with many values. Standard errors are delete-one jackknife over people, so that the error of f, g and h is in
them; few disagreements among people reviewed twice may be luck, so what one more would change is added (in the spirit
of A. Agresti and B. Coull 1998). Estimates are not clipped to [0, 1] here: that would bias them.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

ITERATIONS = 50
# A review that errs more often is uninformative; an estimate above this comes from too few people reviewed twice.
MAXIMUM_ERROR = 0.25

# the indicators of a person that enter the moments
PATTERN = ["names", "confirms", "missed_but_linked", "linked", "twice", "two_names", "one_names"]


@dataclass(frozen=True)
class ReviewedQuality:
    """Recall and false-link rate with standard errors, nan where nobody is (or is not) on the spine.

    `not_on_spine` is the estimated number of reviewed people whom the false-link rate is about; the last two are the
    error rates f and g of one review.
    """

    reviewed: int
    recall: float
    recall_se: float
    false_link_rate: float
    false_link_rate_se: float
    not_on_spine: float
    missed_by_reviewer: float
    mistaken_by_reviewer: float


def review_patterns(people: pl.DataFrame) -> pl.DataFrame:
    """Return `people` with the 0/1 columns of `PATTERN`.

    `people` has one row per reviewed person: `linked_to` (subject of the spine, null if none), `verdict` and
    `second_verdict` (the subject that the first and the second reviewer named, 0 for nobody, -1 for somebody
    not on the spine; the second is null without a second review).
    """
    first, second, link = pl.col("verdict"), pl.col("second_verdict"), pl.col("linked_to")
    twice = second.is_not_null()
    indicators = {
        "names": first != 0,
        "confirms": (first != 0) & (first == link).fill_null(False),
        "missed_but_linked": (first == 0) & link.is_not_null(),
        "linked": link.is_not_null(),
        "twice": twice,
        "two_names": twice & (first != 0) & (second != 0) & (first != second),
        "one_names": twice & ((first == 0) != (second == 0)),
    }
    return people.with_columns(**{name: one.fill_null(False).cast(pl.Int64) for name, one in indicators.items()})


def reviewed_quality(patterns: pl.DataFrame, group: pl.Expr | None = None) -> ReviewedQuality:
    """Return the quality of links of reviewed people, or of a `group` of them.

    `patterns` is what `review_patterns` returns. The reviewers' errors are estimated from all people reviewed, so
    that groups share them. Raises ValueError if the group is empty.
    """
    inside = (group if group is not None else pl.lit(True)).fill_null(False)
    counted = (
        patterns.select(*PATTERN, inside.alias("inside")).group_by(*PATTERN, "inside").len().sort(*PATTERN, "inside")
    )
    values = counted.select(PATTERN).to_numpy().astype(float)
    member = counted["inside"].to_numpy().astype(float)
    people = counted["len"].to_numpy().astype(float)
    if not (people * member).sum():
        raise ValueError("no one in this group was reviewed")
    estimate = np.array(_estimate(values, member, people))
    without = np.array([_estimate(values, member, _less_one(people, at)) for at in range(len(people))])
    total = people.sum()
    spread = without - (people @ without) / total
    one_more = np.array(_estimate(values, member, people, more=1)) - estimate
    errors = np.sqrt((total - 1) / total * (people @ spread**2) + one_more**2)
    missed, mistaken = _reviewer_errors(values, people)
    members = (people * member).sum()
    names = (people * member) @ values[:, PATTERN.index("names")] / members
    return ReviewedQuality(
        int(members),
        float(estimate[0]), float(errors[0]), float(estimate[1]), float(errors[1]),
        float(members * (1 - _on_spine(names, missed, mistaken))),
        missed, mistaken,
    )  # fmt: skip


def _less_one(people: np.ndarray, at: int) -> np.ndarray:
    fewer = people.copy()
    fewer[at] -= 1
    return fewer


def _estimate(values: np.ndarray, member: np.ndarray, people: np.ndarray, more: int = 0) -> tuple[float, float]:
    """Return recall and false-link rate of members; nan where nobody is (or is not) on the spine.

    `more` people reviewed twice are taken to have been found once and missed once, on top of those who were.
    """
    missed, mistaken = _reviewer_errors(values, people, more)
    wrong = missed + mistaken
    weight = people * member
    size = weight.sum()
    if not size:
        return np.nan, np.nan
    shares = dict(zip(PATTERN, weight @ values / size, strict=True))
    on_spine = _on_spine(shares["names"], missed, mistaken)
    recall = shares["confirms"] / (on_spine * (1 - wrong)) if on_spine > 0 else np.nan
    not_found = 1 - shares["names"] - missed  # (1 - mu)(1 - f - h)
    false_links = (shares["missed_but_linked"] - missed * shares["linked"]) / not_found if not_found > 0 else np.nan
    return recall, false_links


def _on_spine(names: float, missed: float, mistaken: float) -> float:
    """Return mu, the share of people who are on the spine."""
    wrong = missed + mistaken
    return (names - wrong) / (1 - missed - wrong)


def _reviewer_errors(values: np.ndarray, people: np.ndarray, more: int = 0) -> tuple[float, float]:
    """Return f and g from people reviewed twice; zero and zero if nobody was."""
    sums = dict(zip(PATTERN, people @ values, strict=True))
    if not sums["twice"]:
        return 0.0, 0.0
    names = sums["names"] / people.sum()
    two_names, one_names = sums["two_names"] / sums["twice"], (sums["one_names"] + more) / sums["twice"]
    missed, mistaken = 0.0, 0.0
    for _ in range(ITERATIONS):
        wrong = missed + mistaken
        on_spine = min(max(_on_spine(names, missed, mistaken), 0.01), 1.0)
        off_spine = 1 - on_spine
        mistaken = _error((two_names - off_spine * wrong**2) / (on_spine * (2 * (1 - missed) - mistaken)))
        # h = f + g is on both sides of the equation for f: solved for f with the products of errors fixed
        one_sided = one_names + 2 * on_spine * missed**2 + 2 * off_spine * wrong**2 - 2 * off_spine * mistaken
        missed = _error(one_sided / 2)
    return float(missed), float(mistaken)


def _error(share: float) -> float:
    return min(max(share, 0.0), MAXIMUM_ERROR)
