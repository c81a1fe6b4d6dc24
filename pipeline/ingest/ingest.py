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
from pipeline.ingest.columns import CORROBORATING, FIRST_ARRIVAL, PARTS_OF_A_PERSON, YEARS_OF_BIRTH, Column
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
    warn_of_many_unusable,
    warn_of_missing_line_endings,
    warn_of_repeats,
)
from pipeline.ingest.name_variants import read_name_variants
from pipeline.ingest.pseudonymise import (
    AS_RECORDED,
    direct_identifier_kinds,
    identifier_tokens,
    subject_tokens,
)
from pipeline.ingest.read_extract import ignored_columns, read_extract
from pipeline.ingest.record_rows import RECORD, runs_of_rows
from pipeline.ingest.source_cards import card_of
from pipeline.ingest.stages import IngestStudy
from pipeline.ingest.subjects import (
    SUBJECT,
    named_by_public_id,
    named_by_row,
    no_subjects,
    public_ids,
    with_subjects,
)
from pipeline.ingest.versions import version_of
from pipeline.keys import PseudonymisationKey
from pipeline.schemas import save
from pipeline.stage import StageContext, StageResult, StudyFile
from pipeline.study import digest_of_file
from pipeline.tables import write_table


@dataclass(frozen=True)
class _Source:
    """The result of one source: rows of the ledger, gaps and cards of its extracts, warnings, number of subjects."""

    ledger: list[LedgerRow]
    gaps: list[pl.DataFrame]
    cards: list[dict[str, object]]
    warnings: list[str]
    subjects: int


def ingest(context: StageContext[IngestStudy]) -> StageResult:
    """Check every extract of the study against its contract, and pseudonymise what passes.

    Writes to `context.out`: `ledger` (one row a file), `gaps` (spans of time that a delivery lacks),
    `source_cards` (one row an extract), `delivery_volumes` (rows in this delivery and in earlier ones),
    `records/<extract>`, `rows/<extract>`, `quarantine/<extract>`, `tokens/<source>` and `subjects/<source>`. Raises
    `UserError` for a file that breaks its contract as a whole (header, encoding, damage, number of rows), for a
    public id that is not one subject's, and for a missing or invalid key.
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
    variants = pl.concat(read_name_variants(one.path) for one in context.study.name_variants).unique(
        maintain_order=True
    )
    sources = [_ingest_source(context, contract, variants) for contract in context.study.contracts.values()]
    ledger = pl.DataFrame([row for source in sources for row in source.ledger])
    save(ledger, "ledger", context.out)
    save(pl.concat([gaps for source in sources for gaps in source.gaps]), "gaps", context.out)
    save(pl.DataFrame([card for source in sources for card in source.cards]), "source_cards", context.out)
    save(_volumes(ledger, context.study), "delivery_volumes", context.out)
    reasons = {reason for text in ledger["reasons"] for reason in json.loads(text)}
    counts = {
        "extracts": ledger["extract"].n_unique(),
        "files": ledger.height,
        "rows": int(ledger["rows_in"].sum()),
        "accepted": int(ledger["accepted"].sum()),
        "quarantined": int(ledger["quarantined"].sum()),
        "unusable": sum(number for text in ledger["unusable"] for number in json.loads(text).values()),
        "subjects": sum(source.subjects for source in sources),
    }
    sentence = f"{counted(counts['rows'], 'row')} of {counted(counts['extracts'], 'extract')} checked; "
    sentence += f"{counts['quarantined']:,} quarantined"
    sentence += f" ({counted(len(reasons), 'reason')})" if reasons else ""
    return StageResult(
        counts=counts,
        facts={"key_id": context.study.key_id},
        sentence=sentence + (f", {counted(counts['unusable'], 'value')} unusable" if counts["unusable"] else ""),
        warnings=tuple(warning for source in sources for warning in source.warnings),
    )


def _volumes(ledger: pl.DataFrame, study: IngestStudy) -> pl.DataFrame:
    """Return the rows of every extract in this delivery and in those before it."""
    now = ledger.group_by("extract").agg(pl.col("rows_in").sum()).rows()
    before = [(extract, day, rows) for extract, of_day in study.rows_before.items() for day, rows in of_day.items()]
    columns = {"extract": pl.String, "data_date": pl.Date, "rows": pl.Int64}
    return pl.DataFrame([*((one, study.data_date, rows) for one, rows in now), *before], schema=columns, orient="row")


def _ingest_source(context: StageContext[IngestStudy], contract: SourceContract, variants: pl.DataFrame) -> _Source:
    study, out = context.study, context.out
    ledger, gaps, cards, warnings, identities, named = [], [], [], [], [], []
    subjects = no_subjects(contract)
    for name, extract in contract.extracts.items():
        texts, files = _read(context, name, extract)
        rows_of_file = dict(texts.group_by(FILE).len().iter_rows())
        checked = check(texts, extract, study.data_date, {file: read.version for file, read in files.items()})
        del texts
        rows, subjects = with_subjects(checked.accepted, name, subjects, contract)
        if contract.public_id is not None:
            named.append(public_ids(rows, contract))
        rows = _derive(rows, extract, study.areas)
        write_table(_records(rows, extract, study.key), out / "records" / f"{name}.parquet")
        write_table(runs_of_rows(rows), out / "rows" / f"{name}.parquet")
        write_table(checked.quarantined, out / "quarantine" / f"{name}.parquet")
        cards.append(card_of(rows, contract.source, name, extract, study.data_date))
        gaps.append(gaps_of(rows, extract, study.data_date).with_columns(extract=pl.lit(name)))
        warnings += warn_of_gaps(gaps[-1])
        identities.append(_identities(rows, extract, len(identities)))
        entries = ledger_rows(contract.source, name, checked, files, Counter(rows_of_file))
        ledger += entries
        warnings += warn_of_empty_files(entries)
        warnings += warn_of_repeats(checked, extract) + warn_of_many_quarantined(entries, checked)
        warnings += warn_of_many_unusable(entries, checked)
        delivery = study.deliveries[name]
        if delivery.named.rows is None:
            warnings += warn_of_missing_line_endings([file.path for file in delivery.files])
        warnings += warn_of_areas(name, rows, extract.column_of("postcode"), study.area_lookup)
    context.report(f"pseudonymising {contract.source}")
    kinds = direct_identifier_kinds(contract)
    tokens = subject_tokens(_in_order(identities, kinds), kinds, study.key, variants)
    write_table(tokens, out / "tokens" / f"{contract.source}.parquet")
    names = named_by_public_id(pl.concat(named), contract) if named else named_by_row(subjects, len(ledger))
    write_table(names, out / "subjects" / f"{contract.source}.parquet")
    return _Source(ledger, gaps, cards, warnings, tokens.height)


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
        try:
            version = version_of(path, extract, entry.version.get(named), where)
            texts = read_extract(path, extract.layouts[version], context.threads)
            ignored = ignored_columns(path, extract.layouts[version])
        except (OSError, UserError):
            _check_unchanged(file)  # whatever is wrong with it follows from that
            raise
        _check_unchanged(file)
        files[path.name] = FileRead(version, file.sha256, ignored)
        frames.append(texts.with_columns(pl.lit(path.name).alias(FILE)))
    # rechunked: Polars 2.1 panics on some text expressions over frames of several chunks
    texts = pl.concat(frames, rechunk=True)
    if entry.rows is not None and entry.rows != texts.height:
        raise UserError(
            f"{', '.join(map(str, paths))}: {texts.height:,} rows, but {study_file} declares {entry.rows:,} "
            f"for '{name}'. Request the complete delivery again, or correct 'rows'."
        )
    return texts, files


def _check_unchanged(file: StudyFile) -> None:
    """Raise `UserError` if a file is not, or not as it was, when the run began."""
    if not file.path.is_file():
        raise UserError(
            f"{file.path}: the file was removed, or its disk disconnected, while the run was reading it. Bring it "
            "back, then run again."
        )
    if digest_of_file(file.path) != file.sha256:
        raise UserError(f"{file.path}: the file changed while the run was reading it. Run again when it is complete.")


def _derive(accepted: pl.DataFrame, extract: Extract, areas: dict[str, str]) -> pl.DataFrame:
    """Return the accepted rows with `record_id`, and the subject's `birth_month` and `area`."""
    rows = accepted.with_row_index(RECORD, offset=1).with_columns(pl.col(RECORD).cast(pl.Int64))
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
    """Return the distinct identities of an extract's subjects, with the day and record of the first and last use.

    An age becomes `birth_year_from` and `birth_year_to`, the years in which the person can have been born. Attributes
    that corroborate are part of an identity, except the earliest of the days in `first_arrival`.
    """
    own = [
        expression
        for name, column in extract.columns.items()
        if column.identifier is not None and column.of is None
        for expression in _as_recorded(name, column)
    ]
    own += [
        pl.col(name).alias(kind)
        for kind in CORROBORATING
        for name in extract.corroborating(kind)
        if kind != FIRST_ARRIVAL
    ]
    own += [pl.col(name) for name in ("birth_month", "area") if name in rows.columns]
    arrivals = extract.corroborating(FIRST_ARRIVAL)
    arrival = [pl.min_horizontal(arrivals).alias(FIRST_ARRIVAL)] if arrivals else []
    day = pl.col(extract.dated_by) if extract.dated_by else pl.lit(None, pl.Date)
    dated = rows.select(SUBJECT, *own, *arrival, RECORD, day.alias("day")).sort("day", RECORD)
    identity = [name for name in dated.columns if name not in {FIRST_ARRIVAL, RECORD, "day"}]
    ends = {"first": pl.Expr.first, "last": pl.Expr.last}
    return (
        dated.group_by(identity, maintain_order=True)
        .agg(
            *(end(pl.col(name)).alias(f"{which}_{name}") for which, end in ends.items() for name in ("day", RECORD)),
            *([pl.col(FIRST_ARRIVAL).min()] if arrivals else []),
        )
        .with_columns(pl.lit(order).alias("extract"))
    )


def _as_recorded(name: str, column: Column) -> list[pl.Expr]:
    """Return the value of an identifier under the name of its kind; of an age, the years of birth that it allows."""
    if column.identifier == "birth_year":
        return [pl.col(name).cast(pl.Int32).alias("birth_year")]
    if column.identifier != "age":
        return [pl.col(name).alias(str(column.identifier))]
    day = pl.col(column.age_on) if isinstance(column.age_on, str) else pl.lit(column.age_on)
    age = pl.col(name).cast(pl.Int32)
    # on the last day of a year, everyone of an age was born in one year
    return [
        (day.dt.offset_by("1d").dt.year() - age - 1).alias("birth_year_from"),
        (day.dt.year() - age).alias("birth_year_to"),
    ]


def _in_order(identities: list[pl.DataFrame], kinds: list[str]) -> pl.DataFrame:
    """Return the identities from all extracts of a source in one frame, ranked by first and by last record.

    Undated records come before dated ones, and records of one day in the order of extracts in the contract. Kinds of
    identifiers other than `AS_RECORDED` and attributes that corroborate have a column if the source has them;
    `first_arrival` is the earliest day of the subject.
    """
    schema = {SUBJECT: pl.Int64, **dict.fromkeys(kinds, pl.String), **AS_RECORDED}
    schema |= {"birth_month": pl.Date, "area": pl.String}
    frame = pl.concat([pl.DataFrame(schema=schema), *identities], how="diagonal_relaxed")
    for end in ("first", "last"):
        frame = frame.sort(f"{end}_day", "extract", f"{end}_{RECORD}").with_row_index(end)
    if FIRST_ARRIVAL in frame.columns:
        frame = frame.with_columns(pl.col(FIRST_ARRIVAL).min().over(SUBJECT))
    own = [name for name in frame.columns if name in {*PARTS_OF_A_PERSON, *YEARS_OF_BIRTH, *CORROBORATING}]
    return frame.select(*dict.fromkeys([*schema, *own]), "first", "last")
