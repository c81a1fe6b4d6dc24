"""Which calendar day a date-time or a year means: days are those of the country, whatever clock a source keeps.

All functions take and return Polars expressions; a text that cannot be read gives null.
"""

import re
from datetime import date, datetime, timedelta

import polars as pl

COUNTRY_ZONE = "Europe/London"
"""The zone of the country's clocks: a day, for every rule and figure, begins at its midnight."""

_A_YEAR = r"^([0-9]{4})(?: ?[/-] ?([0-9]{4}|[0-9]{2})|([0-9]{2}))?$"
_A_MOMENT = datetime.fromisoformat("2001-02-03T16:05")  # hour, minute, day, month: all different
_COMPOSED = {
    "%F": "%Y-%m-%d", "%D": "%m/%d/%y", "%x": "%m/%d/%y", "%v": "%e-%b-%Y", "%T": "%H:%M:%S", "%X": "%H:%M:%S",
    "%R": "%H:%M", "%n": " ", "%t": " ", "%%": "\0",
}  # fmt: skip
_WIDTHS = {"Y": 4, "G": 4, "j": 3, **dict.fromkeys("CygmdeUWVHkIlMS", 2), "u": 1, "w": 1}
_YEARS = ("Y", "G", "y", "g")
WITHOUT_CENTURY = (date(1970, 1, 1), date(2069, 12, 31))
"""The first and last day that the engine knows in a format that has a year of two digits (`%y`)."""


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


def calendar_day(text: pl.Expr, form: str) -> pl.Expr:
    """Return the days (Date) of texts in a format. Years, and fields that touch as in `%Y%m%d`, need all digits."""
    return _in_full(text, form).str.to_date(form, strict=False)


def local_time(text: pl.Expr, form: str, zone: str) -> pl.Expr:
    """Return the date and time on the country's clocks (Datetime without a zone) of texts in a format.

    Without an offset in the format, the text is the time on clocks of `zone`; an hour that occurs twice there is the
    first, and one that its clocks leave out is null. Years, and fields that touch, need all of their digits.
    """
    moment = _in_full(text, form).str.to_datetime(form, time_unit="us", strict=False)
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


def _in_full(text: pl.Expr, form: str) -> pl.Expr:
    return pl.when(text.str.contains(_with_full_fields(form))).then(text)


def has_century(form: str) -> bool:
    """Return whether a format gives the century of a year."""
    fields = {part[-1] for part in _parts(form) if part.startswith("%")}
    return not fields & {"y", "g"} or "C" in fields


def _parts(form: str) -> list[str]:
    """Return the fields of a format, as `%d`, and the texts between them."""
    whole = re.sub(r"%[A-Za-z%]", lambda field: _COMPOSED.get(field[0], field[0]), form)
    return re.findall(r"%[-#:.0-9_]*[A-Za-z+]|[^%]+", whole)


def _with_full_fields(form: str) -> str:
    """Return a pattern that a text matches if its years, and fields that touch, have all of their digits.

    The engine takes fewer: it reads `2019111` by `%Y%m%d` as 1 November, and `1/1/19` by `%d/%m/%Y` as a day in the
    year 19. A blank in a format may stand for several, but not for none.
    """
    parts = _parts(form)
    pattern = ""
    for before, part, after in zip(["", *parts], parts, [*parts[1:], ""], strict=False):
        touches = _is_number(before) or before[-1:].isdigit() or _is_number(after) or after[:1].isdigit()
        if not part.startswith("%"):
            pattern += re.sub(r"(?:\\ |\s)+", r"\\s+", re.escape(part.replace("\0", "%")))
        elif _is_number(part) and (touches or part[-1] in _YEARS):
            pattern += f"[0-9]{{{_WIDTHS[part[-1]]}}}"
        else:
            pattern += ".*"
    return f"^{pattern}$"


def _is_number(part: str) -> bool:
    return part.startswith("%") and part[-1] in _WIDTHS
