"""The verb `stays`: anybody's file of crossings, classified by days in a window."""

from datetime import date
from pathlib import Path

from flows.terminal import Terminal
from pipeline.errors import UserError
from pipeline.tables import write_parts
from rules.lengths_of_stay.classified_file import Tally, classified_parts, classified_schema
from rules.lengths_of_stay.crossings_file import read_crossings_file
from rules.lengths_of_stay.days_in_window import DaysInWindow

SUFFIXES = (".csv", ".parquet")


def classify_stays(crossings: Path, out: Path, threshold: int, window: int, observed_to: date) -> int:
    """Write the rows of `crossings` with their classification to `out`, print what was counted, return the status."""
    if not 1 <= threshold <= window:
        raise UserError(f"--threshold {threshold} of --window {window}: give days from 1 to the days of the window.")
    for option, path in (("CROSSINGS", crossings), ("--out", out)):
        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"{option} {path}: the name must end in .csv or .parquet, which says what the file is.")
    if out.is_dir():
        raise UserError(f"--out {out}: is a folder. Give the name of a file.")
    if out.exists() and crossings.exists() and out.samefile(crossings):
        raise UserError(f"--out {out}: is the file of the crossings. Give another name; they are kept as they are.")
    tally = classify_file(crossings, out, DaysInWindow(threshold, window), observed_to)
    terminal = Terminal()
    terminal.print_line(
        f"  stays    {tally.crossings:,} crossings of {tally.people:,} people by {threshold} of {window} days, "
        f"observed to {observed_to}: {tally.immigrations:,} immigrations, {tally.emigrations:,} emigrations, "
        f"{tally.unknown:,} crossings not known yet"
    )
    terminal.print_line(f"  written  {out}")
    return 0


def classify_file(crossings: Path, out: Path, rule: DaysInWindow, observed_to: date) -> Tally:
    """Classify a file of crossings, in memory that does not grow with it; raises `UserError` for unusable rows."""
    file = read_crossings_file(crossings)
    nested = [name for name, kind in file.schema.items() if kind.is_nested()]
    if nested and out.suffix.lower() == ".csv":
        raise UserError(
            f"{crossings}: column '{nested[0]}' is of the type {file.schema[nested[0]]}, which CSV cannot have. "
            "Leave it out, or name an --out that ends in .parquet."
        )
    tally = Tally()
    write_parts(classified_parts(file, rule, observed_to, tally), classified_schema(file), out)
    return tally
