"""Source contracts: what an extract must look like, in TOML files that a statistician edits."""

import re
from collections import Counter
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from pipeline.errors import UserError, unknown
from pipeline.ingest.columns import Column, Name
from pipeline.toml_files import Frozen, parse, read_toml

CONTRACT_FOLDER = Path(__file__).parent / "source_contracts"
CODE_LISTS = "code_lists.toml"
COLUMNS_OF_INGEST = ("record_id", "subject_id", "birth_month", "area", "file", "row_number", "reasons")
CURRENT = "current"
"""The name of the layout that an extract's own columns describe, beside its versions."""


class Difference(Frozen):
    """What a version wrote differently in one column: whatever is given replaces the extract's own."""

    header: str | None = None
    format: str | None = None
    codes: dict[str, str] | None = None
    pattern: str | None = None


class Version(Frozen):
    """Another layout of an extract, in which the source wrote records that are dated `since` to `until`.

    `columns` has what differs from the extract's own, `absent` names the columns that such a file has not.
    """

    id: Name
    says: str
    since: date | None = None
    until: date | None = None
    columns: dict[str, Difference] = Field(default_factory=dict)
    absent: tuple[str, ...] = ()

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
    """One kind of file that a source delivers: the grain in words, the unique key, the columns.

    `dated_by` names the date that orders the records of one subject, so that their latest values are known;
    without it the order of the file does. Undated records count as older than dated ones. `absent` names
    columns that the current layout has not, because only a `version` had them. The layout of a version is an
    extract as well, whose records are dated `since` to `until`.
    """

    says: str
    unique: tuple[str, ...] = Field(min_length=1)
    dated_by: str | None = None
    since: date | None = None
    until: date | None = None
    absent: tuple[str, ...] = ()
    columns: dict[str, Column]
    version: tuple[Version, ...] = ()

    @model_validator(mode="after")
    def _unique_columns_exist(self) -> "Extract":
        for name in self.unique:
            if name not in self.columns:
                raise ValueError(f"'unique' names '{name}', which is no column of the extract")
        dated_by = self.columns.get(self.dated_by) if self.dated_by else None
        if self.dated_by and (dated_by is None or dated_by.type != "date" or dated_by.is_clear_identifier):
            raise ValueError(f"'dated_by' names '{self.dated_by}', which is no date of an event in the extract")
        if (self.since or self.until or self.version) and dated_by is None:
            raise ValueError("an extract that was written otherwise in other years needs 'dated_by'")
        return self

    @model_validator(mode="after")
    def _absent_columns_can_be_missed(self) -> "Extract":
        for name in self.absent:
            if name not in self.columns:
                raise ValueError(f"'absent' names '{name}', which is no column of the extract")
            if self.columns[name].required or name in (*self.unique, self.dated_by):
                raise ValueError(
                    f"'{name}' is absent from a layout, so it must be 'required = false', and neither 'unique' "
                    "nor 'dated_by' can name it"
                )
        return self

    @model_validator(mode="after")
    def _names_and_headers_are_told_apart(self) -> "Extract":
        for name, column in self.columns.items():
            if not re.fullmatch("[a-z][a-z0-9_]*", name) or name in COLUMNS_OF_INGEST:
                raise ValueError(
                    f"'{name}' cannot name a column: use small letters, digits and '_', and none of the names "
                    f"that ingest adds ({', '.join(COLUMNS_OF_INGEST)})"
                )
            if column.of and f"{column.of}_{column.identifier}" in self.attributes:
                raise ValueError(f"'{column.of}_{column.identifier}' names the token of '{name}' already")
        headers = Counter(column.header.upper() for column in self.delivered.values())
        kinds = Counter((column.identifier, column.of) for column in self.columns.values() if column.identifier)
        twice = [header for header, times in headers.items() if times > 1]
        twice += [f"the identifier {kind}" for (kind, _), times in kinds.items() if times > 1]
        if twice:
            raise ValueError(f"{twice[0]} stands in two columns; each header and each identifier has one")
        return self

    @model_validator(mode="after")
    def _versions_are_layouts(self) -> "Extract":
        ids = [version.id for version in self.version]
        if len(set(ids)) < len(ids):
            raise ValueError("two versions have one 'id'; give each its own")
        for version in self.version:
            for name in version.columns:
                if name not in self.columns or name in version.absent:
                    fault = "absent from it" if name in self.columns else "no column of the extract"
                    raise ValueError(f"version '{version.id}' names '{name}', which is {fault}")
            self._layout(version)
        return self

    def _layout(self, version: Version) -> "Extract":
        """Return the extract as a version wrote it; raises `ValueError` where that is no extract."""
        place = f"version '{version.id}'"
        columns = dict(self.columns)
        try:
            for name, difference in version.columns.items():
                place = f"version '{version.id}', column '{name}'"
                as_written = columns[name].model_dump() | difference.model_dump(exclude_none=True)
                columns[name] = Column.model_validate(as_written)
            place = f"version '{version.id}'"
            changes = {"columns": columns, "version": (), **version.model_dump(include={"since", "until", "absent"})}
            return Extract.model_validate(self.model_dump(exclude=set(changes)) | changes)
        except ValidationError as error:
            fault = _message(error)
        raise ValueError(f"{place}: {fault}")

    @cached_property
    def layouts(self) -> dict[str, "Extract"]:
        """All layouts in which files may come, by name: the current one first, then those of the versions."""
        return {CURRENT: self} | {version.id: self._layout(version) for version in self.version}

    @property
    def delivered(self) -> dict[str, Column]:
        """The columns that a file of this layout has: all but absent ones."""
        return {name: column for name, column in self.columns.items() if name not in self.absent}

    @property
    def attributes(self) -> dict[str, Column]:
        """The columns that `records` keeps: all but clear identifiers."""
        return {name: column for name, column in self.columns.items() if not column.is_clear_identifier}

    @property
    def has_postcode(self) -> bool:
        """Whether the subject's place can be derived from the extract."""
        return self.column_of("postcode") is not None

    @property
    def has_date_of_birth(self) -> bool:
        """Whether the subject's month of birth can be derived from the extract."""
        return self.column_of("date_of_birth") is not None

    def column_of(self, kind: str) -> str | None:
        """Return the name of the column that holds the subject's identifier of a kind, if there is one."""
        named = (name for name, column in self.columns.items() if column.identifier == kind and column.of is None)
        return next(named, None)


class SourceContract(Frozen):
    """One source: who its subjects are (`person_key`), and the extracts that it delivers.

    `counts_as_resident` is false for a source that says nothing about residence (a survey, a review).
    """

    source: str = Field(pattern="^[a-z][a-z0-9_]*$")
    title: str
    says: str
    person_key: str
    counts_as_resident: bool = True
    caveats: tuple[str, ...] = ()
    extracts: dict[Name, Extract] = Field(min_length=1)

    @model_validator(mode="after")
    def _every_extract_has_the_person_key(self) -> "SourceContract":
        for name, extract in self.extracts.items():
            column = extract.columns.get(self.person_key)
            if column is None or not column.is_direct_identifier or column.of is not None or not column.required:
                raise ValueError(
                    f"extract '{name}' needs the person key '{self.person_key}', required, as a direct identifier "
                    "of its subject"
                )
        return self

    @cached_property
    def person_key_kind(self) -> str:
        """The kind of direct identifier that is this source's own key."""
        first = next(iter(self.extracts.values()))
        return str(first.columns[self.person_key].identifier)

    @property
    def identifier_kinds(self) -> set[str]:
        """All kinds of identifiers of the subject that any extract carries."""
        return {
            column.identifier
            for extract in self.extracts.values()
            for column in extract.columns.values()
            if column.identifier and column.of is None
        }


def read_contract(path: Path) -> SourceContract:
    """Return the contract in a TOML file, its named code lists resolved; raises `UserError`."""
    data = read_toml(path)
    own = parse(_CodeLists, {"code_lists": data.pop("code_lists", {})}, str(path))
    lists = code_lists() | own.code_lists
    for extract in _tables_in(data.get("extracts")):
        versions = extract.get("version")
        for table in [extract, *(versions if isinstance(versions, list) else ())]:
            columns = table.get("columns") if isinstance(table, dict) else None
            for name, column in columns.items() if isinstance(columns, dict) else ():
                if isinstance(column, dict) and "codes" in column:
                    column["codes"] = _resolve(column["codes"], lists, f"{path}, column '{name}'")
    return parse(SourceContract, data, str(path))


def code_lists() -> dict[str, dict[str, str]]:
    """Return the code lists that contracts share, by name: what a source writes -> what Sojourn writes."""
    path = CONTRACT_FOLDER / CODE_LISTS
    return parse(_CodeLists, {"code_lists": read_toml(path)}, str(path)).code_lists


class _CodeLists(Frozen):
    """The code lists that a contract brings with it."""

    code_lists: dict[str, dict[str, str]]


def _message(error: ValidationError) -> str:
    """Return the words of the first mistake that a model found."""
    return error.errors()[0]["msg"].removeprefix("Value error, ")


def _tables_in(value: object) -> list[dict[str, Any]]:
    """Return the tables of a table; what is none is left for the model to refuse."""
    return [one for one in value.values() if isinstance(one, dict)] if isinstance(value, dict) else []


def _resolve(codes: object, lists: dict[str, dict[str, str]], where: str) -> object:
    names = [codes] if isinstance(codes, str) else codes
    if not isinstance(names, list):
        return codes
    resolved: dict[str, str] = {}
    for name in names:
        if not isinstance(name, str) or name not in lists:
            raise unknown("code list", str(name), lists, where)
        resolved |= lists[name]
    return resolved


def read_contracts(extra: tuple[Path, ...] = ()) -> dict[str, SourceContract]:
    """Return all contracts by source: those of the package, then `extra` files; sorted by source."""
    files = [path for path in sorted(CONTRACT_FOLDER.glob("*.toml")) if path.name != CODE_LISTS] + list(extra)
    contracts: dict[str, SourceContract] = {}
    owner: dict[str, str] = {}
    for path in files:
        contract = read_contract(path)
        if contract.source in contracts:
            raise UserError(f"{path}: the source '{contract.source}' has a contract already. Give it another name.")
        for extract in contract.extracts:
            if extract in owner:
                raise UserError(f"{path}: the extract '{extract}' belongs to '{owner[extract]}'. Rename it.")
            owner[extract] = contract.source
        contracts[contract.source] = contract
    return dict(sorted(contracts.items()))
