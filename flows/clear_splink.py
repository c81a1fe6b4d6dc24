"""Splink on clear values, used as its documentation advises: the yardstick for links between pseudonyms.

Names are compared by Jaro-Winkler similarity, dates by Damerau-Levenshtein distance, and an address by nested levels,
so that a move counts once. It reads clear identifiers, so it is for synthetic files only.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
import splink.comparison_level_library as levels
from splink import DuckDBAPI, Linker, SettingsCreator
from splink.comparison_library import CustomComparison
from splink.internals.exceptions import EMTrainingException

from pipeline.tables import connect, query

NAMES = ("given_name", "family_name", "middle_name", "full_name")
KINDS = (*NAMES, "date_of_birth", "age", "sex", "house", "street", "locality", "postcode")
"""What is compared, each kind a text in one standard form; dates as `YYYY-MM-DD`, whether or not they exist."""
HISTORIES = {
    "given_names": "given_name", "family_names": "family_name", "dates_of_birth": "date_of_birth",
    "postcodes": "postcode",
}  # fmt: skip
"""Lists of all values of a kind that a subject ever had, where a source keeps them."""
MINIMUM = 0.5
"""The probability from which a pair is a link."""
BLOCKS = (
    "given_name; family_name",
    "given_name; date_of_birth",
    "family_name; date_of_birth",
    "date_of_birth; postcode",
    "date_of_birth; locality",
    "date_of_birth; sex; left(family_name, 1)",
    "date_of_birth; sex; left(given_name, 1)",
    "given_name; left(date_of_birth, 7)",
    "family_name; left(date_of_birth, 7)",
    "given_name; left(family_name, 1); right(date_of_birth, 5)",
    "family_name; left(given_name, 1); right(date_of_birth, 5)",
    "left(given_name, 3); left(family_name, 3); left(date_of_birth, 4)",
    "left(given_name, 2); left(family_name, 2); right(date_of_birth, 5)",
    "left(given_name, 3); left(family_name, 3); postcode",
    "given_name; postcode; left(family_name, 1)",
    "given_name; locality; left(family_name, 2)",
    "family_name; locality; left(given_name, 2)",
    "family_name; postcode",
    "family_name; street",
    "given_name; street",
    "house; street; left(given_name, 1)",
    "house; street; left(family_name, 1)",
    "house; street; locality",
    "house; postcode",
    "postcode; left(date_of_birth, 4)",
    "street; postcode",
    "family_name; left(given_name, 1); middle_name",
    "date_of_birth; sex",
    "full_name",
    "date_of_birth; left(full_name, 3)",
    "left(full_name, 6); left(date_of_birth, 4)",
    "left(full_name, 4); right(full_name, 4)",
    "right(full_name, 6); left(date_of_birth, 7)",
    "right(full_name, 5); right(date_of_birth, 5)",
    "right(full_name, 6); locality",
    "left(full_name, 5); postcode",
)
"""Pairs that agree on all parts of one of these are compared."""
EXCHANGED = "l.given_name = r.family_name AND l.family_name = r.given_name"
PAIRS_PER_RECORD = 60
"""A block that proposes more pairs for each record is left out."""
TRAINING = (
    "given_name; family_name", "date_of_birth", "full_name", "house; postcode", "family_name; postcode",
    "given_name; sex; postcode", "family_name; sex; locality", "given_name; street",
)  # fmt: skip
STRICT = (
    "given_name; family_name; date_of_birth",
    "full_name; date_of_birth",
    "given_name; family_name; postcode",
    "full_name; postcode",
    "given_name; family_name; street",
    "family_name; date_of_birth; sex",
    "given_name; date_of_birth; sex",
    "date_of_birth; postcode",
    "given_name; family_name",
    "given_name; date_of_birth",
    "family_name; date_of_birth",
    "family_name; street; house",
    "given_name; street; house",
)
"""The first two of these that are possible estimate the share of pairs that are one person."""
STRICT_RECALL = 0.7
U_PAIRS = 5e6
_KIND = re.compile(rf"\b({'|'.join(KINDS)})\b")
_ADDRESS = {"street", "locality", "postcode"}


def link_in_clear(sources: Mapping[str, pl.DataFrame], threads: int = 2) -> pl.DataFrame:
    """Return the person of every subject: `source, subject, person_id`, as Splink finds them.

    Each frame has `subject` (unique text), some of `KINDS` as text and some of `HISTORIES` as lists. Of several
    sources a person has at most one subject each, best links first; of one source, all subjects that any links join.
    """
    logging.getLogger("splink").setLevel(logging.ERROR)
    work = _Work.prepared(sources, threads)
    linker = work.trained()
    scored = linker.inference.predict(threshold_match_probability=MINIMUM)
    sides = {side: f"'{work.only}'" if work.only else f"source_dataset_{side}" for side in "lr"}
    links = query(
        work.connection,
        f"""SELECT {sides["l"]} AS source_l, subject_l, {sides["r"]} AS source_r, subject_r,
        round(match_weight, 6) AS weight FROM {scored.physical_name}
        ORDER BY weight DESC, source_l, subject_l, source_r, subject_r""",
    )
    subjects = [(name, subject) for name, frame in sources.items() for subject in frame["subject"]]
    return _people(subjects, links, one_each=work.only is None)


@dataclass(frozen=True)
class _Work:
    """The sources in one DuckDB; `only` is the name of the source if it is the only one."""

    connection: duckdb.DuckDBPyConnection
    frames: Mapping[str, pl.DataFrame]
    shared: frozenset[str]

    @classmethod
    def prepared(cls, sources: Mapping[str, pl.DataFrame], threads: int) -> "_Work":
        frames = _with_names_of_one_form(sources)
        fewest = min(len(frames), 2)
        known = [one.name for frame in frames.values() for one in frame if one.null_count() < len(one)]
        shared = {name for name in (*KINDS, *HISTORIES) if known.count(name) >= fewest}
        if "full_name" in shared:
            shared -= {"given_name", "family_name", "middle_name"}
        if "date_of_birth" in shared:
            shared -= {"age"}  # it follows from the date
        columns = ("subject", *sorted(shared))
        every_column = pl.DataFrame(
            schema={one: pl.List(pl.String) if one in HISTORIES else pl.String for one in columns}
        )
        aligned = {
            name: pl.concat(
                [every_column, frame.select(one for one in columns if one in frame.columns)], how="diagonal"
            )
            for name, frame in frames.items()
        }
        connection = connect(threads)
        every = pl.concat(frame.with_columns(pl.lit(name).alias("source")) for name, frame in aligned.items())
        connection.register("every", every)
        return cls(connection, aligned, frozenset(shared))

    @property
    def only(self) -> str | None:
        return next(iter(self.frames)) if len(self.frames) == 1 else None

    @property
    def records(self) -> int:
        return sum(frame.height for frame in self.frames.values())

    def possible(self, rules: Sequence[str]) -> list[str]:
        """Return the rules of which the sources share all kinds."""
        return [rule for rule in rules if set(_KIND.findall(rule)) <= self.shared]

    def pairs(self, rule: str) -> int:
        """Return how many pairs agree on all parts of a rule."""
        parts = {f"part{at}": part for at, part in enumerate(rule.split("; "))}
        known = " AND ".join(f"{part} IS NOT NULL" for part in parts.values())
        named = ", ".join(f"{part} AS {name}" for name, part in parts.items())
        of_source = f"SELECT {named}, source, count(*) AS size FROM every WHERE {known} GROUP BY ALL"
        apart = "size" if self.only else "size * size"
        blocks = f"SELECT sum(size) AS whole, sum({apart}) AS apart FROM ({of_source}) GROUP BY {', '.join(parts)}"
        found = query(self.connection, f"SELECT coalesce(sum(whole * whole - apart), 0) / 2 AS pairs FROM ({blocks})")
        return int(found["pairs"][0])

    def trained(self) -> Linker:
        """Return Splink's linker over the sources, trained as its documentation advises."""
        blocks = [rule for rule in self.possible(BLOCKS) if self.pairs(rule) <= PAIRS_PER_RECORD * self.records]
        rules: list[Any] = [_agree(rule) for rule in blocks]
        if {"given_name", "family_name"} <= self.shared:
            rules.append(EXCHANGED)
        settings = SettingsCreator(
            link_type="dedupe_only" if self.only else "link_only",
            unique_id_column_name="subject",
            comparisons=_comparisons(self.shared, middle_names=self._middle_names()),
            blocking_rules_to_generate_predictions=rules,
            retain_matching_columns=False,
        )
        database = DuckDBAPI(self.connection)
        tables = [database.register(frame, dataset_display_name=name) for name, frame in self.frames.items()]
        linker = Linker(tables if self.only is None else tables[0], settings, log_level=None)
        strict: list[Any] = [_agree(rule) for rule in self.possible(STRICT)[:2]]
        linker.training.estimate_probability_two_random_records_match(strict, recall=STRICT_RECALL)
        linker.training.estimate_u_using_random_sampling(max_pairs=U_PAIRS, seed=1)
        for rule in self.possible(TRAINING):
            used = set(_KIND.findall(rule))
            if not any(used.isdisjoint(kinds) for kinds in self._compared()):
                continue  # it trains the comparisons that it does not use
            try:
                linker.training.estimate_parameters_using_expectation_maximisation(
                    _agree(rule),
                    estimate_without_term_frequencies=True,
                    record_sample_proportion=1.0,
                    max_pairs=U_PAIRS,
                )
            except (EMTrainingException, ValueError):
                continue  # it has no pairs; another rule trains the same comparisons, or Splink's defaults serve
        return linker

    def _compared(self) -> list[set[str]]:
        """Return the kinds that each comparison reads."""
        names = [
            {"given_name", "family_name"} if kind == "given_name" else {kind} for kind in self.shared & set(KINDS)
        ]
        address = {"house", *_ADDRESS}
        return [kinds for kinds in names if not kinds & address] + ([address] if _ADDRESS & self.shared else [])

    def _middle_names(self) -> bool:
        """Return whether two records can agree on a middle name, and not only on its initial."""
        if "middle_name" not in self.shared:
            return False
        spelt = [frame["middle_name"].str.len_chars().drop_nulls().to_numpy() for frame in self.frames.values()]
        return sum((one > 1).mean() > 0.5 for one in spelt if len(one)) >= min(len(self.frames), 2)


def _with_names_of_one_form(sources: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the sources, all with names in one column if one of them has them so."""
    if not any("full_name" in frame.columns for frame in sources.values()):
        return dict(sources)
    made = {}
    for name, frame in sources.items():
        parts = [one for one in ("given_name", "middle_name", "family_name") if one in frame.columns]
        whole = pl.concat_str(parts, separator=" ", ignore_nulls=True).str.strip_chars()
        made[name] = (
            frame if "full_name" in frame.columns else frame.with_columns(whole.replace("", None).alias("full_name"))
        )
    return made


def _agree(rule: str) -> str:
    sides = ((_KIND.sub(r"l.\1", part), _KIND.sub(r"r.\1", part)) for part in rule.split("; "))
    return " AND ".join(f"{left} = {right}" for left, right in sides)


def _comparisons(shared: frozenset[str], *, middle_names: bool) -> list[Any]:
    made: dict[str, list[Any]] = {}
    for name, other in (("given_name", "family_name"), ("family_name", None), ("full_name", None)):
        if name in shared:
            made[name] = _name_levels(name, other if other in shared else None, shared)
    if "middle_name" in shared:
        whole = (
            [_level("middle_name_l = middle_name_r AND length(middle_name_l) > 1", "whole")] if middle_names else []
        )
        made["middle_name"] = [*whole, _level("left(middle_name_l, 1) = left(middle_name_r, 1)", "initial")]
    if "date_of_birth" in shared:
        made["date_of_birth"] = [
            levels.ExactMatchLevel("date_of_birth"),
            *_known("dates_of_birth", shared),
            levels.DamerauLevenshteinLevel("date_of_birth", 1),
            _level(_SWAPPED_DATE, "day and month swapped"),
            levels.DamerauLevenshteinLevel("date_of_birth", 2),
            _level("left(date_of_birth_l, 4) = left(date_of_birth_r, 4)", "same year"),
        ]
    if "age" in shared:
        near = "abs(try_cast(age_l AS INTEGER) - try_cast(age_r AS INTEGER)) <= 2"
        made["age"] = [levels.ExactMatchLevel("age"), _level(near, "within two years")]
    if "sex" in shared:
        made["sex"] = [levels.ExactMatchLevel("sex")]
    comparisons = [
        CustomComparison(
            output_column_name=name, comparison_levels=[levels.NullLevel(name), *one, levels.ElseLevel()]
        )
        for name, one in made.items()
    ]
    return [*comparisons, _address(shared)] if _ADDRESS & shared else comparisons


_SWAPPED_DATE = (
    "left(date_of_birth_l, 4) = left(date_of_birth_r, 4) "
    "AND substr(date_of_birth_l, 6, 2) = substr(date_of_birth_r, 9, 2) "
    "AND substr(date_of_birth_l, 9, 2) = substr(date_of_birth_r, 6, 2)"
)


def _level(condition: str, label: str) -> levels.CustomLevel:
    return levels.CustomLevel(condition, label_for_charts=label)


def _known(history: str, shared: frozenset[str]) -> list[levels.CustomLevel]:
    return [_level(f"list_has_any({history}_l, {history}_r)", "known")] if history in shared else []


def _name_levels(name: str, other: str | None, shared: frozenset[str]) -> list[Any]:
    exchanged = f"{name}_l = {other}_r AND {other}_l = {name}_r"
    return [
        levels.ExactMatchLevel(name, term_frequency_adjustments=True),
        *_known(f"{name}s", shared),
        levels.JaroWinklerLevel(name, 0.92),
        levels.JaroWinklerLevel(name, 0.84),
        *([_level(exchanged, "exchanged")] if other else []),
        levels.JaroWinklerLevel(name, 0.7),
    ]


def _address(shared: frozenset[str]) -> CustomComparison:
    """Return one comparison of the address: dwelling, street, postcode, town, or elsewhere."""
    same = {
        "street": "jaro_winkler_similarity(street_l, street_r) >= 0.9",
        "house": "house_l = house_r",
        "postcode": "postcode_l = postcode_r",
        "locality": "jaro_winkler_similarity(locality_l, locality_r) >= 0.9",
    }
    street, house, postcode, town = (
        f"coalesce({said}, FALSE)" if kind in shared else "FALSE" for kind, said in same.items()
    )
    near = "coalesce(damerau_levenshtein(postcode_l, postcode_r) <= 1, FALSE)" if "postcode" in shared else "FALSE"
    parts = sorted(_ADDRESS & shared)
    empty = " OR ".join(f"({' AND '.join(f'{part}_{side} IS NULL' for part in parts)})" for side in "lr")
    conditions = {
        "dwelling": f"{street} AND {house} AND ({postcode} OR {town})",
        "street and area": f"{street} AND ({postcode} OR {town})",
        "house and part": f"{house} AND ({postcode} OR {street} OR {town})",
        "postcode": postcode,
    }
    nested = [_level(condition, label) for label, condition in conditions.items() if condition != "FALSE"]
    nested += [*_known("postcodes", shared), _level(f"{town} OR {near} OR {street}", "town or nearly the postcode")]
    missing = levels.CustomLevel(empty, label_for_charts="missing").configure(is_null_level=True)
    return CustomComparison(output_column_name="address", comparison_levels=[missing, *nested, levels.ElseLevel()])


def _people(subjects: Sequence[tuple[str, str]], links: pl.DataFrame, *, one_each: bool) -> pl.DataFrame:
    """Return the groups that the links join, best links first; `one_each` allows a group one subject of each source.

    The greedy way of M. Jaro (1989), written plainly: it shares nothing with the code that it is compared with.
    """
    group = {subject: [subject] for subject in subjects}
    for source_l, subject_l, source_r, subject_r, _ in links.iter_rows():
        one, other = group[source_l, subject_l], group[source_r, subject_r]
        if one is other or (one_each and {source for source, _ in one} & {source for source, _ in other}):
            continue
        if len(one) < len(other):
            one, other = other, one
        one += other
        group.update(dict.fromkeys(other, one))
    numbers: dict[int, int] = {}
    rows = [(*subject, numbers.setdefault(id(members), len(numbers) + 1)) for subject, members in group.items()]
    schema = {"source": pl.String, "subject": pl.String, "person_id": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")
