"""The form `hidden_state`: how likely people are to be here, by a hidden Markov model of their signs over the years.

Unlike other families this one is fitted to the study: `rules/hidden_state/` has the model, which needs no survey and
no truth. It is refused where it does not reproduce how sources overlap; then nobody is a resident by it.
"""

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Literal

import duckdb
import numpy as np
import polars as pl
from pydantic import Field, model_validator

from pipeline.tables import make_table_of
from rules.families.resident_family import ResidentFamily, SignIds
from rules.families.trimming import by_source_family, trimming_depth
from rules.fields import Age, Cases, Classes, Probability, Share, Years
from rules.hidden_state.classes import choose_classes
from rules.hidden_state.expectation import presence
from rules.hidden_state.histories import Tree
from rules.hidden_state.model import Model, Signs
from rules.hidden_state.overlaps import Overlap, overlaps
from rules.hidden_state.person_years import PersonYears, person_years
from rules.sql_text import position_in, quoted

PRESENCE = {"person_id": pl.Int64, "reference_date": pl.Date, "presence": pl.Float64}


class HiddenState(ResidentFamily):
    """Everybody, with the probability of being present; residents have at least `resident_from`.

    `lists` are signs that people keep giving for a time after they have left, `departures` those given by people who
    have left, and all other `signs` are rarely given by people who are absent: in a year at most with
    `false_sign_at_most`. Signs depend on whether a person is younger than `adult_from` or `pensioner_from`; signs of
    `memory` years before the first reference date count. At most `classes_at_most` classes of people are tried. The
    model is refused if it puts more than `misplaced_at_most` of the person-years elsewhere than two signs do, or if
    there are fewer than `people_at_least`.
    """

    form: Literal["hidden_state"]
    signs: SignIds = Field(min_length=2)
    lists: SignIds = ()
    departures: SignIds = ()
    adult_from: Age
    pensioner_from: Age
    memory: Years
    delivered_share: Share
    false_sign_at_most: Probability
    classes_at_most: Classes
    misplaced_at_most: Share
    people_at_least: Cases
    resident_from: Probability

    @model_validator(mode="after")
    def _meanings_are_of_signs(self) -> "HiddenState":
        for key, names in (("lists", self.lists), ("departures", self.departures)):
            for name in names:
                if name not in self.signs:
                    raise ValueError(f"'{name}' in '{key}' is not among its signs. Name it in 'signs' too")
        return self

    @property
    def all_signs(self) -> tuple[str, ...]:
        """The ids of its signs."""
        return self.signs

    @property
    def memory_years(self) -> int:
        """How many years before the first reference date the family looks at signs."""
        return max(int(value) for value in self.memory.values.values())

    @property
    def presence(self) -> str:
        """SQL of the probability that a candidate is here."""
        return "presence"

    @property
    def present_from(self) -> str:
        """SQL of the probability from which a candidate is a resident."""
        return self.resident_from.at("reference_date")

    def prepare(self, connection: duckdb.DuckDBPyConnection, years: Sequence[int]) -> tuple[str, ...]:
        """Make `presence_of_<id>`: the model is fitted to the signs of all people.

        Returns why it is refused, if it is; then nobody is present.
        """
        last = max(years)
        observed = person_years(
            connection,
            self.signs,
            range(min(years) - int(self.memory.on(_day(min(years)))), last + 1),
            (int(self.adult_from.on(_day(last))), int(self.pensioner_from.on(_day(last)))),
            float(self.delivered_share.on(_day(last))),
        )
        refused: list[str] = []

        def fitted() -> pl.DataFrame:
            histories = observed.histories
            if histories.total < self.people_at_least.on(_day(last)):
                refused.append(f"{histories.total:,.0f} people are too few to fit it")
                return pl.DataFrame(schema=PRESENCE)
            model = choose_classes(
                histories, self._meaning(last), observed.bands, int(self.classes_at_most.on(_day(last)))
            ).fitted.model
            worst = overlaps(histories, model)[0]
            if worst.misplaced > self.misplaced_at_most.on(_day(last)):
                refused.append(self._does_not_fit(worst, model))
                return pl.DataFrame(schema=PRESENCE)
            return _presence(observed, model)

        made_from = hashlib.sha256(observed.content() + self.model_dump_json().encode()).hexdigest()
        make_table_of(connection, f"presence_of_{self.id}", made_from, fitted)
        return tuple(refused)

    def candidates(self) -> str:
        """Return SQL of the candidates; a sign of the year decides, or else the model itself."""
        return f"""
        SELECT person_id, reference_date, coalesce(sign_of_the_year, {quoted(self.id)}) AS decided_by,
            coalesce(depth, 0) AS trimming_depth, presence
        FROM presence_of_{self.id} LEFT JOIN (
            SELECT person_id, reference_date, min_by(sign, {position_in(self.signs, "sign")}) FILTER (WHERE counts)
                AS sign_of_the_year, {trimming_depth()} AS depth
            FROM ({by_source_family([one for one in self.signs if one not in self.departures])})
            GROUP BY person_id, reference_date
        ) USING (person_id, reference_date)
        SEMI JOIN reference USING (reference_date) WHERE presence > 0"""

    def _meaning(self, year: int) -> Signs:
        lists, departures = (
            tuple(self.signs.index(name) for name in names) for names in (self.lists, self.departures)
        )
        return Signs(len(self.signs), lists, departures, float(self.false_sign_at_most.on(_day(year))))

    def _does_not_fit(self, worst: Overlap, model: Model) -> str:
        when = "of a year and of the next one" if worst.later else "of one year"
        return (
            f"with {model.classes} classes of people it does not reproduce how '{self.signs[worst.first]}' and "
            f"'{self.signs[worst.second]}' {when} overlap ({worst.seen:.1%} of person-years have both, "
            f"{worst.expected:.1%} are expected; {worst.misplaced:.1%} are misplaced)"
        )


def _day(year: int) -> date:
    return date(year, 6, 30)


def _presence(observed: PersonYears, model: Model) -> pl.DataFrame:
    """Return the probability that people were here, by person and day on which they lived."""
    by_history = presence(Tree.of(observed.histories), model)
    rows, years = np.nonzero(observed.alive)
    since = years - observed.first_year[rows]
    return pl.DataFrame(
        {
            "person_id": observed.person_id[rows],
            "reference_date": np.array([_day(year) for year in observed.years], dtype="datetime64[D]")[years],
            "presence": by_history[observed.histories.row_of[rows], since].round(6),
        },
        schema=PRESENCE,
    )
