"""The verb `receive`: whether a delivery is as its contracts and the delivery before lead one to expect."""

import json
from dataclasses import asdict
from pathlib import Path

from pipeline.ingest.ledger import counted
from pipeline.study import Study, read_study
from reception.receive import receive

NOTHING_FOUND, SOMETHING_FOUND = 0, 1
THREADS = 2
SHOWN = 5
"""So many faults are told one by one where nobody asked for a list."""


def receive_delivery(study: Path, folder: Path, against: Path | None, *, as_json: bool, threads: int) -> int:
    """Print what is wrong with the delivery in a folder; returns 1 if anything is, else 0."""
    findings = receive(read_study(study), folder, against, threads)
    if as_json:
        print(json.dumps([asdict(one) for one in findings], indent=1, ensure_ascii=False))  # noqa: T201 - the result
    else:
        for one in findings:
            where = one.source if one.column is None else f"{one.source}.{one.column}"
            print(f"{where:<40} {one.check}: {one.found}; expected: {one.expected}")  # noqa: T201 - the result
        compared = f"compared with {against}" if against else "checked by itself"
        print(f"{folder}: {compared}, {counted(len(findings), 'fault')}")  # noqa: T201 - the result
    return SOMETHING_FOUND if findings else NOTHING_FOUND


def faults_of(study: Study) -> list[str]:
    """Return what is wrong with the delivery of a study, one sentence each, at most `SHOWN` and how many more.

    It is compared with the latest of the study's `deliveries_before`, or else checked by itself.
    """
    before = [read_study(study.resolve(one)) for one in study.deliveries_before]
    against = max(before, key=lambda one: one.data_date).folder if before else None
    findings = receive(study, study.folder, against, THREADS)
    told = [
        f"{one.source if one.column is None else f'{one.source}.{one.column}'} {one.check}: {one.found}."
        for one in findings[:SHOWN]
    ]
    more = len(findings) - SHOWN
    return [*told, f"{counted(more, 'more fault')}: see `sojourn receive`."] if more > 0 else told
