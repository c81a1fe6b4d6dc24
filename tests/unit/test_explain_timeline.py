"""The timeline of a person: lanes by source and rule, drawn in the signs in which rules are tested."""

from datetime import date

import polars as pl
import pytest
from rule_timelines import drawn

from publication.people.person import Person
from publication.people.person_figure import timeline_figure
from publication.people.timeline import Lane, Span, first_day, lanes_of
from publication.people.timeline_text import timeline_text

D = date
LAST = D(2017, 12, 31)
LANES = [
    Lane("stays, long_term", (Span(D(2016, 3, 10), D(2017, 5, 10), "long_term"),)),
    Lane("resident", days=((D(2016, 6, 30), "resident"), (D(2017, 6, 30), "not resident"))),
    Lane("permission_to_stay", (Span(D(2016, 3, 1), D(2017, 3, 31), "permission"),)),
    Lane("border_in", days=((D(2016, 3, 10), "seen"),)),
    Lane("border_out", days=((D(2017, 5, 10), "leaves"),)),
]


def test_a_timeline_is_drawn_month_by_month():
    assert timeline_text(LANES, LAST)[:-1] == [
        "                    |2016       |2017",
        "stays, long_term      ###############",
        "resident                 R           .",
        "permission_to_stay    <----------->",
        "border_in             x",
        "border_out                          o",
    ]  # fmt: skip


def test_the_lanes_of_evidence_are_a_timeline_of_the_tests_of_rules():
    """Read again by the reader of those timelines, evidence is what it was; single days are known by their month."""
    header, *lanes, _ = timeline_text(LANES[2:], LAST)
    rows = {row["rule_id"]: (row["date"], row["end_date"]) for row in drawn("\n".join([header, *lanes]))}
    assert rows["permission_to_stay"] == (D(2016, 3, 1), D(2017, 4, 1))
    assert (rows["border_in"][0].month, rows["border_out"][0].month) == (3, 5)


@pytest.mark.parametrize(("years", "unit"), [(6, "a month"), (12, "2 months")])
def test_a_long_life_has_wider_columns_and_the_same_width(years, unit):
    lanes = [Lane("registered", days=((D(2017 - years + 1, 1, 5), "seen"),))]
    header, lane, legend = timeline_text(lanes, LAST)
    assert legend.startswith(f"A column is {unit}:")
    assert header.startswith(" " * len("registered  ") + f"|{2017 - years + 1}")
    assert lane == "registered  x"
    assert len(header) < 100


def test_what_happened_before_the_first_year_that_is_drawn_is_cut():
    lanes = [
        Lane("stays", (Span(D(1980, 1, 1), None, "long_term"),)),
        Lane("posted", days=((D(1980, 1, 1), "seen"),)),
    ]
    assert first_day(lanes, LAST, 12) == D(2006, 1, 1)
    _, stays, posted, _ = timeline_text(lanes, LAST)
    assert stays == "stays   " + "#" * 72
    assert posted == "posted"


def person(evidence, stays=(), residents=()) -> Person:
    columns = ["source", "rule_id", "kind", "date", "end_date", "value"]
    return Person(
        7, "long_term", LAST, {}, pl.DataFrame(), pl.DataFrame(), pl.DataFrame(),
        pl.DataFrame(evidence, schema=dict(zip(columns, [pl.String] * 3 + [pl.Date] * 2 + [pl.Float64], strict=True)),
                     orient="row"),
        pl.DataFrame(stays, schema={"definition": pl.String, "start": pl.Date, "end": pl.Date, "status": pl.String},
                     orient="row"),
        pl.DataFrame(),
        pl.DataFrame(residents, schema={"reference_date": pl.Date, "resident": pl.Boolean, "probability": pl.Float64},
                     orient="row").with_columns(published=True),
    )  # fmt: skip


def test_lanes_are_what_was_decided_and_then_every_rule_of_every_source():
    evidence = [
        ("pds", "nhs_posted", "registration", D(2016, 4, 2), None, None),
        ("activity", "weeks_active", "activity", D(2016, 4, 6), D(2017, 4, 6), 52.0),
        ("activity", "weeks_active", "activity", D(2017, 4, 6), D(2018, 4, 6), 8.0),
        ("activity", "weeks_active", "activity", D(2015, 4, 6), D(2016, 4, 6), 0.0),
        ("exit_checks", "permission", "permission", D(2016, 4, 1), None, None),
        ("exit_checks", "out", "departure", D(2017, 4, 1), None, None),
    ]
    stays = [("weeks", D(2016, 1, 1), None, "unfinished"), ("long_term", D(2016, 4, 2), None, "long_term")]
    lanes = lanes_of(person(evidence, stays, [(D(2016, 6, 30), True, 0.7)]), [(D(2016, 4, 1), None)])
    assert [lane.label for lane in lanes] == [
        "true presence", "stays, long_term", "resident", "activity: weeks_active", "exit checks: out",
        "exit checks: permission", "PDS: nhs_posted",
    ]  # fmt: skip
    by_label = {lane.label: lane for lane in lanes}
    assert by_label["activity: weeks_active"].spans == (
        Span(D(2016, 4, 6), D(2017, 4, 5), "active"), Span(D(2017, 4, 6), D(2018, 4, 5), "partly active"),
    )  # fmt: skip
    assert by_label["exit checks: permission"].spans == (Span(D(2016, 4, 1), None, "permission"),)
    assert by_label["exit checks: out"].days == ((D(2017, 4, 1), "leaves"),)
    assert by_label["resident"].days == ((D(2016, 6, 30), "perhaps"),)
    assert by_label["stays, long_term"].spans[0].what == "long_term"


def test_the_figure_says_in_words_what_it_draws():
    figure = timeline_figure("person-7", "Borderline", LANES, LAST, "a note")
    assert figure is not None
    (panel,) = figure.panels
    assert 'aria-label="Borderline. stays, long_term: 2016-03-10 to 2017-05-10 long term' in panel.svg
    assert timeline_figure("person-7", "Nobody", [], LAST, "") is None
