"""The measures by name, as the file of targets calls them."""

from collections.abc import Callable

from synthetic_data.observed.border import expired_permissions
from synthetic_data.observed.counting import Shown
from synthetic_data.observed.people import births, deaths, flows, residents, visits
from synthetic_data.observed.registers import list_excess, registration_lag, registrations
from synthetic_data.observed.students import after_course, enrolments, first_months, listed_where_studying

MEASURES: dict[str, Callable[..., Shown]] = {
    one.__name__: one
    for one in (
        after_course, births, deaths, enrolments, expired_permissions, first_months, flows, list_excess,
        listed_where_studying, registration_lag, registrations, residents, visits,
    )
}  # fmt: skip
