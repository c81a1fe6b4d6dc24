"""`sojourn demo`, as a new user sees it."""

import json
import re
from html.parser import HTMLParser

import polars as pl
import pytest

from pipeline.schemas import Coverage, Flows, LinkageQuality, Stocks

STAGES = ["simulate", "ingest", "link", "evidence", "stays", "count", "account", "publish", "evaluate"]


def test_it_prints_at_most_fifteen_lines(demo):
    lines = demo.outcome.lines
    assert len(lines) <= 15
    numbered = [line.split()[1] for line in lines if re.match(r"  \d ", line)]
    assert numbered == STAGES
    assert all(re.search(r"\d", line) and line.rstrip().endswith("s]") for line in lines[1:10])


def test_it_ends_with_headline_truth_report_and_what_to_try_next(demo):
    text = demo.outcome.out
    assert re.search(r"Net migration, year ending June 2019: .*95% interval", text)
    assert re.search(r"truth [\d,−-]+, (inside|outside)", text)
    assert re.search(r"^  report   \S+/demo/run/report\.html$", text, re.MULTILINE)
    assert len(re.findall(r"sojourn (evaluate|run) ", text)) == 2


def test_it_prints_plain_lines_without_a_terminal(demo):
    assert "\x1b" not in demo.outcome.out
    assert demo.outcome.err == ""


@pytest.mark.parametrize(
    ("name", "schema"),
    [("flows", Flows), ("stocks", Stocks), ("coverage", Coverage), ("linkage_quality", LinkageQuality)],
)
def test_published_tables_have_the_columns_of_their_schema(demo, name, schema):
    frame = pl.read_csv(demo.run / "tables" / f"{name}.csv", infer_schema_length=None)
    assert frame.columns == schema.column_names()
    assert frame.height > 0


def test_flows_contain_every_marginal_and_add_up(demo):
    flows = pl.read_parquet(demo.run / "tables" / "flows.parquet")
    years = flows.filter((pl.col("period_end") - pl.col("period_start")).dt.total_days() > 300)
    assert years["period_end"].dt.year().unique().sort().to_list() == [2016, 2017, 2018, 2019]
    for dimension in ("sex", "age_group", "nationality_group"):
        others = [one for one in ("sex", "age_group", "nationality_group") if one != dimension]
        marginal = years.filter(*(pl.col(other) == "all" for other in others))
        parts = marginal.filter(pl.col(dimension) != "all").group_by("period_end", "measure").agg(pl.sum("estimate"))
        whole = marginal.filter(pl.col(dimension) == "all").select("period_end", "measure", total="estimate")
        joined = parts.join(whole, on=["period_end", "measure"])
        assert joined.height == 12
        assert (joined["estimate"] - joined["total"]).abs().max() < 1e-3
    net = years.pivot("measure", index=["period_end", "sex", "age_group", "nationality_group"], values="estimate")
    assert (net["immigration"] - net["emigration"] - net["net"]).abs().max() < 1e-3


def test_quarters_add_up_to_their_year(demo):
    flows = pl.read_parquet(demo.run / "tables" / "flows.parquet").filter(
        pl.col("sex") == "all", pl.col("age_group") == "all", pl.col("nationality_group") == "all"
    )
    flows = flows.with_columns(
        days=(pl.col("period_end") - pl.col("period_start")).dt.total_days(),
        year=pl.col("period_end").dt.year() + (pl.col("period_end").dt.month() > 6).cast(int),
    )
    quarters = flows.filter(pl.col("days") < 100).group_by("measure", "year").agg(pl.sum("estimate"), pl.len())
    years = flows.filter(pl.col("days") > 300).select("measure", "year", whole="estimate")
    joined = quarters.join(years, on=["measure", "year"])
    assert joined["len"].to_list() == [4] * 12
    assert (joined["estimate"] - joined["whole"]).abs().max() < 1e-3


def test_stocks_and_flows_are_one_account(demo):
    tables = demo.run / "tables"
    estimates = pl.read_parquet(tables / "estimates.parquet").group_by("measure", "time").agg(pl.sum("estimate"))
    value = {(row["measure"], row["time"]): row["estimate"] for row in estimates.to_dicts()}
    for year in (2016, 2017, 2018, 2019):
        change = value["population", year] - value["population", year - 1]
        natural = value["births", year] - value["deaths", year]
        assert change == pytest.approx(natural + value["immigration", year] - value["emigration", year], abs=1e-3)


def test_status_and_reliability_are_given(demo):
    flows = pl.read_parquet(demo.run / "tables" / "flows.parquet")
    by_year = {
        year: set(flows.filter(pl.col("period_end") == pl.date(year, 6, 30))["status"].to_list())
        for year in (2016, 2017, 2018, 2019)
    }
    assert by_year == {2016: {"final"}, 2017: {"final"}, 2018: {"provisional"}, 2019: {"provisional"}}
    gross = flows.filter(pl.col("measure") != "net")
    assert gross.filter((pl.col("estimate") < 30) != (pl.col("reliability") == "unreliable")).is_empty()


def test_the_ledger_adds_up_and_agrees_with_quarantine(demo):
    ledger = pl.read_parquet(demo.run / "tables" / "ledger.parquet")
    assert (ledger["rows_in"] == ledger["accepted"] + ledger["quarantined"]).all()
    for row in ledger.group_by("extract").agg(pl.sum("quarantined")).to_dicts():
        quarantine = pl.read_parquet(demo.run / "tables" / "quarantine" / f"{row['extract']}.parquet")
        assert quarantine.height == row["quarantined"]


def test_what_is_not_measured_is_published_as_such(demo):
    sources = pl.read_parquet(demo.run / "tables" / "error_sources.parquet")
    assert set(sources["treatment"].cast(pl.String).unique()) == {"estimated", "declared", "not measured"}
    declared = sources.filter(pl.col("treatment") == "declared")
    stated = dict(declared.select("error_source", "relative_standard_error").iter_rows())
    assert stated["people who left but look present"] == 0.0004
    assert stated["error of immigration by group"] == stated["error of emigration by group"] == 0.007
    assert 0 < stated["people whom both the sources and the survey miss"] < 0.005


def test_the_manifest_contains_what_is_needed_to_reproduce_the_run(demo):
    manifest = json.loads((demo.run / "manifest.json").read_text())
    assert set(manifest["stages"]) == set(STAGES) - {"simulate", "publish", "evaluate"}
    for part in ("inputs", "study", "rule_set", "models", "packages", "seed", "ledger", "outputs", "run_id"):
        assert manifest[part], part
    assert all(len(one["sha256"]) == 64 for one in manifest["inputs"])
    classes = {name: one["sensitivity"] for name, one in manifest["outputs"].items()}
    assert set(classes.values()) == {"aggregate-unprotected", "person-level"}
    assert classes["tables/evidence.parquet"] == "person-level"
    assert classes["tables/flows.parquet"] == classes["tables/stocks.parquet"] == "aggregate-unprotected"
    key = (demo.study.parent / "synthetic.key").read_text().split()[-1]
    assert key not in (demo.run / "manifest.json").read_text()


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_report_needs_no_script_and_no_network(demo):
    html = (demo.run / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    assert "script" not in page.tags
    assert not [link for link in page.links if link.startswith(("http:", "https:", "//"))]
    assert "SYNTHETIC" in html[: html.index("<h2")]
    assert page.tags.count("svg") >= 6


def test_evaluation_scores_every_step(demo):
    folder = demo.run / "evaluation"
    links = pl.read_parquet(folder / "links.parquet")
    assert {"all", "movers", "stayers", "sex=F", "age_group=65+"} <= set(links["group"])
    assert links.filter(pl.col("group") == "all", pl.col("source_r") == "pds").height >= 6
    summary = json.loads((folder / "summary.json").read_text())
    assert {"headline", "links", "interval_coverage"} <= set(summary)
    assert {path.name for path in folder.glob("*.csv")} >= {"flows.csv", "stocks.csv", "links.csv", "classes.csv"}


def test_evaluate_prints_its_scores_as_json(demo, command):
    outcome = command("evaluate", demo.run, "--json")
    assert outcome.status == 0
    headline = json.loads(outcome.out)["headline"]
    assert headline["inside"] is (headline["lower"] <= headline["truth"] <= headline["upper"])


def test_a_demo_replaces_no_run_of_another_study(study_copy, command):
    before = sorted(study_copy.parent.iterdir())
    done = command("demo", "--residents", 1000, "--out", study_copy.parent)
    assert done.status == 2
    assert "contains a study of its own" in done.err
    assert sorted(study_copy.parent.iterdir()) == before


def test_a_seed_that_no_study_can_have_is_a_mistake(command, tmp_path):
    done = command("simulate", "--residents", 1000, "--seed", 10**20, "--out", tmp_path / "study")
    assert done.status == 2
    assert "--seed" in done.err
    assert not (tmp_path / "study").exists()


def test_error_rates_divide_the_cases_of_the_classes_by_group(demo):
    """What is found, false and open by nationality group adds up to the classes, which count the same cases."""
    read = {name: pl.read_parquet(demo.run / "evaluation" / f"{name}.parquet") for name in ("error_rates", "classes")}
    happened, true = read["error_rates"].filter(pl.col("kind") != "late"), pl.col("kind") == "true"
    by_group = happened.group_by("measure", "time").agg(
        true=pl.col("cases").filter(true).sum(), probable=pl.col("probability").sum()
    )
    both = read["classes"].join(by_group, on=["measure", "time"])
    assert both.height == read["classes"].height > 0
    assert both["true"].to_list() == both["true_right"].to_list()
    of_classes = both.select(pl.sum_horizontal("hits", "misdated", "false")).to_series()
    assert both["probable"].to_list() == pytest.approx(of_classes.to_list(), abs=1e-3)


def test_every_source_that_lists_or_flags_people_is_counted_alone(demo):
    alone = pl.read_parquet(demo.run / "evaluation" / "single_sources.parquet")
    assert set(alone.filter(pl.col("measure") == "population")["source"]) == {"activity", "pds", "pr"}
    assert set(alone.filter(pl.col("measure") == "emigration")["source"]) == {"exit_checks", "pds"}
    spine = alone.filter(pl.col("source") == "pds", pl.col("measure") == "population")
    assert ((spine["estimate"] / spine["truth"] - 1).abs() < 0.15).all()


def test_the_report_of_a_run_says_what_the_account_changed(demo):
    text = (demo.run / "report.html").read_text(encoding="utf-8")
    assert "Each source left out" in text
    z = pl.read_parquet(demo.run / "tables" / "account_left_out.parquet")["z"]
    assert z.null_count() == 0
    assert z.abs().max() < 5


def test_a_study_with_one_survey_trims_its_list_to_the_usual_depth_and_shows_the_others(demo):
    curve = pl.read_parquet(demo.run / "tables" / "trimming_curve.parquet").filter(nationality_group="all")
    assert curve.filter("used")["depth"].to_list() == [1]
    listed = curve.sort("depth")["listed"].to_list()
    assert listed == sorted(listed, reverse=True)


def test_hardly_anybody_listed_where_the_survey_went_is_no_resident(demo):
    wrong = pl.read_parquet(demo.run / "tables" / "over_coverage.parquet").row(
        by_predicate=pl.col("nationality_group") == "all", named=True
    )
    assert wrong["status"] == "measured"
    assert abs(wrong["share_erroneous"]) < 0.01
