"""What reviewers decided: the people who were drawn, and whether they are linked wrongly or were missed.

The verdicts come back as an extract, checked like any other. A person counts as linked wrongly, or as missed, only if
every review of the person says so: a reviewer errs about once in a hundred times, errors of links are no more
frequent, and a second look by somebody else at what contradicts takes nearly all of that away. Rows of a file
that was delivered again since the draw may be those of others: such decisions are not used.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from linkage.plan import DECISIONS
from pipeline.ingest.ledger import counted
from pipeline.ingest.record_rows import records_at_rows, rows_of_records
from pipeline.schemas import table_path
from pipeline.tables import read_table

SAMPLE, FILES, VERDICTS = f"{DECISIONS}_sample", f"{DECISIONS}_files", f"{DECISIONS}_verdicts"
"""The extracts of a review: who was drawn, the files as they were, and the verdicts."""


@dataclass(frozen=True)
class Decisions:
    """Everybody who was drawn (`people`), and warnings of what cannot be used.

    `people` has `decision, source, subject_id, searched, stratum`, `size` (people of the stratum), `verdicts` (how
    many reviews can be used; 0 also for people who are no longer found), `is_wrong` (linked, and with none of those
    whom reviewers found) and `is_missed` (found, and not linked with all of those): by every review.
    """

    people: pl.DataFrame
    warnings: list[str]


def read_decisions(ingest: Path, clusters: pl.DataFrame) -> Decisions:
    """Return the decisions of a review of links: `clusters` has `source, subject_id, person_id`."""
    sample, files, verdicts = (
        read_table(ingest / "records" / f"{name}.parquet") for name in (SAMPLE, FILES, VERDICTS)
    )
    ledger = read_table(table_path(ingest, "ledger"))
    now = named_files(ledger.filter(pl.col("source").is_in(clusters["source"].unique().implode())))
    same = now.join(files.select(pl.col("delivered_file").alias("name"), "sha256"), on=["name", "sha256"])
    drawn = _drawn(ingest, sample, same, clusters)
    answers = verdicts.join(drawn.select("decision", "searched"), on="decision", how="left")
    named = subjects_at(
        ingest, same, answers.select("decision", "searched", "review", "verdict", name="found_file",
                                     row_number="found_row"),
    ).join(clusters.rename({"person_id": "named"}), on=["source", "subject_id"], how="left")  # fmt: skip
    found = pl.col("verdict") == "found"
    # a row that was quarantined is nobody of the run; one of another source, or of a changed file, is a mistake
    usable = ~found | (pl.col("source") == pl.col("searched")).fill_null(value=False)
    given = named.filter((pl.col("verdict") != "unsure") & pl.col("searched").is_not_null())
    own = drawn.select("decision", "person_id", "is_linked").drop_nulls("person_id")
    judged = judge(given.filter(usable).join(own, on="decision"))
    people = (
        drawn.join(judged, on="decision", how="left")
        .select(
            "decision", "source", "subject_id", "searched", "stratum", "size", pl.col("verdicts").fill_null(0),
            pl.col("is_wrong", "is_missed").fill_null(value=False),
        )
        .sort("decision")
    )  # fmt: skip
    lost = drawn.filter(pl.col("person_id").is_null())
    unknown = answers.filter(pl.col("searched").is_null())
    return Decisions(people, _warnings(people, lost["name"], unknown["decision"], given.filter(~usable)["decision"]))


def judge(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return what reviews say of the links of people: `decision, verdicts` (reviews), `is_wrong`, `is_missed`.

    `verdicts` has a row for each person who was found, or one of somebody who was not: `decision, review`, `verdict`
    (found or nobody), `named` (the person of the run who was found; null for nobody of it), `person_id` (of who was
    looked for) and `is_linked` (with the searched source).
    """
    is_own = (pl.col("named") == pl.col("person_id")).fill_null(value=False)
    is_other = (pl.col("verdict") == "found") & pl.col("named").is_not_null() & ~is_own
    of_review = verdicts.group_by("decision", "review").agg(
        (pl.col("is_linked").first() & ~is_own.any()).alias("is_wrong"), is_other.any().alias("is_missed")
    )
    return of_review.group_by("decision").agg(
        pl.len().cast(pl.Int64).alias("verdicts"), pl.col("is_wrong", "is_missed").all()
    )


def _drawn(ingest: Path, sample: pl.DataFrame, files: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """Return who was drawn, with `person_id` (null if they cannot be found) and whether they are linked now.

    The people of a stratum are the sum of its weights. The source is the first word of a stratum's name.
    """
    places = sample.select(
        "decision", "searched", "stratum", pl.col("weight").sum().over("stratum").round(0).alias("size"),
        name="drawn_file", row_number="drawn_row",
    )  # fmt: skip
    partner = clusters.select(pl.col("source").alias("searched"), "person_id").unique().with_columns(is_linked=True)
    return (
        subjects_at(ingest, files, places)
        .with_columns(pl.col("stratum").str.split(" ").list.first().alias("source"))
        .join(clusters, on=["source", "subject_id"], how="left")
        .join(partner, on=["searched", "person_id"], how="left")
        .with_columns(pl.col("is_linked").fill_null(value=False))
    )


def _warnings(people: pl.DataFrame, lost: pl.Series, unknown: pl.Series, elsewhere: pl.Series) -> list[str]:
    """Return what the user should know of the review."""
    found = []
    if len(lost):
        found.append(
            f"Review of links: {counted(len(lost), 'decision')} of {people.height:,} cannot be used, because a file "
            f"was delivered again since the draw, or a row is nobody who is linked ({_some(lost)}). Draw anew."
        )
    if len(unknown):
        found.append(
            f"Review of links: {counted(len(unknown), 'verdict')} on decisions that are not in the sample "
            f"({_some(unknown)}). Name the sample that belongs to these verdicts."
        )
    if len(elsewhere):
        found.append(
            f"Review of links: {counted(len(elsewhere), 'verdict')} found somebody in a file that is none of the "
            f"searched source, or was delivered again since the draw ({_some(elsewhere)}). They are not used."
        )
    decided = people.filter(pl.col("verdicts") > 0)
    once = decided.filter(contradicts() & (pl.col("verdicts") == 1)).height
    if once:
        found.append(
            f"Review of links: {once:,} of {counted(decided.height, 'decision')} contradicted the links and had no "
            "second look, so errors of reviewers count as errors of links. `sojourn review RUN --again --out FILE` "
            "lists whom another reviewer should look at."
        )
    return found


def contradicts() -> pl.Expr:
    """Return whether the verdicts on somebody contradict the links."""
    return pl.col("is_wrong") | pl.col("is_missed")


def _some(names: pl.Series) -> str:
    known = names.drop_nulls().unique().sort().to_list()
    return ", ".join(known[:3]) + (", ..." if len(known) > 3 else "")


def named_files(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return the files of a ledger with the `name` that reviewers are told: after the extract if two share one."""
    shared = pl.col("file").is_duplicated()
    name = pl.when(shared).then(pl.concat_str("extract", pl.lit("/"), "file")).otherwise("file").alias("name")
    return ledger.select("source", "extract", "file", "sha256", name)


def subjects_at(ingest: Path, files: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Return `places` (`name`, `row_number`, and more) with `source` and `subject_id`: null where nobody is.

    `files` comes from `named_files`; `ingest` has the `rows` and `records` of their extracts.
    """
    wanted = places.join(files.select("name", "source", "extract", "file"), on="name", how="left")
    found = [wanted.filter(pl.col("extract").is_null()).with_columns(subject_id=pl.lit(None, pl.Int64))]
    for extract in wanted["extract"].drop_nulls().unique().sort():
        of_extract = records_at_rows(
            read_table(ingest / "rows" / f"{extract}.parquet"), wanted.filter(pl.col("extract") == extract)
        )
        subjects = read_table(ingest / "records" / f"{extract}.parquet", columns=["record_id", "subject_id"])
        found.append(of_extract.join(subjects, on="record_id", how="left").drop("record_id"))
    return pl.concat(found, how="diagonal").drop("extract", "file")


def first_rows(ingest: Path, files: pl.DataFrame, subjects: pl.DataFrame) -> pl.DataFrame:
    """Return `subjects` (`source`, `subject_id`, and more) with `name` and `row_number` of the first row of each.

    Of a source with several extracts that is the first row of the first one, by name, that has the subject.
    """
    wanted, found = subjects, []
    for source, extract in files.select("source", "extract").unique().sort("source", "extract").rows():
        of_source = wanted.filter(pl.col("source") == source)
        if of_source.is_empty():
            continue
        records = read_table(ingest / "records" / f"{extract}.parquet", columns=["record_id", "subject_id"])
        first = records.group_by("subject_id").agg(pl.col("record_id").min())
        runs = read_table(ingest / "rows" / f"{extract}.parquet")
        placed = rows_of_records(runs, of_source.join(first, on="subject_id")).drop("record_id")
        names = files.filter(pl.col("extract") == extract).select("file", "name")
        found.append(placed.join(names, on="file").drop("file").select(*subjects.columns, "name", "row_number"))
        wanted = wanted.join(placed.select("source", "subject_id"), on=["source", "subject_id"], how="anti")
    return pl.concat(found)
