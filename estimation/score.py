"""Scores of published flows and stocks against the truth, which is an argument: only `evaluate` has it."""

import polars as pl

from estimation.cells import DIVISIONS, GROSS_FLOWS, age_group
from pipeline.schemas import ALL

SCORED = ["measure", *DIVISIONS, "estimate", "lower", "upper", "truth", "error", "relative_error", "inside"]


def score_flows(flows: pl.DataFrame, truth_migrations: pl.DataFrame, truth_people: pl.DataFrame) -> pl.DataFrame:
    """Return every published flow with its truth, error (estimate less truth), relative error, and `inside`.

    The truth of a flow counts the migrations (`person, date, direction`) that fall into its period, by the
    person's sex, nationality group and age at the end of the period.
    """
    period = ["period_start", "period_end"]
    moves = truth_migrations.join(_person(truth_people), on="person", how="left").select(
        "date", pl.col("direction").cast(pl.String), "sex", "nationality_group", "birth_date"
    )
    published = _plain(flows)
    in_period = (
        published.select(period)
        .unique()
        .join_where(moves, pl.col("date") >= pl.col("period_start"), pl.col("date") <= pl.col("period_end"))
        .with_columns(_age_on(pl.col("period_end")))
    )
    truth = (
        _marginal_counts(in_period, [*period, "direction"])
        .pivot("direction", index=[*period, *DIVISIONS], values="people")
        .with_columns(pl.lit(0).alias(name) for name in GROSS_FLOWS if name not in in_period["direction"])
        .with_columns(pl.col(GROSS_FLOWS).fill_null(0))
        .with_columns(net=pl.col("immigration") - pl.col("emigration"))
        .unpivot(
            [*GROSS_FLOWS, "net"],
            index=[*period, *DIVISIONS],
            variable_name="measure",
            value_name="truth",
        )
    )
    return (
        _scored(published, truth, [*period, "measure", *DIVISIONS])
        .select(*period, *SCORED)
        .sort(*period, *SCORED[:4])
    )


def score_stocks(stocks: pl.DataFrame, truth_residents: pl.DataFrame, truth_people: pl.DataFrame) -> pl.DataFrame:
    """Return every published stock with its truth (`reference_date, person` in `truth_residents`) and error."""
    day = "reference_date"
    published = _plain(stocks)
    living = truth_residents.filter(pl.col(day).is_in(published[day].unique().to_list())).join(
        _person(truth_people), on="person", how="left"
    )
    truth = _marginal_counts(living.with_columns(_age_on(pl.col(day))), [day]).rename({"people": "truth"})
    return _scored(published, truth, [day, *DIVISIONS]).select(day, *SCORED).sort(day, *SCORED[:4])


def summarise_intervals(flows: pl.DataFrame, stocks: pl.DataFrame) -> pl.DataFrame:
    """Return how often intervals contain the truth: `margin, measure, cells, inside, share`.

    `margin` is the kind of figure: total, sex, age_group, nationality_group, cross (two or three divisions) or
    quarter.
    """
    short = (pl.col("period_end") - pl.col("period_start")).dt.total_days() < 100
    parts = [
        flows.with_columns(margin=pl.when(short).then(pl.lit("quarter")).otherwise(margin_of())),
        stocks.with_columns(margin=margin_of()),
    ]
    return (
        pl.concat([one.select("margin", "measure", "inside") for one in parts])
        .group_by("margin", "measure")
        .agg(cells=pl.len().cast(pl.Int64), inside=pl.col("inside").sum().cast(pl.Int64))
        .with_columns(share=pl.col("inside") / pl.col("cells"))
        .sort("margin", "measure")
    )


def margin_of() -> pl.Expr:
    """Return the kind of a published figure by the divisions that it has: total, one of them, or cross."""
    divided = [(pl.col(name) != ALL).cast(pl.Int8) for name in DIVISIONS]
    margin = pl.when(pl.sum_horizontal(divided) == 0).then(pl.lit("total"))
    for name in DIVISIONS:
        margin = margin.when((pl.col(name) != ALL) & (pl.sum_horizontal(divided) == 1)).then(pl.lit(name))
    return margin.otherwise(pl.lit("cross"))


def _plain(published: pl.DataFrame) -> pl.DataFrame:
    """Return published figures that are measured, with their enumerations as plain text."""
    return published.filter(pl.col("estimate").is_not_null()).with_columns(
        pl.col("measure", *DIVISIONS).cast(pl.String)
    )


def _person(people: pl.DataFrame) -> pl.DataFrame:
    return people.select("person", pl.col("sex", "nationality_group").cast(pl.String), "birth_date")


def _age_on(day: pl.Expr) -> pl.Expr:
    """Return the age group on a day that ends a month: birthdays in that month have passed."""
    born = pl.col("birth_date")
    on_day = day.dt.year() - born.dt.year() - (born.dt.month() > day.dt.month()).cast(pl.Int32)
    return age_group(pl.max_horizontal(on_day, 0))


def _marginal_counts(people: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Return the number of people in every combination of the divisions and their totals."""
    cells = people.group_by(*by, *DIVISIONS).agg(people=pl.len().cast(pl.Int64))
    for name in DIVISIONS:
        rest = [*by, *(one for one in DIVISIONS if one != name)]
        total = cells.group_by(rest).agg(pl.col("people").sum()).with_columns(pl.lit(ALL).alias(name))
        cells = pl.concat([cells, total.select(cells.columns)])
    return cells


def _scored(published: pl.DataFrame, truth: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Return published figures with the truth; a cell in which nothing happened has truth 0."""
    error = pl.col("estimate") - pl.col("truth")
    return (
        published.join(truth, on=key, how="left")
        .with_columns(pl.col("truth").fill_null(0).cast(pl.Float64))
        .with_columns(
            error=error.round(6),
            relative_error=pl.when(pl.col("truth") != 0).then(error / pl.col("truth").abs()).round(6),
            inside=pl.col("truth").is_between(pl.col("lower"), pl.col("upper")),
        )
    )
