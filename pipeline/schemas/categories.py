"""The categories that tables divide people and stays by, and what they mean."""

SEXES = ["F", "M"]
NATIONALITY_GROUPS = ["British", "Irish", "EU", "non_EU"]
AGE_GROUPS = ["0-15", "16-24", "25-44", "45-64", "65+"]
AGE_GROUP_STARTS = [0, 16, 25, 45, 65]
GROWN_UP_AGE = AGE_GROUP_STARTS[1]
"""The age in years from which a person is no child."""
ALL = "all"
EVIDENCE_KINDS = [
    "arrival", "departure", "activity", "registration", "deregistration", "enrolment",
    "permission", "address", "status_change", "birth", "death",
]  # fmt: skip
STAY_BRANCHES = {
    "present_before": "long_term",
    "born_here": "long_term",
    "long_enough": "long_term",
    "died_before": "short_term",
    "may_go_on": "unfinished",
    "may_return": "unfinished",
    "too_short": "short_term",
    "residence": "resident",
    "short_enough": "temporary",
    "too_brief": "visit",
    "another_reason": "visit",
    "again_and_again": "circular",
}
"""What decides a stay, in the order in which it is tried, and the status that follows from it.

The last five are those of definitions that count other things than residence: short-term and circular migration.
"""
COUNTED_STAYS = ["long_term", "temporary", "circular"]
"""The statuses of stays that count by their definition; `unfinished` ones may still."""

INTERVAL_PARTS = [
    "linkage", "classification", "coverage sampling", "unfinished stays", "reporting delay", "source bias", "model",
]  # fmt: skip
"""What an interval consists of; each source of error that is in the intervals is counted in one of them."""

STATUSES = (
    "provisional: the definition needs data later than the data date. not measured: a delivery lacks the evidence "
    "(see `unmeasured`), so there is no estimate. revised: final, and an earlier run had another estimate; a run "
    "knows no earlier ones, so it stands in the revisions.csv of `sojourn revisions` alone."
)
TRIMMING_DEPTHS = (
    "everybody on the list",
    "signs of residence on both sides of the date",
    "signs on both sides, of two kinds of sources together",
    "signs of two kinds of sources on both sides",
)
"""What residents need at each depth of the trimmed list for coverage; who is on one is on all before it."""
