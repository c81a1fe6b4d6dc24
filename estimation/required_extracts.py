"""The extracts and columns that estimates need: a step without its extracts is skipped, a missing column refused."""

from collections.abc import Collection, Mapping
from pathlib import Path

from pipeline.errors import UserError
from pipeline.ingest.contracts import SourceContract
from pipeline.stage import Skip

REQUIRED = {
    "births": "the account takes births as exact",
    "deaths": "the account takes deaths as exact",
    "coverage_survey": "coverage is estimated from it",
    "review_sample": "it shows how well the coverage survey was linked",
}

COLUMNS = {
    "births": {"sex": "code", "registration_date": "date"},
    "deaths": {"sex": "code", "date_of_death": "date"},
    "coverage_survey": {
        "sex": "code", "nationality": "code", "reference_date": "date", "usual_resident": "boolean",
        "stratum": "text", "cluster": "text", "weight": "decimal",
    },
    "review_sample": {"review": "integer"},
}  # fmt: skip
"""The columns that are read by name, and their types; a study may state contracts of its own for these extracts."""
MAY_BE_EMPTY = {("coverage_survey", "nationality"), ("births", "date_of_birth")}
"""What there is a rule for: no nationality is British, and a birth without its date is one of its registration."""


STEPS = {"births": ("births",), "deaths": ("deaths",), "coverage": ("coverage_survey", "review_sample")}
"""The steps of the stage `count` that a study can lack, and the extracts that each needs."""


def steps_without_extracts(extracts: Collection[str]) -> tuple[Skip, ...]:
    """Return the steps of the stage `count` that are skipped, because the study's `extracts` lack one of theirs."""
    skips = []
    for step, needed in STEPS.items():
        missing = tuple(one for one in needed if one not in extracts)
        if missing:
            why = "; ".join(
                f"no [[extract]] of the study has the name '{one}', and {REQUIRED[one]}" for one in missing
            )
            skips.append(Skip(step, why, missing))
    return tuple(skips)


def check_required_columns(contracts: Mapping[str, SourceContract], study_file: Path) -> None:
    """Raise `UserError` if the contract of such an extract of the study lacks a column that is read by name."""
    extracts = {name: extract for contract in contracts.values() for name, extract in contract.extracts.items()}
    for name, columns in ((one, columns) for one, columns in COLUMNS.items() if one in extracts):
        extract, where = extracts[name], f"{study_file}: the contract of the extract '{name}'"
        for column, kind in columns.items():
            found = extract.columns.get(column)
            if found is None or (found.type != kind and not (kind == "date" and found.gives_date)):
                fault = f"has no column '{column}' of type '{kind}'"
                raise UserError(f"{where} {fault}, and {REQUIRED[name]}. Give a column that name.")
        born = extract.column_of("date_of_birth")
        if name != "review_sample" and not born:
            raise UserError(f"{where} has no date of birth, and {REQUIRED[name]}. Add it.")
        for column, kind in [*((one, one) for one in columns), *([(born, "date_of_birth")] if born else [])]:
            filled = extract.columns[column].required and column not in extract.nulled
            if not filled and (name, kind) not in MAY_BE_EMPTY:
                raise UserError(
                    f"{where} lets '{column}' be empty, so that rows would be counted wrongly, and "
                    f'{REQUIRED[name]}. Give the column required = true and unusable = "quarantine".'
                )
