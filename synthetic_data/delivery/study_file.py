"""The study file of a synthetic study: what was chosen, in comments, and every extract with its files and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from synthetic_data.country import parts
from synthetic_data.errors.catalogue import Errors, values
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.numbers import days
from synthetic_data.scenarios.scenario import BASELINE, Scenario

TARGETS_PAGE = "targets.html"
AREA_LOOKUP = "postcode_areas.csv"
KEY_FILE = "synthetic.key"
RULE_SET = "long_term_2019"
DATA_DATE = days.as_date(days.DATA_DATE)
FIRST_FLOW_YEAR, FIRST_STOCK_YEAR, LAST_YEAR = 2016, 2015, 2019


@dataclass(frozen=True)
class Choices:
    """All that a synthetic study is made from: the same choices give the same bytes."""

    residents: int
    seed: int
    scenario: Scenario
    errors: Errors
    data_date: date = DATA_DATE
    regions: tuple[str, ...] = ()
    snapshots: int | None = None
    parquet: bool = False


def study_text(chosen: Choices, files: Mapping[str, Sequence[str]], rows: Mapping[str, int]) -> str:
    """Return the study file; `files` names those of each extract, `rows` counts the rows of each file."""
    lines = _head(chosen)
    for name in sorted(files):
        named = ", ".join(f'"{file}"' for file in files[name])
        number = sum(rows[file] for file in files[name])
        lines += ["", "[[extract]]", f'name = "{name}"', f"files = [{named}]", f"rows = {number}"]
    return "\n".join(lines) + "\n"


def _head(chosen: Choices) -> list[str]:
    """Return the lines above the extracts."""
    title = f"Synthetic country, {chosen.residents:,} residents, seed {chosen.seed}"
    if chosen.scenario.name != BASELINE:
        title += f", {chosen.scenario.name}"
    if chosen.data_date != DATA_DATE:
        title += f", data of {chosen.data_date}"
    if chosen.regions:
        title += f", {' and '.join(_regions(chosen))} only"
    return [
        f"# A synthetic study of {chosen.residents:,} residents, written by `sojourn simulate`. Nobody in it exists.",
        *(f"# {said}" for said in _differences(chosen)),
        f'name = "{title}"',
        "synthetic = true",
        f"seed = {chosen.seed}",
        f"data_date = {chosen.data_date}",
        f'key_file = "{KEY_FILE}"',
        f'rule_set = "{RULE_SET}"',
        f'area_lookup = "{AREA_LOOKUP}"',
        *_periods(chosen.data_date),
        "",
        "# Rows are those of all files of an extract; ingest stops when a file is shorter than promised.",
    ]


def _regions(chosen: Choices) -> list[str]:
    return parts.names_of(parts.parts_of(chosen.regions))


def _told(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _differences(chosen: Choices) -> list[str]:
    """Say how the study differs from the whole baseline with its usual errors."""
    said = []
    if chosen.scenario.name != BASELINE:
        said.append(f"Scenario {chosen.scenario.name}: {chosen.scenario.says}")
        changes = chosen.scenario.model_dump(mode="json", exclude_none=True, include={"surge", "longer_stays"})
        said += [f"Scenario, {name}: {_told(change)}" for name, change in changes.items()]
        said += [f"Scenario, loss: {_told(loss.model_dump(mode='json'))}" for loss in chosen.scenario.loss]
    if chosen.regions:
        said.append(f"Regions: only people whose first home lies in {', '.join(_regions(chosen))}.")
    if chosen.snapshots:
        said.append(f"Snapshots: the last {chosen.snapshots} of the Patient Register.")
    if chosen.parquet:
        said.append("Files: every extract as Parquet.")
    if chosen.errors == NO_ERRORS:
        return [*said, "Errors: none; every source is perfect."]
    usual = {name: f"{value:g}" for name, value in values(Errors())}
    changed = ((name, f"{value:g}") for name, value in values(chosen.errors))
    return said + [f"Error {name} = {value}" for name, value in changed if value != usual.get(name)]


def _periods(data_date: date) -> list[str]:
    """Return the years to 30 June that are known half a year later, on the data date, unless they are all."""
    last = data_date.year - (data_date < date(data_date.year, 12, 31))
    if last >= LAST_YEAR:
        return []
    flows, stocks = (list(range(first, last + 1)) for first in (FIRST_FLOW_YEAR, FIRST_STOCK_YEAR))
    return ["", "[periods]", f"flow_years = {flows}", f"stock_years = {stocks}"]
