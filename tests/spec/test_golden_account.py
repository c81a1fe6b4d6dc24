"""One account worked by hand from counts to published figures, with every term of every variance above zero.

The country has 8 cells, both sexes of 4 nationality groups, all alike: people born in the year to June 2015, and
those born a year later. Counts of one cell, with the variances of what is unfinished in them:

|                      | listed | x 1.25 | unfinished |           | arrive | unfinished | leave | unfinished |
|----------------------|--------|--------|------------|-----------|--------|------------|-------|------------|
| born 2015, June 2015 | 40     | N0 50  | 0.16       |           |        |            |       |            |
| born 2015, June 2016 | 44     | N1 55  | 0.32       | 1 death   | I 10   | 1.24       | E 6   | 0.62       |
| born 2016, June 2016 | 16     | n1 20  | 0.08       | 18 births | i 2    | 0.76       | e 2   | 0.38       |

**Smoothed counts.** Of a stock, the mean of the cohort: 52.5, and 20. Of a flow, over ages 0 and 1 of both sexes
with weights 3 and 2 (the kernel 1, 2, 3, 2, 1): immigrants (3 x 4 + 2 x 20) / 10 = 5.2 and (2 x 4 + 3 x 20) / 10 =
6.8, emigrants (3 x 4 + 2 x 12) / 10 = 3.6 and (2 x 4 + 3 x 12) / 10 = 4.4; they add up to 12 and 8, as the counts
do. Variances mix in a twentieth of the mean over all cells: of stocks (50 + 55 + 20) / 3, of flows 6 and 4.

**Variances of one cell.** The list misses 8% and 2.4% of it is wrong, at a factor of 1.25: 1.25^2 x 0.08 x 0.92 +
1.25 x 0.024 = 0.145, and 0.01 more for each resident, and twice that in each of two years: 0.31. Coverage differs
by 2% / 2^0.5 between ages, which is 2% in each of two years. Flows have the variance of a Poisson count, and no case
is wrong.

    N0  0.31 x (0.95 x 52.5 + 125 / 60) + (0.02 x 52.5)^2 + 1.25^2 x 0.16 = 17.459583
    N1  the same with 1.25^2 x 0.32                                       = 17.709583
    n1  0.31 x (0.95 x 20 + 125 / 60) + (0.02 x 20)^2 + 1.25^2 x 0.08     =  6.820833
    I   0.95 x 6.8 + 0.3 + 1.24 = 8        i   0.95 x 5.2 + 0.3 + 0.76 = 6
    E   0.95 x 4.4 + 0.2 + 0.62 = 5        e   0.95 x 3.6 + 0.2 + 0.38 = 4

**The factor** errs by 4.3887%. What persists of the errors of its cells, 17.209583 + 17.209583 + 6.695833 of one, has
of 8 cells the variance 8 x 41.115 / 2^2 = 82.23 in the mean of both years, of 500 residents: 0.00032892 of the
factor's 0.0019289 is theirs, and 0.0016 = 4%^2 is left.

**The account** of the mean of the 8 cells, whose independent variances are an eighth of these; shared errors are as
large in the mean: the factor's 4% of stocks, one bias for those born in 2015 (who lose it in N1 - N0) and one for
those born in 2016, and 10% and 15% of flows. Two identities are broken, both by -2:

    N0 - 1 + I - E - N1 = 50 - 1 + 10 - 6 - 55 = -2        18 + i - e - n1 = 18 + 2 - 2 - 20 = -2

    variance of the first   (17.459583 + 17.709583 + 8 + 5) / 8 + (0.1 x 6.8)^2 + (0.15 x 4.4)^2         = 6.919146
    variance of the second  (6.820833 + 6 + 4) / 8 + (0.1 x 5.2)^2 + (0.15 x 3.6)^2 + (0.04 x 20)^2      = 3.304604
    their covariance        0.1^2 x 6.8 x 5.2 + 0.15^2 x 4.4 x 3.6                                       = 0.71

The multipliers are their inverse times -2: -0.232066 and -0.555357; the determinant is 22.360938. A figure moves by
its covariances with the two identities times these, with the opposite sign, and loses variance (Stone, Champernowne
& Meade 1942). All immigrants, I + i, have the variance (8 + 6) / 8 + (0.1 x 12)^2 = 3.19 and the covariances 8 / 8
+ 0.01 x 12 x 6.8 = 1.816 and 6 / 8 + 0.01 x 12 x 5.2 = 1.374 with the identities, so they become

    12 + 1.816 x 0.232066 + 1.374 x 0.555357 = 13.184491, of 8 cells 105.4759, with the variance
    3.19 - (1.816^2 x 3.304604 - 2 x 1.816 x 1.374 x 0.71 + 1.374^2 x 6.919146) / 22.360938 = 2.276915,
    of 8 cells 64 x 2.276915 = 145.7226 = 12.0716^2.

All emigrants have the variance (5 + 4) / 8 + (0.15 x 8)^2 = 2.565 and the covariances -(5 / 8 + 0.0225 x 8 x 4.4) =
-1.417 and -(4 / 8 + 0.0225 x 8 x 3.6) = -1.148, so they become

    8 - 1.417 x 0.232066 - 1.148 x 0.555357 = 7.033614, of 8 cells 56.2689, with the variance
    2.565 - (1.417^2 x 3.304604 - 2 x 1.417 x 1.148 x 0.71 + 1.148^2 x 6.919146) / 22.360938 = 1.963768,
    of 8 cells 125.6812 = 11.2108^2, and are now correlated with immigrants: their covariance is
    (1.816 x 1.417 x 3.304604 - (1.816 x 1.148 + 1.374 x 1.417) x 0.71 + 1.374 x 1.148 x 6.919146) / 22.360938
    = 0.740356, of 8 cells 47.3828. Net migration: 145.7226 + 125.6812 - 2 x 47.3828 = 176.6382 = 13.2905^2.

**Quarters.** Of a cell's 12 immigrants 5, 4, 2 and 1 come in the quarters, of its 8 emigrants 3, 2, 2 and 1 leave,
and what is unfinished is so in the third and fourth: for immigrants 0.5 and 1.5 of the variance of a cell, for
emigrants 0.25 and 0.75; of eight cells 4 and 12, and 2 and 6. A share varies as that of a Poisson count: the first of
immigrants by (5/12)(7/12) / 96 = 0.0025318, the fourth by (1/12)(11/12) / 96 = 0.0007957, those of emigrants by
(3/8)(5/8) / 64 = 0.0036621 and (1/8)(7/8) / 64 = 0.0017090. A quarter has what is unfinished in it, of the rest of
its year the square of its share, and what its share varies by, so that immigrants have the variances

    (5/12)^2 (145.7226 - 16) + 105.4759^2 x 0.0025318 = 7.1196^2      (1/12)^2 x 129.7226 + 12 + 8.8524 = 4.6640^2

and emigrants (3/8)^2 (125.6812 - 8) + 56.2689^2 x 0.0036621 and (1/8)^2 x 117.6812 + 6 + 5.4110. The two flows of a
quarter are correlated through their years.
"""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from estimation_people import NO_NATIONALITY, ages_alike, small_study

from estimation.account_stage import account
from estimation.coverage.classes import CELLS
from estimation.periods import quarters, year_end
from estimation.stages import AccountStudy
from pipeline.schemas import NATIONALITY_GROUPS, SEXES, Counts, Coverage, FlowCategories, Unmeasured
from pipeline.stage import StageContext, StageRecord
from pipeline.study import ErrorsByGroup, FlowErrors, Periods

DIVISIONS = ["sex", "age_group", "nationality_group"]
BY_QUARTER = {
    ("immigration", 2015): ((4, 0), (3, 0), (2, 0.5), (1, 0.74)),
    ("immigration", 2016): ((1, 0), (1, 0), (0, 0), (0, 0.76)),
    ("emigration", 2015): ((2, 0), (2, 0), (1, 0.25), (1, 0.37)),
    ("emigration", 2016): ((1, 0), (0, 0), (1, 0), (0, 0.38)),
}
"""Migrations of one cell and what is unfinished in them, by direction and cohort."""


OWN = 0.00032892
"""Of the relative variance of the factor, that of the errors of its cells."""
NONE = ErrorsByGroup(British=0.0, Irish=0.0, EU=0.0, non_EU=0.0)


def counts() -> pl.DataFrame:
    """Return the counts of 8 cells that are all alike."""
    rows = [
        ("population", "day", year_end(2015), 2015, 40, 0.16),
        ("population", "day", year_end(2016), 2015, 44, 0.32),
        ("population", "day", year_end(2016), 2016, 16, 0.08),
        ("births", "year", year_end(2016), 2016, 18, 0.0),
        ("deaths", "year", year_end(2016), 2015, 1, 0.0),
    ]
    for (measure, cohort), parts in BY_QUARTER.items():
        for (_, end), (count, unfinished) in zip(quarters(2016), parts, strict=True):
            rows.append((measure, "quarter", end, cohort, count, unfinished))
        sums = (sum(part[i] for part in parts) for i in range(2))
        rows.append((measure, "year", year_end(2016), cohort, *sums))
    full = [
        (
            measure,
            period,
            time,
            "long_term",
            sex,
            cohort,
            group,
            float(count),
            int(count),
            0,
            unfinished,
            0.0,
            0.0,
            False,
        )
        for measure, period, time, cohort, count, unfinished in rows
        for sex in SEXES
        for group in NATIONALITY_GROUPS
    ]
    return Counts.cast(pl.DataFrame(full, schema=Counts.column_names(), orient="row", infer_schema_length=None))


def one_class() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return one coverage class with a factor of 1.25 and its relative variance, 0.04^2, from three sources."""
    row = {name: [0.0] for name in Coverage.column_names()} | {
        "survey_date": [date(2016, 6, 30)],
        "coverage_class": ["all"],
        "members": [json.dumps([list(cell) for cell in CELLS])],
        "factor": [1.25],
        "standard_error": [0.05],
        "share_missed": [0.08],
        "share_erroneous": [0.024],
        "list_variance": [0.145],
        "estimated": [600.0],
    }
    variances = {
        "covariance": 0.0016 + OWN,
        "sampling": 0.0009 + OWN,
        "linkage": 0.0004,
        "declared": 0.0002,
        "dependence": 0.0001,
    }
    return Coverage.cast(pl.DataFrame(row)), pl.DataFrame([{"class_l": "all", "class_r": "all", **variances}])


def run_account(folder: Path, by_year: tuple[pl.DataFrame, pl.DataFrame] | None = None) -> Path:
    """Run the stage on the tables of `count`; `by_year` are those of factors by year and of their errors."""
    before, after = folder / "count", folder / "account"
    for one in (before, after):
        one.mkdir()
    coverage, covariance = one_class()
    counts().write_parquet(before / "counts.parquet")
    FlowCategories.create_empty().write_parquet(before / "flow_categories.parquet")
    coverage.write_parquet(before / "coverage.parquet")
    covariance.write_parquet(before / "coverage_covariance.parquet")
    if by_year is not None:
        by_year[0].write_parquet(before / "coverage_by_year.parquet")
        by_year[1].write_parquet(before / "coverage_by_year_covariance.parquet")
    ages_alike(0.02 / 2**0.5).write_parquet(before / "coverage_ages.parquet")
    pl.DataFrame(schema=NO_NATIONALITY).write_parquet(before / "nationality_covariance.parquet")
    Unmeasured.create_empty().write_parquet(before / "unmeasured.parquet")
    study = small_study(
        periods=Periods(flow_years=(2016,), stock_years=(2015, 2016)),
        flow_errors=FlowErrors(
            immigration=0.1,
            emigration=0.15,
            by_group=0.0,
            children=0.0,
            not_final_immigrations=NONE,
            not_final_emigrations=NONE,
            wrong_immigrations=NONE,
            wrong_emigrations=NONE,
            wrong_immigrations_of_children=NONE,
            wrong_emigrations_of_children=NONE,
            misdated_immigrations=0.0,
            misdated_emigrations=0.0,
            season=0.0,
            chance=True,
        ),
    )
    counted = StageRecord("count", "", before, {}, "", (), 0.0, {}, reused=False, facts={"definition": "long_term"})
    part = AccountStudy.of(study, folder)
    account(StageContext(study=part, folders={"count": before}, out=after, records={"count": counted}))
    return after


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return run_account(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize(
    ("file", "cohort", "time", "variance"),
    [
        ("population", 2015, 2015, 17.459583),
        ("population", 2015, 2016, 17.709583),
        ("population", 2016, 2016, 6.820833),
        ("immigration", 2015, 2016, 8),
        ("immigration", 2016, 2016, 6),
        ("emigration", 2015, 2016, 5),
        ("emigration", 2016, 2016, 4),
    ],
)
def test_the_variance_of_a_cell_is_the_sum_of_its_terms(out, file, cohort, time, variance):
    sds = pl.read_csv(out / "account_in" / f"{file}_sd.csv").filter(
        pl.col("cohort") == cohort, pl.col("time") == time
    )

    assert sds.height == 8
    assert (sds["sd"] ** 2).to_list() == pytest.approx([variance] * 8, abs=1e-6)


def totals(out: Path, name: str) -> pl.DataFrame:
    table = pl.read_parquet(out / f"{name}.parquet").with_columns(pl.col(pl.Enum).cast(pl.String))
    return table.filter([pl.col(division) == "all" for division in DIVISIONS])


@pytest.mark.parametrize(
    ("day", "estimate", "standard_error"),
    [(date(2015, 6, 30), 404.0518, 19.4130), (date(2016, 6, 30), 589.2588, 21.0334)],
)
def test_the_published_stocks(out, day, estimate, standard_error):
    row = totals(out, "stocks").filter(pl.col("reference_date") == day).row(0, named=True)

    assert (row["estimate"], row["standard_error"]) == pytest.approx((estimate, standard_error), abs=1e-4)


YEAR = (date(2015, 7, 1), date(2016, 6, 30))
FIRST, FOURTH = (quarters(2016)[i] for i in (0, 3))


@pytest.mark.parametrize(
    ("period", "measure", "estimate", "standard_error"),
    [
        (YEAR, "immigration", 105.4759, 12.0716),
        (YEAR, "emigration", 56.2689, 11.2108),
        (YEAR, "net", 49.2070, 13.2905),
        (FIRST, "immigration", 43.9483, 7.1196),
        (FIRST, "emigration", 21.1008, 5.3051),
        (FIRST, "net", 22.8475, 8.0016),
        (FOURTH, "immigration", 8.7897, 4.6640),
        (FOURTH, "emigration", 7.0336, 3.6400),
        (FOURTH, "net", 1.7560, 5.8323),
    ],
)
def test_the_published_flows(out, period, measure, estimate, standard_error):
    row = totals(out, "flows").filter(
        pl.col("period_start") == period[0], pl.col("period_end") == period[1], pl.col("measure") == measure
    )

    assert row.select("estimate", "standard_error").row(0) == pytest.approx((estimate, standard_error), abs=1e-4)


def test_the_sources_of_error_of_the_national_totals(out):
    """The factor's error from sampling and from linkage, and of 160 migrations the unfinished: 24^0.5 / 160."""
    sources = pl.read_parquet(out / "error_sources.parquet")
    errors = dict(sources.select(pl.col("error_source"), "relative_standard_error").iter_rows())

    assert errors["sampling of the coverage survey"] == pytest.approx((0.03**2 + OWN) ** 0.5, abs=1e-6)
    assert errors["linkage of the coverage survey"] == pytest.approx(0.02, abs=1e-6)
    assert errors["unfinished stays"] == pytest.approx((8 * (2 + 1)) ** 0.5 / (8 * (12 + 8)), abs=1e-6)


def test_the_identity_holds_in_what_is_published(out):
    stocks = dict(totals(out, "stocks").select("reference_date", "estimate").iter_rows())
    net = totals(out, "flows").filter(pl.col("period_start") == YEAR[0], pl.col("period_end") == YEAR[1])

    natural_change = 8 * (18 - 1)
    change = stocks[date(2016, 6, 30)] - stocks[date(2015, 6, 30)] - natural_change
    assert net.filter(pl.col("measure") == "net")["estimate"].item() == pytest.approx(change, abs=1e-5)


def factors_of_years(factors: tuple[float, float], drift: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the tables of factors by year of the one class, whose step from 2015 to 2016 has the sd `drift`."""
    table = pl.DataFrame({
        "coverage_class": ["all", "all"], "year": [2015, 2016], "factor": factors, "standard_error": [0.05, 0.05],
        "standard_error_drift": [0.0, drift], "weight": [0.5, 0.5],
    })  # fmt: skip
    _, covariance = one_class()
    pairs = covariance.join(pl.DataFrame({"year_l": [2015, 2016]}), how="cross")
    pairs = pairs.join(pl.DataFrame({"year_r": [2015, 2016]}), how="cross")
    own = pl.when(year_l=2016, year_r=2016).then(drift**2).otherwise(0.0)
    return table, pairs.with_columns(pl.col("covariance") + own, drift=own)


def test_factors_of_years_that_do_not_differ_are_one_factor(out, tmp_path):
    """Terms of years that are wholly correlated are one term."""
    alike = run_account(tmp_path, factors_of_years((1.25, 1.25), 0.0))

    for name in ("stocks", "flows"):
        one, of_years = (totals(folder, name).select("estimate", "standard_error") for folder in (out, alike))
        for column in one.columns:
            assert of_years[column].to_list() == pytest.approx(one[column].to_list(), abs=1e-3)


def test_a_factor_of_a_year_multiplies_the_stock_of_that_year(tmp_path):
    after = run_account(tmp_path, factors_of_years((1.25, 1.5), 0.1))
    stocks = pl.read_csv(after / "account_in" / "population.csv").group_by("time").agg(pl.col("count").sum())
    terms = pl.read_csv(after / "account_in" / "bias_terms.csv")
    errors = pl.read_parquet(after / "error_sources.parquet").filter(error_source="drift of the coverage factor")

    assert dict(stocks.iter_rows()) == {2015: 8 * 40 * 1.25, 2016: 8 * 60 * 1.5}
    sds = dict(terms.filter(pl.col("term").str.starts_with("coverage")).select("term", "sd").iter_rows())
    # cells of 50, 66 and 24: 0.31 x (0.95 x 58 + 140 / 60) + (0.02 x 58)^2 twice, and the same of 24
    own = 8 * (2 * 19.149933 + 8.021733) / 2**2 / 560**2
    variance = 0.0016 + OWN - own
    assert sds == pytest.approx({"coverage all 2015": variance**0.5, "coverage all 2016": (variance + 0.1**2) ** 0.5})
    assert errors.select("treatment", "relative_standard_error").rows() == [("declared", 0.1)]
