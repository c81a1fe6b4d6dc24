"""What `sojourn account` refuses because files do not fit one another, or contain what nobody can mean.

A flow without a row is exactly 0, so that a name that is misspelt or a file that was cut would give wrong figures in
silence. The account is that of `test_account_command`, in two areas or two nationality groups where it says so.
"""

import pytest
from test_account_command import FILES, both_places, written

from flows.account_verb import account_of_folder
from flows.cli import main
from pipeline.errors import UserError

AREAS = {name: both_places(text) for name, text in FILES.items()}
GROUPS = {name: both_places(text, ("British", "EU"), ("E06",)) for name, text in FILES.items()}
MOVES = "age,sex,nationality_group,cohort,time,area_from,area_to,count\n"
CHANGES = "age,sex,area,cohort,time,from,to,count\n"
TWO_TERMS = "term,measure,sd\na,population,0.1\nb,immigration,0.1\n"


def refused(folder, files: dict[str, str]) -> str:
    with pytest.raises(UserError) as error:
        account_of_folder(written(folder / "in", files), folder / "out", em=True, as_json=True)
    assert not (folder / "out").exists()
    return str(error.value).removeprefix(f"{folder / 'in'}/")


def without_place(text: str, place: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(place))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("population", "age,sex,time,count\n", "population.csv: has no row. Add its cells"),
        ("population", "age,sex,time,count\n35,Female,2015,-1\n", "population.csv: row 1: count -1.0 is negative"),
        (
            "population",
            "age,sex,time,count\n35,Female,2015,1e20\n",
            "population.csv: row 1: count 1e+20 is too large",
        ),
        (
            "population",
            "age,sex,time,count\n35,Female,2015,nan\n",
            "population.csv: row 1: count 'nan' is not a number",
        ),
        (
            "population",
            "age,sex,time,count\n35,Female,2015,\n",
            "row 1: has no count. Every row needs all of sex, age, time",
        ),
        ("population", "age,sex,time,count\n200,Female,2015,1\n", "population.csv: row 1: age 200 is above 150"),
        (
            "population",
            "age,sex,time,count\n36,Female,2016,1\n",
            "population.csv: row 1: all stocks are those of 2016",
        ),
        (
            "immigration",
            FILES["immigration"] + "36,Male,1980,2016,1\n",
            "immigration.csv: row 3, not in population.csv: unknown sex 'M'. Valid: F",
        ),
        (
            "immigration",
            FILES["immigration"] + "35,Female,1980,2015,1\n",
            "immigration.csv: row 3: is of 2015, but the first stock is that of 2015",
        ),
        ("emigration", "age,sex,cohort,time,count\n", "emigration.csv: has no row"),
        (
            "births",
            "sex,time,count\nFemale,2016,3\n",
            "births.csv: row 1: area all, sex F, nationality_group all, cohort 2016",
        ),
        ("bias_terms", "term,measure,sd\na,population,50\n", "bias_terms.csv: row 1: sd 50.0 is more than 10 times"),
        (
            "bias_terms",
            "term,measure,age_from,age_to,sd\na,population,0,99,0.1\na,population,40,30,0.1\n",
            "bias_terms.csv: row 2: age_from 40 is above age_to 30",
        ),
        ("prior_immigration", "age,sex,time,mean\n36,Female,2036,1\n", "prior_immigration.csv: no row fits a cell"),
        (
            "prior_emigration",
            "age,sex,time,mean\n36,Female,2016,5\n",
            "prior_emigration.csv: row 1: mean 5.0 is a number",
        ),
    ],
)
def test_a_value_that_nobody_can_mean_is_refused(tmp_path, file, text, message):
    assert message in refused(tmp_path, FILES | {file: text})


@pytest.mark.parametrize(
    ("covariances", "message"),
    [
        ("a,b,0.001\nb,c,0.001\n", "row 2: unknown term 'c'"),
        ("a,b,0.001\nb,a,-0.005\n", "row 2: 'b' and 'a' have another covariance in an earlier row"),
        ("a,a,0.02\n", "row 1: the variance of 'a' is not the square of its 'sd'"),
    ],
)
def test_covariances_that_contradict_themselves_or_the_terms_are_refused(tmp_path, covariances, message):
    files = FILES | {"bias_terms": TWO_TERMS, "bias_covariance": f"term,other,covariance\n{covariances}"}
    assert refused(tmp_path, files).startswith(f"bias_covariance.csv: {message}")


def test_a_covariance_matrix_written_in_full_is_accepted(tmp_path):
    whole = "term,other,covariance\na,a,0.01\na,b,0.002\nb,a,0.002\nb,b,0.01\n"
    folder = written(tmp_path / "in", FILES | {"bias_terms": TWO_TERMS, "bias_covariance": whole})
    assert account_of_folder(folder, tmp_path / "out", em=True, as_json=True) == 0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("36,F,EU,1980,2016,E06,E06,4", "row 1: goes from E06 to E06, which is the same"),
        ("36,F,EU,1980,2016,E06,W02,4", "row 1, not in population.csv: unknown area_to 'W02'. Did you mean 'W01'"),
        ("36,F,EEA,1980,2016,E06,W01,4", "row 1, not in population.csv: unknown nationality_group 'EEA'"),
        ("37,F,EU,1980,2017,E06,W01,4", "row 1: time 2017 is no year of flows"),
        (
            "46,F,EU,1970,2016,E06,W01,4",
            "row 1: area E06, sex F, nationality_group EU, cohort 1970, time 2016 has no",
        ),
        ("36,F,EU,1980,2016,E06,W01,-4", "row 1: count -4.0 is negative"),
    ],
)
def test_a_move_from_or_to_nowhere_is_refused(tmp_path, row, message):
    assert refused(tmp_path, AREAS | {"internal": f"{MOVES}{row}\n"}).startswith(f"internal.csv: {message}")


@pytest.mark.parametrize(("change", "column"), [("EU,Britsh", "to"), ("EUU,British", "from")])
def test_a_change_of_an_unknown_group_is_refused(tmp_path, change, column):
    files = GROUPS | {"group_changes": f"{CHANGES}36,F,E06,1980,2016,{change},4\n"}
    assert refused(tmp_path, files).startswith(f"group_changes.csv: row 1, not in population.csv: unknown {column} '")


def test_an_area_without_any_row_of_a_flow_is_refused(tmp_path):
    """A file that ends before its last area would give it no emigrants at all."""
    cut = {name: without_place(AREAS[name], "W01") for name in ("emigration", "emigration_sd")}
    message = refused(tmp_path, AREAS | cut)
    assert message.startswith("emigration.csv: area W01, sex F, nationality_group EU has no row, but has stocks")


def test_an_area_without_any_death_of_its_old_people_is_refused(tmp_path):
    old = {
        name: text.replace("35,", "85,").replace("36,", "86,").replace("1980", "1930") for name, text in AREAS.items()
    }
    died = old | {"deaths": f"{old['deaths']}E06,EU,86,Female,1930,2016,9\n"}
    message = refused(tmp_path, died)
    assert message.startswith(
        "deaths.csv: has no row of area W01, sex F, nationality_group EU, but population.csv has 100"
    )


def test_files_that_the_account_does_not_read_are_named(tmp_path, capsys):
    """`prior_births.csv` changes nothing, and neither does a file whose name is misspelt."""
    files = FILES | {"prior_births": "age,time,mean\n", "prior_imigration": "age,sex,time,mean\n36,Female,2016,4\n"}
    account_of_folder(written(tmp_path / "in", files), tmp_path / "out", em=True, as_json=False)
    assert "  not used prior_births.csv, prior_imigration.csv" in capsys.readouterr().out.splitlines()


def test_a_refusal_is_status_2(tmp_path, capsys):
    folder = written(tmp_path / "in", AREAS | {"internal": f"{MOVES}36,F,EU,1980,2016,E06,E06,4\n"})
    with pytest.raises(SystemExit) as end:
        main(["account", str(folder), "--out", str(tmp_path / "out")])

    assert end.value.code == 2
    assert "internal.csv: row 1" in capsys.readouterr().err
