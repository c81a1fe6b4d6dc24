"""All measures by name, as targets.toml names them."""

from collections.abc import Callable

from synthetic_data.benchmarks.counting import MeasuredFigure
from synthetic_data.benchmarks.measures.border_outcomes import expired_permissions
from synthetic_data.benchmarks.measures.population import births, deaths, flows, residents, visits
from synthetic_data.benchmarks.measures.registrations import list_excess, registration_lag, registrations
from synthetic_data.benchmarks.measures.students import (
    after_course,
    enrolments,
    first_months,
    listed_where_studying,
)

MEASURES: dict[str, Callable[..., MeasuredFigure]] = {
    one.__name__: one
    for one in (
        after_course, births, deaths, enrolments, expired_permissions, first_months, flows, list_excess,
        listed_where_studying, registration_lag, registrations, residents, visits,
    )
}  # fmt: skip
