"""What became of true and false cases of a run, by hand: the rates from which estimation alone draws its inputs."""

from datetime import date

import polars as pl

from flows.estimation_only.error_rates import error_rates

ADA, BEN, CAT = 1, 2, 3
"""True people; Cat, aged 8, lives here and nobody knows her."""


def test_every_case_is_in_the_cell_of_its_truth_with_what_the_run_makes_of_it() -> None:
    """Ada left in March and is dated in April, Ben is late and still listed, Cat is missed, and 9 is nobody."""
    who = pl.DataFrame({"source": "pds", "subject_id": [11, 12], "person": [ADA, BEN]})
    run = {
        "clusters": pl.DataFrame(
            {"source": "pds", "subject_id": [11, 12, 19], "person_id": [5, 6, 9], "draw": 0, "reference": None}
        ),
        "mothers": pl.DataFrame(
            schema={"source": pl.String, "subject_id": pl.Int64,
                    "mother_source": pl.String, "mother_subject_id": pl.Int64}
        ),
        "people": pl.DataFrame(
            {"person_id": [5, 6, 9], "sex": "F", "nationality_group": ["EU", "EU", "Irish"],
             "birth_month": [date(1980, 1, 1), date(1990, 1, 1), date(2010, 1, 1)]}
        ),
        "migrations": pl.DataFrame(
            {"person_id": [5], "date": [date(2018, 4, 3)], "direction": "emigration", "status": "certain",
             "probability": [0.93], "rule_id": "", "dated_by": "", "provisional": False}
        ),
        "late_migrations": pl.DataFrame(
            {"person_id": [6], "date": [date(2018, 11, 2)], "direction": "emigration", "years_later": [1],
             "probability": [0.5], "factor": [1.2]}
        ),
        "residents": pl.DataFrame(
            {"person_id": [6, 9], "reference_date": date(2018, 6, 30), "probability": [1.0, 0.2],
             "resident": [True, False], "trimmed": [True, False]}
        ),
    }  # fmt: skip
    truth = {
        "people": pl.DataFrame(
            {"person": [ADA, BEN, CAT], "nationality_group": ["EU", "non_EU", "British"],
             "birth_date": [date(1980, 1, 9), date(1990, 1, 9), date(2010, 1, 9)]}
        ),
        "migrations": pl.DataFrame({"person": [ADA], "date": [date(2018, 3, 30)], "direction": ["emigration"]}),
        "residents": pl.DataFrame({"person": [BEN, CAT], "reference_date": date(2018, 6, 30)}),
    }  # fmt: skip
    found = error_rates(run, truth, who, ["pds"])
    moves = found.filter(pl.col("measure") == "emigration").select(
        "time",
        "nationality_group",
        "quarter",
        "kind",
        "twentieth",
        "certain",
        "quarters_later",
        "cases",
        "probability",
    )
    assert moves.rows() == [
        (date(2018, 6, 30), "EU", 1, "true", 19, True, 1, 1.0, 0.93),
        (date(2019, 6, 30), "EU", 4, "late", 12, False, 0, 1.0, 0.6),
    ]
    residents = found.filter(pl.col("measure") == "population").select(
        "nationality_group",
        "child",
        "kind",
        "twentieth",
        "certain",
        "listed",
        "cases",
        "probability",
        "trimmed",
        "known",
    )
    assert residents.rows() == [
        ("British", True, "true", 0, False, False, 1.0, 0.0, 0.0, 0.0),
        ("Irish", True, "false", 4, False, False, 1.0, 0.2, 0.0, 0.0),
        ("non_EU", False, "true", 20, True, True, 1.0, 1.0, 1.0, 1.0),
    ]
