"""The extracts without which nothing can be estimated, checked before the first stage runs."""

from collections.abc import Collection
from pathlib import Path

from pipeline.errors import UserError

REQUIRED = {
    "births": "the account takes births as exact",
    "deaths": "the account takes deaths as exact",
    "coverage_survey": "coverage is estimated from it",
    "review_sample": "it shows how well the coverage survey was linked",
}


def check_required_extracts(extracts: Collection[str], study_file: Path) -> None:
    """Raise `UserError` if the names of a study's extracts lack one that the account or its coverage needs."""
    for extract, why in REQUIRED.items():
        if extract not in extracts:
            raise UserError(
                f"{study_file}: no [[extract]] has the name '{extract}', and {why}. Add one with its files."
            )
