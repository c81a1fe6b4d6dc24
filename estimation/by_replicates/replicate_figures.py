"""The figures of one replicate: people are drawn and counted, factors drawn, errors added, and all reconciled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.factor_errors import covariance_of_terms
from estimation.account.inputs import coverage_by_cell
from estimation.arrays import Floats, Integers
from estimation.by_replicates.counted_again import CELL, CountedAgain, Records, count_again, in_cells
from estimation.by_replicates.drawn_factors import DECLARED, NOT_VARIED, SAMPLING, FactorDraws
from estimation.by_replicates.drawn_people import DRAWN, DecidedPeople, draw_people
from estimation.by_replicates.fixed_account import FixedAccount, births_less_deaths
from estimation.cells import DIVISIONS, GROSS_FLOWS, age_group, marginal_keys
from estimation.keyed_random import generator
from estimation.periods import year_end
from estimation.published_tables import marginal_weights
from pipeline.schemas import ALL
from pipeline.study import Periods

KEY = ["measure", "period", "nationality_group"]
NATIONALITY_TERMS = "nationality "
"""How the terms of errors by nationality begin, which replicates draw person by person."""


@dataclass(frozen=True)
class Replicates:
    """All that replicates of a run have in common.

    `ages` is the table `coverage_ages`; `weights` (figures, cells) add up the figures, whose `KEY` are in `keys`.
    """

    account: FixedAccount
    records: Records
    factors: FactorDraws
    ages: pl.DataFrame
    keys: pl.DataFrame
    weights: sparse.csr_array
    seed: int

    def figures(self, decided: DecidedPeople, replicate: int) -> dict[str, Floats]:
        """Return all figures of one replicate of a set of links by what is frozen: `""` (nothing), or a source."""
        counted = {name: self._counted(decided, replicate, name) for name in ("", *DRAWN)}
        factors = self.factors.of_replicate(counted[""].lists, replicate)
        declared = self._declared(replicate)
        found = {name: self._figures(counted[""], factors[name], declared) for name in ("", SAMPLING, NOT_VARIED)}
        found[DECLARED] = self._figures(counted[""], factors[DECLARED], declared * 0)
        for name in DRAWN:
            own = self.factors.of_replicate(counted[name].lists, replicate)[""]
            found[name] = self._figures(counted[name], own, declared)
        return found

    def within(self, variances: Floats, covariance: pl.DataFrame) -> Floats:
        """Return the variance of each figure by errors of cells that no replicate draws, of which these are given.

        What the cells of a class add up to is in the factors that replicates draw. The account has taken it off the
        `covariance` of factors (the table `coverage_covariance`), and here it is off the errors of cells.
        """
        response, terms = self.account.response(self.weights), self.account.account.terms
        chosen, original = covariance_of_terms(covariance, terms.names)
        of_factors = response @ self.account.effects(chosen)
        in_both = original - terms.prior()[np.ix_(chosen, chosen)]
        return np.maximum(response**2 @ variances - ((of_factors @ in_both) * of_factors).sum(axis=1), 0.0)

    def _counted(self, decided: DecidedPeople, replicate: int, frozen: str) -> CountedAgain:
        return count_again(draw_people(decided, self.seed, replicate, {frozen}), self.records)

    def _figures(self, counted: CountedAgain, factors: Floats, declared: Floats) -> Floats:
        counts = counted.counts
        of_measure = {name: in_cells(counts[name], cells) for name, cells in self._cells.items()}
        of_measure["population"] = of_measure["population"] * factors[self._classes] * self._of_ages
        change = births_less_deaths(counts["births"], counts["deaths"], self.account)
        estimates = self.account.estimates(np.concatenate(list(of_measure.values())) + declared, change)
        return np.asarray(self.weights @ estimates)

    def _declared(self, replicate: int) -> Floats:
        """Return what the declared errors that flows share add to each cell's count."""
        terms, sds = self._flow_terms
        drawn = generator(self.seed, f"replicate {replicate}: flows, {DECLARED}").standard_normal(len(terms))
        return self._flow_effects @ (sds * drawn)

    @cached_property
    def _flow_terms(self) -> tuple[Integers, Floats]:
        scope, biases = self.account.account.terms.scope, self.account.account.biases
        of_flows = scope.filter(
            pl.col("measure").is_in(GROSS_FLOWS), ~pl.col("term").str.starts_with(NATIONALITY_TERMS)
        )["term"]
        chosen = np.flatnonzero(biases["term"].is_in(of_flows.implode()).to_numpy())
        return chosen.astype(np.int64), biases["prior_sd"].to_numpy()[chosen]

    @cached_property
    def _flow_effects(self) -> Floats:
        return self.account.effects(self._flow_terms[0])

    @cached_property
    def _cells(self) -> dict[str, pl.DataFrame]:
        """The cells of each measure, which follow one another in the account."""
        cells = self.account.account.cells
        return {name: cells.filter(pl.col("measure") == name) for name in ("population", *GROSS_FLOWS)}

    @cached_property
    def _stocks(self) -> pl.DataFrame:
        """The class and the factor of the age, relative to it, of each cell of stocks."""
        names = self.factors.coverage["coverage_class"].to_list()
        classes = coverage_by_cell(self.factors.coverage).select(
            *DIVISIONS, number=pl.col("coverage_class").replace_strict({name: at for at, name in enumerate(names)})
        )
        ages = self.ages.with_columns(pl.col("sex", "nationality_group").cast(pl.String))
        return (
            self._cells["population"]
            .with_columns(age_group(pl.col("age")))
            .join(classes, on=DIVISIONS, how="left", maintain_order="left")
            .join(ages, on=["sex", "nationality_group", "age"], how="left", maintain_order="left")
            .select(*CELL, "number", "relative_factor")
        )

    @cached_property
    def _classes(self) -> Integers:
        return self._stocks["number"].to_numpy().astype(np.int64)

    @cached_property
    def _of_ages(self) -> Floats:
        return self._stocks["relative_factor"].to_numpy()


def figures_of(account: FixedAccount, periods: Periods) -> tuple[pl.DataFrame, sparse.csr_array]:
    """Return `KEY` of the figures that replicates are about, and their weights (figures, cells).

    They are gross and net migration of years and the population of days, in all and by nationality group.
    """
    marginals = marginal_keys().with_row_index("row")
    chosen = marginals.filter(pl.col("sex") == ALL, pl.col("age_group") == ALL)
    rows = chosen["row"].to_numpy()

    def weights(measure: str, year: int) -> sparse.csr_array:
        return sparse.csr_array(marginal_weights(account.account, measure, year)[rows])

    parts: list[tuple[str, int, sparse.csr_array]] = []
    for year in periods.flow_years:
        gross: Sequence[sparse.csr_array] = [weights(name, year) for name in GROSS_FLOWS]
        parts += [(name, year, one) for name, one in zip(GROSS_FLOWS, gross, strict=True)]
        parts.append(("net", year, sparse.csr_array(gross[0] - gross[1])))
    parts += [("population", year, weights("population", year)) for year in periods.stock_years]
    keys = [
        chosen.select(pl.lit(measure).alias("measure"), pl.lit(year_end(year)).alias("period"), "nationality_group")
        for measure, year, _ in parts
    ]
    return pl.concat(keys), sparse.csr_array(sparse.vstack([one for _, _, one in parts]))


def stacked(found: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    """Return the figures of replicates in their order, (replicates, figures), by what is frozen."""
    return {name: np.array([one[name] for one in found]) for name in found[0]}
