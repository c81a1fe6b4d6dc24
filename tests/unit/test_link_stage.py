"""The whole stage on a small population with known truth, whose names are clear (`link_population.py`)."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from link_population import SOURCES, Population, context_of, study_of
from polars.testing import assert_frame_equal

from linkage.link import link
from linkage.score import score_links
from linkage.stages import LinkStudy
from pipeline.schemas import TABLES
from pipeline.stage import StageContext
from pipeline.study import ExtractFiles

TABLES_OF_LINK = ("links", "clusters", "mothers", "linkage_quality")
PEOPLE = 2500


@pytest.fixture(scope="module")
def population():
    return Population(PEOPLE, seed=8)


@pytest.fixture(scope="module")
def ingest(population, tmp_path_factory):
    return population.write(tmp_path_factory.mktemp("linked") / "ingest")


@pytest.fixture(scope="module")
def stage(ingest, tmp_path_factory):
    context = context_of(tmp_path_factory.mktemp("linked") / "link", ingest)
    return context.out, link(context)


def tables(folder):
    names = [*TABLES_OF_LINK, "model_levels", "link_weights"]
    return {name: pl.read_parquet(folder / f"{name}.parquet") for name in names}


def test_links_are_nearly_all_right_and_few_are_missing(stage, population):
    scores = score_links(pl.read_parquet(stage[0] / "clusters.parquet"), population.truth)
    with_spine = scores.filter((pl.col("source_l") == "pds") | (pl.col("source_r") == "pds"))
    whole = with_spine.filter((pl.col("group") == "all") & (pl.col("true_pairs") > 50))
    assert whole.height == len(SOURCES) - 1
    assert whole["precision"].min() > 0.985
    assert whole["recall"].min() > 0.97
    movers = with_spine.filter((pl.col("group") == "movers") & (pl.col("true_pairs") > 100))
    assert movers["recall"].min() > 0.97


def test_every_subject_of_every_linked_source_is_one_person_and_nobody_twice(stage, population):
    clusters = pl.read_parquet(stage[0] / "clusters.parquet")
    assert (
        clusters.select("source", "subject_id")
        .sort("source", "subject_id")
        .equals(population.truth.select("source", "subject_id").sort("source", "subject_id"))
    )
    assert not clusters.select("source", "person_id").is_duplicated().any()
    assert sorted(clusters["person_id"].unique()) == list(range(1, clusters["person_id"].max() + 1))
    spine = clusters.filter(pl.col("source") == "pds").sort("subject_id")
    assert spine["person_id"].to_list() == list(range(1, spine.height + 1))


def test_tables_fit_their_schemas_and_links_are_above_the_floor(stage):
    found = tables(stage[0])
    for name in TABLES_OF_LINK:
        TABLES[name].validate(found[name])
    links = found["links"]
    assert links["match_probability"].min() >= 0.01
    assert {method.partition(":")[0] for method in links["method"]} == {"identifier", "key", "model"}
    assert links["match_weight"].equals(links["match_weight"].round(6))
    assert not links.filter(pl.col("source_l") == pl.col("source_r")).height
    assert set(found["clusters"]["source"]) == set(SOURCES)


def test_quality_is_given_by_pair_and_group(stage, population):
    quality = pl.read_parquet(stage[0] / "linkage_quality.parquet")
    whole = quality.filter(pl.col("group") == "all")
    pairs = set(whole.select("source_l", "source_r").rows())
    with_spine = {(source, "pds") for source in SOURCES if source != "pds"}
    assert with_spine | {("activity", "mws"), ("exit_checks", "hesa"), ("hesa", "mws")} <= pairs
    for row in whole.to_dicts():
        assert row["subjects_l"] == population.people[row["source_l"]].height
        assert row["match_rate"] == pytest.approx(row["linked"] / row["subjects_l"])
    survey = quality.filter((pl.col("source_l") == "coverage_survey") & (pl.col("source_r") == "pds"))
    groups = {group.partition("=")[0] for group in survey["group"]}
    assert groups == {"all", "sex", "age_group", "nationality_group", "area", "movers", "stayers"}
    by_sex = survey.filter(pl.col("group").str.starts_with("sex="))
    assert by_sex["subjects_l"].sum() == whole.filter(pl.col("source_l") == "coverage_survey")["subjects_l"][0]


def test_expected_precision_and_recall_are_near_the_truth(stage, population):
    quality = pl.read_parquet(stage[0] / "linkage_quality.parquet").filter(pl.col("group") == "all")
    scores = score_links(pl.read_parquet(stage[0] / "clusters.parquet"), population.truth).filter(group="all")
    for source in ("activity", "coverage_survey", "exit_checks", "mws"):
        expected = quality.filter(source_l=source, source_r="pds").row(0, named=True)
        true = scores.filter((pl.col("source_l") == source) & (pl.col("source_r") == "pds")).row(0, named=True)
        assert expected["expected_precision"] == pytest.approx(true["precision"], abs=0.02)
        assert expected["expected_recall"] == pytest.approx(true["recall"], abs=0.03)


def test_the_combined_estimates_hold_the_truth_in_nearly_all_pairs_of_sources(stage, population):
    """At least nine in ten of the intervals, and none that are half as wide as what they are about."""
    quality = pl.read_parquet(stage[0] / "linkage_quality.parquet").filter(group="all")
    scores = score_links(pl.read_parquet(stage[0] / "clusters.parquet"), population.truth).filter(group="all")
    turned = scores.rename({"source_l": "source_r", "source_r": "source_l"}).select(scores.columns)
    both = quality.join(pl.concat([scores, turned]), on=["source_l", "source_r"]).filter(pl.col("true_pairs") >= 50)
    assert both.height >= 8
    for rate in ("precision", "recall"):
        low, high = pl.col(f"{rate}_low"), pl.col(f"{rate}_high")
        held = both.select((pl.col(rate) >= low) & (pl.col(rate) <= high)).to_series()
        assert held.mean() >= 0.9
        assert both.select(((high - low) / 2).mean()).item() < 0.03
        assert both.select((pl.col(f"{rate}_estimate") - pl.col(rate)).mean()).item() == pytest.approx(0, abs=0.01)


def test_nobody_is_warned_of_links_that_are_as_good_as_they_say(stage):
    assert [warning for warning in stage[1].warnings if "All figures are in linkage_quality" in warning] == []


def test_people_whose_identifier_was_held_out_are_found_without_it(stage):
    """Activity and the migrant list share a number: one in twenty of the people on both is looked for by name."""
    quality = pl.read_parquet(stage[0] / "linkage_quality.parquet")
    row = quality.filter(source_l="activity", source_r="mws", group="all").row(0, named=True)
    assert 0.02 * row["joined_pairs"] < row["held_out"] < 0.1 * row["joined_pairs"]
    assert row["recall_held_out"] > 0.85
    links = pl.read_parquet(stage[0] / "links.parquet").filter(source_l="activity", source_r="mws")
    assert set(links["method"].str.head(10).unique()) >= {"identifier"}
    people = links.group_by("subject_id_l").len().filter(pl.col("len") > 1)
    assert people.height < 0.05 * links.height  # what was found without the identifier is no link of the run


def test_the_review_is_used_where_people_were_reviewed(stage):
    quality = pl.read_parquet(stage[0] / "linkage_quality.parquet")
    row = quality.filter(source_l="coverage_survey", source_r="pds", group="all").row(0, named=True)
    assert row["reviewed"] == min(400, row["subjects_l"])
    assert abs(row["review_recall"] - 0.99) < 4 * row["review_recall_se"] + 0.01
    others = quality.filter(pl.col("source_l") != "coverage_survey")
    assert others["reviewed"].null_count() == others.height


def test_mothers_are_subjects_of_the_spine(stage, population):
    mothers = pl.read_parquet(stage[0] / "mothers.parquet")
    person = dict(population.people["pds"].select("subject_id", "person").rows())
    child = dict(population.people["births"].select("subject_id", "person").rows())
    spine = mothers.filter(mother_source="pds")
    assert spine.height > 50
    assert all(
        person[mother] == (child[birth] + 1) % PEOPLE
        for birth, mother in spine.select("subject_id", "mother_subject_id").rows()
    )


def test_levels_and_weights_are_written_for_the_charts(stage):
    found = tables(stage[0])
    assert found["model_levels"].columns == ["model", "comparison", "level", "m", "u", "match_weight", "by_default"]
    assert found["link_weights"].columns == ["model", "match_weight", "accepted", "pairs"]
    models = {path.stem for path in (stage[0] / "models").glob("*.json")}
    assert models == set(found["model_levels"]["model"])
    assert {"activity-pds", "hesa-pds", "mws-pds", "exit_checks-hesa", "coverage_survey-pds"} <= models
    defaults = found["model_levels"]["by_default"].sum()
    assert stage[1].counts["levels_by_default"] == defaults
    assert f"{defaults} of their levels by default" in stage[1].sentence


FEW = ("pds", "mws", "coverage_survey", "review_sample")


def test_another_key_and_another_number_of_threads_give_the_same_tables(ingest, tmp_path):
    other = Population(PEOPLE, seed=8, key="another").write(tmp_path / "ingest")
    contexts = [
        context_of(tmp_path / name, folder, threads, FEW)
        for name, folder, threads in (("one", ingest, 2), ("other", other, 1))
    ]
    for context in contexts:
        link(context)
    one, again = (context.out for context in contexts)
    for name, table in tables(one).items():
        assert_frame_equal(table, tables(again)[name])
    for file in sorted((one / "models").iterdir()):
        assert file.read_bytes() == (again / "models" / file.name).read_bytes()


def test_a_model_of_an_earlier_run_is_used_as_it_is(stage, ingest, tmp_path):
    content = json.loads((stage[0] / "models" / "mws-pds.json").read_text())
    content["splink"]["comparisons"][0]["comparison_levels"][1]["m_probability"] = 0.123456
    (tmp_path / "mine.json").write_text(json.dumps(content))
    for number, name in enumerate(("mws-pds", "pds-mws", "mws")):  # a model has the name of its sources, in any order
        models = {name: str(tmp_path / "mine.json")}
        context = context_of(tmp_path / f"link{number}", ingest, sources=("pds", "mws"), models=models)
        link(context)
        used = pl.read_parquet(context.out / "model_levels.parquet").filter(model="mws-pds", comparison="given_name")
        assert used["m"][0] == 0.123456
        quality = pl.read_parquet(context.out / "linkage_quality.parquet")
        assert quality.filter(source_l="mws", source_r="pds")["model"].unique().to_list() == ["file"]


def test_all_models_from_files_give_the_links_that_they_gave_when_trained(stage, ingest, tmp_path):
    names = ("coverage_survey-mws", "coverage_survey-pds", "mws-pds")
    trained = context_of(tmp_path / "trained", ingest, sources=FEW)
    link(trained)
    models = {name: str(trained.out / "models" / f"{name}.json") for name in names}
    read = context_of(tmp_path / "read", ingest, sources=FEW, models=models)
    link(read)
    for table in ("links", "clusters"):
        assert_frame_equal(
            pl.read_parquet(trained.out / f"{table}.parquet"), pl.read_parquet(read.out / f"{table}.parquet")
        )


def test_a_study_without_a_spine_links_what_it_has(population, ingest, tmp_path):
    context = context_of(tmp_path / "link", ingest, sources=("hesa", "mws", "activity"))
    assert context.study.plan.spine is None
    found = link(context)
    assert "spine" not in found.facts
    assert " on " not in found.sentence
    scores = score_links(pl.read_parquet(context.out / "clusters.parquet"), population.truth).filter(group="all")
    whole = scores.filter(pl.col("source_l").is_in(["activity", "hesa"]) & pl.col("source_r").is_in(["hesa", "mws"]))
    assert whole.height == 3
    assert whole["correct"].sum() > 0.97 * whole["true_pairs"].sum()
    assert whole["correct"].sum() > 0.97 * whole["linked_pairs"].sum()


def test_someone_whom_the_spine_misses_is_found_through_another_source(population, ingest, stage):
    """The student list and the activity records of people who are not on the spine are one person."""
    on_spine = set(population.people["pds"]["person"])
    clusters = pl.read_parquet(stage[0] / "clusters.parquet").join(population.truth, on=["source", "subject_id"])
    off = clusters.filter(~pl.col("person").is_in(on_spine) & pl.col("source").is_in(["activity", "hesa", "mws"]))
    twice = off.group_by("person").agg(pl.len(), pl.col("person_id").n_unique()).filter(pl.col("len") > 1)
    assert twice.height >= 5
    assert (twice["person_id"] == 1).mean() > 0.9


def test_subjects_of_one_source_are_one_person_if_the_study_expects_it(tmp_path):
    """A tenth of the students have two numbers; others of the same source stay apart."""
    population = Population(1500, seed=5)
    students = population.people["hesa"]
    again = students.head(students.height // 10).with_columns(pl.col("subject_id") + students.height)
    population.people["hesa"] = pl.concat([students, again.with_columns(husid=pl.format("again{}", "person"))])
    ingest = population.write(tmp_path / "ingest")
    context = context_of(tmp_path / "link", ingest, sources=("pds", "hesa"), duplicates=["hesa"])
    link(context)
    clusters = pl.read_parquet(context.out / "clusters.parquet").join(population.truth, on=["source", "subject_id"])
    people = clusters.filter(source="hesa").group_by("person").agg(pl.len(), pl.col("person_id").n_unique())
    assert people.filter(pl.col("len") == 2)["person_id"].to_list() == [1] * again.height
    assert clusters.filter(source="hesa")["person_id"].n_unique() == students.height
    linked = pl.read_parquet(context.out / "links.parquet").filter(source_l="hesa", source_r="hesa")
    assert (linked["subject_id_l"] < linked["subject_id_r"]).all()
    of_two = clusters.filter(pl.col("person").is_in(again["person"].implode()))
    records = of_two.group_by("person").agg(pl.len(), pl.col("person_id").n_unique())
    assert set(records.filter(pl.col("len") == 3)["person_id"]) == {1}  # both are linked with the spine


def test_an_identifier_that_is_not_unique_becomes_evidence_with_a_warning(tmp_path):
    """Numbers that strangers share at random link nobody for certain, and most people are found nonetheless."""
    population = Population(1200, seed=6)
    for source in ("activity", "mws"):
        rows = population.people[source]
        shared = (rows["person"] % 40).cast(pl.String)
        population.people[source] = rows.with_columns(pl.format("number{}", shared).alias("encrypted_nino"))
    ingest = population.write(tmp_path / "ingest")
    context = context_of(tmp_path / "link", ingest, sources=("activity", "mws"))
    found = link(context)
    assert any(
        "The direct identifier 'encrypted_nino' repeats among different people" in one for one in found.warnings
    )
    links = pl.read_parquet(context.out / "links.parquet")
    assert set(links["method"]) == {"model:activity-mws"}
    levels = pl.read_parquet(context.out / "model_levels.parquet").filter(comparison="encrypted_nino")
    assert levels["level"].to_list() == ["equal", "different"]
    truth = population.truth.filter(pl.col("source").is_in(["activity", "mws"]))
    score = score_links(pl.read_parquet(context.out / "clusters.parquet"), truth).row(0, named=True)
    assert score["recall"] > 0.95
    assert score["precision"] > 0.95


@pytest.mark.parametrize("kind", ["date_of_birth", "sex", "postcode", "given_name", "family_name"])
def test_a_study_may_lack_any_one_kind_of_identifier(kind, tmp_path):
    """Wholly absent from both sources, and no direct identifier: nine tenths of the recall with all are kept."""
    population = Population(1200, seed=3)
    for source in ("activity", "hesa"):
        rows = population.people[source]
        population.people[source] = rows.with_columns(pl.lit(None, rows[kind].dtype).alias(kind))
    ingest = population.write(tmp_path / "ingest")
    context = context_of(tmp_path / "link", ingest, sources=("activity", "hesa"))
    link(context)
    truth = population.truth.filter(pl.col("source").is_in(["activity", "hesa"]))
    score = score_links(pl.read_parquet(context.out / "clusters.parquet"), truth).row(0, named=True)
    assert score["recall"] >= 0.9, score
    assert score["precision"] >= 0.9, score


COUNCIL = """
source = "council_tax"
title = "Council tax"
says = "People named on a bill."
person_key = "account"

[extracts.council_tax]
says = "One row a person."
unique = ["account"]

[extracts.council_tax.columns]
account = { header = "ACCOUNT", type = "text", identifier = "council_account" }
given_name = { header = "GIVEN", type = "text", identifier = "given_name" }
family_name = { header = "FAMILY", type = "text", identifier = "family_name" }
date_of_birth = { header = "DOB", type = "date", identifier = "date_of_birth" }
sex = { header = "SEX", type = "code", identifier = "sex", codes = "sex_letter" }
postcode = { header = "POSTCODE", type = "text", identifier = "postcode" }
"""


def test_a_new_source_needs_a_contract_and_no_python(population, ingest, tmp_path):
    (tmp_path / "council_tax.toml").write_text(COUNCIL)
    folder = tmp_path / "ingest"
    (folder / "tokens").mkdir(parents=True)
    (folder / "records").symlink_to(ingest / "records")
    (folder / "tokens" / "pds.parquet").symlink_to(ingest / "tokens" / "pds.parquet")
    people = population.tokens("activity").rename({"encrypted_nino": "council_account"})
    people.write_parquet(folder / "tokens" / "council_tax.parquet")
    spine = study_of(tmp_path, sources=("pds",))
    extracts = (*spine.extract, ExtractFiles(name="council_tax", files=("x.csv",)))
    contracts = (str(tmp_path / "council_tax.toml"),)
    study = spine.model_copy(update={"contracts": contracts, "extract": extracts})
    (tmp_path / "link").mkdir()
    context = StageContext(LinkStudy.of(study, tmp_path), {"ingest": folder}, tmp_path / "link")
    link(context)
    quality = pl.read_parquet(context.out / "linkage_quality.parquet")
    found = quality.filter(source_l="council_tax", source_r="pds", group="all").row(0, named=True)
    assert found["match_rate"] > 0.93
    assert Path(context.out / "models" / "council_tax-pds.json").exists()


def test_a_handful_of_people_are_linked_by_defaults(tmp_path):
    population = Population(80, seed=1)
    context = context_of(tmp_path / "link", population.write(tmp_path / "ingest"))
    link(context)
    scores = score_links(pl.read_parquet(context.out / "clusters.parquet"), population.truth).filter(group="all")
    assert scores["correct"].sum() > 0.85 * scores["true_pairs"].sum()
    assert scores["correct"].sum() > 0.9 * scores["linked_pairs"].sum()


def test_a_survey_of_another_date_is_kept_and_not_linked(tmp_path):
    ingest = Population(80, seed=1).write(tmp_path / "ingest")
    answers = pl.read_parquet(ingest / "records" / "coverage_survey.parquet")
    earlier = pl.when(pl.col("subject_id") % 2 == 0).then(date(2015, 6, 30)).otherwise("reference_date")
    answers.with_columns(reference_date=earlier).write_parquet(ingest / "records" / "coverage_survey.parquet")
    context = context_of(tmp_path / "link", ingest, sources=FEW)
    link(context)
    linked = pl.read_parquet(context.out / "clusters.parquet").filter(pl.col("source") == "coverage_survey")
    assert linked["subject_id"].sort().to_list() == list(range(1, answers.height + 1, 2))


@pytest.mark.parametrize(
    ("spine", "sources"),
    [
        # the review names its people
        ("pr", ("pds", "pr", "births", "activity", "coverage_survey", "review_sample")),
        ("activity", ("pds", "activity", "mws", "hesa")),  # another identifier, and no review
    ],
)
def test_another_spine_is_a_matter_of_the_study(spine, sources, population, ingest, tmp_path):
    context = context_of(tmp_path / "link", ingest, sources=sources, spine=spine, by_keys_only=[])
    link(context)
    clusters = pl.read_parquet(context.out / "clusters.parquet")
    on_spine = clusters.filter(source=spine).sort("subject_id")["person_id"].to_list()
    assert on_spine == list(range(1, len(on_spine) + 1))
    linked = [source for source in sources if source not in (spine, "review_sample")]
    quality = pl.read_parquet(context.out / "linkage_quality.parquet").filter(source_r=spine, group="all")
    assert set(quality["source_l"]) == set(linked)
    reviewed = quality.filter(source_l="coverage_survey")["review_recall"].drop_nulls()
    assert len(reviewed) == ("review_sample" in sources)
    scores = score_links(clusters, population.truth.filter(pl.col("source").is_in([spine, *linked])))
    with_spine = scores.filter((pl.col("source_l") == spine) | (pl.col("source_r") == spine), group="all")
    assert with_spine["precision"].min() > 0.97
    assert with_spine["recall"].min() > 0.93


def test_ages_of_groups_are_those_of_the_survey_day_or_else_of_the_day_of_the_data(tmp_path):
    with_survey = study_of(tmp_path, ("pds", "coverage_survey"))
    assert LinkStudy.of(with_survey, tmp_path).groups_on == with_survey.coverage.reference_date
    without = study_of(tmp_path, ("pds", "pr"))
    assert LinkStudy.of(without, tmp_path).groups_on == without.data_date == date(2019, 12, 31)


def test_a_source_that_shares_nothing_with_any_other_is_named_in_a_warning(tmp_path):
    """A list of sexes has nothing by which anybody could be found in it."""
    population = Population(200, seed=3)
    everything = population.people["mws"]
    unknown = [name for name in everything.columns if name not in ("subject_id", "person", "moved", "sex")]
    population.people["mws"] = everything.with_columns(
        pl.lit(None, everything.schema[name]).alias(name) for name in unknown
    )
    ingest = population.write(tmp_path / "ingest")
    warnings = link(context_of(tmp_path / "link", ingest, sources=("pds", "hesa", "mws"))).warnings
    assert sum(warning.startswith("Nobody of mws is compared with anybody") for warning in warnings) == 1
