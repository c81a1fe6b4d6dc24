"""The page of a validation: what it says of totals, groups and links, and how it compares with an earlier one."""

from pathlib import Path

import pytest

from publication.accuracy_page import Earlier, Validation, accuracy_page, write_accuracy_page

NOTHING = dict.fromkeys(
    (
        "relative_bias",
        "coverage",
        "precision",
        "recall",
        "true",
        "hits",
        "misses",
        "false",
        "brier",
        "mean_half_width",
    )
)


def figure(
    measure: str, margin: str, group: str, period: str, estimate: float, truth: float, coverage: float
) -> dict:
    return NOTHING | {
        "measure": measure, "margin": margin, "group": group, "period": period, "replicates": 4,
        "estimate": estimate, "truth": truth, "bias": estimate - truth, "relative_bias": (estimate - truth) / truth,
        "rmse": 12.0, "coverage": coverage, "mean_half_width": 30.0,
    }  # fmt: skip


YEARS = "2017-07-01/2018-06-30", "2018-07-01/2019-06-30"
LINKS = NOTHING | {"measure": "links", "margin": "hesa-pds", "period": None}
POOLED = [
    figure("emigration", "total", "all", YEARS[0], 120, 100, 0.75),
    figure("emigration", "total", "all", YEARS[1], 90, 100, 1.0),
    figure("net", "total", "all", YEARS[1], 40, 50, 0.5),
    figure("population", "nationality_group", "non_EU", "2018-06-30", 104, 100, 0.25),
    figure("population", "nationality_group", "non_EU", "2019-06-30", 312, 300, 0.75),
    figure("emigration", "quarter", "all", "2019-04-01/2019-06-30", 10, 20, 0.0),
    LINKS | {"group": "all", "precision": 0.999, "recall": 0.95},
    LINKS | {"group": "movers", "precision": 1.0, "recall": 0.5},
]  # fmt: skip
VALIDATION = Validation(
    2000, "baseline", (1001, 1002, 1004, 1005), (1003,), "simulate", None, "sojourn validate", 2_500_000
)


@pytest.fixture(scope="module")
def rows() -> list[str]:
    return accuracy_page(VALIDATION, POOLED).splitlines()


def test_what_was_validated_is_stated(rows: list[str]) -> None:
    assert rows[2] == (
        "All data are synthetic. Scenario baseline, 2,000 residents, seeds 1001 to 1005 without 1003, which failed. "
        "The figures are made by"
    )
    assert "What the validation keeps uses 2.5 MB of disk." in rows


def test_totals_are_shown_by_year_and_net_migration_by_its_absolute_bias(rows: list[str]) -> None:
    assert "| Emigration | 2018-06-30 | 120 | 100 | +20.0% | 12 | 30 | 75% |" in rows
    assert "| Net migration | 2019-06-30 | 40 | 50 | -10 | 12 | 30 | 50% |" in rows


def test_groups_are_pooled_over_years(rows: list[str]) -> None:
    assert "| Population | Non-EU | +4.0% | 50% |" in rows  # (4 + 12) of 400; 25% and 75%
    assert "| Emigration | All | +5.0% | 88% |" in rows  # (20 - 10) of 200; 75% and 100%


def test_quarters_and_links_are_shown(rows: list[str]) -> None:
    assert "| Emigration | 2019-06-30 | -50.0% | 0% |" in rows
    assert "| hesa to pds | 99.90% | 95.00% | 50.00% |  |  |" in rows


def test_definitions_are_pooled_over_years_and_shown_for_those_whose_travel_is_recorded() -> None:
    amounts = {"true": 50.0, "hits": 30.0, "misses": 20.0, "false": 10.0}
    found = [
        NOTHING
        | {"measure": "definitions", "margin": "circular-emigration", "group": group, "period": year}
        | amounts
        for group in ("all", "nationality_group=non_EU", "nationality_group=EU")
        for year in YEARS
    ]
    lines = accuracy_page(VALIDATION, [*POOLED, *found]).splitlines()
    assert [line for line in lines if line.startswith("| circular |")] == [
        f"| circular | emigration | {people} | 100 | 25.0% | 40.0% |" for people in ("all", "non-EU")
    ]


def test_the_score_of_the_chain_stands_beside_that_of_each_source_alone() -> None:
    def scored(margin: str, group: str, estimate: float, too_high: float) -> dict:
        parts = {"interval_score": 1 + too_high, "dispersion": 1.0, "too_high": too_high, "too_low": 0.0}
        return figure("emigration", margin, group, YEARS[0], estimate, 100, 1.0) | parts

    chain, sources = scored("total", "all", 102, 1.0), [scored("single_source", "pds", 150, 9.0)]
    page = accuracy_page(VALIDATION, [chain, *sources]).splitlines()
    assert "| Emigration | the chain | +2.0% | 12 | 100% | 2.0 | 1.0 | 1.0 | 0.0 |  |" in page
    assert "| Emigration | PDS | +50.0% | 12 | 100% | 10.0 | 1.0 | 9.0 | 0.0 | 20% |" in page
    assert "## Beside single sources" not in accuracy_page(VALIDATION, [chain]).splitlines()


def test_an_earlier_validation_stands_beside_it() -> None:
    old = figure("emigration", "total", "all", YEARS[0], 150, 100, 0.25)
    page = accuracy_page(VALIDATION, POOLED, Earlier("old rules", [old]))
    assert "| bias | *old rules* |" in page
    assert "| Emigration | 2018-06-30 | 120 | 100 | +20.0% | +50.0% | 12 | 12 | 30 | 75% | 25% |" in page
    assert "| Emigration | 2019-06-30 | 90 | 100 | -10.0% |  | 12 |  | 30 | 100% |  |" in page


def test_the_summary_is_one_line_a_measure() -> None:
    assert VALIDATION.summary(POOLED) == [
        "emigration: bias +5.0%, truth in 88% of intervals",
        "net migration: bias -10, truth in 50% of intervals",
    ]


def test_pictures_are_files_with_a_text_alternative(tmp_path: Path) -> None:
    page = write_accuracy_page(tmp_path, VALIDATION, POOLED)
    assert page == tmp_path / "accuracy.md"
    bias, coverage = ((tmp_path / "accuracy" / f"{name}.svg").read_text() for name in ("bias", "coverage"))
    assert "Emigration, All: -10.0%" in bias  # of the latest year
    assert "Population, Non-EU: 50.0%" in coverage
