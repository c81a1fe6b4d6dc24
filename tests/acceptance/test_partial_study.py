"""A study that names only some sources goes as far as it can: what it lacks is not measured, and each reason told.

The tiny country with sources withheld; what is still counted is what happened in it.
"""

import json
import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from test_tiny_country import FLOWS, STOCKS
from tiny_country import SOURCES, write_study

from flows.chain import run_chain
from pipeline.errors import UserError
from pipeline.stage import StageRecord
from pipeline.study import read_study
from publication.charts import svg

NO_VITAL_EVENTS_OR_SURVEY = ("births", "deaths", "coverage_survey", "review_sample")


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """In this process charts are specified and not drawn: drawing takes most of the time of so small a study."""
    blank = '<svg width="1" height="1" viewBox="0 0 1 1"></svg>'
    monkeypatch.setattr(svg.vl_convert, "vegalite_to_svg", lambda *_, **__: blank)


def run(study: Path) -> dict[str, StageRecord]:
    return run_chain(read_study(study), study.parent / "run")


def skipped_steps(records: dict[str, StageRecord]) -> dict[str, str]:
    return {skip.step: skip.reason for record in records.values() for skip in record.skips}


def table(study: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(study.parent / "run" / "tables" / f"{name}.parquet").with_columns(
        pl.col(pl.Enum).cast(pl.String)
    )


def counted(study: Path, measure: str, period: str) -> dict[int, dict[tuple[str, str], float]]:
    """Return the counts of a measure by year, sex and nationality group, to the nearest person.

    Whose nationality no source tells is counted in every group with its probability.
    """
    rows = table(study, "counts").filter(pl.col("count") > 0, measure=measure, period=period)
    by_year = {
        year: {cell: float(round(count)) for cell, count in cells.items() if round(count)}
        for year, cells in _by_year(rows).items()
    }
    return {year: cells for year, cells in by_year.items() if cells}


def _by_year(rows: pl.DataFrame) -> dict[int, dict[tuple[str, str], float]]:
    found: dict[int, dict[tuple[str, str], float]] = {}
    for day, sex, group, count in rows.select("time", "sex", "nationality_group", "count").iter_rows():
        if count > 0:
            cells = found.setdefault(day.year, {})
            cells[sex, group] = cells.get((sex, group), 0.0) + count
    return found


def by_sex_and_group(cells: Counter) -> Counter:
    summed: Counter = Counter()
    for (sex, _, group), count in cells.items():
        summed[sex, group] += count
    return summed


@pytest.mark.parametrize(
    ("source", "steps"),
    [
        ("pds", {"coverage", "account"}),
        ("pr", set()),
        ("births", {"births", "account"}),
        ("deaths", {"deaths", "account"}),
        ("mws", set()),
        ("hesa", set()),
        ("activity", {"stays", "count", "account"}),
        ("exit_checks", set()),
        ("coverage_survey", {"coverage", "account"}),
        ("review_sample", {"coverage", "account"}),
    ],
)
def test_without_one_source_all_is_done_that_does_not_need_it(source, steps, tmp_path):
    study = write_study(tmp_path / "study", without=[source])
    found = skipped_steps(run(study))
    assert set(found) == steps
    flows, stocks = table(study, "flows"), table(study, "stocks")
    assert (set(flows["status"]), set(stocks["status"])) == (
        ({"not measured"}, {"not measured"}) if steps else ({"final"}, {"final"})
    )
    assert table(study, "ledger").height == 12 - len(SOURCES[source])
    assert {"clusters", "linkage_quality"} <= names(study)
    assert ("stays" in names(study)) == ("stays" not in steps)
    assert ("coverage" in names(study)) == (not steps & {"coverage", "count"})
    assert ("error_sources" in names(study)) == (not steps)
    assert set(table(study, "skipped")["step"]) == steps


def names(study: Path) -> set[str]:
    return {path.stem for path in (study.parent / "run" / "tables").glob("*.parquet")}


@pytest.mark.parametrize("source", SOURCES)
def test_one_source_alone_is_a_study(source, tmp_path):
    study = write_study(tmp_path / "study", without=set(SOURCES) - {source})
    steps = set(skipped_steps(run(study)))
    assert {"coverage", "account"} <= steps or {"stays", "count", "account"} <= steps
    assert set(table(study, "flows")["status"]) == {"not measured"}
    assert table(study, "ledger")["accepted"].sum() > 0


@pytest.fixture(scope="module")
def counts_alone(tmp_path_factory, command):
    """The tiny country without births, deaths, survey and review, run by the command."""
    study = write_study(tmp_path_factory.mktemp("counts") / "study", without=NO_VITAL_EVENTS_OR_SURVEY)
    outcome = command("run", study)
    assert outcome.status == 0, outcome.out + outcome.err
    return study, outcome


def test_flows_and_stocks_are_counted_without_births_deaths_and_coverage(counts_alone):
    study, _ = counts_alone
    for (measure, year), cells in FLOWS.items():
        assert counted(study, measure, "year")[year] == by_sex_and_group(cells), (measure, year)
    for year, cells in STOCKS.items():
        # Tess is not known to be of her mother's group without her registration of birth
        expected = by_sex_and_group(cells)
        if year == 2018:
            expected += Counter({("F", "British"): 1, ("F", "EU"): -1})
        assert counted(study, "population", "day")[year] == expected, year


def test_what_is_not_measured_is_in_every_place_that_a_reader_looks_at(counts_alone):
    study, outcome = counts_alone
    run_folder = study.parent / "run"
    reasons = {
        "births": "no [[extract]] of the study has the name 'births', and the account takes births as exact",
        "deaths": "no [[extract]] of the study has the name 'deaths', and the account takes deaths as exact",
        "coverage": "no [[extract]] of the study has the name 'coverage_survey', and coverage is estimated from it; "
        "no [[extract]] of the study has the name 'review_sample', and it shows how well the coverage survey was "
        "linked",
    }
    for step, reason in reasons.items():
        assert f"    not measured: {step}, because {reason}" in outcome.out.splitlines()
    account = "it needs births, deaths, coverage, which are not measured"
    assert f"7 account   skipped, because {account}" in outcome.out
    log = [json.loads(line) for line in (run_folder / "run.log").read_text().splitlines()]
    assert next(one for one in log if one["stage"] == "count")["skipped"] == reasons
    manifest = json.loads((run_folder / "manifest.json").read_text())
    assert manifest["stages"]["count"]["skipped"] == reasons
    assert manifest["stages"]["account"]["skipped"] == {"account": account}
    assert table(study, "skipped").select("stage", "step", "lacks", "tables").rows() == [
        ("account", "account", "births, deaths, coverage_survey, review_sample",
         "estimates, flows, stocks, error_sources, interval_parts"),
        ("count", "births", "births", "counts"),
        ("count", "coverage", "coverage_survey, review_sample", "coverage"),
        ("count", "deaths", "deaths", "counts"),
    ]  # fmt: skip
    report = (run_folder / "report.html").read_text()
    assert "What is not measured" in report
    assert "coverage is estimated from it" in report
    assert "as counted by the rules" in report


def test_every_figure_of_every_period_is_published_without_a_number(counts_alone):
    study, _ = counts_alone
    flows, stocks = table(study, "flows"), table(study, "stocks")
    assert flows.height == 2 * 3 * (3 * 6 * 5 + 4)
    assert stocks.height == 3 * 3 * 6 * 5
    for frame in (flows, stocks):
        assert set(frame["status"]) == {"not measured"}
        numbers = frame.select("estimate", "standard_error", "lower", "upper", "reliability")
        assert numbers.null_count().row(0) == (frame.height,) * 5
    unmeasured = table(study, "unmeasured").filter(measure="flows", year=2017)
    assert unmeasured.select("extract", "gap_from", "gap_to").rows() == [
        (extract, date(2015, 7, 1), date(2018, 6, 30))
        for extract in ("births", "coverage_survey", "deaths", "review_sample")
    ]


def test_a_second_run_computes_nothing_and_tells_the_same(counts_alone, command):
    study, first = counts_alone
    again = command("run", study)
    assert "nothing was computed again" in again.out
    told, told_again = (
        [line.partition("  [")[0] for line in one.out.splitlines() if "not measured" in line]
        for one in (first, again)
    )
    assert told == told_again != []


def test_a_student_register_and_the_health_register_are_a_study(tmp_path):
    study = write_study(tmp_path / "study", without=set(SOURCES) - {"hesa", "pds"})
    assert set(skipped_steps(run(study))) == {"births", "deaths", "coverage", "account"}
    assert table(study, "clusters").filter(source="hesa").height == 1
    assert table(study, "linkage_quality").filter(source_l="hesa", group="all")["linked"].to_list() == [1]
    # Olga, Piotr, Quim and Rani registered with the NHS for the first time, from abroad
    came = table(study, "counts").filter(measure="immigration", period="year")
    by_year = came.group_by(pl.col("time").dt.year()).agg(pl.col("count").sum().round(3))
    assert dict(by_year.iter_rows()) == {2017: 2, 2018: 2}


def test_the_registers_of_births_and_deaths_are_counted_each_without_the_other(tmp_path):
    study = write_study(tmp_path / "study", without=["births", "coverage_survey", "review_sample"])
    assert set(skipped_steps(run(study))) == {"births", "coverage", "account"}
    assert set(table(study, "counts").filter(period="year")["measure"]) == {"immigration", "emigration", "deaths"}
    assert counted(study, "deaths", "year") == {2017: {("F", "British"): 1.0}, 2018: {("M", "British"): 1.0}}


@pytest.mark.parametrize("extract", ["deaths", "coverage_survey"])
def test_an_extract_that_is_named_and_empty_is_refused_all_the_same(extract, tmp_path):
    study = write_study(tmp_path / "study", without=["births", "review_sample"])
    file = study.parent / "extracts" / f"{extract}.csv"
    file.write_text(file.read_text().splitlines(keepends=True)[0])
    with pytest.raises(UserError, match=rf"^{extract}: {extract}\.csv has a header and no row"):
        run(study)


CONTRACT = """
source = "SOURCE"
title = "A register"
says = "People."
person_key = "number"
[extracts.SOURCE]
says = "One row a person."
unique = ["number"]
[extracts.SOURCE.columns]
number = { header = "ID", type = "text", identifier = "SOURCE_number", direct = true }
given_name = { header = "FORENAME", type = "text", identifier = "given_name" }
family_name = { header = "SURNAME", type = "text", identifier = "family_name" }
date_of_birth = { header = "DOB", type = "date", identifier = "date_of_birth", min = "1900-01-01" }
"""


@pytest.mark.parametrize("data_date", ["2019-12-31", "2016-01-31"])
def test_sources_that_no_rule_reads_are_linked_and_nothing_more(data_date, tmp_path):
    people = pl.DataFrame({
        "ID": [f"{number}" for number in range(8)], "FORENAME": list("ABCDEFGH"), "SURNAME": list("STUVWXYZ"),
        "DOB": [f"19{number}0-0{number}-11" for number in range(1, 9)],
    })  # fmt: skip
    for source in ("library", "clinic"):
        (tmp_path / f"{source}.toml").write_text(CONTRACT.replace("SOURCE", source))
        people.write_csv(tmp_path / f"{source}.csv")
    (tmp_path / "study.key").write_text("ab" * 32)
    study = tmp_path / "study.toml"
    study.write_text(
        f'name = "Two registers"\ndata_date = {data_date}\nkey_file = "study.key"\n'
        'contracts = ["library.toml", "clinic.toml"]\n'
        + "".join(f'[[extract]]\nname = "{one}"\nfiles = ["{one}.csv"]\n' for one in ("library", "clinic"))
    )
    found = skipped_steps(run(study))
    assert set(found) == {"evidence", "stays", "count", "account"}
    assert "reads any of its sources (clinic, library)" in found["evidence"]
    assert table(study, "clusters")["person_id"].n_unique() == 8
    assert set(table(study, "flows")["status"]) == {"not measured"}
    assert set(table(study, "unmeasured")["extract"]) == {""}


def test_a_run_without_estimates_is_scored_by_its_links_and_its_people(study_copy, command):
    head, *entries = study_copy.read_text().split("[[extract]]\n")
    kept = [one for one in entries if one.split('"')[1] not in NO_VITAL_EVENTS_OR_SURVEY]
    study_copy.write_text(head + "".join(f"[[extract]]\n{one}" for one in kept))
    run_folder = study_copy.parent / "run"
    outcome = command("run", study_copy)
    assert outcome.status == 0, outcome.out + outcome.err
    scored = command("evaluate", run_folder)
    assert scored.status == 0, scored.out + scored.err
    assert "the run has no estimates to compare with it" in scored.out
    summary = json.loads((run_folder / "evaluation" / "summary.json").read_text())
    assert summary["headline"] is None
    assert summary["interval_coverage"] == []
    assert {one["source_l"] for one in summary["links"]} >= {"hesa", "exit_checks"}
    assert {one["measure"] for one in summary["classes"]} == {"immigration", "emigration", "population"}
    assert "Comparison with the truth" in (run_folder / "report.html").read_text()
    with_true_links = command("evaluate", run_folder, "--with", "true_links")
    assert with_true_links.status == 0, with_true_links.out + with_true_links.err
    person = command("evaluate", run_folder, "--person", "1")
    assert person.status == 0, person.out + person.err

    truth = study_copy.parent / "truth"
    people = pl.read_parquet(truth / "people.parquet")
    people.drop("birth_date").write_parquet(truth / "people.parquet")
    refused = command("evaluate", run_folder)
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "people.parquet: has no column birth_date" in refused.err
    people.write_parquet(truth / "people.parquet")
    identities = pl.read_parquet(truth / "identities.parquet")
    identities.filter(source="births").write_parquet(truth / "identities.parquet")
    refused = command("evaluate", run_folder)
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "none of the sources that the run linked" in refused.err
    shutil.rmtree(truth)
    refused = command("evaluate", run_folder)
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "the truth cannot be read" in refused.err
