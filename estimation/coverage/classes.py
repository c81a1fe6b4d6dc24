"""Coverage classes: sex, age group and nationality group, merged until each has enough matches.

The order of merging is fixed, and the British and the others are merged separately: first neighbouring
nationality groups of one sex and age group, then neighbouring ages of one sex, then the sexes; last of all the
British with the others. A class short of matches always joins the smaller of its two neighbours.
"""

import json
from collections.abc import Callable, Mapping
from itertools import product

from estimation.cells import BRITISH, DIVISION_VALUES
from pipeline.schemas import AGE_GROUPS, NATIONALITY_GROUPS, SEXES

Cell = tuple[str, str, str]
"""Sex, age group, nationality group."""
CELLS: tuple[Cell, ...] = tuple(product(SEXES, AGE_GROUPS, NATIONALITY_GROUPS))
CoverageClass = tuple[Cell, ...]


def merge_classes(matches: Mapping[Cell, float], minimum: float) -> list[CoverageClass]:
    """Return classes that contain every cell exactly once, each with at least `minimum` matches.

    `matches` gives the matches by cell (a cell without an entry has 0). If all cells together have fewer than
    the minimum, they make one class.
    """
    classes: list[CoverageClass] = [(cell,) for cell in CELLS]
    for block in MERGING_BLOCKS:
        blocks: dict[tuple, list[CoverageClass]] = {}
        for one in sorted(classes, key=lambda one: (block(one[0]), _rank(one[0]))):
            blocks.setdefault(block(one[0]), []).append(one)
        classes = [one for line in blocks.values() for one in _merge_neighbours(line, matches, minimum)]
    return sorted(tuple(sorted(one, key=CELLS.index)) for one in classes)


def _is_british(cell: Cell) -> bool:
    return cell[2] == BRITISH


def _rank(cell: Cell) -> tuple[int, int, int]:
    """Return the position of a cell among the cells of its block: neighbours differ least."""
    return AGE_GROUPS.index(cell[1]), NATIONALITY_GROUPS.index(cell[2]), SEXES.index(cell[0])


MERGING_BLOCKS: tuple[Callable[[Cell], tuple], ...] = (
    lambda cell: (not _is_british(cell), cell[0], cell[1]),
    lambda cell: (not _is_british(cell), cell[0]),
    lambda cell: (not _is_british(cell),),
    lambda cell: (),
)
"""The blocks inside which classes may merge, from the first round of merging to the last."""


def _merge_neighbours(
    line: list[CoverageClass], matches: Mapping[Cell, float], minimum: float
) -> list[CoverageClass]:
    def size(one: CoverageClass) -> float:
        return sum(matches.get(cell, 0.0) for cell in one)

    line = list(line)
    while len(line) > 1:
        smallest = min(range(len(line)), key=lambda i: (size(line[i]), i))
        if size(line[smallest]) >= minimum:
            break
        neighbours = [i for i in (smallest - 1, smallest + 1) if 0 <= i < len(line)]
        other = min(neighbours, key=lambda i: (size(line[i]), i))
        first, second = sorted((smallest, other))
        line[first : second + 1] = [line[first] + line[second]]
    return line


def class_name(one: CoverageClass) -> str:
    """Return a short unique name: the values of each division joined by '+', or a list of all cells."""
    parts = [
        [value for value in values if any(cell[i] == value for cell in one)]
        for i, values in enumerate(DIVISION_VALUES.values())
    ]
    if len(one) == len(CELLS):
        return "all"
    if len(one) == len(parts[0]) * len(parts[1]) * len(parts[2]):
        return " ".join("+".join(part) for part in parts)
    return ", ".join(" ".join(cell) for cell in one)


def members(one: CoverageClass) -> str:
    """Return the cells of a class as the JSON list of the table `coverage`."""
    return json.dumps([list(cell) for cell in one])
