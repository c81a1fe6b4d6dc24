import numpy as np
import polars as pl
import pytest

from linkage.posterior import match_probabilities, share_found


def search(evidence, subjects, candidates):
    share = share_found(evidence, subjects, candidates)
    return match_probabilities(evidence, share, candidates), share


def pairs(*rows):
    return pl.DataFrame(rows, schema={"subject_id_l": pl.Int64, "evidence": pl.Float64}, orient="row")


def test_by_hand_one_pair_for_each_of_two_subjects():
    # ratio / N = 2^14 / 2^10 = 16 for both, share s: P = 16 s / (1 - s + 16 s), and s = mean P gives s -> 1
    likely, share = search(pairs((1, 14.0), (2, 14.0)), subjects=2, candidates=2**10)
    assert share == pytest.approx(1, abs=1e-5)
    assert likely["match_probability"].min() > 0.9999


def test_subjects_without_any_pair_lower_the_share_found():
    likely, share = search(pairs(*((at, 40.0) for at in range(1, 31))), subjects=100, candidates=1000)
    assert share == pytest.approx(0.3, abs=1e-6)
    odds = 0.3 / 0.7 * 2**40 / 1000
    assert likely["match_weight"].to_list() == pytest.approx([np.log2(odds)] * 30, abs=1e-5)


def test_two_equal_candidates_share_one_probability():
    rows = [(1, 40.0), (1, 40.0), *((at, 40.0) for at in range(2, 11))]
    likely, _ = search(pairs(*rows), subjects=20, candidates=1000)
    assert likely["match_probability"].to_list()[:2] == pytest.approx([0.5, 0.5], abs=1e-6)
    assert likely["match_weight"].to_list()[:2] == pytest.approx([0.0, 0.0], abs=1e-5)


def test_weight_and_probability_say_the_same():
    likely, _ = search(pairs((1, 12.0), (1, 9.0), (2, 11.0), (3, 3.0)), subjects=5, candidates=500)
    weight, probability = likely["match_weight"].to_numpy(), likely["match_probability"].to_numpy()
    assert probability == pytest.approx(1 / (1 + 2**-weight), abs=1e-6)


def test_probabilities_are_calibrated_where_the_model_holds():
    """A made-up search: N candidates each, evidence of true partners and of strangers drawn as the model says."""
    random = np.random.default_rng(3)
    subjects, candidates, agree, chance = 4000, 200, 0.9, 0.01
    weight = {1: np.log2(agree / chance), 0: np.log2((1 - agree) / (1 - chance))}
    rows, truth = [], []
    for subject in range(1, subjects + 1):
        partner = random.random() < 0.6
        for candidate in range(candidates):
            true = partner and candidate == 0
            agreed = (random.random(2) < (agree if true else chance)).astype(int)
            if agreed.sum():
                rows.append((subject, weight[agreed[0]] + weight[agreed[1]]))
                truth.append(true)
    likely, share = search(pairs(*rows), subjects, candidates)
    assert share == pytest.approx(0.6, abs=0.03)
    found = likely["match_probability"].to_numpy()
    for low, high, pairs_at_least, noise in ((0.0, 0.1, 10_000, 0.01), (0.3, 0.7, 50, 0.15), (0.9, 1.0, 1_000, 0.02)):
        band = (found >= low) & (found < high)
        assert band.sum() > pairs_at_least
        assert found[band].mean() == pytest.approx(np.array(truth)[band].mean(), abs=noise)


def test_no_pairs_no_probabilities():
    likely, share = search(pairs(), subjects=10, candidates=10)
    assert share == 0.0
    assert likely.columns == ["subject_id_l", "evidence", "match_weight", "match_probability"]
