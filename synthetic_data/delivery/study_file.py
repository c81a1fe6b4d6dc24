"""The study file of a synthetic study: the options chosen, as comments, and every extract with its files and rows."""

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
    """Everything that determines a synthetic study: the same choices give the same bytes.

    With `deliveries` there is a study for each of these data dates; their folders are in `beside`, as a path from the
    study of `data_date`.
    """

    residents: int
    seed: int
    scenario: Scenario
    errors: Errors
    data_date: date = DATA_DATE
    regions: tuple[str, ...] = ()
    snapshots: int | None = None
    parquet: bool = False
    deliveries: tuple[date, ...] = ()
    beside: str = "deliveries/"


def study_text(chosen: Choices, files: Mapping[str, Sequence[str]], rows: Mapping[str, int]) -> str:
    """Return the text of the study file; with the `files` of each extract and the `rows` of each file."""
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
    size = f"{chosen.residents:,} residents"
    return [
        f"# A synthetic study of {size}, written by `sojourn simulate`. Its people do not exist.",
        *(f"# {comment}" for comment in _differences(chosen)),
        f'name = "{title}"',
        "synthetic = true",
        f"seed = {chosen.seed}",
        f"data_date = {chosen.data_date}",
        f'key_file = "{KEY_FILE}"',
        f'rule_set = "{RULE_SET}"',
        f'area_lookup = "{AREA_LOOKUP}"',
        *_earlier(chosen),
        *_periods(chosen.data_date),
        *_linkage(chosen.errors),
        "",
        "# Rows are those of all files of an extract; ingest stops if files have fewer or more rows than stated.",
    ]


def _earlier(chosen: Choices) -> list[str]:
    """Return the line that names the deliveries before that of the data date, beside it in one folder."""
    named = ", ".join(f'"{chosen.beside}{day}"' for day in chosen.deliveries if day < chosen.data_date)
    return [f"deliveries_before = [{named}]"] if named else []


def _regions(chosen: Choices) -> list[str]:
    return parts.names_of(parts.parts_of(chosen.regions))


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _differences(chosen: Choices) -> list[str]:
    """Return the comments that state how the study differs from the baseline with its default errors."""
    comments = []
    if chosen.scenario.name != BASELINE:
        comments.append(f"Scenario {chosen.scenario.name}: {chosen.scenario.says}")
        changes = chosen.scenario.model_dump(mode="json", exclude_none=True, include={"surge", "longer_stays"})
        comments += [f"Scenario, {name}: {_listed(change)}" for name, change in changes.items()]
        comments += [f"Scenario, loss: {_listed(loss.model_dump(mode='json'))}" for loss in chosen.scenario.loss]
    if chosen.regions:
        comments.append(f"Regions: only people whose first home is in {', '.join(_regions(chosen))}.")
    if chosen.snapshots:
        comments.append(f"Snapshots: the last {chosen.snapshots} of the Patient Register.")
    if chosen.parquet:
        comments.append("Files: every extract as Parquet.")
    if chosen.errors == NO_ERRORS:
        return [*comments, "Errors: none (perfect sources)."]
    usual = {name: f"{value:g}" for name, value in values(Errors())}
    changed = ((name, f"{value:g}") for name, value in values(chosen.errors))
    return comments + [f"Error {name} = {value}" for name, value in changed if value != usual.get(name)]


def _linkage(errors: Errors) -> list[str]:
    """Return what linkage is to know of the sources: some people have two NHS numbers, unless sources are perfect."""
    return [] if errors == NO_ERRORS else ["", "[linkage]", 'duplicates = ["pds"]']


def _periods(data_date: date) -> list[str]:
    """Return the years to 30 June known on the data date, half a year after they end; empty if all are known."""
    last = data_date.year - (data_date < date(data_date.year, 12, 31))
    if last >= LAST_YEAR:
        return []
    flows, stocks = (list(range(first, last + 1)) for first in (FIRST_FLOW_YEAR, FIRST_STOCK_YEAR))
    return ["", "[periods]", f"flow_years = {flows}", f"stock_years = {stocks}"]
