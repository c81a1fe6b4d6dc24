"""The tables of the coverage of the sources: its factors, and what checks them."""

import polars as pl

from pipeline.schemas import ALL, NATIONALITY_GROUPS, TRIMMING_DEPTHS
from publication import words
from publication.coverage_class_names import class_names
from publication.report_tables.report_table import ReportTable, interval_around


def coverage_table(coverage: pl.DataFrame) -> ReportTable | None:
    """Return the coverage factors, a row a class of people."""
    if coverage.is_empty():
        return None
    rows = coverage.sort("survey_date", "coverage_class").to_dicts()
    return ReportTable(
        caption=f"Coverage of the sources, by the survey of {words.day(rows[-1]['survey_date'])}",
        columns=("Class of people", "Factor (95% interval)", "Missed", "Counted in error", "Counted by the sources",
                 "Estimated residents", "Surveyed", "Matched", "Sampling error", "By jackknife"),
        rows=tuple(
            (
                label,
                interval_around(row["factor"], row["standard_error"], ".3f"),
                words.percent(row["share_missed"]),
                words.percent(row["share_erroneous"]),
                words.count(row["listed"]),
                words.number(row["estimated"]),
                words.count(row["surveyed"]),
                words.count(row["matches"]),
                words.percent(row["standard_error_sampling"] / row["factor"], 2),
                words.percent(row["standard_error_jackknife"] / row["factor"], 2),
            )
            for label, row in zip(class_names(coverage), rows, strict=True)
        ),
        numeric=tuple(range(1, 10)),
        note="The factor is the estimated number of residents for each person counted by the sources: it allows for "
        "residents whom the sources miss and for people whom they count in error. Its interval covers the sampling "
        "error of the survey and the errors of linkage. The sampling error is a standard error in percent of the "
        "factor, from clusters drawn again (bootstrap); leaving out one cluster at a time (jackknife) checks it.",
        csv="coverage.csv",
    )  # fmt: skip


def trimming_table(curve: pl.DataFrame) -> ReportTable | None:
    """Return the trimming curve of all residents, a row a depth."""
    total = curve.filter(pl.col("nationality_group").cast(pl.String) == ALL) if curve.height else curve
    if total.is_empty():
        return None
    rows = total.filter(pl.col("survey_date") == pl.col("survey_date").max()).sort("depth").to_dicts()
    marks = {(True, True): "used; enough", (True, False): "used", (False, True): "enough", (False, False): ""}
    return ReportTable(
        caption="The trimming curve: residents by the list trimmed to each depth",
        columns=("Depth", "Who is on the list", "On the list", "Matched", "Estimated residents", "Step to it", ""),
        rows=tuple(
            (
                str(row["depth"]),
                words.sentence_case(TRIMMING_DEPTHS[row["depth"]]),
                words.count(row["listed"]),
                words.count(row["matches"]),
                f"{words.count(row['estimated'])} ± {words.count(row['standard_error'])}",
                _step(row["difference"], row["difference_standard_error"]),
                marks[row["used"], row["chosen"]],
            )
            for row in rows
        ),
        numeric=(2, 3, 4, 5),
        note="± one standard error, of sampling and linkage; that of a step is of both estimates together, by the "
        "same survey. A depth is enough if the next step is no fall beyond it. Classes of people with too few "
        "matches at a depth stay at the one before. The depth of a study with one survey is declared; with another "
        "survey it is the one that is enough by that survey.",
        csv="trimming_curve.csv",
    )


def _step(difference: float | None, error: float | None) -> str:
    """Return a step of the curve with its standard error; nothing at the first depth."""
    return "" if difference is None else f"{words.signed(f'{difference:,.1f}')} ± {error:,.1f}"


def dependence_table(sensitivity: pl.DataFrame) -> ReportTable | None:
    """Return residents by nationality group at other odds ratios between the list and the survey."""
    if sensitivity.is_empty():
        return None
    ratios = sorted(sensitivity["odds_ratio"].unique())
    groups = [*NATIONALITY_GROUPS, ALL]
    by_key = {
        (row["odds_ratio"], str(row["nationality_group"])): row
        for row in sensitivity.filter(pl.col("survey_date") == pl.col("survey_date").max()).to_dicts()
    }

    def cell(ratio: float, group: str) -> str:
        row = by_key[ratio, group]
        change = words.signed(words.percent(row["relative_change"], 2))
        return words.number(row["estimated"]) + ("" if ratio == 1 else f" ({change})")

    return ReportTable(
        caption="If the list and the survey depend on each other: estimated residents",
        columns=("Nationality", *(f"Odds ratio {ratio:g}" for ratio in ratios)),
        rows=tuple(
            (words.name(group, short=True), *(cell(ratio, group) for ratio in ratios))
            for group in groups
            if (ratios[0], group) in by_key
        ),
        numeric=tuple(range(1, len(ratios) + 1)),
        note="Estimates take the list and the survey to be independent within a class of people: an odds ratio of 1. "
        "If whom the list misses tends to miss the survey too, there are more residents. Nothing in these data shows "
        "the ratio; the intervals allow for it as declared (list_dependence). Survey day, before the account.",
        csv="dependence_sensitivity.csv",
    )


def over_coverage_table(wrong: pl.DataFrame) -> ReportTable | None:
    """Return people on the list who are no residents, by whom the survey did not find and by the factor."""
    if wrong.is_empty():
        return None
    groups = pl.Enum([*NATIONALITY_GROUPS, ALL])
    last = wrong.filter(pl.col("survey_date") == pl.col("survey_date").max())
    rows = last.sort(pl.col("nationality_group").cast(pl.String).cast(groups)).to_dicts()
    return ReportTable(
        caption="People on the list who are no residents: two ways to estimate them",
        columns=("Nationality", "Listed at sampled postcodes", "Found", "Found of residents", "Wrong, not found",
                 "Wrong, by the factor", "Not measured"),
        rows=tuple(
            (
                words.name(row["nationality_group"], short=True),
                "" if row["listed"] is None else words.count(row["listed"]),
                "" if row["found"] is None else words.percent(row["found"] / max(row["listed"], 1)),
                words.percent(row["expected_share_found"]),
                _share_with_error(row["share_erroneous"], row["standard_error"]),
                words.percent(row["share_by_factor"], 2),
                row["reason"],
            )
            for row in rows
        ),
        numeric=(1, 2, 3, 4, 5),
        note="Residents are found as often as people on the trimmed list at these postcodes, of the same classes. "
        "What is missing beyond that is wrong (± one standard error). Both ways are blind to wrong people on the "
        "trimmed list, and the share can be below zero by chance. No published figure uses it.",
        csv="over_coverage.csv",
    )  # fmt: skip


def _share_with_error(share: float | None, error: float | None) -> str:
    if share is None or error is None:
        return ""
    return f"{words.signed(words.percent(share, 2))} ± {words.percent(error, 2)}"


def arrivals_table(arrivals: pl.DataFrame) -> ReportTable | None:
    """Return how many newcomers of the survey the sources saw arrive, a row a nationality group."""
    if arrivals.is_empty():
        return None
    groups = pl.Enum([*NATIONALITY_GROUPS, ALL])
    rows = arrivals.sort(pl.col("nationality_group").cast(pl.String).cast(groups)).to_dicts()
    return ReportTable(
        caption="Coverage of arrivals: people whom the survey found and who lived abroad a year before",
        columns=("Nationality", "Newcomers", "Seen to arrive", "Coverage (95% interval)", "Not measured"),
        rows=tuple(
            (
                words.name(row["nationality_group"], short=True),
                words.count(row["newcomers"]),
                words.count(row["found"]),
                _share_in_limits(row["coverage"], row["lower"], row["upper"]),
                row["reason"],
            )
            for row in rows
        ),
        numeric=(1, 2, 3),
        note="Seen to arrive: the sources have a stay of the person that began by an arrival in that year, or up to "
        "half a year before, however long it was. Links that were missed are allowed for. It checks the completeness "
        "that a calibration supposes; no published figure uses it.",
        csv="coverage_of_arrivals.csv",
    )


def border_table(border: pl.DataFrame) -> ReportTable | None:
    """Return how complete the record of the border is, a row a crossing and route."""
    if border.is_empty():
        return None
    crossing, route = pl.col("crossing").cast(pl.String), pl.col("route")
    rows = border.sort(crossing != "departure", route != ALL, route).to_dicts()
    return ReportTable(
        caption="Coverage of departures and arrivals: crossings of the border that must have happened",
        columns=("Crossing", "Permission", "People", "Crossings", "Recorded", "Completeness (95% interval)"),
        rows=tuple(
            (
                "Departure" if row["crossing"] == "departure" else "Arrival",
                "All" if row["route"] == ALL else words.plain(row["route"]).capitalize(),
                words.count(row["people"]),
                words.count(row["crossings"]),
                words.count(row["recorded"]),
                _share_in_limits(row["completeness"], row["lower"], row["upper"]),
            )
            for row in rows
        ),
        numeric=(2, 3, 4, 5),
        note="Whoever is seen to arrive a second time has left in between, and the other way round. By the "
        "permission in force then. Whether departures for good are recorded as well as others, no record "
        "shows; the account has errors of its own for emigration. No published figure uses the table.",
        csv="border_completeness.csv",
    )


def _share_in_limits(share: float | None, lower: float | None, upper: float | None) -> str:
    if share is None or lower is None or upper is None:
        return ""
    return f"{words.percent(share)} ({words.percent(lower)} to {words.percent(upper)})"
