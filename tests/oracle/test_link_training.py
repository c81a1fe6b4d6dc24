"""What models learn without truth: against the truth, against a slow EM over every pair, and against Splink."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from link_population import Population, context_of

from linkage.blocking import propose
from linkage.compare import UNKNOWN, compare
from linkage.comparisons import COMPARISONS
from linkage.known_people import known_people, sources_of
from linkage.match_keys import read_match_keys
from linkage.model import PairModel, model_of_file
from linkage.model_file import read_model_file
from linkage.namesakes import supposed_frequency
from linkage.posterior import Scope
from linkage.rarity import RARITY_CLASSES
from linkage.scoring import evidence, score
from linkage.subjects import Subjects
from linkage.training import (
    PRIOR_PAIRS,
    Patterns,
    expected_matches,
    m_of,
    stated_probabilities,
    stated_weights,
    train_models,
    u_of,
)
from linkage.u_probabilities import count_levels, draw
from pipeline.errors import UserError

PEOPLE = 6000
NUMBER = {one.name: at for at, one in enumerate(COMPARISONS)}


class Trained:
    """The model of the activity records and the spine, and all that it was trained on."""

    def __init__(self, folder, population, threads=1):
        self.population = population
        self.folder = folder
        folder.mkdir()
        files = {}
        for source in ("activity", "pds"):
            files[source] = folder / f"{source}.parquet"
            population.tokens(source).write_parquet(files[source])
        self.subjects = Subjects(files, {}, [], threads)
        size = self.subjects.nodes.height
        self.subjects.add("certain_sources", np.zeros(size, dtype=np.uint64), "UBIGINT")
        self.candidates = propose(self.subjects, [(0, 1)], 30, 300_000)
        self.compared = compare(self.subjects, self.candidates.left, self.candidates.right)
        self.names = supposed_frequency(self.subjects)
        self.known = known_people(self.subjects, read_match_keys(), np.arange(size))
        self.counts = count_levels(
            self.subjects, [(0, 1)], self.known, [150_000], stated_weights(COMPARISONS), seed=1
        )
        (self.model,) = train_models(
            self.subjects, [(0, 1)], self.candidates, self.compared, self.known, self.counts, self.names, 20
        )
        people = [population.people[source].sort("subject_id")["person"] for source in files]
        self.person = pl.concat(people).to_numpy()

    @property
    def all_places(self):
        return np.arange(len(self.candidates.left))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("trained") / "one", Population(PEOPLE, seed=4))


def shares(levels):
    """Return the share of each level of each comparison, of those that can be compared."""
    found = np.zeros((len(COMPARISONS), 16))
    for at in range(len(COMPARISONS)):
        known = levels[levels[:, at] != UNKNOWN, at]
        found[at] = np.bincount(known, minlength=16)[:16] / max(len(known), 1)
    return found


# against the truth


def test_m_is_the_share_among_true_pairs(trained):
    person, size = trained.person, int((trained.subjects.source == 0).sum())
    right_of = {one: size + at for at, one in enumerate(person[size:])}
    pairs = np.array([(at, right_of[one]) for at, one in enumerate(person[:size]) if one in right_of])
    true = shares(compare(trained.subjects, pairs[:, 0], pairs[:, 1]).levels)
    checked = 0
    for at in trained.model.compared:
        for number, level in enumerate(COMPARISONS[at].levels):
            if trained.model.by_default[at, number] or level.neutral:
                continue
            checked += 1
            name = (COMPARISONS[at].name, level.name)
            assert trained.model.m[at, number] == pytest.approx(
                true[at, number], abs=0.012 + 0.1 * true[at, number]
            ), name
    assert checked >= 12


def test_u_is_the_share_among_two_people_who_agree_on_what_the_comparison_presumes(trained):
    random = np.random.default_rng(5)
    size = int((trained.subjects.source == 0).sum())
    left = random.integers(0, size, 400_000)
    right = random.integers(size, len(trained.person), 400_000)
    year = trained.known.year
    for presumes in (None, "birth_year"):
        two = trained.person[left] != trained.person[right]
        if presumes:
            two &= year[left] == year[right]
        true = shares(compare(trained.subjects, left[two], right[two]).levels)
        for at in trained.model.compared:
            if COMPARISONS[at].presumes != presumes:
                continue
            for number, level in enumerate(COMPARISONS[at].levels):
                share = true[at, number]
                noise = 5 * (max(share, 1 / two.sum()) / two.sum()) ** 0.5
                # three pairs are what the stated u of a level is worth
                rare = 3 * 3 / trained.counts[0, at].sum()
                assert trained.model.u[at, number] == pytest.approx(share, abs=noise + rare + 0.1 * share), level.name


def test_nobody_sampled_is_known_to_be_one_person_and_pairs_of_one_year_are_marked(trained):
    sample = draw(trained.subjects, [(0, 1)], trained.known, [5000], seed=3)
    year = trained.known.year
    assert (trained.subjects.source[sample.left] == 0).all()
    assert (trained.subjects.source[sample.right] == 1).all()
    assert (year[sample.left] == year[sample.right])[sample.same_year].all()
    assert 0 < (year[sample.left] == year[sample.right])[~sample.same_year].mean() < 0.05
    assert (trained.person[sample.left] == trained.person[sample.right]).mean() < 0.002
    again = draw(trained.subjects, [(0, 1)], trained.known, [5000], seed=3)
    assert np.array_equal(sample.left, again.left)
    assert not np.array_equal(
        sample.left[:100], draw(trained.subjects, [(0, 1)], trained.known, [5000], 4).left[:100]
    )


def test_known_people_are_one_person_and_most_are_known(trained):
    person = trained.known.person
    frame = pl.DataFrame({"known": person, "true": trained.person}).filter(pl.col("known") >= 0)
    together = frame.group_by("known").agg(pl.len(), pl.col("true").n_unique()).filter(pl.col("len") > 1)
    assert (together["true"] == 1).mean() > 0.999
    activity = int((trained.subjects.source == 0).sum())
    assert together.height > 0.85 * activity * 0.96
    bits = sources_of(np.array([0, 0, 1]), np.array([0, 2, 1]))
    assert bits.tolist() == [0b101, 0b101, 0b010]


# against a slow EM


def slow_em(levels, trained, lowest, u, m):
    """Return m by a loop over every pair, one at a time in plain Python: no patterns, no arrays of pairs."""
    prior, m, share = m, m.copy(), 0.5
    for _ in range(200):
        expected = np.zeros_like(m)
        total = 0.0
        for pair in levels:
            one, two = share, 1 - share
            for at in trained:
                if pair[at] != UNKNOWN:
                    one *= m[at, pair[at]]
                    two *= u[at, pair[at]]
            matching = one / (one + two)
            total += matching
            for at in trained:
                if pair[at] != UNKNOWN:
                    expected[at, pair[at]] += matching
        before, share = share, total / len(levels)
        new = (expected + PRIOR_PAIRS * prior) / (expected.sum(axis=1, keepdims=True) + PRIOR_PAIRS)
        change, m = np.abs(new - m)[trained].max(), new
        if abs(before - share) < 1e-7 * share and change < 1e-6:
            break
    return expected


def test_expected_pairs_are_those_of_a_slow_em_over_every_pair(trained):
    """The pairs of one training rule, thinned to 600, and the comparisons that it does not use."""
    rule, bit = next(iter(trained.candidates.training.items()))
    inside = np.flatnonzero((trained.candidates.rules >> np.uint64(bit)) & np.uint64(1) == 1)
    levels = trained.compared.levels[inside[:: len(inside) // 600]]
    comparisons = [at for at in trained.model.compared if COMPARISONS[at].name not in rule.trains_all_but]
    lowest = [len(one.levels) - 1 for one in COMPARISONS]
    m, _ = stated_probabilities(COMPARISONS)
    fast = expected_matches(Patterns(levels), comparisons, lowest, trained.model.u, m)
    slow = slow_em(levels, comparisons, lowest, trained.model.u, m)
    assert 10 < fast[comparisons[0]].sum() < 590
    assert fast == pytest.approx(slow, abs=0.02)


def test_patterns_count_pairs_by_their_levels():
    levels = np.array([[0, 3], [UNKNOWN, 14], [0, 3], [1, UNKNOWN]], dtype=np.uint8)
    found = Patterns(levels)
    counted = {tuple(row): pairs for row, pairs in zip(found.levels.tolist(), found.pairs, strict=True)}
    assert counted == {(0, 3): 2, (UNKNOWN, 14): 1, (1, UNKNOWN): 1}


def test_no_comparison_has_more_levels_than_patterns_can_count_nor_are_there_more_comparisons():
    assert max(len(one.levels) for one in COMPARISONS) < 15
    assert len(COMPARISONS) + 5 <= 16


def test_by_hand_probabilities_with_their_priors():
    """Three pairs at u = 0.1 and three at 0.3 (both stated) are worth 30 and 10 pairs; twenty pairs for m."""
    u = u_of(np.array([[97, 3], [0, 0]]), np.array([[0.9, 0.1], [0.7, 0.3]]))
    worth = 3 / 0.9 + 3 / 0.1
    assert u[0] == pytest.approx([(97 + 3) / (100 + 3 / 0.9), (3 + 3) / (100 + 3 / 0.1)])
    assert u[1] == pytest.approx([0.7, 0.3])
    assert worth > 0
    assert m_of(np.array([[60.0, 20.0]]), np.array([[0.5, 0.5]]))[0] == pytest.approx([70 / 100, 30 / 100])


def test_two_comparisons_identify_no_one_so_that_the_lowest_level_keeps_its_share():
    levels = np.array([[0, 0]] * 50 + [[1, 1]] * 50, dtype=np.uint8)
    m, u = np.array([[0.9, 0.1]] * 2), np.array([[0.1, 0.9]] * 2)
    expected = expected_matches(Patterns(levels), [0, 1], [1, 1], u, m)
    assert expected[:, 1] / expected.sum(axis=1) == pytest.approx([0.1, 0.1])


# against Splink


def test_the_weights_are_those_of_splink_with_the_settings_of_the_saved_model(trained, tmp_path):
    """Without namesakes and relatives, evidence is Splink's match weight without its prior, for every pair."""
    import duckdb
    from splink import DuckDBAPI, Linker

    alone = replace(trained.model, namesakes=np.ones(RARITY_CLASSES), namesake_u=trained.model.u, relatives_rate=0.0)
    settings = json.loads(alone.save(tmp_path).read_text())["splink"]
    rules = ["l.date_of_birth = r.date_of_birth", "l.first_name = r.first_name and l.family_name = r.family_name"]
    settings["blocking_rules_to_generate_predictions"] = rules
    settings["probability_two_random_records_match"] = 0.5  # no weight of its own
    api = DuckDBAPI(duckdb.connect())
    frames = {source: pl.read_parquet(trained.folder / f"{source}.parquet") for source in ("activity", "pds")}
    shared = [name for name in frames["activity"].columns if name in frames["pds"].columns]
    tables = [
        api.register(frame.select(shared).to_arrow(), dataset_display_name=name) for name, frame in frames.items()
    ]
    # frequencies are those of both sources together, as Splink counts them
    linker = Linker(tables, settings, log_level=None, validate_settings=False)
    found = linker.inference.predict().as_duckdbpyrelation().pl()
    theirs = {
        (left, right): weight
        for left, right, weight in found.select("subject_id_l", "subject_id_r", "match_weight").rows()
    }
    subject = trained.subjects.nodes["subject_id"].to_numpy()
    ours = evidence(alone, trained.candidates, trained.compared, trained.all_places, trained.names)
    left, right = subject[trained.candidates.left], subject[trained.candidates.right]
    by_pair = dict(zip(zip(left.tolist(), right.tolist(), strict=True), ours.tolist(), strict=True))
    both = by_pair.keys() & theirs.keys()
    assert len(both) > 5000
    difference = np.array([by_pair[pair] - theirs[pair] for pair in both])
    assert np.abs(difference).max() < 1e-3


def test_splink_reads_every_level_of_a_saved_model_as_trained(trained, tmp_path):
    import duckdb
    from splink import DuckDBAPI, Linker

    settings = json.loads(trained.model.save(tmp_path).read_text())["splink"]
    database = DuckDBAPI(duckdb.connect())
    empty = pl.DataFrame({"subject_id": [1]})
    tables = [database.register(empty.to_arrow(), dataset_display_name=name) for name in ("a", "b")]
    linker = Linker(tables, settings, log_level=None, validate_settings=False)
    messages = linker._settings_obj._not_trained_messages()
    assert [one for one in messages if "probability_two_random_records_match" not in one] == []


# a model and its file


def same(one: PairModel, other: PairModel) -> None:
    """Check that two models are one, but for where they come from."""
    assert (one.name, one.compared, one.comparisons) == (other.name, other.compared, other.comparisons)
    assert one.levels == other.levels
    assert np.array_equal(one.namesakes, other.namesakes)
    assert one.relatives_rate == other.relatives_rate
    for at in one.compared:
        number = len(one.comparisons[at].levels)
        possible = one.possible[at, :number]  # a file has no other levels
        assert np.array_equal(possible, other.possible[at, :number])
        for values in ("m", "u", "by_default", "namesake_u", "relatives"):
            ours, theirs = getattr(one, values)[at, :number], getattr(other, values)[at, :number]
            neutral = np.array([level.neutral for level in one.comparisons[at].levels])  # neither m nor default
            kept = possible & ~neutral if values in {"m", "by_default"} else possible
            ours, theirs = ours[kept], theirs[kept]
            assert np.array_equal(ours, theirs), values


def scored(model, trained):
    unit = np.arange(len(trained.names))
    return score(
        model,
        trained.candidates,
        trained.compared,
        trained.all_places,
        Scope(4500, 5700),
        trained.names,
        unit,
        np.zeros(len(unit), dtype=np.uint64),
        0.01,
    )


def test_a_model_file_gives_the_same_model_and_the_same_probabilities(trained, tmp_path):
    file = read_model_file("activity-pds", trained.model.save(tmp_path))
    again = model_of_file(file, "activity", "pds", COMPARISONS, trained.model.compared, trained.model.possible)
    same(trained.model, again)
    assert again.origin == "file"
    ours, theirs = scored(trained.model, trained), scored(again, trained)
    assert np.array_equal(ours.left, theirs.left)
    assert np.array_equal(ours.probability, theirs.probability)


def test_a_model_does_not_depend_on_threads_or_on_the_key(trained, tmp_path):
    other = Trained(tmp_path / "other", Population(PEOPLE, seed=4, key="another"), threads=2)
    tokens = [pl.read_parquet(one.folder / "pds.parquet")["given_name"].to_list() for one in (trained, other)]
    assert tokens[0] != tokens[1]
    same(trained.model, other.model)
    ours, theirs = scored(trained.model, trained), scored(other.model, other)
    assert np.array_equal(ours.left, theirs.left)
    assert np.array_equal(ours.probability, theirs.probability)


def changed(content, **changes):
    return content | changes


def first_level(content, **changes):
    content["splink"]["comparisons"][0]["comparison_levels"][1] |= changes
    return content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: "not json", "not a linkage model"),
        (lambda it: changed(it, model="a-b"), "the model of 'a-b', and the study names it for 'activity-pds'"),
        (lambda it: changed(it, namesakes=[1.0]), "'namesakes' must have 24 numbers of at least 1"),
        (lambda it: changed(it, namesakes=[0.5] * 24), "'namesakes' must have 24 numbers of at least 1"),
        (lambda it: changed(it, relatives_rate=1.5), "must be probabilities"),
        (lambda it: changed(it, relatives_rate=None), "not a linkage model"),
        (lambda it: changed(it, relatives={"sex": [2.0, 0.1]}), "must be probabilities"),
        (lambda it: changed(it, relatives={}), "'relatives' does not have all levels of 'given_name'"),
        (lambda it: changed(it, namesake_u={}), "'namesake_u' does not have all levels of 'given_name'"),
        (lambda it: changed(it, splink={"comparisons": []}), "are not those that 'activity-pds' compares"),
        (lambda it: changed(it, splink={}), "not a linkage model"),
        (lambda it: first_level(it, label_for_charts="eqaul"), "unknown level 'given_name: eqaul'. Did you mean"),
        (lambda it: first_level(it, m_probability=1.5), "m and u of 'given_name: equal' are 1.5"),
        (lambda it: first_level(it, u_probability=0.0), "m and u of 'given_name: equal' are"),
        (lambda it: first_level(it, m_probability=None), "not a linkage model"),
    ],
)  # fmt: skip
def test_a_model_file_that_does_not_fit_is_an_error(trained, tmp_path, change, message):
    path = trained.model.save(tmp_path)
    content = change(json.loads(path.read_text()))
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UserError) as error:
        model_of_file(
            read_model_file("activity-pds", path),
            "activity",
            "pds",
            COMPARISONS,
            trained.model.compared,
            trained.model.possible,
        )
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_a_model_file_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no such model file, though the study names it for 'a-b'"):
        read_model_file("a-b", tmp_path / "none.json")


# what is said of models


def test_weights_fall_from_agreement_to_disagreement(trained):
    for at in trained.model.compared:
        weights = trained.model.weights[at]
        seen = weights[: len(COMPARISONS[at].levels)][~trained.model.by_default[at, : len(COMPARISONS[at].levels)]]
        assert seen[0] > 0.8, COMPARISONS[at].name
        assert weights[len(COMPARISONS[at].levels) - 1] < -2, COMPARISONS[at].name
    assert trained.model.inverted_comparisons == []
    assert trained.model.origin == "own"


def test_a_comparison_in_which_disagreement_weighs_more_is_reported(trained):
    m = trained.model.m.copy()
    first = trained.model.possible[NUMBER["address"]].argmax()  # these sources record no more than a postcode
    m[NUMBER["address"], first] = 1e-9
    assert replace(trained.model, m=m).inverted_comparisons == ["address"]


def test_a_level_that_is_no_evidence_has_no_weight(trained):
    at = NUMBER["family_name"]
    (number,) = [n for n, level in enumerate(COMPARISONS[at].levels) if level.neutral]
    assert trained.model.weights[at, number] == 0
    by_name = {(comparison, level): (m, u, weight) for comparison, level, m, u, weight, _ in trained.model.levels}
    m, u, weight = by_name["family_name", "reordered"]
    assert (m, weight) == (u, 0)


def test_sources_too_small_for_a_model_of_their_own_take_the_pooled_one(tmp_path):
    """Few of the deaths are among the survey's people: their model is that of all pairs of sources."""
    from linkage.link import link

    population = Population(800, seed=8)
    ingest = population.write(tmp_path / "ingest")
    context = context_of(tmp_path / "link", ingest, sources=("pds", "deaths", "activity"))
    link(context)
    quality = pl.read_parquet(context.out / "linkage_quality.parquet").filter(group="all")
    origin = dict(quality.select(pl.col("source_l") + "-" + pl.col("source_r"), "model").rows())
    assert origin == {"activity-pds": "own", "activity-deaths": "pooled", "deaths-pds": "pooled"}
    levels = pl.read_parquet(context.out / "model_levels.parquet").filter(comparison="given_name", level="equal")
    m = dict(levels.select("model", "m").rows())
    stated, _ = stated_probabilities(COMPARISONS)
    assert abs(m["activity-deaths"] - m["activity-pds"]) < abs(m["activity-deaths"] - stated[0, 0])
