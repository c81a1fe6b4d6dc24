"""The catalogue of errors: all kinds together (each with its rates in a `*_rates.py`), and broken rows.

Every error has a name, a default of realistic size, and the source of that default. A tree of overrides changes some
of them: by kind for all sources (`names.rate`), or for one source (`mws.names.rate`). `NO_ERRORS` (`no_errors.py`)
turns every kind off. Sources differ by a factor and people by the origin of their names, because linkage errors are
not spread evenly either.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.errors import UserError
from pipeline.toml_files import Frozen, parse, read_toml
from synthetic_data.errors.border_rates import Border, Departures
from synthetic_data.errors.entries import Share, error
from synthetic_data.errors.identity_rates import Dates, Duplicates, Forms, Groups, Missing, Names, Sexes
from synthetic_data.errors.registration_rates import Addresses, Leavers, Registration
from synthetic_data.errors.source_rates import (
    AddressesOf,
    OfAddressedSource,
    OfPostcodedSource,
    OfSource,
    OfStudents,
)
from synthetic_data.errors.survey_rates import Intentions, Passengers, Survey

CARE = "factor of misspelt names, wrong dates of birth and sexes, and missing values"
_SCALED_BY_CARE = (
    ("names", "rate"), ("dates", "birth"), ("sex", "wrong"),
    ("missing", "given_name"), ("missing", "postcode"), ("missing", "nationality"),
)  # fmt: skip
"""Rates that are multiplied by the factor of the source."""
_ONLY_IN = {("forms", "nickname"): ("coverage_survey",), ("dates", "day_unknown"): ("exit_checks", "pds")}
"""Rates that apply only to some sources; others make the error only if it is set for them."""


class Errors(Frozen):
    """All errors of all sources."""

    registration: Registration = Registration()
    leavers: Leavers = Leavers()
    groups: Groups = Groups()
    names: Names = Names()
    forms: Forms = Forms()
    dates: Dates = Dates()
    sex: Sexes = Sexes()
    missing: Missing = Missing()
    duplicates: Duplicates = Duplicates()
    addresses: Addresses = Addresses()
    departures: Departures = Departures()
    border: Border = Border()
    survey: Survey = Survey()
    intentions: Intentions = Intentions()
    passengers: Passengers = Passengers()
    broken_rows: Share = error(0.0002, "rows with an impossible code, date or number")
    activity: OfAddressedSource = error(OfAddressedSource(factor=1.0), CARE)
    benefits: OfAddressedSource = error(OfAddressedSource(factor=1.0), CARE)
    births: OfPostcodedSource = error(OfPostcodedSource(factor=0.6), CARE)
    coverage_survey: OfSource = error(OfSource(factor=1.4), CARE)
    deaths: OfAddressedSource = error(OfAddressedSource(factor=1.4), CARE)
    earnings: OfAddressedSource = error(OfAddressedSource(factor=1.1), CARE)
    exit_checks: OfSource = error(OfSource(factor=0.5), CARE)
    families: OfAddressedSource = error(OfAddressedSource(factor=0.9), CARE)
    hesa: OfStudents = error(OfStudents(factor=0.8), CARE)
    leave: OfAddressedSource = error(OfAddressedSource(factor=0.5), CARE)
    mws: OfPostcodedSource = error(OfPostcodedSource(factor=1.5), CARE)
    pds: OfPostcodedSource = error(OfPostcodedSource(factor=0.7), CARE)
    pr: OfPostcodedSource = error(OfPostcodedSource(factor=0.9), CARE)
    settlement_scheme: OfAddressedSource = error(OfAddressedSource(factor=0.5), CARE)

    def of(self, source: str) -> OfSource:
        """Return the rates of one source."""
        return getattr(self, source)

    def rate(self, kind: str, name: str, source: str) -> float:
        """Return a rate of a source, before the factors of people: its own, or the general one times its factor."""
        of = self.of(source)
        own = getattr(getattr(of, kind), name)
        if own is not None:
            return own
        if source not in _ONLY_IN.get((kind, name), (source,)):
            return 0.0
        return getattr(getattr(self, kind), name) * (of.factor if (kind, name) in _SCALED_BY_CARE else 1.0)

    def stale_addresses(self, source: str) -> tuple[float, float]:
        """Return the share of people whose address in a source is old, and its mean age in days."""
        own = getattr(self.of(source), "addresses", AddressesOf())
        stale = self.addresses.stale if own.stale is None else own.stale
        return stale, self.addresses.mean_days if own.mean_days is None else own.mean_days

    def broken_share(self, source: str) -> float:
        """Return the share of a source's rows that break their contract: its own, or the general one."""
        own = getattr(self, source, None)
        return self.broken_rows if own is None or own.broken_rows is None else own.broken_rows


def with_overrides(errors: Errors, tree: Mapping[str, Any], where: str) -> Errors:
    """Return errors with some values changed; raises `UserError` for an unknown key, with its place."""
    return parse(Errors, _merged(errors.model_dump(), tree), where)


def read_errors(path: Path, base: Errors) -> Errors:
    """Return `base` with the overrides of a TOML file; raises `UserError` for any mistake in it."""
    tree = read_toml(path)
    if "says" in tree:
        raise UserError(f"{path}: is a scenario, not a file of errors. Give it with --scenario.")
    return with_overrides(base, tree, str(path))


def _merged(base: dict[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in tree.items():
        below = base.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return merged


def values(errors: BaseModel, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield the place (`names.rate`) and value of every rate of the catalogue that is set."""
    for name, value in errors:
        if isinstance(value, BaseModel):
            yield from values(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value
