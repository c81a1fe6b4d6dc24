"""Predicates of an evidence rule over the other rows of the same subject: first, earlier, later, count, in force.

A rule declares a predicate by name, and names it in its conditions:

    [evidence.other_rows]
    studied_before = { earlier = "study_location = 'united_kingdom'" }
    trips = { count = "direction = 'arrival'", before = "$trips_window" }
    visa = { in_force = "permission_to_stay" }

Rows are the records of the subject in the extract that the rule reads, by the rule's `date`; a row without a date is
none of them. `visa` is the code of the evidence that another rule on the same source gives for that day.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import model_validator

from pipeline.toml_files import Frozen
from rules.parameters import Parameter

Form = Literal["first", "earlier", "later", "count", "in_force"]


class OtherRows(Frozen):
    """A predicate: one of five forms, with the windows that the form takes.

    `first`: no earlier row meets the condition, and this one does (several of one day all are first). `earlier` and
    `later`: another row on an earlier, or later, day meets it, at most `within` away if that is given. `count`: how
    many rows meet it from `before` before the day to `after` after it, both days included; without one of them, on
    that side, only rows of the day itself. `in_force`: the code of the evidence of another rule on the day, of
    several that of the latest start; null if there is none.
    """

    first: str | None = None
    earlier: str | None = None
    later: str | None = None
    count: str | None = None
    in_force: str | None = None
    within: str | None = None
    before: str | None = None
    after: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "OtherRows":
        forms = [
            name for name in ("first", "earlier", "later", "count", "in_force") if getattr(self, name) is not None
        ]
        if len(forms) != 1:
            raise ValueError("give one of first, earlier, later, count and in_force")
        taken = {"earlier": {"within"}, "later": {"within"}, "count": {"before", "after"}}.get(forms[0], set())
        for window in self.windows:
            if window not in taken:
                raise ValueError(f"'{window}' has no meaning with '{forms[0]}'. Remove it")
        return self

    @property
    def form(self) -> Form:
        """Which of the five it is."""
        forms: tuple[Form, ...] = ("first", "earlier", "later", "count", "in_force")
        return next(name for name in forms if getattr(self, name) is not None)

    @property
    def condition(self) -> str | None:
        """The condition that other rows meet; `in_force` has none."""
        return None if self.form == "in_force" else getattr(self, self.form)

    @property
    def windows(self) -> dict[str, str]:
        """The windows given, each the name of a parameter with a dollar."""
        given = {"within": self.within, "before": self.before, "after": self.after}
        return {name: text for name, text in given.items() if text is not None}


def predicate_as_sql(form: Form, date: str, windows: Mapping[str, Parameter], condition: str, in_force: str) -> str:
    """Return SQL of a predicate for each row `own` of an extract.

    `date` is the rule's date as SQL, `condition` that of other rows, `in_force` the SELECT of the other rule.
    """
    if form == "in_force":
        return f"""(
            SELECT max_by(coalesce(other.code, ''), struct_pack(day := other."date", record := other.record_id))
            FROM ({in_force}) AS other
            WHERE other.subject_id = own.subject_id AND other."date" <= {date}
                AND coalesce(other.end_date > {date}, true))"""
    met = f"coalesce({condition}, false) AND {date} IS NOT NULL"
    frames = {
        "first": "UNBOUNDED PRECEDING AND INTERVAL 1 DAY PRECEDING",
        "earlier": f"{_span(windows, 'within', date) or 'UNBOUNDED'} PRECEDING AND INTERVAL 1 DAY PRECEDING",
        "later": f"INTERVAL 1 DAY FOLLOWING AND {_span(windows, 'within', date) or 'UNBOUNDED'} FOLLOWING",
        "count": f"{_span(windows, 'before', date) or 'INTERVAL 0 DAY'} PRECEDING"
        f" AND {_span(windows, 'after', date) or 'INTERVAL 0 DAY'} FOLLOWING",
    }
    rows = f"(PARTITION BY subject_id ORDER BY {date} RANGE BETWEEN {frames[form]})"
    if form == "count":
        return f"count(*) FILTER (WHERE {met}) OVER {rows}"
    other = f"coalesce(bool_or({met}) OVER {rows}, false)"
    return f"({met} AND NOT {other})" if form == "first" else other


def _span(windows: Mapping[str, Parameter], name: str, date: str) -> str | None:
    return windows[name].interval(date) if name in windows else None
