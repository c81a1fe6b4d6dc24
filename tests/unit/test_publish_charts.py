"""Charts and figures: reproducible, accessible, and true to their rows."""

import json
import re
from xml.etree import ElementTree

import polars as pl
import pytest
from publish_example import coverage, manifest, scores, write_example

from pipeline.tables import write_table
from publication.charts.interval_charts import estimates_over_time, value_domain
from publication.charts.linkage_charts import weight_histogram
from publication.charts.svg import draw
from publication.coverage_class_names import class_names
from publication.figures.flow_figures import group_figure, totals_figure
from publication.figures.linkage_figures import histogram_figure, level_weights_figure, threshold_figure
from publication.link_thresholds import from_each_weight_on
from publication.readme_picture import main, picture
from publication.row_selection import of_published_definition, read_run_table, with_truth
from publication.words import model_name

ROW = {"measure": "net", "estimate": 10.0, "lower": 5.0, "upper": 15.0, "provisional": False, "unreliable": False}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return write_example(tmp_path_factory.mktemp("run"), person_level=False)


def _panel(**more) -> str:
    rows = [ROW | {"time": "2019", "truth": None} | more]
    domain = value_domain(rows, from_zero=True)
    return draw(estimates_over_time(rows, ["net"], domain, width=200, height=100), "One point.", "one")


def _heights(drawing: str) -> set[str]:
    """Return the heights at which points (paths that are moved to their place) are drawn."""
    return set(re.findall(r'<path transform="translate\([\d.]+,([\d.]+)\)"', drawing))


def test_a_drawing_is_one_labelled_image_without_noise():
    drawing = _panel()
    assert drawing.startswith("<svg ")
    assert 'role="img" aria-label="One point."' in drawing
    assert drawing.count("role=") == 1
    assert not re.search(r"font-family|https?:|\d\.\d{3}", drawing)


def test_a_drawing_is_well_formed_and_alone_it_has_namespace_and_fonts(tables, tmp_path):
    root = ElementTree.parse(picture(tables, tmp_path / "picture.svg", scores().flows)).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = (tmp_path / "picture.svg").read_text(encoding="utf-8")
    assert "font-family" in text
    for phrase in (
        "Net migration in the year ending June 2019",
        "cross: the truth",
        "SYNTHETIC DATA, NOT STATISTICS",
    ):
        assert phrase in text
    assert (
        picture(tables, tmp_path / "again.svg", scores().flows).read_bytes()
        == (tmp_path / "picture.svg").read_bytes()
    )


def test_the_picture_of_a_run_takes_truth_and_banner_from_the_run(tables, tmp_path):
    run = tables.parent
    (run / "manifest.json").write_text(json.dumps(manifest()), encoding="utf-8")
    write_table(scores().flows, run / "evaluation" / "flows.parquet")
    main(run, tmp_path / "picture.svg")
    expected = picture(tables, tmp_path / "expected.svg", scores().flows)
    assert (tmp_path / "picture.svg").read_bytes() == expected.read_bytes()


def test_a_picture_of_a_real_study_without_truth_says_neither(tables, tmp_path):
    text = picture(tables, tmp_path / "picture.svg", synthetic=False).read_text(encoding="utf-8")
    assert "truth" not in text
    assert "SYNTHETIC" not in text


def test_the_same_rows_give_the_same_drawing_whatever_was_drawn_before(tables):
    first = totals_figure(with_truth(of_published_definition(read_run_table(tables, "flows")), pl.DataFrame(), []))
    level_weights_figure(read_run_table(tables, "model_levels"))
    second = totals_figure(with_truth(of_published_definition(read_run_table(tables, "flows")), pl.DataFrame(), []))
    assert first == second


def test_an_axis_of_millions_stays_narrow():
    rows = [ROW | {"time": "2019", "truth": None, "estimate": 6.5e7, "lower": 6.4e7, "upper": 6.6e7}]
    domain = value_domain(rows, from_zero=False)
    drawing = draw(estimates_over_time(rows, ["net"], domain, width=200, height=100), "One point.", "one")
    assert ">65M<" in drawing
    assert ">2,000<" not in drawing
    assert re.search(r'width="(\d+)', drawing).group(1) == re.search(r'width="(\d+)', _panel()).group(1)


def test_the_truth_is_a_cross_of_its_own():
    without, with_it = _panel(), _panel(truth=12.0)
    assert len(_heights(with_it)) == len(_heights(without)) + 1
    assert 'stroke="black"' in with_it
    assert 'stroke="black"' not in without


def test_provisional_points_are_hollow_and_unreliable_ones_pale():
    assert 'fill="white"' not in _panel()
    assert 'fill="white"' in _panel(provisional=True)
    assert 'opacity="0.35"' in _panel(unreliable=True).replace('stroke-opacity="0.35"', "")


def test_an_axis_contains_intervals_and_truth():
    low, high = value_domain([ROW | {"truth": 40.0}], from_zero=True)
    assert low == 0
    assert high > 40
    low, high = value_domain([ROW | {"truth": -40.0}], from_zero=True)
    assert low < -40
    assert high > 15
    low, _ = value_domain([ROW], from_zero=False)
    assert 0 < low < 5


def test_groups_are_panels_in_their_published_order(tables):
    figure = group_figure(
        with_truth(of_published_definition(read_run_table(tables, "flows")), pl.DataFrame(), []), "age_group"
    )
    assert figure is not None
    assert [panel.heading for panel in figure.panels] == [
        "Aged 0 to 15", "Aged 16 to 24", "Aged 25 to 44", "Aged 45 to 64", "Aged 65 and over",
    ]  # fmt: skip


def test_levels_that_took_a_default_are_counted_and_outlined(tables):
    figure = level_weights_figure(read_run_table(tables, "model_levels"))
    assert figure is not None
    assert figure.finding.startswith("3 of 120 levels of 6 models had too few pairs and were set to a default")
    outlined = [panel.svg.count('fill-opacity="0"') for panel in figure.panels]
    assert outlined == [0, 3, 0, 0, 0, 0]


def test_levels_of_infinite_weight_are_left_to_the_table():
    levels = pl.DataFrame(
        {"model": ["a", "a"], "comparison": ["sex", "sex"], "level": ["same", "else"],
         "match_weight": [1.0, float("-inf")], "by_default": [False, False]}
    )  # fmt: skip
    figure = level_weights_figure(levels)
    assert figure is not None
    assert figure.finding == "All 2 levels of one model were estimated from the data"


def test_the_histogram_adds_up_over_fine_bins():
    weights = pl.DataFrame(
        {"model": ["a"] * 3, "match_weight": [0.6, 1.4, 2.0], "accepted": [True, True, False], "pairs": [3, 4, 5]}
    )
    figure = histogram_figure(weights)
    assert figure is not None
    assert figure.finding.startswith("7 of 12 pairs")
    assert figure.panels[0].svg.count('stroke-width="0.8"') == 2


def test_precision_and_recall_by_threshold_of_four_pairs():
    """Weights of 0 and 1 bit are right with probability 1/2 and 2/3: three pairs of the one, one of the other."""
    weights = pl.DataFrame(
        {"model": ["a", "a"], "match_weight": [0.0, 1.0], "accepted": [False, True], "pairs": [3, 1]}
    )
    rows = from_each_weight_on(weights).rows()
    right = 3 / 2 + 2 / 3
    assert rows[0] == ("a", 0.0, pytest.approx(right / 4), pytest.approx(1.0))
    assert rows[1] == ("a", 1.0, pytest.approx(2 / 3), pytest.approx(2 / 3 / right))
    figure = threshold_figure(weights)
    assert figure is not None
    assert figure.finding.startswith("66.7% of the accepted links are expected to be right, and 30.8% of")
    assert threshold_figure(weights.clear()) is None


def test_a_class_is_named_after_its_members():
    members = {
        "a": '[["F", "0-15", "EU"], ["M", "0-15", "EU"]]',
        "b": '[["F", "45-64", "British"], ["F", "65+", "British"], ["F", "45-64", "Irish"], ["F", "65+", "Irish"]]',
        "c_d": '[["F", "0-15", "EU"], ["M", "16-24", "EU"]]',
        "e": "no list",
    }
    frame = pl.DataFrame({"survey_date": [1] * 4, "coverage_class": list(members), "members": list(members.values())})
    assert class_names(frame) == ["EU, aged 0 to 15", "British and Irish, female, aged 45 and over", "c d", "e"]
    assert class_names(coverage()) == ["British", "Irish", "EU", "Non-EU"]


def test_a_model_of_two_sources_is_named_after_both():
    models = ["hesa", "exit_checks", "hesa_exit_checks"]
    assert [model_name(one, models) for one in models] == ["HESA", "exit checks", "HESA and exit checks"]


@pytest.mark.parametrize(("pairs", "marks"), [(1, ["0", "1"]), (2, ["0", "1", "2"]), (3, ["0", "1", "2", "3"])])
def test_an_axis_of_few_pairs_names_each_number_once(pairs, marks):
    rows = [
        {"weight": 3.5, "accepted": True, "pairs": pairs - 1},
        {"weight": 3.5, "accepted": False, "pairs": 1},
        {"weight": 4.5, "accepted": True, "pairs": 1},
    ]
    drawing = draw(weight_histogram(rows, width=200, height=100), "Few pairs.", "few")
    named = re.findall(r'text-anchor="end"[^>]*>([^<]*)<', drawing)
    assert named[-len(marks) :] == marks
