"""Look-ups of stays by person and day, against a search through all stays."""

import numpy as np
import pytest

from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(11, 1_000)


@pytest.fixture(scope="module")
def looked_up(lives: Lives) -> tuple[np.ndarray, np.ndarray]:
    """People with more than one stay, and some others, on the first and last days of stays and between them."""
    row = lives.stays["row"].to_numpy()
    often = row[np.flatnonzero(lives.stay_number > 0)]
    edges = np.concatenate([lives.stays[name].to_numpy()[:400] for name in ("start", "end")])
    people = np.concatenate([np.resize(often, len(edges)), np.resize(row, len(edges)), row, row])
    days = np.concatenate([edges, edges, lives.stays["start"].to_numpy(), lives.stays["end"].to_numpy()])
    return people, days


def test_the_stay_begun_by_a_day_is_the_last_that_starts_on_it_or_before(
    lives: Lives, looked_up: tuple[np.ndarray, np.ndarray]
) -> None:
    row, start = lives.stays["row"].to_numpy(), lives.stays["start"].to_numpy()
    slow = [np.flatnonzero((row == one) & (start <= on)).max(initial=-1) for one, on in zip(*looked_up, strict=True)]
    assert lives.stay_by(*looked_up).tolist() == slow


def test_the_stay_ending_after_a_day_is_the_first_that_does(
    lives: Lives, looked_up: tuple[np.ndarray, np.ndarray]
) -> None:
    row, end = lives.stays["row"].to_numpy(), lives.stays["end"].to_numpy()
    none = len(row)
    slow = [np.flatnonzero((row == one) & (end > on)).min(initial=none) for one, on in zip(*looked_up, strict=True)]
    assert lives.stay_ending_after(*looked_up).tolist() == [-1 if one == none else one for one in slow]


def test_what_is_derived_from_lives_is_computed_once(lives: Lives) -> None:
    people = lives.once(number_of_people)
    assert lives.once(number_of_people) is people
    assert people.tolist() == [len(lives.people)]


def number_of_people(lives: Lives) -> np.ndarray:
    return np.array([len(lives.people)])
