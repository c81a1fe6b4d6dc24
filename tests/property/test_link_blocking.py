"""Which pairs are proposed: no identifier is a single point of failure, and no study costs more than its budget."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_population import people, subjects_of

from linkage.blocking import RULES, implied_by, propose
from linkage.subjects import SUBJECTS
from pipeline.ingest.features import COMPOSITES, LISTS, VALUES
from pipeline.ingest.pseudonymise import CLEAR
from pipeline.tables import query

PEOPLE = 400
PER_RECORD = 30
KINDS = ("given_name", "family_name", "date_of_birth", "sex", "postcode", "house", "street", "locality")


def population(random, kinds=KINDS, size=PEOPLE):
    """Return people in clear who share names, streets and towns as people do, with some of the kinds."""
    given = np.array([f"{a}{b}{c}" for a in ("Kar", "Mil", "Son", "Bed", "Tov") for b in "aeiou" for c in "nrsl"])
    beginnings = ("Gard", "Peln", "Rosk", "Timb", "Vand", "Whel", "Zorr", "Hask")
    ends = ("ston", "mann", "ov", "ette")
    family = np.array([f"{a}{b}{c}" for a in beginnings for b in ("a", "e", "i", "o", "u", "ier") for c in ends])
    street = random.integers(0, size // 10, size)
    columns = {
        "given_name": random.choice(given, size),
        "family_name": random.choice(family, size),
        "date_of_birth": np.datetime64("1935-01-01") + random.integers(0, 28_000, size).astype("timedelta64[D]"),
        "sex": random.choice(["F", "M"], size),
        "postcode": np.array([f"AB{one % 80 + 10} {one % 9}CD" for one in street]),
        "house": random.integers(1, 40, size).astype(str),
        "street": np.array([f"Street {'abcdefghij'[one % 10]}{one}" for one in street]),
        "locality": np.array([f"Town {one % 5}" for one in street]),
    }
    return people(*({kind: columns[kind][at].item() for kind in kinds} for at in range(size)))


def proposed(subjects, pairs=((0, 1),), per_record=PER_RECORD, training=10_000):
    subjects.add("certain_sources", np.zeros(subjects.nodes.height, dtype=np.uint64), "UBIGINT")
    return propose(subjects, list(pairs), per_record, training)


def recall(candidates, size=PEOPLE):
    """Return the share of people (row by row the same in both sources) whose own pair is proposed."""
    return ((candidates.right - candidates.left) == size).sum() / size


def spoilt(frame, kind, how, random):
    """Return people who lack one kind of identifier, or have somebody else's."""
    if how == "missing":
        return frame.with_columns(pl.lit(None, frame[kind].dtype).alias(kind))
    others = frame[kind].gather(np.roll(np.arange(frame.height), int(random.integers(1, frame.height))))
    return frame.with_columns(others.alias(kind))


@pytest.mark.parametrize("how", ["missing", "another person's"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_identifier_is_needed(kind, how, tmp_path):
    random = np.random.default_rng([KINDS.index(kind), len(how)])
    frame = population(random)
    candidates = proposed(subjects_of(tmp_path, {"a": frame, "b": spoilt(frame, kind, how, random)}))
    assert recall(candidates) >= 0.99
    assert len(candidates.left) <= PER_RECORD * 2 * PEOPLE


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_nor_where_the_sources_share_few_kinds(tmp_path_factory, seed, data):
    """Names, with at least two of date, postcode, and street with house and town: one of all these is spoilt."""
    random = np.random.default_rng(seed)
    groups = data.draw(
        st.sampled_from([pair for n in (2, 3) for pair in combinations(["date_of_birth", "postcode", "street"], n)])
    )
    kinds = ["given_name", "family_name", *groups, *(["house", "locality"] if "street" in groups else [])]
    kind = data.draw(st.sampled_from([*kinds[:2], *groups]))
    how = data.draw(st.sampled_from(["missing", "another person's"]))
    frame = population(random, kinds)
    sources = {"a": frame, "b": spoilt(frame, kind, how, random)}
    candidates = proposed(subjects_of(tmp_path_factory.mktemp("blocks"), sources))
    assert recall(candidates) >= 0.97, (kinds, kind, how)


def test_each_person_may_lack_another_identifier(tmp_path):
    """A third of the people of each source have one wrong value each, of any kind."""
    random = np.random.default_rng(9)
    frame = population(random)
    wrong = frame
    for at, kind in enumerate(KINDS):
        rows = pl.int_range(pl.len()) % (3 * len(KINDS)) == at
        wrong = wrong.with_columns(pl.when(rows).then(pl.col(kind).reverse()).otherwise(kind).alias(kind))
    assert recall(proposed(subjects_of(tmp_path, {"a": frame, "b": wrong}))) == 1.0


@pytest.mark.parametrize(
    ("change", "least"),
    [
        ({"given_name": "family_name", "family_name": "given_name"}, 1.0),
        ({"given_name": pl.lit("Wojtek"), "sex": pl.lit("X"), "postcode": pl.lit("ZE1 9ZZ"), "street": pl.lit("X"),
          "locality": pl.lit("Y")}, 0.99),  # a mover with another given name
        ({"date_of_birth": pl.col("date_of_birth").dt.offset_by("1y"), "postcode": pl.lit("ZE1 9ZZ"),
          "street": pl.lit("X"), "locality": pl.lit("Y")}, 0.99),  # a mover with a wrong year of birth
        ({"given_name": pl.col("given_name") + "ka", "family_name": pl.col("family_name") + "ova"}, 0.99),
    ],
)  # fmt: skip
def test_two_things_at_once_are_survived_if_the_others_say_enough(change, least, tmp_path):
    frame = population(np.random.default_rng(4))
    changed = frame.with_columns(
        (pl.col(one) if isinstance(one, str) else one).alias(name) for name, one in change.items()
    )
    assert recall(proposed(subjects_of(tmp_path, {"a": frame, "b": changed}))) >= least


# the budget


@settings(max_examples=5, deadline=None)
@given(st.integers(1, 40), st.sampled_from([1, 3, 40]), st.integers(0, 2**32))
def test_candidates_never_exceed_the_budget(tmp_path_factory, per_record, sameness, seed):
    """However alike people are; what trains models is allowed beside."""
    random = np.random.default_rng(seed)
    alike = population(random).with_columns(
        pl.col("postcode", "street", "locality").gather(np.arange(PEOPLE) % (PEOPLE // sameness)),
        pl.col("date_of_birth").gather(np.arange(PEOPLE) % max(PEOPLE // sameness, 2)),
    )
    subjects = subjects_of(tmp_path_factory.mktemp("blocks"), {"a": alike, "b": alike})
    candidates = proposed(subjects, per_record=per_record, training=100)
    costs = {one.rule: one for one in candidates.costs}
    limit = per_record * 2 * PEOPLE
    assert sum(cost.pairs for cost in costs.values()) <= limit + 100
    sampled = np.zeros(len(candidates.left), dtype=bool)
    for bit, cost in enumerate(candidates.costs):
        if cost.rule.endswith("(sample)"):
            sampled |= candidates.rules == np.uint64(1) << np.uint64(bit)
    assert (~sampled).sum() <= limit + 100


def test_a_large_block_is_split_and_then_dropped(tmp_path):
    """Everyone has one date and town: split by sex and names where they are known, dropped where nothing splits."""
    random = np.random.default_rng(7)
    frame = population(random, ("given_name", "family_name", "date_of_birth", "sex"))
    crowd = frame.with_columns(pl.date(2000, 1, 1).alias("date_of_birth"))
    candidates = proposed(subjects_of(tmp_path / "split", {"a": crowd, "b": crowd}), per_record=10)
    cost = next(one for one in candidates.costs if one.rule == "date_of_birth")
    assert cost.split_by[0] == "sex"
    assert len(cost.split_by) > 1
    assert cost.pairs + cost.pairs_left_out == PEOPLE**2
    assert not cost.is_whole
    same = crowd.with_columns(given_name=pl.lit("Wei"), family_name=pl.lit("Li"), sex=pl.lit("F"))
    candidates = proposed(subjects_of(tmp_path / "drop", {"a": same, "b": same}), per_record=10)
    assert len(candidates.left) == 0
    for cost in candidates.costs:
        assert cost.pairs == 0
        assert cost.blocks_dropped or cost.for_undated or cost.rule.endswith("(sample)"), cost


def test_a_sample_of_blocks_trains_where_a_rule_costs_more(tmp_path):
    """Whole blocks are drawn, so that every pair that agrees with one of theirs is there."""
    random = np.random.default_rng(7)
    frame = population(random, ("given_name", "family_name", "date_of_birth"), 2000)
    days = frame["date_of_birth"].gather(random.integers(0, 60, 2000))
    crowd = frame.with_columns(days.alias("date_of_birth"))
    candidates = proposed(subjects_of(tmp_path, {"a": crowd, "b": crowd}), per_record=5, training=20_000)
    (rule,) = [one for one in candidates.training if one.columns == ("date_of_birth",)]
    bit = candidates.training[rule]
    inside = (candidates.rules >> np.uint64(bit)) & np.uint64(1) == 1
    left, right = candidates.left[inside], candidates.right[inside] - 2000
    assert (days.gather(left) == days.gather(right)).all()
    assert 0 < len(np.unique(days.gather(left).to_physical().to_numpy())) < 60
    drawn = days.is_in(days.gather(left).unique().implode()).to_numpy()
    sizes = days.filter(drawn).value_counts()["count"]
    assert inside.sum() == (sizes.cast(pl.Int64) ** 2).sum()
    assert 5_000 < inside.sum() < 60_000


# rules


def test_every_rule_uses_columns_that_exist_and_leaves_most_identifiers_out():
    columns = {*CLEAR, *VALUES, *COMPOSITES, *(f"{name}[]" for name in LISTS)}
    for rule in RULES:
        assert set(rule.columns) <= columns
        assert len(implied_by(rule.columns)) < 9
    assert len({rule.columns for rule in RULES}) == len(RULES)


def test_at_least_three_rules_use_no_place_no_date_or_no_name():
    names = ("name", "given", "family", "first", "full", "initials")
    uses = [
        {
            what
            for what, words in {
                "place": ("postcode", "street", "locality"),
                "date": ("birth",),
                "name": names,
            }.items()
            if any(word in column for column in rule.columns for word in words)
        }
        for rule in RULES
    ]
    for what in ("place", "date", "name"):
        assert sum(what not in one for one in uses) >= 3, what


def test_a_pair_is_what_agrees_on_a_rule_and_no_other(tmp_path):
    """The rules whose pairs are whole propose exactly the pairs of the two sources that agree on their columns."""
    frame = population(np.random.default_rng(2), size=120)
    subjects = subjects_of(tmp_path, {"a": frame.head(70), "b": frame.tail(70)})
    candidates = proposed(subjects, per_record=1000)
    found = {
        bit: set(zip(*(side[(candidates.rules >> np.uint64(bit)) & np.uint64(1) == 1].tolist()
                       for side in (candidates.left, candidates.right)), strict=True))
        for bit in range(len(candidates.plan))
    }  # fmt: skip
    for bit, rule in enumerate(candidates.plan):
        same = " AND ".join(
            f"list_has_any(l.{one[:-2]}, r.{one[:-2]})" if one.endswith("[]") else f"l.{one} = r.{one}"
            for one in rule.columns
        )
        expected = query(
            subjects.connection,
            f"""SELECT l.node AS l, r.node AS r FROM {SUBJECTS} l, {SUBJECTS} r
            WHERE l.source = 0 AND r.source = 1 AND {same}""",
        )
        assert found[bit] == set(expected.rows()), rule.name


def test_whoever_is_linked_for_certain_is_proposed_to_nobody_else_of_that_source(tmp_path):
    frame = population(np.random.default_rng(3), size=30)
    subjects = subjects_of(tmp_path, {"a": frame, "b": frame, "c": frame})
    certain = np.zeros(90, dtype=np.uint64)
    certain[0] = 0b011  # the first subject of a is linked with somebody of b
    subjects.add("certain_sources", certain, "UBIGINT")
    candidates = propose(subjects, [(0, 1), (0, 2), (1, 2)], 100, 10_000)
    of_first = candidates.right[candidates.left == 0]
    assert 60 in of_first
    assert not ((of_first >= 30) & (of_first < 60)).any()


def test_a_source_may_be_compared_with_itself(tmp_path):
    frame = population(np.random.default_rng(3), size=30)
    candidates = proposed(
        subjects_of(tmp_path, {"a": pl.concat([frame, frame.with_columns(pl.col("subject_id") + 30)])}), [(0, 0)]
    )
    pairs = set(zip(candidates.left.tolist(), candidates.right.tolist(), strict=True))
    assert {(at, at + 30) for at in range(30)} <= pairs
    assert all(left < right for left, right in pairs)
