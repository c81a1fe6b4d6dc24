"""The verb `evaluate`: the only reader of the truth of a simulated study.

It collects the scores that each package gives its own tables, writes `evaluation/`, and renders the report
again with the truth in it. Nothing else in the run is changed.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs

from estimation.cells import GROSS_FLOWS
from estimation.score import score_flows, score_stocks, summarise_intervals
from flows.ablation import ABLATIONS, TRUE_LINKS, check_ablation, compute_with_true_links
from flows.definition_scores import score_definitions
from flows.estimation_only.error_rates import error_rates, nationality_patterns, survey_links
from flows.live.live_runs import check_not_live
from flows.people_scores import TABLES, expected_and_true_flows, people_cases, score_people
from flows.progress import NullListener, ProgressListener
from flows.single_sources import single_sources, with_truth
from flows.terminal import Terminal, typed
from linkage.link_groups import age_group
from linkage.score import beside_estimates, score_counted_twice, score_link_errors, score_links, score_review
from linkage.stages import day_of_groups
from linkage.subjects_in_scope import subjects_in_scope
from pipeline import disk
from pipeline.errors import UserError, first_line
from pipeline.ingest.pseudonymise import direct_identifier_tokens
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.keys import read_key
from pipeline.schemas import ALL, table_path
from pipeline.stage import StageRecord
from pipeline.store import Store, is_intact
from pipeline.study import Study, digest_of_file, read_study
from pipeline.tables import read_table, write_table, write_text
from publication.report import write_report
from publication.row_selection import measured
from publication.run_folder import read_manifest
from publication.scores import Scores
from publication.words import percent
from rules.calibration import Calibration
from rules.model import PersonRules, RuleSet
from rules.rule_set import person_rules_of, read_rule_set


@dataclass(frozen=True)
class Truth:
    """What really happened: people, when they were here, migrations, residents on reference dates, and who is who."""

    people: pl.DataFrame
    presence: pl.DataFrame
    migrations: pl.DataFrame
    residents: pl.DataFrame
    identities: pl.DataFrame


COLUMNS = {
    "people": (
        "person", "sex", "nationality_group", "birth_date", "death_date", "naturalised_on", "migrant_group",
    ),
    "presence": ("person", "start", "end"),
    "migrations": ("person", "date", "direction"),
    "residents": ("person", "reference_date"),
    "identities": ("person", "source", "person_key", "moved"),
}  # fmt: skip
"""The columns of the truth that scores need."""
OF_ALL_DEFINITIONS = ("clusters", "stays", "migrations", "late_migrations")
"""The tables by which definitions are scored."""


def read_truth(study: Study) -> Truth:
    """Return the truth beside a synthetic study; raises `UserError` where there is none, or only a part of it."""
    folder = study.folder / "truth"
    if not study.synthetic:
        raise UserError(
            f"{study.path}: not a synthetic study, so its truth is unknown. Use one made by `sojourn simulate`."
        )
    try:
        truth = Truth(**{one.name: read_table(folder / f"{one.name}.parquet") for one in fields(Truth)})
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"{folder}: the truth cannot be read ({first_line(error)}). Make the study with `sojourn simulate`."
        ) from None
    for name, columns in COLUMNS.items():
        missing = [column for column in columns if column not in getattr(truth, name).columns]
        if missing:
            raise UserError(
                f"{folder / f'{name}.parquet'}: has no column {', '.join(missing)}, so nothing can be compared "
                "with it. Make the study with `sojourn simulate`."
            )
    return truth


def subjects_truth(study: Study, tables: Path, identities: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return who every subject in the scope of linkage really is: `source, subject_id, person, moved`.

    The truth identifies people by their sources' own keys, whose tokens lead to the subjects of the run. The
    person's `sex`, `age_group` and `nationality_group` are those of `people`, the people of the truth, on the day
    by whose ages the run groups links.
    """
    key, contracts = read_key(study), delivered_contracts(study)
    if identities.is_empty() or not any(contracts[one].person_key for one in identities["source"].unique()):
        raise UserError(
            f"{study.folder / 'truth'}: says who is who in none of the sources that the run linked, so the run "
            "cannot be scored. Use a study made by `sojourn simulate`."
        )
    found = []
    for source in sorted(identities["source"].unique()):
        kind = contracts[source].person_key_kind
        if kind is None:  # the truth names people by the key of the source
            continue
        known = identities.filter(pl.col("source") == source)
        tokens = direct_identifier_tokens(key, kind, known["person_key"])
        subjects = subjects_in_scope(tables, source, study.coverage.reference_date).select("subject_id", kind)
        found.append(
            known.with_columns(tokens.alias(kind))
            .join(subjects, on=kind, how="inner")
            .select("source", "subject_id", "person", "moved")
        )
    subjects = pl.concat(found).sort("source", "subject_id")
    if subjects.is_empty():
        raise UserError(
            f"{study.path}: no person of the truth is a subject of this run, so it was made with another key or from "
            "another study. Run `sojourn run` on this study again."
        )
    age = age_group(pl.col("birth_date"), day_of_groups(study))
    groups = people.select("person", "sex", age, "nationality_group")
    return subjects.join(groups, on="person", how="left", maintain_order="left")


def linked_subjects_truth(study: Study, truth: Truth, tables: Path) -> pl.DataFrame:
    """Return `subjects_truth` of linked sources: others serve other products, or describe the links themselves."""
    sources = read_table(tables / "clusters.parquet", columns=["source"])["source"].unique()
    linked = truth.identities.filter(pl.col("source").is_in(sources.implode()))
    return subjects_truth(study, tables, linked, truth.people)


def score(study: Study, truth: Truth, tables: Path, rules: PersonRules) -> Scores:
    """Return all scores of a run's `tables`, each computed by the package whose tables it scores.

    `rules` are those by which the run decided about people.
    A run that skipped its account is scored by its links and, if it has stays, by the people that were counted.
    """
    who = linked_subjects_truth(study, truth, tables)
    clusters = read_table(tables / "clusters.parquet").filter(pl.col("draw") == 0)
    counted_sources = [name for name, one in delivered_contracts(study).items() if one.counts_as_resident]
    links = score_links(clusters, who)
    scores = Scores(
        links=beside_estimates(links, read_table(tables / "linkage_quality.parquet")),
        review_of_links=score_review(read_table(table_path(tables, "review_of_links")), links),
        link_errors=score_link_errors(read_table(tables / "link_errors.parquet"), clusters, who, counted_sources),
    )
    if not all((tables / f"{name}.parquet").exists() for name in TABLES):
        return scores
    table = _published_tables(tables)
    scores = replace(
        scores,
        counted_twice=score_counted_twice(table["residents"], clusters, who),
        error_rates=error_rates(table, vars(truth), who, counted_sources),
        flow_completeness=read_table(table_path(tables, "flow_completeness")),
        nationality_patterns=nationality_patterns(table, vars(truth), who),
        survey_links=survey_links(
            table, who, read_table(tables / "linkage_quality.parquet"), study.coverage.reference_date
        ),
    )
    every = {name: read_table(tables / f"{name}.parquet") for name in OF_ALL_DEFINITIONS}
    flows, stocks = (measured(read_table(tables / f"{name}.parquet")) for name in ("flows", "stocks"))
    if flows.is_empty():
        counts = read_table(tables / "counts.parquet")
        ends = [counts.filter(pl.col("period").cast(pl.String) == period)["time"] for period in ("year", "day")]
        published = dict.fromkeys(GROSS_FLOWS, ends[0]) | {"population": ends[1]}
        return replace(
            scores,
            definitions=score_definitions(every, vars(truth), who, rules, ends[0]),
            **score_people(table, vars(truth), who, counted_sources, published, study.data_date),
        )
    flows = score_flows(flows, truth.migrations, truth.people)
    stocks = score_stocks(stocks, truth.residents, truth.people)
    published = dict.fromkeys(GROSS_FLOWS, flows["period_end"]) | {"population": stocks["reference_date"]}
    return replace(
        scores,
        flows=flows,
        stocks=stocks,
        definitions=score_definitions(every, vars(truth), who, rules, flows["period_end"]),
        interval_coverage=summarise_intervals(flows, stocks),
        single_sources=with_truth(
            single_sources(
                read_table(tables / "evidence.parquet"),
                flows["period_end"].filter(flows["period_end"].dt.month() == 6).unique().to_list(),
                published["population"].unique().to_list(),
            ),
            flows,
            stocks,
        ),
        **score_people(table, vars(truth), who, counted_sources, published, study.data_date),
    )


def _published_tables(tables: Path) -> dict[str, pl.DataFrame]:
    """Return the tables of people: stays, migrations and residents by the definition and family that is published."""
    table = {name: read_table(tables / f"{name}.parquet") for name in TABLES}
    counted = read_table(tables / "counts.parquet", columns=["definition"])["definition"].unique().implode()
    by_definition = {
        name: table[name].filter(pl.col("definition").is_in(counted))
        for name in ("migrations", "late_migrations", "stays")
    }
    return {**table, **by_definition, "residents": table["residents"].filter("published")}


def cases_of_run(run: Path) -> pl.DataFrame:
    """Return the decisions of a run on a synthetic study with what was true: `decision, kind, probability, right`."""
    study, truth, table, tables = _decisions_of_run(run)
    who = linked_subjects_truth(study, truth, tables)
    return people_cases(table, vars(truth), who, study.periods.flow_years, study.periods.stock_years, study.data_date)


def flows_of_run(run: Path, calibration: Calibration) -> pl.DataFrame:
    """Return the flows of a run that is not calibrated as `calibration` expects them, and those of fact.

    Columns are `direction, nationality_group, child, recent, quarter, expected, true`.
    """
    study, truth, table, tables = _decisions_of_run(run)
    table["flow_completeness"] = read_table(table_path(tables, "flow_completeness"))
    return expected_and_true_flows(table, vars(truth), calibration, study.periods.flow_years, study.data_date)


def _decisions_of_run(run: Path) -> tuple[Study, Truth, dict[str, pl.DataFrame], Path]:
    run = run.resolve()
    with Store(run).locked():
        study = study_of_run(run)
        tables, truth = run / "tables", read_truth(study)
        missing = [name for name in TABLES if not (tables / f"{name}.parquet").exists()]
        if missing:
            raise UserError(f"{run}: has no table '{missing[0]}', so it decides nothing that could be calibrated.")
        return study, truth, _published_tables(tables), tables


def has_truth(study: Study) -> bool:
    """Return whether there is a truth beside a study, with which figures can be compared."""
    return study.synthetic and (study.folder / "truth").is_dir()


def true_figures(study: Study, figures: pl.DataFrame) -> pl.DataFrame:
    """Return the truth of figures: `measure, period, group, truth`, by the scores of flows and stocks.

    `figures` has `measure, period, group`: years by their last day, or reference dates, and groups of nationality.
    """
    truth = read_truth(study)
    cells = figures.select(
        "measure", "period", pl.col("group").alias("nationality_group"), sex=pl.lit(ALL), age_group=pl.lit(ALL),
        estimate=pl.lit(0.0), lower=pl.lit(0.0), upper=pl.lit(0.0),
    ).unique(["measure", "period", "nationality_group"])  # fmt: skip
    is_stock = pl.col("measure") == "population"
    years = cells.filter(~is_stock).with_columns(
        period_start=pl.col("period").dt.offset_by("-1y").dt.offset_by("1d"), period_end="period"
    )
    scored = [
        score_flows(years, truth.migrations, truth.people).with_columns(period="period_end"),
        score_stocks(
            cells.filter(is_stock).with_columns(reference_date="period"), truth.residents, truth.people
        ).with_columns(period="reference_date"),
    ]
    return pl.concat([one.select("measure", "period", "truth", group="nationality_group") for one in scored])


def evaluate(run: Path, listener: ProgressListener, ablation: str | None = None, *, report: bool = True) -> Scores:
    """Score a finished run and return the scores: `evaluation/` is written, and its `report` is drawn with the truth.

    With an `ablation`, what is scored is the run computed again under it; the scores are written to
    `evaluation/<ablation>/`, and nothing else is changed.
    """
    run = run.resolve()
    check_ablation(ablation)
    check_not_live(run, "Evaluate a run of the same study that was made without --live.")
    manifest_of(run)  # a folder that is no run is left as it is
    with Store(run).locked():
        manifest = manifest_of(run)
        begun = time.perf_counter()
        study = _study_of(run, manifest)
        scores = (
            _evaluate_ablation(study, run, manifest, listener)
            if ablation
            else _evaluate(study, run, manifest, listener, report=report)
        )
        listener.finished(_record(run, scores, manifest["spine"], time.perf_counter() - begun))
    return scores


def manifest_of(run: Path) -> dict[str, Any]:
    """Return the manifest of a finished run; raises `UserError` if there is none."""
    manifest = read_manifest(run)
    if manifest is None:
        raise UserError(f"{run}: no finished run here (no manifest.json). Make one with `sojourn run STUDY.toml`.")
    return manifest


def study_of_run(run: Path) -> Study:
    """Return the study of a finished run; raises `UserError` if it is none, or if its study or tables are changed."""
    return _study_of(run, manifest_of(run))


def rules_of_run(study: Study, run: Path, manifest: Mapping[str, Any]) -> RuleSet:
    """Return the rules by which a run was made; raises `UserError` if they have changed since."""
    rules = read_rule_set(study)
    if rules.digest != manifest["rule_set"]["digest"]:
        raise UserError(f"{rules.path}: the rules have changed since {run} was made. Run `sojourn run` on it again.")
    return rules


def _study_of(run: Path, manifest: Mapping[str, Any]) -> Study:
    if not is_intact(run, {name: one["sha256"] for name, one in manifest["outputs"].items()}):
        raise UserError(f"{run}: some of its tables are missing or changed. Run `sojourn run STUDY.toml` again.")
    study = read_study(run / manifest["study"]["path"])
    if digest_of_file(study.path) != manifest["study"]["digest"]:
        raise UserError(f"{study.path}: not the study that {run} was made from. Run `sojourn run` on it again.")
    return study


def _evaluate(
    study: Study, run: Path, manifest: Mapping[str, Any], listener: ProgressListener, *, report: bool
) -> Scores:
    listener.progress("evaluate", "comparing the run with the truth")
    rules = person_rules_of(rules_of_run(study, run, manifest), study)
    scores = score(study, read_truth(study), run / "tables", rules)
    kept = {f"{one}/{path.name}": path for one in ABLATIONS for path in (run / "evaluation" / one).glob("*")}
    aside = _written_aside(run, scores)
    disk.link_files(kept, aside)
    _replace(run / "evaluation", aside)
    if report:
        write_report(run, manifest=manifest, scores=scores)
    return scores


def _evaluate_ablation(study: Study, run: Path, manifest: Mapping[str, Any], listener: ProgressListener) -> Scores:
    listener.progress("evaluate", "computing the run again with true links")
    rules = person_rules_of(rules_of_run(study, run, manifest), study)
    truth, work = read_truth(study), run / f".aside-{TRUE_LINKS}"
    disk.remove(work)
    keys = {name: one["key"] for name, one in manifest["stages"].items()}
    tables = compute_with_true_links(study, run, keys, linked_subjects_truth(study, truth, run / "tables"), work)
    scores = score(study, truth, tables, rules)
    aside = _written_aside(run, scores)
    disk.remove(work)
    disk.make_folder(run / "evaluation")
    _replace(run / "evaluation" / TRUE_LINKS, aside)
    return scores


def _written_aside(run: Path, scores: Scores) -> Path:
    """Write the scores into a folder beside the final one, and return it."""
    aside = run / ".aside-evaluation"
    disk.remove(aside)
    disk.make_folder(aside)
    for one in fields(Scores):
        frame = getattr(scores, one.name)
        write_table(frame, aside / f"{one.name}.parquet")
        write_text(frame.write_csv(float_precision=6), aside / f"{one.name}.csv")
    write_text(json.dumps(summary(scores), indent=1) + "\n", aside / "summary.json")
    return aside


def _replace(folder: Path, aside: Path) -> None:
    disk.remove(folder)
    disk.move(aside, folder)


def _record(run: Path, scores: Scores, spine: str, seconds: float) -> StageRecord:
    return StageRecord(
        stage="evaluate",
        key="",
        folder=run / "evaluation",
        counts={},
        sentence=stage_line(scores, spine),
        warnings=(),
        seconds=round(seconds, 3),
        outputs={},
        reused=False,
    )


def headline(scores: Scores) -> dict[str, object] | None:
    """Return the latest year's total net migration with its interval, and whether the truth lies inside.

    None for a run without estimates.
    """
    if scores.flows.is_empty():
        return None
    nets = scores.flows.filter(
        pl.col("measure") == "net",
        *(pl.col(dimension) == "all" for dimension in ("sex", "age_group", "nationality_group")),
        (pl.col("period_end") - pl.col("period_start")).dt.total_days() > 300,
    )
    latest = nets.sort("period_end").tail(1).to_dicts()[0]
    return {
        "period_end": latest["period_end"].isoformat(),
        **{name: round(float(latest[name]), 3) for name in ("estimate", "lower", "upper", "truth", "error")},
        "inside": bool(latest["inside"]),
    }


def summary(scores: Scores) -> dict[str, object]:
    """Return what readers look at first: the headline, links by pair of sources, interval coverage, classes."""
    return {
        "headline": headline(scores),
        "links": scores.links.filter(pl.col("true_pairs") > 0).to_dicts() if scores.links.height else [],
        "interval_coverage": scores.interval_coverage.to_dicts(),
        "counted_twice": scores.counted_twice.with_columns(cs.date().cast(pl.String)).to_dicts(),
        "classes": scores.classes.with_columns(cs.date().cast(pl.String)).to_dicts(),
    }


def verdict(scores: Scores) -> str:
    """Return one line: the true figure of the headline and whether its interval contains it."""
    one = headline(scores)
    if one is None:
        return "the run has no estimates to compare with it"
    place = "inside" if one["inside"] else "outside"
    return f"true net migration: {one['truth']:,.0f}, {place} the interval"


def stage_line(scores: Scores, spine: str) -> str:
    """Return the line of the stage: how links (without a spine, all of them) and intervals compare with the truth."""
    links = scores.links.filter(pl.col("group") == "all")
    if spine:
        links = links.filter((pl.col("source_l") == spine) | (pl.col("source_r") == spine))
    true, linked, correct = (int(links[name].sum()) for name in ("true_pairs", "linked_pairs", "correct"))
    precision = percent(correct / linked if linked else None, 2)
    recall = percent(correct / true if true else None, 2)
    line = f"links{' to the spine' * bool(spine)}: precision {precision}, recall {recall}"
    if scores.interval_coverage.is_empty():
        return f"{line}; no estimates to compare with the truth"
    cells = int(scores.interval_coverage["cells"].sum())
    inside = int(scores.interval_coverage["inside"].sum())
    return f"{line}; the truth lies in {inside:,} of {cells:,} intervals"


def evaluate_run(run: Path, *, as_json: bool, ablation: str | None = None) -> int:
    """Score a run, or an ablation of it, print the result, and return the exit status."""
    check_ablation(ablation)
    if not run.is_dir():
        raise UserError(f"{run}: no finished run here. Make one with `sojourn run STUDY.toml`.")
    terminal = Terminal()
    scores = evaluate(run, NullListener() if as_json else terminal, ablation)
    terminal.close()
    if as_json:
        print(json.dumps(summary(scores), indent=1))  # noqa: T201 - the requested output
        return 0
    terminal.print_line(f"  truth    {verdict(scores)}")
    one = headline(scores)
    if ablation and one is not None:
        terminal.print_line(
            f"  net migration with {ablation}: {one['estimate']:,.0f} ({one['lower']:,.0f} to {one['upper']:,.0f})"
        )
    if ablation:
        terminal.print_line(f"  scores   {typed(run / 'evaluation' / ablation)}")
    else:
        terminal.print_line(f"  report   {typed(run / 'report.html')}")
    return 0
