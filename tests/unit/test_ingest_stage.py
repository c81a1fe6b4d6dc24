"""What ingest records, quarantines and warns of: a few rows by hand."""

import hashlib
import json
import traceback
from datetime import date

import polars as pl
import pytest
from canary import find_clear
from slow_siphash import slow_composite
from slow_token import slow_token
from small_study import CONTRACT, KEY, OTHER_KEY, SmallStudy, csv_text, row, strict

from pipeline.errors import UserError
from pipeline.ingest.features import COMPOSITES, LISTS, VALUES
from pipeline.ingest.pseudonymise import direct_identifier_tokens
from pipeline.keys import PseudonymisationKey


@pytest.fixture
def ingested(tmp_path):
    def of(*rows, **more):
        study = SmallStudy(tmp_path / "study", {"visits.csv": csv_text(rows)}, **more)
        study.result = study.run()
        return study

    return of


def hashed(domain: str, value: str, key: str = KEY) -> int:
    """An independent token, by the standard library's own HMAC."""
    return slow_token(bytes.fromhex(key), domain, value)


# records


def test_a_record_is_ids_attributes_and_what_was_derived(ingested):
    record = ingested(row()).table("records/visits")
    assert record.to_dicts() == [
        {
            "record_id": 1,
            "subject_id": 1,
            "sex": "F",
            "visited_on": date(2016, 5, 4),
            "doses": 2,
            "cost": 12.5,
            "urgent": True,
            "country": "PL",
            "ward": "A1",
            "birth_month": date(1981, 3, 1),
            "area": "E01",
            "guardian_nhs_number": hashed("nhs_number", "9434765919"),
        }
    ]


def test_ids_follow_the_order_of_the_files_and_count_accepted_rows_only(ingested):
    days = [f"2016-05-{day:02d}" for day in range(1, 6)]
    study = ingested(
        row(PATIENT="P0009", VISIT=days[0]),
        row(PATIENT="P0001", VISIT=days[1]),
        row(PATIENT="P0005", VISIT="never"),
        row(PATIENT="p0009 ", VISIT=days[3]),
        row(PATIENT="P0003", VISIT=days[4]),
    )
    records = study.table("records/visits")
    assert records["record_id"].to_list() == [1, 2, 3, 4]
    assert records["subject_id"].to_list() == [1, 2, 1, 3]


def test_optional_values_may_be_missing(ingested):
    optional = dict.fromkeys(["PCODE", "DOSES", "COST", "URGENT", "COUNTRY", "WARD", "GUARDIAN_NHS"], "")
    record = ingested(row(**optional)).table("records/visits").to_dicts()[0]
    assert [record[name] for name in ("doses", "cost", "urgent", "country", "ward", "area")] == [None] * 6
    assert record["guardian_nhs_number"] is None


def test_an_unknown_district_leaves_the_area_unknown_and_says_so(ingested):
    study = ingested(row(PCODE="ZZ9 9ZZ"), row(PATIENT="P0002", PCODE="AB12"), row(PATIENT="P0003", PCODE=""))
    assert study.table("records/visits")["area"].to_list() == [None, "E02", None]
    assert study.result.warnings == ("visits: 1 row without an area: the postcode district is not in areas.csv.",)


# quarantine and ledger


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"PATIENT": "X1"}, "patient: does not match the pattern"),
        ({"PATIENT": ""}, "patient: missing"),
        ({"PATIENT": "P00011"}, "patient: does not match the pattern"),
        ({"FORENAME": " "}, "given_name: missing"),
        ({"BORN": "1981-03-07"}, "born: not a date in the format DD/MM/YYYY"),
        ({"BORN": "30/02/1981"}, "born: not a date in the format DD/MM/YYYY"),
        ({"BORN": "07/03/0081"}, "born: not a date in the format DD/MM/YYYY"),
        ({"BORN": "07/03/1899"}, "born: before 1900-01-01"),
        ({"BORN": "01/01/2020"}, "born: after the data date"),
        ({"SEX": "7"}, "sex: code '7' is not in the code list"),
        ({"SEX": "F"}, "sex: code 'F' is not in the code list"),
        ({"SEX": "ZOË"}, "sex: code (withheld) is not in the code list"),
        ({"VISIT": "2009-12-31"}, "visited_on: before 2010-01-01"),
        ({"VISIT": "2016-05-04T09:30:00"}, "visited_on: not a date in the format YYYY-MM-DD"),
        ({"DOSES": "2.5"}, "doses: not a whole number"),
        ({"DOSES": "99999999999999999999"}, "doses: not a whole number"),
        ({"DOSES": "-1"}, "doses: below 0"),
        ({"DOSES": "10"}, "doses: above 9"),
        ({"COST": "free"}, "cost: not a number"),
        ({"COST": "nan"}, "cost: not a number"),
        ({"COST": "inf"}, "cost: not a number"),
        ({"COST": "-0.01"}, "cost: below 0"),
        ({"URGENT": "maybe"}, "urgent: not a boolean"),
        ({"COUNTRY": "RURITANIA"}, "country: code (withheld) is not in the code list"),
        ({"WARD": "A12"}, "ward: does not match the pattern"),
        ({"GUARDIAN_NHS": "943"}, "guardian: does not match the pattern"),
    ],
)
def test_every_reason_by_its_name(ingested, change, reason):
    study = ingested(row(**change), row(PATIENT="P0002"), contract=strict())
    quarantined = study.table("quarantine/visits")
    assert quarantined["reasons"].to_list() == [[reason]]
    assert study.table("ledger")["reasons"].to_list() == [json.dumps({reason: 1})]


def test_a_bad_row_has_all_of_its_reasons_and_no_identifier(ingested):
    study = ingested(
        row(),
        row(PATIENT="P0002", BORN="x", SEX="9", DOSES="12", WARD="NOBODY'S NAME", COUNTRY="POLAND"),
        contract=strict(),
    )
    assert study.table("quarantine/visits").to_dicts() == [
        {
            "file": "visits.csv",
            "row_number": 2,
            "reasons": [
                "sex: code '9' is not in the code list",
                "doses: above 9",
                "ward: does not match the pattern",
                "born: not a date in the format DD/MM/YYYY",
            ],
            "sex": "9",
            "visited_on": "2016-05-04",
            "doses": "(withheld)",
            "cost": "12.5",
            "urgent": "Y",
            "country": "POLAND",
            "ward": "(withheld)",
        }
    ]


def test_a_forgotten_code_is_shown_a_misplaced_name_is_not(ingested):
    """Twelve Ruritanians among 140 rows are a code that the list lacks; one Rassendyll is a person."""
    rows = [row(PATIENT=f"P{number:04d}", COUNTRY="RURITANIA") for number in range(12)]
    rows += [row(PATIENT="P0100", COUNTRY="RASSENDYLL"), row(PATIENT="P0101", COUNTRY="XX")]
    rows += [row(PATIENT=f"P{number:04d}") for number in range(200, 330)]
    counts = json.loads(ingested(*rows).table("ledger")["reasons"][0])
    assert counts == {
        "country: code 'RURITANIA' is not in the code list": 12,
        "country: code 'XX' is not in the code list": 1,
        "country: code (withheld) is not in the code list": 1,
    }


def test_a_column_in_the_wrong_place_is_withheld_whole(ingested):
    """Where names are in the column of countries, they are common, and yet are not codes."""
    rows = [row(PATIENT=f"P{number:04d}", COUNTRY="SMITH") for number in range(50)]
    study = ingested(*rows)
    assert study.table("quarantine/visits")["country"].unique().to_list() == ["(withheld)"]
    assert not find_clear(study.out, ["SMITH"])
    (warning,) = study.result.warnings
    assert warning.startswith(
        "visits.csv: 50 of 50 rows quarantined, most often because of 'country: code (withheld)"
    )


def people(number, first=0, **changes):
    """Return good rows of different people with some values changed."""
    return [row(PATIENT=f"P{first + one:04d}", **changes) for one in range(number)]


def test_a_code_refused_in_many_rows_is_shown_in_the_warning_and_nowhere_else(ingested):
    """A whole file in another code list: no row may name its code, but the warning has to say what the file has."""
    study = ingested(
        *people(40, COUNTRY="Polen"), *people(12, 40, COUNTRY="Italien"), *people(9, 52, COUNTRY="Malta")
    )
    (warning,) = study.result.warnings
    assert warning == (
        "visits.csv: 61 of 61 rows quarantined, most often because of 'country: code (withheld) is not in the code "
        "list'. Codes refused: country 'Polen' (40 rows), country 'Italien' (12 rows). Compare the file with its "
        "contract."
    )
    assert find_clear(study.out, ["Polen", "Italien", "Malta"]) == []


@pytest.mark.parametrize("days", [0, 5], ids=["in every row", "in few rows"])
def test_many_common_names_in_a_column_of_codes_are_written_nowhere(ingested, days):
    """In a large file every name is common; but a column has more different names than codes."""
    names = [f"Rassen{one:03d}dyll" for one in range(400)]
    rows = [one for at, name in enumerate(names) for one in people(10, 10 * at, COUNTRY=name)]
    good = [one for day in range(days) for one in people(10_000, VISIT=f"2017-05-{day + 1:02d}")]
    study = ingested(*rows, *good)
    assert study.table("ledger")["quarantined"].sum() == len(rows)
    assert not find_clear(study.out, names[:3])
    assert "dyll" not in "".join(study.result.warnings)
    assert study.table("quarantine/visits")["country"].unique().to_list() == ["(withheld)"]


def test_a_warning_names_a_few_codes(ingested):
    codes = [f"Land {letter}" for letter in "ABCDEFG"]
    rows = [one for at, code in enumerate(codes) for one in people(10 + at, 100 * at, COUNTRY=code)]
    (warning,) = ingested(*rows).result.warnings
    assert "country 'Land G' (16 rows), country 'Land F' (15 rows)" in warning
    assert "country 'Land C' (12 rows) and 2 others. Compare" in warning


@pytest.mark.parametrize(
    "rows",
    [
        people(9, COUNTRY="Rassendyll"),
        [row(COUNTRY="Rassendyll", VISIT=f"2016-05-{day:02d}") for day in range(1, 30)],
        [row(PATIENT=f"P{day // 4:04d}", COUNTRY="Rassendyll", VISIT=f"2016-05-{day:02d}") for day in range(1, 30)],
        people(30, SEX="Rassendyll"),
        people(30, WARD="Rassendyll"),
        people(30, DOSES="Rassendyll"),
        people(30, COUNTRY="Rassen\ndyll"),
        [*people(10, COUNTRY="Rassendyll"), *(people(1, at, COUNTRY=f"Name{at}")[0] for at in range(10, 21))],
    ],
    ids=["few people", "one person", "eight people", "an identifier", "a text", "a number", "lines", "names"],
)
def test_what_may_be_personal_is_in_no_warning(ingested, rows):
    """Few people have it, or it stands where names might: in an identifier, in no code list, among rare values."""
    study = ingested(*rows)
    (warning,) = study.result.warnings
    assert warning.endswith("Compare the file with its contract.")
    assert "Rassen" not in warning
    assert find_clear(study.out, ["Rassendyll"]) == []


def test_one_person_does_not_make_a_value_common(ingested):
    """Twelve rows of one person among many valid ones: by rows, the value would be common enough to be written."""
    mine = [row(PATIENT="P9999", COUNTRY="RASSENDYLL", VISIT=f"2016-05-{day:02d}") for day in range(1, 13)]
    study = ingested(*mine, *people(330))
    assert study.table("quarantine/visits")["country"].unique().to_list() == ["(withheld)"]


def test_a_repeated_record_is_quarantined_with_one_warning(ingested):
    study = ingested(row(), row(PATIENT="P0002"), row(FORENAME="Other", PATIENT="p0001"), row(VISIT="2016-05-05"))
    quarantined = study.table("quarantine/visits")
    assert quarantined["row_number"].to_list() == [3]
    assert quarantined["reasons"].to_list() == [["repeated record: same patient, visited_on as an earlier row"]]
    assert study.result.warnings == (
        "visits.csv: 1 row quarantined: an earlier row has the same patient, visited_on.",
    )


def test_a_row_repeats_accepted_rows_only_and_has_every_reason(ingested):
    study = ingested(row(DOSES="12"), row(), row(DOSES="12"))
    reasons = study.table("quarantine/visits")["reasons"].to_list()
    assert reasons == [
        ["doses: above 9"],
        ["doses: above 9", "repeated record: same patient, visited_on as an earlier row"],
    ]
    assert study.table("records/visits").height == 1


def test_a_repetition_is_found_across_files_and_the_second_file_is_named(tmp_path):
    study = SmallStudy(tmp_path / "s", {"a.csv": csv_text([row()]), "b.csv": csv_text([row(), row(PATIENT="P0002")])})
    result = study.run()
    assert result.warnings[0].startswith("b.csv: 1 row quarantined: an earlier row has the same")
    ledger = study.table("ledger").select("file", "rows_in", "accepted", "quarantined").rows()
    assert ledger == [("a.csv", 1, 1, 0), ("b.csv", 2, 1, 1)]


def test_the_ledger_has_the_digest_of_the_file_and_the_result_the_counts(ingested):
    study = ingested(row(), row(PATIENT="P0002", DOSES="12"))
    (line,) = study.table("ledger").to_dicts()
    content = (study.folder / "visits.csv").read_bytes()
    assert (line["source"], line["extract"], line["file"]) == ("clinic", "visits", "visits.csv")
    assert line["sha256"] == hashlib.sha256(content).hexdigest()
    assert study.result.counts == {
        "extracts": 1, "files": 1, "rows": 2, "accepted": 1, "quarantined": 1, "unusable": 0, "subjects": 1,
    }  # fmt: skip
    assert study.result.sentence == "2 rows of 1 extract checked; 1 quarantined (1 reason)"


def test_a_file_that_may_have_been_cut_gives_a_warning_unless_its_rows_are_declared(tmp_path):
    content = csv_text([row()]).rstrip()
    (warning,) = SmallStudy(tmp_path / "unknown", {"visits.csv": content}).run().warnings
    assert warning.startswith("visits.csv: the last line has no line ending.")
    assert SmallStudy(tmp_path / "declared", {"visits.csv": content}, rows=1).run().warnings == ()


def test_no_row_at_all(ingested):
    study = ingested()
    assert study.table("records/visits").height == 0
    assert study.table("tokens/clinic").height == 0
    assert study.table("ledger")["rows_in"].to_list() == [0]


# tokens


def composite(name: str, *parts: tuple[str, str]) -> int:
    """An independent composite: of the tokens of its parts, each a kind and a value."""
    return slow_composite(bytes.fromhex(KEY), name, [hashed(*part) for part in parts])


def test_tokens_equal_an_independent_hmac(ingested):
    (subject,) = ingested(row()).table("tokens/clinic").to_dicts()
    known = {name: value for name, value in subject.items() if value is not None and value != []}
    year, day, postcode = ("birth_year", "1981"), ("birth_day", "198-03-07"), ("postcode", "AB12CD")
    date_of_birth = ("date_of_birth", "1981-03-07")
    given, family = ("name", "ZOE"), ("name", "ONEILLSMITH")
    codes = {
        "given_sound": ("code", "SO"), "given_beginning": ("prefix", "ZOE"), "given_ending": ("suffix", "ZOE"),
        "family_sound": ("code", "ANLSMT"), "family_beginning": ("prefix", "ONE"), "family_ending": ("suffix", "ITH"),
    }  # fmt: skip
    partners = {
        "birth_year": year,
        "birth_day": day,
        "postcode": postcode,
        "family_name": family,
        "first_name": given,
    }
    with_partner = {
        f"{code}_{partner}": composite(f"{code}_{partner}", value, partners[partner])
        for code, value in codes.items()
        for partner in partners
        if partner != ("first_name" if code.startswith("given") else "family_name")
    }
    assert known == {
        "subject_id": 1,
        "sex": "F",
        "birth_month": date(1981, 3, 1),
        "birth_year_from": 1981,
        "birth_year_to": 1981,
        "area": "E01",
        "patient_number": hashed("patient_number", "P0001"),
        "given_name": hashed(*given),
        "first_name": hashed(*given),
        "family_name": hashed(*family),
        "full_name": hashed("full_name", "ONEILL SMITH ZOE"),
        "date_of_birth": hashed(*date_of_birth),
        "postcode": hashed(*postcode),
        **with_partner,
        "given_initial_birth": composite("given_initial_birth", ("initial", "Z"), date_of_birth),
        "given_initial_family_name": composite("given_initial_family_name", ("initial", "Z"), family),
        "initials_date_of_birth": composite(
            "initials_date_of_birth", ("initial", "Z"), ("initial", "O"), date_of_birth
        ),
        # month and day within ten years
        "birth_decade_month_day": hashed(*day),
        "given_names": [hashed(*given)],
        "family_names": [hashed(*family)],
        "name_parts": [hashed("name", part) for part in ("ZOE", "ONEILL", "SMITH")],
        "family_parts": [hashed("name", part) for part in ("ONEILL", "SMITH")],
        "given_variants": subject["given_variants"],
        "postcodes": [hashed(*postcode)],
        "dates_of_birth": [hashed(*date_of_birth)],
    }


def agree(tokens: pl.DataFrame) -> set[str]:
    """Return the features in which two subjects agree: equal values, or a value of a list in common."""
    one, other = tokens.to_dicts()
    return {name for name in (*VALUES, *COMPOSITES) if one[name] is not None and one[name] == other[name]} | {
        name for name in LISTS if set(one[name]) & set(other[name])
    }


def test_typing_errors_that_composites_tolerate(ingested):
    tokens = ingested(
        row(FORENAME="Stephen", SURNAME="Clark", BORN="07/03/1981"),
        row(PATIENT="P0002", FORENAME="Steven", SURNAME="Clarke", BORN="03/07/1981"),
    ).table("tokens/clinic")
    assert agree(tokens) == {
        "postcode", "postcodes", "given_variants",
        "given_sound_birth_year", "given_sound_postcode", "given_beginning_birth_year", "given_beginning_postcode",
        "family_sound_birth_year", "family_sound_postcode", "family_beginning_birth_year",
        "family_beginning_postcode",
    }  # fmt: skip


def test_a_part_of_a_name_that_is_left_out_or_moved_is_still_there(ingested):
    tokens = ingested(
        row(FORENAME="Maria Jose", SURNAME="Garcia Lopez"),
        row(PATIENT="P0002", FORENAME="Jose", SURNAME="Lopez", BORN="01/01/1950", PCODE="AB12 9XX"),
    ).table("tokens/clinic")
    assert agree(tokens) == {"name_parts", "family_parts"}


def test_an_initial_is_a_name_in_composites_alone(ingested):
    (subject,) = ingested(row(FORENAME="Z.")).table("tokens/clinic").to_dicts()
    assert subject["given_name"] is subject["first_name"] is None
    assert subject["given_initial_birth"] == composite(
        "given_initial_birth", ("initial", "Z"), ("date_of_birth", "1981-03-07")
    )
    assert subject["name_parts"] == [hashed("name", part) for part in ("ONEILL", "SMITH")]


def test_swapped_names_share_tokens(ingested):
    tokens = ingested(row(FORENAME="Wei", SURNAME="Li"), row(PATIENT="P0002", FORENAME="Li", SURNAME="Wei"))
    first, second = tokens.table("tokens/clinic").to_dicts()
    assert first["given_name"] == second["family_name"]
    assert first["full_name"] == second["full_name"]


def test_the_latest_known_value_counts_and_every_value_is_listed_in_order(ingested):
    """Rows come out of order; the last one knows no postcode."""
    study = ingested(
        row(VISIT="2017-01-01", SURNAME="Married", PCODE="AB12 3CD"),
        row(VISIT="2015-01-01", SURNAME="Maiden", PCODE="AB1 2CD"),
        row(VISIT="2018-01-01", SURNAME="Married", PCODE=""),
        row(VISIT="2016-01-01", SURNAME="Maiden", PCODE="AB1 9ZZ"),
    )
    (subject,) = study.table("tokens/clinic").to_dicts()
    assert subject["family_name"] == hashed("name", "MARRIED")
    assert (subject["postcode"], subject["area"]) == (hashed("postcode", "AB123CD"), "E02")
    assert subject["family_names"] == [hashed("name", "MAIDEN"), hashed("name", "MARRIED")]
    assert subject["postcodes"] == [hashed("postcode", place) for place in ("AB12CD", "AB19ZZ", "AB123CD")]
    assert study.table("records/visits")["area"].to_list() == ["E02", "E01", None, "E01"]


def test_missing_parts_give_null_tokens_and_empty_lists(ingested):
    (subject,) = ingested(row(FORENAME="-", PCODE="")).table("tokens/clinic").to_dicts()
    known = {name for name, value in subject.items() if value is not None and value != []}
    assert known == {
        "subject_id", "sex", "birth_month", "birth_year_from", "birth_year_to", "patient_number",
        "family_name", "date_of_birth", "family_names", "name_parts", "family_parts", "dates_of_birth",
        "birth_decade_month_day",
        *(f"family_{code}_{partner}" for code in ("sound", "beginning", "ending")
          for partner in ("birth_year", "birth_day")),
    }  # fmt: skip
    assert subject["given_names"] == subject["postcodes"] == []


def test_the_truth_can_be_joined_by_the_same_tokens(ingested):
    tokens = ingested(row()).table("tokens/clinic")
    key = PseudonymisationKey(bytes.fromhex(KEY))
    assert direct_identifier_tokens(key, "patient_number", pl.Series(["p 0001"])).to_list() == [
        tokens["patient_number"][0]
    ]


# the key decides nothing, and nothing clear is written


def test_another_key_changes_tokens_and_nothing_else(tmp_path):
    rows = [row(PATIENT=f"P{number % 7:04d}", VISIT=f"2016-05-{number + 1:02d}") for number in range(20)]
    study = SmallStudy(tmp_path / "s", {"visits.csv": csv_text([*rows, row(SEX="8"), rows[0]])})
    tables = {}
    for key in ("a.key", "b.key"):
        study.run(out=key, key=key)
        tables[key] = {name: study.table(name) for name in ("records/visits", "tokens/clinic")}
        tables[key] |= {
            name: (study.out / name).read_bytes() for name in ("ledger.parquet", "quarantine/visits.parquet")
        }
    one, other = tables["a.key"], tables["b.key"]
    assert one["ledger.parquet"] == other["ledger.parquet"]
    assert one["quarantine/visits.parquet"] == other["quarantine/visits.parquet"]
    clear = [
        "record_id",
        "subject_id",
        "sex",
        "visited_on",
        "doses",
        "cost",
        "urgent",
        "country",
        "ward",
        "birth_month",
        "area",
    ]
    assert one["records/visits"].select(clear).equals(other["records/visits"].select(clear))
    assert (
        one["tokens/clinic"]
        .select("subject_id", "sex", "birth_month", "area")
        .equals(other["tokens/clinic"].select("subject_id", "sex", "birth_month", "area"))
    )
    for name in ("patient_number", *VALUES, *COMPOSITES, *LISTS):
        ours, theirs = one["tokens/clinic"][name], other["tokens/clinic"][name]
        assert ours.is_null().equals(theirs.is_null()), name
        both = zip(ours.to_list(), theirs.to_list(), strict=True)
        assert not any(one == another and one not in (None, []) for one, another in both), name
    assert other["tokens/clinic"]["given_name"][0] == hashed("name", "ZOE", OTHER_KEY)


def test_the_same_files_give_the_same_bytes(tmp_path):
    rows = [row(PATIENT=f"P{number % 31:04d}", VISIT=f"2016-{number % 12 + 1:02d}-09") for number in range(300)]
    study = SmallStudy(tmp_path / "s", {"visits.csv": csv_text(rows)})
    for out in ("one", "two"):
        study.run(out=out)
    for path in sorted((tmp_path / "one").rglob("*.parquet")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


CANARY = {
    "PATIENT": "P7391",
    "FORENAME": "Quetzalcoatl",
    "SURNAME": "Ó Vèrmilion-Xanthippe",
    "BORN": "29/02/1904",
    "PCODE": "QX9 7ZK",
    "GUARDIAN_NHS": "6182930475",
}
CANARIES = [*(value for name, value in CANARY.items() if name != "BORN"), "Xanthippe", date(1904, 2, 29)]


def test_nothing_clear_is_written_of_good_bad_and_repeated_rows(ingested):
    study = ingested(row(**CANARY), row(**CANARY), row(**CANARY, SEX="9"), row(**CANARY, VISIT="yesterday"))
    assert study.table("ledger")["quarantined"].to_list() == [3]
    assert find_clear(study.out, CANARIES) == []
    shown = repr(study.result)
    assert not any(canary.lower() in shown.lower() for canary in CANARY.values())


def test_an_identifier_in_any_other_column_is_refused_and_not_quoted(ingested):
    rows = [
        row(PATIENT=f"P{number:04d}", **{column: CANARY["SURNAME"]})
        for number, column in enumerate(["SEX", "VISIT", "DOSES", "COST", "URGENT", "COUNTRY", "WARD"])
    ]
    rows += [row(PATIENT="P0100", DOSES=CANARY["GUARDIAN_NHS"])]
    study = ingested(*rows)
    assert study.table("records/visits")["sex"].to_list() == [None]
    assert study.table("ledger")["unusable"].to_list() == ['{"sex": 1}']
    assert find_clear(study.out, CANARIES) == []


def test_a_fault_of_the_program_quotes_nothing(ingested, monkeypatch):
    def broken(*_):
        raise pl.exceptions.ComputeError(f"cannot cast {CANARY['SURNAME']}")

    monkeypatch.setattr("pipeline.ingest.ingest.check", broken)
    with pytest.raises(RuntimeError, match=r"ComputeError in ingest\.py, line \d+\. The message") as error:
        ingested(row(**CANARY))
    report = "".join(traceback.format_exception(error.value))
    assert "Xanthippe" not in report
    assert error.value.__context__ is None


def test_columns_may_bear_any_header_and_any_name(tmp_path):
    headers = {"DOSES": "^.*$", "WARD": "*"}
    contract = CONTRACT.replace('"DOSES"', '"^.*$"').replace('"WARD"', '"*"')
    contract = contract.replace("ward = {", "order = {").replace("urgent = {", "bad = {")
    rows = pl.DataFrame([row()]).rename(headers)
    for name, content in {"a.csv": rows.write_csv(), "a.parquet": rows}.items():
        study = SmallStudy(tmp_path / name, {name: content})
        (study.folder / "clinic.toml").write_text(contract, encoding="utf-8")
        study.run()
        assert study.table("records/visits").select("order", "bad", "doses").row(0) == ("A1", True, 2)


def test_an_identifier_by_a_name_that_tokens_use_is_refused(tmp_path):
    study = SmallStudy(tmp_path / "s", {"a.csv": csv_text([row()])})
    (study.folder / "clinic.toml").write_text(CONTRACT.replace('"patient_number"', '"postcodes"'), encoding="utf-8")
    with pytest.raises(UserError, match="'clinic' calls an identifier 'postcodes'"):
        study.run()


def test_a_full_disk_is_reported_as_such(ingested, monkeypatch):
    def full(*_):
        raise OSError(28, CANARY["SURNAME"])

    monkeypatch.setattr("pipeline.ingest.ingest.write_table", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        ingested(row(**CANARY))
    assert "Xanthippe" not in str(error.value)


def test_days_outside_the_calendar_set_their_row_aside(tmp_path):
    far = pl.Series("VISIT", [2**31 - 1, -(2**31), 16925], pl.Int32).cast(pl.Date)
    rows = pl.DataFrame([row(), row(), row()])
    for number, days in enumerate([far, pl.Series("VISIT", [2**62, -(2**62), 0]).cast(pl.Datetime("ms"))]):
        study = SmallStudy(tmp_path / str(number), {"a.parquet": rows.with_columns(days)})
        study.run()
        assert study.table("ledger").select("rows_in").item() == 3
        reasons = study.table("quarantine/visits")["reasons"].to_list()[:2]
        assert reasons == [["visited_on: not a date in the format YYYY-MM-DD"]] * 2
