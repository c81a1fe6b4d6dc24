"""A small made-up run folder for the tests of publication: every table that a report reads, by the schemas."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.schemas import (
    AGE_GROUPS,
    ALL,
    NATIONALITY_GROUPS,
    SEXES,
    Coverage,
    DetailParts,
    Skipped,
    save,
)
from pipeline.tables import write_table
from publication.scores import Scores

CELLS = [(sex, age, group) for sex in SEXES for age in AGE_GROUPS for group in NATIONALITY_GROUPS]
MARGINS = (
    [(ALL, ALL, ALL)]
    + [(sex, ALL, ALL) for sex in SEXES]
    + [(ALL, age, ALL) for age in AGE_GROUPS]
    + [(ALL, ALL, group) for group in NATIONALITY_GROUPS]
)
GROUP_SHARES = np.array([0.14, 0.02, 0.36, 0.48])
AGE_SHARES = np.array([0.10, 0.34, 0.44, 0.09, 0.03])
SEASON = {9: 0.42, 12: 0.18, 3: 0.21, 6: 0.19}
COMPARISONS = {
    "given_name": ["exact", "swapped", "sounds alike", "same prefix", "else"],
    "family_name": ["exact", "sounds alike", "same prefix", "else"],
    "date_of_birth": ["exact", "month and day", "year and month", "else"],
    "address": ["postcode", "former postcode", "district", "area", "else"],
    "sex": ["same", "else"],
}
MODELS = ["pds_hesa", "pds_mws", "pds_pr", "pds_exit_checks", "pds_activity", "pds_coverage_survey"]
SOURCES = {"pds": 61_204, "pr": 214_310, "activity": 402_118, "exit_checks": 30_771, "hesa": 9_480, "mws": 7_021,
           "births": 4_602, "deaths": 3_918, "coverage_survey": 3_005, "review_sample": 1_800}  # fmt: skip


def _cell(key: tuple[str, str, str], wanted: tuple[str, str, str]) -> bool:
    return all(want in (ALL, have) for have, want in zip(key, wanted, strict=True))


def _true_flows(total: float, stream: int, shift: float) -> dict[tuple[str, str, str], float]:
    """Share a total over cells, with `shift` moving weight from the EU to others; deterministic."""
    random = np.random.default_rng(stream)
    groups = GROUP_SHARES + np.array([0.0, 0.0, -shift, shift])
    weights = np.array(
        [AGE_SHARES[AGE_GROUPS.index(age)] * groups[NATIONALITY_GROUPS.index(group)] for _, age, group in CELLS]
    )
    weights = weights * random.uniform(0.8, 1.2, len(weights))
    return {cell: total * weight / weights.sum() for cell, weight in zip(CELLS, weights, strict=True)}


def _row(estimate: float, relative_error: float, status: str) -> dict[str, object]:
    error = relative_error * abs(estimate)
    return {
        "estimate": estimate,
        "standard_error": error,
        "lower": estimate - 1.959964 * error,
        "upper": estimate + 1.959964 * error,
        "status": status,
        "reliability": "ok" if abs(estimate) >= 30 else "unreliable",
        "rule_set": "long_term_2019",
        "data_date": date(2019, 12, 31),
    }


def _net(immigration: dict[str, object], emigration: dict[str, object]) -> dict[str, object]:
    error = float(np.hypot(float(immigration["standard_error"]), float(emigration["standard_error"])))
    estimate = float(immigration["estimate"]) - float(emigration["estimate"])
    return immigration | {
        "estimate": estimate,
        "standard_error": error,
        "lower": estimate - 1.959964 * error,
        "upper": estimate + 1.959964 * error,
        "reliability": "ok" if abs(estimate) >= 30 else "unreliable",
    }


def _flow_rows(keys: dict[str, object], immigration: float, emigration: float, status: str) -> list[dict]:
    one = _row(immigration, 0.10, status)
    other = _row(emigration, 0.15, status)
    rows = {"immigration": one, "emigration": other, "net": _net(one, other)}
    return [
        keys | {"measure": measure, "definition": "long_term", "area": ALL} | row for measure, row in rows.items()
    ]


def flows() -> pl.DataFrame:
    """Return four years by margin and sixteen quarters of totals."""
    rows: list[dict] = []
    for year in range(2016, 2020):
        immigration = _true_flows(590 + 24 * (year - 2016), year, 0.05 * (year - 2016))
        emigration = _true_flows(371 + 9 * (year - 2016), 100 + year, -0.04 * (year - 2016))
        status = "final" if year < 2018 else "provisional"
        for wanted in MARGINS:
            keys = dict(zip(("sex", "age_group", "nationality_group"), wanted, strict=True))
            period = {"period_start": date(year - 1, 7, 1), "period_end": date(year, 6, 30)}
            into = sum(value for cell, value in immigration.items() if _cell(cell, wanted))
            out = sum(value for cell, value in emigration.items() if _cell(cell, wanted))
            rows += _flow_rows(period | keys, into, out, status)
        for month, share in SEASON.items():
            ends = year if month < 7 else year - 1
            last = {9: 30, 12: 31, 3: 31, 6: 30}[month]
            period = {"period_start": date(ends, month - 2, 1), "period_end": date(ends, month, last)}
            keys = dict.fromkeys(("sex", "age_group", "nationality_group"), ALL)
            into, out = share * sum(immigration.values()), (0.5 - share / 2 + 0.015) / 1.51 * sum(emigration.values())
            rows += _flow_rows(period | keys, into, out, status)
    return pl.DataFrame(rows)


def details() -> dict[str, pl.DataFrame]:
    """Return the tables beside `flows`: two categories of each detail, of three quarters and of one quarter."""
    year = flows().filter(pl.col("period_end").dt.month() == 6, pl.col("period_start").dt.month() == 7)
    numbers = pl.col("estimate", "standard_error", "lower", "upper")
    pairs = {"age": (30, 31), "reason": ("work", "study"), "country_of_birth": ("IN", "not recorded")}
    values = pairs | {"area": ("E12000007", "not recorded")}
    return {
        f"flows_by_{name}": pl.concat(
            year.with_columns(numbers * share, pl.lit(value).alias(name))
            for value, share in zip(of_detail, (0.75, 0.25), strict=True)
        )
        for name, of_detail in values.items()
    }


def stocks() -> pl.DataFrame:
    """Return five reference days by margin."""
    rows = []
    for year in range(2015, 2020):
        for wanted in MARGINS:
            sex, age, group = wanted
            share = (
                (0.506 if sex == "F" else 0.494 if sex == "M" else 1.0)
                * ({"0-15": 0.19, "16-24": 0.11, "25-44": 0.26, "45-64": 0.25, "65+": 0.19}.get(age, 1.0))
                * ({"British": 0.90, "Irish": 0.006, "EU": 0.052, "non_EU": 0.042}.get(group, 1.0))
            )
            growth = 1 + (0.004 if group in (ALL, "British") else 0.03) * (year - 2015)
            keys = dict(zip(("sex", "age_group", "nationality_group"), wanted, strict=True))
            rows.append(
                {"reference_date": date(year, 6, 30), "measure": "population", "definition": "long_term", "area": ALL}
                | keys
                | _row(
                    50_040 * share * growth,
                    0.009 if group == ALL else 0.02,
                    "final" if year < 2019 else "provisional",
                )
            )
    return pl.DataFrame(rows)


def cards() -> pl.DataFrame:
    """Return the card of one extract of each source, with the accepted rows of its file."""
    card = {
        "data_date": date(2019, 12, 31), "dated_by": "seen_on", "first_day": date(2010, 1, 4),
        "last_day": date(2019, 12, 17), "missing": '{"postcode": 0.0213}', "days_between": "{}",
    }  # fmt: skip
    return pl.DataFrame(
        [
            {"source": source, "extract": source, "rows": accepted, "subjects": accepted // 2, **card}
            for source, accepted in SOURCES.items()
        ]
    )


def volumes() -> pl.DataFrame:
    """Return the rows of the same extracts in two deliveries."""
    return pl.DataFrame(
        [
            {"extract": source, "data_date": day, "rows": accepted - fewer}
            for source, accepted in SOURCES.items()
            for day, fewer in ((date(2019, 9, 30), 100), (date(2019, 12, 31), 0))
        ]
    )


def ledger() -> pl.DataFrame:
    """Return one file of each source, a few of its rows quarantined."""
    rows = []
    for place, (source, accepted) in enumerate(SOURCES.items()):
        quarantined = (place * 37) % 113
        reasons = {
            "birth_date: not a date": quarantined // 2,
            "repeats an earlier row": quarantined - quarantined // 2,
        }
        rows.append(
            {
                "source": source,
                "extract": source,
                "file": f"{source}.csv",
                "version": "current",
                "sha256": f"{place:02x}" * 32,
                "columns_ignored": 0,
                "rows_in": accepted + quarantined,
                "accepted": accepted,
                "quarantined": quarantined,
                "reasons": json.dumps({reason: number for reason, number in reasons.items() if number}),
                "unusable": "{}",
            }
        )
    return pl.DataFrame(rows)


def linkage_quality() -> pl.DataFrame:
    """Return six pairs of sources, each as a whole and by sex."""
    rows = []
    for place, source in enumerate(["pr", "activity", "exit_checks", "hesa", "mws", "coverage_survey"]):
        for group, change in (("all", 0.0), ("sex=F", 0.012), ("sex=M", -0.013), ("age_group=16-24", -0.06)):
            rate = 0.975 - 0.028 * place + change
            reviewed = source == "coverage_survey" and group == "all"
            decided = source == "hesa" and group == "all"
            rows.append(
                {
                    "source_l": source,
                    "source_r": "pds",
                    "group": group,
                    "subjects_l": 8_000,
                    "subjects_r": 61_000,
                    "linked": round(8_000 * rate),
                    "match_rate": rate,
                    "expected_precision": 0.991,
                    "expected_recall": 0.962,
                    "joined_pairs": round(8_000 * rate),
                    "missed_pairs": 90.0,
                    "unseen_pairs": 20.0 if source != "pr" else None,
                    "proposed_share": 0.997 if source != "pr" else None,
                    "precision_estimate": 0.993,
                    "precision_low": 0.984,
                    "precision_high": 0.998,
                    "recall_estimate": 0.96 + change / 2,
                    "recall_low": 0.951 + change / 2,
                    "recall_high": 0.969 + change / 2,
                    "pairs_without_place": 4_000,
                    "recall_without_place": 0.99,
                    "pairs_without_date": 5_000,
                    "recall_without_date": 0.98,
                    "pairs_without_name": 4_500,
                    "recall_without_name": 0.985,
                    "names_agree": 0.97,
                    "links_before": 8_100 if group == "all" else None,
                    "precision_before": 0.985 if group == "all" else None,
                    "precision_by_counts": 0.97 if group == "all" else None,
                    "precision_by_counts_se": 0.002 if group == "all" else None,
                    "found_by_counts": 7_700.0 if group == "all" else None,
                    "held_out": 400 if source == "activity" and group == "all" else None,
                    "recall_held_out": 0.98 if source == "activity" and group == "all" else None,
                    "recall_held_out_expected": 0.985 if source == "activity" and group == "all" else None,
                    "identifiers_compared": 7_000 if source == "pr" and group == "all" else None,
                    "identifiers_differ": 9 if source == "pr" and group == "all" else None,
                    "reviewed": 1_500 if reviewed else None,
                    "review_recall": 0.957 if reviewed else None,
                    "review_recall_se": 0.006 if reviewed else None,
                    "review_false_link_rate": 0.008 if reviewed else None,
                    "review_false_link_rate_se": 0.004 if reviewed else None,
                    "decisions": 500 if decided else None,
                    **{
                        f"{rate}_{by}_decisions{limit}": 0.98 + shift if decided else None
                        for rate in ("precision", "recall")
                        for by in ("by", "with")
                        for limit, shift in (("", 0.0), ("_low", -0.009), ("_high", 0.006))
                    },
                    "levels_by_default": 3 if place == 1 else 0,
                    "model": "own" if source != "pr" else None,
                }
            )
    return pl.DataFrame(rows)


def implausible_people() -> pl.DataFrame:
    return pl.DataFrame(
        [("after_death", "deaths", "activity", 3), ("two_areas", "pds", "pr", 12)],
        schema=["kind", "source_l", "source_r", "people"], orient="row",
    )  # fmt: skip


def review_of_links() -> pl.DataFrame:
    rates = {"precision": 0.998, "precision_low": 0.991, "precision_high": 1.0, "recall": 0.97, "recall_low": 0.961,
             "recall_high": 0.978}  # fmt: skip
    return pl.DataFrame([{"searched": "pds", "source": one, "decisions": decisions, **rates}
                         for one, decisions in (("all", 500), ("hesa", 60))])  # fmt: skip


def link_errors() -> pl.DataFrame:
    """Return how many people are counted twice and joined, of two nationality groups and all."""
    return pl.DataFrame(
        {
            "nationality_group": ["British", "EU", "all"],
            "people": [55_000, 5_000, 60_000],
            "counted_twice": [130.0, 30.0, 160.0],
            "counted_twice_se": [54.0, 13.0, 65.0],
            "counted_twice_unseen": [5.0, 3.0, 8.0],
            "joined": [33.0, 4.0, 37.0],
            "joined_se": [13.0, 2.5, 15.0],
        }
    )


def model_levels() -> pl.DataFrame:
    """Return m, u and weight of every level of every comparison of six models."""
    rows = []
    for place, model in enumerate(MODELS):
        for comparison, levels in COMPARISONS.items():
            for level, says in enumerate(levels):
                m = 0.9 * 0.12**level + 0.01 + 0.001 * place
                u = 0.002 * 6.2**level if level < len(levels) - 1 else 0.93
                rows.append(
                    {
                        "model": model,
                        "comparison": comparison,
                        "level": says,
                        "m": m,
                        "u": u,
                        "match_weight": round(float(np.log2(m / u)), 6),
                        "by_default": place == 1 and says in ("swapped", "former postcode", "district"),
                    }
                )
    return pl.DataFrame(rows)


def link_weights() -> pl.DataFrame:
    """Return pairs by rounded match weight and model."""
    rows = []
    for place, model in enumerate(MODELS):
        for weight in range(-6, 34):
            high = 900 * np.exp(-(((weight - 21 + place) / 5) ** 2))
            low = 160 * np.exp(-(((weight + 5) / 4) ** 2))
            for accepted, pairs in ((True, high if weight > 2 else 0), (False, low + (high if weight <= 2 else 0))):
                if int(pairs):
                    rows.append(
                        {"model": model, "match_weight": float(weight), "accepted": accepted, "pairs": int(pairs)}
                    )
    return pl.DataFrame(rows)


def coverage_by_year() -> pl.DataFrame:
    """Return factors of two years of one class, from this survey and another."""
    return pl.DataFrame(
        {
            "coverage_class": "class 1",
            "year": [2016, 2017],
            "factor": [1.013, 1.012],
            "standard_error": [0.0051, 0.004],
            "standard_error_drift": [0.003, 0.0],
            "weight": [0.5, 1.0],
        }
    )


def coverage() -> pl.DataFrame:
    """Return four classes of the survey."""
    rows = []
    for place, group in enumerate(NATIONALITY_GROUPS):
        members = [[sex, age, group] for sex in SEXES for age in AGE_GROUPS]
        factor = 1.012 + 0.021 * place
        rows.append(
            {
                "survey_date": date(2017, 6, 30),
                "coverage_class": f"class {place + 1}",
                "members": json.dumps(members),
                "factor": factor,
                "standard_error": 0.004 + 0.006 * place,
                "standard_error_sampling": 0.003 + 0.005 * place,
                "standard_error_jackknife": 0.0031 + 0.005 * place,
                "standard_error_linkage": 0.003,
                "standard_error_dependence": 0.001,
                "share_missed": 0.02 + 0.02 * place,
                "share_erroneous": 0.008,
                "list_variance": 0.03,
                "listed": 45_000 // (1 + 9 * place),
                "estimated": factor * (45_000 // (1 + 9 * place)),
                "surveyed": 2_800 // (1 + 9 * place),
                "matches": 2_700 // (1 + 9 * place),
                "recall": 0.957,
                "false_link_rate": 0.008,
            }
        )
    frame = pl.DataFrame(rows)
    # Diagnostics of coverage that publication does not read.
    further = [name for name in Coverage.column_names() if name not in frame.columns]
    return frame.with_columns(pl.lit(0.01).alias(name) for name in further)


def dependence_sensitivity() -> pl.DataFrame:
    """Return residents at three odds ratios between the list and the survey."""
    return pl.DataFrame(
        [
            (date(2017, 6, 30), ratio, group, 10_000 * (1 + change), change)
            for group in (*NATIONALITY_GROUPS, "all")
            for ratio, change in ((1.0, 0.0), (1.5, 0.0012), (2.0, 0.0024))
        ],
        schema=["survey_date", "odds_ratio", "nationality_group", "estimated", "relative_change"],
        orient="row",
    )


def over_coverage() -> pl.DataFrame:
    """Return a list of which 1.2% are wrong, and a group of which nobody is listed where the survey went."""
    nothing = (None, None, None, None, None)
    return pl.DataFrame(
        [
            (date(2017, 6, 30), group, *(("not measured", *nothing) if group == "Irish" else
             ("measured", 2_900, 2_700, 0.942, 0.012, 0.004)), 0.009, "nobody is listed" if group == "Irish" else "")
            for group in (*NATIONALITY_GROUPS, "all")
        ],
        schema=["survey_date", "nationality_group", "status", "listed", "found", "expected_share_found",
                "share_erroneous", "standard_error", "share_by_factor", "reason"],
        orient="row",
    )  # fmt: skip


def coverage_of_arrivals() -> pl.DataFrame:
    """Return newcomers of whom nine in ten were seen to arrive, and a group of whom too few were asked."""
    few = (4, 3, None, None, None, None, "fewer than 10 people of the survey lived abroad a year before")
    return pl.DataFrame(
        [
            (date(2017, 6, 30), group, *(few if group == "Irish" else (60, 54, 0.905, 0.04, 0.827, 0.983, "")))
            for group in (*NATIONALITY_GROUPS, "all")
        ],
        schema=["survey_date", "nationality_group", "newcomers", "found", "coverage", "standard_error", "lower",
                "upper", "reason"],
        orient="row",
    )  # fmt: skip


def border_completeness() -> pl.DataFrame:
    """Return departures of which nearly all were recorded, and arrivals of which some by train were not."""
    return pl.DataFrame(
        [
            ("departure", "all", 120, 240, 232, 0.966667, 0.917, 0.987),
            ("departure", "youth_mobility", 20, 40, 39, 0.975, 0.78, 0.998),
            ("arrival", "all", 130, 250, 220, 0.88, 0.813, 0.925),
        ],
        schema=["crossing", "route", "people", "crossings", "recorded", "completeness", "lower", "upper"],
        orient="row",
    )


def trimming_curve() -> pl.DataFrame:
    """Return a curve that is flat from the second depth on."""
    steps = ((None, None), (-60.0, 8.0), (-3.0, 25.0), (2.0, 40.0))
    return pl.DataFrame(
        [
            (date(2017, 6, 30), depth, group, 9_800 // (depth + 1), 2_400 // (depth + 1), 10_061.0 + (step or 0.0),
             30.0 + 10 * depth, step, error, depth == 1, depth == 1)
            for group in (*NATIONALITY_GROUPS, "all")
            for depth, (step, error) in enumerate(steps)
        ],
        schema=["survey_date", "depth", "nationality_group", "listed", "matches", "estimated", "standard_error",
                "difference", "difference_standard_error", "chosen", "used"],
        orient="row",
    )  # fmt: skip


def bridge() -> pl.DataFrame:
    """Return the people of one year by another definition."""
    return pl.DataFrame(
        [
            ("long_term", "weeks_of_activity", "population", date(2019, 6, 30), 41_950.5, 8_120.0, 310.25),
            ("long_term", "weeks_of_activity", "immigration", date(2019, 6, 30), 460.0, 190.5, 22.0),
        ],
        schema=["definition", "other", "measure", "period", "both", "only_definition", "only_other"],
        orient="row",
    )


def error_sources() -> pl.DataFrame:
    """Return a source of error of each kind."""
    return pl.DataFrame(
        [
            ("coverage sampling", "estimated", "population", 0.004, "Sampling of the coverage survey, by class."),
            ("linkage error", "estimated", "population", 0.003, "Recall and false links, by clerical review."),
            ("immigration sources", "declared", "immigration", 0.10, "Shared by all cells of a year: an assumption."),
            ("emigration sources", "declared", "emigration", 0.15, "Shared by all cells of a year: an assumption."),
            ("drift of coverage", "not measured", "population", None, "The factor of 2017 serves all years."),
            ("wrong dates of stay", "not measured", "all", None, "Misdated arrivals and departures."),
        ],
        schema=["error_source", "treatment", "measure", "relative_standard_error", "description"],
        orient="row",
    )


def detail_parts() -> pl.DataFrame:
    """Return what the intervals of all details consist of: half is an error of classification, half of the model."""
    shares = [name for name in DetailParts.column_names() if name.startswith("share_")]
    half = {"share_classification", "share_model"}
    return pl.concat(
        table.with_columns(
            by=pl.lit(name.removeprefix("flows_by_")),
            category=pl.col(name.removeprefix("flows_by_")).cast(pl.String),
            **{share: pl.lit(0.5 if share in half else 0.0) for share in shares},
        ).select(DetailParts.column_names())
        for name, table in details().items()
    )


def interval_parts() -> pl.DataFrame:
    """Return what every interval consists of: four parts, of which two are assumptions."""
    day = pl.col("reference_date")
    figures = pl.concat(
        [flows(), stocks().with_columns(period_start=day, period_end=day).drop("reference_date")], how="diagonal"
    )
    shares = [
        ("sampling of the coverage survey", "coverage sampling", "estimated", 0.1),
        ("migrations that become known late", "reporting delay", "estimated", 0.15),
        ("wrong cases of immigration", "classification", "declared", 0.25),
        ("error of emigration in a year", "source bias", "declared", 0.5),
    ]
    columns = ["error_source", "part", "treatment", "share_of_variance"]
    return figures.join(pl.DataFrame(shares, schema=columns, orient="row"), how="cross").with_columns(
        standard_error=pl.col("standard_error") * pl.col("share_of_variance").sqrt()
    )


def assumptions() -> pl.DataFrame:
    """Return an assumption of each quality."""
    return pl.DataFrame(
        [
            (
                "rules: long_term_2019",
                "long_term_days",
                "365 days",
                "A longer stay.",
                "published",
                "UN 1998",
                "stays",
            ),
            ("rules: long_term_2019", "prior_cases", "20 cases", "A prior.", "assumed", "Sojourn: a guess", "stays"),
            (
                "estimation: settings",
                "[flow_errors] not_final_emigrations",
                "0.5",
                "Its error.",
                "measured",
                "seeds",
                "intervals",
            ),
        ],
        schema=["part", "name", "value", "says", "quality", "source", "moves"],
        orient="row",
    )


def account_diagnosis() -> dict[str, pl.DataFrame]:
    """Return what an account says of its sources: immigration of 2018 is not what the others say."""
    change = {"reported": 900.0, "estimate": 960.0, "adjustment": 60.0, "standard_error": 25.0, "z": 2.4}
    without = {"without": 1010.0, "without_standard_error": 40.0, "difference": -50.0, "standard_error": 16.0}
    source = {"source": "immigration 2018", "measure": "immigration", "reported": 900.0, "estimate": 960.0}
    bias = {"declared_sd": 0.01, "sd": 0.02, "scale": "estimated", "estimate": -0.03, "lower": -0.05, "upper": -0.01}
    return {
        "account_adjustments": pl.DataFrame(
            [
                {"measure": "immigration", "time": 2018, "sex": sex, "age_group": "all"} | change
                for sex in ("F", "all")
            ]
        ),
        "account_left_out": pl.DataFrame(
            [
                source | without | {"time": 2018, "z": -3.1},
                source | without | {"source": "immigration", "time": None, "z": None},
            ]
        ),
        "account_biases": pl.DataFrame([{"term": "immigration 2018", "measure": "immigration", "z": -2.6} | bias]),
    }


def _person_level(tables: Path) -> None:
    people = 1_200
    clusters = pl.DataFrame(
        {
            "source": ["pds"] * people + ["pr"] * people,
            "subject_id": [*range(1, people + 1)] * 2,
            "draw": [0] * 2 * people,
            "person_id": [*range(1, people + 1), *range(101, people + 101)],
        }
    )
    residents = pl.DataFrame(
        {
            "person_id": range(1, people + 1),
            "reference_date": [date(2019, 6, 30)] * people,
            "family": ["activity_window"] * people,
            "published": [True] * people,
            "resident": [person % 8 > 0 for person in range(people)],
            "probability": [float(person % 8 > 0) for person in range(people)],
            "trimmed": [True] * people,
            "trimming_depth": [1] * people,
            "decided_by": ["sign"] * people,
        }
    )
    moves = pl.DataFrame(
        {
            "person_id": range(1, 61),
            "definition": ["long_term"] * 60,
            "date": [date(2018, 7 + person % 6, 3) for person in range(60)],
            "direction": ["immigration" if person % 3 else "emigration" for person in range(60)],
            "status": ["probable" if person % 3 == 1 else "certain" for person in range(60)],
            "probability": [0.5 if person % 3 == 1 else 1.0 for person in range(60)],
            "reason": [None] * 60,
            "rule_id": ["weeks"] * 60,
            "dated_by": ["posted"] * 60,
            "record_ids": [[person] for person in range(60)],
            "days_over_threshold": [10] * 60,
            "provisional": [True] * 60,
        },
        schema_overrides={"reason": pl.String},
    )
    for name, frame in {"clusters": clusters, "residents": residents, "migrations": moves}.items():
        save(frame, name, tables)


def _presence() -> dict[str, pl.DataFrame]:
    """Return the tables on presence and registration."""
    quarters = [(date(2018, 10, 1), date(2018, 12, 31)), (date(2019, 1, 1), date(2019, 3, 31))]
    unknown = [
        {
            "definition": definition,
            "direction": direction,
            "period_start": start,
            "period_end": end,
            "certain": 40,
            "unknown": 10,
            "expected": 6.25,
            "share_unknown": 0.2,
        }
        for definition in ("long_term", "weeks")
        for direction in ("immigration", "emigration")
        for start, end in quarters
    ]
    days = [
        {
            "nationality_group": "non_EU",
            "period_end": date(2018, 6, 30),
            "band": band,
            "days_from": first,
            "days_to": last,
            "students": students,
            "share": share,
        }
        for band, first, last, students, share in (
            ("250-299", 250, 299, 25, 0.25),
            ("300-349", 300, 349, 75, 0.75),
            ("not_seen", None, None, 4, None),
        )
    ]
    lags = [
        {
            "source_from": "mws",
            "source_to": "pds",
            "nationality_group": "EU",
            "band": band,
            "people": people,
            "share_seen": seen,
            "share_all": share,
            "median_days_seen": median,
            "median_days_all": None,
        }
        for band, people, seen, share, median in (
            ("under_1_month", 30, 0.5, 0.3, None),
            ("1_to_2_years", 30, 0.5, 0.15, None),
            ("not_seen", 40, None, 0.55, None),
            ("all", 100, 1.0, 1.0, 28),
        )
    ]
    return {
        "unknown_by_quarter": pl.DataFrame(unknown), "days_present": pl.DataFrame(days),
        "conflicts": pl.DataFrame({"kind": ["activity", "address"], "had_returned": [189, 15], "were_abroad": [5, 0],
                                   "open": [1_108, 13], "probability": [0.974391, 0.991031]}),
        "registration_lags": pl.DataFrame(lags, schema_overrides={"median_days_all": pl.Int64}),
    }  # fmt: skip


def write_example(run: Path, *, person_level: bool = True) -> Path:
    """Write all tables of a made-up run into `run/tables` and return that folder."""
    tables = run / "tables"
    for name, frame in {
        "flows": flows(),
        **details(),
        "stocks": stocks(),
        "ledger": ledger(),
        "source_cards": cards(),
        "delivery_volumes": volumes(),
        "person_changes": pl.DataFrame({"old_person_id": [7], "person_id": [3], "change": ["merged"]}),
        "linkage_quality": linkage_quality(),
        "link_errors": link_errors(),
        "review_of_links": review_of_links(),
        "implausible_people": implausible_people(),
        "coverage": coverage(),
        "coverage_by_year": coverage_by_year(),
        "dependence_sensitivity": dependence_sensitivity(),
        "trimming_curve": trimming_curve(),
        "over_coverage": over_coverage(),
        "coverage_of_arrivals": coverage_of_arrivals(),
        "border_completeness": border_completeness(),
        "error_sources": error_sources(),
        "interval_parts": interval_parts(),
        "detail_parts": detail_parts(),
        "assumptions": assumptions(),
        **account_diagnosis(),
        "skipped": Skipped.create_empty(),
        "bridge": bridge(),
        **_presence(),
    }.items():
        save(frame, name, tables)
    write_table(model_levels(), tables / "model_levels.parquet")
    write_table(link_weights(), tables / "link_weights.parquet")
    if person_level:
        _person_level(tables)
    return tables


def manifest(*, synthetic: bool = True) -> dict:
    """Return a manifest as a run writes it."""
    return {
        "run_id": "a1b2c3d4e5f6",
        "sojourn_version": "0.1.0",
        "command": "sojourn demo --residents 50000",
        "study": {"name": "Example land", "synthetic": synthetic, "data_date": "2019-12-31", "seed": 42,
                  "digest": "ab" * 32},
        "seed": 42,
        "spine": "pds",
        "rule_set": {"id": "long_term_2019", "digest": "cd" * 32},
        "definition": "long_term",
        "inputs": [{"file": f"{source}.csv", "extract": source, "sha256": f"{place:02x}" * 32, "rows": rows}
                   for place, (source, rows) in enumerate(SOURCES.items())],
        "models": {"models/hesa.json": "ef" * 32},
        "packages": {"duckdb": "2.0.0", "polars": "2.1.0", "python": "3.11.9", "splink": "5.0.0"},
        "code": "12" * 32,
        "stages": {
            "ingest": {"key": "1" * 64, "seconds": 4.2, "counts": {"rows": 1}, "sentence": "10 of 10 extracts pass"},
            "link": {"key": "2" * 64, "seconds": 21.7, "counts": {"people": 1}, "sentence": "61,000 people",
                     "warnings": ["3 levels took a stated default"]},
        },
        "outputs": {"tables/flows.csv": {"sha256": "34" * 32, "sensitivity": "aggregate-unprotected"}},
    }  # fmt: skip


def scores() -> Scores:
    """Return scores as an evaluation makes them, the truth a little off every estimate."""
    random = np.random.default_rng(7)

    def score(frame: pl.DataFrame, time: list[str]) -> pl.DataFrame:
        off = pl.Series("off", random.normal(0, 0.8, frame.height))
        truth = (pl.col("estimate") + off * pl.col("standard_error")).round(0)
        keys = [*time, "measure", "sex", "age_group", "nationality_group"]
        return frame.with_columns(truth=truth).select(
            *keys, "estimate", "lower", "upper", "truth",
            error=pl.col("estimate") - pl.col("truth"),
            relative_error=pl.col("estimate") / pl.col("truth") - 1,
            inside=pl.col("truth").is_between("lower", "upper"),
        )  # fmt: skip

    links = pl.DataFrame(
        [(source, "pds", group, 8_000, 7_800, 7_750, 0.9936, 0.96875 - 0.1 * (group == "movers"))
         for source in ("pr", "hesa", "exit_checks") for group in ("all", "movers", "stayers")],
        schema=["source_l", "source_r", "group", "true_pairs", "linked_pairs", "correct", "precision", "recall"],
        orient="row",
    )  # fmt: skip
    classes = pl.DataFrame(
        {"measure": ["immigration", "emigration"], "time": [date(2019, 6, 30)] * 2, "true": [650, 400],
         "estimated": [640.5, 380.0], "hits": [580.25, 330.0], "misdated": [9.75, 0.0], "misses": [60.0, 70.0],
         "false": [50.0, 50.0], "brier": [0.125, 0.0625], "log_score": [0.4375, 0.25]}
    )  # fmt: skip
    anatomy = pl.DataFrame(
        [("immigration", f"{year - 1}-07-01/{year}-06-30", kind, "eu", "EU", cause, None, people)
         for year in (2018, 2019)
         for kind, cause, people in (("missed", "too short a stay", 20.25), ("missed", "other", 1.0),
                                     ("false", "too short a stay", 12.5))],
        schema=["measure", "period", "kind", "stay_rule", "nationality_group", "cause", "days_off", "people"],
        orient="row",
    )  # fmt: skip
    wrong_nationality = pl.DataFrame(
        [("population", f"{year}-06-30", "non_EU", "British", year - 2010.0, 90.0) for year in (2018, 2019)],
        schema=["measure", "period", "true_group", "estimated_group", "people", "found"],
        orient="row",
    )
    interval_coverage = pl.DataFrame(
        {"margin": ["total", "sex", "age_group"], "measure": ["net", "net", "net"], "cells": [4, 8, 20],
         "inside": [4, 8, 19], "share": [1.0, 1.0, 0.95]}
    )  # fmt: skip
    return Scores(
        flows=score(flows(), ["period_start", "period_end"]),
        stocks=score(stocks(), ["reference_date"]),
        links=links,
        classes=classes,
        anatomy=anatomy,
        wrong_nationality=wrong_nationality,
        interval_coverage=interval_coverage,
    )
