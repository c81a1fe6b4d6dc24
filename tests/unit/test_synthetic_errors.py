"""The catalogue of errors and its overrides: only named values change, and mistakes are reported."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pydantic import BaseModel

from pipeline.errors import UserError
from synthetic_data.delivery.extracts import extracts
from synthetic_data.errors import recorded_identity
from synthetic_data.errors.catalogue import Errors, read_errors, values, with_overrides
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.errors.source_rates import OfSource
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import LAST_DAY, LONG_AGO


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(seed=4, residents=1_500)


def changed(errors: Errors) -> dict[str, float]:
    usual = dict(values(Errors()))
    return {name: value for name, value in values(errors) if value != usual.get(name)}


def test_an_override_changes_only_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        "broken_rows = 0.001\n[names]\nrate = 0.05\n[registration.nhs_never]\nEU = 0.25\n[mws.names]\nrate = 0.12\n"
    )
    assert changed(read_errors(file, Errors())) == {
        "broken_rows": 0.001, "names.rate": 0.05, "registration.nhs_never.EU": 0.25, "mws.names.rate": 0.12,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tree", "expected_message"),
    [
        ({"nams": {"rate": 0.1}}, "mine.toml: unknown key 'nams'. Did you mean 'names'?"),
        ({"names": {"rat": 0.1}}, r"mine.toml, \[names\]: unknown key 'rat'. Did you mean 'rate'?"),
        ({"mws": {"names": {"rte": 0.1}}}, r"mine.toml, \[mws.names\]: unknown key 'rte'. Did you mean 'rate'?"),
        ({"mws": {"addresses": {"stale": 0.1}}}, r"mine.toml, \[mws\]: unknown key 'addresses'"),
        ({"registration": {"nhs_never": {"non_eu": 0.1}}}, r"\[registration.nhs_never\].*Did you mean 'non_EU'?"),
        ({"names": {"rate": 1.5}}, "mine.toml, key 'names.rate'"),
        ({"names": {"rate": "0.1"}}, "mine.toml, key 'names.rate'"),
        ({"names": 0.1}, "mine.toml, key 'names'"),
        ({"names": {"susceptible": 0.5}}, "'susceptible' times 'susceptible_factor' is at most 1"),
        ({"leavers": {"posted_active": 0.9}}, "'posted_active' and 'noticed_active'"),
        ({"dates": {"arrival_near": 0.99}}, "'arrival_near' and 'arrival_month'"),
        ({"dates": {"swapped": 0.99}}, "'swapped' and 'new_year'"),
        ({"forms": {"hyphenated": 0.95}}, "'main_family_name', 'other_family_name' and 'hyphenated'"),
        ({"exit_checks": {"missing": {"postcode": 0.1}}}, r"\[exit_checks.missing\]: unknown key 'postcode'"),
        ({"dates": {"documents": {"SY": 0.1}}}, r"\[dates.documents\]: unknown key 'SY'"),
        ({"duplicates": {"mws": 0.1}}, r"\[duplicates\]: unknown key 'mws'"),
    ],
)
def test_a_mistake_is_reported_with_its_file_its_place_and_the_nearest_key(tree: dict, expected_message: str) -> None:
    with pytest.raises(UserError, match=expected_message):
        with_overrides(Errors(), tree, "mine.toml")


def test_a_missing_file_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_errors(tmp_path / "none.toml", Errors())


def test_a_rate_of_one_source_leaves_the_others_unchanged(lives: Lives) -> None:
    rows = np.arange(lives.people.height)
    own = with_overrides(Errors(), {"mws": {"names": {"rate": 1.0}, "dates": {"birth": 1.0}}}, "mine.toml")
    for source in ("hesa", "pds", "pr"):
        assert recorded_identity.identity(lives, own, source, rows).equals(
            recorded_identity.identity(lives, Errors(), source, rows)
        )
    as_held, usual = (
        recorded_identity.identity(lives, own, "mws", rows),
        recorded_identity.identity(lives, Errors(), "mws", rows),
    )
    for column in ("given_name", "birth"):
        assert (as_held[column] != usual[column]).mean() > 0.4


def test_a_sources_rate_replaces_the_general_rate_times_its_factor() -> None:
    general = with_overrides(Errors(), {"names": {"rate": 0.1}, "mws": {"factor": 3.0}}, "mine.toml")
    assert general.rate("names", "rate", "mws") == pytest.approx(0.3)
    assert general.rate("names", "rate", "hesa") == pytest.approx(0.08)
    own = with_overrides(general, {"mws": {"names": {"rate": 0.2}, "dates": {"birth": 0.5}}}, "mine.toml")
    assert own.rate("names", "rate", "mws") == 0.2
    assert own.rate("dates", "birth", "mws") == 0.5
    assert own.rate("dates", "birth", "pds") == pytest.approx(0.012 * 0.7)


def test_a_sources_addresses_and_broken_rows_are_its_own() -> None:
    own = with_overrides(
        Errors(), {"hesa": {"addresses": {"stale": 0.4}, "broken_rows": 0.2, "names": {"by_sound": 0.9}}}, "mine.toml"
    )
    assert own.stale_addresses("hesa") == (0.4, 700)
    assert own.stale_addresses("activity") == (0.1, 700)
    assert (own.broken_share("hesa"), own.broken_share("pr")) == (0.2, 0.0002)
    assert (own.rate("names", "by_sound", "hesa"), own.rate("names", "by_sound", "pr")) == (0.9, 0.4)


def test_perfect_sources_record_the_truth(lives: Lives) -> None:
    rows = np.arange(lives.people.height)
    for source in ("hesa", "pds", "coverage_survey"):
        single = recorded_identity.identity(lives, NO_ERRORS, source, rows, on=np.full(len(rows), LONG_AGO))
        assert single.equals(lives.people.select(single.columns))
        married = recorded_identity.identity(lives, NO_ERRORS, source, rows, on=np.full(len(rows), LAST_DAY))
        named = lives.people.with_columns(family_name=pl.coalesce("married_name", "family_name"))
        assert married.equals(named.select(married.columns))
    days = np.full(len(rows), 17_000)
    here = pl.Series("postcode", lives.postcodes[lives.postcode_at(rows, days)], dtype=pl.String)
    assert recorded_identity.postcode(lives, NO_ERRORS, "hesa", rows, days).equals(here)


SOURCES = [name for name, value in Errors() if isinstance(value, OfSource)]


@pytest.mark.parametrize("source", SOURCES)
def test_every_rate_of_a_source_can_be_its_own_and_changes_no_other(source: str) -> None:
    """A value set for one source applies to that source and to no other."""
    usual = Errors()
    for kind, own in usual.of(source):
        if not isinstance(own, BaseModel) or kind == "addresses":
            continue
        for name, _ in own:
            # 0.02 and 0.03 are small enough to be shares of the same people with any other
            share = 0.03 if getattr(own, name) == 0.02 else 0.02
            changed_one = with_overrides(usual, {source: {kind: {name: share}}}, "mine.toml")
            assert changed_one.rate(kind, name, source) == share
            for other in (one for one in SOURCES if one != source and hasattr(getattr(usual.of(one), kind), name)):
                assert changed_one.rate(kind, name, other) == usual.rate(kind, name, other)


@pytest.mark.parametrize("source", SOURCES)
def test_perfect_sources_make_no_error_of_any_kind(source: str) -> None:
    for kind, own in NO_ERRORS.of(source):
        if isinstance(own, BaseModel) and kind != "addresses":
            assert [name for name, _ in own if NO_ERRORS.rate(kind, name, source)] == []
    assert NO_ERRORS.broken_share(source) == 0


def test_a_rate_by_kind_applies_to_every_source_times_its_factor() -> None:
    wrong = with_overrides(Errors(), {"sex": {"wrong": 0.01}, "missing": {"postcode": 0.1}}, "mine.toml")
    assert wrong.rate("sex", "wrong", "mws") == pytest.approx(0.015)
    assert wrong.rate("missing", "postcode", "pds") == pytest.approx(0.07)
    forms = with_overrides(Errors(), {"forms": {"reversed": 0.5}, "hesa": {"forms": {"reversed": 0.1}}}, "mine.toml")
    assert (forms.rate("forms", "reversed", "mws"), forms.rate("forms", "reversed", "hesa")) == (0.5, 0.1)
    assert (forms.rate("dates", "day_unknown", "pds"), forms.rate("dates", "day_unknown", "hesa")) == (0.003, 0.0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "tree",
    [
        {"registration": {"activity_gap": 1.0}},
        {"leavers": {"median_days": 1e30}, "addresses": {"nhs_median_days": 1e300, "mean_days": 1e300}},
        {"registration": {"nhs_sigma": 40.0, "nino_sigma": 1e6}},
    ],
    ids=["nobody is ever active", "endless lags", "lags of boundless spread"],
)
def test_an_error_of_absurd_size_leaves_every_extract_well_formed(lives: Lives, tree: dict) -> None:
    made = list(extracts(lives, with_overrides(Errors(), tree, "here")))
    usual = list(extracts(lives, Errors()))
    for one, other in zip(made, usual, strict=True):
        assert one.files.keys() == other.files.keys()
        for name, frame in one.files.items():
            assert frame.schema == other.files[name].schema
            assert set(frame["row"]) <= set(range(len(lives.people)))


@pytest.mark.parametrize("amount", [float("inf"), float("nan")])
@pytest.mark.parametrize("place", [("leavers", "median_days"), ("survey", "odds_ratio"), ("groups", "men")])
def test_an_amount_is_a_finite_number(place: tuple[str, str], amount: float) -> None:
    with pytest.raises(UserError, match="finite|greater"):
        with_overrides(Errors(), {place[0]: {place[1]: amount}}, "here")
