"""The ten parts of the country, nine English regions and Wales: which are simulated, and in which batches."""

from collections.abc import Sequence

from pipeline.errors import unknown
from synthetic_data.country import table
from synthetic_data.places import PARTS, part_residents

BATCH = 500_000
"""Residents whose lives are held in memory at once; a part of a very large country can be more."""


def parts_of(regions: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers of the parts with the given codes or names, all of them if none is given.

    Raises `UserError` for a region that there is not, with the nearest name.
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


def batches(parts: Sequence[int], residents: int, most: int = BATCH) -> list[tuple[int, ...]]:
    """Return the parts in batches of at most `most` of the country's `residents`, or of one part that has more."""
    of_part = part_residents(residents)
    found: list[tuple[int, ...]] = []
    for part in parts:
        if found and sum(of_part[one] for one in (*found[-1], part)) <= most:
            found[-1] += (part,)
        else:
            found.append((part,))
    return found
