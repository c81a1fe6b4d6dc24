"""What a check of a delivery finds, in words that quote nobody's data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One fault of a delivery: the source and column (None: the whole file) that it is in, and which check found it.

    `column` is the name in the contract; of a column that no contract has, its header. `expected` and `found` contain
    counts, shares, dates that many people share and codes of code lists, never a value of a person.
    """

    source: str
    column: str | None
    check: str
    expected: str
    found: str


def share(count: int, of: int) -> str:
    """Return a count as words: `12 of 480 (2.5%)`."""
    return f"{count:,} of {of:,} ({100 * count / max(of, 1):.1f}%)"


def percent(part: float) -> str:
    """Return a share as a percentage."""
    return f"{100 * part:.1f}%"
