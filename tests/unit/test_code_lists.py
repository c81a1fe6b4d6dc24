"""Code lists: every country in letters and numbers, the codes that sources really use, and what is not known."""

import pytest
from rule_timelines import DEFAULT
from small_study import CONTRACT, SmallStudy, csv_text, row

from pipeline.errors import UserError
from pipeline.ingest.contracts import code_lists, read_contract, read_contracts
from rules.rule_set import read_rules

COUNTRIES = 249  # entries of ISO 3166-1
LISTS = code_lists()


def test_every_country_has_two_letters_three_and_a_number():
    two = {code for code, meaning in LISTS["country_alpha2"].items() if code == meaning} - {
        "AN",
        "CS",
        "EU",
        "SU",
        "YU",
    }
    assert len(two) == COUNTRIES
    three, numbers = set(LISTS["country_alpha3"].values()), set(LISTS["country_numeric"].values())
    assert two <= three
    assert two <= numbers
    assert two <= set(LISTS["country_name"].values())
    assert all(len(code) == 3 for code in LISTS["country_alpha3"] if code != "D")


@pytest.mark.parametrize(
    ("kind", "codes", "meaning"),
    [
        ("country_alpha2", ["GB", "UK"], "GB"),
        ("country_alpha2", ["GR", "EL"], "GR"),
        ("country_alpha2", ["TL", "TP"], "TL"),
        ("country_alpha2", ["CD", "ZR"], "CD"),
        ("country_alpha3", ["DEU", "D", "DDR"], "DE"),
        ("country_alpha3", ["UNK", "RKS", "XKX"], "XK"),
        ("country_alpha3", ["CSK"], "CSHH"),
        ("country_alpha3", ["SCG"], "CS"),
        ("country_alpha3", ["ROU", "ROM"], "RO"),
        ("country_alpha3", ["XXA"], "XXA"),
        ("country_alpha3", ["GBN"], "GBN"),
        ("country_alpha3", ["XXX", "UNO"], ""),
        ("country_numeric", ["826", "921", "926"], "GB"),
        ("country_numeric", ["008", "8"], "AL"),
        ("country_numeric", ["688"], "RS"),
        ("country_name", ["GERMANY"], "DE"),
        ("country_name", ["CÔTE D'IVOIRE", "COTE D'IVOIRE", "IVORY COAST"], "CI"),
        ("country_name", ["KOREA REPUBLIC OF", "SOUTH KOREA"], "KR"),
        ("uk_parts", ["XF", "XG", "XH", "XI", "XK"], "GB"),
        ("country_ons", ["QO"], "XK"),
        ("country_ons", ["AA"], "XXA"),
    ],
)
def test_codes_in_use(kind, codes, meaning):
    assert {LISTS[kind][code] for code in codes} == {meaning}


def test_kosovo_is_not_the_united_kingdom():
    """XK is Kosovo for those who assign codes beside ISO 3166-1, and a part of the kingdom for HESA."""
    contracts = read_contracts()
    assert contracts["pds"].extracts["pds"].columns["country_of_birth"].codes["XK"] == "XK"
    for name in ("domicile", "nationality"):
        assert contracts["hesa"].extracts["hesa"].columns[name].codes["XK"] == "GB"


def test_lists_that_contradict_each_other_are_refused_unless_the_column_decides(tmp_path):
    path = tmp_path / "clinic.toml"
    both = 'codes = ["country_alpha2_assigned", "uk_parts"{}]'
    path.write_text(CONTRACT.replace('codes = "country_name"', both.format("")), encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_contract(path)
    assert str(error.value).startswith(f"{path}, column 'country': the code 'XK' has another meaning in 'uk_parts'")
    path.write_text(CONTRACT.replace('codes = "country_name"', both.format(', { XK = "GB" }')), encoding="utf-8")
    codes = read_contract(path).extracts["visits"].columns["country"].codes
    assert codes["XK"] == codes["XF"] == "GB"


def test_not_known_is_an_empty_value_also_where_one_is_required(tmp_path):
    rows = [row(COUNTRY=one, PATIENT=f"P000{at}") for at, one in enumerate(["POLAND", "NOT KNOWN", "", "?"])]
    study = SmallStudy(tmp_path / "study", {"a.csv": csv_text(rows)})
    required = CONTRACT.replace('codes = "country_name", required = false', 'codes = "country_name"')
    (study.folder / "clinic.toml").write_text(required, encoding="utf-8")
    study.run()
    assert study.table("records/visits")["country"].to_list() == ["PL", None]
    assert study.table("quarantine/visits")["reasons"].to_list() == [
        ["country: missing"],
        ["country: code '?' is not in the code list"],
    ]


def test_a_rule_cannot_look_for_what_is_not_known(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(DEFAULT.read_text().replace("\"visa_type != 'visit'\"", "\"nationality != ''\""))
    with pytest.raises(UserError, match="unknown code ''"):
        read_rules(path, read_contracts())


def test_the_default_rules_and_the_survey_group_countries_alike():
    lists = read_rules(DEFAULT, read_contracts()).people.lists
    by_rules = {
        code: group
        for group, name in (("British", "british"), ("Irish", "ireland"), ("EU", "eu"))
        for code in lists[name]
    }
    assert by_rules == LISTS["nationality_group"]
