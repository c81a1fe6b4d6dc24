"""What decided about a person, by how much, and which single change would have decided otherwise.

Everything is read from the trace that the rules leave in `stays`, `migrations` and `residents`: which branch held,
the deciding quantity and its margin. A change of one quantity or of one threshold, all else equal, is then a matter
of subtraction. A parameter that would date a stay otherwise, or choose other evidence, needs the rules themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl

from publication.people.person import Person


@dataclass(frozen=True)
class Thresholds:
    """The parameters of a stay rule whose days a stay, and the absence that ends it, must exceed, by their ids."""

    longer: str | None = None
    absent: str | None = None


@dataclass(frozen=True)
class Flip:
    """One change that alone would give another outcome: of the deciding quantity by `days`, or of a `parameter`.

    A parameter is named as `sojourn sweep --set` names it, and `value` is the nearest value that suffices.
    """

    change: str
    outcome: str
    days: int | None = None
    parameter: str | None = None
    value: int | None = None


@dataclass(frozen=True)
class Decision:
    """One step of the path: what was decided, by which rule and branch, from which records, with which margin.

    `quantity` is what decided, if it is a number: its `value` must be more than `needed`, and is `margin` above it
    (zero or less: not above). `records` are pairs of an evidence rule and a `record_id`.
    """

    about: str
    begins: date
    outcome: str
    rule: str
    branch: str
    because: str
    quantity: str | None = None
    value: int | None = None
    needed: int | None = None
    margin: int | None = None
    probability: float | None = None
    records: tuple[tuple[str, int], ...] = ()
    flips: tuple[Flip, ...] = field(default=())


LONG_TERM = ("long_term", "conflict")
"""The statuses of long-term stays; who is in conflict was seen to leave, and then inside."""


RESIDENT, NOT_RESIDENT = "resident", "not resident"


def decisions_of(
    person: Person, measured_by: Sequence[Decision] = (), thresholds: Mapping[str, Thresholds] | None = None
) -> tuple[Decision, ...]:
    """Return what was decided about a person: who it is, stay by stay under the published definition, day by day.

    `measured_by` is what the rules know of the choice of the stay rule; it follows on who the person is. `thresholds`
    are the parameters of each stay rule, by its id: without them no change of a parameter is named.
    """
    named = thresholds or {}
    stays = person.decided_stays.to_dicts()
    migrations = {(row["date"], str(row["direction"])): row for row in person.migrations.to_dicts()}
    found = [*_joined(person), *measured_by]
    for stay, following in zip(stays, [*stays[1:], None], strict=True):
        own = named.get(stay["stay_rule"], Thresholds())
        found.append(_stay(stay, migrations.get((stay["start"], "immigration")), own.longer))
        if stay["status"] in LONG_TERM and stay["end"] is not None and stay["end_reason"] != "death":
            emigration = migrations.get((stay["end"], "emigration"))
            found.append(_absence(stay, following["start"] if following else None, emigration, own.absent))
    return (*found, *_residences(person.residents.to_dicts(), stays))


def nearest_flip(decisions: tuple[Decision, ...]) -> tuple[Decision, Flip] | None:
    """Return the smallest change in days that would give another outcome, and the decision that it changes."""
    changes = [(one, flip) for one in decisions for flip in one.flips if flip.days is not None]
    return min(changes, key=lambda change: abs(change[1].days or 0), default=None)


def _joined(person: Person) -> list[Decision]:
    """Return that the records are one person: as sure as the record whose likeliest link is the weakest."""
    joined = person.links.filter("joined") if person.links.width else person.links
    if joined.is_empty():
        return []
    ends = [("source", "subject_id"), ("other_source", "other_subject_id")]
    weakest = (
        pl.concat(joined.with_columns(record_of=source, subject=subject) for source, subject in ends)
        .sort("match_weight", "record_of", "subject", descending=[True, False, False])
        .unique(["record_of", "subject"], keep="first", maintain_order=True)
        .row(-1, named=True)
    )
    own = person.evidence.filter(source=weakest["record_of"], subject_id=weakest["subject"])
    rules = ", ".join(own["rule_id"].unique().sort()) or "no evidence"
    return [
        Decision(
            about="the records",
            begins=person.data_date,
            outcome=f"{person.subjects.height} subjects are one person",
            rule=weakest["method"],
            branch="joined",
            because=f"the least certain link is {weakest['source']}:{weakest['subject_id']} to "
            f"{weakest['other_source']}:{weakest['other_subject_id']}",
            probability=weakest["match_probability"],
            flips=(
                Flip(
                    f"{weakest['record_of']}:{weakest['subject']} is another person's",
                    f"so is what it shows: {rules}",
                ),
            ),
        )
    ]


def _stay(stay: dict[str, Any], immigration: dict[str, Any] | None, parameter: str | None) -> Decision:
    margin, days = stay["days_over_threshold"], stay["days"]
    needed = None if margin is None else days - margin
    outcome = _in_words(stay["status"])
    if immigration is not None:
        outcome += f"; immigration, {_chance(immigration)}"
    elif stay["status"] in LONG_TERM and not stay["starts_by_arrival"]:
        outcome += "; no immigration"
    return Decision(
        about=f"stay from {stay['start']} to {stay['end'] or 'now'}",
        begins=stay["start"],
        outcome=outcome,
        rule=stay["stay_rule"],
        branch=stay["branch"],
        because=_because(stay, needed),
        quantity=None if needed is None else "days of the stay",
        value=None if needed is None else days,
        needed=needed,
        margin=margin,
        probability=stay["probability"],
        records=tuple(
            dict.fromkeys([(stay["start_rule"], stay["start_record"]), (stay["end_rule"], stay["end_record"])])
        ),
        flips=_flips_of_stay(stay, needed, parameter),
    )


def _because(stay: dict[str, Any], needed: int | None) -> str:
    days = _days(stay["days"])
    ended = f"ended on {stay['end']} ({stay['end_reason'].replace('_', ' ')})"
    return {
        "present_before": "present long before the first record, so that no length decides",
        "born_here": "born here, and never left",
        "long_enough": f"lasted {days}, more than {needed}",
        "died_before": f"died after {days}, not more than {needed}",
        "may_go_on": f"still present after {days}; more than {needed} are needed",
        "may_return": f"{ended} after {days}, absent for {stay['absent_days']} since: a return may lengthen it",
        "too_short": f"{ended} after {days}, not more than {needed}",
    }[stay["branch"]]


def _flips_of_stay(stay: dict[str, Any], needed: int | None, parameter: str | None) -> tuple[Flip, ...]:
    if needed is None:
        if stay["branch"] == "born_here":
            return (Flip("a departure for good on record", "no longer resident"),)
        return (Flip("an arrival on record", f"its length decides: {_days(stay['days'])} known"),)
    margin, days = stay["days_over_threshold"], stay["days"]
    if margin > 0:
        less = Flip(f"{_days(margin)} less", "not long-term", days=-margin)
        return (less, *_at_least(parameter, days, "not long-term"))
    enough = stay["start"] + timedelta(needed + 1)
    what = f"{_days(1 - margin)} more"
    if stay["branch"] == "may_go_on":
        what = f"present until {enough}: {what}"
    if stay["branch"] == "may_return":
        what = f"a return by {_last_return(stay)}, and presence until {enough}"
    return (Flip(what, "long-term", days=1 - margin), *_at_most(parameter, days - 1, "long-term"))


def _at_least(parameter: str | None, value: int, outcome: str) -> tuple[Flip, ...]:
    if parameter is None:
        return ()
    return (Flip(f"{parameter} of {value:,} or more", outcome, parameter=parameter, value=value),)


def _at_most(parameter: str | None, value: int, outcome: str) -> tuple[Flip, ...]:
    if parameter is None or value < 0:
        return ()
    return (Flip(f"{parameter} of {value:,} or less", outcome, parameter=parameter, value=value),)


def _last_return(stay: dict[str, Any]) -> date:
    """Return the last day on which a return would not have ended the stay."""
    return stay["end"] + timedelta(stay["absent_days"] - stay["absent_days_over_threshold"])


def _absence(
    stay: dict[str, Any], return_on: date | None, emigration: dict[str, Any] | None, parameter: str | None
) -> Decision:
    needed = stay["absent_days"] - stay["absent_days_over_threshold"]
    days = stay["absent_days"] if return_on is None else (return_on - stay["end"]).days
    margin = days - needed
    gone = f"absent for {_days(days)}" + ("" if return_on is None else f", until {return_on}")
    if margin > 0:
        because = f"{gone}: more than {needed} end a stay"
        flips = [
            Flip(f"a return by {_last_return(stay)}, {_days(margin)} earlier", "no emigration", days=-margin),
            *_at_least(parameter, days, "no emigration"),
        ]
    else:
        because = f"{gone}; more than {needed} are needed, so it is not known yet"
        flips = [
            Flip(f"a return by {_last_return(stay)}", "no emigration"),
            Flip(f"no return by then: {_days(1 - margin)} more", "emigration, certain", days=1 - margin),
        ]
        if days > 1:
            flips += _at_most(parameter, days - 1, "emigration, certain")
    return Decision(
        about=f"absence from {stay['end']}",
        begins=stay["end"],
        outcome="no emigration" if emigration is None else f"emigration, {_chance(emigration)}",
        rule=stay["stay_rule"],
        branch="absent_long_enough" if margin > 0 else "may_return",
        because=because,
        quantity="days of absence",
        value=days,
        needed=needed,
        margin=margin,
        probability=None if emigration is None else emigration["probability"],
        records=((stay["end_rule"], stay["end_record"]),),
        flips=tuple(flips),
    )


def _in_words(status: str) -> str:
    if status == "conflict":
        return "long-term, in conflict: seen to leave, and then inside"
    return status.replace("_", "-")


def _residences(residents: list[dict[str, Any]], stays: list[dict[str, Any]]) -> list[Decision]:
    """Return whether the person lived here on each day, by the published family of residence rules."""
    return [
        _residence(row, [one for one in residents if one["reference_date"] == row["reference_date"]], stays)
        for row in residents
        if row["published"]
    ]


def _residence(row: dict[str, Any], by_family: list[dict[str, Any]], stays: list[dict[str, Any]]) -> Decision:
    day = row["reference_date"]
    begun = [stay for stay in stays if stay["start"] <= day]
    because = "no stay has begun by then"
    if begun:
        last = begun[-1]
        gone = last["end"] is not None and last["end"] <= day
        because = f"{'after' if gone else 'in'} the stay from {last['start']}, which is {_in_words(last['status'])}"
    expected = "" if row["probability"] in (0, 1) else f" with probability {row['probability']:.2f}"
    flips = (*_other_end(row, begun[-1] if begun else None), *_other_families(row, by_family))
    return Decision(
        about=f"residence on {day}",
        begins=day,
        outcome=(RESIDENT if row["resident"] else NOT_RESIDENT) + expected,
        rule=row["decided_by"],
        branch="counted" if row["resident"] else "excluded",
        because=because,
        probability=row["probability"],
        flips=flips,
    )


def _other_end(row: dict[str, Any], stay: dict[str, Any] | None) -> tuple[Flip, ...]:
    """Return which other end of the stay under way, or of the last one, would change residence on the day.

    Its days are in the words alone: the nearest change of a person is one of a stay or an absence.
    """
    if stay is None or stay["end"] is None or stay["end_reason"] == "death" or stay["status"] not in LONG_TERM:
        return ()
    days = (row["reference_date"] - stay["end"]).days
    if row["resident"] and days < 0:
        return (Flip(f"the end of the stay {_days(-days)} earlier", NOT_RESIDENT),)
    if not row["resident"] and days >= 0:
        return (Flip(f"the end of the stay {_days(days + 1)} later", RESIDENT),)
    return ()


def _other_families(row: dict[str, Any], by_family: list[dict[str, Any]]) -> tuple[Flip, ...]:
    """Return which families of residence rules decide otherwise; by one without a row the person is none."""
    outcome = NOT_RESIDENT if row["resident"] else RESIDENT
    others = [one for one in by_family if not one["published"] and one["resident"] != row["resident"]]
    return tuple(Flip(f"residents published by {one['family']} ({one['decided_by']})", outcome) for one in others)


def _chance(migration: dict[str, Any]) -> str:
    if migration["status"] == "certain":
        by_rules = migration["probability"] == 1
        return "certain" if by_rules else f"certain by the rules, probability {migration['probability']:.2f}"
    return f"{migration['status']} ({migration['probability']:.2f})"


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number:,} days"
