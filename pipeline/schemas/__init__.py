"""One schema class per table: its grain, its columns and what they mean.

Stages exchange data only through these tables. Days are calendar days; intervals are half-open
`[start, end)` except in published tables, whose periods include both days. Totals are rows with `all`.
"""

from pathlib import Path

import dataframely as dy
import polars as pl

from pipeline.errors import UserError
from pipeline.schemas.categories import (
    AGE_GROUP_STARTS,
    AGE_GROUPS,
    ALL,
    COUNTED_STAYS,
    EVIDENCE_KINDS,
    GROWN_UP_AGE,
    INTERVAL_PARTS,
    NATIONALITY_GROUPS,
    SEXES,
    STATUSES,
    STAY_BRANCHES,
    TRIMMING_DEPTHS,
)
from pipeline.schemas.counted import (
    Assumptions,
    Counts,
    ErrorSources,
    Estimates,
    FlowCategories,
    Skipped,
    Unmeasured,
)
from pipeline.schemas.coverage import (
    Coverage,
    CoverageAges,
    CoverageByYear,
    CoverageOfArrivals,
    DependenceSensitivity,
    OverCoverage,
    TrimmingCurve,
)
from pipeline.schemas.decided import (
    Conflicts,
    Evidence,
    FlowCompleteness,
    ImplausiblePeople,
    LateMigrations,
    Migrations,
    People,
    PeopleNationality,
    Residents,
    Stays,
)
from pipeline.schemas.described import (
    BorderCompleteness,
    Bridge,
    DaysPresent,
    RegistrationLags,
    UnknownByQuarter,
)
from pipeline.schemas.linked import (
    Clusters,
    LinkageQuality,
    LinkErrors,
    Links,
    Mothers,
    PersonChanges,
    PossiblyOne,
    ReviewOfLinks,
)
from pipeline.schemas.published import (
    AccountAdjustments,
    AccountBiases,
    AccountLeftOut,
    DetailParts,
    Flows,
    FlowsByAge,
    FlowsByArea,
    FlowsByCountryOfBirth,
    FlowsByReason,
    IntervalParts,
    Stocks,
)
from pipeline.schemas.received import (
    DeliveryVolumes,
    Gaps,
    Ledger,
    SourceCards,
)
from pipeline.tables import write_table

__all__ = [
    "AGE_GROUPS",
    "AGE_GROUP_STARTS",
    "ALL",
    "COUNTED_STAYS",
    "EVIDENCE_KINDS",
    "GROWN_UP_AGE",
    "INTERVAL_PARTS",
    "NATIONALITY_GROUPS",
    "SEXES",
    "STATUSES",
    "STAY_BRANCHES",
    "TABLES",
    "TRIMMING_DEPTHS",
    "AccountAdjustments",
    "AccountBiases",
    "AccountLeftOut",
    "Assumptions",
    "BorderCompleteness",
    "Bridge",
    "Clusters",
    "Conflicts",
    "Counts",
    "Coverage",
    "CoverageAges",
    "CoverageByYear",
    "CoverageOfArrivals",
    "DaysPresent",
    "DeliveryVolumes",
    "DependenceSensitivity",
    "DetailParts",
    "ErrorSources",
    "Estimates",
    "Evidence",
    "FlowCategories",
    "FlowCompleteness",
    "Flows",
    "FlowsByAge",
    "FlowsByArea",
    "FlowsByCountryOfBirth",
    "FlowsByReason",
    "Gaps",
    "ImplausiblePeople",
    "IntervalParts",
    "LateMigrations",
    "Ledger",
    "LinkErrors",
    "LinkageQuality",
    "Links",
    "Migrations",
    "Mothers",
    "OverCoverage",
    "People",
    "PeopleNationality",
    "PersonChanges",
    "PossiblyOne",
    "RegistrationLags",
    "Residents",
    "ReviewOfLinks",
    "Skipped",
    "SourceCards",
    "Stays",
    "Stocks",
    "TrimmingCurve",
    "UnknownByQuarter",
    "Unmeasured",
    "save",
    "table_path",
]

TABLES: dict[str, type[dy.Schema]] = {
    "ledger": Ledger,
    "gaps": Gaps,
    "source_cards": SourceCards,
    "delivery_volumes": DeliveryVolumes,
    "links": Links,
    "clusters": Clusters,
    "person_changes": PersonChanges,
    "mothers": Mothers,
    "linkage_quality": LinkageQuality,
    "link_errors": LinkErrors,
    "possibly_one": PossiblyOne,
    "review_of_links": ReviewOfLinks,
    "evidence": Evidence,
    "people": People,
    "people_nationality": PeopleNationality,
    "stays": Stays,
    "implausible_people": ImplausiblePeople,
    "migrations": Migrations,
    "late_migrations": LateMigrations,
    "flow_completeness": FlowCompleteness,
    "conflicts": Conflicts,
    "residents": Residents,
    "bridge": Bridge,
    "unknown_by_quarter": UnknownByQuarter,
    "days_present": DaysPresent,
    "registration_lags": RegistrationLags,
    "border_completeness": BorderCompleteness,
    "counts": Counts,
    "unmeasured": Unmeasured,
    "skipped": Skipped,
    "coverage": Coverage,
    "coverage_by_year": CoverageByYear,
    "coverage_ages": CoverageAges,
    "dependence_sensitivity": DependenceSensitivity,
    "trimming_curve": TrimmingCurve,
    "over_coverage": OverCoverage,
    "coverage_of_arrivals": CoverageOfArrivals,
    "estimates": Estimates,
    "flow_categories": FlowCategories,
    "flows": Flows,
    "flows_by_age": FlowsByAge,
    "flows_by_reason": FlowsByReason,
    "flows_by_country_of_birth": FlowsByCountryOfBirth,
    "flows_by_area": FlowsByArea,
    "stocks": Stocks,
    "interval_parts": IntervalParts,
    "detail_parts": DetailParts,
    "error_sources": ErrorSources,
    "assumptions": Assumptions,
    "account_adjustments": AccountAdjustments,
    "account_left_out": AccountLeftOut,
    "account_biases": AccountBiases,
}


def save(frame: pl.DataFrame, name: str, folder: Path) -> Path:
    """Check a frame against the schema of table `name`, order it by its key and write `folder/name.parquet`.

    Enumerations and types are cast; a frame that breaks its schema is a fault of the program and raises.
    """
    schema = TABLES[name]
    checked = schema.validate(frame.select(schema.column_names()), cast=True)
    key = schema.primary_key() or ["source", "subject_id", "date", "rule_id", "record_id"]
    path = folder / f"{name}.parquet"
    write_table(checked, path, sort_by=key)
    return path


def table_path(folder: Path, name: str) -> Path:
    """Return the path of a table in a stage folder; raises `UserError` if it is missing."""
    path = folder / f"{name}.parquet"
    if not path.exists():
        raise UserError(f"{path}: this table is missing. Run `sojourn run` again to make it.")
    return path
