"""`sojourn explain RUN PERSON`: from the records of a person to what was decided; and no person in a real report."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import polars as pl
import pytest
from tiny_country import write_study

from publication.report import render_report
from publication.run_folder import read_manifest


@pytest.fixture(scope="module")
def tables(demo):
    names = ("clusters", "migrations", "stays", "links", "evidence", "people", "residents")
    return {name: pl.read_parquet(demo.run / "tables" / f"{name}.parquet") for name in names}


@pytest.fixture(scope="module")
def migrant(tables) -> int:
    """A person with a certain emigration."""
    found = tables["migrations"].filter(
        pl.col("definition") == "long_term", pl.col("direction") == "emigration", pl.col("status") == "certain"
    )
    return found.sort("person_id")["person_id"][0]


def files(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_it_tells_the_timeline_the_decisions_and_the_links(demo, tables, migrant, command):
    before = files(demo.run)
    done = command("explain", demo.run, migrant)
    assert done.status == 0, done.err
    assert files(demo.run) == before
    assert done.out.startswith(f"Person {migrant}: ")
    for title in (
        "Decisions",
        "Stays under every definition",
        "Records of the person, by source",
        "Evidence",
        "Rules",
    ):
        assert f"\n  {title}" in done.out
    emigration = (
        tables["migrations"]
        .filter(definition="long_term", person_id=migrant, direction="emigration")
        .row(0, named=True)
    )
    record = emigration["record_ids"][0]
    assert f"absence from {emigration['date']}: emigration, certain" in done.out
    assert f"dated by {emigration['dated_by']} (record {record})" in done.out
    assert f"more than 365 needed: {emigration['days_over_threshold']:,} above" in done.out
    for source in tables["clusters"].filter(person_id=migrant)["source"]:
        assert f"    {source}:" in done.out


def test_json_has_the_whole_trace(demo, tables, migrant, command):
    found = json.loads(command("explain", demo.run, migrant, "--json").out)
    assert found["person_id"] == migrant
    own = tables["stays"].filter(person_id=migrant)
    assert {row["branch"] for row in found["stays"]} == set(own["branch"].cast(pl.String))
    about = {one["about"].partition(" ")[0] for one in found["decisions"]}
    assert {"stay", "absence", "the"} <= about
    days = [one["about"] for one in found["decisions"] if one["about"].startswith("residence on")]
    published = tables["residents"].filter("published", person_id=migrant)
    assert sorted(days) == [f"residence on {day}" for day in published["reference_date"].sort()]
    records = {record for one in found["decisions"] for record in map(tuple, one["records"])}
    evidence = {(one["rule_id"], one["record_id"]) for one in found["evidence"]}
    assert records <= evidence
    assert all(one["joined"] for one in found["links"] if one["other_person"] == migrant)
    assert set(found["rules"]) >= {rule for rule, _ in evidence}


def test_every_stay_of_the_run_is_dated_by_evidence_of_its_person_or_of_an_adult_of_the_household(tables):
    """The rules and records in `stays` and `migrations` lead back to the evidence; children follow their family."""
    members = tables["clusters"].filter(pl.col("draw") == 0)
    evidence = tables["evidence"].join(members, on=["source", "subject_id"])
    evidence = evidence.select("person_id", "rule_id", "record_id").unique()
    ends = [
        tables["stays"].select("person_id", day=end, rule_id=f"{end}_rule", record_id=f"{end}_record")
        for end in ("start", "end")
    ]
    moves = tables["migrations"].select("person_id", "date", rule_id="dated_by", record_id="record_ids")
    dated = pl.concat([*ends, moves.explode("record_id").rename({"date": "day"})])
    others = dated.join(evidence, on=["person_id", "rule_id", "record_id"], how="anti")
    assert others.join(evidence, on=["rule_id", "record_id"], how="anti").is_empty()
    born = tables["people"].select("person_id", "birth_month")
    ages = others.join(born, on="person_id").select(
        years=(pl.col("day") - pl.col("birth_month")).dt.total_days() / 365
    )
    assert ages["years"].max() < 25  # whoever left as a child may come back with the family as an adult
    assert others.height < dated.height / 50


def test_a_record_leads_to_its_person_and_a_rival_is_named(demo, tables, command):
    """A link that was not accepted is told to both of its people."""
    person = tables["clusters"].filter(pl.col("draw") == 0).select("person_id", "source", "subject_id")
    links = tables["links"].join(person, left_on=["source_l", "subject_id_l"], right_on=["source", "subject_id"])
    ends = {"left_on": ["source_r", "subject_id_r"], "right_on": ["source", "subject_id"]}
    links = links.join(person.rename({"person_id": "other"}), **ends)
    others = links.filter(pl.col("person_id") != pl.col("other"), pl.col("source_l").is_in(["hesa", "mws"]))
    rival = others.sort("person_id", "subject_id_l").row(0, named=True)
    done = command("explain", demo.run, f"{rival['source_l']}:{rival['subject_id_l']}")
    assert done.status == 0, done.err
    assert done.out.startswith(f"Person {rival['person_id']}: ")
    assert "Rivals: links to records of other people" in done.out
    assert f"{rival['source_r']}:{rival['subject_id_r']}" in done.out.partition("Rivals")[2]


def test_levels_tell_what_each_link_weighs(demo, tables, command):
    """A model's link is told level by level, and adds up to the weight in `links`."""
    model = tables["links"].filter(pl.col("method") == "model:hesa-pds", pl.col("match_probability") > 0.99)
    link = model.sort("subject_id_l").row(0, named=True)
    found = json.loads(command("explain", demo.run, f"hesa:{link['subject_id_l']}", "--json", "--levels").out)
    ends = {("hesa", link["subject_id_l"]), ("pds", link["subject_id_r"])}
    (pair,) = [one for one in found["pairs"] if {tuple(one["left"]), tuple(one["right"])} == ends]
    assert pair["match_weight"] == pytest.approx(link["match_weight"], abs=1e-6)
    assert pair["steps"][-1]["total"] == pytest.approx(pair["unrivalled_weight"])
    assert pair["joined"]


def test_the_page_is_self_contained(demo, migrant, command, tmp_path):
    page = tmp_path / "person.html"
    done = command("explain", demo.run, migrant, "--html", page)
    assert done.status == 0, done.err
    assert str(page) in done.out
    text = page.read_text(encoding="utf-8")
    assert f"<h1>Person {migrant}</h1>" in text
    assert "SYNTHETIC DATA - NOT STATISTICS" in text
    assert not re.search(r"https?:|<script|<link|<img|@import|url\((?!#)", text)
    assert text.count("<svg ") > 1
    assert "What would change it" in text


@pytest.mark.parametrize(
    ("person", "says"),
    [
        ("999999999", "no such person"),
        ("Smith", "not the name of a person"),
        ("hesa:999999999", "no such record"),
        ("heso:1", "no such record"),
    ],
)
def test_a_mistake_is_told_with_status_2(demo, command, person, says):
    done = command("explain", demo.run, person)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert says in done.err


def test_the_report_of_a_synthetic_study_shows_typical_borderline_and_wrong_people(demo):
    """The demo is evaluated, so that wrong people are known; each of them has the true presence as a lane."""
    text = (demo.run / "report.html").read_text(encoding="utf-8")
    section = text.partition('<section aria-labelledby="people">')[2].partition("</section>")[0]
    titles = re.findall(r"<h3[^>]*>(.*?)</h3>", section)
    assert [title.partition(":")[0] for title in titles] == ["Typical"] * 2 + ["Borderline"] * 3 + ["Wrong"] * (
        len(titles) - 5
    )
    assert len(titles) > 5
    assert "true presence" in section
    wrong = pl.read_parquet(demo.run / "evaluation" / "wrong_people.parquet")
    anatomy = pl.read_parquet(demo.run / "evaluation" / "anatomy.parquet")
    assert wrong["errors"].sum() == pytest.approx(anatomy["people"].sum())
    assert set(wrong.select("measure", "kind", "cause").rows()) == set(
        anatomy.select("measure", "kind", "cause").rows()
    )


def test_before_the_truth_is_known_no_person_is_called_wrong(demo):
    text = render_report(demo.run, manifest=read_manifest(demo.run) or {})
    titles = re.findall(r'id="figure-person-\d+-title">(.*?):', text)
    assert titles == ["Typical"] * 2 + ["Borderline"] * 3


@pytest.fixture(scope="module")
def real_run(tmp_path_factory, command) -> Path:
    """The run of a study that is not marked synthetic."""
    study = write_study(tmp_path_factory.mktemp("real") / "study")
    assert "synthetic" not in study.read_text()
    outcome = command("run", study)
    assert outcome.status == 0, outcome.out + outcome.err
    return study.parent / "run"


def test_no_person_is_in_the_report_of_a_real_study(real_run, tmp_path):
    """Neither a timeline nor a number of a person or record; and nothing in it is read from rows of people.

    Without the tables of evidence, links, stays and people the report is the same, so it can show none of them.
    """
    report = (real_run / "report.html").read_text(encoding="utf-8")
    assert not re.search(r'id="people"|figure-person|What decided about person|Examples of people', report)
    assert not re.search(r"(?i)\bperson \d|\b(pds|hesa|mws|exit_checks|activity|pr):\d", report)
    copy = tmp_path / "run"
    shutil.copytree(real_run, copy, ignore=shutil.ignore_patterns("store"))
    manifest = read_manifest(copy) or {}
    for name in ("evidence", "links", "stays", "people"):
        (copy / "tables" / f"{name}.parquet").unlink()
    assert render_report(copy, manifest=manifest) == render_report(real_run, manifest=manifest)


def test_the_same_report_would_show_people_if_the_study_were_marked_synthetic(real_run):
    """So the mark alone decides, and the test above can fail."""
    manifest = read_manifest(real_run) or {}
    marked = {**manifest, "study": {**manifest["study"], "synthetic": True}}
    assert 'id="people"' in render_report(real_run, manifest=marked)
    unmarked = {**manifest, "study": {key: value for key, value in manifest["study"].items() if key != "synthetic"}}
    assert 'id="people"' not in render_report(real_run, manifest=unmarked)


def test_a_person_of_a_real_study_is_explained_and_the_page_says_to_keep_it_safe(real_run, command, tmp_path):
    migrations = pl.read_parquet(real_run / "tables" / "migrations.parquet").filter(definition="long_term")
    person = migrations["person_id"][0]
    done = command("explain", real_run, person, "--html", tmp_path / "person.html")
    assert done.status == 0, done.err
    text = (tmp_path / "person.html").read_text(encoding="utf-8")
    assert "ABOUT ONE PERSON - KEEP IT SAFE" in text
    assert "SYNTHETIC" not in text
