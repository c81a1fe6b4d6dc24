"""Expected quality of links, namesakes, relatives and evidence of a few pairs, worked by hand."""

from datetime import date

import numpy as np
import pytest
from link_population import people, subjects_of

from linkage.blocking import Candidates
from linkage.compare import UNKNOWN, Compared
from linkage.comparisons import COMPARISONS
from linkage.known_people import known_people
from linkage.match_keys import read_match_keys
from linkage.model import PairModel
from linkage.namesakes import PRIOR, PRIOR_NAMESAKES, excess, supposed_frequency, u_of_namesakes
from linkage.posterior import Scope
from linkage.rarity import RARITY_CLASSES, rarity
from linkage.relatives import PRIOR_RELATIVES, are_alike, shares_of
from linkage.scoring import evidence, score
from linkage.training import stated_probabilities

M, U = stated_probabilities(COMPARISONS)
PLACE = {one.name: at for at, one in enumerate(COMPARISONS)}


# pairs of two people


def levels(**names):
    """Return the levels of one pair: those that are named, the others not comparable."""
    row = np.full(len(COMPARISONS), UNKNOWN, dtype=np.uint8)
    for name, level in names.items():
        row[PLACE[name]] = [one.name for one in COMPARISONS[PLACE[name]].levels].index(level)
    return row


def model(**changes):
    """Return a model with the stated probabilities, without namesakes and relatives unless given."""
    defaults = {
        "possible": U > 0,
        "m": M, "u": U, "by_default": np.zeros_like(M, dtype=bool), "namesakes": np.ones(RARITY_CLASSES),
        "namesake_u": U, "relatives_rate": 0.0, "relatives": np.where(U > 0, U, 0.0),
    } | changes  # fmt: skip
    return PairModel("a", "b", COMPARISONS, tuple(range(len(COMPARISONS))), **defaults, origin="own")


def evidence_of(it, *rows, names=0.0, frequency=None):
    """Return the evidence of pairs with the given levels; `names` is the supposed frequency of all names."""
    size = len(rows)
    candidates = Candidates(
        np.arange(size), np.arange(size) + size, np.zeros(size, int), np.zeros(size, np.uint64), (), (), {}
    )
    given = {name: np.full(size, (frequency or {}).get(name, 0.0)) for name in ("first_name", "family_name")}
    return evidence(it, candidates, Compared(np.array(rows), given), np.arange(size), np.full(2 * size, names))


def weight(comparison, level):
    at = PLACE[comparison]
    number = [one.name for one in COMPARISONS[at].levels].index(level)
    return np.log2(M[at, number] / U[at, number])


def test_evidence_is_the_sum_of_the_levels_and_what_is_unknown_says_nothing():
    pair = levels(given_name="alike", date_of_birth="equal", sex="different")
    expected = weight("given_name", "alike") + weight("date_of_birth", "equal") + weight("sex", "different")
    assert evidence_of(model(), pair)[0] == pytest.approx(expected, abs=1e-6)
    assert evidence_of(model(), levels())[0] == 0


def test_a_name_counts_by_its_own_frequency():
    """u of an equal name is how many have it: a name of one in a thousand for u = 0.008."""
    found = evidence_of(model(), levels(given_name="equal"), frequency={"first_name": 0.001})
    assert found[0] == pytest.approx(np.log2(M[0, 0] / 0.001), abs=1e-6)
    # only if it is equal
    alike = evidence_of(model(), levels(given_name="alike"), frequency={"first_name": 0.001})
    assert alike[0] == pytest.approx(weight("given_name", "alike"), abs=1e-6)


def test_names_that_go_together_are_less_evidence():
    """Eight times as many people as supposed have both names: three bits less, if both names agree."""
    it = model(namesakes=np.full(RARITY_CLASSES, 8.0))
    both, one = levels(given_name="equal", family_name="equal"), levels(given_name="equal", family_name="different")
    with_names = evidence_of(it, both, one, names=1e-6)
    without = evidence_of(model(), both, one, names=1e-6)
    assert with_names - without == pytest.approx([-3.0, 0.0], abs=1e-6)


def test_namesakes_are_of_one_sex_more_often_than_two_people_are():
    u = U.copy()
    u[PLACE["sex"], :2] = 0.95, 0.05
    both = levels(given_name="equal", family_name="equal", sex="equal")
    change = evidence_of(model(namesake_u=u), both, names=1e-6) - evidence_of(model(), both, names=1e-6)
    assert change[0] == pytest.approx(np.log2(0.5 / 0.95), abs=1e-6)


def test_the_excess_of_namesakes_is_counted_by_rarity_and_never_falls():
    """Fifty subjects at 2^-4 and fifty at 2^-8 among 100: 312.5 and 19.5 namesakes expected, 625 and 10 found."""
    found = excess(np.array([2.0**-4] * 625 + [2.0**-8] * 10), np.array([2.0**-4] * 50 + [2.0**-8] * 50), 100)
    common = (625 + PRIOR) / (312.5 + PRIOR)
    assert found[rarity(np.array([2.0**-4]))[0]] == pytest.approx(common, abs=1e-6)
    assert found[rarity(np.array([2.0**-8]))[0]] == pytest.approx(common, abs=1e-6)  # fewer than expected
    assert found[0] == 1
    assert (np.diff(found) >= 0).all()


def test_rarity_has_a_class_for_each_factor_of_four():
    assert rarity(np.array([1.0, 0.26, 0.25, 1 / 16, 2.0**-60, 0.0])).tolist() == [0, 0, 1, 2, RARITY_CLASSES - 1, 0]


def test_u_of_namesakes_is_counted_for_what_goes_with_an_origin_alone():
    """Sixty namesakes, 54 of one sex: (54 + 20·0.5) / (60 + 20); dates of birth stay as they are."""
    rows = np.array([levels(sex="equal", date_of_birth="different")] * 54 + [levels(sex="different")] * 6)
    found = u_of_namesakes(COMPARISONS, rows, U)
    at = PLACE["sex"]
    assert found[at, 0] == pytest.approx((54 + PRIOR_NAMESAKES * 0.5) / (60 + PRIOR_NAMESAKES))
    assert np.array_equal(found[PLACE["date_of_birth"]], U[PLACE["date_of_birth"]].round(12))


# relatives

TWIN = {"family_name": "equal", "address": "three_parts", "given_name": "different", "date_of_birth": "equal"}


def test_who_has_one_family_name_and_address_may_be_a_relative():
    rows = [levels(**TWIN), levels(**TWIN | {"address": "elsewhere"}), levels(**TWIN | {"family_name": "alike"}),
            levels(given_name="equal")]  # fmt: skip
    assert are_alike(COMPARISONS, np.array(rows)).tolist() == [True, False, False, False]


def test_shares_of_relatives_are_counted_with_a_prior():
    """Of 80 relatives 8 have one date of birth; family name and address are counted in their rate."""
    other = TWIN | {"date_of_birth": "different"}
    found = shares_of(COMPARISONS, np.array([levels(**TWIN)] * 8 + [levels(**other)] * 72), U)
    at = PLACE["date_of_birth"]
    assert found[at, 0] == pytest.approx((8 + PRIOR_RELATIVES * U[at, 0]) / (80 + PRIOR_RELATIVES))
    assert found[PLACE["family_name"], 0] == found[PLACE["address"], 0] == 1.0


def test_twins_are_told_apart_where_relatives_are_known():
    """Two pairs of one household: the same person, and the twin with another given name.

    Two people at one address agree so with u + rate · r: the evidence is smaller by log2(1 + rate · r / u).
    """
    relatives = np.where(U > 0, U, 0.0)
    for name in ("family_name", "address"):
        relatives[PLACE[name]] = 1.0
    relatives[PLACE["date_of_birth"], 0] = 0.3
    it = model(relatives_rate=1e-4, relatives=relatives)
    same, twin = levels(**TWIN | {"given_name": "equal"}), levels(**TWIN)
    plain = evidence_of(model(), same, twin)
    found = evidence_of(it, same, twin)
    u_of_pair = U[PLACE["family_name"], 0] * U[PLACE["address"], 0] * U[PLACE["date_of_birth"], 0]
    assert plain - found == pytest.approx([np.log2(1 + 1e-4 * 0.3 / u_of_pair)] * 2, abs=1e-5)
    assert plain[1] > 20  # without: the twin passes for the same person
    assert found[1] < 10 < found[0]


def test_only_the_best_record_of_somebody_who_has_several_counts_for_others():
    """Subjects 0 and 1 of the left source are one person: both fit subject 2, and share its one probability."""
    candidates = Candidates(np.array([0, 1]), np.array([2, 2]), np.zeros(2, int), np.zeros(2, np.uint64), (), (), {})
    pair = levels(given_name="equal", family_name="equal", date_of_birth="equal", address="three_parts")
    compared = Compared(np.array([pair, pair]), {name: np.zeros(2) for name in ("first_name", "family_name")})

    def probabilities(unit):
        return score(
            model(), candidates, compared, np.arange(2), Scope(10, 10), np.zeros(3), np.array(unit),
            np.zeros(3, dtype=np.uint64), 0.01,
        ).probability  # fmt: skip

    assert probabilities([0, 1, 2]) == pytest.approx([0.5, 0.5], abs=0.01)
    assert probabilities([0, 0, 2]).min() > 0.99


def test_two_values_of_an_identifier_that_links_speak_against_a_pair():
    """Both subjects have the identifier of bit 1, and not the same: that happens to one person in twenty records."""
    candidates = Candidates(np.array([0]), np.array([1]), np.zeros(1, int), np.zeros(1, np.uint64), (), (), {})
    pair = levels(given_name="equal", family_name="equal", date_of_birth="equal")
    compared = Compared(np.array([pair]), {name: np.zeros(1) for name in ("first_name", "family_name")})

    def weight(*identified):
        return score(
            model(), candidates, compared, np.arange(1), Scope(10_000_000, 10_000_000), np.zeros(2), np.arange(2),
            np.array(identified, dtype=np.uint64), 0.01,
        ).unrivalled[0]  # fmt: skip

    neither, different = weight(1, 2), weight(2, 2)
    assert neither == weight(0, 3)
    assert different / (1 - different) < neither / (1 - neither)


# known people


def test_who_is_known_to_be_who(tmp_path):
    """Two of the three women are known by a strict key; two namesakes of one birthday in one source are not."""
    ann = {
        "given_name": "Ann",
        "family_name": "Lee",
        "date_of_birth": date(1980, 1, 2),
        "sex": "F",
        "postcode": "AB1 2CD",
    }
    eva = ann | {"given_name": "Eva", "family_name": "Roy"}
    ida = ann | {"given_name": "Ida", "family_name": "Orr", "postcode": "ZE1 9ZZ"}
    subjects = subjects_of(tmp_path, {"a": people(ann, eva, eva, ida), "b": people(ida, ann, eva)})
    certain = np.arange(7)
    known = known_people(subjects, read_match_keys(), certain)
    assert known.person[0] == known.person[5] >= 0
    assert known.person[3] == known.person[4] >= 0
    assert len({known.person[1], known.person[2], known.person[6]}) == 3
    assert known.sources[:4].tolist() == [0b11, 0b01, 0b01, 0b11]
    left, right = np.array([0, 0, 1, 1]), np.array([5, 4, 6, 5])
    # Ann and Ida have other partners; Eva may be anyone who has none
    assert known.are_two(left, right, subjects.source).tolist() == [False, True, False, True]
    certain[5] = 1  # an identifier says that Ann of b is Eva of a: two subjects of a would be one person
    contradicted = known_people(subjects, read_match_keys(), certain)
    assert contradicted.person[[0, 1, 5]].tolist() == [-1, -1, -1]


def test_the_supposed_frequency_of_two_names_is_their_product(tmp_path):
    rows = [{"given_name": given, "family_name": family} for given, family in
            (("Ann", "Lee"), ("Ann", "Roy"), ("Eva", "Roy"), ("Ida", None))]  # fmt: skip
    subjects = subjects_of(tmp_path, {"a": people(*rows)})
    assert supposed_frequency(subjects).tolist() == pytest.approx([2 / 4 * 1 / 3, 2 / 4 * 2 / 3, 1 / 4 * 2 / 3, 0])
