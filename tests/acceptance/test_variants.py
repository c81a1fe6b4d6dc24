"""Sweep, sensitivity and diff on a small country: every variant equals a run by rules with that value."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from conftest import Demo, Outcome, table_digests
from polars.testing import assert_frame_equal

from flows.variants.difference import changed_parts, check_comparable, split_change
from flows.variants.estimates import KEY, Counted, Published, published_estimates
from flows.variants.run_rules import RunRules, opened
from flows.variants.sensitivity import sensitivity
from pipeline import tables
from pipeline.errors import UserError
from pipeline.ingest.study_contracts import known_contracts
from pipeline.schemas import TABLES
from pipeline.tables import read_table
from rules.parameters import with_values
from rules.rule_file import named_set
from rules.rule_set import read_rules
from rules.variants import Variants

VALUES = {
    "student_enrolled.academic_year": 10,
    "weeks_of_activity.full_year_weeks": 44,
    "absence_days": 200,
    "unfinished.prior_cases": 20,
    "activity_window": 18,
}
"""One of each kind: evidence, a stay rule, all stay rules, what is unfinished, and signs of residence."""
OWN_RULES = """
id = "others"
title = "Other values"
says = "Rules of a test."
extends = "long_term_2019"
"""


def rule_file(values: dict[str, float]) -> str:
    """Return a rule set that differs from the default one in the values of some parameters."""
    text = OWN_RULES
    where = {"student_enrolled": "evidence", "weeks_of_activity": "stay"}
    for name, value in values.items():
        rule, _, parameter = name.rpartition(".")
        table = f"[parameters.{parameter}]"
        if rule == "unfinished":
            table = f"[unfinished.parameters.{parameter}]"
        elif rule:
            table = f'[[{where[rule]}]]\nid = "{rule}"\n[{where[rule]}.parameters.{parameter}]'
        text += f'\n{table}\nvalue = {value}\nsource_of_value = "A test"\n'
    return text


@pytest.fixture(scope="module")
def base(demo: Demo) -> RunRules:
    """The run of the demo, and its rules; the folder is not reserved, since commands use it."""
    with opened(demo.run) as (found,):
        return found


@pytest.fixture(scope="module")
def other_run(demo: Demo, tmp_path_factory: pytest.TempPathFactory, command: Callable[..., Outcome]) -> Path:
    """A run of the same files by other values of five parameters."""
    folder = tmp_path_factory.mktemp("others")
    study = folder / "study"
    shutil.copytree(demo.study.parent, study)
    (study / "others.toml").write_text(rule_file(VALUES), encoding="utf-8")
    text = (study / "study.toml").read_text(encoding="utf-8")
    assert 'rule_set = "long_term_2019"' in text
    (study / "study.toml").write_text(text.replace('"long_term_2019"', '"others.toml"'), encoding="utf-8")
    run = folder / "run"
    shutil.copytree(demo.run / "store", run / "store")  # so that nothing is linked again
    done = command("run", study, "--out", run)
    assert done.status == 0, done.err
    return run


def decided_tables(variants: Variants, rules: RunRules, values: dict[str, float]) -> dict[str, pl.DataFrame]:
    """Return the tables of a variant as a run stores them."""
    changed = with_values(rules.rules, values, "here")
    found = variants.decided(changed.evidence, changed.people).tables
    return {name: _as_stored(frame, name) for name, frame in found.items()}


def _as_stored(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    schema = TABLES[name]
    return schema.validate(frame.select(schema.column_names()), cast=True).sort(schema.primary_key())


def stored_tables(run: Path) -> dict[str, pl.DataFrame]:
    """Return the same tables of a run: migrations and residents by what it publishes."""
    names = ("people", "people_nationality", "stays", "migrations", "late_migrations", "flow_completeness")
    tables = {name: read_table(run / "tables" / f"{name}.parquet") for name in names}
    tables |= {name: tables[name].filter(definition="long_term") for name in ("migrations", "late_migrations")}
    return {**tables, "residents": read_table(run / "tables" / "residents.parquet").filter("published")}


def test_variants_decide_what_a_run_by_these_rules_decides(base: RunRules, other_run: Path) -> None:
    """Whatever was decided before: one change after the other, then all, then none."""
    variants = base.variants()
    own = stored_tables(base.run)
    for name, value in VALUES.items():
        assert decided_tables(variants, base, {name: value}).keys() == own.keys()
    for values, run in ((VALUES, other_run), ({}, base.run), (VALUES, other_run)):
        found = decided_tables(variants, base, values)
        for name, table in stored_tables(run).items():
            assert_frame_equal(found[name], table, check_exact=True)
    assert not own["stays"].equals(stored_tables(other_run)["stays"]), "the values make a difference"
    assert not own["residents"].equals(stored_tables(other_run)["residents"])


SIGNS_ALONE = {"residence_sign", "candidates_of_activity_window", "resident"}


@pytest.mark.parametrize(
    ("values", "made"),
    [
        ({}, set()),
        ({"listed_without_activity.below_age": 16}, {"sign_listed_without_activity", *SIGNS_ALONE}),
        ({"unlikely_to_stay.below_probability": 0.9}, {"standing", "resident"}),
        (
            {"unfinished.probability_without_cases": 0.4},
            {
                "resolved_stay",
                "unfinished_stay",
                "unfinished_absence",
                "share_that_stayed",
                "share_that_left",
                "stay",
                "contradiction_kind",
                "contradiction",
                "migration_by_stays",
                "doubt",
                "migration",
                "late_migration",
                "published_late_migration",
                "published_migration",
                "standing",
                "resident",
            },
        ),
    ],
    ids=["nothing", "a sign", "standing", "the composite"],
)
def test_only_tables_that_depend_on_a_change_are_made_again(
    base: RunRules, values: dict[str, float], made: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    variants, computed = base.variants(), list[str]()
    decided_tables(variants, base, {})
    decided_tables(variants, base, {})
    execute = tables._compute

    def noted(connection: duckdb.DuckDBPyConnection, table: str, select: str) -> None:
        computed.append(table.partition("__")[0])
        execute(connection, table, select)

    monkeypatch.setattr(tables, "_compute", noted)
    decided_tables(variants, base, values)
    assert set(computed) == made


def test_a_variant_does_not_depend_on_those_before_it(base: RunRules) -> None:
    """Definitions over crossings, one of them published: what was decided before makes no difference."""
    path = named_set("definitions_2019", base.study.folder, "here")
    rules = read_rules(path, known_contracts(base.study))
    people = rules.people.model_copy(update={"published": "days_in_window_12_16"})
    definitions = replace(base, rules=rules.model_copy(update={"people": people}))
    one_after_the_other = base.variants()
    first: dict[str, pl.DataFrame] = {}
    for threshold, window in ((365, 487), (330, 487), (330, 450), (365, 487)):
        values = {"days_in_window_12_16.threshold_days": threshold, "days_in_window_12_16.window_days": window}
        found = decided_tables(one_after_the_other, definitions, values)
        alone = decided_tables(base.variants(), definitions, values)
        for name, table in alone.items():
            assert_frame_equal(found[name], table, check_exact=True)
        first = first or found
        own = found["stays"].filter(definition="days_in_window_12_16")
        assert own.height > 0
        same = own.equals(first["stays"].filter(definition="days_in_window_12_16"))
        assert same == ((threshold, window) == (365, 487))


def test_published_and_counted_estimates_are_those_of_a_run_by_these_rules(base: RunRules, other_run: Path) -> None:
    changed = with_values(base.rules, VALUES, "here")
    variants, published, counted = base.variants(), Published(base), Counted(base)
    for rules, run in ((base.rules, base.run), (changed, other_run)):
        decided = variants.decided(rules.evidence, rules.people)
        assert_frame_equal(published.of(decided), published_estimates(run / "tables"), check_exact=True)
        counts = read_table(run / "tables" / "counts.parquet").filter(pl.col("period") != "quarter")
        totals = counts.group_by("measure", "time").agg(pl.col("count").sum().round(6))
        expected = {(measure, time): count for measure, time, count in totals.iter_rows()}
        found = counted.of(decided).filter(group="all")
        gross = found.filter(pl.col("measure") != "net")
        assert gross.height == 13  # four years of both flows, and five reference dates
        for row in gross.iter_rows(named=True):
            assert row["estimate"] == pytest.approx(expected[row["measure"], row["period"]], abs=1e-6)
        by_measure = {(row["measure"], row["period"]): row["estimate"] for row in found.iter_rows(named=True)}
        for measure, period in by_measure:
            if measure == "net":
                flows = by_measure["immigration", period] - by_measure["emigration", period]
                assert by_measure["net", period] == pytest.approx(flows, abs=1e-6)
        groups = counted.of(decided).filter(pl.col("group") != "all").group_by("measure", "period").agg(
            pl.col("estimate").sum()
        )  # fmt: skip
        assert all(
            estimate == pytest.approx(by_measure[measure, period], abs=1e-5)
            for measure, period, estimate in groups.iter_rows()
        )


def test_sweep_writes_a_table_and_a_page_and_changes_nothing_else(
    demo: Demo, other_run: Path, tmp_path: Path, command: Callable[..., Outcome]
) -> None:
    """Three parameters in one grid; the corner with the values of the other run has its figures."""
    before = table_digests(demo.run)
    settings = [
        f"--set={name}={base},{VALUES[name]}" for name, base in (("absence_days", 365), ("activity_window", 12))
    ]
    fixed = [f"--set={name}={VALUES[name]}" for name in VALUES if name not in ("absence_days", "activity_window")]
    done = command("sweep", demo.run, *settings, *fixed, "--out", tmp_path, "--json")
    assert done.status == 0, done.err
    swept = pl.read_csv(tmp_path / "sweep.csv", try_parse_dates=True)
    parameters = ["absence_days", "activity_window", *(name for name in VALUES if VALUES[name] not in (200, 18))]
    assert swept.columns == [*parameters, *KEY, "estimate", "truth", "error"]
    assert swept.select(parameters).unique().height == 4
    corner = swept.filter(pl.col(name) == value for name, value in VALUES.items())
    assert_frame_equal(
        corner.select(*KEY, "estimate"), published_estimates(other_run / "tables"), check_exact=False, abs_tol=1e-9
    )
    assert (swept["error"] - (swept["estimate"] - swept["truth"])).abs().max() < 1e-6
    found = json.loads(done.out)
    assert found["estimates"] == "published"
    assert found["parameters"]["absence_days"] == {"value_of_the_run": 365, "unit": "days", "values": [365, 200]}
    assert len(found["rows"]) == swept.height
    page = (tmp_path / "sweep.html").read_text(encoding="utf-8")
    assert page.count("<figure") == len(parameters)
    assert "SYNTHETIC DATA" in page
    assert "<script" not in page
    assert table_digests(demo.run) == before


def test_the_truth_of_a_sweep_is_that_of_the_scores(
    demo: Demo, tmp_path: Path, command: Callable[..., Outcome]
) -> None:
    done = command("sweep", demo.run, "--set", "activity_window=12", "--counted", "--out", tmp_path)
    assert done.status == 0, done.err
    swept = pl.read_csv(tmp_path / "sweep.csv", try_parse_dates=True)
    for name, period in (("flows", "period_end"), ("stocks", "reference_date")):
        scores = read_table(demo.run / "evaluation" / f"{name}.parquet").filter(sex="all", age_group="all")
        if name == "flows":
            scores = scores.filter((pl.col("period_end") - pl.col("period_start")).dt.total_days() > 300)
        true = {
            (row["measure"], row[period], row["nationality_group"]): row["truth"]
            for row in scores.iter_rows(named=True)
        }
        rows = swept.filter((pl.col("measure") == "population") == (name == "stocks"))
        assert rows.height == len(true)
        for row in rows.iter_rows(named=True):
            assert row["truth"] == true[row["measure"], row["period"], row["group"]]


def test_sensitivity_has_both_ends_of_every_range(
    demo: Demo, base: RunRules, tmp_path: Path, command: Callable[..., Outcome]
) -> None:
    names = ("activity_window", "long_term_days")
    asked = [word for name in names for word in ("--only", name)]
    done = command("sensitivity", demo.run, "--counted", *asked, "--out", tmp_path)
    assert done.status == 0, done.err
    table = pl.read_csv(tmp_path / "sensitivity.csv", try_parse_dates=True)
    assert set(table["parameter"]) == set(names)
    variants, counted = base.variants(), Counted(base)
    own = counted.of(variants.decided(base.rules.evidence, base.rules.people))
    for name in names:
        rows = table.filter(parameter=name)
        assert_frame_equal(rows.select(*KEY, "estimate"), own)
        for end, value in zip(("at_low", "at_high"), base.rules.parameters[name].range, strict=True):
            rules = with_values(base.rules, {name: value}, "here")
            changed = counted.of(variants.decided(rules.evidence, rules.people))
            change = (changed["estimate"] - own["estimate"]).to_list()
            assert rows[end].to_list() == pytest.approx(change, abs=1e-6)
    page = (tmp_path / "sensitivity.html").read_text(encoding="utf-8")
    assert "How sensitive net migration is to the rules" in page


class Undecided:
    """Variants that decide nothing and estimates of one figure, which is how often they were asked."""

    def __init__(self) -> None:
        self.asked = 0

    def decided(self, *_: object) -> None: ...

    def of(self, _: None) -> pl.DataFrame:
        self.asked += 1
        return pl.DataFrame({"measure": "net", "period": date(2019, 6, 30), "group": "all", "estimate": self.asked})


def test_sensitivity_is_of_all_parameters_unless_some_are_named(base: RunRules) -> None:
    stub = Undecided()
    table = sensitivity(base, stub, stub)
    assert set(table["parameter"]) == set(base.rules.parameters)
    assert stub.asked == 1 + 2 * len(base.rules.parameters)
    with pytest.raises(UserError, match="Did you mean 'long_term_days'"):
        sensitivity(base, stub, stub, only=["long_term_day"])


def test_diff_splits_the_change_over_the_parameters(
    base: RunRules, demo: Demo, other_run: Path, tmp_path: Path, command: Callable[..., Outcome]
) -> None:
    done = command("diff", demo.run, other_run, "--out", tmp_path, "--counted")
    assert done.status == 0, done.err
    parts = pl.read_csv(tmp_path / "diff.csv", try_parse_dates=True)
    assert set(parts.columns) == {*KEY, "run_a", "run_b", "change", *VALUES}
    assert (parts["change"] - parts.select(pl.sum_horizontal(*VALUES)).to_series()).abs().max() < 1e-5
    assert parts["change"].abs().max() > 0
    residence = parts.filter(pl.col("measure") != "population")
    assert residence["activity_window"].abs().max() == 0, "signs of residence change no migration"
    moved = pl.read_csv(tmp_path / "transitions.csv", try_parse_dates=True)
    for side, run in (("a", demo.run), ("b", other_run)):
        residents = read_table(run / "tables" / "residents.parquet").filter("published")
        expected = residents.group_by("reference_date", "resident").len()
        counts = moved.filter(measure="population").group_by("period", f"class_{side}").agg(pl.col("people").sum())
        found = {(period, name): people for period, name, people in counts.iter_rows()}
        for day, resident, people in expected.iter_rows():
            assert found[day, "resident" if resident else "excluded"] == people
    assert "changed their class, by the rules that decided" in done.out


def test_runs_that_cannot_be_compared_are_refused(base: RunRules, other_run: Path) -> None:
    with opened(other_run) as (other,):
        assert set(check_comparable(base, other)) == set(VALUES)
        assert changed_parts(base.rules, base.rules) == ()
        many = with_values(other.rules, {"long_term_days": 300, "removal_lag": 30}, "here")
        seven = RunRules(other.run, other.study, other.manifest, many, other.records)
        with pytest.raises(UserError, match="7 parameters differ .* over 6 at most"):
            split_change(base, seven, counted=True)
        link = {**other.records, "link": base.records["ingest"]}
        with pytest.raises(UserError, match="their people are not the same"):
            check_comparable(base, RunRules(other.run, other.study, other.manifest, other.rules, link))
        later = other.study.model_copy(update={"seed": 99})
        with pytest.raises(UserError, match="differ in more than rules"):
            check_comparable(base, RunRules(other.run, later, other.manifest, other.rules, other.records))


def test_rules_that_have_been_changed_since_the_run_are_refused(
    other_run: Path, command: Callable[..., Outcome]
) -> None:
    file = other_run.parent / "study" / "others.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("value = 44", "value = 45"), encoding="utf-8")
    done = command("sweep", other_run, "--set", "activity_window=9..15")
    file.write_text(text, encoding="utf-8")
    assert done.status == 2
    assert "others.toml: not the rules that" in done.err
    none = command("sweep", other_run.parent / "study", "--set", "activity_window=9..15")
    assert none.status == 2
    assert "no finished run here" in none.err
