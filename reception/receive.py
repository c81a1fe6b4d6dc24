"""A delivery received: every extract read, checked by itself, and compared with the same of the delivery before."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from pipeline.errors import UserError
from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.study_contracts import known_contracts
from pipeline.study import Study
from reception.alone import check_alone, faulty_values
from reception.changes import changed_values
from reception.finding import Finding
from reception.folder import Delivery, read_delivery
from reception.pairs import pair
from reception.read_files import ReadFiles, read_files
from reception.records import missing_records, times_of_records, unseen_formats
from reception.shares import SHIFT_OF_NEW_ROWS, changed_shares, less_complete
from reception.thresholds import Thresholds
from reception.typed_rows import typed_rows


def receive(study: Study, folder: Path, against: Path | None = None, threads: int = 2) -> list[Finding]:
    """Return what is wrong with the delivery in a folder, the extracts in the order of contracts.

    `study` names the contracts; `against` is the folder of the delivery before. Raises `UserError` for a folder that
    is no delivery, and for a file of the delivery before that cannot be read.
    """
    contracts = known_contracts(study)
    delivery = read_delivery(study, folder, contracts)
    earlier = read_delivery(study, against, contracts) if against else None
    if earlier and earlier.data_date > delivery.data_date:
        raise UserError(
            f"{earlier.folder}: its data date {earlier.data_date} is after {delivery.data_date}, that of "
            f"{delivery.folder}. Give the later delivery first, and the one before as --against."
        )
    thresholds = Thresholds.of(contracts.values())
    findings: list[Finding] = []
    for contract in contracts.values():
        for name in contract.extracts:
            if name in delivery.extracts or (earlier and name in earlier.extracts):
                findings += _received(delivery, earlier, contract, name, thresholds, threads)
    once = {(one.source, one.column, one.check): one for one in reversed(findings)}
    return [one for one in findings if once[one.source, one.column, one.check] is one]


def _received(
    delivery: Delivery,
    earlier: Delivery | None,
    contract: SourceContract,
    name: str,
    thresholds: Thresholds,
    threads: int,
) -> list[Finding]:
    """Return what is wrong with one extract."""
    source, extract = contract.source, contract.extracts[name]
    if name not in delivery.extracts:
        return [Finding(source, None, "missing extract", f"files of '{name}', as before", "none")]
    read = read_files(delivery, source, name, extract, threads)
    findings = read.findings + _same_files(read, source)
    if not read.complete:
        return findings
    rows = typed_rows(read.texts, extract, delivery.data_date)
    if earlier is None or name not in earlier.extracts:
        findings += faulty_values(rows, rows.clear(), source, extract, thresholds)
    if earlier and name in earlier.extracts:
        findings += _against(rows, read, earlier, delivery, contract, name, thresholds, threads)
    return findings + list(check_alone(rows, source, extract, contract.person_key, delivery.data_date, thresholds))


def _same_files(read: ReadFiles, source: str) -> list[Finding]:
    """Return the files of an extract that have the bytes of another one of it: one was delivered twice."""
    first: dict[str, str] = {}
    findings = []
    for file, digest in read.digests.items():
        if digest in first:
            findings.append(
                Finding(source, None, "same file", f"{file}: rows of its own", f"those of {first[digest]}")
            )
        first.setdefault(digest, file)
    return findings


def _against(
    rows: pl.DataFrame,
    read: ReadFiles,
    earlier: Delivery,
    delivery: Delivery,
    contract: SourceContract,
    name: str,
    thresholds: Thresholds,
    threads: int,
) -> Iterator[Finding]:
    """Yield how one extract differs from that of the delivery before in ways that records do not change."""
    source, extract, key = contract.source, contract.extracts[name], contract.person_key
    was_read = read_files(earlier, source, name, extract, threads)
    if not was_read.complete:
        first = was_read.findings[0]
        raise UserError(
            f"{earlier.folder}: the delivery before cannot be read: {first.found} ({first.check}, '{name}'). Compare "
            "with one that was accepted."
        )
    before = typed_rows(was_read.texts, extract, earlier.data_date)
    yield from _same_as_another_before(read, was_read, source)
    pairs = pair(before, rows, extract, key, thresholds)
    days = (delivery.data_date - earlier.data_date).days
    yield from unseen_formats(before, rows, source, extract, thresholds)
    yield from faulty_values(rows, before, source, extract, thresholds)
    yield from changed_values(pairs.both, source, extract, key, days, thresholds)
    yield from missing_records(before, rows, pairs, source, key, thresholds)
    yield from times_of_records(before, pairs, source, extract, (earlier.data_date, delivery.data_date), thresholds)
    if not extract.unique:
        yield from changed_shares(before, rows, source, extract, thresholds)
    recent = _recent(before, name, contract, earlier, days)
    if recent is not None and not pairs.changed_key:
        yield from less_complete(
            recent, pairs.new, source, extract, thresholds, points=SHIFT_OF_NEW_ROWS, of="new rows"
        )


def _same_as_another_before(read: ReadFiles, was_read: ReadFiles, source: str) -> Iterator[Finding]:
    """Yield the files that have the bytes of a file of another name in the delivery before."""
    names = {digest: file for file, digest in was_read.digests.items()}
    for file, digest in read.digests.items():
        if digest in names and names[digest] != file and file in was_read.digests:
            yield Finding(source, None, "same file", f"{file}: rows of its own", f"those of {names[digest]} before")


def _recent(
    before: pl.DataFrame, name: str, contract: SourceContract, earlier: Delivery, days: int
) -> pl.DataFrame | None:
    """Return the rows of the delivery before that are about its last days, as many as lie between the two."""
    dated = contract.extracts[name].first_and_last_day
    if dated is None:
        return None
    day = pl.col(dated[0]).cast(pl.Date)
    return before.filter(day > pl.lit(earlier.data_date).dt.offset_by(f"-{days}d"), day <= earlier.data_date)
