"""What a model learns without truth, compared with the truth about the same pairs."""

import duckdb
import polars as pl
import pytest
from link_population import Population

from linkage.comparisons import COMPARISONS
from linkage.match_keys import read_match_keys
from linkage.model import model_of_file, score
from linkage.model_file import read_model_file
from linkage.source_pair import SourcePair
from linkage.training import train
from linkage.u_probabilities import sample_u
from pipeline.errors import UserError
from pipeline.study import LinkageSettings

SETTINGS = LinkageSettings(training_pairs=300_000)


@pytest.fixture(scope="module")
def population():
    return Population(6000, seed=4)


def pair_of(population, left="activity", right="pds", threads=1):
    frames = population.tokens(left), population.tokens(right)
    all_subjects = tuple(frame["subject_id"] for frame in frames)
    return SourcePair(*frames, all_subjects, read_match_keys(), threads)


@pytest.fixture(scope="module")
def pair(population):
    return pair_of(population)


@pytest.fixture(scope="module")
def model(pair):
    return train("activity", pair, SETTINGS, seed=1)


def true_shares(population, pair, comparison, same):
    """Return the share of each level among all pairs of one person, or of two who agree on what it presumes."""
    people = (
        population.sources["activity"].select("subject_id", "person"),
        population.sources["pds"].select("subject_id", "person"),
    )
    con = pair.connection
    con.register("people_l", people[0])
    con.register("people_r", people[1])
    values = ", ".join(f"l.{name} AS {name}_l, r.{name} AS {name}_r" for name in sorted(comparison.columns))
    presumed = f"l.{comparison.presumes} = r.{comparison.presumes}" if comparison.presumes else "TRUE"
    who = "pl.person = pr.person" if same else f"pl.person <> pr.person AND {presumed}"
    found = con.sql(
        f"""
        WITH pairs AS (
            SELECT {values} FROM left_subjects l JOIN people_l pl USING (subject_id),
            right_subjects r JOIN people_r pr USING (subject_id) WHERE {who}
        ) SELECT {comparison.case} AS level, count(*) AS n FROM pairs GROUP BY level
        """
    ).fetchall()
    counts = {level: n for level, n in found if level is not None}
    return {one.name: counts.get(at, 0) / sum(counts.values()) for at, one in enumerate(comparison.levels)}


def test_sampled_u_is_the_share_among_all_pairs_of_two_people(population, pair):
    sampled = sample_u(pair.connection, pair.comparisons, 500_000, seed=2, stream="test")
    for comparison in pair.comparisons:
        true = true_shares(population, pair, comparison, same=False)
        for level, share in true.items():
            found = sampled[comparison.name, level]
            noise = 5 * (max(share, 1e-6) / max(found.total, 1)) ** 0.5
            assert found.share == pytest.approx(share, abs=noise + 0.12 * share), (comparison.name, level)


def test_trained_m_is_the_share_among_true_pairs(population, pair, model):
    learnt = {(level.comparison, level.level): level for level in model.levels}
    checked = 0
    for comparison in pair.comparisons:
        for level, share in true_shares(population, pair, comparison, same=True).items():
            one = learnt[comparison.name, level]
            if one.by_default or one.m == one.u:
                continue
            checked += 1
            assert one.m == pytest.approx(share, abs=0.012 + 0.1 * share), (comparison.name, level)
    assert checked >= 10


def test_weights_fall_from_agreement_to_disagreement(model):
    for comparison in COMPARISONS:
        ratios = [one.m / one.u for one in model.levels if one.comparison == comparison.name]
        assert ratios[0] > 1.5
        assert ratios[-1] < 0.2


def test_a_level_with_too_few_pairs_takes_its_default_or_less(model):
    by_default = {(one.comparison, one.level): one.m for one in model.levels if one.by_default}
    assert ("given_name", "known") in by_default
    assert by_default["given_name", "known"] < 0.01
    assert model.levels_by_default == len(by_default)


def test_a_level_with_neither_pairs_nor_a_default_is_an_error(pair, tmp_path, monkeypatch):
    (tmp_path / "default_probabilities.toml").write_text("[given_name]\nequal = { m = 0.9, u = 0.01 }\n")
    monkeypatch.setattr("linkage.training.DEFAULTS", tmp_path / "default_probabilities.toml")
    with pytest.raises(UserError, match=r"the level 'known' of 'given_name' has too few pairs .* Add `known = "):
        train("activity", pair, SETTINGS, seed=1)


def test_a_model_file_gives_the_same_model_and_the_same_scores(pair, model, tmp_path):
    again = model_of_file("activity", read_model_file("activity", model.save(tmp_path)), pair)
    assert again == model
    assert score(again, pair, 0.0).equals(score(model, pair, 0.0))


def test_scores_do_not_depend_on_threads_or_on_the_key(population, model, pair):
    other = Population(6000, seed=4, key="another")
    assert other.tokens("pds")["given_name"].to_list() != population.tokens("pds")["given_name"].to_list()
    pair_two = pair_of(other, threads=2)
    again = train("activity", pair_two, SETTINGS, seed=1)
    assert again.levels == model.levels
    assert score(again, pair_two, 0.0).equals(score(model, pair, 0.0))


FILE = """{"model": "activity", "by_default": [], "splink": {"comparisons": [
    {"output_column_name": "given_name", "comparison_levels": [
    {"label_for_charts": "%s", "m_probability": %s, "u_probability": 0.1}]}]}}"""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such model file"),
        ("not json", "not a linkage model"),
        (
            '{"model": "activity", "by_default": [], "splink": {"comparisons": []}}',
            "are not those that 'activity' compares",
        ),
        (FILE % ("equal", 0.9), "are not those that 'activity' compares"),
        (FILE % ("eqaul", 0.9), "unknown level 'given_name: eqaul'. Did you mean 'given_name: equal'"),
        (FILE % ("equal", 1.5), "m and u of 'given_name: equal' are 1.5 and 0.1"),
        (FILE % ("equal", "null"), "not a linkage model"),
        ('{"model": "hesa", "by_default": [], "splink": {"comparisons": []}}', "the model of 'hesa'"),
    ],
)
def test_a_model_file_that_does_not_fit_is_an_error(pair, tmp_path, content, message):
    if content is not None:
        (tmp_path / "model.json").write_text(content)
    with pytest.raises(UserError, match=message):
        model_of_file("activity", read_model_file("activity", tmp_path / "model.json"), pair)


def test_splink_reads_the_settings_of_a_saved_model(model, tmp_path):
    import json

    from splink import DuckDBAPI, Linker

    settings = json.loads(model.save(tmp_path).read_text())["splink"]
    database = DuckDBAPI(duckdb.connect())
    empty = pl.DataFrame({"subject_id": [1]})
    tables = [database.register(empty.to_arrow(), dataset_display_name=name) for name in ("a", "b")]
    linker = Linker(tables, settings, log_level=None, validate_settings=False)
    assert not linker._settings_obj._not_trained_messages()


def test_a_comparison_in_which_disagreement_weighs_more_is_reported(model):
    from dataclasses import replace

    levels = tuple(replace(one, m=1e-9) if one.level == "same_postcode" else one for one in model.levels)
    assert model.inverted_comparisons == []
    assert replace(model, levels=levels).inverted_comparisons == ["address"]
