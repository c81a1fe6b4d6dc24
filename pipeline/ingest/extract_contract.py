"""What a contract says about one kind of file: its grain, its key, its columns, and its layouts in other years."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from functools import cached_property
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from pipeline.ingest.columns import FIRST_ARRIVAL, Column, MissingValues, Name
from pipeline.ingest.order_check import OrderCheck
from pipeline.ingest.period_check import PeriodCheck
from pipeline.toml_files import Frozen


def _kind_of_check(check: Any) -> str:
    named = "period" in check if isinstance(check, dict) else isinstance(check, PeriodCheck)
    return "period" if named else "order"


RowCheck = Annotated[
    Annotated[OrderCheck, Tag("order")] | Annotated[PeriodCheck, Tag("period")], Discriminator(_kind_of_check)
]
"""A check of a row across its columns: of one with `period`, or else of the order of two dates."""
COLUMNS_OF_INGEST = ("record_id", "subject_id", "birth_month", "area", "file", "row_number", "reasons")
CURRENT = "current"
"""The name of the layout that an extract's own columns describe, beside its versions."""


class Difference(Frozen):
    """How one column differs in a version: each key that is given replaces that of the extract's own column."""

    header: str | None = None
    format: str | None = None
    zone: str | None = None
    starts: str | None = None
    codes: dict[str, str] | None = None
    pattern: str | None = None
    missing: MissingValues | None = None


class Version(Frozen):
    """Another layout of an extract, in which the source wrote its records dated `since` to `until`.

    `columns` has the differences from the extract's own columns, `absent` names the columns that its files lack,
    `ignore` their headers that nobody wants, and `missing` the texts that mean an empty value, where they are not
    those of the extract.
    """

    id: Name
    says: str
    since: date | None = None
    until: date | None = None
    columns: dict[str, Difference] = Field(default_factory=dict)
    absent: tuple[str, ...] = ()
    ignore: tuple[str, ...] | None = None
    missing: MissingValues | None = None

    @model_validator(mode="after")
    def _is_of_some_years(self) -> "Version":
        if self.id == CURRENT:
            raise ValueError(f"'{CURRENT}' is the name of the extract's own layout. Give the version another 'id'")
        if self.since is None and self.until is None:
            raise ValueError("a version needs 'since', 'until' or both: the dates that its records can have")
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError(f"'since' is {self.since} and 'until' is {self.until}: no date lies between them")
        return self


class Extract(Frozen):
    """One kind of file that a source delivers: its grain in words, its unique key, its columns.

    A row with the `unique` key of an earlier one is a repeated record; a source without a person key, every row of
    which is a person, needs no such key.
    `dated_by` names the date by which the records of one subject are ordered, so that the latest values are known;
    without it, the order of rows in the file is used. Undated records count as older than dated ones. `absent`
    names columns that the current layout lacks, because only a `version` has them. `ignore` has headers of columns
    that nobody wants: a file may have them, and they are not read. `missing` has the texts that mean an empty value,
    in every column that does not list its own. The layout of a version is an `Extract` too, whose records are dated
    `since` to `until`. `check` lists checks of a row across its columns.

    A delivery covers every day from `covers_from` to `covers_to` (the data date, if omitted); `longest_gap_days` is
    the longest time without any row that is usual, also between the last row and the data date.
    """

    says: str = ""
    unique: tuple[str, ...] = ()
    dated_by: str | None = None
    since: date | None = None
    until: date | None = None
    covers_from: date | None = None
    covers_to: date | None = None
    longest_gap_days: int = Field(default=92, ge=1, le=36_600)
    absent: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    missing: MissingValues = ()
    columns: dict[str, Column]
    check: tuple[RowCheck, ...] = ()
    version: tuple[Version, ...] = ()

    @model_validator(mode="after")
    def _checks_fit_the_columns(self) -> "Extract":
        for check in self.check:
            if misfit := check.misfit(self.columns):
                raise ValueError(misfit)
        return self

    @model_validator(mode="after")
    def _spans_can_be_checked(self) -> "Extract":
        if self.covers_to is not None and self.covers_from is None:
            raise ValueError("'covers_to' needs 'covers_from': the first day that a delivery covers")
        if self.covers_from is not None and self.first_and_last_day is None:
            raise ValueError(
                "an extract with 'covers_from' needs 'dated_by', or a check with the 'first' day of a period"
            )
        if self.covers_from is not None and self.covers_to is not None and self.covers_from > self.covers_to:
            raise ValueError(
                f"'covers_from' is {self.covers_from} and 'covers_to' is {self.covers_to}: no day is covered"
            )
        return self

    @model_validator(mode="after")
    def _unique_columns_exist(self) -> "Extract":
        for name in self.unique:
            if name not in self.columns:
                raise ValueError(f"'unique' names '{name}', which is not a column of the extract")
        dated_by = self.columns.get(self.dated_by) if self.dated_by else None
        if self.dated_by and (dated_by is None or not dated_by.gives_date or dated_by.is_clear_identifier):
            raise ValueError(f"'dated_by' names '{self.dated_by}', which is not the date of an event in the extract")
        if (self.since or self.until or self.version) and dated_by is None:
            raise ValueError("an extract whose layout depends on the date needs 'dated_by'")
        return self

    @model_validator(mode="after")
    def _absent_columns_are_optional(self) -> "Extract":
        for name in self.absent:
            if name not in self.columns:
                raise ValueError(f"'absent' names '{name}', which is not a column of the extract")
            if self._is_needed(name):
                raise ValueError(
                    f"'{name}' is absent from a layout, so it must be 'required = false', and neither 'unique' "
                    "nor 'dated_by' may name it"
                )
        for name, column in self.columns.items():
            if not column.in_every_file and self._is_needed(name):
                raise ValueError(
                    f"'{name}' is not in every file, so it must be 'required = false', and neither 'unique' nor "
                    "'dated_by' may name it"
                )
        return self

    @model_validator(mode="after")
    def _ages_are_counted_on_a_day(self) -> "Extract":
        for name, column in self.columns.items():
            if isinstance(column.age_on, str):
                day = self.columns.get(column.age_on)
                if day is None or not day.gives_date or day.identifier:
                    raise ValueError(
                        f"'age_on' of '{name}' is '{column.age_on}', which is neither a date such as 2011-03-27 nor "
                        "a column of the extract that has one"
                    )
        return self

    @model_validator(mode="after")
    def _keys_are_not_null(self) -> "Extract":
        for name in (*self.unique, *([self.dated_by] if self.dated_by else [])):
            if self.columns[name].unusable == "null":
                raise ValueError(
                    f"'{name}' tells records apart or orders them, so its unusable values cannot become null. Remove "
                    'unusable = "null"'
                )
        return self

    def _is_needed(self, name: str) -> bool:
        return self.columns[name].required or name in (*self.unique, self.dated_by)

    @model_validator(mode="after")
    def _names_and_headers_are_distinct(self) -> "Extract":
        for name, column in self.columns.items():
            if not re.fullmatch("[a-z][a-z0-9_]*", name) or name in COLUMNS_OF_INGEST:
                raise ValueError(
                    f"'{name}' cannot name a column: use lower-case letters, digits and '_', and none of the names "
                    f"of columns that ingest adds ({', '.join(COLUMNS_OF_INGEST)})"
                )
            if column.of and f"{column.of}_{column.identifier}" in self.attributes:
                raise ValueError(f"'{column.of}_{column.identifier}' is already the name of the token of '{name}'")
        wanted = [column.header for column in (*self.delivered.values(), *self.optional.values())]
        for header in self.ignore:
            if header in wanted:
                raise ValueError(f"'ignore' names the header '{header}', which is that of a column")
        headers = Counter(header.upper() for header in wanted)
        kinds = Counter((column.identifier, column.of) for column in self.columns.values() if column.identifier)
        repeated = [header for header, times in headers.items() if times > 1]
        repeated += [f"the identifier {kind}" for (kind, _), times in kinds.items() if times > 1]
        corroborating = Counter(column.corroborates for column in self.columns.values() if column.corroborates)
        repeated += [
            f"corroborates = '{kind}'"
            for kind, times in corroborating.items()
            if times > 1 and kind != FIRST_ARRIVAL  # of several dates the earliest counts
        ]
        if repeated:
            raise ValueError(f"two columns have {repeated[0]}; each header and each kind may have only one")
        return self

    @model_validator(mode="after")
    def _missing_values_are_no_codes(self) -> "Extract":
        for name, column in self.columns.items():
            for text in self.missing_in(name):
                if text in column.codes:
                    raise ValueError(
                        f"'missing' has '{text}', which is a code of '{name}'. Remove it from the codes, or give the "
                        "column a 'missing' of its own without it (missing = [] for none)"
                    )
        return self

    @model_validator(mode="after")
    def _versions_are_layouts(self) -> "Extract":
        ids = [version.id for version in self.version]
        if len(set(ids)) < len(ids):
            raise ValueError("two versions have the same 'id'; give each its own")
        for version in self.version:
            for name in version.columns:
                if name not in self.columns or name in version.absent:
                    fault = "absent from it" if name in self.columns else "not a column of the extract"
                    raise ValueError(f"version '{version.id}' names '{name}', which is {fault}")
            self._layout(version)
        return self

    def _layout(self, version: Version) -> "Extract":
        """Return the extract in the layout of a version; raises `ValueError` where that is not a valid extract."""
        location = f"version '{version.id}'"
        columns = dict(self.columns)
        try:
            for name, difference in version.columns.items():
                location = f"version '{version.id}', column '{name}'"
                as_written = columns[name].model_dump() | difference.model_dump(exclude_none=True)
                columns[name] = Column.model_validate(as_written)
            location = f"version '{version.id}'"
            changes = {"columns": columns, "version": (), **version.model_dump(include={"since", "until", "absent"})}
            if version.ignore is not None:
                changes["ignore"] = version.ignore
            if version.missing is not None:
                changes["missing"] = version.missing
            return Extract.model_validate(self.model_dump(exclude=set(changes)) | changes)
        except ValidationError as error:
            fault = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"{location}: {fault}")

    @cached_property
    def layouts(self) -> dict[str, "Extract"]:
        """All layouts that files may have, by name: the current one first, then those of the versions."""
        return {CURRENT: self} | {version.id: self._layout(version) for version in self.version}

    @property
    def yearly(self) -> PeriodCheck | None:
        """The check that makes each row one of a whole year, if there is one."""
        return next((one for one in self.check if isinstance(one, PeriodCheck) and one.first), None)

    @property
    def first_and_last_day(self) -> tuple[str, str | None] | None:
        """The columns of the first and the last day that a row is about; without a last one, it is of one day."""
        if self.yearly is not None and self.yearly.first:
            return self.yearly.first, self.yearly.last
        return (self.dated_by, None) if self.dated_by else None

    @property
    def delivered(self) -> dict[str, Column]:
        """The columns that every file of this layout has."""
        present = ((name, column) for name, column in self.columns.items() if name not in self.absent)
        return {name: column for name, column in present if column.in_every_file}

    @property
    def optional(self) -> dict[str, Column]:
        """The columns that some files of this layout have."""
        present = ((name, column) for name, column in self.columns.items() if name not in self.absent)
        return {name: column for name, column in present if not column.in_every_file}

    def found_in(self, headers: Iterable[str]) -> dict[str, Column]:
        """Return the columns that a file with these headers has."""
        found = set(headers)
        return self.delivered | {name: column for name, column in self.optional.items() if column.header in found}

    def missing_in(self, name: str) -> MissingValues:
        """Return the texts that mean an empty value in a column."""
        own = self.columns[name].missing
        return self.missing if own is None else own

    @property
    def nulled(self) -> tuple[str, ...]:
        """The columns of which a value that cannot be used becomes null: identifiers, if nothing else is stated.

        The person key is stated (`SourceContract`), and a column of `unique` tells records apart.
        """
        return tuple(
            name
            for name, column in self.columns.items()
            if column.unusable == "null"
            or (column.unusable is None and column.identifier is not None and name not in self.unique)
        )

    def corroborating(self, kind: str) -> list[str]:
        """Return the names of the columns that corroborate by a kind of attribute."""
        return [name for name, column in self.columns.items() if column.corroborates == kind]

    @property
    def attributes(self) -> dict[str, Column]:
        """The columns that `records` keeps: all except clear identifiers."""
        return {name: column for name, column in self.columns.items() if not column.is_clear_identifier}

    @property
    def has_postcode(self) -> bool:
        """Whether the subject's area can be derived from the extract."""
        return self.column_of("postcode") is not None

    @property
    def has_date_of_birth(self) -> bool:
        """Whether the subject's month of birth can be derived from the extract."""
        return self.column_of("date_of_birth") is not None

    def column_of(self, kind: str) -> str | None:
        """Return the name of the column with the subject's own identifier of a kind, if there is one."""
        named = (name for name, column in self.columns.items() if column.identifier == kind and column.of is None)
        return next(named, None)
