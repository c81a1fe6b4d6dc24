"""The tables of the page of targets: one for each source of published figures."""

from collections.abc import Sequence

from publication import words
from publication.report_tables.report_table import ReportTable
from publication.target_rows import TargetRow


def targets_table(source: str, rows: Sequence[TargetRow]) -> ReportTable:
    """Return the published figures of one source beside those of the study, a row a target."""
    return ReportTable(
        caption=source,
        columns=("Figure", "Place and period", "Published", "Study", "Tolerance", "Events", "Met"),
        rows=tuple(
            (
                row.description,
                row.place_and_time,
                *(row.in_unit(value) for value in (row.published, row.value, row.tolerance)),
                "-" if row.events is None else words.count(row.events),
                "yes" if row.met else "no",
            )
            for row in rows
        ),
        numeric=(2, 3, 4, 5),
        note="; ".join(dict.fromkeys(row.note for row in rows if row.note)),
    )
