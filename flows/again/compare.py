"""The verb `compare`: whether two runs have the same tables, and if not, where and why they part."""

import json
from pathlib import Path

from flows.again.difference import first_difference, same_tables
from flows.evaluate import manifest_of

DIFFERENT = 1


def compare_runs(one: Path, other: Path, *, as_json: bool) -> int:
    """Print where two runs part, and return 0 if their tables are the same byte for byte, else 1."""
    ours, theirs = manifest_of(one.resolve()), manifest_of(other.resolve())
    equal, difference = same_tables(ours, theirs), first_difference(ours, theirs)
    if as_json:
        found = None if difference is None else vars(difference)
        print(json.dumps({"equal": equal, "difference": found}, indent=1))  # noqa: T201 - the requested output
        return 0 if equal else DIFFERENT
    if equal:
        print(f"equal: {len(ours['outputs']):,} tables are the same, byte for byte")  # noqa: T201 - the result
    if difference is not None:
        print(f"{'made otherwise' if equal else 'different'}: {difference.sentence}")  # noqa: T201 - the result
    elif not equal:
        print("different: only tables that are made when the run is published differ")  # noqa: T201 - the result
    return 0 if equal else DIFFERENT
