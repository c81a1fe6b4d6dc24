"""Measures of the truth: residents, births, deaths, migration flows and visits."""

from datetime import date

import polars as pl

from synthetic_data.benchmarks.counting import MeasuredFigure, Where, chosen, counted
from synthetic_data.benchmarks.observed_study import ObservedStudy


def residents(
    study: ObservedStudy, on: date, where: Where | None = None, among: Where | None = None
) -> MeasuredFigure:
    """Usual residents on a day, or their share."""
    return counted(study.residents(on), where, among)


def births(
    study: ObservedStudy, begin: date, until: date, where: Where | None = None, among: Where | None = None
) -> MeasuredFigure:
    """Births in the country from one day to another, inclusive; `mother_born_here` is the mother's."""
    people = study.truth("people")
    born = people.filter(pl.col("mother").is_not_null(), pl.col("birth_date").is_between(begin, until))
    mothers = people.select(mother="person", mother_born_here=pl.col("country_of_birth") == "GB")
    return counted(born.join(mothers, on="mother", how="left"), where, among)


def deaths(study: ObservedStudy, begin: date, until: date, where: Where | None = None) -> MeasuredFigure:
    """Deaths in the country from one day to another, inclusive."""
    return counted(study.truth("people").filter(pl.col("death_date").is_between(begin, until)), where)


def flows(
    study: ObservedStudy, begin: date, until: date, years: float, of_years: float, where: Where | None = None
) -> MeasuredFigure:
    """Long-term immigrations less emigrations; a filter on `direction` keeps one of them, as a positive number.

    The yearly mean over the `years` from one day to another, times `of_years`. Nationality is that on arrival:
    registers of migrants do not record naturalisation.
    """
    people = study.truth("people")
    moves = study.truth("migrations").filter(pl.col("date").is_between(begin, until)).join(people, on="person")
    rows = chosen(moves, where)
    came = len(rows.filter(pl.col("direction") == "immigration"))
    number = len(rows) if "direction" in (where or {}) else 2 * came - len(rows)
    return MeasuredFigure(number / years * of_years, len(rows))


def visits(
    study: ObservedStudy, begin: date, until: date, where: Where | None = None, among: Where | None = None
) -> MeasuredFigure:
    """Visits of one to twelve months that begin from one day to another; `kind` is the class of their length."""
    every = study.truth("statuses").filter(pl.col("definition") == "short_term_1_to_12")
    return counted(every.filter(pl.col("date").is_between(begin, until)), where, among)
