"""The page of targets: figures draw targets that exist; a target not met differs by shape, not by colour alone."""

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest

from publication.charts import chart_style
from publication.charts.svg import draw
from publication.charts.target_charts import study_and_published
from publication.figures.target_figures import PICTURES
from publication.target_rows import LagDistribution, TargetComparison, TargetRow, summary
from publication.targets_page import LAG_SECTION, render_targets_page
from synthetic_data.benchmarks.targets import read_targets

TARGETS = read_targets().target
POINT = {"label": "Births", "published": 100.0, "lower": 90.0, "upper": 110.0, "value": 105.0, "met": True}
ROW = TargetRow(
    name="lag_eu", title=LAG_SECTION, description="median lag", unit="days", geography="England", scaled_by="flows",
    period="2016", source="A <report>", from_memory=True, published=276.0, tolerance=30.0, value=280.0, events=50,
    met=True,
)  # fmt: skip


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


def test_the_lag_section_is_one_of_the_targets():
    assert LAG_SECTION in {target.title for target in TARGETS}


def _drawn(**more):
    chart = study_and_published([POINT | more], width=200, shares=False, label_width=60)
    return draw(chart, "One figure.", "one")


def test_a_target_not_met_is_a_hollow_diamond_and_one_met_a_filled_circle():
    assert f'fill="white" stroke="{chart_style.CONTRAST}"' in _drawn(value=120.0, met=False)
    assert chart_style.CONTRAST not in _drawn()
    assert f'fill="{chart_style.ACCENT}"' in _drawn()


def test_a_figure_that_the_study_cannot_show_is_not_drawn():
    drawn = _drawn(value=None, met=False)
    assert chart_style.CONTRAST not in drawn
    assert chart_style.ACCENT not in drawn
    assert chart_style.PALE in drawn


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.963, "share", "96.30%"), (706_000.4, "events", "706,000"), (276, "days", "276.0"), (None, "persons", "-")],
)
def test_values_are_written_in_their_unit(value, unit, text):
    assert replace(ROW, unit=unit).in_unit(value) == text


def test_the_summary_counts_targets_met_not_shown_and_without_power():
    missed = replace(ROW, met=False)
    not_shown = replace(ROW, met=False, value=None, events=None, note="why")
    assert summary([ROW, missed]) == "1 of 2 targets are met"
    assert summary([ROW, ROW, not_shown]) == "2 of 3 targets are met; 1 cannot be shown"
    wide = replace(ROW, tolerance=276.0)
    assert summary([wide]).endswith("; 1 with tolerances as large as their figures test nothing")


def test_the_page_shows_a_row_its_lags_and_its_source():
    lag = LagDistribution("EU nationals", ROW, (("<1", 0.25), ("1-3", 0.75)))
    page = render_targets_page(TargetComparison("Example land", 1_000, 55_460_000, "A note.", [ROW], [lag]))
    for text in (
        "1 of 1 targets are met",
        "1,000 simulated residents represent 55,460,000. A note.",
        "A &lt;report&gt; (from memory)",
        "England (England and Wales: share &#39;flows&#39;), 2016",
        "Median lag: EU nationals 280.0 days, published 276.0",
        "1-3 months 75%",
    ):
        assert text in page
