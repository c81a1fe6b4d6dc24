"""Leave and citizenship: applications for leave to enter and remain, settlement and citizenship, and their outcomes.

The grants are the permissions that exit checks contain (`permissions`), in full: when they were lodged and decided,
in which category, and which earlier applications were refused. Refusal rates are rounded from Home Office,
Immigration statistics, year ending June 2019 (entry clearance, extensions, settlement, citizenship). Only people who
come or stay in the end have refusals: no one else is simulated.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors import recorded_identity
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.home_office.permissions import all_permissions
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import LONG_AGO, NEVER, age, dates
from synthetic_data.numbers.draws import Days, Floats, draws, log_normal, pick
from synthetic_data.numbers.runs import begins

SHORT_STUDY_DAYS = 396
"""A study visa of at most this many days is one for short-term study."""
CATEGORIES = {"STU": "T4G", "FAM": "PARTNER", "VIS": "VISGEN", "YMS": "T5YMS", "PRO": "REF"}
WORK_CATEGORIES = {"T2G": 0.40, "T2ICT": 0.32, "T5TW": 0.20, "T1E": 0.08}
"""Tier 2 general, intra-company transfer, Tier 5 temporary worker, Tier 1, by household; assumptions."""
DEPENDANTS = {"work": "T2DEP", "study": "T4DEP", "youth": "T2DEP"}
"""Category of the family on these routes; on others it is that of a partner."""
SETTLED_AS = {"PARTNER": "SETM", "REF": "SETP"}
OTHERWISE_SETTLED = {"SETEMP": 0.75, "SETLR": 0.25}
"""After work, or after long residence: settlement of people whose category is not in the line above; assumptions."""
WORK_CATEGORIES_BEFORE = "T2G"
"""Assumed earlier category of people who had settled before observation begins."""
IN_COUNTRY = "LTR"
CASES = {"ILR": "SET", "EXT": IN_COUNTRY, "PRO": "ASY"}
"""Settlement, leave to remain, asylum; every other permission is an entry clearance (EC)."""
REFUSED = {
    "T4G": 0.04, "STSV": 0.08, "T2G": 0.04, "T2ICT": 0.02, "T5TW": 0.03, "T1E": 0.10, "T2DEP": 0.05, "T4DEP": 0.08,
    "PARTNER": 0.22, "VISGEN": 0.12, "T5YMS": 0.01, "REF": 0.40, "SETM": 0.03, "SETEMP": 0.03, "SETLR": 0.10,
    "SETP": 0.02,
}  # fmt: skip
"""Share of people granted leave whose first application was refused."""
EXTENSION_REFUSED, CITIZENSHIP_REFUSED = 0.06, 0.04
WAITS = {"EC": 14, "LTR": 45, "ASY": 150, "SET": 100, "CIT": 150}
"""Median days from lodging to outcome, by type of case (standards: 3 and 8 weeks, 6 months for all others)."""
WAIT_SIGMA = 0.4
CEREMONY_WITHIN = 90
"""Days after approval within which adults take the oath of citizenship."""
ADULT = 18


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extracts of leave and of citizenship."""
    order = ("HO_PERSON_ID", "LODGED_DATE", "CASE_TYPE", "OUTCOME_DATE")
    return [
        DeliveredExtract("leave_applications", "leave", {"leave_applications.parquet": leave_applications(view)},
                "HO_PERSON_ID", None, "BIRTH_DATE", "SEX", order),
        DeliveredExtract("citizenship_applications", "leave", {"citizenship_applications.parquet": citizenship(view)},
                "HO_PERSON_ID", "POSTCODE", "BIRTH_DATE", "SEX", order),
    ]  # fmt: skip


def settled_from(view: InstitutionView) -> Days:
    """Return the day from which each person may claim public funds, or `NEVER`.

    People who need a visa may from settlement, protection or citizenship (Immigration and Asylum Act 1999, s. 115).
    """
    lives = view.lives
    since = np.where(lives.visa_national, lives.naturalised, LONG_AGO)
    unrestricted = view.once(all_permissions).filter(pl.col("visa").is_in(["ILR", "PRO"]))
    np.minimum.at(since, unrestricted["row"].to_numpy(), unrestricted["valid_from"].to_numpy())
    return since


def leave_applications(view: InstitutionView) -> pl.DataFrame:
    """Return the applications for leave and settlement decided by the data date, with leave begun by then."""
    lives, seed = view.lives, view.lives.seed
    granted = _categories(view, view.once(all_permissions))
    row, valid_from = granted["row"].to_numpy(), granted["valid_from"].to_numpy()
    person, case = lives.person[row], granted["case"]
    # visas are decided some days before they begin; leave granted in the country begins with the decision
    ahead = (draws(seed, "decided before", person, valid_from) * 15).astype(np.int64)
    decided = np.where((case == "EC").to_numpy(), valid_from - ahead, valid_from)
    lodged = np.maximum(decided - _wait(seed, "wait for leave", person, valid_from, case), lives.birth[row])
    extends = (granted["case"] == IN_COUNTRY).to_numpy()
    rate = granted["category"].replace_strict(REFUSED, return_dtype=pl.Float64).to_numpy()
    rate = np.where(extends, EXTENSION_REFUSED, rate)
    grants = granted.select("row", "case", "category", "valid_from", "valid_to").with_columns(
        lodged=pl.Series(lodged), decided=pl.Series(decided), outcome=pl.lit("GRANT")
    )
    refused = _refused_before(lives, "leave refused", valid_from, grants, rate)
    applications = pl.concat([grants, refused]).filter(
        pl.max_horizontal("decided", pl.col("valid_from").fill_null(int(LONG_AGO))) <= view.data_date
    )
    return _applicant(view, applications).with_columns(
        LEAVE_CATEGORY=applications["category"],
        VALID_FROM=_or_null(applications["valid_from"]),
        VALID_TO=_or_null(applications["valid_to"]),
    )


def citizenship(view: InstitutionView) -> pl.DataFrame:
    """Return the citizenship applications that ended by the data date: in a ceremony or, for children, a grant."""
    lives, errors, seed = view.lives, view.errors, view.lives.seed
    british = lives.naturalised
    row = np.flatnonzero(british < NEVER)
    person, oath = lives.person[row], british[row]
    child = age(lives.birth[row], oath) < ADULT
    married = ~child & ((lives.people["place"].to_numpy()[row] == 1) | lives.purpose[row].are("family"))
    ahead = 1 + (draws(seed, "ceremony", person) * CEREMONY_WITHIN).astype(np.int64)
    decided = np.where(child, oath, oath - ahead)
    case = pl.Series(["CIT"]).new_from_index(0, len(row))
    grants = pl.DataFrame(
        {
            "row": row, "case": case,
            "category": pl.Series(["AN61", "AN62", "MN1"])[np.select([child, married], [2, 1], 0)],
            "valid_from": oath, "valid_to": np.full(len(row), NEVER),
            "lodged": np.maximum(decided - _wait(seed, "wait for citizenship", person, oath, case), lives.birth[row]),
            "decided": decided, "outcome": pl.Series(["GRANT"]).new_from_index(0, len(row)),
        }
    )  # fmt: skip
    refused = _refused_before(lives, "citizenship refused", oath, grants, np.full(len(row), CITIZENSHIP_REFUSED))
    applications = pl.concat([grants, refused]).filter(
        pl.col("valid_from").fill_null(pl.col("decided")) <= view.data_date
    )
    row, lodged = applications["row"].to_numpy(), applications["lodged"].to_numpy()
    ceremony = applications.select(pl.when(pl.col("category") != "MN1").then("valid_from")).to_series()
    return _applicant(view, applications).with_columns(
        APPLICATION_ROUTE=applications["category"],
        CEREMONY_DATE=_or_null(ceremony),
        POSTCODE=recorded_identity.postcode(lives, errors, "leave", row, lodged),
    )


def _categories(view: InstitutionView, granted: pl.DataFrame) -> pl.DataFrame:
    """Return permissions with their `case` (type) and `category`; an extension keeps the category before it."""
    lives, row = view.lives, granted["row"].to_numpy()
    household, valid_from = lives.household_key[row], granted["valid_from"].to_numpy()
    follows = ~begins(row) & (valid_from == np.roll(granted["valid_to"].to_numpy(), 1) + 1)
    visa, long_ago = pl.col("visa"), pl.lit(WORK_CATEGORIES_BEFORE)
    joins = (visa == "FAM") & (pl.col("place") > 0)
    return (
        granted.with_columns(
            place=lives.people["place"][row],
            route=lives.route[row].series("route"),
            work=_drawn(draws(lives.seed, "category of work", household, valid_from), WORK_CATEGORIES),
            settled=_drawn(draws(lives.seed, "kind of settlement", household), OTHERWISE_SETTLED),
        )
        .with_columns(
            category=pl.when(visa == "WRK").then("work")
            .when(joins & pl.col("route").is_in(list(DEPENDANTS)))
            .then(pl.col("route").replace_strict(DEPENDANTS, default=None))
            .when((visa == "STU") & (pl.col("valid_to") - pl.col("valid_from") <= SHORT_STUDY_DAYS))
            .then(pl.lit("STSV"))
            .otherwise(visa.replace_strict(CATEGORIES, default=None))
        )
        .with_columns(pl.col("category").forward_fill().over("row").fill_null(long_ago))
        .with_columns(
            category=pl.when(visa == "ILR")
            .then(pl.coalesce(pl.col("category").replace_strict(SETTLED_AS, default=None), "settled"))
            .otherwise("category"),
            case=pl.when(pl.Series(follows))
            .then(visa.replace_strict(CASES, default=IN_COUNTRY))
            .otherwise(visa.replace_strict(CASES, default="EC")),
        )
    )  # fmt: skip


def _drawn(uniform: Floats, shares: dict[str, float]) -> pl.Series:
    return pl.Series(list(shares), dtype=pl.String)[pick(uniform, list(shares.values()))]


def _wait(
    seed: int, stream: str, person: NDArray[np.int64], number: NDArray[np.int64], case: pl.Series
) -> NDArray[np.int64]:
    median = case.replace_strict(WAITS, return_dtype=pl.Float64).to_numpy()
    return 1 + log_normal(draws(seed, stream, person, number - LONG_AGO), median, WAIT_SIGMA).astype(np.int64)


def _refused_before(
    lives: Lives, stream: str, number: NDArray[np.int64], grants: pl.DataFrame, rate: Floats
) -> pl.DataFrame:
    """Return, for a share `rate` of grants, an application that was refused some weeks before they were lodged."""
    person = lives.person[grants["row"].to_numpy()]
    fails = np.flatnonzero(draws(lives.seed, stream, person, number - LONG_AGO) < rate)
    of, person, number = grants[fails], person[fails], number[fails]
    again = 7 + (draws(lives.seed, f"{stream}, next", person, number - LONG_AGO) * 60).astype(np.int64)
    decided = of["lodged"].to_numpy() - again
    lodged = decided - _wait(lives.seed, f"{stream}, wait", person, number, of["case"])
    refused = of.with_columns(
        lodged=pl.Series(lodged), decided=pl.Series(decided), outcome=pl.lit("REFUSE"),
        valid_from=pl.lit(None, pl.Int64), valid_to=pl.lit(None, pl.Int64),
    )  # fmt: skip
    return refused.filter(pl.Series(lodged >= lives.birth[of["row"].to_numpy()]))


def _applicant(view: InstitutionView, applications: pl.DataFrame) -> pl.DataFrame:
    lives, row, lodged = view.lives, applications["row"].to_numpy(), applications["lodged"].to_numpy()
    person = recorded_identity.identity(lives, view.errors, "leave", row, lodged)
    return pl.DataFrame(
        {
            "row": row,
            "HO_PERSON_ID": identifiers.labels(lives, "home office person", row, "P", 10),
            "GIVEN_NAMES": person["given_name"],
            "FAMILY_NAME": person["family_name"],
            "BIRTH_DATE": recorded_identity.born_by(lives, row, person["birth"], lodged),
            "SEX": person["sex"],
            "NATIONALITY": recorded_identity.code(lives.people["nationality"][row], "border_code"),
            "CASE_TYPE": applications["case"],
            "LODGED_DATE": dates("lodged", lodged),
            "OUTCOME_DATE": dates("decided", applications["decided"]),
            "OUTCOME": applications["outcome"],
        }
    )


def _or_null(days: pl.Series) -> pl.Series:
    return dates("day", days.fill_null(int(NEVER)))
