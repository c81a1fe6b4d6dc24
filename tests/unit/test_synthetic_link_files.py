"""Files to link: as many rows as stated, a truth that fits them, and mistakes that are those described."""

import tomllib

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline.errors import UserError
from synthetic_data.link_files import mistakes
from synthetic_data.link_files.agencies import AMERICA, MISTAKES
from synthetic_data.link_files.careless import with_mistakes, with_some_mistakes
from synthetic_data.link_files.changes import (
    dropped,
    kinds_of,
    spoilt,
    with_foreign_postcodes,
    with_full_names,
)
from synthetic_data.link_files.directories import EXCHANGED
from synthetic_data.link_files.directories import MISTAKES as OF_A_DIRECTORY
from synthetic_data.link_files.households import REFERENCE_DAY, people
from synthetic_data.link_files.link_file import SERIAL, LinkFile, describes
from synthetic_data.link_files.name_lists import GROUPS, family_names, given_names
from synthetic_data.link_files.write import KINDS, link_files, truth_of, write_link_files

SEED = 1001


@pytest.fixture(scope="module")
def everyone():
    return people(SEED, 20_000, AMERICA)


@pytest.fixture(scope="module")
def agencies():
    return link_files("four_sources", 2_000, SEED)


def pairs(files, left, right):
    who = {file.source: set(file.person.tolist()) for file in files}
    return len(who[left] & who[right])


# ---- sizes and truth


def test_two_files_have_the_same_people_once_each():
    one, other = link_files("two_files", 500, SEED)
    assert one.rows.height == other.rows.height == 500
    assert sorted(one.person) == sorted(other.person) == list(range(500))
    assert one.person.tolist() != other.person.tolist()


def test_a_file_with_duplicates_has_two_to_five_rows_of_each_person():
    (file,) = link_files("dedupe", 500, SEED)
    _, rows = np.unique(file.person, return_counts=True)
    assert len(rows) == 500
    assert (rows.min(), rows.max()) == (2, 5)
    assert rows.mean() == pytest.approx(2.85, abs=0.15)  # 1 + .5 x 1 + .25 x 2 + .15 x 3 + .1 x 4


def test_the_four_agencies_overlap_in_part(agencies):
    census, register, tax, programme = agencies
    assert [file.source for file in agencies] == ["a", "b", "c", "d"]
    assert census.rows.height == pytest.approx(2_000, rel=0.03)
    assert register.rows.height == pytest.approx(0.96 * 2_540, rel=0.03)
    assert pairs(agencies, "a", "b") == pytest.approx(0.96 * census.rows.height, rel=0.02)
    assert 0 < programme.rows.height < tax.rows.height < census.rows.height
    assert len(set(tax.person) - set(census.person)) > 0
    assert "date_of_birth" not in tax.columns
    assert not {"street", "zip"} & set(register.columns)


@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_names_every_row_once_and_serials_say_nothing(kind, tmp_path):
    files = link_files(kind, 200, SEED)
    truth = truth_of(files)
    assert truth.height == sum(file.rows.height for file in files)
    assert not truth.select("source", "subject").is_duplicated().any()
    for file in files:
        assert file.rows[SERIAL].is_sorted()
        assert np.corrcoef(np.arange(len(file.person)), file.person)[0, 1] < 0.2
    study = write_link_files(files, tmp_path, kind, SEED)
    written = pl.read_csv(tmp_path / "truth.csv")
    assert_frame_equal(written, truth, check_dtypes=False)
    named = tomllib.loads(study.read_text())
    assert set(named) - {"linkage"} == {"name", "data_date", "key_file", "contracts", "extract"}
    assert named.get("linkage", {"duplicates": []})["duplicates"] == (["a"] if kind == "dedupe" else [])


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_has_the_columns_of_its_contract_and_missing_values_are_empty(kind, tmp_path):
    files = link_files(kind, 200, SEED)
    write_link_files(files, tmp_path, kind, SEED)
    for file in files:
        contract = tomllib.loads((tmp_path / f"{file.source}.toml").read_text())
        assert contract["public_id"] == SERIAL
        assert "person_key" not in contract
        extract = contract["extracts"][file.source]
        columns, ignored = extract["columns"], extract["ignore"]
        rows = pl.read_csv(tmp_path / f"{file.source}.csv", infer_schema=False)
        assert rows.columns == list(file.columns)
        assert [header for header in rows.columns if header not in ignored] == list(columns)
        assert list(columns) == [said["header"] for said in columns.values()]
        assert_frame_equal(rows.fill_null(""), file.rows)
        assert not any(said.get("required", True) for header, said in columns.items() if header != SERIAL)


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others(tmp_path):
    for folder, seed in (("one", SEED), ("two", SEED), ("three", SEED + 1)):
        write_link_files(link_files("noisy", 300, seed), tmp_path / folder, "noisy", seed)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 7
    same = {name: (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files}
    assert all(same.values()), same
    assert (tmp_path / "one" / "a.csv").read_bytes() != (tmp_path / "three" / "a.csv").read_bytes()


def test_wrong_choices_are_refused():
    with pytest.raises(UserError, match="Did you mean 'noisy'"):
        link_files("nosy", 1000, SEED)
    with pytest.raises(UserError, match="too few"):
        link_files("noisy", 99, SEED)


# ---- people


def test_there_are_enough_names_and_namesakes(everyone):
    given = {name for group in GROUPS for sex in "FM" for name in given_names(group, sex)}
    family = {name for group in GROUPS for name in family_names(group)}
    assert len(given) >= 1_500
    assert len(family) >= 4_000
    frequent = everyone["family_name"].value_counts(sort=True)["count"]
    assert 0.002 < frequent[0] / everyone.height < 0.03
    namesakes = everyone.select("given_name", "family_name").is_duplicated().mean()
    assert 0.05 < namesakes < 0.5


def test_households_have_twins_fathers_and_sons_of_one_name_and_couples(everyone):
    children = everyone.filter(~pl.col("adult"))
    twins = children.select("household", "born").is_duplicated().mean()
    assert 0.01 < twins < 0.08
    named = everyone.group_by("household", "given_name", "family_name", "sex").agg(
        pl.len(), pl.col("adult").n_unique().alias("generations")
    )
    fathers = named.filter(pl.col("len") > 1, pl.col("generations") == 2)
    sons, daughters = ((fathers["sex"] == sex).sum() for sex in ("Male", "Female"))
    assert sons > 20 + 5 * daughters  # of a mother's name only by chance
    first = everyone.group_by("household", maintain_order=True).first()
    both = children.join(first, on="household", suffix="_first")
    years = (both["born"] - both["born_first"]).dt.total_days() / 365.25
    assert years.min() > 16
    assert years.max() < 61
    assert (everyone["born"] <= REFERENCE_DAY.astype(object)).all()
    same_street = everyone.group_by("household").agg(pl.struct("house", "street", "postcode").n_unique())
    assert same_street["house"].max() == 1


# ---- mistakes


@pytest.mark.parametrize(
    ("mistake", "text", "draws", "wrong"),
    [
        (mistakes.missing, "smith", (0, 0), ""),
        (mistakes.neighbouring_key, "smith", (0.3, 0), "snith"),
        (mistakes.neighbouring_key, "smith", (0.0, 0.9), "dmith"),
        (mistakes.letter_added, "smith", (0.99, 0), "smitah"),
        (mistakes.letter_added, "12", (0.99, 0.99), "192"),
        (mistakes.letter_left_out, "smith", (0.5, 0), "smth"),
        (mistakes.letters_swapped, "smith", (0.99, 0), "smiht"),
        (mistakes.misread, "Barns", (0, 0), "Bams"),
        (mistakes.misheard, "Philip", (0, 0), "Filip"),
        (mistakes.wrong_digit, "19800229", (0, 0), "29800229"),
        (mistakes.wrong_digit, "19800229", (0.99, 0.99), "19800228"),
        (mistakes.digit_as_letter, "2031", (0.3, 0), "2o31"),
        (mistakes.nickname, "Katherine", (0, 0), "Kate"),
        (mistakes.nickname, "Kwame", (0, 0), "Kwame"),
        (mistakes.not_a_name, "Katherine", (0, 0), "Unknown"),
        (mistakes.another_sex, "Male", (0, 0), "Female"),
        (mistakes.another_age, "31", (0, 0), "29"),
        (mistakes.another_age, "0", (0, 0), "0"),
        (mistakes.another_initial, "Maria", (0, 0), "M"),
        (mistakes.another_initial, "M", (0, 0), "A"),
        (mistakes.month_and_day_swapped, "03/25/1980", (0, 0), "25/03/1980"),
        (mistakes.month_and_day_swapped, "19800325", (0, 0), "19802503"),
        (mistakes.impossible_date, "03/25/1980", (0, 0), "02/30/1980"),
        (mistakes.impossible_date, "19800325", (0.5, 0), "19800300"),
        (mistakes.impossible_date, "19800325", (0.8, 0.5), "19801325"),
        (mistakes.impossible_date, "19800325", (0.99, 0), "00000325"),
        (mistakes.illegible, "smith", (0.99, 0), "???"),
    ],
)
def test_a_mistake_by_hand(mistake, text, draws, wrong):
    assert mistake(text, *draws) == wrong


def test_every_cell_has_each_mistake_of_its_column_at_its_rate():
    rows = pl.DataFrame(
        {SERIAL: [str(n) for n in range(20_000)], "zip": ["12345"] * 20_000, "sex": ["Male"] * 20_000}
    )
    number = np.arange(20_000)
    file = LinkFile("a", rows, {SERIAL: {}, "zip": {}, "sex": {}}, number, number)
    of_column = {"zip": (mistakes.missing, mistakes.wrong_digit), "sex": (mistakes.another_sex,)}
    changed = with_mistakes(file, of_column, (), 0.05, SEED).rows
    assert (changed["zip"] == "").mean() == pytest.approx(0.05, abs=0.006)
    assert (~changed["zip"].is_in(["", "12345"])).mean() == pytest.approx(0.05 * 0.95, abs=0.006)
    assert (changed["sex"] == "Female").mean() == pytest.approx(0.05, abs=0.006)
    assert_frame_equal(with_mistakes(file, of_column, (), 0.0, SEED).rows, rows)


def test_a_value_is_copied_from_somebody_else_of_the_household():
    rows = pl.DataFrame({SERIAL: list("abcde"), "age": ["1", "2", "3", "4", "5"]})
    household = np.array([7, 9, 7, 8, 7])
    file = LinkFile("a", rows, {SERIAL: {}, "age": {}}, np.arange(5), household)
    copied = with_mistakes(file, {"age": ()}, ("age",), 1.0, SEED).rows
    assert copied["age"].to_list() == ["3", "2", "5", "4", "1"]


def test_duplicates_have_one_to_four_mistakes_and_at_most_two_in_a_column():
    names = list(OF_A_DIRECTORY)
    rows = pl.DataFrame({name: ["abcdefgh"] * 4_000 for name in names})
    once = dict.fromkeys(names, (1.0, (_mark,)))
    marks = with_some_mistakes(rows, once, {}, np.arange(4_000), SEED).select(pl.all().str.count_matches("!"))
    number = marks.sum_horizontal()
    assert marks.max_horizontal().max() == 2
    assert (number.min(), number.max()) == (1, 4)
    assert number.mean() == pytest.approx(2.25, abs=0.06)  # .3 x 1 + .3 x 2 + .25 x 3 + .15 x 4
    one_column = {names[0]: (1.0, (_mark,)), names[1]: (0.0, (_mark,))}
    marks = with_some_mistakes(rows.select(names[:2]), one_column, {}, np.arange(4_000), SEED)
    assert marks[names[0]].str.count_matches("!").max() == 2


def _mark(text, first, second):
    return text + "!"


def test_exchanged_values_are_both_kept():
    rows = pl.DataFrame({"given_name": ["anna"] * 2_000, "surname": ["berg"] * 2_000})
    of_column = dict.fromkeys(rows.columns, (1.0, (_mark,)))
    changed = with_some_mistakes(rows, of_column, EXCHANGED, np.arange(2_000), SEED)
    letters = changed.select(pl.all().str.strip_chars("!"))
    exchanged = (letters["given_name"] == "berg") & (letters["surname"] == "anna")
    assert 0.1 < exchanged.mean() < 0.4
    assert (exchanged | ((letters["given_name"] == "anna") & (letters["surname"] == "berg"))).all()


def test_every_column_that_a_source_can_get_wrong_is_one_of_its_columns(agencies):
    headers = {header for file in agencies for header in file.columns}
    assert set(MISTAKES) <= headers


# ---- changes


def test_a_kind_is_spoilt_in_its_share_of_rows_and_nothing_else(agencies):
    for kind in kinds_of(agencies):
        for before, after in zip(agencies, spoilt(agencies, kind, 0.3, SEED), strict=True):
            header = next((one for one in before.columns if before.kind_of(one) == kind), None)
            others = [one for one in before.columns if one != header]
            assert_frame_equal(after.rows.select(others), before.rows.select(others))
            if header and before.rows.height > 1_000:
                was, cells = before.rows[header], after.rows[header]
                emptied = ((cells == "") & (was != "")).sum() / (was != "").sum()
                assert emptied == pytest.approx(0.1, abs=0.03)
                assert 0.12 < (cells != was).mean() < 0.33


def test_a_dropped_kind_is_in_no_file_and_in_no_contract(agencies):
    without = dropped(agencies, "middle_name")
    assert "middle_name" not in kinds_of(without)
    assert all(file.rows.columns == list(file.columns) for file in without)
    assert [len(file.columns) for file in agencies] == [len(file.columns) + 1 for file in without]
    with pytest.raises(UserError, match="Did you mean 'postcode'"):
        dropped(agencies, "post_code")
    with pytest.raises(UserError, match="unknown kind of identifier"):
        spoilt(without, "middle_name", 0.3, SEED)


def test_names_in_one_column_have_given_names_first():
    rows = pl.DataFrame({SERIAL: ["1", "2"], "first": ["Ana", ""], "mid": ["", "M"], "last": ["Ruiz Paz", "Li"]})
    kinds = {"first": "given_name", "mid": "middle_name", "last": "family_name"}
    columns = {SERIAL: {}} | {header: describes(kind) for header, kind in kinds.items()}
    (file,) = with_full_names([LinkFile("a", rows, columns, np.arange(2), np.arange(2))])
    assert file.rows.columns == [SERIAL, "full_name"]
    assert file.rows["full_name"].to_list() == ["Ana Ruiz Paz", "M Li"]
    assert kinds_of([file]) == ["full_name"]


def test_foreign_postcodes_are_equal_where_the_postcodes_are(agencies):
    changed = with_foreign_postcodes(agencies, SEED)
    assert changed[1] is agencies[1]  # it has no postcode
    codes, foreign = (
        pl.concat([file.rows["zip"] for file in files if "zip" in file.columns]) for files in (agencies, changed)
    )
    standard = foreign.str.replace_all(" ", "").str.to_uppercase()
    both = pl.DataFrame({"code": codes, "foreign": standard}).unique()
    both = both.filter(pl.col("code").str.contains(r"^\d{5}$"))
    assert both["code"].is_unique().all()
    assert both["foreign"].is_unique().mean() > 0.99
    assert (foreign.str.contains("[A-Za-z]")).mean() > 0.3
    assert ((foreign == "") == (codes == "")).all()
