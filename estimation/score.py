"""Scores of published flows and stocks against the truth. Only `evaluate` calls them: the truth is an argument."""

import polars as pl

from estimation.periods import age_group
from pipeline.schemas import ALL

DIVISIONS = ("sex", "age_group", "nationality_group")
SHOWN = ["measure", *DIVISIONS, "estimate", "lower", "upper", "truth", "error", "relative_error", "inside"]


def score_flows(flows: pl.DataFrame, truth_migrations: pl.DataFrame, truth_people: pl.DataFrame) -> pl.DataFrame:
    """Return every published flow with its truth, error (estimate less truth), relative error, and `inside`.

    The truth of a flow counts the migrations (`person, date, direction`) that fall into its period, by the
    person's sex, nationality group and age at the end of the period.
    """
    period = ["period_start", "period_end"]
    moves = truth_migrations.join(_person(truth_people), on="person", how="left").select(
        "date", pl.col("direction").cast(pl.String), "sex", "nationality_group", "birth_date"
    )
    told = _told(flows)
    happened = (
        told.select(period)
        .unique()
        .join_where(moves, pl.col("date") >= pl.col("period_start"), pl.col("date") <= pl.col("period_end"))
        .with_columns(_age_on(pl.col("period_end")))
    )
    truth = (
        _margins(happened, [*period, "direction"])
        .pivot("direction", index=[*period, *DIVISIONS], values="people")
        .with_columns(
            pl.lit(0).alias(name) for name in ("immigration", "emigration") if name not in happened["direction"]
        )
        .with_columns(pl.col("immigration", "emigration").fill_null(0))
        .with_columns(net=pl.col("immigration") - pl.col("emigration"))
        .unpivot(
            ["immigration", "emigration", "net"],
            index=[*period, *DIVISIONS],
            variable_name="measure",
            value_name="truth",
        )
    )
    return _scored(told, truth, [*period, "measure", *DIVISIONS]).select(*period, *SHOWN).sort(*period, *SHOWN[:4])


def score_stocks(stocks: pl.DataFrame, truth_residents: pl.DataFrame, truth_people: pl.DataFrame) -> pl.DataFrame:
    """Return every published stock with its truth (`reference_date, person` in `truth_residents`) and error."""
    day = "reference_date"
    told = _told(stocks)
    living = truth_residents.filter(pl.col(day).is_in(told[day].unique().to_list())).join(
        _person(truth_people), on="person", how="left"
    )
    truth = _margins(living.with_columns(_age_on(pl.col(day))), [day]).rename({"people": "truth"})
    return _scored(told, truth, [day, *DIVISIONS]).select(day, *SHOWN).sort(day, *SHOWN[:4])


def summarise_intervals(flows: pl.DataFrame, stocks: pl.DataFrame) -> pl.DataFrame:
    """Return how often intervals hold the truth: `margin, measure, cells, inside, share`.

    `margin` is total, sex, age_group, nationality_group, cross (two or all three divisions) or quarter.
    """
    divided = [(pl.col(name) != ALL).cast(pl.Int8) for name in DIVISIONS]
    margin = pl.when(pl.sum_horizontal(divided) == 0).then(pl.lit("total"))
    for name in DIVISIONS:
        margin = margin.when((pl.col(name) != ALL) & (pl.sum_horizontal(divided) == 1)).then(pl.lit(name))
    margin = margin.otherwise(pl.lit("cross"))
    short = (pl.col("period_end") - pl.col("period_start")).dt.total_days() < 100
    parts = [
        flows.with_columns(margin=pl.when(short).then(pl.lit("quarter")).otherwise(margin)),
        stocks.with_columns(margin=margin),
    ]
    return (
        pl.concat([one.select("margin", "measure", "inside") for one in parts])
        .group_by("margin", "measure")
        .agg(cells=pl.len().cast(pl.Int64), inside=pl.col("inside").sum().cast(pl.Int64))
        .with_columns(share=pl.col("inside") / pl.col("cells"))
        .sort("margin", "measure")
    )


def _told(published: pl.DataFrame) -> pl.DataFrame:
    return published.with_columns(pl.col("measure", *DIVISIONS).cast(pl.String))


def _person(people: pl.DataFrame) -> pl.DataFrame:
    return people.select("person", pl.col("sex", "nationality_group").cast(pl.String), "birth_date")


def _age_on(day: pl.Expr) -> pl.Expr:
    """Return the age group on a day that ends a month: whoever has the birthday in that month has had it."""
    born = pl.col("birth_date")
    on_day = day.dt.year() - born.dt.year() - (born.dt.month() > day.dt.month()).cast(pl.Int32)
    return age_group(pl.max_horizontal(on_day, 0))


def _margins(people: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Return the number of people in every combination of the divisions and their totals."""
    cells = people.group_by(*by, *DIVISIONS).agg(people=pl.len().cast(pl.Int64))
    for name in DIVISIONS:
        rest = [*by, *(one for one in DIVISIONS if one != name)]
        total = cells.group_by(rest).agg(pl.col("people").sum()).with_columns(pl.lit(ALL).alias(name))
        cells = pl.concat([cells, total.select(cells.columns)])
    return cells


def _scored(told: pl.DataFrame, truth: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Return what was told with the truth; a cell in which nothing happened has truth 0."""
    error = pl.col("estimate") - pl.col("truth")
    return (
        told.join(truth, on=key, how="left")
        .with_columns(pl.col("truth").fill_null(0).cast(pl.Float64))
        .with_columns(
            error=error.round(6),
            relative_error=pl.when(pl.col("truth") != 0).then(error / pl.col("truth").abs()).round(6),
            inside=pl.col("truth").is_between(pl.col("lower"), pl.col("upper")),
        )
    )
