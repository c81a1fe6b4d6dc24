"""The benchmark `link`: the stage on a country of hard links, against Splink on the same values in clear.

Everything is measured in one run. Speed is compared in CPU seconds, because the same work takes fewer seconds on more
processors, and with Splink on the same tokens: what the stage does besides (posterior, people, quality) is its cost.
"""

import json
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from flows.clear_splink import HISTORIES, KINDS, link_in_clear
from flows.evaluate import Truth, read_truth, subjects_truth
from flows.progress import NullListener, ProgressListener
from flows.simulate import simulate_study
from flows.stages_alone import cost_of, ingest_stage, link_stage
from linkage.model_name import model_name
from linkage.plan import SURVEY, LinkagePlan, plan_of
from linkage.score import score_links
from linkage.subjects_in_scope import subjects_in_scope
from pipeline.errors import UserError
from pipeline.ingest.check import FILE, check
from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.extract_contract import Extract
from pipeline.ingest.pseudonymise import direct_identifier_kinds
from pipeline.ingest.read_extract import read_extract
from pipeline.ingest.standardise import joined_name, standard_name, standard_postcode
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.ingest.versions import version_of
from pipeline.study import Study, read_study
from pipeline.tables import connect, read_table
from synthetic_data.simulate import LARGEST

SCENARIO, SEED, RESIDENTS, FEWEST = "hard_links", 1, 50_000, 1_000
THREADS = 2
DESCRIBE = {"given_name", "family_name", "date_of_birth"}
"""The kinds that a source needs, so that Splink can link it."""
BLOCKS = (
    ("date_of_birth", "postcode"),
    ("initials_date_of_birth",),
    ("first_name", "family_name"),
    ("first_name", "birth_decade_month_day"),
    ("family_name", "birth_decade_month_day"),
    ("first_name", "birth_month"),
    ("family_name", "birth_month"),
    ("family_name", "postcode"),
    ("first_name", "postcode"),
    ("given_beginning_birth_year", "family_beginning_birth_year"),
)
"""Pairs that agree on all columns of one of these are compared by Splink on tokens, as its user would choose them."""
TRAINING = (("date_of_birth",), ("first_name", "family_name"), ("family_name", "postcode"))
"""The blocks on which Splink is trained on tokens."""
FLOOR = 0.01
Scores = dict[str, Any]


def compare_links(
    residents: int | None, listener: ProgressListener
) -> tuple[int, float, dict[str, float], dict[str, float], list[Scores]]:
    """Return subjects, CPU seconds of the stage, ratios, figures and scores (one row for each pair of sources).

    The country has `residents`, or as many as usual. Compared are the spine and every source that shares no direct
    identifier with it: those links depend on what describes people. Raises `UserError` for a size out of range.
    """
    if residents is not None and not FEWEST <= residents <= LARGEST:
        raise UserError(f"--size: {residents:,} residents are too few or too many. Choose {FEWEST:,} to {LARGEST:,}.")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        listener.progress("bench", "simulating a country of hard links")
        simulate_study(
            residents or RESIDENTS, SEED, folder / "study", NullListener(), scenario=SCENARIO, threads=THREADS
        )
        path, run = folder / "study" / "study.toml", folder / "run"
        listener.progress("bench", "ingest")
        ingest = ingest_stage(path, run, THREADS)
        listener.progress("bench", "link")
        stage = cost_of(link_stage, path, run, ingest, THREADS)
        link, study = stage.result, read_study(path)
        listener.progress("bench", "people from links")
        clustering = cost_of(_cluster, path, link.folder)
        listener.progress("bench", "Splink on the same tokens")
        bare = cost_of(_splink_on_tokens, path, ingest.folder, link.folder)
        truth = read_truth(study)
        clusters = read_table(link.folder / "clusters.parquet").filter(pl.col("draw") == 0)
        hashed = _scores_of_hashed(study, truth, ingest.folder, clusters)
        scores = []
        for source, spine in compared_pairs(study):
            listener.progress("bench", f"Splink in clear: {source} with {spine}")
            clear = _scores_of_clear(study, truth, (source, spine))
            scores.append(_side_by_side(source, spine, hashed, clear))
    figures = {
        **_pooled(scores),
        "stage_cpu_seconds": round(stage.cpu_seconds, 2),
        "splink_on_tokens_cpu_seconds": round(bare.cpu_seconds, 2),
        "stage_over_splink_cpu": round(stage.cpu_seconds / bare.cpu_seconds, 3),
        "clustering_share": round(clustering.cpu_seconds / stage.cpu_seconds, 4),
        "stage_peak_mib": round(stage.peak_mib, 1),
    }
    return (
        clusters.height,
        stage.cpu_seconds,
        {"splink_on_tokens": bare.cpu_seconds / stage.cpu_seconds},
        figures,
        scores,
    )


def compared_pairs(study: Study) -> list[tuple[str, str]]:
    """Return each source that describes people and shares no direct identifier with the spine, and the spine."""
    contracts, plan = delivered_contracts(study), _plan(study)
    return [
        (source, spine)
        for source, spine in plan.modelled
        if spine == plan.spine
        and contracts[source].identifier_kinds >= DESCRIBE
        and not set(direct_identifier_kinds(contracts[source])) & set(direct_identifier_kinds(contracts[spine]))
    ]


def _plan(study: Study) -> LinkagePlan:
    return plan_of(study.linkage, delivered_contracts(study), f"{study.path}, [linkage]")


def _side_by_side(source: str, spine: str, hashed: pl.DataFrame, clear: pl.DataFrame) -> Scores:
    """Return the scores of one pair of sources, those of Splink in clear with names that begin with `clear_`."""
    row: Scores = {"pair": f"{source}-{spine}"}
    for prefix, frame in (("", hashed), ("clear_", clear)):
        left, right = sorted((source, spine))
        of_pair = frame.filter(pl.col("source_l") == left, pl.col("source_r") == right)
        of = {one["group"]: one for one in of_pair.to_dicts()}
        whole, movers = of["all"], of["movers"]
        true, linked, correct = (whole[name] for name in ("true_pairs", "linked_pairs", "correct"))
        row |= {
            "true_pairs": true,
            "movers": movers["true_pairs"],
            f"{prefix}linked_pairs": linked,
            f"{prefix}correct": correct,
            f"{prefix}f1": round(2 * correct / max(true + linked, 1), 5),
            f"{prefix}movers_correct": movers["correct"],
            f"{prefix}movers_recall": round(movers["correct"] / max(movers["true_pairs"], 1), 5),
        }
    return row


def _pooled(scores: list[Scores]) -> dict[str, float]:
    """Return F1 of all pairs and recall of all movers, hashed less clear, and each of them."""
    found: dict[str, float] = {}
    for prefix in ("", "clear_"):
        true, linked, correct = (sum(row[name] for row in scores) for name in _counted(prefix))
        movers, of_movers = (sum(row[name] for row in scores) for name in ("movers", f"{prefix}movers_correct"))
        found[f"{prefix}f1"] = round(2 * correct / max(true + linked, 1), 5)
        found[f"{prefix}movers_recall"] = round(of_movers / max(movers, 1), 5)
    for name in ("f1", "movers_recall"):
        found[f"{name}_difference"] = round(found[name] - found[f"clear_{name}"], 5)
    return found


def _counted(prefix: str) -> tuple[str, str, str]:
    return "true_pairs", f"{prefix}linked_pairs", f"{prefix}correct"


def _scores_of_hashed(study: Study, truth: Truth, ingest: Path, clusters: pl.DataFrame) -> pl.DataFrame:
    sources = {source for pair in compared_pairs(study) for source in pair}
    known = truth.identities.filter(pl.col("source").is_in(sorted(sources)))
    return score_links(clusters, subjects_truth(study, ingest, known, truth.people))


def _scores_of_clear(study: Study, truth: Truth, sources: tuple[str, str]) -> pl.DataFrame:
    """Return the scores of Splink on the clear values of two sources, whose own keys say who is who."""
    contracts = delivered_contracts(study)
    frames = {source: clear_subjects(study, contracts[source]) for source in sources}
    people = link_in_clear(frames, THREADS)
    numbers = people.with_row_index("subject_id").with_columns(pl.col("subject_id").cast(pl.Int64))
    who = (
        truth.identities.join(numbers, left_on=["source", "person_key"], right_on=["source", "subject"])
        .join(truth.people.select("person", "nationality_group"), on="person", how="left")
        .select("source", "subject_id", "person", "moved", "nationality_group")
    )
    return score_links(numbers, who)


def clear_subjects(study: Study, contract: SourceContract) -> pl.DataFrame:
    """Return what a source's extracts record of each subject, in clear: `subject` (its key), kinds and histories.

    Rows that ingest refuses are left out; kinds have the latest known value, histories all of them.
    """
    rows = pl.concat(
        [_clear_rows(study, str(contract.person_key), name, extract) for name, extract in contract.extracts.items()],
        how="diagonal_relaxed",
    ).sort("day", nulls_last=False, maintain_order=True)
    kinds = [kind for kind in KINDS if kind in rows.columns]
    histories = {name: kind for name, kind in HISTORIES.items() if kind in kinds}
    return rows.group_by("subject", maintain_order=True).agg(
        *(pl.col(kind).last(ignore_nulls=True) for kind in kinds),
        *(pl.col(kind).drop_nulls().unique(maintain_order=True).alias(name) for name, kind in histories.items()),
    )


def _clear_rows(study: Study, key: str, name: str, extract: Extract) -> pl.DataFrame:
    files = {path.name: path for path in study.files_of(name)}
    versions = {file: version_of(path, extract, None, name) for file, path in files.items()}
    texts = [
        read_extract(path, extract.layouts[versions[file]], THREADS).with_columns(pl.lit(file).alias(FILE))
        for file, path in files.items()
    ]
    accepted = check(pl.concat(texts, rechunk=True), extract, study.data_date, versions).accepted
    if name == SURVEY:
        accepted = accepted.filter(pl.col("reference_date") == study.coverage.reference_date)
    own = {
        str(one.identifier): column for column, one in extract.columns.items() if one.identifier and one.of is None
    }
    day = pl.col(extract.dated_by) if extract.dated_by else pl.lit(None, pl.Date)
    values = (_standard(kind, pl.col(own[kind])).alias(kind) for kind in KINDS if kind in own)
    return accepted.select(pl.col(key).alias("subject"), day.alias("day"), *values)


def _standard(kind: str, value: pl.Expr) -> pl.Expr:
    if kind in {"given_name", "family_name"}:
        return joined_name(standard_name(value))
    return standard_postcode(value) if kind == "postcode" else value.cast(pl.String)


def _cluster(path: Path, link: Path) -> tuple[int, float]:
    """Make people from the links of the stage again; returns their number and the CPU seconds."""
    from linkage.clusters import cluster  # noqa: PLC0415 - imports are not timed

    study = read_study(path)
    plan, settings = _plan(study), study.linkage
    subjects = read_table(link / "clusters.parquet").filter(pl.col("draw") == 0).select("source", "subject_id")
    links = read_table(link / "links.parquet")
    begun = time.process_time()
    likely = links.filter(pl.col("match_probability") >= settings.accept)
    people = cluster(subjects, likely, plan.order_of_people, settings.rival_margin, plan.duplicates)
    return people["person_id"].n_unique(), time.process_time() - begun


def _splink_on_tokens(path: Path, ingest: Path, link: Path) -> tuple[int, float]:
    """Train and apply Splink on the tokens of every two sources that the stage has a model of.

    Returns the number of pairs that it scores, and the CPU seconds.
    """
    import splink  # noqa: F401, PLC0415 - imports are not timed

    logging.getLogger("splink").setLevel(logging.ERROR)
    study = read_study(path)
    files = {pair: link / "models" / f"{model_name(*pair)}.json" for pair in _plan(study).modelled}
    settings = {
        pair: json.loads(file.read_text(encoding="utf-8"))["splink"] for pair, file in files.items() if file.exists()
    }
    begun = time.process_time()
    sources = sorted({source for pair in settings for source in pair})
    tokens = {source: subjects_in_scope(ingest, source, study.coverage.reference_date) for source in sources}
    pairs = sum(
        _splink_pairs(of_pair, {source: tokens[source] for source in pair}) for pair, of_pair in settings.items()
    )
    return pairs, time.process_time() - begun


def _splink_pairs(settings: Mapping[str, Any], tokens: Mapping[str, pl.DataFrame]) -> int:
    """Train and apply Splink on one or two sources; returns the number of pairs that it scores."""
    from splink import DuckDBAPI, Linker  # noqa: PLC0415
    from splink.internals.exceptions import EMTrainingException  # noqa: PLC0415

    shared = set.intersection(*(set(frame.columns) for frame in tokens.values()))
    known = {name for name in shared if all(frame[name].null_count() < frame.height for frame in tokens.values())}
    database = DuckDBAPI(connect(THREADS))
    tables = [
        database.register(frame.select(sorted(shared)), dataset_display_name=f"of_{source}")
        for source, frame in tokens.items()
    ]
    linker = Linker(tables, untrained(settings, known), log_level=None, validate_settings=False)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for columns in TRAINING:
        if known.issuperset(columns):
            try:
                linker.training.estimate_parameters_using_expectation_maximisation(
                    _agree(columns),
                    estimate_without_term_frequencies=True,
                    max_pairs=1e6,
                    record_sample_proportion=1.0,
                )
            except (EMTrainingException, ValueError):
                continue
    scored = linker.inference.predict(threshold_match_probability=FLOOR)
    return len(scored.as_pyarrow_table())


def untrained(settings: Mapping[str, Any], columns: Collection[str]) -> dict[str, Any]:
    """Return settings of Splink without their probabilities, and with the `BLOCKS` that the known columns allow."""
    blocks = [_agree(block) for block in BLOCKS if set(block) <= set(columns)]
    comparisons = [
        {**one, "comparison_levels": [_untrained(level) for level in one["comparison_levels"]]}
        for one in settings["comparisons"]
    ]
    return {**settings, "comparisons": comparisons, "blocking_rules_to_generate_predictions": blocks}


def _agree(columns: Sequence[str]) -> str:
    return " AND ".join(f"l.{one} = r.{one}" for one in columns)


def _untrained(level: Mapping[str, Any]) -> dict[str, Any]:
    bare = {name: value for name, value in level.items() if name not in {"m_probability", "u_probability"}}
    # Splink weighs by frequency only where exactly this column agrees
    if column := level.get("tf_adjustment_column"):
        bare["sql_condition"] = f"{column}_l = {column}_r"
    return bare
