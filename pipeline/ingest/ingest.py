"""The stage `ingest`: extract files in; checked, pseudonymised records and a ledger of all rows out.

Checks and pseudonymisation are one stage, so that nothing clear is ever written: clear values exist only in memory,
for one source at a time, and error messages of libraries, which may quote them, never leave this stage.
"""

import json
import os
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.errors import UserError
from pipeline.ingest.areas import area_of
from pipeline.ingest.check import FILE, check
from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.extract_contract import Extract
from pipeline.ingest.gaps import gaps_of
from pipeline.ingest.ledger import (
    FileRead,
    LedgerRow,
    counted,
    ledger_rows,
    warn_of_areas,
    warn_of_empty_files,
    warn_of_gaps,
    warn_of_many_quarantined,
    warn_of_missing_line_endings,
    warn_of_repeats,
)
from pipeline.ingest.pseudonymise import (
    AS_RECORDED,
    SUBJECT,
    direct_identifier_kinds,
    identifier_tokens,
    subject_tokens,
)
from pipeline.ingest.read_extract import ignored_columns, read_extract
from pipeline.ingest.stages import IngestStudy
from pipeline.ingest.versions import version_of
from pipeline.keys import PseudonymisationKey
from pipeline.schemas import save
from pipeline.stage import StageContext, StageResult
from pipeline.study import digest_of_file
from pipeline.tables import write_table

RECORD = "record_id"


@dataclass(frozen=True)
class _Source:
    """The result of one source: rows of the ledger, gaps of its extracts, warnings, number of subjects."""

    ledger: list[LedgerRow]
    gaps: list[pl.DataFrame]
    warnings: list[str]
    subjects: int


def ingest(context: StageContext[IngestStudy]) -> StageResult:
    """Check every extract of the study against its contract, and pseudonymise what passes.

    Writes to `context.out`: `ledger` (one row a file), `gaps` (spans of time that a delivery lacks),
    `records/<extract>`, `quarantine/<extract>` and `tokens/<source>`. Raises `UserError` for a file that breaks its
    contract as a whole (header, encoding, damage, number of rows), and for a missing or invalid key.
    """
    try:
        return _ingest(context)
    except UserError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        if isinstance(error, OSError) and error.errno:  # a full disk, for example: its number quotes nothing
            raise OSError(error.errno, os.strerror(error.errno), str(context.out)) from None
        frames = traceback.extract_tb(error.__traceback__)
        own_frames = [frame for frame in frames if Path(frame.filename).parent == Path(__file__).parent]
        last = own_frames[-1]
        fault = f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
    # raised outside the handler: messages of libraries, and tracebacks, may quote clear values
    raise RuntimeError(f"ingest failed: {fault}. The message is withheld, because it may quote clear data.")


def _ingest(context: StageContext[IngestStudy]) -> StageResult:
    sources = [_ingest_source(context, contract) for contract in context.study.contracts.values()]
    ledger = pl.DataFrame([row for source in sources for row in source.ledger])
    save(ledger, "ledger", context.out)
    save(pl.concat([gaps for source in sources for gaps in source.gaps]), "gaps", context.out)
    reasons = {reason for text in ledger["reasons"] for reason in json.loads(text)}
    counts = {
        "extracts": ledger["extract"].n_unique(),
        "files": ledger.height,
        "rows": int(ledger["rows_in"].sum()),
        "accepted": int(ledger["accepted"].sum()),
        "quarantined": int(ledger["quarantined"].sum()),
        "subjects": sum(source.subjects for source in sources),
    }
    sentence = f"{counted(counts['rows'], 'row')} of {counted(counts['extracts'], 'extract')} checked; "
    sentence += f"{counts['quarantined']:,} quarantined"
    return StageResult(
        counts=counts,
        facts={"key_id": context.study.key_id},
        sentence=sentence + (f" ({counted(len(reasons), 'reason')})" if reasons else ""),
        warnings=tuple(warning for source in sources for warning in source.warnings),
    )


def _ingest_source(context: StageContext[IngestStudy], contract: SourceContract) -> _Source:
    study, key, out = context.study, context.study.key, context.out
    ledger, gaps, warnings, identities = [], [], [], []
    subjects = pl.DataFrame(schema={contract.person_key: pl.String, SUBJECT: pl.Int64})
    for name, extract in contract.extracts.items():
        texts, files = _read(context, name, extract)
        rows_of_file = dict(texts.group_by(FILE).len().iter_rows())
        checked = check(texts, extract, study.data_date, {file: read.version for file, read in files.items()})
        del texts
        subjects = _with_new_subjects(subjects, checked.accepted[contract.person_key])
        rows = _derive(checked.accepted, extract, subjects, study.areas)
        write_table(_records(rows, extract, key), out / "records" / f"{name}.parquet")
        write_table(checked.quarantined, out / "quarantine" / f"{name}.parquet")
        gaps.append(gaps_of(rows, extract, study.data_date).with_columns(extract=pl.lit(name)))
        warnings += warn_of_gaps(gaps[-1])
        identities.append(_identities(rows, extract, len(identities)))
        entries = ledger_rows(contract.source, name, checked, files, Counter(rows_of_file))
        ledger += entries
        warnings += warn_of_empty_files(entries)
        warnings += warn_of_repeats(checked, extract) + warn_of_many_quarantined(entries, checked)
        delivery = study.deliveries[name]
        if delivery.named.rows is None:
            warnings += warn_of_missing_line_endings([file.path for file in delivery.files])
        warnings += warn_of_areas(name, rows, extract.column_of("postcode"), study.area_lookup)
    context.report(f"pseudonymising {contract.source}")
    kinds = direct_identifier_kinds(contract)
    tokens = subject_tokens(_in_order(identities, kinds), kinds, key)
    write_table(tokens, out / "tokens" / f"{contract.source}.parquet")
    return _Source(ledger, gaps, warnings, tokens.height)


def _read(
    context: StageContext[IngestStudy], name: str, extract: Extract
) -> tuple[pl.DataFrame, dict[str, FileRead]]:
    """Return the rows of all files of an extract as texts with the name of the file, and the details of each file."""
    study_file, delivery = context.study.study_file, context.study.deliveries[name]
    entry, paths = delivery.named, [file.path for file in delivery.files]
    frames: list[pl.DataFrame] = []
    files: dict[str, FileRead] = {}
    for named, file in zip(entry.files, delivery.files, strict=True):
        path = file.path
        context.report(f"checking {path.name}")
        where = f"{study_file}, [[extract]] '{name}', 'version' of '{named}'"
        version = version_of(path, extract, entry.version.get(named), where)
        texts = read_extract(path, extract.layouts[version], context.threads)
        if digest_of_file(path) != file.sha256:
            raise UserError(f"{path}: the file changed while the run was reading it. Run again when it is complete.")
        files[path.name] = FileRead(version, file.sha256, ignored_columns(path, extract.layouts[version]))
        frames.append(texts.with_columns(pl.lit(path.name).alias(FILE)))
    # rechunked: Polars 2.1 panics on some text expressions over frames of several chunks
    texts = pl.concat(frames, rechunk=True)
    if entry.rows is not None and entry.rows != texts.height:
        raise UserError(
            f"{', '.join(map(str, paths))}: {texts.height:,} rows, but {study_file} declares {entry.rows:,} "
            f"for '{name}'. Request the complete delivery again, or correct 'rows'."
        )
    return texts, files


def _with_new_subjects(subjects: pl.DataFrame, person_keys: pl.Series) -> pl.DataFrame:
    """Return the subjects with new ones added, numbered in order of first appearance."""
    key = person_keys.name
    new = pl.DataFrame(person_keys.unique(maintain_order=True)).join(
        subjects, on=key, how="anti", maintain_order="left"
    )
    numbered = new.with_row_index(SUBJECT, offset=subjects.height + 1).select(key, pl.col(SUBJECT).cast(pl.Int64))
    return pl.concat([subjects, numbered])


def _derive(accepted: pl.DataFrame, extract: Extract, subjects: pl.DataFrame, areas: dict[str, str]) -> pl.DataFrame:
    """Return the accepted rows with `record_id`, `subject_id`, and the subject's `birth_month` and `area`."""
    rows = accepted.with_row_index(RECORD, offset=1).with_columns(pl.col(RECORD).cast(pl.Int64))
    rows = rows.join(subjects, on=subjects.columns[0], how="left", maintain_order="left")
    born, postcode = extract.column_of("date_of_birth"), extract.column_of("postcode")
    if born:
        rows = rows.with_columns(pl.col(born).dt.month_start().alias("birth_month"))
    if postcode:
        places = rows.select(pl.col(postcode).unique()).with_columns(area_of(pl.col(postcode), areas).alias("area"))
        rows = rows.join(places, on=postcode, how="left", maintain_order="left")
    return rows


def _records(rows: pl.DataFrame, extract: Extract, key: PseudonymisationKey) -> pl.DataFrame:
    """Return the records of accepted rows: ids, attributes, derived columns, tokens of other people."""
    derived = [name for name in ("birth_month", "area") if name in rows.columns]
    others = [
        identifier_tokens(key, str(column.identifier), rows[name]).alias(f"{column.of}_{column.identifier}")
        for name, column in extract.columns.items()
        if column.of is not None and column.is_clear_identifier
    ]
    return rows.select(RECORD, SUBJECT, *extract.attributes, *derived, *others)


def _identities(rows: pl.DataFrame, extract: Extract, order: int) -> pl.DataFrame:
    """Return the distinct identities of an extract's subjects, with the day and record of the first and last use."""
    own = {
        str(column.identifier): name
        for name, column in extract.columns.items()
        if column.identifier is not None and column.of is None
    }
    derived = [name for name in ("birth_month", "area") if name in rows.columns]
    day = pl.col(extract.dated_by) if extract.dated_by else pl.lit(None, pl.Date)
    dated = rows.select(
        SUBJECT, *(pl.col(name).alias(kind) for kind, name in own.items()), *derived, RECORD, day.alias("day")
    ).sort("day", RECORD)
    ends = {"first": pl.Expr.first, "last": pl.Expr.last}
    return (
        dated.group_by([SUBJECT, *own, *derived], maintain_order=True)
        .agg(end(pl.col(name)).alias(f"{which}_{name}") for which, end in ends.items() for name in ("day", RECORD))
        .with_columns(pl.lit(order).alias("extract"))
    )


def _in_order(identities: list[pl.DataFrame], kinds: list[str]) -> pl.DataFrame:
    """Return the identities from all extracts of a source in one frame, ranked by first and by last record.

    Undated records come before dated ones, and records of one day in the order of extracts in the contract.
    """
    schema = {SUBJECT: pl.Int64, **dict.fromkeys(kinds, pl.String), **AS_RECORDED}
    schema |= {"birth_month": pl.Date, "area": pl.String}
    frame = pl.concat([pl.DataFrame(schema=schema), *identities], how="diagonal_relaxed")
    for end in ("first", "last"):
        frame = frame.sort(f"{end}_day", "extract", f"{end}_{RECORD}").with_row_index(end)
    return frame.select(*schema, "first", "last")
