"""Days in a window for a whole file of crossings: the same rows in the same order, with five more columns."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date

import numpy as np
import polars as pl

from rules.lengths_of_stay.crossings_file import CheckedPart, CrossingsFile, Faults, checked_people
from rules.lengths_of_stay.days_in_window import Classified, DaysInWindow, days_in_window
from rules.lengths_of_stay.residence import UNKNOWN

RESULTS = tuple(column.name for column in fields(Classified))
EPOCH = date(1970, 1, 1)


@dataclass
class Tally:
    """What was counted while a file was classified, and what is wrong with its rows."""

    crossings: int = 0
    people: int = 0
    immigrations: int = 0
    emigrations: int = 0
    unknown: int = 0
    faults: Faults = field(default_factory=Faults)

    def add(self, part: CheckedPart, classified: Classified) -> None:
        """Count the crossings of a part."""
        migration = classified.long_term_migration
        self.crossings += len(part.crossings)
        self.people += len(part.crossings.first)
        self.immigrations += int(np.count_nonzero(part.crossings.is_arrival & (migration == 1)))
        self.emigrations += int(np.count_nonzero(~part.crossings.is_arrival & (migration == 1)))
        self.unknown += int(np.count_nonzero(migration == UNKNOWN))


def classified_schema(file: CrossingsFile) -> pl.Schema:
    """Return the columns of a classified file: its own, then the results.

    Results of an earlier classification are replaced. What is yes, no or unknown (null) is coded as `is_arrival` is,
    by 1 and 0 or by true and false.
    """
    own = {name: dtype for name, dtype in file.schema.items() if name not in RESULTS}
    if own["date"] == pl.String:
        own["date"] = pl.Date()
    flag = pl.Int8() if own["is_arrival"].is_numeric() else pl.Boolean()
    days = {name: pl.Int32() for name in RESULTS[:2]}
    return pl.Schema({**own, **days, **dict.fromkeys(RESULTS[2:], flag)})


def classified_parts(
    file: CrossingsFile, rule: DaysInWindow, observed_to: date, tally: Tally
) -> Iterator[pl.DataFrame]:
    """Yield the classified rows of a file part by part, and count them.

    Raises `UserError` after the last part if any row is unusable; from the first such row on, nothing is yielded.
    """
    schema = classified_schema(file)
    for part in checked_people(file, tally.faults):
        classified = days_in_window(part.crossings, part.initial_resident, rule, (observed_to - EPOCH).days)
        tally.add(part, classified)
        yield _with_results(part.frame, classified, schema)


def _with_results(frame: pl.DataFrame, classified: Classified, schema: pl.Schema) -> pl.DataFrame:
    """Put the results behind the columns of the file; what is unknown becomes null."""
    results = pl.DataFrame({name: getattr(classified, name) for name in RESULTS}).select(
        *RESULTS[:2],
        *(pl.when(pl.col(name) != UNKNOWN).then(pl.col(name)).cast(schema[name]) for name in RESULTS[2:]),
    )
    return frame.drop(RESULTS, strict=False).hstack(results)
