"""The benchmark `link_files`: files of several kinds, spoilt and cut down, linked by Sojourn and by clear Splink."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from flows.clear_splink import link_in_clear
from flows.progress import ProgressListener
from flows.stages_alone import ingest_stage, link_stage
from pipeline.errors import UserError, unknown
from pipeline.tables import read_table
from synthetic_data.link_files.changes import dropped, kinds_of, spoilt, with_foreign_postcodes, with_full_names
from synthetic_data.link_files.link_file import SERIAL, LinkFile
from synthetic_data.link_files.write import KINDS, PEOPLE, link_files, truth_of, write_link_files

FIRST_SEED = 1001
SPOILT = 0.3
"""The share of the rows in which a column is spoilt."""
AS_THEY_ARE, WITHOUT = "as they are", "without"
CHANGED_IN_TURN = ("two_files", "census_register", "four_sources")
"""The kinds of files whose columns are spoilt and dropped in turn; the others are linked as they are."""
THREADS = 2

Change = Callable[[list[LinkFile]], list[LinkFile]]
Scores = dict[str, Any]


def compare_link_files(
    people: int | None, kinds: Sequence[str], seeds: int, listener: ProgressListener
) -> tuple[int, float, dict[str, float], dict[str, float], list[Scores]]:
    """Return rows linked, seconds of Sojourn, ratios of speed, figures and scores (one row for each set of files).

    `people` of each kind, or as many as usual; of each kind in `kinds` (all, if empty) `seeds` sets of files, from
    `FIRST_SEED` on. Raises `UserError` for an unknown kind.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise unknown("kind of files", kind, KINDS, "--kind")
    if seeds < 1:
        raise UserError(f"--seeds: {seeds} is not a number of seeds. Choose 1 or more.")
    rows, seconds, clear_seconds, scores = 0, 0.0, 0.0, []
    for kind in kinds or KINDS:
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            whole = link_files(kind, PEOPLE[kind] if people is None else people, seed)
            for name, change in _changes(kind, whole, seed):
                listener.progress("bench", f"{kind}, seed {seed}, {name}")
                files = change(whole)
                with TemporaryDirectory() as folder:
                    study = write_link_files(files, Path(folder, "study"), f"{kind} {seed}", seed)
                    begun = time.perf_counter()
                    found, quality = linked_by_sojourn(study, Path(folder, "run"))
                    seconds += time.perf_counter() - begun
                begun = time.perf_counter()
                clear = link_in_clear({file.source: clear_values(file) for file in files}, THREADS)
                clear_seconds += time.perf_counter() - begun
                scores.append(
                    {"kind": kind, "seed": seed, "change": name, **both_scores(found, clear, truth_of(files))}
                    | estimated_scores(quality, found, truth_of(files))
                )
                rows += sum(file.rows.height for file in files)
    return rows, seconds, {"clear_splink": clear_seconds / seconds}, figures(scores), scores


def _changes(kind: str, files: Sequence[LinkFile], seed: int) -> Iterator[tuple[str, Change]]:
    yield AS_THEY_ARE, lambda files: files
    if kind not in CHANGED_IN_TURN:
        return
    for column in kinds_of(files):
        yield f"{column} spoilt", lambda files, column=column: spoilt(files, column, SPOILT, seed)
        yield f"{WITHOUT} {column}", lambda files, column=column: dropped(files, column)
    yield "names in one column", with_full_names
    yield "foreign postcodes", lambda files: with_foreign_postcodes(files, seed)


def linked_by_sojourn(study: Path, run: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the person of every subject of a study, and the table `linkage_quality`.

    People have `source, subject, person_id`; subjects are serials of rows.
    """
    ingest = ingest_stage(study, run, THREADS)
    link, _ = link_stage(study, run, ingest, THREADS)
    clusters = read_table(link.folder / "clusters.parquet").filter(pl.col("draw") == 0)
    names = [
        read_table(ingest.folder / "subjects" / f"{source}.parquet")
        .select("subject_id", "subject")
        .with_columns(pl.lit(source).alias("source"))
        for source in clusters["source"].unique().sort()
    ]
    people = clusters.join(pl.concat(names), on=["source", "subject_id"]).select("source", "subject", "person_id")
    return people, read_table(link.folder / "linkage_quality.parquet")


def clear_values(file: LinkFile) -> pl.DataFrame:
    """Return the identifiers of a file in clear, in the forms that `link_in_clear` reads: `subject` and the kinds."""
    values = {kind: _standard(header, file) for header in file.columns if (kind := file.kind_of(header))}
    return file.rows.select(
        pl.col(SERIAL).alias("subject"),
        *(pl.when(text.str.len_chars() > 0).then(text).alias(kind) for kind, text in values.items()),
    )


def _standard(header: str, file: LinkFile) -> pl.Expr:
    """Return a column in small letters without accents; a date with its parts in the order of ISO 8601."""
    text = pl.col(header).str.to_lowercase().str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    kind, form = file.kind_of(header), file.columns[header].get("format")
    if kind == "postcode":
        return text.str.replace_all("[^a-z0-9]", "")
    if kind == "date_of_birth" and form == "%Y%m%d":
        return text.str.replace(r"^(.{4})(.{2})(.+)$", "${1}-${2}-${3}")
    if kind == "date_of_birth":  # month, day, year
        return text.str.replace(r"^([^/]*)/([^/]*)/([^/]*)$", "${3}-${1}-${2}")
    return text


def both_scores(found: pl.DataFrame, clear: pl.DataFrame, truth: pl.DataFrame) -> Scores:
    """Return how the people that Sojourn and Splink in clear found compare with the truth.

    `rows_lost` are rows that are no subject of Sojourn's; `f1_ratio` is Sojourn's F1 over that of Splink in clear.
    """
    ours, theirs = pair_scores(found, truth), pair_scores(clear, truth)
    return {
        **ours,
        **{f"clear_{name}": theirs[name] for name in ("precision", "recall", "f1")},
        "f1_difference": round(ours["f1"] - theirs["f1"], 5),
        "f1_ratio": round(ours["f1"] / theirs["f1"], 5) if theirs["f1"] else None,
        "rows_lost": truth.join(found, on=["source", "subject"], how="anti").height,
    }


def estimated_scores(quality: pl.DataFrame, found: pl.DataFrame, truth: pl.DataFrame) -> Scores:
    """Return the precision and recall that a run expects of itself, over all pairs of sources of which it tells them.

    Beside them stand the true ones of the same pairs of sources (`told_precision`, `told_recall`), and how many pairs
    of sources have joined pairs and no estimate (`untold`). None where it can tell the recall of no pair of sources.
    `quality` is the table `linkage_quality`; for `found` and `truth` see `pair_scores`.
    """
    of_all = quality.filter(pl.col("group") == "all")
    told = of_all.drop_nulls(["precision_estimate", "recall_estimate"])
    true_scores = pair_scores(found, truth, told.select("source_l", "source_r"))
    right = pl.col("joined_pairs") * pl.col("precision_estimate")
    joined, correct, true = told.select(
        pl.col("joined_pairs").sum(),
        right.sum().alias("right"),
        (right / pl.col("recall_estimate")).sum().alias("true"),
    ).row(0)
    return {
        "estimated_precision": round(correct / joined, 5) if joined else None,
        "estimated_recall": round(correct / true, 5) if true else None,
        "told_precision": true_scores["precision"] if joined else None,
        "told_recall": true_scores["recall"] if true else None,
        "untold": of_all.filter(pl.col("joined_pairs") > 0).height - told.height,
    }


def pair_scores(found: pl.DataFrame, truth: pl.DataFrame, told: pl.DataFrame | None = None) -> Scores:
    """Return precision, recall and F1 of pairs of rows that share a person: of two sources, or of the only one.

    `found` has `source, subject, person_id`, `truth` has `source, subject, person`. Only pairs of sources that are
    `told` (`source_l, source_r`, either way round) count, if these are given.
    """
    true, linked = _pairs(truth, "person"), _pairs(found, "person_id")
    if told is not None:
        either = pl.concat([told.select(source=one, source_r=other) for one, other in (
            ("source_l", "source_r"), ("source_r", "source_l"))]).unique()  # fmt: skip
        true, linked = (pairs.join(either, on=["source", "source_r"], how="semi") for pairs in (true, linked))
    correct = true.join(linked, on=true.columns, how="semi").height
    precision, recall = correct / max(linked.height, 1), correct / max(true.height, 1)
    f1 = 2 * correct / max(true.height + linked.height, 1)
    rounded = {name: round(one, 5) for name, one in (("precision", precision), ("recall", recall), ("f1", f1))}
    return {"true_pairs": true.height, **rounded}


def _pairs(rows: pl.DataFrame, same: str) -> pl.DataFrame:
    within = rows["source"].n_unique() == 1
    apart = pl.col("subject") < pl.col("subject_r") if within else pl.col("source") < pl.col("source_r")
    return rows.join(rows, on=same, suffix="_r").filter(apart).select("source", "subject", "source_r", "subject_r")


def figures(scores: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the worst scores: F1 less that of Splink in clear, and recall without a column over that with all."""
    whole = {(one["kind"], one["seed"]): one["recall"] for one in scores if one["change"] == AS_THEY_ARE}
    without = [
        one["recall"] / whole[one["kind"], one["seed"]] if whole[one["kind"], one["seed"]] else 0.0
        for one in scores
        if one["change"].startswith(WITHOUT)
    ]
    worst = {"lowest_f1_difference": min(one["f1_difference"] for one in scores)}
    for name in ("precision", "recall"):
        told = [one for one in scores if one[f"estimated_{name}"] is not None]
        errors = [abs(one[f"estimated_{name}"] - one[f"told_{name}"]) for one in told]
        if errors:
            worst[f"largest_error_of_estimated_{name}"] = round(max(errors), 5)
    if without:
        worst["lowest_recall_without_a_column"] = round(min(without), 5)
    return worst | {"rows_lost": sum(one["rows_lost"] for one in scores)}
