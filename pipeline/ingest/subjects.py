"""The subjects of a source: one for each person key, or for each row of a source without one, and their public names.

A subject is numbered in the order of first appearance. Outputs name it by the source's `public_id`, or else by the
place of its first accepted row.
"""

import polars as pl

from pipeline.errors import UserError
from pipeline.ingest.check import FILE
from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.read_extract import ROW_NUMBER

SUBJECT = "subject_id"
NAME = "subject"
EXTRACT = "extract"


def no_subjects(contract: SourceContract) -> pl.DataFrame:
    """Return the subjects of a source before its first extract: none, with the columns of all."""
    key = {contract.person_key: pl.String} if contract.person_key else {}
    return pl.DataFrame(schema=key | {SUBJECT: pl.Int64, EXTRACT: pl.String, FILE: pl.String, ROW_NUMBER: pl.Int64})


def with_subjects(
    accepted: pl.DataFrame, extract: str, subjects: pl.DataFrame, contract: SourceContract
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the accepted rows of an extract with `subject_id`, and the subjects with the new ones among them.

    A subject keeps the `extract`, `file` and `row_number` of its first accepted row.
    """
    key, place = contract.person_key, [pl.lit(extract).alias(EXTRACT), FILE, ROW_NUMBER]
    if key is None:
        number = pl.int_range(subjects.height + 1, subjects.height + accepted.height + 1, dtype=pl.Int64)
        rows = accepted.with_columns(number.alias(SUBJECT))
        return rows, pl.concat([subjects, rows.select(SUBJECT, *place)])
    new = (
        accepted.select(key, *place)
        .unique(key, keep="first", maintain_order=True)
        .join(subjects, on=key, how="anti", maintain_order="left")
        .with_row_index(SUBJECT, offset=subjects.height + 1)
    )
    subjects = pl.concat([subjects, new.select(pl.col(name).cast(kind) for name, kind in subjects.schema.items())])
    rows = accepted.join(subjects.select(key, SUBJECT), on=key, how="left", maintain_order="left")
    return rows, subjects


def public_ids(rows: pl.DataFrame, contract: SourceContract) -> pl.DataFrame:
    """Return the different public ids (`subject`) of each subject of some rows, with the place of their first row."""
    name = pl.col(str(contract.public_id)).cast(pl.String).alias(NAME)
    return rows.select(SUBJECT, name, FILE, ROW_NUMBER).unique([SUBJECT, NAME], keep="first", maintain_order=True)


def named_by_public_id(ids: pl.DataFrame, contract: SourceContract) -> pl.DataFrame:
    """Return `subject_id, subject` from the `public_ids` of all extracts of a source.

    Raises `UserError` that names two rows, if two subjects have one public id or one subject has two.
    """
    ids = ids.unique([SUBJECT, NAME], keep="first", maintain_order=True)
    for shared, fault, remedy in (
        (NAME, "two people have the same", "give every person one of its own"),
        (SUBJECT, "one person has two different ones of", "it must be the same in all rows of a person"),
    ):
        repeated = ids.filter(pl.col(shared).is_duplicated())
        if repeated.height:
            first = repeated.filter(pl.col(shared) == repeated[shared][0]).head(2)
            (file, row), (other_file, other_row) = first.select(FILE, ROW_NUMBER).iter_rows()
            raise UserError(
                f"{file}, row {row:,}, and {other_file}, row {other_row:,}: {fault} '{contract.public_id}', the "
                f"public id of '{contract.source}'. Correct the file ({remedy}), or remove 'public_id' from the "
                "contract."
            )
    return ids.select(SUBJECT, NAME).sort(SUBJECT)


def named_by_row(subjects: pl.DataFrame, files: int) -> pl.DataFrame:
    """Return `subject_id, subject`: the number of the first row, after its file if the source has several `files`.

    Two extracts may have files of one name; then the extract comes first.
    """
    parts = [ROW_NUMBER]
    if files > 1:
        parts = [FILE, *parts]
        if subjects.group_by(FILE).agg(pl.col(EXTRACT).n_unique())[EXTRACT].max() not in (None, 1):
            parts = [EXTRACT, *parts]
    name = pl.concat_str([pl.col(part).cast(pl.String) for part in parts], separator=":")
    return subjects.select(SUBJECT, name.alias(NAME)).sort(SUBJECT)
