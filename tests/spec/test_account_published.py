"""The stage `account`, from counts to published tables: additivity, flags and declared errors."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from estimation_people import NO_NATIONALITY, ages_alike, small_study

from estimation.account.reconcile import reconcile
from estimation.account_stage import account
from estimation.cells import age_group
from estimation.coverage.classes import CELLS
from estimation.periods import quarters, year_end
from estimation.stages import AccountStudy
from pipeline.errors import UserError
from pipeline.schemas import AGE_GROUPS, NATIONALITY_GROUPS, SEXES, Counts, Coverage, FlowCategories, Unmeasured
from pipeline.stage import StageContext, StageRecord
from pipeline.study import FlowErrors, Periods

DIVISIONS = ["sex", "age_group", "nationality_group"]
YEARS = (2016, 2017)


def counts(scale: float = 1.0) -> pl.DataFrame:
    """Return counts of 3 cohorts in every age group; migrations of 2017 are provisional and partly unfinished."""
    draw = np.random.default_rng(4)
    rows = []

    def add(measure: str, period: str, time: date, cell: tuple, count: float, unfinished: float = 0.0) -> None:
        late = measure in {"immigration", "emigration"} and time > date(2016, 6, 30)
        rows.append(
            (
                measure,
                period,
                time,
                "long_term",
                *cell,
                count * scale,
                int(count),
                0,
                unfinished,
                late * unfinished / 5,
                0.0,
                late,
            )
        )

    for sex in SEXES:
        for group, share in zip(NATIONALITY_GROUPS, (1.0, 0.02, 0.1, 0.08), strict=True):
            for cohort in range(1930, 2016, 6):
                stock = float(draw.poisson(300 * share))
                for year in (2015, *YEARS):
                    add("population", "day", year_end(year), (sex, cohort, group), stock)
                for year in YEARS:
                    add("deaths", "year", year_end(year), (sex, cohort, group), float(draw.binomial(1, 0.3 * share)))
                    for measure, size in (("immigration", 3.0), ("emigration", 2.0)):
                        by_quarter = draw.poisson(size / 4, 4)
                        cell = (sex, cohort, group)
                        add(measure, "year", year_end(year), cell, float(by_quarter.sum()), 0.5 * (year == 2017))
                        for (_, end), part in zip(quarters(year), by_quarter, strict=True):
                            add(measure, "quarter", end, cell, float(part), 0.125 * (year == 2017))
            for year in YEARS:
                add("births", "year", year_end(year), (sex, year, group), float(draw.poisson(20 * share)))
                for later in YEARS[YEARS.index(year) :]:
                    add("population", "day", year_end(later), (sex, year, group), float(draw.poisson(20 * share)))
    frame = pl.DataFrame(rows, schema=Counts.column_names(), orient="row", infer_schema_length=None)
    return Counts.cast(frame).filter(pl.col("count") > 0)


def coverage() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return two classes, the British and the others, whose errors are correlated."""
    names = ["British", "others"]
    inside = [[list(cell) for cell in CELLS if (cell[2] == "British") == british] for british in (True, False)]
    row = {name: [0.0, 0.0] for name in Coverage.column_names()} | {
        "survey_date": [date(2017, 6, 30)] * 2,
        "coverage_class": names,
        "members": [json.dumps(cells) for cells in inside],
        "factor": [1.02, 1.10],
        "share_missed": [0.03, 0.12],
        "share_erroneous": [0.01, 0.02],
        "list_variance": [0.04, 0.15],
        "estimated": [9000.0, 2000.0],
    }
    pairs = [(left, right) for left in names for right in names]
    error = dict.fromkeys(pairs, 0.003**2) | {("British", "British"): 0.005**2, ("others", "others"): 0.02**2}
    covariance = pl.DataFrame(
        [(*pair, total, total - 5e-6, 4e-6, 1e-6, 0.0) for pair, total in error.items()],
        schema=["class_l", "class_r", "covariance", "sampling", "linkage", "declared", "dependence"],
        orient="row",
    )
    return Coverage.cast(pl.DataFrame(row)), covariance


def categories(table: pl.DataFrame) -> pl.DataFrame:
    """Return counted flows by category: two thirds of each cell came to work, and the British say no reason."""
    flows = table.filter(pl.col("period") == "year", pl.col("measure").is_in(["immigration", "emigration"]))
    cells = flows.with_columns(pl.col(pl.Enum).cast(pl.String), time=pl.col("time").dt.year()).with_columns(
        age_group(pl.col("time") - pl.col("cohort"))
    )
    by_cell = cells.group_by("measure", "time", *DIVISIONS).agg(pl.col("count", "variance_unfinished").sum())
    british = pl.col("nationality_group") == "British"
    parts = [
        by_cell.filter(british).with_columns(category=pl.lit("not recorded")),
        *(
            by_cell.filter(~british).with_columns(
                pl.col("count", "variance_unfinished") * share, category=pl.lit(name)
            )
            for name, share in (("work", 2 / 3), ("study", 1 / 3))
        ),
    ]
    kinds = [pl.concat(parts).with_columns(kind=pl.lit(kind)) for kind in ("reason", "country_of_birth", "area")]
    return FlowCategories.cast(pl.concat(kinds).select(FlowCategories.column_names()))


def published(
    folder: Path, table: pl.DataFrame | None = None, unmeasured: tuple[tuple[str, int], ...] = (), **changes
) -> Path:
    before, after = folder / "count", folder / "account"
    for one in (before, after):
        one.mkdir(parents=True)
    classes, covariance = coverage()
    counted = counts() if table is None else table
    counted.write_parquet(before / "counts.parquet")
    categories(counted).write_parquet(before / "flow_categories.parquet")
    classes.write_parquet(before / "coverage.parquet")
    covariance.write_parquet(before / "coverage_covariance.parquet")
    ages_alike().write_parquet(before / "coverage_ages.parquet")
    pl.DataFrame(schema=NO_NATIONALITY).write_parquet(before / "nationality_covariance.parquet")
    gap = ("exit_checks_travel", date(2013, 1, 1), date(2014, 6, 30), "a gap")
    missing = [(*one, *gap) for one in unmeasured]
    Unmeasured.cast(pl.DataFrame(missing, schema=Unmeasured.column_names(), orient="row")).write_parquet(
        before / "unmeasured.parquet"
    )
    study = AccountStudy.of(small_study(**changes), folder)
    record = StageRecord("count", "", before, {}, "", (), 0.0, {}, reused=False, facts={"definition": "long_term"})
    account(StageContext(study=study, folders={"count": before}, out=after, records={"count": record}))
    return after


def read(folder: Path, name: str) -> pl.DataFrame:
    frame = pl.read_parquet(folder / f"{name}.parquet")
    return frame.with_columns(pl.col(pl.Enum).cast(pl.String))


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return published(tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def flows(out) -> pl.DataFrame:
    return read(out, "flows")


@pytest.fixture(scope="module")
def stocks(out) -> pl.DataFrame:
    return read(out, "stocks")


def of_years(flows: pl.DataFrame) -> pl.DataFrame:
    return flows.filter(pl.col("period_end") - pl.col("period_start") > pl.duration(days=300))


def test_every_combination_is_published(flows, stocks):
    combinations = (len(SEXES) + 1) * (len(AGE_GROUPS) + 1) * (len(NATIONALITY_GROUPS) + 1)

    assert of_years(flows).height == combinations * 3 * len(YEARS)
    assert flows.height - of_years(flows).height == 4 * 3 * len(YEARS)
    assert stocks.height == combinations * 3


@pytest.mark.parametrize("name", DIVISIONS)
def test_groups_add_up_to_their_totals(flows, stocks, name):
    for frame, key in ((of_years(flows), ["period_end", "measure"]), (stocks, ["reference_date"])):
        rest = [*key, *(one for one in DIVISIONS if one != name)]
        parts = frame.filter(pl.col(name) != "all").group_by(rest).agg(parts=pl.col("estimate").sum())
        joined = frame.filter(pl.col(name) == "all").join(parts, on=rest)

        assert joined.height == parts.height
        assert (joined["estimate"] - joined["parts"]).abs().max() < 1e-5


def test_net_is_immigration_less_emigration(flows):
    key = ["period_start", "period_end", *DIVISIONS]
    wide = flows.pivot("measure", index=key, values="estimate")

    assert (wide["immigration"] - wide["emigration"] - wide["net"]).abs().max() < 1e-5


def test_stocks_change_by_the_flows_between_them(flows, stocks, out):
    totals = [pl.col(name) == "all" for name in DIVISIONS]
    stock = dict(stocks.filter(totals).select(pl.col("reference_date").dt.year(), "estimate").iter_rows())
    net = dict(
        of_years(flows)
        .filter(*totals, pl.col("measure") == "net")
        .select(pl.col("period_end").dt.year(), "estimate")
        .iter_rows()
    )
    vital = read(out, "estimates").filter(pl.col("measure").is_in(["births", "deaths"]))
    sums = {row[:2]: row[2] for row in vital.group_by("measure", "time").agg(pl.col("estimate").sum()).iter_rows()}

    for year in YEARS:
        change = sums["births", year] - sums["deaths", year] + net[year]
        assert stock[year] - stock[year - 1] == pytest.approx(change, abs=1e-4)


def test_quarters_add_up_to_their_year(flows):
    quarterly = flows.join(of_years(flows), on=flows.columns, how="anti")
    totals = of_years(flows).filter(pl.col(name) == "all" for name in DIVISIONS)
    for row in totals.iter_rows(named=True):
        inside = quarterly.filter(
            pl.col("measure") == row["measure"],
            pl.col("period_start") >= row["period_start"],
            pl.col("period_end") <= row["period_end"],
        )
        assert inside.height == 4
        assert inside["estimate"].sum() == pytest.approx(row["estimate"], abs=1e-5)
        assert (
            inside["standard_error"].min() > row["standard_error"] / 8
        )  # a quarter is less certain than a fourth of it


def test_only_net_migration_is_ever_negative(flows, stocks):
    gross = flows.filter(pl.col("measure") != "net")

    assert gross["estimate"].min() >= 0
    assert gross["lower"].min() >= 0
    assert stocks["lower"].min() >= 0
    assert flows.filter(pl.col("measure") == "net")["lower"].min() < 0


def test_intervals_are_estimate_and_standard_error(flows):
    net = flows.filter(pl.col("measure") == "net")

    assert (net["upper"] - net["estimate"] - 1.96 * net["standard_error"]).abs().max() < 1e-5
    assert (net["estimate"] - net["lower"] - 1.96 * net["standard_error"]).abs().max() < 1e-5


def test_years_with_provisional_migrations_are_provisional(flows, stocks):
    status = dict(flows.group_by("period_end").agg(pl.col("status").unique().first()).iter_rows())

    assert {status[end] for _, end in quarters(2016)} == {"final"}
    assert {status[end] for _, end in quarters(2017)} == {"provisional"}
    assert stocks.filter(pl.col("reference_date") < date(2017, 1, 1))["status"].unique().to_list() == ["final"]
    assert stocks.filter(pl.col("reference_date") > date(2017, 1, 1))["status"].unique().to_list() == ["provisional"]


def test_small_figures_are_unreliable_and_so_is_net_migration_with_a_small_gross_flow(flows):
    gross = flows.filter(pl.col("measure") != "net").with_columns(small=pl.col("estimate") < 30)
    assert (gross["small"] == (gross["reliability"] == "unreliable")).all()
    key = ["period_start", "period_end", *DIVISIONS]
    any_small = gross.group_by(key).agg(pl.col("small").any())
    net = flows.filter(pl.col("measure") == "net").join(any_small, on=key)

    assert (net["small"] == (net["reliability"] == "unreliable")).all()


def test_figures_carry_their_rule_set_and_data_date(flows):
    assert flows.select("rule_set", "data_date", "definition", "area").unique().rows() == [
        ("long_term_2019", date(2019, 12, 31), "long_term", "all")
    ]


def test_a_rule_set_given_as_a_file_is_named_after_the_file(tmp_path):
    out = published(tmp_path, rule_set="rules/my_rules.toml")

    assert read(out, "stocks")["rule_set"].unique().to_list() == ["my_rules"]


def test_the_published_figures_are_those_of_the_account_files(out, stocks):
    files = reconcile(out / "account_in")
    total = files.total((pl.col("measure") == "population") & (pl.col("time") == 2017) & (pl.col("sex") == "F"))
    row = stocks.filter(
        pl.col("sex") == "F", pl.col("age_group") == "all", pl.col("nationality_group") == "all",
        pl.col("reference_date") == date(2017, 6, 30),
    ).row(0, named=True)  # fmt: skip

    assert row["estimate"] == pytest.approx(total.estimate, abs=1e-6)
    assert row["standard_error"] == pytest.approx(total.standard_error, abs=1e-6)


def test_the_coverage_factor_applies_to_stocks_and_not_to_flows(out):
    table = counts()
    cells = read(out, "estimates").group_by("measure").agg(pl.col("observed").sum())
    observed = dict(cells.iter_rows())
    counted = table.filter(pl.col("period") == "day").with_columns(
        factor=pl.when(pl.col("nationality_group") == "British").then(1.02).otherwise(1.10)
    )

    assert observed["population"] == pytest.approx(float((counted["count"] * counted["factor"]).sum()))
    yearly = table.filter(pl.col("period") == "year", pl.col("measure") == "immigration")
    assert observed["immigration"] == pytest.approx(float(yearly["count"].sum()))


def test_every_stock_has_one_factor_term_and_infants_have_their_own(out):
    terms = pl.read_csv(out / "account_in" / "bias_terms.csv").filter(pl.col("measure") == "population")
    cells = pl.read_csv(out / "account_in" / "population.csv").select("age", "sex", "nationality_group", "time")
    inside = cells.join(terms, on=["sex", "nationality_group"], suffix="_of_term").filter(
        pl.col("age").is_between("age_from", "age_to"),
        pl.col("time_of_term").is_null() | (pl.col("time_of_term") == pl.col("time")),
    )

    assert inside.height == cells.height
    infants = inside.filter(pl.col("time") - pl.col("age") > 2015)  # born since the first stock
    assert set(infants["term"]) == {"births, British", "births, others"}
    assert not inside.join(infants, on=cells.columns, how="anti")["term"].str.starts_with("births").any()


def test_births_correct_only_infants(tmp_path):
    # Twice as many births as infants on the list: infants are corrected, the factor of the others is not.
    plain = published(tmp_path / "plain")
    more = counts().with_columns(
        count=pl.when(pl.col("measure").cast(pl.String) == "births").then(2 * pl.col("count")).otherwise("count")
    )
    born = published(tmp_path / "born", more)
    adults = [pl.col("age_group") == "25-44", pl.col("sex") == "all", pl.col("nationality_group") == "all"]
    one, other = (read(folder, "stocks").filter(*adults).sort("reference_date") for folder in (plain, born))

    assert other["estimate"].to_list() == pytest.approx(one["estimate"].to_list(), rel=0.002)


def test_declared_errors_widen_flows(tmp_path):
    narrow, wide = (
        read(published(tmp_path / str(error), flow_errors=FlowErrors(immigration=error, emigration=error)), "flows")
        for error in (0.0, 0.4)
    )
    total = [pl.col(name) == "all" for name in DIVISIONS] + [pl.col("measure") == "immigration"]

    assert (
        of_years(wide).filter(*total)["standard_error"].min()
        > of_years(narrow).filter(*total)["standard_error"].max()
    )


def test_every_source_of_error_is_listed(out):
    sources = read(out, "error_sources")

    assert set(sources["treatment"]) == {"estimated", "declared", "not measured"}
    declared = dict(
        sources.filter(pl.col("treatment") == "declared").select("error_source", "relative_standard_error").rows()
    )
    assert declared["people who left but look present"] == 0.0004
    assert declared["error of immigration in a year"] == 0.004
    assert declared["error of emigration by group"] == 0.007
    assert declared["error of emigration of children"] == 0.022
    assert set(declared) >= {"people whom both the sources and the survey miss", "emigration that is not known yet"}
    assert sources.filter(pl.col("error_source").str.contains("drift"))["treatment"].item() == "not measured"


def test_a_year_without_any_migration_still_has_figures(tmp_path):
    quiet = counts().filter(~pl.col("measure").cast(pl.String).is_in(["immigration", "emigration"]))
    flows = read(published(tmp_path, quiet), "flows")

    assert flows["estimate"].is_finite().all()
    assert flows["standard_error"].is_finite().all()


def test_stocks_that_do_not_frame_the_flows_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"study\.toml, \[periods\].*'stock_years' must run from 2015 to 2017"):
        published(tmp_path, periods=Periods(flow_years=YEARS, stock_years=YEARS))


def test_a_period_that_is_not_measured_is_published_without_a_number(tmp_path, flows, stocks):
    """The account is that of the measured years; the others have all their rows, and no estimate in any of them."""
    asked = Periods(flow_years=(2014, 2015, *YEARS), stock_years=(2013, 2014, 2015, *YEARS))
    missing = (("flows", 2014), ("flows", 2015), ("population", 2013), ("population", 2014))
    out = published(tmp_path, unmeasured=missing, periods=asked)
    found_flows, found_stocks = read(out, "flows"), read(out, "stocks")
    assert found_flows.filter(pl.col("status") != "not measured").equals(flows)
    assert found_stocks.filter(pl.col("status") != "not measured").equals(stocks)
    for found, own, years, end in (
        (found_flows, flows, 2, "period_end"),
        (found_stocks, stocks, 2, "reference_date"),
    ):
        blank = found.filter(status="not measured")
        assert blank.height == own.height // (2 if own is flows else 3) * years
        assert (
            blank.select("estimate", "standard_error", "lower", "upper", "reliability").null_count().row(0)
            == (blank.height,) * 5
        )
        assert set(blank[end]) < {
            date(2013, 6, 30),
            date(2014, 6, 30),
            *(end for y in (2014, 2015) for end in ends(y)),
        }
        assert not found.select("definition", "measure", "rule_set", "data_date").null_count().sum_horizontal().item()


def ends(year: int) -> list[date]:
    """The last days of the quarters of a year, the last of which is that of the year."""
    return [end for _, end in quarters(year)]


def one_division(flows: pl.DataFrame) -> pl.DataFrame:
    return of_years(flows).filter(sum(pl.col(name) != "all" for name in DIVISIONS) <= 1)


@pytest.mark.parametrize("by", ["age", "reason", "country_of_birth", "area"])
def test_what_divides_flows_adds_up_to_them(out, flows, by):
    divided = read(out, f"flows_by_{by}")
    key = ["period_end", "measure", *DIVISIONS]
    summed = divided.group_by(key).agg(total=pl.col("estimate").sum())
    compared = one_division(flows).join(summed, on=key, how="right" if by == "age" else "left")
    assert compared.height
    assert compared["total"].null_count() == 0
    assert compared["total"].to_numpy() == pytest.approx(compared["estimate"].to_numpy(), abs=1e-3)


def test_a_category_has_the_share_of_its_cell(out, flows):
    """Two thirds of the counted non-British are workers in every cell, and so they are of the estimates."""
    of_eu = {"nationality_group": "EU", "sex": "all", "age_group": "all"}
    of_year = (pl.col("measure") == "immigration") & (pl.col("period_end") == date(2016, 6, 30))
    whole = one_division(flows).filter(of_year, **of_eu).row(0, named=True)
    work = read(out, "flows_by_reason").filter(of_year, **of_eu, reason="work").row(0, named=True)
    assert work["estimate"] == pytest.approx(whole["estimate"] * 2 / 3, abs=1e-5)
    assert work["standard_error"] > whole["standard_error"] * 2 / 3
    assert work["status"] == whole["status"]


def test_the_error_of_an_age_is_that_of_its_cells_in_the_account(out):
    account_of_files = reconcile(out / "account_in")
    total = account_of_files.total(
        (pl.col("measure") == "immigration") & (pl.col("time") == 2016) & (pl.col("age") == 32)
    )
    found = read(out, "flows_by_age").filter(
        pl.col("measure") == "immigration", pl.col("period_end") == date(2016, 6, 30), age=32, sex="all",
        nationality_group="all",
    )  # fmt: skip
    assert found["estimate"].item() == pytest.approx(total.estimate, abs=1e-5)
    assert found["standard_error"].item() == pytest.approx(total.standard_error, abs=1e-5)
