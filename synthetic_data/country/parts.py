"""The ten parts of the country, nine English regions and Wales: which are simulated, and in which batches."""

from collections.abc import Sequence
from math import ceil

from pipeline.errors import unknown
from synthetic_data.country.geography import PARTS, part_residents
from synthetic_data.country.tables import table

BATCH_RESIDENTS = 500_000
"""Approximate number of residents simulated together; a part of a very large country can have more."""
RESIDENTS_IN_MEMORY = 1_200_000
"""Residents whose lives all processes together keep in memory at once; about 5.5 KB each."""
RESIDENTS_FOR_PROCESSES = 150_000
"""Residents from which several processes are faster than one: each takes a second or two to start."""


def parts_of(regions: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers of the parts with the given codes or names, all of them if none is given.

    Raises `UserError` for an unknown region, with the nearest name.
    """
    areas = table("areas")
    known = {name.casefold(): part for part, row in enumerate(areas.select("area", "name").rows()) for name in row}
    for region in regions:
        if region.casefold() not in known:
            raise unknown("region", region, [*areas["area"], *areas["name"]], "--region")
    return tuple(sorted({known[region.casefold()] for region in regions})) or tuple(PARTS)


def names_of(parts: Sequence[int]) -> list[str]:
    """Return the names of parts."""
    return table("areas")["name"].gather(list(parts)).to_list()


def batches(parts: Sequence[int], residents: int, threads: int = 1) -> list[tuple[int, ...]]:
    """Return the parts in batches, about equally large: at most about `BATCH_RESIDENTS`, or one part.

    There are at least as many as threads, if there are enough parts and people.
    """
    people = people_of(parts, residents)
    number = max(ceil(people / BATCH_RESIDENTS), threads if people >= RESIDENTS_FOR_PROCESSES else 1)
    found: list[tuple[int, ...]] = [()] * min(number, len(parts))
    for part in sorted(parts, key=lambda part: -people_of([part], residents)):
        smallest = min(range(len(found)), key=lambda batch: people_of(found[batch], residents))
        found[smallest] += (part,)
    return found


def people_of(parts: Sequence[int], residents: int) -> int:
    """Return how many of the country's residents live in parts on the first day."""
    return sum(part_residents(residents)[part] for part in parts)
