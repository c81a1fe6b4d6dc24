"""Scores of published figures against a truth known for every person."""

from datetime import date

import polars as pl
import pytest

from estimation.score import score_flows, score_stocks, summarise_intervals

PEOPLE = pl.DataFrame(
    [
        (1, "F", date(2000, 7, 1), "EU"),  # 15 on 30 June 2016, 16 a day later
        (2, "F", date(2000, 6, 30), "EU"),
        (3, "M", date(1950, 1, 1), "British"),
    ],
    schema=["person", "sex", "birth_date", "nationality_group"],
    orient="row",
)
YEAR = {"period_start": date(2015, 7, 1), "period_end": date(2016, 6, 30)}
QUARTER = {"period_start": date(2015, 7, 1), "period_end": date(2015, 9, 30)}


def flow(measure, estimate, sex="all", age_group="all", group="all", period=YEAR, half=1.0):
    return {**period, "measure": measure, "sex": sex, "age_group": age_group, "nationality_group": group,
            "estimate": estimate, "lower": estimate - half, "upper": estimate + half}  # fmt: skip


MOVES = pl.DataFrame(
    [
        (1, date(2015, 7, 1), "immigration"),
        (2, date(2016, 6, 30), "immigration"),
        (3, date(2015, 10, 1), "emigration"),
        (3, date(2016, 7, 1), "immigration"),
    ],
    schema=["person", "date", "direction"],
    orient="row",
)


def scored(*flows):
    return score_flows(pl.DataFrame(list(flows)), MOVES, PEOPLE)


def test_the_first_and_last_day_of_a_period_are_inside_it():
    table = scored(flow("immigration", 2.5), flow("emigration", 1.0), flow("net", 1.0))

    assert dict(table.select("measure", "truth").rows()) == {"immigration": 2, "emigration": 1, "net": 1}
    assert dict(table.select("measure", "error").rows())["immigration"] == 0.5


def test_age_is_that_at_the_end_of_the_period():
    table = scored(flow("immigration", 1, age_group="0-15"), flow("immigration", 1, age_group="16-24"))

    assert table["truth"].to_list() == [1, 1]


def test_a_cell_where_nothing_happened_has_truth_zero_and_no_relative_error():
    row = scored(flow("emigration", 0.5, sex="F")).row(0, named=True)

    assert (row["truth"], row["relative_error"], row["inside"]) == (0, None, True)


def test_a_quarter_is_a_period_like_any_other():
    row = scored(flow("immigration", 4.0, period=QUARTER, half=2.0)).row(0, named=True)

    assert (row["truth"], row["relative_error"], row["inside"]) == (1, 3.0, False)


def test_in_a_period_without_migrations_the_truth_is_zero():
    table = score_flows(pl.DataFrame([flow("net", 0.0), flow("immigration", 2.0)]), MOVES.clear(), PEOPLE)

    assert table["truth"].to_list() == [0, 0]


def stock(estimate, sex="all", age_group="all", group="all"):
    return {"reference_date": date(2016, 6, 30), "measure": "population", "sex": sex, "age_group": age_group,
            "nationality_group": group, "estimate": estimate,
            "lower": estimate - 1, "upper": estimate + 1}  # fmt: skip


def test_residents_are_counted_on_the_reference_day_by_age():
    residents = pl.DataFrame(
        [(date(2016, 6, 30), 1), (date(2016, 6, 30), 2), (date(2015, 6, 30), 3)],
        schema=["reference_date", "person"],
        orient="row",
    )
    published = [stock(2.0), stock(1.0, age_group="0-15"), stock(5.0, sex="F", group="EU"), stock(3.0, sex="M")]
    table = score_stocks(pl.DataFrame(published), residents, PEOPLE)
    truth = {
        row[:3]: row[3:] for row in table.select("sex", "age_group", "nationality_group", "truth", "inside").rows()
    }

    assert truth == {
        ("all", "all", "all"): (2, True),
        ("all", "0-15", "all"): (1, True),
        ("F", "all", "EU"): (2, False),
        ("M", "all", "all"): (0, False),
    }


def test_intervals_are_counted_by_kind_of_figure():
    flows = scored(
        flow("immigration", 2.0),
        flow("immigration", 9.0, sex="F"),
        flow("immigration", 2.0, sex="F", group="EU"),
        flow("immigration", 1.0, period=QUARTER),
    )
    stocks = score_stocks(
        pl.DataFrame([stock(1.0)]), pl.DataFrame({"reference_date": [date(2016, 6, 30)], "person": [1]}), PEOPLE
    )
    table = summarise_intervals(flows, stocks)

    assert table.rows() == [
        ("cross", "immigration", 1, 1, 1.0),
        ("quarter", "immigration", 1, 1, 1.0),
        ("sex", "immigration", 1, 0, 0.0),
        ("total", "immigration", 1, 1, 1.0),
        ("total", "population", 1, 1, 1.0),
    ]


@pytest.mark.parametrize(("direction", "net"), [("immigration", 2), ("emigration", -1)])
def test_net_migration_of_a_single_direction(direction, net):
    moves = MOVES.filter(pl.col("direction") == direction)

    assert score_flows(pl.DataFrame([flow("net", 0.0)]), moves, PEOPLE)["truth"].item() == net
