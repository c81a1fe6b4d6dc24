"""Accounts small enough to be solved on paper."""

import polars as pl
import pytest
from account_folder import write_folder

from estimation.account.reconcile import reconcile
from pipeline.errors import UserError

POPULATION, IMMIGRATION, EMIGRATION = (
    pl.col("measure") == name for name in ("population", "immigration", "emigration")
)


def one_cohort(folder, end=109.0, **more):
    return write_folder(
        folder,
        population=[("F", 1980, 2015, 100.0, 2.0), ("F", 1980, 2016, end, 2.0)],
        immigration=[("F", 1980, 2016, 10.0, 1.0)],
        emigration=[("F", 1980, 2016, 5.0, 1.0)],
        **more,
    )


def test_a_discrepancy_is_shared_in_proportion_to_variances(tmp_path):
    # 100 + 10 - 5 = 105, but 109 are counted: a difference of 4, shared by variances 4, 1, 1 and 4.
    account = reconcile(one_cohort(tmp_path))

    assert account.cells["estimate"].to_list() == pytest.approx([101.6, 107.4, 10.4, 4.6])


def test_the_identity_reduces_standard_errors(tmp_path):
    # Var = v - v v / 10; of net migration 2 - 2 x 2 / 10, because immigration and emigration are now correlated.
    account = reconcile(one_cohort(tmp_path))

    assert account.total(POPULATION & (pl.col("time") == 2015)).standard_error == pytest.approx(2.4**0.5)
    assert account.total(IMMIGRATION).standard_error == pytest.approx(0.9**0.5)
    net = account.total(IMMIGRATION, minus=EMIGRATION)
    assert (net.estimate, net.standard_error) == (pytest.approx(5.8), pytest.approx(1.6**0.5))


def test_deaths_are_exact(tmp_path):
    account = reconcile(one_cohort(tmp_path, end=107.0, deaths=[("F", 1980, 2016, 2.0)]))

    assert account.cells["estimate"].to_list() == pytest.approx([101.6, 105.4, 10.4, 4.6])
    assert account.exact.row(0, named=True)["estimate"] == 2


def test_births_begin_a_cohort(tmp_path):
    # 50 born, 48 counted at the end, nobody moved: a difference of -2, shared by variances 4 (stock), 1 and 1.
    folder = one_cohort(tmp_path, births=[("F", 2016, 2016, 50.0)])
    for name, row in (
        ("population", "F,2016,2016,48.0,0"),
        ("immigration", "F,2016,2016,0.0,0"),
        ("emigration", "F,2016,2016,0.0,0"),
    ):
        with (folder / f"{name}.csv").open("a") as file:
            file.write(row + "\n")
        with (folder / f"{name}_sd.csv").open("a") as file:
            file.write(row.replace("48.0", "2.0").replace(",0.0,", ",1.0,") + "\n")
    account = reconcile(folder)
    born = account.cells.filter(pl.col("cohort") == 2016).select("measure", "estimate").rows()

    # Without bounds emigration is 1/3 and immigration -1/3; bound at 0, variances 4 and 1 share the rest.
    assert dict(born) == {
        "population": pytest.approx(49.6),
        "immigration": pytest.approx(0.0, abs=1e-9),
        "emigration": pytest.approx(0.4),
    }


def test_the_bias_of_one_source_is_estimated_from_the_others(tmp_path):
    # Two cohorts with tiny independent errors; stocks grow by 10 each, but immigration counts 12 each.
    folder = write_folder(
        tmp_path,
        population=[(sex, 1980, time, count, 0.01) for sex in "FM" for time, count in ((2015, 100.0), (2016, 110.0))],
        immigration=[(sex, 1980, 2016, 12.0, 0.01) for sex in "FM"],
        emigration=[(sex, 1980, 2016, 0.001, 0.001) for sex in "FM"],
        terms=[("over-count", "immigration", None, None, None, None, 2016, 0.5)],
    )
    account = reconcile(folder)
    bias = account.biases.row(0, named=True)

    assert bias["bias"] * 12 == pytest.approx(2.0, abs=0.01)  # the bias multiplies the smoothed count
    assert account.total(IMMIGRATION).estimate == pytest.approx(20.0, abs=0.02)


def test_shared_biases_make_totals_less_certain(tmp_path):
    independent, shared = tmp_path / "independent", tmp_path / "shared"
    term = [("all years", "population", None, None, None, None, None, 0.05)]
    errors = [reconcile(one_cohort(folder, terms=terms)).total(POPULATION).standard_error
              for folder, terms in ((independent, []), (shared, term))]  # fmt: skip

    assert errors[1] > 3 * errors[0]


def test_covariances_of_biases_are_read_from_their_file(tmp_path):
    terms = [
        ("women", "population", "F", None, None, None, None, 0.02),
        ("men", "population", "M", None, None, None, None, 0.02),
    ]
    cells = {
        "population": [(sex, 1980, time, 1000.0, 1.0) for sex in "FM" for time in (2015, 2016)],
        "immigration": [(sex, 1980, 2016, 10.0, 1.0) for sex in "FM"],
        "emigration": [(sex, 1980, 2016, 10.0, 1.0) for sex in "FM"],
    }
    start = POPULATION & (pl.col("time") == 2015)
    apart = reconcile(write_folder(tmp_path / "apart", **cells, terms=terms)).total(start)
    together = reconcile(
        write_folder(tmp_path / "together", **cells, terms=terms, covariances=[("women", "men", 0.0004)])
    ).total(start)

    assert apart.standard_error == pytest.approx(20 * 2**0.5, rel=0.01)
    assert together.standard_error == pytest.approx(40, rel=0.01)


def test_sexes_in_full_and_triangles_of_one_cohort_are_read(tmp_path):
    # The triangles share the immigrants' part of the difference, 0.4, by their variances of 0.36 and 0.64.
    folder = one_cohort(tmp_path)
    for name in ("immigration", "immigration_sd"):
        value = "count" if name == "immigration" else "sd"
        numbers = {"count": (6.0, 4.0), "sd": (0.6, 0.8)}[value]
        (folder / f"{name}.csv").write_text(
            f"age,sex,cohort,time,{value}\n35,Female,1980,2016,{numbers[0]}\n36,Female,1980,2016,{numbers[1]}\n"
        )

    estimates = reconcile(folder).cells["estimate"].to_list()
    assert estimates == pytest.approx([101.6, 107.4, 6.144, 4.256, 4.6])


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("immigration_sd", "sex,cohort,time,sd\nF,1980,2016,-1\n", "row 1: sd -1.0 is negative"),
        ("immigration_sd", "sex,cohort,time,sd\nF,1981,2016,1\n", "1 cells of immigration.csv have no standard"),
        ("deaths", "sex,cohort,time,count,cause\nF,1980,2016,1,x\n", "unknown column 'cause'"),
        ("emigration", "sex,cohort,count\nF,1980,5\n", "column 'time'"),
        ("emigration", "sex,cohort,time,count\nX,1980,2016,5\n", "unknown sex 'X'"),
        ("emigration", "sex,cohort,time,count\nF,1980,2016,many\n", "not a number"),
        ("emigration", "sex,cohort,time,count\nF,1980,2016,\n", "Every row needs"),
        ("bias_terms", "term,measure,sd\na,imigration,0.1\n", "Did you mean 'immigration'"),
        ("bias_terms", "term,measure,sd\na,immigration,-1\n", "at least 0"),
        ("bias_terms", "term,measure,sd\na,immigration,0.1\na,emigration,0.2\n", "the same 'sd'"),
        ("bias_covariance", "term,other,covariance\na,b,1\n", "unknown term 'a'"),
    ],
)
def test_a_mistake_in_a_file_names_the_file(tmp_path, file, text, message):
    folder = one_cohort(tmp_path)
    (folder / f"{file}.csv").write_text(text)

    with pytest.raises(UserError, match=rf"{file}\.csv.*{message}"):
        reconcile(folder)


def test_a_missing_file_is_reported(tmp_path):
    folder = one_cohort(tmp_path)
    (folder / "deaths.csv").unlink()

    with pytest.raises(UserError, match=r"deaths\.csv: no such file"):
        reconcile(folder)


def test_a_missing_year_of_flows_is_reported(tmp_path):
    folder = one_cohort(tmp_path)
    (folder / "population.csv").write_text("sex,age,time,count\nF,34,2014,100\n")
    (folder / "population_sd.csv").write_text("sex,age,time,sd\nF,34,2014,2\n")

    with pytest.raises(UserError, match="needs every year from 2015 to 2016"):
        reconcile(folder)
