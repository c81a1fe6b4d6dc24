"""Presence as a hidden state: known people are recovered, too few classes are refused, and a rule set says so."""

import numpy as np
import pytest

from rules.hidden_state.classes import choose_classes
from rules.hidden_state.drawn_lives import (
    LISTED,
    SIGNS,
    STUDIED,
    WORKED,
    all_symbols,
    draw,
    workers_students_and_quiet_people,
)
from rules.hidden_state.expectation import presence
from rules.hidden_state.histories import Histories, Tree
from rules.hidden_state.overlaps import overlaps


@pytest.fixture(scope="module")
def drawn() -> tuple[Histories, np.ndarray]:
    return draw(workers_students_and_quiet_people(), 20_000, 8, seed=1)


def test_known_classes_and_the_number_present_are_recovered(drawn: tuple[Histories, np.ndarray]) -> None:
    """The criterion finds the three classes; stocks are right within one and a half percent, without any survey."""
    histories, present = drawn
    chosen = choose_classes(histories, SIGNS, bands=1, most=5)
    model = chosen.fitted.model
    assert model.classes == 3
    assert list(chosen.criteria[:3]) == sorted(chosen.criteria[:3], reverse=True)
    assert chosen.criteria[3] > chosen.criteria[2]
    expected = (presence(Tree.of(histories), model) * histories.people[:, None]).sum(axis=0)
    assert expected == pytest.approx(present, rel=0.015)
    true = workers_students_and_quiet_people()
    by_work = np.argsort(model.here[0][:, WORKED])
    assert model.here[0][by_work] == pytest.approx(true.here[0][np.argsort(true.here[0][:, WORKED])], abs=0.03)
    assert model.away[1, LISTED] == pytest.approx(0.9, abs=0.03)
    assert (1 - model.move[3:, 3:].sum(axis=1)).max() == pytest.approx(0.2, abs=0.03)  # students leave most


def test_one_class_too_few_does_not_reproduce_the_overlaps(drawn: tuple[Histories, np.ndarray]) -> None:
    """What no likelihood of one model alone shows: the right number of classes misplaces fifty times fewer."""
    histories, _ = drawn
    worst = [
        overlaps(histories, choose_classes(histories, SIGNS, 1, most).fitted.model)[0].misplaced for most in (1, 2, 3)
    ]
    assert worst[0] > 0.03
    assert worst[1] > 0.01
    assert worst[2] < 0.003


def test_an_overlap_by_hand() -> None:
    """Two people, two years: one is listed and works in both, one is listed in the first and studies in the other."""
    codes = np.array([[0b011, 0b011], [0b001, 0b100]])
    nobody, one_each = np.zeros(2, dtype=np.int64), np.ones(2)
    histories = Histories.distinct(nobody, nobody, codes, one_each, all_symbols(5), 1)
    found = {
        (one.first, one.second, one.later): one.seen
        for one in overlaps(histories, workers_students_and_quiet_people())
    }
    assert found[LISTED, WORKED, 0] == 2 / 4
    assert found[LISTED, LISTED, 1] == 1 / 2
    assert found[LISTED, STUDIED, 1] == 1 / 2
    assert found[WORKED, STUDIED, 0] == 0


def test_people_who_share_a_history_are_one_row() -> None:
    codes = np.array([[1, 2], [1, 3], [1, 2]])
    nobody = np.zeros(3, dtype=np.int64)
    one = Histories.distinct(nobody, nobody, codes, np.ones(3), all_symbols(2), 1)
    assert one.codes.tolist() == [[1, 2], [1, 3]]
    assert one.people.tolist() == [2, 1]
    assert one.row_of.tolist() == [0, 1, 0]
    assert [level.symbol.tolist() for level in Tree.of(one).levels] == [[1], [2, 3]]
