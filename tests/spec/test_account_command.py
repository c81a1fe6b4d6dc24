"""What `sojourn account` reads, writes and refuses: a small folder whose answers can be worked out on paper."""

import json
from pathlib import Path

import polars as pl
import pytest

from flows.account_verb import account_of_folder
from flows.cli import main
from pipeline.errors import UserError

TERMS = "term,measure,sex,age_from,age_to,time,sd\n"
FILES = {
    "population": "age,sex,time,count\n35,Female,2015,100\n36,Female,2016,109\n",
    "population_sd": "age,sex,time,sd\n35,Female,2015,2\n36,Female,2016,2\n",
    "immigration": "age,sex,cohort,time,count\n36,Female,1980,2016,4\n35,Female,1980,2016,6\n",
    "immigration_sd": "age,sex,cohort,time,sd\n35,Female,1980,2016,0.6\n36,Female,1980,2016,0.8\n",
    "emigration": "age,sex,cohort,time,count\n36,Female,1980,2016,5\n",
    "emigration_sd": "age,sex,cohort,time,sd\n36,Female,1980,2016,1\n",
    "births": "sex,time,count\n",
    "deaths": "age,sex,cohort,time,count\n",
    "bias_terms": TERMS,
}
"""100 + 6 + 4 - 5 = 105, but 109 are counted: a difference of 4, shared by variances 4, 0.36, 0.64, 1 and 4."""


@pytest.fixture
def folder(tmp_path) -> Path:
    return written(tmp_path / "in", FILES)


def written(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def solved(folder: Path, *, em: bool = True) -> dict[str, pl.DataFrame]:
    out = folder.parent / f"{folder.name}-out"
    account_of_folder(folder, out, em=em, as_json=False)
    return {name: pl.read_csv(out / f"{name}.csv") for name in ("population", "flows", "totals", "bias")}


def test_every_row_is_written_with_its_keys_as_they_came(folder):
    tables = solved(folder)
    population, flows = tables["population"], tables["flows"]

    assert population.columns == ["sex", "cohort", "age", "time", "estimate", "lower", "upper"]
    assert population.select("sex", "cohort", "age", "time").rows() == [
        ("Female", 1980, 35, 2015),
        ("Female", 1980, 36, 2016),
    ]
    assert population["estimate"].to_list() == pytest.approx([101.6, 107.4])
    assert flows.select("measure", "age").rows() == [("immigration", 36), ("immigration", 35), ("emigration", 36)]
    assert flows["estimate"].to_list() == pytest.approx([4.256, 6.144, 4.6])


def test_intervals_are_those_of_the_exact_variances(folder):
    # Var = v - v v / 10; of all immigrants 1 - 1 / 10, of net migration 2 - 2 x 2 / 10.
    tables = solved(folder)
    first = tables["population"].row(0, named=True)
    totals = {row["measure"]: row for row in tables["totals"].iter_rows(named=True) if row["time"] == 2016}

    assert tables["totals"].columns == ["time", "measure", "estimate", "lower", "upper"]
    assert (first["lower"], first["upper"]) == pytest.approx((101.6 - 1.96 * 2.4**0.5, 101.6 + 1.96 * 2.4**0.5))
    assert totals["immigration"]["upper"] == pytest.approx(10.4 + 1.96 * 0.9**0.5)
    assert totals["net"]["estimate"] == pytest.approx(5.8)
    assert totals["net"]["lower"] == pytest.approx(5.8 - 1.96 * 1.6**0.5)


def test_areas_and_groups_are_keys_of_every_table_and_blank_is_all(tmp_path):
    tables = solved(written(tmp_path / "in", {name: both_places(text) for name, text in FILES.items()}))

    assert tables["population"].columns[:2] == ["area", "nationality_group"]
    assert tables["population"]["area"].to_list() == ["E06", "E06", "W01", "W01"]
    assert tables["population"]["estimate"].to_list() == pytest.approx([101.6, 107.4] * 2)
    net = tables["totals"].filter(pl.col("measure") == "net").select("area", "nationality_group", "estimate").rows()
    places = [(area, group) for area in ("E06", "W01", None) for group in ("EU", None)]
    assert [row[:2] for row in net] == places
    assert [row[2] for row in net] == pytest.approx([5.8, 5.8, 5.8, 5.8, 11.6, 11.6])


def both_places(text: str, groups: tuple[str, ...] = ("EU",), areas: tuple[str, ...] = ("E06", "W01")) -> str:
    header, *rows = text.splitlines()
    if header.startswith("term"):
        return text
    lines = [f"{area},{group},{row}" for area in areas for group in groups for row in rows]
    return "\n".join([f"area,nationality_group,{header}", *lines]) + "\n"


def test_moves_between_areas_leave_one_and_enter_the_other(tmp_path):
    # 4 leave E06, whose difference becomes 8, and enter W01, where nothing is left to explain.
    files = {name: both_places(text) for name, text in FILES.items()}
    moves = "age,sex,nationality_group,cohort,time,area_from,area_to,count\n36,F,EU,1980,2016,E06,W01,4\n"
    tables = solved(written(tmp_path / "in", files | {"internal": moves}))

    assert tables["population"]["estimate"].to_list() == pytest.approx([103.2, 105.8, 100.0, 109.0])


def test_changes_of_group_leave_one_and_enter_the_other(tmp_path):
    files = {name: both_places(text, ("British", "EU"), ("E06",)) for name, text in FILES.items()}
    changes = "age,sex,area,cohort,time,from,to,count\n36,Female,E06,1980,2016,EU,British,4\n"
    tables = solved(written(tmp_path / "in", files | {"group_changes": changes}))

    assert tables["population"]["nationality_group"].to_list() == ["British", "British", "EU", "EU"]
    assert tables["population"]["estimate"].to_list() == pytest.approx([100.0, 109.0, 103.2, 105.8])


def test_a_cell_is_never_negative_and_the_others_of_its_series_make_up_for_it(tmp_path):
    # 100 + 6 + 0.1 - 5 = 101.1, but 97.1 are counted. Immigration at 36 would give 4 x 0.64 / 10 = 0.256 of the
    # difference, but has only 0.1; the others share 3.9 by variances 4, 0.36, 1 and 4.
    files = FILES | {
        "population": FILES["population"].replace("109", "97.1"),
        "immigration": FILES["immigration"].replace("2016,4", "2016,0.1"),
    }
    tables = solved(written(tmp_path / "in", files))
    share = 3.9 / 9.36

    assert tables["flows"]["estimate"].to_list() == pytest.approx([0.0, 6 - 0.36 * share, 5 + share], abs=1e-6)
    assert tables["population"]["estimate"].to_list() == pytest.approx([100 - 4 * share, 97.1 + 4 * share], abs=1e-6)
    assert tables["flows"]["lower"][0] == 0
    assert tables["flows"]["upper"][0] > 0


def test_what_is_expected_of_a_flow_counts_as_much_as_its_precision(tmp_path):
    # The only flow of its kind has the level of its year, so no dispersion: 8 expected with variance 8 + 0.001 x 64.
    files = FILES | {
        "population": "age,sex,time,count\n35,Female,2015,100\n",
        "population_sd": "age,sex,time,sd\n35,Female,2015,2\n",
        "prior_emigration": "age,sex,time,mean\n36,Female,2016,0.08\n",
        "bias_terms": "term,measure,sd\nlevel,prior_emigration,0\n",
    }
    emigrants = solved(written(tmp_path / "known", files))["flows"].row(2, named=True)
    precision = 1 + 1 / 8.064

    assert emigrants["estimate"] == pytest.approx((5 + 8 / 8.064) / precision, abs=1e-6)
    assert emigrants["upper"] - emigrants["estimate"] == pytest.approx(1.96 / precision**0.5, abs=1e-5)

    # A level that may be 25% too high or too low adds (0.25 x 8)^2 to the variance of what is expected.
    files["bias_terms"] = "term,measure,sd\nlevel,prior_emigration,0.25\n"
    tables = solved(written(tmp_path / "unknown", files))
    emigrants, precision = tables["flows"].row(2, named=True), 1 + 1 / 12.064

    assert emigrants["estimate"] == pytest.approx((5 + 8 / 12.064) / precision, abs=1e-6)
    assert emigrants["upper"] - emigrants["estimate"] == pytest.approx(1.96 / precision**0.5, abs=1e-5)
    assert tables["bias"]["estimate"].item() == pytest.approx(0.25**2 * 8 * (8 - 5) / (1 + 12.064), abs=1e-6)


def test_the_level_of_what_is_expected_may_be_wrong_by_a_percent_if_no_term_says_so(tmp_path):
    expected = "age,sex,time,mean\n36,Female,2016,0.08\n"
    files = FILES | {"prior_emigration": expected}
    default = solved(written(tmp_path / "default", files), em=False)
    files["bias_terms"] = "term,measure,sd\nlevel,prior_emigration,0.01\n"
    declared = solved(written(tmp_path / "declared", files), em=False)

    assert default["flows"].equals(declared["flows"])
    assert default["bias"].is_empty()


def test_a_level_that_the_data_contradict_is_given_up(tmp_path):
    # 20 cohorts: about 1000 emigrants of each are reported and needed by the stocks, but 2000 are expected.
    cohorts = range(1960, 1980)
    files = FILES | {
        "population": "age,sex,time,count\n" + "".join(
            f"{2015 - c},F,2015,10000\n{2016 - c},F,2016,{9000 + c % 7}\n" for c in cohorts),
        "population_sd": "age,sex,time,sd\n" + "".join(
            f"{2015 - c},F,2015,20\n{2016 - c},F,2016,20\n" for c in cohorts),
        "immigration": "sex,cohort,time,count\n" + "".join(f"F,{c},2016,0\n" for c in cohorts),
        "immigration_sd": "sex,cohort,time,sd\n" + "".join(f"F,{c},2016,0.1\n" for c in cohorts),
        "emigration": "sex,cohort,time,count\n" + "".join(f"F,{c},2016,{1000 - c % 7}\n" for c in cohorts),
        "emigration_sd": "sex,cohort,time,sd\n" + "".join(f"F,{c},2016,20\n" for c in cohorts),
        "prior_emigration": "age,sex,time,mean\n" + "".join(f"{2016 - c},F,2016,0.21\n" for c in cohorts),
    }  # fmt: skip
    found = {}
    for em in (True, False):
        flows = solved(written(tmp_path / "in", files), em=em)["flows"]
        found[em] = flows.filter(measure="emigration")["estimate"].mean()

    reported = sum(1000 - cohort % 7 for cohort in cohorts) / len(cohorts)
    assert found[True] == pytest.approx(reported, abs=2)
    assert found[False] > reported + 10


def test_a_broken_term_stands_out(tmp_path):
    # Stocks grow by 10 a year; 30 immigrants are counted in 2016, 10 in 2017 and 2018.
    years = range(2015, 2019)
    cells = [(year, 20 + year - 2015) for year in years]
    files = FILES | {
        "population": "age,sex,time,count\n" + "".join(f"{a},F,{y},{100 + 10 * (y - 2015)}\n" for y, a in cells),
        "population_sd": "age,sex,time,sd\n" + "".join(f"{a},F,{y},0.1\n" for y, a in cells),
        "immigration": "sex,cohort,time,count\n"
        + "".join(f"F,1995,{y},{30 if y == 2016 else 10}\n" for y in years[1:]),
        "immigration_sd": "sex,cohort,time,sd\n" + "".join(f"F,1995,{y},0.1\n" for y in years[1:]),
        "emigration": "sex,cohort,time,count\n" + "".join(f"F,1995,{y},0\n" for y in years[1:]),
        "emigration_sd": "sex,cohort,time,sd\n" + "".join(f"F,1995,{y},0.01\n" for y in years[1:]),
        "bias_terms": "term,measure,time,sd\n" + "".join(f"year {y},immigration,{y},0.1\n" for y in years[1:]),
    }
    for em in (True, False):
        bias = solved(written(tmp_path / "in", files), em=em)["bias"]

        assert bias.columns == ["term", "estimate", "lower", "upper", "z"]
        assert bias.sort(pl.col("z").abs())["term"][-1] == "year 2016"
        assert bias["z"][0] > 5


def test_the_scale_of_a_kind_is_estimated_unless_it_has_one_term(folder, capsys):
    terms = (
        "term,measure,time,sd\nstock 2015,population,2015,0.2\nstock 2016,population,2016,0.2\nimm,immigration,,0.3\n"
    )
    (folder / "bias_terms.csv").write_text(terms)
    scales = {}
    for em in (True, False):
        assert account_of_folder(folder, folder.parent / "out", em=em, as_json=True) == 0
        scales[em] = {row["measure"]: row for row in json.loads(capsys.readouterr().out)["scales"]}

    assert scales[True]["immigration"]["sd"] == scales[False]["immigration"]["sd"] == [0.3]
    assert scales[False]["population"]["sd"] == [0.2]
    assert not scales[True]["immigration"]["estimated"]
    assert scales[True]["population"]["estimated"]
    assert scales[True]["population"]["sd"][0] < 0.2  # the stocks agree with one another within a few percent


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("population", "35,Female,2015,100", "35,Female,2014,100", "row 2: the years go from 2014 to 2016"),
        ("population_sd", "2015,2", "2015,-2", "row 1: sd -2.0 is negative"),
        ("immigration_sd", "36,Female,1980,2016,0.8\n", "", "1 cells of immigration.csv have no standard deviation"),
        ("immigration_sd", "2016,0.8\n", "2016,0.8\n34,Female,1981,2016,1\n", "row 3: .* is not in immigration.csv"),
        ("immigration", "count", "number", "the column 'count' is missing"),
        ("immigration", "age,", "agee,", "unknown column 'agee'. Did you mean 'age'"),
        ("immigration", "36,Female", "37,Female", "row 1: cohort 1980 at age 37 in 2016"),
        ("immigration", "35,Female", "36,Female", "row 2: .* has a row already"),
        (
            "births",
            "sex,time,count\n",
            "sex,time,count\nFemale,2016,1\nFemale,2016,1\n",
            "row 2: .* has a row already",
        ),
        (
            "births",
            "sex,time,count\n",
            "age,sex,cohort,time,count\n30,Female,1900,2016,1\n",
            "row 1: cohort 1900 at age 30 in 2016: the mother's",
        ),
        (
            "population",
            "36,Female,2016,109\n",
            "36,Female,2016,109\n35,Male,2015,100\n",
            "population.csv: area all, sex M, nationality_group all has no row for 2016, though others have some",
        ),
        ("immigration", "Female,1980,2016,6", "Woman,1980,2016,6", "row 2: unknown sex 'Woman'"),
        ("emigration", "2016,5", "2016,many", "row 1: count 'many' is not a number"),
        ("emigration", "1980,2016,5", "1980,,5", "row 1: has no time"),
        ("deaths", "count\n", "count\n36,Female,1980,2016,-1\n", "row 1: count -1.0 is negative"),
        ("deaths", "count\n", "count\n36,Female,1980,2017,1\n", "has the years 2017 to 2017, but immigration.csv"),
        ("deaths", "count\n", "count\n40,Female,1976,2016,1\n", "deaths of .* have no stocks or flows"),
        ("bias_terms", "sd\n", "sd\na,emigration,,,,,-0.1\n", "row 1: sd -0.1 is negative"),
        ("bias_terms", "sd\n", "sd\na,emigrants,,,,,0.1\n", "row 1: unknown measure 'emigrants'"),
        (
            "bias_terms",
            "sd\n",
            "sd\na,emigration,Male,,,,0.1\n",
            "row 1: the term 'a' covers no cell of emigration.csv",
        ),
        ("bias_terms", "sd\n", "sd\na,emigration,,,,2061,0.1\n", "row 1: the term 'a' covers no cell"),
        (
            "bias_terms",
            "sd\n",
            "sd\nb,emigration,,,,,0.1\na,population,,37,99,,0.1\n",
            "row 2: the term 'a' covers no",
        ),
        ("bias_terms", "sd\n", "sd\na,prior_emigration,,,,,0.1\n", "'a' covers no cell of prior_emigration.csv"),
        (
            "bias_terms",
            TERMS,
            "term,measure,area,sd\na,emigration,E06,0.1\n",
            "row 1: area 'E06', but no cells have area",
        ),
    ],
)
def test_a_mistake_ends_with_the_file_and_the_row(folder, file, old, new, message):
    text = (folder / f"{file}.csv").read_text()
    assert old in text
    (folder / f"{file}.csv").write_text(text.replace(old, new, 1))

    with pytest.raises(UserError, match=rf"{message}"):
        account_of_folder(folder, folder.parent / "out", em=True, as_json=False)
    assert not (folder.parent / "out").exists()


def test_a_term_one_of_whose_rows_covers_a_cell_is_accepted(folder):
    terms = TERMS + "a,population,,0,10,,0.1\na,population,,35,40,2016,0.1\n"
    (folder / "bias_terms.csv").write_text(terms)

    assert solved(folder)["bias"]["term"].to_list() == ["a"]


def test_a_year_missing_in_one_series_is_a_gap(tmp_path):
    def rows(years: tuple[int, ...]) -> str:
        return "".join(f"{year - 1980},F,{year},100\n{year - 1970},F,{year},100\n" for year in years)

    files = FILES | {"population": "age,sex,time,count\n" + rows((2015, 2016, 2017)).replace("36,F,2016,100\n", "")}
    with pytest.raises(UserError, match=r"population\.csv: row 4: cohort 1980, sex F has no row for the year before"):
        solved(written(tmp_path / "in", files))


def test_a_misspelt_area_of_a_flow_is_refused(tmp_path):
    """Else it would be an area of its own with flows and no stock, and the right one would have no immigration."""

    def in_area(text: str) -> str:
        header, *rows = text.splitlines()
        return "\n".join([f"area,{header}", *(f"W01,{row}" for row in rows)]) + "\n"

    files = {name: text if name == "bias_terms" else in_area(text) for name, text in FILES.items()}
    files["immigration"] = files["immigration"].replace("W01,35", "W1,35")
    with pytest.raises(
        UserError, match=r"immigration\.csv: row 2, not in population.csv: .*'W1'.*Did you mean 'W01'"
    ):
        solved(written(tmp_path / "in", files))


@pytest.mark.parametrize(("name", "whom"), [("births", "newborn people"), ("deaths", "people of 80 or older")])
def test_a_file_without_a_row_where_there_must_be_some_is_refused(tmp_path, name, whom):
    """Of 1,000 newborn children and 1,000 people of 90: an account without births would take them for immigrants."""
    keys = [("0", 2016), ("90", 2015), ("91", 2016)] if name == "births" else [("90", 2015), ("91", 2016)]
    files = FILES | {
        "population": "age,sex,time,count\n" + "".join(f"{age},Female,{year},1000\n" for age, year in keys),
        "population_sd": "age,sex,time,sd\n" + "".join(f"{age},Female,{year},9\n" for age, year in keys),
        "deaths": FILES["deaths"] + ("" if name == "deaths" else "91,Female,1925,2016,9\n"),
    }
    for flow in ("immigration", "emigration"):
        files[flow] = "age,sex,cohort,time,count\n91,Female,1925,2016,4\n"
        files[f"{flow}_sd"] = "age,sex,cohort,time,sd\n91,Female,1925,2016,4\n"
    with pytest.raises(UserError, match=f"{name}.csv: has no row, but population.csv has 1,000 {whom}"):
        solved(written(tmp_path / "in", files))


def test_a_covariance_without_a_number_is_refused(folder):
    (folder / "bias_covariance.csv").write_text("term,other,covariance\nimmigration level,emigration level,\n")
    with pytest.raises(UserError, match=r"bias_covariance\.csv: row 1: has no covariance"):
        solved(folder)


def test_exact_cells_that_contradict_one_another_are_refused(folder):
    for name in ("population", "immigration", "emigration"):
        path = folder / f"{name}_sd.csv"
        header, *rows = path.read_text().splitlines()
        path.write_text("\n".join([header, *(f"{row.rpartition(',')[0]},0" for row in rows)]) + "\n")

    with pytest.raises(UserError, match=r"cohort 1980, sex F.*an sd of 0.*do not agree"):
        solved(folder)


def test_the_command_ends_with_status_2_and_names_the_missing_file(folder, capsys):
    (folder / "deaths.csv").unlink()
    with pytest.raises(SystemExit) as end:
        main(["account", str(folder), "--out", str(folder.parent / "out")])

    assert end.value.code == 2
    assert "deaths.csv: no such file" in capsys.readouterr().err


def test_the_command_reports_what_it_found(folder, capsys):
    with pytest.raises(SystemExit) as end:
        main(["account", str(folder), "--out", str(folder.parent / "out"), "--no-em", "--json"])

    found = json.loads(capsys.readouterr().out)
    assert end.value.code == 0
    assert (found["areas"], found["cells"], found["years"], found["terms"]) == (1, 5, [2015, 2016], 0)


def test_the_folder_of_the_files_is_never_written_to(folder):
    with pytest.raises(UserError, match="is the folder of the account's files"):
        account_of_folder(folder, folder, em=True, as_json=False)
