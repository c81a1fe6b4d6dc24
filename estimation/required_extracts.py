"""The extracts without which nothing can be estimated, asked for before the first stage runs."""

from pipeline.errors import UserError
from pipeline.study import Study

NEEDED = {
    "births": "the account takes births as exact",
    "deaths": "the account takes deaths as exact",
    "coverage_survey": "coverage is estimated from it",
    "review_sample": "it tells how well the coverage survey was linked",
}


def check_needed_extracts(study: Study) -> None:
    """Raise `UserError` if the study does not name an extract that the account or its coverage needs."""
    named = {one.name for one in study.extract}
    for extract, why in NEEDED.items():
        if extract not in named:
            raise UserError(
                f"{study.path}: no [[extract]] has the name '{extract}', and {why}. Add one with its files."
            )
