"""The sources of error that published intervals consist of: their names, and the part of an interval that each is in.

The names are those of the table `error_sources`, which says of each whether it is estimated or declared.
"""

from estimation.cells import GROSS_FLOWS

SAMPLING = "sampling of the coverage survey"
SURVEY_LINKAGE = "linkage of the coverage survey"
DEPENDENCE = "people whom both the sources and the survey miss"
LEFT = "people who left but look present"
CHILDREN_LEFT = "children who left but are still listed"
DRIFT = "drift of the coverage factor"
LIST_ERRORS = "random errors of the lists"
SMALLEST_LIST_ERROR = "smallest error of a list"
AGES = "ages of a coverage class"
UNFINISHED = "unfinished stays"
LATE = "migrations that become known late"
NATIONALITY = "nationality of people"
QUARTERS = "division of a year into quarters"

LINKAGE, CLASSIFICATION, COVERAGE_SAMPLING = "linkage", "classification", "coverage sampling"
UNFINISHED_STAYS, REPORTING_DELAY = "unfinished stays", "reporting delay"
SOURCE_BIAS, MODEL = "source bias", "model"


def wrong_cases(measure: str) -> str:
    """Return the source of false, missed and misdated cases of a gross flow."""
    return f"wrong cases of {measure}"


def of_year(measure: str) -> str:
    """Return the source of the error that all cells of a gross flow share in a year."""
    return f"error of {measure} in a year"


def of_group(measure: str) -> str:
    """Return the source of the error that a nationality group of a gross flow shares in all years."""
    return f"error of {measure} by group"


def of_children(measure: str) -> str:
    """Return the source of the error that children of a gross flow share in all years."""
    return f"error of {measure} of children"


def not_known_yet(measure: str) -> str:
    """Return the source of the error of what is not certain of a gross flow in a year that is not final."""
    return f"{measure} that is not known yet"


PART_OF = {
    SURVEY_LINKAGE: LINKAGE,
    **{wrong_cases(measure): CLASSIFICATION for measure in GROSS_FLOWS},
    NATIONALITY: CLASSIFICATION,
    QUARTERS: CLASSIFICATION,
    SAMPLING: COVERAGE_SAMPLING,
    UNFINISHED: UNFINISHED_STAYS,
    **{not_known_yet(measure): UNFINISHED_STAYS for measure in GROSS_FLOWS},
    LATE: REPORTING_DELAY,
    **{source(measure): SOURCE_BIAS for source in (of_year, of_group, of_children) for measure in GROSS_FLOWS},
    **dict.fromkeys((LEFT, CHILDREN_LEFT, DEPENDENCE, DRIFT), SOURCE_BIAS),
    **dict.fromkeys((LIST_ERRORS, SMALLEST_LIST_ERROR, AGES), MODEL),
}
"""The part of an interval in which each source of error is counted."""
