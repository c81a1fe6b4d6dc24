"""The pictures of targets: what they draw there is, and a miss is shown by shape and not by colour alone."""

from fnmatch import fnmatchcase

import pytest

from flows.target_page import PICTURES
from flows.target_words import figure, summary
from publication import target_charts
from publication.svg import draw
from synthetic_data.benchmarks.targets import Result, read_targets

TARGETS = read_targets().target
ROW = {"label": "Births", "published": 100.0, "lower": 90.0, "upper": 110.0, "value": 105.0, "holds": True}


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.id)
def test_every_panel_draws_targets_of_its_section_in_one_unit(picture):
    for patterns in picture.panels.values():
        for one in patterns:
            assert any(fnmatchcase(target.name, one) for target in TARGETS), one
        units = {
            target.unit == "share"
            for target in TARGETS
            if target.title == picture.title and any(fnmatchcase(target.name, one) for one in patterns)
        }
        assert len(units) == 1


def _drawn(**more):
    chart = target_charts.held_against([ROW | more], width=200, shares=False, labels=60)
    return draw(chart, "One figure.", "one")


def test_a_miss_is_a_hollow_diamond_and_what_holds_a_filled_circle():
    assert f'fill="white" stroke="{target_charts.AGAINST}"' in _drawn(value=120.0, holds=False)
    assert target_charts.AGAINST not in _drawn()
    assert f'fill="{target_charts.ACCENT}"' in _drawn()


def test_what_a_study_cannot_show_is_not_drawn():
    drawn = _drawn(value=None, holds=False)
    assert target_charts.AGAINST not in drawn
    assert target_charts.ACCENT not in drawn
    assert target_charts.PALE in drawn


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.963, "share", "96.30%"), (706_000.4, "events", "706,000"), (276, "days", "276.0"), (None, "persons", "-")],
)
def test_figures_are_written_in_their_unit(value, unit, text):
    assert figure(value, unit) == text


def test_the_summary_counts_what_holds_and_what_cannot_be_shown():
    hold, missed = (Result(TARGETS[0], 1.0, 1, 1.0, holds=one) for one in (True, False))
    unseen = Result(TARGETS[0], None, None, 1.0, holds=False, note="why")
    assert summary([hold, missed]) == "1 of 2 targets hold"
    assert summary([hold, hold, unseen]) == "2 of 3 targets hold; 1 cannot be shown"
