"""The extracts and columns without which nothing can be estimated, checked before the first stage runs."""

from collections.abc import Collection, Mapping
from pathlib import Path

from pipeline.errors import UserError
from pipeline.ingest.contracts import SourceContract

REQUIRED = {
    "births": "the account takes births as exact",
    "deaths": "the account takes deaths as exact",
    "coverage_survey": "coverage is estimated from it",
    "review_sample": "it shows how well the coverage survey was linked",
}

COLUMNS = {
    "births": {"sex": "code"},
    "deaths": {"sex": "code", "date_of_death": "date"},
    "coverage_survey": {
        "sex": "code", "nationality": "code", "reference_date": "date", "usual_resident": "boolean",
        "stratum": "text", "cluster": "text", "weight": "decimal",
    },
    "review_sample": {"review": "integer"},
}  # fmt: skip
"""The columns that are read by name, and their types; a study may state contracts of its own for these extracts."""


def check_required_extracts(extracts: Collection[str], study_file: Path) -> None:
    """Raise `UserError` if the names of a study's extracts lack one that the account or its coverage needs."""
    for extract, why in REQUIRED.items():
        if extract not in extracts:
            raise UserError(
                f"{study_file}: no [[extract]] has the name '{extract}', and {why}. Add one with its files."
            )


def check_required_columns(contracts: Mapping[str, SourceContract], study_file: Path) -> None:
    """Raise `UserError` if the contract of a required extract lacks a column that is read by name."""
    extracts = {name: extract for contract in contracts.values() for name, extract in contract.extracts.items()}
    for name, columns in COLUMNS.items():
        extract, where = extracts[name], f"{study_file}: the contract of the extract '{name}'"
        for column, kind in columns.items():
            found = extract.columns.get(column)
            if found is None or (found.type != kind and not (kind == "date" and found.gives_date)):
                fault = f"has no column '{column}' of type '{kind}'"
                raise UserError(f"{where} {fault}, and {REQUIRED[name]}. Give a column that name.")
        if name != "review_sample" and not extract.has_date_of_birth:
            raise UserError(f"{where} has no date of birth, and {REQUIRED[name]}. Add it.")
