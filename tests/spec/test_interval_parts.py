"""What published intervals consist of: two reports worked by hand, the account worked by hand, and all figures."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from account_folder import write_folder
from estimation_people import NO_NATIONALITY, ages_alike
from scipy import sparse
from test_account_published import DIVISIONS, counts, coverage, published, read
from test_golden_account import FOURTH, YEAR, factors_of_years, run_account, totals

from estimation.account.error_parts import CELL_KEY, PARTS_OF_TERMS, ErrorParts
from estimation.account.inputs import write_account_inputs
from estimation.account.reconcile import reconcile
from estimation.account.variance_by_source import VarianceBySource
from estimation.flow_details import flows_by_age
from estimation.interval_sources import PART_OF
from pipeline.schemas import INTERVAL_PARTS, DetailParts, IntervalParts
from pipeline.study import AccountSettings, CoverageSettings, FlowErrors, Periods

KEY = ["measure", "period_start", "period_end", "definition", *DIVISIONS, "area"]


def figures(folder: Path) -> pl.DataFrame:
    """Return the keys and errors of all flows and stocks."""
    day = pl.col("reference_date")
    stocks = read(folder, "stocks").with_columns(period_start=day, period_end=day)
    return pl.concat([one.select(*KEY, "estimate", "standard_error") for one in (read(folder, "flows"), stocks)])


def national(folder: Path, measure: str, start: date, end: date) -> dict[str, float]:
    """Return the variance of a national figure by source of error."""
    rows = read(folder, "interval_parts").filter(
        pl.col("measure") == measure, pl.col("period_start") == start, pl.col("period_end") == end,
        *(pl.col(name) == "all" for name in DIVISIONS),
    )  # fmt: skip
    return dict(rows.select("error_source", pl.col("standard_error") ** 2).iter_rows())


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return published(tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def golden(tmp_path_factory) -> Path:
    return run_account(tmp_path_factory.mktemp("golden"))


def test_two_reports_of_one_number(tmp_path):
    """Immigrants are reported as 10; by stocks and emigrants, exact but for the last, they are 106 - 100 + 5 = 11.

    The report has an error of its own of variance 1, and shares one of 10%, which of 10 is a variance of 1 more; that
    of the last stock is 4. The estimate is the mean with weights of 2/3 and 1/3, and its variance 4/9 (1 + 1) + 1/9
    4 = 4/3: a third from each of the report's errors, and of the third from the stock 3/4 from random errors, 1/4
    from ages.
    """
    cell = {"sex": "F", "nationality_group": "all", "cohort": 1980}
    folder = write_folder(
        tmp_path,
        population=[("F", 1980, 2015, 100.0, 0.0), ("F", 1980, 2016, 106.0, 2.0)],
        immigration=[("F", 1980, 2016, 10.0, 1.0)],
        emigration=[("F", 1980, 2016, 5.0, 0.0)],
        terms=[("bias", "immigration", None, None, None, None, 2016, 0.1)],
    )
    own = [
        ("immigration", 2016, "wrong", 1.0), ("population", 2016, "random", 3.0), ("population", 2016, "ages", 1.0),
    ]  # fmt: skip
    cells = pl.DataFrame(
        [{"measure": measure, **cell, "age": 36, "time": time, "error_source": source, "variance": variance}
         for measure, time, source, variance in own]
    ).with_columns(pl.col("cohort", "age", "time").cast(pl.Int32))  # fmt: skip
    terms = pl.DataFrame([("bias", "bias", "shared", 0.01)], schema=PARTS_OF_TERMS, orient="row")
    account = reconcile(folder)
    divided = VarianceBySource.of(
        account, ErrorParts(cells.select(*CELL_KEY, "error_source", "variance"), terms),
        ("wrong", "shared", "random", "ages"),
    )  # fmt: skip
    immigrants = sparse.csr_array(
        account.cells.select((pl.col("measure") == "immigration").cast(pl.Float64)).to_numpy().T
    )
    influence = divided.influence(immigrants)

    assert (immigrants @ account.cells["estimate"].to_numpy())[0] == pytest.approx(10 + 1 / 3)
    # the first stock, the last, immigration, emigration
    assert influence[0] == pytest.approx([-1 / 3, 1 / 3, 2 / 3, 1 / 3])
    assert divided.by_source(influence)[0] == pytest.approx([4 / 9, 4 / 9, 1 / 3, 1 / 9])


GAPS = ((1.816 * 3.304604 - 1.374 * 0.71) / 22.360938, (1.374 * 6.919146 - 1.816 * 0.71) / 22.360938)
"""By how much all immigrants of the account worked by hand fall for each unit of its two gaps."""


def test_the_account_worked_by_hand_by_source(golden):
    """Immigrants are I + i less `GAPS` of N0 + I - E - N1 and of i - e - n1; variances are as in the golden account.

    Eight cells are alike: what cells do not share counts 8 times, and what they share 64 times.
    """
    one, two = GAPS
    found = national(golden, "immigration", *YEAR)
    stock = {"N0": (52.5, 0.16), "N1": (52.5, 0.32), "n1": (20, 0.08)}
    squares = {"N0": one**2, "N1": one**2, "n1": two**2}
    lists = 8 * sum(squares[name] * 2 * (0.95 * size + 125 / 60) for name, (size, _) in stock.items())
    of_stocks = sum(squares[name] * 1.25**2 * variance for name, (_, variance) in stock.items())
    by_hand = {
        "wrong cases of immigration": 8 * ((1 - one) ** 2 * 6.76 + (1 - two) ** 2 * 5.24),
        "wrong cases of emigration": 8 * (one**2 * 4.38 + two**2 * 3.62),
        "unfinished stays": 8 * (
            (1 - one) ** 2 * 1.24 + (1 - two) ** 2 * 0.76 + one**2 * 0.62 + two**2 * 0.38 + of_stocks
        ),
        "error of immigration in a year": 64 * 0.1**2 * ((1 - one) * 6.8 + (1 - two) * 5.2) ** 2,
        "error of emigration in a year": 64 * 0.15**2 * (one * 4.4 + two * 3.6) ** 2,
        "random errors of the lists": lists * 0.145,
        "smallest error of a list": lists * 0.01,
        "ages of a coverage class": 8 * 0.02**2 * sum(squares[name] * size**2 for name, (size, _) in stock.items()),
        # those born in 2015 lose the factor's error in N1 - N0
        "sampling of the coverage survey": 64 * 0.0009 * (two * 20) ** 2,
        "linkage of the coverage survey": 64 * 0.0004 * (two * 20) ** 2,
        "people whom both the sources and the survey miss": 64 * 0.0001 * (two * 20) ** 2,
        "people who left but look present": 64 * 0.0004**2 * (two * 20) ** 2,
        "children who left but are still listed": 64 * (0.0002 - 0.0004**2) * (two * 20) ** 2,
    }  # fmt: skip

    assert found == pytest.approx(by_hand, rel=1e-4)
    assert sum(by_hand.values()) == pytest.approx(145.7226, abs=1e-3)


def test_a_quarter_worked_by_hand(golden):
    """A twelfth of 105.4759 immigrants, of 96 counted: of 16 unfinished 12 are its own, the rest is the year's."""
    year, quarter = national(golden, "immigration", *YEAR), national(golden, "immigration", *FOURTH)
    share = {name: variance / 144 for name, variance in year.items()}
    share["division of a year into quarters"] = 105.4759**2 * (1 / 12) * (11 / 12) / 96
    share["unfinished stays"] += 12 - 16 / 144

    assert quarter == pytest.approx(share, rel=1e-4)
    assert sum(share.values()) == pytest.approx(4.6640**2, abs=1e-3)


@pytest.mark.parametrize("scales", ["declared", "estimated"])
def test_the_parts_of_every_figure_add_up_to_its_variance(out, tmp_path, scales):
    if scales == "estimated":
        of_2016 = (pl.col("measure").cast(pl.String) == "immigration") & (pl.col("time").dt.year() == 2016)
        wrong = counts().with_columns(count=pl.when(of_2016).then(5 * pl.col("count")).otherwise("count"))
        out = published(tmp_path, wrong, account=AccountSettings(estimate_scales=True))
    parts, published_figures = read(out, "interval_parts"), figures(out)
    IntervalParts.validate(parts, cast=True)
    sums = parts.group_by(KEY).agg(
        variance=(pl.col("standard_error") ** 2).sum(), shares=pl.col("share_of_variance").sum()
    )
    compared = published_figures.join(sums, on=KEY, how="left")

    assert compared.height == published_figures.height > 800
    assert compared["variance"].null_count() == 0
    # standard errors are rounded to millionths
    assert compared["variance"].sqrt().to_list() == pytest.approx(compared["standard_error"].to_list(), abs=5e-6)
    assert compared["shares"].to_list() == pytest.approx([1.0] * compared.height, abs=1e-7)
    shares = parts.join(compared, on=KEY)
    own = shares["standard_error"] ** 2 / shares["standard_error_right"] ** 2
    assert own.to_list() == pytest.approx(shares["share_of_variance"].to_list(), abs=1e-4)


def test_every_part_is_one_of_the_sources_of_error_and_treated_as_it_says(out):
    sources = dict(read(out, "error_sources").select("error_source", "treatment").iter_rows())
    found = read(out, "interval_parts").select("error_source", "treatment", "part").unique()

    assert {source: treatment for source, treatment, _ in found.iter_rows()}.items() <= sources.items()
    assert set(found["treatment"]) == {"estimated", "declared"}
    assert {source: part for source, _, part in found.iter_rows()}.items() <= PART_OF.items()
    assert set(PART_OF.values()) == set(INTERVAL_PARTS)
    # none of these is in these counts: cases are certain and of one nationality, and lists, ages and children alike
    in_intervals = {name for name, treatment in sources.items() if treatment != "not measured"}
    assert in_intervals - set(found["error_source"]) == {
        "nationality of people", "people whom both the sources and the survey miss",
        "ages of a coverage class", "immigration that is not known yet", "emigration that is not known yet",
    }  # fmt: skip


def test_late_migrations_are_reporting_delay_and_the_rest_of_the_unfinished_is_not(out):
    """A fifth of the variance of what is unfinished in each cell of 2017 is from late migrations."""
    year = national(out, "immigration", date(2016, 7, 1), date(2017, 6, 30))

    assert year["unfinished stays"] == pytest.approx(4 * year["migrations that become known late"], rel=1e-5)


def test_a_larger_assumption_is_a_larger_part(out, tmp_path):
    larger = published(tmp_path, flow_errors=FlowErrors(immigration=0.04))
    one, other = (
        national(folder, "immigration", date(2015, 7, 1), date(2016, 6, 30))["error of immigration in a year"]
        for folder in (out, larger)
    )

    assert other > 50 * one


def test_factors_of_years_have_a_part_from_drift(tmp_path):
    after = run_account(tmp_path, factors_of_years((1.25, 1.25), 0.1))
    found = national(after, "population", date(2016, 6, 30), date(2016, 6, 30))
    row = totals(after, "stocks").filter(pl.col("reference_date") == date(2016, 6, 30))

    assert found["drift of the coverage factor"] > 0.05 * sum(found.values())
    assert sum(found.values()) == pytest.approx(row["standard_error"].item() ** 2, rel=1e-5)


def test_what_all_factors_share_is_told_from_the_error_of_children(golden):
    """Of the declared variance of 0.0002 the study says how much all people share; the rest is that of children."""
    shared = CoverageSettings().declared_error ** 2
    found = national(golden, "population", date(2016, 6, 30), date(2016, 6, 30))

    assert found["children who left but are still listed"] == pytest.approx(
        (0.0002 - shared) / shared * found["people who left but look present"], rel=1e-4
    )


def test_the_parts_of_an_account_s_files_add_up_to_what_the_files_say(tmp_path):
    """Cells to the squares of their sds, terms to those of theirs, and pairs of terms to their covariances."""
    is_stock = pl.col("measure").cast(pl.String) == "population"
    counted = counts().with_columns(
        variance_unfinished=pl.when(is_stock).then(0.5).otherwise("variance_unfinished"),
        variance_late=pl.when(is_stock).then(0.2).otherwise("variance_late"),
    )
    groups = [
        (measure, year, left, right, 3.0 if left == right else -3.0)
        for measure, years in (("population", (2015, 2016, 2017)), ("immigration", (2016, 2017)))
        for year in years
        for left in ("British", "EU")
        for right in ("British", "EU")
    ]
    parts = write_account_inputs(
        Periods(flow_years=(2016, 2017), stock_years=(2015, 2016, 2017)), FlowErrors(), counted, *coverage(),
        ages_alike(0.01), pl.DataFrame(groups, schema=NO_NATIONALITY, orient="row"), tmp_path, declared_error=0.001,
    )  # fmt: skip

    for measure in ("population", "immigration", "emigration"):
        sds = pl.read_csv(tmp_path / f"{measure}_sd.csv")
        own = parts.cells.filter(measure=measure)
        cell = [name for name in CELL_KEY if name != "measure"]
        sums = sds.cast({name: own.schema[name] for name in cell}).join(
            own.group_by(cell).agg(pl.col("variance").sum()), on=cell, how="left"
        )
        assert (sums["sd"] ** 2).to_list() == pytest.approx(sums["variance"].to_list(), rel=1e-5)
        assert own["variance"].min() >= 0
    late = parts.cells.filter(error_source="migrations that become known late", measure="population")
    british, others = (late.filter((pl.col("nationality_group") == "British") == is_one) for is_one in (True, False))
    assert british["variance"].max() == pytest.approx(0.2 * 1.02**2)
    assert others["variance"].max() == pytest.approx(0.2 * 1.10**2)

    sums = parts.terms.group_by("term", "other").agg(pl.col("covariance").sum())
    declared = pl.read_csv(tmp_path / "bias_terms.csv").select("term", "sd").unique()
    of_terms = declared.join(sums.filter(pl.col("term") == pl.col("other")), on="term", how="left")
    assert of_terms["covariance"].to_list() == pytest.approx((of_terms["sd"] ** 2).to_list(), rel=1e-4)
    pairs = pl.read_csv(tmp_path / "bias_covariance.csv")
    assert set(parts.terms["error_source"]) >= {"nationality of people", "linkage of the coverage survey"}
    for one, other in (("term", "other"), ("other", "term")):
        of_pairs = pairs.join(sums, left_on=[one, other], right_on=["term", "other"], how="left", suffix="_of_parts")
        assert of_pairs["covariance_of_parts"].to_list() == pytest.approx(of_pairs["covariance"].to_list(), rel=1e-6)


SHARES = [name for name in DetailParts.column_names() if name.startswith("share_")]
DETAIL_KEY = [name for name in KEY if name != "area"]


def by_part(folder: Path) -> pl.DataFrame:
    """Return the variance of every flow and stock by the part of its interval, in columns."""
    rows = read(folder, "interval_parts").group_by(*DETAIL_KEY, "part").agg((pl.col("standard_error") ** 2).sum())
    return rows.pivot("part", index=DETAIL_KEY, values="standard_error").with_columns(
        pl.col(part).fill_null(0.0) for part in INTERVAL_PARTS
    )


def details(folder: Path, by: str) -> pl.DataFrame:
    """Return a table of details, with the columns of `detail_parts` and the category as text."""
    rows = read(folder, f"flows_by_{by}").with_columns(category=pl.col(by).cast(pl.String))
    return rows.join(read(folder, "detail_parts").filter(by=by), on=[*DETAIL_KEY, "category"], how="left")


@pytest.mark.parametrize("by", ["age", "reason", "country_of_birth", "area"])
def test_every_row_of_a_detail_has_the_parts_of_its_interval(out, by):
    rows = details(out, by).filter(pl.col("standard_error") > 1e-5)
    DetailParts.validate(read(out, "detail_parts"), cast=True)

    assert rows.height > 100
    assert rows.select(pl.sum_horizontal(SHARES)).to_series().to_list() == pytest.approx([1] * rows.height, abs=1e-5)


def test_the_parts_of_an_age_are_those_of_its_cells(tmp_path):
    """Immigrants of 32, women and men: the sum of their cells, whose variance by source is that of the account."""
    parts = write_account_inputs(
        Periods(flow_years=(2016, 2017), stock_years=(2015, 2016, 2017)), FlowErrors(), counts(), *coverage(),
        ages_alike(0.01), pl.DataFrame(schema=NO_NATIONALITY), tmp_path,
    )  # fmt: skip
    solved = reconcile(tmp_path)
    by_source = VarianceBySource.of(solved, parts, tuple(PART_OF))
    found = flows_by_age(solved, by_source.summed(PART_OF, tuple(INTERVAL_PARTS)), counts(), (2016, 2017))

    for measures in (("immigration",), ("immigration", "emigration")):
        chosen = solved.cells.select(
            (pl.col("measure").is_in(measures) & (pl.col("time") == 2016) & (pl.col("age") == 32)).cast(pl.Float64)
            * pl.when(pl.col("measure") == "emigration").then(-1).otherwise(1)
        )
        variances = by_source.by_source(by_source.influence(sparse.csr_array(chosen.to_numpy().T)))[0]
        of_part = dict.fromkeys(INTERVAL_PARTS, 0.0)
        for (_, part), variance in zip(PART_OF.items(), variances, strict=True):
            of_part[part] += float(variance)
        row = found.parts.filter(
            pl.col("period_end") == date(2016, 6, 30), pl.col("sex") == "all", pl.col("nationality_group") == "all",
            category="32", measure="net" if measures[1:] else measures[0],
        )  # fmt: skip
        total = sum(of_part.values())
        assert [row[name].item() for name in SHARES] == pytest.approx(
            [of_part[part] / total for part in INTERVAL_PARTS], abs=1e-6
        )


def test_a_category_has_the_parts_of_its_flow_and_those_of_its_division(out):
    """Two thirds of every cell of other than British are workers: 4/9 of each part, and more of two.

    The division is of the model, and what is unfinished in a category is not what is unfinished in all.
    """
    rows = details(out, "reason").filter(category="work", nationality_group="EU", measure="immigration")
    joined = rows.join(by_part(out), on=DETAIL_KEY)
    assert joined.height == 2
    for name, part in zip(SHARES, INTERVAL_PARTS, strict=True):
        own, whole = joined[name] * joined["standard_error"] ** 2, joined[part] * 4 / 9
        if part in {"model", "unfinished stays"}:
            assert (own > whole - 1e-6).all()
        else:
            assert own.to_list() == pytest.approx(whole.to_list(), rel=1e-4, abs=1e-4)
    assert (joined["share_model"] * joined["standard_error"] ** 2 > joined["model"] * 4 / 9).all()
