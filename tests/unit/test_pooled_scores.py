"""Pooled scores of replicates, by hand: two countries with one flow, one stock, one pair of sources, one class."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from scipy.stats import binom

from flows.pooled_scores import COLUMNS, pool, share_interval
from publication.scores import Scores

YEAR = {"period_start": date(2018, 7, 1), "period_end": date(2019, 6, 30)}
QUARTER = {"period_start": date(2019, 4, 1), "period_end": date(2019, 6, 30)}
ALL = {"sex": "all", "age_group": "all", "nationality_group": "all"}


def scores(estimate: float, truth: float, half_width: float) -> Scores:
    figure = {
        "estimate": estimate, "lower": estimate - half_width, "upper": estimate + half_width, "truth": truth,
        "inside": abs(estimate - truth) <= half_width,
    }  # fmt: skip
    flow = {"measure": "net", **figure}
    link = {
        "source_l": "hesa",
        "source_r": "pds",
        "group": "movers",
        "true_pairs": 10,
        "linked_pairs": 9,
        "correct": 8,
        "precision": 0.9,
        "precision_estimate": 0.95,
        "precision_low": 0.88,
        "precision_high": 0.99,
        "recall": 0.8,
        "recall_estimate": 0.9,
        "recall_low": 0.85,
        "recall_high": 0.95,
    }
    migrant = {
        "measure": "emigration",
        "time": date(2019, 6, 30),
        "true": 10,
        "hits": 6.0,
        "misdated": 1.0,
        "misses": 3.0,
    }
    resident = {"measure": "population", "time": date(2019, 6, 30), "true": 100, "hits": 98.0, "misses": 2.0}
    return Scores(
        flows=pl.DataFrame(
            [YEAR | ALL | flow, YEAR | ALL | {"sex": "F", "age_group": "65+"} | flow, QUARTER | ALL | flow]
        ),
        stocks=pl.DataFrame(
            [{"reference_date": date(2019, 6, 30), "measure": "population"} | ALL | {"sex": "M"} | figure]
        ),
        links=pl.DataFrame([link]),
        classes=pl.DataFrame(
            [migrant | {"false": 3.0, "brier": 0.2}, resident | {"misdated": 0.0, "false": 1.0, "brier": 0.01}]
        ),
        interval_coverage=pl.DataFrame(),
    )


@pytest.fixture(scope="module")
def pooled() -> dict[tuple[str, str, str, str | None], dict]:
    table = pool([scores(110, 100, 5), scores(104, 100, 5)])
    assert tuple(table.columns) == COLUMNS
    return {(one["measure"], one["margin"], one["group"], one["period"]): one for one in table.to_dicts()}


def test_bias_error_and_coverage_of_a_flow(pooled) -> None:
    one = pooled["net", "total", "all", "2018-07-01/2019-06-30"]
    assert (one["replicates"], one["estimate"], one["truth"]) == (2, 107.0, 100.0)
    assert (one["bias"], one["relative_bias"]) == (7.0, 0.07)
    assert one["rmse"] == pytest.approx(((10**2 + 4**2) / 2) ** 0.5, abs=1e-6)
    assert (one["coverage"], one["mean_half_width"]) == (0.5, 5.0)  # 100 lies in 99 to 109, not in 105 to 115
    assert one["precision"] is None
    assert one["brier"] is None


def test_the_interval_score_is_the_sum_of_width_and_of_what_is_too_high_or_too_low(pooled) -> None:
    """105 to 115 about 110 and 99 to 109 about 104, of which 100 is the truth: by the formula, by hand."""
    one = pooled["net", "total", "all", "2018-07-01/2019-06-30"]
    assert one["dispersion"] == pytest.approx(0.025 * 10 / 1.5, abs=1e-6)
    assert one["too_high"] == pytest.approx(((10 / 2 + 5) + 4 / 2) / 2 / 1.5, abs=1e-6)
    assert one["too_low"] == 0.0
    assert one["interval_score"] == pytest.approx(one["dispersion"] + one["too_high"], abs=1e-6)


def test_margins_groups_and_periods_are_named(pooled) -> None:
    assert set(pooled) == {
        ("net", "total", "all", "2018-07-01/2019-06-30"),
        ("net", "cross", "F|65+", "2018-07-01/2019-06-30"),
        ("net", "quarter", "all", "2019-04-01/2019-06-30"),
        ("population", "sex", "M", "2019-06-30"),
        ("links", "hesa-pds", "movers", None),
        ("link_precision", "hesa-pds", "movers", None),
        ("link_recall", "hesa-pds", "movers", None),
        ("classes", "emigration", "all", "2018-07-01/2019-06-30"),
        ("classes", "population", "all", "2019-06-30"),
    }


def test_links_and_classes_are_summed(pooled) -> None:
    links = pooled["links", "hesa-pds", "movers", None]
    assert (links["true"], links["hits"], links["misses"], links["false"]) == (20, 16, 4, 2)
    assert (links["precision"], links["recall"]) == (pytest.approx(16 / 18, abs=1e-6), 0.8)
    assert links["estimate"] is None
    migrants = pooled["classes", "emigration", "all", "2018-07-01/2019-06-30"]
    assert (migrants["true"], migrants["hits"], migrants["misses"], migrants["false"]) == (
        20,
        14,
        6,
        6,
    )  # misdated: found
    assert (migrants["precision"], migrants["recall"], migrants["brier"]) == (0.7, 0.7, 0.2)


def test_definitions_are_pooled_by_direction_and_group() -> None:
    found = {"true": 10, "hits": 6.0, "misdated": 1.0, "misses": 3.0, "false": 7.0, "brier": 0.2}
    short = {"definition": "short_term_3_12", "measure": "immigration", "time": date(2018, 6, 30)}
    groups = [{"nationality_group": group, **short, **found} for group in ("all", "non_EU")]
    one = replace(scores(110, 100, 5), definitions=pl.DataFrame(groups))
    table = pool([one, one]).filter(measure="definitions")
    assert table.select(
        "margin", "group", "period", "true", "hits", "misses", "false", "precision", "recall"
    ).rows() == [
        ("short_term_3_12-immigration", group, "2017-07-01/2018-06-30", 20, 14, 6, 14, 0.5, 0.7)
        for group in ("all", "nationality_group=non_EU")
    ]


def test_the_interval_of_a_share_is_exact() -> None:
    """At its limits, as many cases or more (fewer) have a probability of 2.5% (Clopper and Pearson, 1934)."""
    lower, upper = share_interval(pl.Series([0, 15, 20]), pl.Series([20, 20, 20]))
    assert lower[0] == 0.0
    assert upper[2] == 1.0
    assert binom.sf(14, 20, lower[1]) == pytest.approx(0.025)
    assert binom.cdf(15, 20, upper[1]) == pytest.approx(0.025)
    assert upper[0] == pytest.approx(1 - 0.025 ** (1 / 20))


def test_estimates_of_links_are_figures_beside_their_truth(pooled):
    """Precision .95 for .9 lies within its limits in both replicates, recall .9 for .8 in none."""
    precision, recall = (pooled[f"link_{rate}", "hesa-pds", "movers", None] for rate in ("precision", "recall"))
    assert (precision["bias"], precision["coverage"], precision["replicates"]) == (0.05, 1.0, 2)
    assert (recall["bias"], recall["coverage"], recall["mean_half_width"]) == (0.1, 0.0, 0.05)


def test_a_figure_that_was_not_measured_is_no_replicate() -> None:
    missing = scores(110, 100, 5)
    missing.flows[0, "estimate"] = None
    table = pool([missing, scores(104, 100, 5)]).filter(measure="net", margin="total")
    assert table["replicates"].to_list() == [1]
    assert table["bias"].to_list() == [4.0]
