"""The report: self-contained, accessible without sight or colour, honest about truth and about synthetic data."""

import re
from html.parser import HTMLParser

import polars as pl
import pytest
from publish_example import details, manifest, scores, write_example

from pipeline.schemas import TABLES
from pipeline.tables import write_table
from publication.charts.chart_style import MEASURE_COLOURS
from publication.html_page import TEMPLATES
from publication.report import render_report, write_report
from publication.report_tables.detail_tables import HEADINGS, detail_tables
from publication.scores import Scores

VOID = {"meta", "br", "link", "img", "hr", "input"}
BANNER = "SYNTHETIC DATA - NOT STATISTICS"


class Page(HTMLParser):
    """Reads a page into what the tests ask about; fails on elements that do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.tables: list[dict[str, int]] = []
        self.figures: list[dict[str, int]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_startendtag(self, tag, attrs):
        self._record(tag, dict(attrs))

    def handle_starttag(self, tag, attrs):
        self._record(tag, dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def _record(self, tag, attributes):
        self.tags.append((tag, attributes))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "table":
            self.tables.append({"caption": 0, "th": 0, "scoped": 0})
        if tag == "figure":
            self.figures.append({"svg": 0, "described": 0, "h3": 0, "csv": 0})
        if "table" in self.open and self.tables:
            self.tables[-1]["caption"] += tag == "caption"
            self.tables[-1]["th"] += tag == "th"
            self.tables[-1]["scoped"] += tag == "th" and attributes.get("scope") in ("row", "col")
        if "figure" in self.open and self.figures:
            drawn = tag == "svg" and attributes.get("aria-hidden") != "true"
            self.figures[-1]["svg"] += drawn
            self.figures[-1]["described"] += (
                drawn and attributes.get("role") == "img" and bool(attributes.get("aria-label"))
            )
            self.figures[-1]["h3"] += tag == "h3"
            self.figures[-1]["csv"] += tag == "a" and str(attributes.get("href")).endswith(".csv")

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(name)) is not None]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_example(folder)
    return folder


@pytest.fixture(scope="module")
def plain(run):
    return render_report(run, manifest=manifest())


@pytest.fixture(scope="module")
def scored(run):
    return render_report(run, manifest=manifest(), scores=scores())


@pytest.fixture(scope="module", params=["plain", "scored"])
def page(request):
    text = request.getfixturevalue(request.param)
    return text, Page(text)


def test_it_is_self_contained(page):
    text, parsed = page
    assert len(text.encode()) < 600_000
    assert not {tag for tag, _ in parsed.tags} & {
        "script",
        "link",
        "iframe",
        "object",
        "embed",
        "img",
        "foreignObject",
    }
    assert not re.search(r"https?:|//\w|@import|@font-face|url\((?!#)", text)
    assert not [name for _, attributes in parsed.tags for name in attributes if name.startswith("on")]


def test_it_is_in_british_english_with_one_title_and_headings_in_order(page):
    _, parsed = page
    assert ("html", {"lang": "en-GB"}) in parsed.tags
    assert parsed.headings[0] == 1
    assert parsed.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(parsed.headings, parsed.headings[1:], strict=False))


def test_every_table_has_a_caption_and_scoped_headings(page):
    _, parsed = page
    assert len(parsed.tables) >= 8
    for table in parsed.tables:
        assert table["caption"] == 1
        assert table["th"] == table["scoped"] > 1


def test_every_chart_has_a_finding_a_text_alternative_and_its_numbers(page):
    _, parsed = page
    assert len(parsed.figures) >= 10
    for figure in parsed.figures:
        assert figure["svg"] == figure["described"] >= 1
        assert figure["h3"] == 1
        assert figure["csv"] == 1


def test_ids_are_unique_and_every_reference_finds_its_own(page):
    text, parsed = page
    ids = parsed.values("id")
    assert len(ids) == len(set(ids))
    named = {name for value in parsed.values("aria-labelledby") for name in value.split()}
    targets = {href[1:] for href in parsed.values("href") if href.startswith("#")}
    assert named | targets | set(re.findall(r"url\(#([^)]+)\)", text)) <= set(ids)


def test_links_lead_to_tables_that_are_written(run, page):
    from publication.csv_tables import write_csv_tables

    _, parsed = page
    write_csv_tables(run / "tables")
    for href in parsed.values("href"):
        folder, _, name = href.rpartition("/")
        scored = folder == "evaluation" and name.removesuffix(".csv") in Scores().frames()
        assert href.startswith("#") or scored or (run / href).is_file()


def test_it_opens_with_the_headline_its_interval_and_its_status(plain):
    opening = plain[plain.index("<h1") : plain.index("<nav")]
    for phrase in (
        "Net migration in the year ending June 2019",
        "264",
        "95% interval 89 to 439",
        "Provisional",
        "Immigration",
        "662",
        "Emigration",
        "398",
        "year ending June 2017, the latest final year",
    ):
        assert phrase in opening


def test_it_says_before_any_figure_that_small_cells_are_not_protected(run, plain):
    for page in (plain, render_report(run, manifest=manifest(synthetic=False))):
        assert "No disclosure control has been applied" in page[: page.index("<main")]


def test_the_banner_is_on_synthetic_studies_alone(run, plain):
    assert BANNER in plain
    real = render_report(run, manifest=manifest(synthetic=False))
    assert BANNER not in real
    assert "synthetic" not in real.lower()


def test_truth_is_shown_with_scores_and_never_without(plain, scored):
    assert "truth" not in plain.lower().replace("estimated without the truth", "")
    for phrase in (
        "Comparison with the truth",
        "True net migration in the year ending June 2019",
        "yearly flows contain the truth",
        "How often 95% intervals contain the truth",
        "19 of 20 (95%)",
        "Recall of movers",
        "86.9%",
    ):
        assert phrase in scored


def test_causes_of_errors_are_shown_as_sums_of_all_years(scored):
    section = re.sub(r"<[^>]+>", " ", scored[scored.index("Errors by cause") :])
    rows = re.sub(r"\s+", " ", section)
    assert "Immigration Too short a stay 40.5 25.0 0.0 Immigration Other 2.0 0.0 0.0" in rows
    assert "Population 2019-06-30 Non-EU British 9.0 10.0%" in rows
    assert "8.0" not in rows[rows.index("wrong nationality group") :].split("latest day")[0]


def test_scores_that_were_not_taken_are_left_out(run):
    text = render_report(run, manifest=manifest(), scores=Scores(links=scores().links))
    Page(text)
    assert "Links compared with the true pairs" in text
    assert "How often 95% intervals contain the truth" not in text


def test_unreliable_and_provisional_cells_are_marked_and_the_marks_explained(plain):
    assert re.search(r"<td[^>]*>13 \(10 to 15\) \[p\] \[u\]</td>", plain)
    assert "[u] unreliable" in plain
    assert "[p] provisional" in plain
    assert "pale: unreliable" in plain


def test_an_unreliable_headline_says_so(run, plain, tmp_path):
    flows = pl.read_parquet(run / "tables" / "flows.parquet")
    small = flows.with_columns(pl.lit("unreliable").cast(flows.schema["reliability"]).alias("reliability"))
    write_table(small, tmp_path / "tables" / "flows.parquet")
    text = render_report(tmp_path, manifest=manifest())
    assert 'class="badge unreliable"' in text
    assert 'class="badge unreliable"' not in plain


def test_every_source_of_error_is_listed_with_its_treatment(plain):
    for phrase in ("declared: an assumption", "Drift of coverage", "not measured"):
        assert phrase in plain


def test_it_says_what_the_headline_intervals_consist_of_and_what_of_that_is_assumed(run, plain):
    opening = plain[: plain.index("<main")]
    assert "Declared assumptions are 75% of the variance behind this interval" in opening
    assert opening.count("75% of the variance assumed") == 3  # of immigration, emigration and the latest final year
    section = plain[plain.index('id="errors"') :]
    table = section[section.index("What the intervals consist of") : section.index("</table>")]
    for part, treatment, share in (
        ("Coverage sampling", "estimated", "10.0%"),
        ("Reporting delay", "estimated", "15.0%"),
        ("Classification", "declared: an assumption", "25.0%"),
        ("Source bias", "declared: an assumption", "50.0%"),
        ("All assumptions", "declared: an assumption", "75.0%"),
    ):
        row = table[table.index(f">{part}<") :]
        row = row[: row.index("</tr>")]
        assert treatment in row
        assert row.count(f">{share}<") == 5, row  # and of the latest population
    assert "in no interval: drift of coverage; wrong dates of stay" in section


def test_a_report_without_parts_of_intervals_says_nothing_of_assumptions(run, tmp_path):
    tables = write_example(tmp_path)
    (tables / "interval_parts.parquet").unlink()
    page = render_report(tmp_path, manifest=manifest())
    assert "of the variance" not in page


def test_numbers_that_no_publication_gives_are_listed_with_what_they_move(plain):
    table = plain.partition("Assumptions: numbers")[2].partition("</table>")[0]
    assert "prior_cases" in table
    assert "[flow_errors] not_final_emigrations" in table
    assert "Sojourn: a guess" in table
    assert "long_term_days" not in table
    assert "Not shown: 1 from publications" in plain


def test_everything_that_is_needed_to_reproduce_it_is_shown(plain):
    for phrase in ("a1b2c3d4e5f6", "sojourn demo --residents 50000", "ab" * 32, "cd" * 32, "splink", "5.0.0", "42"):
        assert phrase in plain


def test_the_same_run_gives_the_same_page(run, plain, scored):
    assert render_report(run, manifest=manifest()) == plain
    assert render_report(run, manifest=manifest(), scores=scores()) == scored


def test_only_the_report_is_written(run):
    before = {
        path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file() and path.name != "report.html"
    }
    path = write_report(run, manifest=manifest(), scores=scores())
    assert path == run / "report.html"
    after = {
        path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file() and path.name != "report.html"
    }
    assert after == before


def test_names_in_the_data_cannot_become_markup(run):
    hostile = manifest() | {"command": "sojourn run '<script>alert(1)</script>'"}
    Page(text := render_report(run, manifest=hostile))
    assert "<script" not in text


def test_a_run_without_tables_still_gives_a_page(tmp_path):
    Page(text := render_report(tmp_path, manifest={}))
    assert "This run published no estimates of migration." in text


def test_a_run_of_empty_tables_still_gives_a_page(tmp_path):
    for name in ("flows", "stocks", "ledger", "linkage_quality", "coverage", "error_sources", "clusters"):
        write_table(TABLES[name].create_empty(), tmp_path / "tables" / f"{name}.parquet")
    levels = {"model": pl.String, "comparison": pl.String, "level": pl.String, "match_weight": pl.Float64}
    write_table(pl.DataFrame(schema=levels), tmp_path / "tables" / "model_levels.parquet")
    Page(text := render_report(tmp_path, manifest=manifest(), scores=Scores()))
    assert "This run published no estimates of migration." in text


def test_a_single_year_and_a_single_day_are_enough(run, tmp_path):
    flows = pl.read_parquet(run / "tables" / "flows.parquet")
    stocks = pl.read_parquet(run / "tables" / "stocks.parquet")
    total = [pl.col(name) == "all" for name in ("sex", "age_group", "nationality_group")]
    last = flows.filter(*total, pl.col("period_end") == pl.col("period_end").max()).filter(
        pl.col("period_start") == pl.col("period_start").min()
    )
    write_table(last, tmp_path / "tables" / "flows.parquet")
    write_table(stocks.filter(*total).head(1), tmp_path / "tables" / "stocks.parquet")
    Page(text := render_report(tmp_path, manifest=manifest()))
    assert "is estimated at 264</h3>" in text


def test_the_legend_has_the_colours_of_the_charts():
    template = (TEMPLATES / "parts.html.j2").read_text(encoding="utf-8")
    for colour in set(MEASURE_COLOURS.values()):
        assert colour in template


def cells_of(text: str, caption: str) -> list[list[str]]:
    """Return the cells of a table of the report, row by row."""
    table = text.partition(f"<caption>{caption}</caption>")[2].partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def test_what_is_not_known_yet_is_of_the_published_definition(plain):
    assert cells_of(plain, "What is not known yet, by quarter")[1:] == [
        ["December 2018", "40", "10", "6.2", "40", "10", "6.2"],
        ["March 2019", "40", "10", "6.2", "40", "10", "6.2"],
    ]


def test_the_coverage_of_flows_is_shown_with_its_limits(plain):
    found = "people whom the survey found and who lived abroad a year before"
    arrivals = cells_of(plain, f"Coverage of arrivals: {found}")
    assert arrivals[1] == ["British", "60", "54", "90.5% (82.7% to 98.3%)", ""]
    assert arrivals[2][3:] == ["", "fewer than 10 people of the survey lived abroad a year before"]
    border = cells_of(plain, "Coverage of departures and arrivals: crossings of the border that must have happened")
    assert border[1:] == [
        ["Departure", "All", "120", "240", "232", "96.7% (91.7% to 98.7%)"],
        ["Departure", "Youth mobility", "20", "40", "39", "97.5% (78.0% to 99.8%)"],
        ["Arrival", "All", "130", "250", "220", "88.0% (81.3% to 92.5%)"],
    ]


def test_students_are_shown_by_days_present(plain):
    assert cells_of(plain, "Students by days present in their first 14 months of study") == [
        ["Year ending", "Nationality", "Students", "250 to 299", "300 to 349"],
        ["June 2018", "Non-EU", "100", "25.0%", "75.0%"],
    ]


def test_people_seen_to_leave_and_then_inside_are_counted_by_the_evidence(plain):
    assert cells_of(plain, "Seen to leave, and then inside the country")[1:] == [
        ["activity", "189", "5", "1,108", "97.4%"],
        ["address", "15", "0", "13", "99.1%"],
    ]


def test_lags_are_shown_of_those_seen_and_of_all(plain):
    """Half of those seen registered within 28 days; of all arrivals 30% within a month, 45% within five years."""
    assert cells_of(plain, "From arrival to registration")[1:] == [
        ["MWS", "PDS", "EU", "100", "28", "more than half never", "30%", "30%", "30%", "45%"]
    ]


def test_flows_by_reason_and_country_are_shown_with_the_largest_first():
    by_reason, by_country, by_area = detail_tables({name: details()[f"flows_by_{name}"] for name in HEADINGS})
    assert by_reason.caption.startswith("Long-term migration by reason, ")
    assert [row[0] for row in by_reason.rows] == ["Work", "Study"]
    assert by_country.rows[0][0] == "IN"
    assert (by_area.csv, by_area.rows[1][0]) == ("flows_by_area.csv", "Not recorded")
    assert detail_tables({"reason": details()["flows_by_reason"].clear()}) == []


def test_the_report_says_which_source_the_account_contradicts(plain):
    section = plain[plain.index('id="account"') :]
    assert "Each source left out" in section
    for said in ("1,010 ± 78", "−3.1", "−3.00% (−5.00% to −1.00%)", "estimated by the account", "+2.4 (2018)"):
        assert said in section, said
