"""Configuration: an unknown or wrong key is an error that names the file, the key and the nearest valid name."""

import pytest

from pipeline.errors import UserError
from pipeline.ingest.study_contracts import delivered_contracts
from pipeline.study import read_study
from pipeline.toml_files import Frozen, parse, read_toml

STUDY = """
name = "A study"
data_date = 2019-12-31
area_lookup = "areas.csv"

[[extract]]
name = "mws"
files = ["mws.csv"]
"""


class Inner(Frozen):
    weeks: int = 1


class Outer(Frozen):
    rules: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] = {}  # noqa: RUF012 - pydantic copies it


def study_file(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text)
    return path


def test_a_study_takes_its_defaults(tmp_path):
    study = read_study(study_file(tmp_path, STUDY))
    assert study.flow_errors.immigration == 0.004
    adults, children = ({"British": 0.18, "Irish": 0.11, "EU": 0.20, "non_EU": 0.065},
                        {"British": 0.70, "Irish": 0.30, "EU": 1.0, "non_EU": 0.25})  # fmt: skip
    of_case = study.flow_errors.of_case("emigration")
    assert of_case == {(group, False): of for group, of in adults.items()} | {
        (group, True): of for group, of in children.items()
    }
    assert study.linkage.floor == 0.01
    assert study.periods.flow_years == (2016, 2017, 2018, 2019)


def test_what_a_reader_changes_reaches_no_other(tmp_path):
    path = study_file(tmp_path, STUDY)
    read_toml(path)["extract"][0]["files"].append("of another reader")
    assert read_toml(path)["extract"][0]["files"] == ["mws.csv"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (STUDY + "row = 3\n", ["[extract.0]", "unknown key 'row'", "Did you mean 'rows'?"]),
        (STUDY.replace("name", "nam", 1), ["unknown key 'nam'", "Did you mean 'name'?"]),
        (STUDY + "\n[flow_errors]\nemigration = 3\n", ["flow_errors.emigration", "less than or equal to 1"]),
        (
            STUDY + "\n[flow_errors.wrong_emigrations]\nBritish = 0.3\n",
            ["flow_errors.wrong_emigrations", "non_EU' is missing"],
        ),
        (STUDY.replace("data_date = 2019-12-31\n", ""), ["'data_date' is missing"]),
        (STUDY.replace('"A study"', '"A study'), ["malformed TOML", "line 2"]),
        (STUDY + STUDY[STUDY.index("[[extract]]") :], ["'mws' is named twice"]),
        (STUDY + "\n[periods]\nflow_years = [2016, 2018]\n", ["flow_years", "without a gap"]),
    ],
)
def test_a_mistake_names_file_and_place(tmp_path, text, words):
    path = study_file(tmp_path, text)
    with pytest.raises(UserError) as error:
        read_study(path)
    for word in [str(path), *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ('seed = "3"', "seed"),
        ("seed = true", "seed"),
        ("seed = 3.0", "seed"),
        ('synthetic = "yes"', "synthetic"),
        ("synthetic = 1", "synthetic"),
        ('flow_errors = { immigration = "0.1" }', "flow_errors.immigration"),
        ("linkage = { floor = false }", "linkage.floor"),
        ('linkage = { training_pairs = "1_000_000" }', "linkage.training_pairs"),
        ("coverage = { replicates = 200.0 }", "coverage.replicates"),
        ('periods = { flow_years = ["2016"] }', "periods.flow_years.0"),
    ],
)
def test_a_number_is_not_read_from_text(tmp_path, more, key):
    with pytest.raises(UserError, match=rf"key '{key}': Input should be a valid"):
        read_study(study_file(tmp_path, f"{more}\n{STUDY}"))


def test_a_whole_number_can_be_a_share(tmp_path):
    study = read_study(study_file(tmp_path, f"flow_errors = {{ immigration = 0, emigration = 1 }}\n{STUDY}"))
    assert (study.flow_errors.immigration, study.flow_errors.emigration) == (0.0, 1.0)


def test_all_errors_are_reported_at_once(tmp_path):
    text = STUDY.replace("name", "nam", 1) + "row = 3\n"
    with pytest.raises(UserError) as error:
        read_study(study_file(tmp_path, text))
    assert "'nam'" in str(error.value)
    assert "'row'" in str(error.value)


def test_keys_inside_lists_and_mappings_are_suggested_too():
    with pytest.raises(UserError, match="Did you mean 'weeks'"):
        parse(Outer, {"rules": [{"week": 3}]}, "rules.toml")
    with pytest.raises(UserError, match="Did you mean 'weeks'"):
        parse(Outer, {"by_name": {"a": {"week": 3}}}, "rules.toml")


def test_a_missing_or_unreadable_file_is_one_paragraph(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_toml(tmp_path / "nothing.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'name = "Jos\xe9"')
    with pytest.raises(UserError, match="UTF-8"):
        read_toml(latin)


def test_an_unknown_extract_names_the_nearest(tmp_path):
    study = read_study(study_file(tmp_path, STUDY.replace('"mws"', '"mwss"')))
    with pytest.raises(UserError, match="Did you mean 'mws'"):
        delivered_contracts(study)


def test_a_source_needs_all_of_its_extracts(tmp_path):
    study = read_study(study_file(tmp_path, STUDY.replace('"mws"', '"activity_people"')))
    with pytest.raises(UserError, match="activity_weeks"):
        delivered_contracts(study)


def test_a_missing_extract_file_is_named(tmp_path):
    study = read_study(study_file(tmp_path, STUDY))
    with pytest.raises(UserError, match="mws.csv: no such extract file"):
        study.files_of("mws")


def test_a_study_is_frozen(tmp_path):
    study = read_study(study_file(tmp_path, STUDY))
    name = study.name
    with pytest.raises(ValueError, match="frozen"):
        study.name = "other"
    assert study.name == name


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "A study"', 'name = "A study"\npath = "/elsewhere/study.toml"', "unknown key 'path'"),
        ('name = "A study"', 'name = "A study"\nseed = ' + "9" * 5000, "malformed TOML"),
        ('name = "A study"', 'name = "A study"\nseed = ' + "9" * 30, "key 'seed'"),
        ('name = "A study"', "name = " + "[" * 5000, "nested too deeply"),
        ("[[extract]]", "[periods]\nflow_years = []\n[[extract]]", "flow_years"),
        ("[[extract]]", "[periods]\nstock_years = [99999999999]\n[[extract]]", "stock_years"),
        ("2019-12-31", "0001-01-01", "data_date"),
    ],
)
def test_values_out_of_range_are_refused(old, new, message, tmp_path):
    with pytest.raises(UserError, match=message) as error:
        read_study(study_file(tmp_path, STUDY.replace(old, new)))
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize("name", ["a\0b.csv", "~nobody-of-this-name/a.csv", "x" * 300])
def test_an_invalid_path_is_reported(name, tmp_path):
    with pytest.raises(UserError, match=r"study\.toml: the path .* cannot be used"):
        read_study(study_file(tmp_path, STUDY)).resolve(name)


@pytest.mark.parametrize("name", ["../outside.csv", "inside/../../outside.csv", "link.csv", "linked/outside.csv"])
def test_a_relative_path_does_not_lead_out_of_the_study(name, tmp_path):
    (tmp_path / "study" / "inside").mkdir(parents=True)
    (tmp_path / "outside.csv").write_text("x")
    (tmp_path / "study" / "link.csv").symlink_to(tmp_path / "outside.csv")
    (tmp_path / "study" / "linked").symlink_to(tmp_path)
    study = read_study(study_file(tmp_path / "study", STUDY))
    with pytest.raises(UserError, match="leads out of the folder of the study"):
        study.resolve(name)
    assert study.resolve(str(tmp_path / "outside.csv")).exists(), "what is named by its whole path can be seen"
    assert study.resolve("../outside.csv", confined=False).exists()


def test_a_link_within_the_study_is_fine(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    assert read_study(study_file(tmp_path, STUDY)).resolve("link.csv").exists()


def test_a_byte_order_mark_is_fine(tmp_path):
    path = study_file(tmp_path, STUDY)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_study(path).name == "A study"
