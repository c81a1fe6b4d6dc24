"""Right names in another form: worked examples of each form, and who is open to it."""

import numpy as np
import polars as pl
import pytest

from synthetic_data.country.names import ORIGINS
from synthetic_data.errors.catalogue import Errors, with_overrides
from synthetic_data.errors.name_forms import PARTS, in_other_forms
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.errors.record_draws import Records
from synthetic_data.numbers.labels import Labels

PEOPLE = {
    "Wei Wang": "chinese",
    "Chimamanda Okafor": "west_african",
    "Sofía|García López": "spanish",
    "Rui|Silva Santos": "portuguese",
    "Ana|Marin": "romanian",
    "José Luis|Díaz": "spanish",
    "Muhammad Ali|Khan": "pakistani",
    "Małgorzata|Wiśniewski": "polish",
    "Guðrún|Þorsteinsson": "icelandic",
    "Jürgen|Weiß": "germanic",
    "Anh|Nguyễn": "vietnamese",
    "Katherine|Smith": "english",
}


def all_held(true: pl.DataFrame, errors: Errors, source: str, entities: np.ndarray) -> pl.DataFrame:
    """Return all names as a source holds them: in another form, or as they are."""
    places, forms = in_other_forms(
        true, Labels.of(true["origin"], ORIGINS), Records(errors, 1, source, source, entities)
    )
    return true.select(true[part].scatter(places, forms[part]) for part in PARTS)


def as_held(source: str = "mws", **forms: float) -> dict[str, str]:
    """Return `given|family` as a source holds it, by what is true, with the given forms alone."""
    errors = with_overrides(NO_ERRORS, {"forms": forms}, "test")
    split = [one.split("|") if "|" in one else one.split(" ") for one in PEOPLE]
    true = pl.DataFrame(
        {
            "given_name": [given for given, _ in split],
            "family_name": [family for _, family in split],
            "origin": list(PEOPLE.values()),
        }
    )
    held = all_held(true, errors, source, np.arange(len(true)))
    return {
        f"{given}|{family}": f"{written}|{name}"
        for (given, family), written, name in zip(split, held["given_name"], held["family_name"], strict=True)
        if (given, family) != (written, name)
    }


def test_without_errors_every_name_is_as_it_is() -> None:
    assert as_held() == {}


def test_names_are_swapped_where_the_family_name_comes_first_at_home() -> None:
    assert as_held(reversed=1) == {"Wei|Wang": "Wang|Wei", "Anh|Nguyễn": "Nguyễn|Anh"}


def test_of_two_family_names_the_first_is_the_main_one_in_spain_and_the_last_in_portugal() -> None:
    assert as_held(main_family_name=1) == {
        "Sofía|García López": "Sofía|García", "Rui|Silva Santos": "Rui|Santos",
    }  # fmt: skip
    assert as_held(other_family_name=1) == {
        "Sofía|García López": "Sofía|López", "Rui|Silva Santos": "Rui|Silva",
    }  # fmt: skip
    assert as_held(hyphenated=1) == {
        "Sofía|García López": "Sofía|García-López", "Rui|Silva Santos": "Rui|Silva-Santos",
    }  # fmt: skip


def test_of_several_given_names_the_first_is_held() -> None:
    assert as_held(one_given_name=1) == {"José Luis|Díaz": "José|Díaz", "Muhammad Ali|Khan": "Muhammad|Khan"}


def test_a_single_name_stands_where_the_family_name_should() -> None:
    assert as_held(unnamed=1) == {"Muhammad Ali|Khan": "FNU|Muhammad Ali"}


def test_accents_are_lost_and_letters_of_other_alphabets_made_plain() -> None:
    assert as_held(accents_lost=1) == {
        "Sofía|García López": "Sofia|Garcia Lopez", "José Luis|Díaz": "Jose Luis|Diaz",
        "Małgorzata|Wiśniewski": "Malgorzata|Wisniewski", "Guðrún|Þorsteinsson": "Gudrun|Thorsteinsson",
        "Jürgen|Weiß": "Jurgen|Weiss", "Anh|Nguyễn": "Anh|Nguyen",
    }  # fmt: skip


def test_a_variant_is_one_of_those_in_the_table_and_touches_the_first_name_alone() -> None:
    held = as_held(variant=1)
    assert held["Muhammad Ali|Khan"].split("|")[0] in {
        f"{one} Ali" for one in ("Mohammed", "Mohamed", "Mohammad", "Mohamud", "Muhammed", "Mohd")
    }
    assert held["Jürgen|Weiß"] in {"Juergen|Weiss", "Jurgen|Weiss"}
    assert "Katherine|Smith" not in held


def test_the_survey_alone_calls_people_by_short_names_unless_another_source_is_told_to() -> None:
    assert as_held("pr", nickname=1) == {}
    (short,) = as_held("coverage_survey", nickname=1).values()
    assert short in {"Kate|Smith", "Kathy|Smith", "Katie|Smith"}
    own = with_overrides(Errors(), {"pr": {"forms": {"nickname": 0.02}}}, "test")
    assert own.rate("forms", "nickname", "pr") == 0.02


def test_shares_of_two_family_names_are_of_the_same_people() -> None:
    errors = with_overrides(
        NO_ERRORS, {"forms": {"main_family_name": 0.3, "other_family_name": 0.2, "hyphenated": 0.1}}, "test"
    )
    number = 20_000
    true = pl.DataFrame({"given_name": "Ana", "family_name": ["García López"] * number, "origin": "spanish"})
    held = all_held(true, errors, "mws", np.arange(number))["family_name"]
    shares = dict(held.value_counts(normalize=True).iter_rows())
    expected = {"García": 0.3, "López": 0.2, "García-López": 0.1, "García López": 0.4}
    assert shares == pytest.approx(expected, abs=0.015)


def test_names_stay_with_the_person_whoever_else_is_asked_for() -> None:
    errors = with_overrides(Errors(), {"forms": {"variant": 0.5, "reversed": 0.5}}, "test")
    true = pl.DataFrame({"given_name": ["Wei", "Jun"] * 50, "family_name": "Wang", "origin": "chinese"})
    entities = np.arange(100)
    everybody = all_held(true, errors, "mws", entities)
    some = np.arange(99, -1, -7)
    assert all_held(true[some], errors, "mws", entities[some]).equals(everybody[some])
