"""Attributes of a person: the precedence of sources, the most frequent value, the mother's, a default."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

import rules
from pipeline.ingest.contracts import read_contracts
from pipeline.tables import connect, query
from rules.parameters import parameters_in, with_values
from rules.people import people_table
from rules.rule_set import read_rules

D = dt.date
DEFAULT = Path(rules.__file__).parent / "sets" / "long_term_2019.toml"
EXTRACTS = {
    "exit_checks_travel": "nationality", "exit_checks_visas": "nationality", "mws": "nationality",
    "hesa": "nationality", "pds": "country_of_birth",
    "activity_people": None, "pr": None, "births": None, "deaths": None, "coverage_survey": "nationality",
}  # fmt: skip
SOURCES = {"exit_checks_travel": "exit_checks", "exit_checks_visas": "exit_checks", "activity_people": "activity"}


def attributes_of(
    *records: tuple[str, int, str | None],
    sex: dict[str, str] | None = None,
    mothers: dict[int, int] | None = None,
    survey_only: bool = False,
    sexes: dict[tuple[str, int], str] | None = None,
    without: tuple[str, ...] = (),
    born: dict[int, int] | None = None,
    values: dict[str, float] | None = None,
    evidence: pl.DataFrame | None = None,
    home: tuple[int, ...] = (),
) -> dict[int, dict]:
    """Return people by `person_id`; a record is (extract, person, country), its subject is the person's number.

    The people of `home` share a family name and an address.

    A person has also `views`: for each view of nationality the probability of each group that is possible.
    """
    connection = connect(1)
    members = set()
    for extract, column in EXTRACTS.items():
        rows = [(number, person, country) for number, (of, person, country) in enumerate(records, 1) if of == extract]
        source = SOURCES.get(extract, extract)
        members |= {(source, person) for _, person, _ in rows}
        frame = pl.DataFrame(
            {
                "record_id": [row[0] for row in rows], "subject_id": [row[1] for row in rows],
                "sex": [(sexes or {}).get((source, row[1]), (sex or {}).get(source, "F")) for row in rows],
                "birth_month": [D((born or {}).get(row[1], 1990), 5, 1) for row in rows],
                column or "unused": [row[2] for row in rows],
            },
            schema={"record_id": pl.Int64, "subject_id": pl.Int64, "sex": pl.String, "birth_month": pl.Date,
                    column or "unused": pl.String},
        )  # fmt: skip
        connection.register(f"records_{extract}", frame)
    if survey_only:
        members = {("coverage_survey", 1)}
    connection.register(
        "clusters",
        pl.DataFrame(
            [(source, subject, 0, subject) for source, subject in sorted(members)],
            schema={"source": pl.String, "subject_id": pl.Int64, "draw": pl.Int32, "person_id": pl.Int64},
            orient="row",
        ),
    )
    connection.register(
        "mothers",
        pl.DataFrame(
            [("births", child, "pds", mother) for child, mother in (mothers or {}).items()],
            schema={
                "source": pl.String,
                "subject_id": pl.Int64,
                "mother_source": pl.String,
                "mother_subject_id": pl.Int64,
            },
            orient="row",
        ),
    )
    nothing = pl.DataFrame(
        schema={"source": pl.String, "subject_id": pl.Int64, "record_id": pl.Int64, "rule_id": pl.String,
                "kind": pl.String, "date": pl.Date, "area": pl.String}
    )  # fmt: skip
    connection.register("evidence", nothing if evidence is None else evidence)
    tokens = {
        "subject_id": pl.Int64,
        "family_name": pl.UInt64,
        "postcode": pl.UInt64,
        "postcodes": pl.List(pl.UInt64),
    }
    of_home = [(person, 1, 1, [1]) for person in home]
    connection.register("tokens_pds", pl.DataFrame(of_home, schema=tokens, orient="row"))
    contracts = read_contracts()
    rules_on_people = with_values(read_rules(DEFAULT, contracts).people, values or {})
    delivered = {name: one for name, one in contracts.items() if name not in without}
    people = people_table(connection, rules_on_people, delivered, D(2019, 12, 31))
    views = query(connection, "SELECT * FROM person_nationality").rows()
    return {
        row["person_id"]: {
            **row,
            "views": {
                view: {group: share for one, at, group, share in views if (one, at) == (row["person_id"], view)}
                for view in ("registration", "current")
            },
        }
        for row in people.iter_rows(named=True)
    }


@pytest.mark.parametrize(
    ("records", "group", "source", "disagreements"),
    [
        ([("exit_checks_visas", 1, "IN"), ("mws", 1, "IN"), ("pds", 1, "GB")], "non_EU", "exit_checks", 1),
        ([("mws", 1, "PL"), ("hesa", 1, "DE")], "EU", "mws", 0),
        ([("mws", 1, "IE"), ("hesa", 1, "FR"), ("pds", 1, "IE")], "Irish", "mws", 1),
        ([("hesa", 1, "GB"), ("pds", 1, "RO")], "British", "hesa", 1),
        ([("pds", 1, "RO")], "EU", "pds", 0),
        ([("hesa", 1, None), ("pds", 1, "RO")], "EU", "pds", 0),
        ([("hesa", 1, "FR"), ("hesa", 1, "CN"), ("hesa", 1, "CN")], "non_EU", "hesa", 0),
        ([("hesa", 1, "CN"), ("hesa", 1, "FR")], "EU", "hesa", 0),
    ],
    ids=[
        "a passport before a statement", "a statement before another", "Irish", "British, born abroad",
        "by country of birth", "an empty value does not count",
        "the most frequent", "the latest of equally frequent",
    ],
)  # fmt: skip
def test_nationality(records: list[tuple[str, int, str | None]], group: str, source: str, disagreements: int) -> None:
    person = attributes_of(*records)[1]
    assert (person["nationality_group"], person["nationality_source"]) == (group, source)
    assert person["nationality_disagreements"] == disagreements


def test_whoever_no_record_tells_anything_of_is_of_any_group_and_not_silently_british() -> None:
    """Nobody is known at all: each of four groups is as likely."""
    person = attributes_of(("pds", 1, None))[1]
    assert person["views"]["registration"] == dict.fromkeys(("British", "Irish", "EU", "non_EU"), 0.25)
    assert (person["nationality_source"], person["nationality_probability"]) == ("estimated", 0.25)


def test_people_of_whom_nothing_is_told_are_like_others_with_the_same_records_who_are_told() -> None:
    """Six of eight were born in the country, two in the EU; overall (6 + 1) / (8 + 4), drawn by 10 cases to it."""
    people = attributes_of(
        *(("pds", number, "GB" if number <= 6 else "PL") for number in range(1, 9)), ("pds", 9, None)
    )
    overall = {"British": 7 / 12, "Irish": 1 / 12, "EU": 3 / 12, "non_EU": 1 / 12}
    told = {"British": 6, "Irish": 0, "EU": 2, "non_EU": 0}
    expected = {group: (told[group] + 10 * overall[group]) / 18 for group in told}
    assert people[9]["views"]["registration"] == pytest.approx(expected, abs=1e-6)
    assert people[9]["nationality_group"] == "British"
    assert people[9]["nationality_probability"] == pytest.approx(expected["British"], abs=1e-6)


def test_people_of_whom_nothing_is_told_are_like_those_who_were_asked() -> None:
    """Of ten, five answer that they are EU nationals, three British: drawn by 10 cases to a quarter each."""
    answers = {1: "PL", 2: "PL", 3: "FR", 4: "DE", 5: "IT", 6: "GB", 7: "GB", 8: "GB"}
    people = attributes_of(
        *(("pds", number, None) for number in range(1, 11)),
        *(("coverage_survey", number, country) for number, country in answers.items()),
    )
    expected = {"British": 5.5 / 18, "Irish": 2.5 / 18, "EU": 7.5 / 18, "non_EU": 2.5 / 18}
    for number in (1, 6, 9):  # at registration the own answer does not count: it is about today
        assert people[number]["views"]["registration"] == pytest.approx(expected, abs=1e-6)
    assert people[9]["nationality_group"] == "EU"
    assert people[9]["views"]["current"] == pytest.approx(expected, abs=1e-6)
    assert people[1]["views"]["current"] == {"EU": 1.0}
    assert people[6]["views"]["current"] == {"British": 1.0}


def test_people_naturalise_and_keep_the_nationality_of_the_registration() -> None:
    """Of ten who registered as Indian and were asked, four answer British: 4 / (10 + 10) of those not asked have too.

    Nobody's records tell of the last two. Of 20 such people who were asked ten answer Indian, and as many more were
    at registration as have become British: a share s of answers is s / (1 - 0.2).
    """
    indian = range(1, 12)
    silent = range(20, 42)
    people = attributes_of(
        *(("exit_checks_visas", number, "IN") for number in indian),
        *(("coverage_survey", number, "GB" if number <= 4 else "IN") for number in range(1, 11)),
        *(("pds", number, None) for number in silent),
        *(("coverage_survey", number, "GB" if number < 30 else "IN") for number in range(20, 40)),
    )
    assert people[11]["views"] == {"registration": {"non_EU": 1.0}, "current": {"non_EU": 0.8, "British": 0.2}}
    assert people[1]["views"] == {"registration": {"non_EU": 1.0}, "current": {"British": 1.0}}
    answered = (10 + 2.5) / 30
    assert people[41]["views"]["current"]["non_EU"] == pytest.approx(answered, abs=1e-6)
    assert people[41]["views"]["registration"]["non_EU"] == pytest.approx(answered / 0.8, abs=1e-6)
    assert sum(people[41]["views"]["registration"].values()) == pytest.approx(1, abs=1e-5)


def test_certain_values_that_contradict_each_other_make_a_probability() -> None:
    """Two Irish registrations; of one a university says French: 0.95 Irish, the rest as people who are told."""
    people = attributes_of(("mws", 1, "IE"), ("mws", 2, "IE"), ("hesa", 2, "FR"))
    assert (people[1]["nationality_probability"], people[1]["nationality_disagreements"]) == (1.0, 0)
    overall = {"Irish": 2 / 5, "EU": 1 / 5}
    alike = {"Irish": (1 + 10 * overall["Irish"]) / 11, "EU": 10 * overall["EU"] / 11}
    assert people[2]["nationality_group"] == "Irish"
    assert people[2]["nationality_disagreements"] == 1
    assert people[2]["nationality_probability"] == pytest.approx(0.95 + 0.05 * alike["Irish"], abs=1e-6)
    assert people[2]["views"]["registration"]["EU"] == pytest.approx(0.05 * alike["EU"], abs=1e-6)


VALUES = {
    "born_within": 5, "children_below": 25, "known_within": 3653, "source_is_right": 0.6, "prior_cases": 2,
    "mothers_known": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(VALUES) - {"mothers_known", "children_below"}))
def test_another_value_of_each_parameter_changes_a_probability(name: str) -> None:
    """Born in 1990 here and in 1996 abroad; nothing is told of another of 1990. Of eleven Indians five are asked.

    Four of these, of whom records span six years, answer that they are British; so of ten, records of one do.
    """
    told = [("pds", number, "GB" if number <= 4 else "PL") for number in range(1, 9)]
    asked = [("coverage_survey", number, "GB" if number < 15 else "IN") for number in range(11, 16)]
    records = [*told, ("pds", 9, None), *(("exit_checks_visas", number, "IN") for number in range(11, 22)), *asked]
    dates = [(number, day) for number in (11, 12, 13, 14, 21) for day in (D(2010, 1, 1), D(2016, 6, 1))]
    evidence = pl.DataFrame(
        [("exit_checks", number, number, "permission_to_stay", "permission", day, None) for number, day in dates],
        schema=["source", "subject_id", "record_id", "rule_id", "kind", "date", "area"],
        orient="row",
    )
    born = dict.fromkeys(range(5, 9), 1996)
    before, after = (
        attributes_of(*records, evidence=evidence, born=born, values=values)
        for values in (None, {f"nationality.{name}": VALUES[name]})
    )
    assert [one["views"] for one in before.values()] != [one["views"] for one in after.values()]


def test_children_are_compared_with_children_who_came_as_they_did() -> None:
    """Of adults who came from abroad, and of whom no source reports a nationality, forty answer British. Of five
    children alike four are asked, and are Polish: 10 cases as what is told (8 of 8 Polish, and others) and 4 of 4.

    With nobody a child, they are drawn towards the answers of adults.
    """
    adults, children, told = range(1, 41), range(51, 56), range(61, 69)
    records = [("pds", one, None) for one in (*adults, *children)] + [("pds", one, "PL") for one in told]
    records += [("coverage_survey", one, "GB") for one in adults]
    records += [("coverage_survey", one, "PL") for one in children if one < 55]
    born = dict.fromkeys(children, 2012) | dict.fromkeys(told, 2012) | dict.fromkeys(adults, 1980)
    evidence = pl.DataFrame(
        [("pds", one, one, "nhs_flag_4", "registration", D(2015, 1, 1), None) for one in (*adults, *children, *told)],
        schema=["source", "subject_id", "record_id", "rule_id", "kind", "date", "area"],
        orient="row",
    )

    def child(below: int) -> dict[str, float]:
        people = attributes_of(*records, evidence=evidence, born=born, values={"nationality.children_below": below})
        return people[55]["views"]["registration"]

    assert child(18)["EU"] > 0.9
    assert child(0)["British"] > 0.25


def test_the_mother_of_a_child_without_one_is_a_woman_on_no_register_if_nearly_all_others_have_one() -> None:
    """Nine of ten children born here have a linked mother. Of women of their age who work and are in no health
    register, one is Romanian and one Indian; a man does not count, nor does a woman who could be their grandmother.

    Two women and ten cases of what is known of the child otherwise; with another value, that alone.
    """
    mothers = {number + 10: number for number in range(1, 10)}
    records = [("pds", number, "GB") for number in range(1, 10)]
    records += [(of, child, "GB" if of == "pds" else None) for child in range(11, 21) for of in ("pds", "births")]
    records += [("mws", 31, "RO"), ("mws", 32, "IN"), ("mws", 33, "PL"), ("mws", 34, "PL")]
    born = {**dict.fromkeys(range(11, 21), 2016), 34: 1950}
    rows = [("births", child, child, "birth_registered", "birth", D(2016, 5, 1), None) for child in range(11, 21)]
    rows += [("mws", one, one, "weeks_active", "activity", D(2016, 4, 6), None) for one in range(31, 35)]
    evidence = pl.DataFrame(
        rows, schema=["source", "subject_id", "record_id", "rule_id", "kind", "date", "area"], orient="row"
    )

    def child(share: float) -> dict[str, float]:
        values = {"nationality.mothers_known": share}
        people = attributes_of(
            *records, evidence=evidence, born=born, mothers=mothers, values=values, sexes={("mws", 33): "M"}
        )
        return people[20]["views"]["registration"]

    unknown, found = child(1.0), child(0.9)
    assert unknown["British"] > 0.9
    assert found["EU"] == pytest.approx((1 + 10 * unknown["EU"]) / 12, abs=2e-6)
    assert found["non_EU"] == pytest.approx((1 + 10 * unknown["non_EU"]) / 12, abs=2e-6)
    assert sum(found.values()) == pytest.approx(1, abs=4e-6)


def test_a_family_tells_as_often_rightly_as_it_does_of_children_who_tell_themselves() -> None:
    """In the home of a Polish worker live ten children, of whom six were born here, three in Poland, and one nowhere
    that is known. Three of nine, drawn by ten cases towards the family, which is right of 95 of 100: (3 + 9.5) / 19,
    and something of what children alike are, who weigh half a case. Without the nine the family alone tells.
    """
    adult = [("mws", 99, "PL"), ("pds", 99, None)]
    told = [("pds", number, "GB" if number <= 6 else "PL") for number in range(1, 10)]
    born = dict.fromkeys(range(1, 11), 2015) | {99: 1985}

    def child(*others: tuple[str, int, str | None]) -> dict[str, float]:
        home = tuple({person for _, person, _ in others} | {10, 99})
        return attributes_of(*adult, *others, ("pds", 10, None), born=born, home=home)[10]["views"]["registration"]

    assert 12.5 / 19 - 1e-6 <= child(*told)["EU"] <= 13 / 19
    assert child()["EU"] >= 0.95


def test_every_parameter_of_nationality_has_another_value_here() -> None:
    ids = parameters_in(read_rules(DEFAULT, read_contracts()).people.nationality)
    assert {f"nationality.{name}" for name in VALUES} == set(ids)


def test_a_study_without_a_source_that_asks_has_no_view_of_today() -> None:
    assert attributes_of(("mws", 1, "PL"), without=("coverage_survey",))[1]["views"]["current"] == {}


def test_a_value_on_which_sources_disagree_has_a_probability() -> None:
    """Two sources each know both people and disagree on one: both err alike, so either value is as likely."""
    people = attributes_of(
        ("pds", 1, "GB"), ("hesa", 1, "GB"), ("pds", 2, "GB"), ("hesa", 2, "GB"), sexes={("hesa", 2): "M"}
    )
    assert (people[1]["sex_probability"], people[2]["sex_probability"]) == (1.0, 0.5)
    assert people[2]["sex"] == "F"


def test_a_child_takes_the_mothers_nationality_and_not_that_of_the_place_of_birth() -> None:
    people = attributes_of(
        ("mws", 1, "PL"), ("pds", 1, "PL"), ("births", 2, None), ("pds", 2, "GB"), ("births", 3, None), mothers={2: 1}
    )
    assert people[2]["nationality_group"] == "EU"
    assert people[2]["nationality_source"] == "mother"
    assert people[2]["country_of_birth"] == "GB"
    assert people[3]["nationality_group"] == "British"


def test_sex_is_that_of_the_spine_and_sources_that_disagree_are_counted() -> None:
    person = attributes_of(("pds", 1, "GB"), ("hesa", 1, "GB"), ("pr", 1, None), sex={"hesa": "M"})[1]
    assert (person["sex"], person["sex_source"], person["sex_disagreements"]) == ("F", "pds", 1)


def test_people_in_the_survey_alone_are_left_out() -> None:
    assert attributes_of(("pds", 1, "GB"), survey_only=True) == {}


def test_areas_and_deaths_come_from_the_first_rule_with_a_value() -> None:
    rows = [
        ("pr", 1, "nhs_listed", "registration", D(2018, 7, 31), "E09"),
        ("pds", 2, "nhs_posted", "registration", D(2012, 1, 1), "E06"),
        ("pds", 3, "nhs_posted", "registration", D(2014, 1, 1), "E06"),
        ("pds", 4, "nhs_posted", "registration", D(2016, 1, 1), "E07"),
        ("pds", 5, "nhs_removed_dead", "death", D(2019, 3, 9), None),
        ("deaths", 6, "death_registered", "death", D(2019, 2, 20), "E07"),
    ]
    evidence = pl.DataFrame(rows, schema=["source", "record_id", "rule_id", "kind", "date", "area"], orient="row")
    person = attributes_of(
        ("pds", 1, "GB"), ("pr", 1, None), ("deaths", 1, None), evidence=evidence.with_columns(subject_id=pl.lit(1))
    )[1]
    assert (person["area"], person["area_source"]) == ("E07", "pds")
    assert person["area_history"] == [
        {"area": "E06", "since": D(2012, 1, 1)},
        {"area": "E07", "since": D(2016, 1, 1)},
    ]
    assert person["death_date"] == D(2019, 2, 20)
