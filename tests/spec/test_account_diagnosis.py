"""What an account says of its own sources: each left out, by how much it is adjusted, and how large errors are."""

import numpy as np
import polars as pl
import pytest
from account_folder import write_folder
from test_account_published import DIVISIONS, counts, published, read

from estimation.account.files import read_account_files
from estimation.account.left_out import left_out
from estimation.account.reconcile import reconcile
from estimation.account_diagnosis import warn_of_adjustments
from estimation.cells import age_group
from pipeline.study import AccountSettings


def one_cohort(folder, terms=()):
    return write_folder(
        folder,
        population=[("F", 1980, 2015, 100.0, 2.0), ("F", 1980, 2016, 109.0, 2.0)],
        immigration=[("F", 1980, 2016, 10.0, 1.0)],
        emigration=[("F", 1980, 2016, 5.0, 1.0)],
        terms=terms,
    )


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return published(tmp_path_factory.mktemp("account"))


def by_source(table: pl.DataFrame) -> dict[str, dict]:
    return {row["source"]: row for row in table.to_dicts()}


def test_without_a_report_the_identity_gives_what_the_others_say_of_it(tmp_path):
    # 100 + 10 - 5 = 105 with the variance 4 + 1 + 1; with the report of 109 it is 107.4 with 2.4.
    found = by_source(left_out(reconcile(one_cohort(tmp_path)).solved))
    end = found["population 2016"]

    assert (end["reported"], end["estimate"]) == (109.0, pytest.approx(107.4))
    assert (end["without"], end["without_standard_error"]) == (
        pytest.approx(105, abs=0.01),
        pytest.approx(6**0.5, abs=0.001),
    )
    assert (end["difference"], end["z"]) == (
        pytest.approx(2.4, abs=0.01),
        pytest.approx(2.4 / (6 - 2.4) ** 0.5, abs=0.01),
    )
    # 109 - 100 + 5 = 14 immigrants, with the variance 4 + 4 + 1
    assert found["immigration 2016"]["without"] == pytest.approx(14, abs=0.01)
    assert found["immigration"]["without_standard_error"] == pytest.approx(3, abs=0.001)


def test_a_shared_error_makes_what_is_left_out_less_surprising(tmp_path):
    plain = by_source(left_out(reconcile(one_cohort(tmp_path / "plain")).solved))
    terms = [("flows", "immigration", None, None, None, None, 2016, 0.5)]
    shared = by_source(left_out(reconcile(one_cohort(tmp_path / "shared", terms)).solved))

    assert abs(shared["population 2016"]["z"]) < abs(plain["population 2016"]["z"])


def test_a_broken_year_is_the_first_that_others_contradict(tmp_path):
    rng = np.random.default_rng(8)
    people = [(sex, 1950 + 5 * i) for sex in "FM" for i in range(10)]
    stock = dict.fromkeys(people, 500.0)
    population, flows = [], {"immigration": [], "emigration": []}
    for year in range(2015, 2021):
        if year > 2015:
            for one in people:
                came, went = rng.poisson(40), rng.poisson(30)
                stock[one] += came - went
                broken = 0.5 if year == 2018 else 1.0
                flows["immigration"].append((*one, year, came * broken, 2.0))
                flows["emigration"].append((*one, year, float(went), 2.0))
        population += [(*one, year, stock[one] + rng.normal(0, 3), 3.0) for one in people]
    terms = [
        (f"{name} {year}", name, None, None, None, None, year, 0.05) for name in flows for year in range(2016, 2021)
    ]
    found = left_out(reconcile(write_folder(tmp_path, population=population, **flows, terms=terms)).solved)

    assert found.sort(pl.col("z").abs(), descending=True)["source"][0] == "immigration 2018"
    assert found.filter(pl.col("source") == "immigration 2018")["z"][0] < -3


def test_adjustments_add_up_over_ages_and_sexes(out):
    table = read(out, "account_adjustments")
    key = ["measure", "time"]
    total = table.filter(pl.col("sex") == "all", pl.col("age_group") == "all").sort(key)
    for one, other in (("sex", "age_group"), ("age_group", "sex")):
        parts = (
            table.filter(pl.col(one) != "all", pl.col(other) == "all").group_by(key).agg(pl.col("adjustment").sum())
        )
        assert parts.sort(key)["adjustment"].to_list() == pytest.approx(total["adjustment"].to_list(), abs=1e-4)


def test_an_adjustment_has_the_variance_of_the_report_less_that_of_the_estimate(out):
    """The variance of reported immigration, term by term from the files: their own errors, and shared ones."""
    account, files = reconcile(out / "account_in"), read_account_files(out / "account_in")
    cells = files.cells["immigration"].filter(pl.col("time") == 2016).with_columns(age_group(pl.col("age")))
    terms = files.biases.scope.filter(pl.col("measure") == "immigration", pl.col("time").fill_null(2016) == 2016)
    variance = (cells["sd"] ** 2).sum()
    for term in terms.to_dicts():
        covered = cells.filter(
            pl.lit(value=True) if term["nationality_group"] is None
            else pl.col("nationality_group") == term["nationality_group"],
            pl.col("age") <= (200 if term["age_to"] is None else term["age_to"]),
        )  # fmt: skip
        variance += (term["sd"] * covered["smoothed_count"].sum()) ** 2
    estimated = account.total((pl.col("measure") == "immigration") & (pl.col("time") == 2016))
    row = read(out, "account_adjustments").filter(
        pl.col("measure") == "immigration",
        pl.col("time") == 2016,
        pl.col("sex") == "all",
        pl.col("age_group") == "all",
    )

    assert row["standard_error"].item() ** 2 == pytest.approx(variance - estimated.standard_error**2, rel=1e-5)
    assert row["z"].item() == pytest.approx(row["adjustment"].item() / row["standard_error"].item(), abs=1e-3)


def test_adjustments_that_errors_do_not_explain_are_warned_of():
    """Men of 45 to 64 were reported as 6,424 and estimated at 6,164, because one age counted for a whole class."""
    rows = [
        ("population", 2015, "M", "45-64", 6424.1, 6164.1, -4.16),
        ("population", 2016, "M", "all", 9.0, 9.1, 3.1),
        ("immigration", 2016, "all", "all", 20.0, 21.0, 2.9),
    ]
    table = pl.DataFrame(
        rows, schema=["measure", "time", "sex", "age_group", "reported", "estimate", "z"], orient="row"
    )
    (warning,) = warn_of_adjustments(table)
    assert warning.startswith(
        "The account contradicts 2 of its reports by more than 3 standard errors, most of all population 2015 "
        "(M, 45-64): 6,424 reported, 6,164 estimated (z -4.2)."
    )
    assert warn_of_adjustments(table.filter(pl.col("z").abs() < 3)) == ()


def test_every_shared_error_says_whether_its_size_was_declared(out, tmp_path):
    declared = read(out, "account_biases")
    assert set(declared["scale"]) == {"declared"}
    assert declared["sd"].to_list() == pytest.approx(declared["declared_sd"].to_list(), abs=1e-8)

    # immigration of 2016 is counted five times over, which the stocks do not bear out
    of_2016 = (pl.col("measure").cast(pl.String) == "immigration") & (pl.col("time").dt.year() == 2016)
    wrong = counts().with_columns(count=pl.when(of_2016).then(5 * pl.col("count")).otherwise("count"))
    declared_scales = published(tmp_path / "declared", wrong)
    free = published(tmp_path / "free", wrong, account=AccountSettings(estimate_scales=True))
    table = {row["term"]: row for row in read(free, "account_biases").to_dicts()}
    years, children = table["immigration 2016"], table["immigration of children"]
    assert (years["scale"], children["scale"], table["coverage British"]["scale"]) == (
        "estimated", "declared", "declared",
    )  # fmt: skip
    assert years["sd"] == pytest.approx(table["immigration 2017"]["sd"])
    assert years["sd"] > 1.02 * years["declared_sd"]
    assert children["sd"] == pytest.approx(children["declared_sd"], abs=1e-8)

    sources = {row["error_source"]: row for row in read(free, "error_sources").to_dicts()}
    assert sources["error of immigration in a year"]["treatment"] == "estimated"
    assert sources["error of immigration in a year"]["relative_standard_error"] == pytest.approx(
        years["sd"], abs=1e-6
    )
    assert sources["error of immigration of children"]["treatment"] == "declared"
    total = [pl.col(name) == "all" for name in DIVISIONS]
    one, other = (
        read(folder, "flows").filter(*total)["standard_error"].to_list() for folder in (declared_scales, free)
    )
    assert one != pytest.approx(other, rel=1e-4)
