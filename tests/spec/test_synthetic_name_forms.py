"""Correct names in another form: worked examples of each form, and the names that can take it."""

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


def recorded_names(true: pl.DataFrame, errors: Errors, source: str, entities: np.ndarray) -> pl.DataFrame:
    """Return all names as a source records them: in another form, or unchanged."""
    places, forms = in_other_forms(
        true, Labels.of(true["origin"], ORIGINS), Records(errors, 1, source, source, entities)
    )
    return true.select(true[part].scatter(places, forms[part]) for part in PARTS)


def as_recorded(source: str = "mws", **forms: float) -> dict[str, str]:
    """Return the recorded `given|family` by the true one, with only the given forms."""
    errors = with_overrides(NO_ERRORS, {"forms": forms}, "test")
    split = [one.split("|") if "|" in one else one.split(" ") for one in PEOPLE]
    true = pl.DataFrame(
        {
            "given_name": [given for given, _ in split],
            "family_name": [family for _, family in split],
            "origin": list(PEOPLE.values()),
        }
    )
    recorded = recorded_names(true, errors, source, np.arange(len(true)))
    return {
        f"{given}|{family}": f"{written}|{name}"
        for (given, family), written, name in zip(split, recorded["given_name"], recorded["family_name"], strict=True)
        if (given, family) != (written, name)
    }


def test_without_errors_every_name_is_unchanged() -> None:
    assert as_recorded() == {}


def test_names_are_swapped_where_the_family_name_comes_first_at_home() -> None:
    assert as_recorded(reversed=1) == {"Wei|Wang": "Wang|Wei", "Anh|Nguyễn": "Nguyễn|Anh"}


def test_of_two_family_names_the_first_is_the_main_one_in_spain_and_the_last_in_portugal() -> None:
    assert as_recorded(main_family_name=1) == {
        "Sofía|García López": "Sofía|García", "Rui|Silva Santos": "Rui|Santos",
    }  # fmt: skip
    assert as_recorded(other_family_name=1) == {
        "Sofía|García López": "Sofía|López", "Rui|Silva Santos": "Rui|Silva",
    }  # fmt: skip
    assert as_recorded(hyphenated=1) == {
        "Sofía|García López": "Sofía|García-López", "Rui|Silva Santos": "Rui|Silva-Santos",
    }  # fmt: skip


def test_of_several_given_names_the_first_is_recorded() -> None:
    assert as_recorded(one_given_name=1) == {"José Luis|Díaz": "José|Díaz", "Muhammad Ali|Khan": "Muhammad|Khan"}


def test_a_single_name_is_recorded_as_the_family_name() -> None:
    assert as_recorded(unnamed=1) == {"Muhammad Ali|Khan": "FNU|Muhammad Ali"}


def test_accents_are_lost_and_letters_of_other_alphabets_replaced() -> None:
    assert as_recorded(accents_lost=1) == {
        "Sofía|García López": "Sofia|Garcia Lopez", "José Luis|Díaz": "Jose Luis|Diaz",
        "Małgorzata|Wiśniewski": "Malgorzata|Wisniewski", "Guðrún|Þorsteinsson": "Gudrun|Thorsteinsson",
        "Jürgen|Weiß": "Jurgen|Weiss", "Anh|Nguyễn": "Anh|Nguyen",
    }  # fmt: skip


def test_a_variant_is_from_the_table_and_changes_only_the_first_name() -> None:
    recorded = as_recorded(variant=1)
    assert recorded["Muhammad Ali|Khan"].split("|")[0] in {
        f"{one} Ali" for one in ("Mohammed", "Mohamed", "Mohammad", "Mohamud", "Muhammed", "Mohd")
    }
    assert recorded["Jürgen|Weiß"] in {"Juergen|Weiss", "Jurgen|Weiss"}
    assert "Katherine|Smith" not in recorded


def test_only_the_survey_records_nicknames_unless_they_are_set_for_another_source() -> None:
    assert as_recorded("pr", nickname=1) == {}
    (short,) = as_recorded("coverage_survey", nickname=1).values()
    assert short in {"Kate|Smith", "Kathy|Smith", "Katie|Smith"}
    own = with_overrides(Errors(), {"pr": {"forms": {"nickname": 0.02}}}, "test")
    assert own.rate("forms", "nickname", "pr") == 0.02


def test_forms_of_two_family_names_share_the_same_people() -> None:
    errors = with_overrides(
        NO_ERRORS, {"forms": {"main_family_name": 0.3, "other_family_name": 0.2, "hyphenated": 0.1}}, "test"
    )
    number = 20_000
    true = pl.DataFrame({"given_name": "Ana", "family_name": ["García López"] * number, "origin": "spanish"})
    recorded = recorded_names(true, errors, "mws", np.arange(number))["family_name"]
    shares = dict(recorded.value_counts(normalize=True).iter_rows())
    expected = {"García": 0.3, "López": 0.2, "García-López": 0.1, "García López": 0.4}
    assert shares == pytest.approx(expected, abs=0.015)


def test_recorded_names_do_not_depend_on_who_else_is_recorded() -> None:
    errors = with_overrides(Errors(), {"forms": {"variant": 0.5, "reversed": 0.5}}, "test")
    true = pl.DataFrame({"given_name": ["Wei", "Jun"] * 50, "family_name": "Wang", "origin": "chinese"})
    entities = np.arange(100)
    all_names = recorded_names(true, errors, "mws", entities)
    some = np.arange(99, -1, -7)
    assert recorded_names(true[some], errors, "mws", entities[some]).equals(all_names[some])
