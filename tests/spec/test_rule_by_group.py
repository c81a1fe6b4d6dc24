"""The definition `by_group`: each spell of a person by the method of its group, exclusive and exhaustive."""

import datetime as dt
import random
from functools import cache
from itertools import pairwise

import polars as pl
import pytest
from rule_timelines import DATA_DATE, observed, outcomes_of, tax_year

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contracts
from pipeline.tables import connect, query
from rules.classification import make_classified_stays
from rules.model import RuleSet
from rules.rule_file import SETS
from rules.rule_set import read_rules
from rules.timelines import PERSON, SCHEMA, piece_of_evidence

D = dt.date
NEVER = D(9999, 12, 31)
GROUPS = (
    ("enrolment_and_travel", {"foreign_student_enrolled"}),
    ("first_arrival_last_departure", {"border_in", "border_out", "permission_to_stay"}),
    ("weeks_of_activity", {"weeks_active", "worker_arrived"}),
    ("registration", set()),
)
METHODS = [method for method, _ in GROUPS]


@cache
def definitions() -> RuleSet:
    return read_rules(SETS / "definitions_2019.toml", read_contracts())


def enrolled(start: dt.date, end: dt.date) -> dict:
    rule = next(one for one in definitions().evidence.rules if one.id == "foreign_student_enrolled")
    return piece_of_evidence(rule, start, end, code="study")


def permitted(start: dt.date, end: dt.date | None, code: str) -> dict:
    return observed("permission_to_stay", start, end, code=code)


CAME = D(2013, 9, 20)
PEOPLE = {
    # studies, then works: neither the end of the course nor the first job is a migration
    "student who stays to work": [
        enrolled(CAME, D(2014, 7, 1)), enrolled(D(2014, 9, 20), D(2015, 7, 1)),
        tax_year(2015, 40), tax_year(2016, 52), tax_year(2017, 52), tax_year(2018, 52),
    ],
    "student who leaves": [
        enrolled(CAME, D(2014, 7, 1)), enrolled(D(2014, 9, 20), D(2015, 7, 1)),
        observed("border_in", CAME), observed("border_out", D(2015, 7, 10)),
    ],
    # worked here, left for years, and came back on a visa
    "worker, then on a visa": [
        *(tax_year(year, 52) for year in range(2009, 2012)),
        permitted(D(2016, 1, 5), D(2018, 1, 5), "work"),
        observed("border_in", D(2016, 1, 10)), observed("border_out", D(2017, 12, 1)),
    ],
    "another visa without a journey": [
        permitted(CAME, D(2015, 10, 1), "study"), permitted(D(2015, 10, 1), D(2018, 10, 1), "work"),
        observed("border_in", CAME), observed("border_out", D(2018, 9, 1)),
    ],
    "only listed": [observed("nhs_first_from_abroad", CAME), observed("nhs_posted", CAME),
                    *(observed("nhs_posted", D(year, 5, 1)) for year in range(2014, 2020))],
}  # fmt: skip


@cache
def decided() -> dict[str, tuple[list, list[str]]]:
    """Return the stays by the definition, and the migrations, of each person."""
    rules = definitions()
    rules = rules.model_copy(update={"people": rules.people.model_copy(update={"published": "by_group"})})
    found = outcomes_of(list(PEOPLE.values()), rule_set=rules)
    return {
        name: (
            one.stays.filter(definition="by_group").sort("start").select("start", "end", "stay_rule").rows(),
            one.migrations,
        )
        for name, one in zip(PEOPLE, found, strict=True)
    }


def test_a_student_who_stays_to_work_does_not_leave_when_the_course_ends() -> None:
    stays, migrations = decided()["student who stays to work"]
    assert [(start, end) for start, end, _ in stays] == [(CAME, None)]
    assert migrations == ["immigration 2013-09 certain"]


def test_a_student_is_measured_by_enrolment_and_travel() -> None:
    assert decided()["student who leaves"] == (
        [(CAME, D(2015, 7, 10), "enrolment_and_travel")],
        ["immigration 2013-09 certain", "emigration 2015-07 certain"],
    )


def test_a_person_has_a_method_for_each_spell() -> None:
    """By the composite, a record of the border decides the method of a person for all time."""
    stays, migrations = decided()["worker, then on a visa"]
    assert [rule for *_, rule in stays] == ["weeks_of_activity", "first_arrival_last_departure"]
    assert migrations == [
        "emigration 2012-04 certain", "immigration 2016-01 certain", "emigration 2017-12 certain",
    ]  # fmt: skip


def test_another_visa_neither_makes_nor_hides_a_migration() -> None:
    stays, migrations = decided()["another visa without a journey"]
    assert len(stays) == 1
    assert migrations == ["immigration 2013-09 certain", "emigration 2018-09 certain"]


def test_who_is_in_no_other_group_is_measured_by_registers() -> None:
    stays, migrations = decided()["only listed"]
    assert [rule for *_, rule in stays] == ["registration"]
    assert migrations == ["immigration 2013-09 certain"]


# --- every spell in one group, slowly ----------------------------------------------------------------


def random_person(rng: random.Random) -> list[dict]:
    def day() -> dt.date:
        return D(2010, 1, 1) + dt.timedelta(rng.randrange(3600))

    rows: list[dict] = []
    if rng.random() < 0.6:
        rows += [observed(rng.choice(["border_in", "border_out"]), day()) for _ in range(rng.randrange(1, 6))]
    if rng.random() < 0.6:
        rows += [tax_year(year, rng.choice([5, 26, 52])) for year in range(2009, 2019) if rng.random() < 0.5]
    for _ in range(rng.randrange(3)):
        start = day()
        end = start + dt.timedelta(rng.choice([100, 300, 700]))
        rows.append(permitted(start, end, rng.choice(["study", "work", "extension", "protection"])))
    for _ in range(rng.randrange(3)):
        start = day()
        rows.append(enrolled(start, start + dt.timedelta(rng.choice([60, 280]))))
    if rng.random() < 0.4:
        rows += [observed(rng.choice(["nhs_first_from_abroad", "nhs_posted"]), day()) for _ in range(2)]
    return rows or [tax_year(2014, 52)]


def spells_of(people: list[list[dict]]) -> pl.DataFrame:
    """Return the spells by each method and by the definition: `definition, stay_rule` and the columns of spells."""
    connection = connect(1)
    rows = [
        {"person_id": person, "record_id": record, "area": None, **one}
        for person, evidence in enumerate(people)
        for record, one in enumerate(evidence)
    ]
    connection.register("person_evidence", pl.DataFrame(rows, schema=SCHEMA))
    everybody = [(person, D(1985, 5, 1), "EU", None) for person in range(len(people))]
    connection.register("person", pl.DataFrame(everybody, schema=PERSON, orient="row"))
    nobody = {"person_id": pl.Int64, "adult_id": pl.Int64}
    connection.register("family", pl.DataFrame(schema=nobody))
    make_classified_stays(connection, definitions().people, DATA_DATE, "found")
    parts = [f"SELECT '{one}' AS definition, '{one}' AS stay_rule, * FROM spells_of_{one}" for one in METHODS]
    parts.append("SELECT 'by_group' AS definition, * FROM spells_of_by_group")
    return query(connection, " UNION ALL BY NAME ".join(parts)).sort("definition", "person_id", "start")


def joined(intervals: list[tuple[dt.date, dt.date]]) -> list[tuple[dt.date, dt.date]]:
    found: list[tuple[dt.date, dt.date]] = []
    for start, stop in sorted(one for one in intervals if one[0] <= one[1]):
        if found and (start - found[-1][1]).days <= 365:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


def lies_in(one: dict, opens: dt.date, closes: dt.date) -> bool:
    last = NEVER if one["kind"] == "permission" else one["date"]
    last = last if one["end_date"] is None else one["end_date"] - dt.timedelta(1)
    return one["date"] <= closes and last >= opens


def of_unit(evidence: list[dict], spells: list[dict], opens: dt.date, closes: dt.date) -> tuple[str, list]:
    """Return the method of a spell of presence, and what it and the next one tell of it."""
    inside = {one["rule_id"] for one in evidence if lies_in(one, opens, closes)}
    known = {one["stay_rule"] for one in spells}
    applies = [method for method, needs in GROUPS[:-1] if needs & inside and method in known]
    applies += [method for method in (METHODS[-1], *METHODS) if method in known]
    own_rule, next_rule = applies[0], next((one for one in applies if one != applies[0]), None)
    own = [one for one in spells if one["stay_rule"] == own_rule]
    told = []
    for place, one in enumerate(own):
        before = own[place - 1]["stop"] if place else D.min
        after = own[place + 1]["start"] if place + 1 < len(own) else None
        start = one["start"]
        for other in (spell for spell in spells if spell["stay_rule"] == next_rule):
            begins, ends = other["start"], other["stop"]
            back = one["end_reason"] == "assumed" and (start - begins).days > 183 and ends >= start
            if begins < start and ends >= before and (one["start_kind"] == "unknown" or back):
                told.append((max(begins, before), min(ends, start)))
            unseen = one["end_reason"] in ("assumed", "permission_end")
            if unseen and ends > start and (after is None or begins < after):
                told.append((max(begins, start), min(ends, after or NEVER)))
    intervals = [(one["start"], one["stop"]) for one in own]
    return own_rule, joined(intervals + told) if told else intervals


def test_every_spell_is_in_one_group_and_measured_by_its_rule() -> None:
    rng = random.Random(11)
    people = [random_person(rng) for _ in range(300)]
    spells = spells_of(people)
    rules_used = set()
    for person, evidence in enumerate(people):
        own = spells.filter(person_id=person)
        by_method = own.filter(pl.col("definition") != "by_group").to_dicts()
        units = joined([(one["start"], one["stop"]) for one in by_method])
        expected = []
        for opens, closes in units:
            inside = [one for one in by_method if opens <= one["start"] <= closes]
            rule, intervals = of_unit(evidence, inside, opens, closes)
            rules_used.add(rule)
            assert intervals, "exhaustive: a spell that any method knows of is measured"
            expected += intervals
        found = own.filter(definition="by_group").select("start", "stop").rows()
        assert found == sorted(expected), (person, evidence)
        assert all((start - stop).days > 365 for (_, stop), (start, _) in pairwise(found)), "exclusive"
    assert rules_used == set(METHODS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[stay.group]]\nid = "others"\nstay = "continuous_12"',
            "group 'others': the stay rule 'continuous_12' looks",
        ),
        ('[[stay.group]]\nid = "others"\nstay = "weeks"', "group 'others': unknown stay rule 'weeks'"),
        (
            '[[stay.group]]\nid = "active"\nevidence = ["weeks"]',
            "group 'active', key 'evidence': unknown evidence rule",
        ),
        ('[[stay.group]]\nid = "active"\nevidence = []', "only the last group may, and must, be for everyone else"),
    ],
)
def test_a_mistake_in_a_group_is_reported_where_it_is_written(tmp_path, text: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    head = 'id = "mine"\ntitle = "Mine"\nsays = "A test."\nextends = "definitions_2019"\n[[stay]]\nid = "by_group"\n'
    file.write_text(head + text)
    with pytest.raises(UserError) as error:
        read_rules(file, read_contracts())
    assert str(file) in str(error.value)
    assert message in str(error.value)
