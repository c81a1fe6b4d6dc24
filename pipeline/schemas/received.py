"""Tables of what was received: files, rows refused, gaps, and what each source looks like."""

import dataframely as dy
import polars as pl


class Ledger(dy.Schema):
    """One extract file, and how many of its rows were accepted and quarantined."""

    source = dy.String()
    extract = dy.String(primary_key=True)
    file = dy.String(primary_key=True, description="Name of the file, without its folder.")
    version = dy.String(description="Layout of the file: the id of a version in the contract, or `current`.")
    sha256 = dy.String()
    columns_ignored = dy.Int64(min=0, description="Columns that the contract ignores: neither read nor stored.")
    rows_in = dy.Int64(min=0)
    accepted = dy.Int64(min=0)
    quarantined = dy.Int64(min=0)
    reasons = dy.String(description="JSON object: reason of quarantine -> number of rows; a row can have several.")
    unusable = dy.String(
        description="JSON object: column -> number of values of accepted rows that cannot be used and became null."
    )

    @dy.rule()
    def adds_up(cls) -> pl.Expr:  # noqa: N805
        """Every row is either accepted or quarantined."""
        return pl.col("rows_in") == pl.col("accepted") + pl.col("quarantined")


class Gaps(dy.Schema):
    """One span of time that an extract should cover, by its contract, and of which a delivery has no rows."""

    extract = dy.String(primary_key=True)
    gap_from = dy.Date(primary_key=True)
    gap_to = dy.Date(description="Last day of the span.")


class SourceCards(dy.Schema):
    """One extract as it was delivered: its accepted rows, people and days, and what is missing."""

    source = dy.String()
    extract = dy.String(primary_key=True)
    data_date = dy.Date(description="Data date of the delivery.")
    rows = dy.Int64(min=0, description="Accepted rows.")
    subjects = dy.Int64(min=0, description="Different subjects: people, as the source tells them apart.")
    dated_by = dy.String(nullable=True, description="Column of the day that a row is about.")
    first_day = dy.Date(nullable=True, description="Earliest such day.")
    last_day = dy.Date(nullable=True, description="Latest such day.")
    missing = dy.String(description="JSON object: column -> share of the rows without a value that can be used.")
    days_between = dy.String(
        description="JSON object: `later after earlier`, two dates of a row -> the median of the days between them."
    )


class DeliveryVolumes(dy.Schema):
    """The rows of one extract in one delivery: this one, and those before it that the study names."""

    extract = dy.String(primary_key=True)
    data_date = dy.Date(primary_key=True, description="Data date of the delivery.")
    rows = dy.Int64(min=0, description="Rows of its files; of earlier deliveries, as their study files state them.")
