"""Scenarios: differences from the baseline, as data; people who are in two scenarios keep all their draws.

A scenario is a TOML file, in `synthetic_data/scenarios/` or a user's own. It changes lives (a surge of arrivals,
longer stays), what sources record of them (errors), or what is delivered (lost rows).
"""

from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from pipeline.errors import UserError, unknown
from pipeline.toml_files import Frozen, parse, read_toml
from synthetic_data.country.scenario_changes import Changes
from synthetic_data.errors.catalogue import Errors, read_errors, with_overrides
from synthetic_data.errors.entries import Share
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.numbers.days import FIRST_DAY, LAST_DAY, as_date

BASELINE = "baseline"
NO_ERRORS_WORD = "none"

DatedExtract = Literal[
    "activity_weeks", "births", "deaths", "exit_checks_travel", "exit_checks_visas", "hesa", "mws", "pds", "pr"
]
DATED: dict[DatedExtract, str] = {
    "activity_weeks": "TAX_YEAR_START", "births": "REGISTRATION_DATE", "deaths": "REGISTRATION_DATE",
    "exit_checks_travel": "EVENT_DATE", "exit_checks_visas": "VALID_FROM", "hesa": "YEARSTART",
    "mws": "REGISTRATION_DATE", "pds": "POSTING_DATE", "pr": "SNAPSHOT_DATE",
}  # fmt: skip
"""The column of each extract whose date assigns rows to a year."""


class Loss(Frozen):
    """A share of the rows of an extract that are dated in one calendar year is never delivered."""

    extract: DatedExtract
    year: int = Field(ge=as_date(FIRST_DAY).year - 1, le=as_date(LAST_DAY).year)
    share: Share


class Scenario(Changes):
    """Differences from the baseline; `perfect` sources make only the errors that `errors` then adds."""

    name: str = Field(pattern="^[A-Za-z0-9_-]+$")
    says: str = Field(pattern="^[^\\r\\n]+$")
    perfect: bool = False
    errors: dict[str, Any] = Field(default_factory=dict)
    loss: tuple[Loss, ...] = ()

    @model_validator(mode="after")
    def _known_errors(self) -> "Scenario":
        with_overrides(Errors(), self.errors, f"{self.name}, [errors]")
        return self

    def source_errors(self, chosen: str | None = None) -> Errors:
        """Return the errors of the scenario, changed by what a user chose: `none`, or a file of overrides.

        Raises `UserError` if `chosen` is neither.
        """
        if chosen == NO_ERRORS_WORD:
            return NO_ERRORS
        own = with_overrides(NO_ERRORS if self.perfect else Errors(), self.errors, f"{self.name}, [errors]")
        if chosen is None:
            return own
        if chosen in scenario_names():
            raise UserError(f"--errors {chosen}: this is a scenario. Give it with --scenario.")
        if not Path(chosen).is_file():
            raise UserError(
                f"--errors {chosen}: no such file. Give a TOML file of errors, or '{NO_ERRORS_WORD}' for no errors."
            )
        return read_errors(Path(chosen), own)


def scenario_names() -> list[str]:
    """Return the names of the scenarios that come with Sojourn."""
    files = (resources.files("synthetic_data.scenarios")).iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def read_scenario(name: str) -> Scenario:
    """Return a scenario by its name, or from a path that ends in `.toml`; raises `UserError` for a mistake in it."""
    path = Path(name)
    if path.suffix != ".toml":
        if path.is_file():
            raise UserError(f"--scenario {name}: the name of a scenario file ends in .toml. Rename it.")
        if name not in scenario_names():
            raise unknown("scenario", name, scenario_names(), "--scenario")
        path = Path(str(resources.files("synthetic_data.scenarios") / f"{name}.toml"))
    tree = read_toml(path)
    if tree and tree.keys() <= Errors.model_fields.keys():
        raise UserError(f"{path}: is a file of errors, not a scenario. Give it with --errors.")
    return parse(Scenario, {"name": path.stem, **tree}, str(path))
