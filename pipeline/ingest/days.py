"""Which calendar day a date-time or a year means: days are those of the country, whatever clock a source keeps.

All functions take and return Polars expressions; a text that cannot be read gives null.
"""

import re
from datetime import datetime, timedelta

import polars as pl

COUNTRY_ZONE = "Europe/London"
"""The zone of the country's clocks: a day, for every rule and figure, begins at its midnight."""

_A_YEAR = r"^([0-9]{4})(?: ?[/-] ?([0-9]{4}|[0-9]{2})|([0-9]{2}))?$"
_A_MOMENT = datetime.fromisoformat("2001-02-03T16:05")  # hour, minute, day, month: all different
_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2}


def has_offset(form: str) -> bool:
    """Return whether a format of a date-time says how far from Greenwich its clock is (`%z`, `%#z` or `%+`)."""
    return re.search(r"%(?:[:#]*z|\+)", form) is not None


def is_zone(name: str) -> bool:
    """Return whether there is a time zone of this name, such as `UTC`."""
    try:
        pl.Series([_A_MOMENT]).dt.replace_time_zone(name)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return False
    return True


def identifies_minutes(form: str) -> bool:
    """Return whether a format of a date-time gives day, hour and minute, so that each is read as it was written."""
    text = pl.DataFrame({"moment": [_A_MOMENT, _A_MOMENT + timedelta(hours=2)]})
    try:
        written = text.select(written_as(pl.col("moment"), form, "UTC")).to_series()
        read = pl.DataFrame({"text": written}).select(local_time(pl.col("text"), form, "UTC")).to_series()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return False
    return read.to_list() == text["moment"].to_list()  # in February the country keeps UTC


def written_as(moment: pl.Expr, form: str, zone: str) -> pl.Expr:
    """Return date-times of a typed column as text in a format, for clocks without a zone those of `zone`."""
    if has_offset(form):
        return moment.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.strftime(
            form.replace("%#z", "%z")
        )
    return moment.dt.strftime(form)


def local_time(text: pl.Expr, form: str, zone: str) -> pl.Expr:
    """Return the date and time on the country's clocks (Datetime without a zone) of texts in a format.

    Without an offset in the format, the text is the time on clocks of `zone`; an hour that occurs twice there is the
    first, and one that its clocks leave out is null. Fields that touch, as in `%Y%m%d`, need all of their digits.
    """
    whole = pl.when(text.str.contains(_with_full_fields(form))).then(text)
    moment = whole.str.to_datetime(form, time_unit="us", strict=False)
    if not has_offset(form):
        if zone == COUNTRY_ZONE:
            return moment
        moment = moment.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return moment.dt.convert_time_zone(COUNTRY_ZONE).dt.replace_time_zone(None)


def first_day_of_year(text: pl.Expr, starts: str) -> pl.Expr:
    """Return the first day of years that start on a day (`08-01`): `2018/19`, `2018-2019`, `201819` or `2018`.

    A second year must follow the first.
    """
    month, day = (int(part) for part in starts.split("-"))
    first = text.str.extract(_A_YEAR, 1).cast(pl.Int32)
    second = pl.coalesce(text.str.extract(_A_YEAR, 2), text.str.extract(_A_YEAR, 3))
    follows = pl.when(second.str.len_bytes() > 2).then(first + 1).otherwise((first + 1) % 100)
    fits = second.is_null() | (second.cast(pl.Int32) == follows)
    return pl.when(fits & (first > 0)).then(pl.date(first, month, day))


def _with_full_fields(form: str) -> str:
    """Return a pattern that a text matches if its fields that touch in the format have all of their digits."""
    parts = re.findall(r"%[-#:.0-9_]*[A-Za-z+%]|[^%]+", form)
    pattern = ""
    for before, part, after in zip(["", *parts], parts, [*parts[1:], ""], strict=False):
        touches = before.startswith("%") or after.startswith("%")
        width = _WIDTHS.get(part[1:]) if part.startswith("%") and touches else None
        pattern += f"[0-9]{{{width}}}" if width else ".*" if part.startswith("%") else re.escape(part)
    return f"^{pattern}$"
