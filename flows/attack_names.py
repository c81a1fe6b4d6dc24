"""The joint attack on names: tokens recognised by what occurs with them and by the codes that they share.

A token of a name says nothing, but it occurs with a clear sex and month of birth, with tokens of the other name, and
with composites. Two given names that share a composite of their sound with the same family name sound alike: equal
composites sort the tokens into the classes of each code without a single code being known. P. Christen, T. Ranbaduge
and R. Schnell (2020), "Linking Sensitive Data", chapter 9, describe attacks by frequency and by graphs.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pipeline.ingest.features import CODES, PARTNERS

MOST = 1000
"""The most frequent tokens that are matched."""
ROUNDS = 30
WEIGHT = 30.0
"""What a class of names that all have one code is worth, in units of log-likelihood; chosen on other countries."""
ENOUGH = 5
"""The names of a class from which it has its full weight."""
KNOWN = 100
"""The most frequent given names with which family names are recognised."""
ATTACKED = {"first_name": "given", "family_name": "family"}


def names_together(victim: pl.DataFrame, public: pl.DataFrame, alone: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return which records are recovered, by column, if names are recognised jointly.

    `victim` and `public` are as of `clear_people`: of the victim only sex, month of birth and equality of values are
    used. `alone` is what ranks recover: a token that is not among the most frequent keeps the value of its rank.
    First names are recognised first, family names then by the first names too.
    """
    found = dict(alone)
    sides = [
        people.with_columns(decade=pl.col("birth_month").dt.year() // 10, first_known=pl.lit(None, pl.String))
        for people in (victim, public)
    ]
    for name in ATTACKED:
        guess = _recognised(*sides, name)
        guessed = victim.select(name).join(guess, on=name, how="left", maintain_order="left")["guess"]
        right = (guessed == victim[name]).fill_null(value=False).to_numpy()
        found[name] = np.where(guessed.is_not_null().to_numpy(), right, alone[name])
        if name == "first_name":
            common = public["first_name"].value_counts(sort=True)["first_name"].head(KNOWN).implode()
            sides = [
                sides[0].with_columns(first_known=pl.when(guessed.is_in(common)).then(guessed)),
                sides[1].with_columns(first_known=pl.when(pl.col("first_name").is_in(common)).then("first_name")),
            ]
    return found


def _recognised(victim: pl.DataFrame, public: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return `name` (a token) and its `guess` for the most frequent tokens of a column.

    Tokens are assigned to public values by log-likelihood, again and again, each time with what the guesses of a
    token's class in the round before say of its code.
    """
    (tokens, of_tokens), (values, of_values) = _cells(victim, name), _cells(public, name)
    cells = sorted(set(of_tokens["cell"]) | set(of_values["cell"]))
    seen, expected = _table(tokens, of_tokens, name, cells), _table(values, of_values, name, cells) + 0.05
    # Poisson log-likelihood of a token's table if it is the value
    likelihood = seen @ np.log(expected).T - expected.sum(axis=1)[None, :]
    classes = [classes_of(victim, name, code, tokens) for code in CODES]
    codes = [_codes(public, name, code, values) for code in CODES]
    guess = linear_sum_assignment(-likelihood)[1]
    for _ in range(ROUNDS):
        said = sum((_said_by_class(of, code, guess) for of, code in zip(classes, codes, strict=True)), likelihood)
        guess = linear_sum_assignment(-said)[1]
    return pl.DataFrame({name: tokens, "guess": [values[at] for at in guess]})


def _cells(people: pl.DataFrame, name: str) -> tuple[list[str], pl.DataFrame]:
    """Return the most frequent values of a column, and how often each occurs in each `cell` of what is known."""
    context = [pl.col(one).cast(pl.String).fill_null("") for one in ("sex", "decade", "first_known")]
    cells = people.drop_nulls(name).select(name, cell=pl.concat_str(context, separator="|"))
    values = cells[name].value_counts(sort=True).sort("count", name, descending=[True, False])[name].head(MOST)
    return values.to_list(), cells.filter(pl.col(name).is_in(values.implode())).group_by(name, "cell").len()


def _table(rows: Sequence[str], counted: pl.DataFrame, name: str, cells: Sequence[str]) -> np.ndarray:
    found = np.zeros((len(rows), len(cells)))
    at = [
        counted[column].replace_strict(list(order), range(len(order)), return_dtype=pl.Int64).to_numpy()
        for column, order in ((name, rows), ("cell", cells))
    ]
    found[at[0], at[1]] = counted["len"].to_numpy()
    return found


def classes_of(people: pl.DataFrame, name: str, code: str, tokens: Sequence[str]) -> np.ndarray:
    """Return a number for each token: tokens that share a composite of a code, with any partner, have the same."""
    side = ATTACKED[name]
    shared = pl.concat(
        people.select(name, shared=pl.concat_str(pl.lit(partner), f"{side}_{code}_{partner}", separator=" "))
        for partner in PARTNERS[side]
    )
    edges = shared.drop_nulls().filter(pl.col(name).is_in(tokens)).unique(maintain_order=True)
    token = edges[name].replace_strict(tokens, range(len(tokens)), return_dtype=pl.Int64).to_numpy()
    composite = edges["shared"].rank("dense").cast(pl.Int64).to_numpy() - 1 + len(tokens)
    size = int(composite.max(initial=len(tokens))) + 1
    graph = coo_matrix((np.ones(len(token)), (token, composite)), shape=(size, size))
    return connected_components(graph, directed=False)[1][: len(tokens)]


def _codes(public: pl.DataFrame, name: str, code: str, values: Sequence[str]) -> np.ndarray:
    """Return a number for each public value: values of one code have the same."""
    known = public.select(name, code=f"{ATTACKED[name]}_{code}").drop_nulls().unique(name, maintain_order=True)
    of_values = pl.DataFrame({name: values}).join(known, on=name, how="left", maintain_order="left")
    return of_values["code"].fill_null("").rank("dense").cast(pl.Int64).to_numpy() - 1


def _said_by_class(classes: np.ndarray, codes: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Return what the guesses of a token's class say for each value: the log share of them that has its code.

    A token's own guess is left out, so that it does not confirm itself.
    """
    guessed = np.zeros((classes.max() + 1, codes.max() + 1))
    np.add.at(guessed, (classes, codes[guess]), 1)
    others = guessed[classes][:, codes] - (codes[guess][:, None] == codes[None, :])
    size = np.bincount(classes)[classes] - 1
    share = (others + 0.02) / (size + 1)[:, None]
    return WEIGHT * np.log(share + 0.02) * (np.minimum(size, ENOUGH) / ENOUGH)[:, None]
