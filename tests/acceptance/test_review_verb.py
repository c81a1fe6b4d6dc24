"""`sojourn review`: a list for reviewers, their verdicts as an extract, second looks, and estimates that hold."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

DECISIONS, WRONG = 400, 0.02
ENTRY = '\n[[extract]]\nname = "{}"\nfiles = {}\n'
BAD = [
    "D9001,1,R01,maybe,,", "D9002,1,Smith,nobody,,", "someone,1,R01,nobody,,", "D9003,1,R01,found,pds.parquet,-4",
]  # fmt: skip
"""Rows that break the contract: a code, a reviewer, a decision, a row."""


class Reviewed:
    """A copy of the demo whose links are reviewed."""

    def __init__(self, folder: Path, command) -> None:
        self.folder, self.command = folder, command
        self.study, self.run = folder / "study" / "study.toml", folder / "run"
        self.list, self.verdicts, self.again, self.second = (
            folder / f"{name}.csv" for name in ("r1", "v1", "r2", "v2")
        )
        self.without_verdicts = self.study.read_text()

    def call(self, *arguments):
        outcome = self.command(*arguments)
        assert outcome.status == 0, outcome.err
        return outcome

    def run_with(self, *verdicts: Path):
        """Run the study with the sample and some verdicts."""
        kept = self.run / "review" / "r1"
        files = {name: [kept / f"{name}.csv"] for name in ("link_review_sample", "link_review_files")}
        files["link_review_verdicts"] = list(verdicts)
        entries = [ENTRY.format(name, json.dumps([str(path) for path in paths])) for name, paths in files.items()]
        self.study.write_text(self.without_verdicts + "".join(entries))
        return self.call("run", self.study, "--out", self.run)

    @property
    def quality(self) -> pl.DataFrame:
        return pl.read_parquet(self.run / "tables" / "linkage_quality.parquet")


@pytest.fixture(scope="module")
def drawn(demo, command, tmp_path_factory):
    """A list is drawn and answered; nothing is run again yet."""
    folder = tmp_path_factory.mktemp("review")
    shutil.copytree(demo.folder, folder, dirs_exist_ok=True)
    one = Reviewed(folder, command)
    one.printed = one.call("review", one.run, "--sample", DECISIONS, "--out", one.list).out
    one.call("simulate-review", one.run, one.list, "--out", one.verdicts, "--wrong", WRONG)
    one.verdicts.write_text(one.verdicts.read_text() + "\n".join([*BAD, ""]))
    one.before = one.quality
    return one


@pytest.fixture(scope="module")
def once(drawn):
    """The verdicts are part of the study."""
    drawn.warnings_once = drawn.run_with(drawn.verdicts).err
    drawn.after_one = drawn.quality
    return drawn


@pytest.fixture(scope="module")
def reviewed(once):
    """What contradicted the links had a second look, and the run is scored."""
    once.call("review", once.run, "--again", "--out", once.again)
    once.call("simulate-review", once.run, once.again, "--out", once.second, "--wrong", WRONG, "--review", 2)
    once.warnings_twice = once.run_with(once.verdicts, once.second).err
    once.after_two = once.quality
    once.call("evaluate", once.run)
    return once


def test_reviewers_are_told_a_file_and_a_row_and_nothing_else(drawn):
    asked = pl.read_csv(drawn.list)
    assert asked.columns == ["decision", "file", "row_number"]
    assert asked.height == DECISIONS
    assert asked.select("file", "row_number").is_unique().all()
    kept = pl.read_csv(drawn.run / "review" / "r1" / "link_review_sample.csv")
    assert kept.select(asked.columns).equals(asked)
    assert kept["weight"].min() >= 1
    assert "must not see" in drawn.printed


def test_weights_stand_for_everybody_of_the_sources(drawn):
    kept = pl.read_csv(drawn.run / "review" / "r1" / "link_review_sample.csv")
    sources = kept["stratum"].str.split(" ").list.first()
    clusters = pl.read_parquet(drawn.run / "tables" / "clusters.parquet").filter(draw=0)
    sizes = dict(clusters.group_by("source").len().iter_rows())
    found = dict(kept.group_by(sources.alias("source")).agg(pl.col("weight").sum().round(4)).iter_rows())
    assert found == {source: sizes[source] for source in found}
    assert set(found) == {"activity", "births", "coverage_survey", "deaths", "exit_checks", "hesa", "mws", "pr"}


def test_every_row_of_verdicts_is_accepted_or_quarantined_with_its_reason(once):
    ledger = pl.read_parquet(once.run / "tables" / "ledger.parquet").filter(extract="link_review_verdicts")
    first = ledger.filter(file="v1.csv").to_dicts()[0]
    assert first["rows_in"] == first["accepted"] + first["quarantined"]
    assert first["quarantined"] == len(BAD)
    reasons = json.loads(first["reasons"])
    assert {reason.partition(":")[0] for reason in reasons} == {"verdict", "reviewer", "decision", "found_row"}
    quarantine = (once.run / "tables" / "quarantine" / "link_review_verdicts.parquet").read_bytes()
    assert b"Smith" not in quarantine


def test_a_review_changes_no_link_and_no_other_figure(reviewed, demo):
    new = [name for name in reviewed.before.columns if "decisions" in name]
    assert reviewed.before.select(new).null_count().row(0) == (reviewed.before.height,) * len(new)
    assert reviewed.after_two.drop(new).equals(reviewed.before.drop(new))
    for name in ("links.parquet", "clusters.parquet", "flows.csv", "stocks.csv", "coverage.csv", "link_errors.csv"):
        assert (reviewed.run / "tables" / name).read_bytes() == (demo.run / "tables" / name).read_bytes(), name


def test_what_contradicts_the_links_is_looked_at_again_among_what_does_not(reviewed):
    assert "had no second look" in reviewed.warnings_once
    again, first = pl.read_csv(reviewed.again), pl.read_csv(reviewed.list)
    assert again.columns == first.columns
    assert again.join(first, on=first.columns, how="semi").height == again.height
    assert again.height > 20
    assert again["decision"].is_sorted()
    assert "had no second look" not in reviewed.warnings_twice


def test_a_second_look_takes_the_errors_of_reviewers_away(reviewed):
    def found(quality):
        of_all = quality.filter(pl.col("decisions").is_not_null() & (pl.col("group") == "all"))
        return of_all.select("source_l", "precision_by_decisions", "recall_by_decisions")

    before, after = (found(quality) for quality in (reviewed.after_one, reviewed.after_two))
    assert after["precision_by_decisions"].mean() > before["precision_by_decisions"].mean()
    assert after["recall_by_decisions"].min() > 0.98
    decisions = reviewed.after_two.filter(pl.col("group") == "all")["decisions"].sum()
    assert decisions == DECISIONS


def test_the_truth_lies_in_the_intervals_of_nearly_all_sources(reviewed):
    scored = pl.read_parquet(reviewed.run / "evaluation" / "links.parquet").filter(
        (pl.col("group") == "all") & pl.col("decisions").is_not_null()
    )
    assert scored.height == 8
    for rate in ("precision", "recall"):
        # one of a thousand may lie outside by what a record is: a person who is in a source twice has two pairs
        held = pl.col(rate).is_between(pl.col(f"{rate}_by_decisions_low") - 0.001,
                                       pl.col(f"{rate}_by_decisions_high") + 0.001)  # fmt: skip
        assert scored.select(held.sum()).item() >= 7
        # decisions are a sample: where pairs are few, what follows may err by a little more than a hundredth
        assert (scored[f"{rate}_with_decisions"] - scored[rate]).abs().max() < 0.015
    report = (reviewed.run / "report.html").read_text()
    assert "Quality of linkage by a clerical review of links" in report
    scored = pl.read_parquet(reviewed.run / "evaluation" / "review_of_links.parquet")
    assert scored.height == 9
    together = scored.row(by_predicate=pl.col("source") == "all", named=True)
    assert together["decisions"] == DECISIONS
    for rate in ("precision", "recall"):
        assert together[f"{rate}_low"] - 0.001 <= together[f"true_{rate}"] <= together[f"{rate}_high"] + 0.001
    assert "All sources – PDS" in report


def test_the_same_draw_is_made_again_and_another_source_is_drawn_by_its_name(reviewed, command):
    shutil.rmtree(reviewed.run / "review")
    again = reviewed.folder / "again" / "r1.csv"
    again.parent.mkdir()
    reviewed.call("review", reviewed.run, "--sample", DECISIONS, "--out", again)
    assert again.read_bytes() == reviewed.list.read_bytes()
    alone = reviewed.folder / "alone.csv"
    reviewed.call("review", reviewed.run, "--sample", 60, "--of", "hesa", "--in", "activity", "--out", alone)
    assert set(pl.read_csv(alone)["file"].str.slice(0, 4)) == {"hesa"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sample", "3"], "of which each needs decisions"),
        (["--sample", "100", "--in", "pdt"], "Did you mean 'pds'"),
        (["--sample", "100", "--of", "hes"], "Did you mean 'hesa'"),
        (["--again", "--of", "hesa"], "Leave out --in, --of and --together"),
        ([], "Choose one"),
        (["--again"], "names no verdicts yet"),
    ],
)
def test_what_cannot_be_drawn_is_refused(demo, command, tmp_path, options, message):
    outcome = command("review", demo.run, *options, "--out", tmp_path / "list.csv")
    assert outcome.status == 2
    assert message in outcome.err
    assert not (tmp_path / "list.csv").exists()


def test_a_list_is_never_overwritten(demo, command, tmp_path):
    there = tmp_path / "list.csv"
    there.write_text("decision,file,row_number\n")
    for outcome in (
        command("review", demo.run, "--sample", "100", "--out", there),
        command("simulate-review", demo.run, there, "--out", there),
    ):
        assert outcome.status == 2
        assert "exists. Name a new" in outcome.err


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("nothing\n", [], "not a list of decision, file and row_number"),
        ("decision,file,row_number\n", ["--wrong", "1.5"], "--wrong: 1.5 is not a share"),
        ("decision,file,row_number\n", ["--review", "0"], "--review: 0 is not the number of a review"),
    ],
)
def test_what_cannot_be_answered_is_refused(demo, command, tmp_path, text, options, message):
    (tmp_path / "list.csv").write_text(text)
    outcome = command("simulate-review", demo.run, tmp_path / "list.csv", "--out", tmp_path / "v.csv", *options)
    assert outcome.status == 2
    assert message in outcome.err
