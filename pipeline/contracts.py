"""Source contracts: what an extract must look like, in TOML files that a statistician edits."""

import re
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from pipeline.errors import UserError, unknown
from pipeline.toml_files import Frozen, parse, read_toml

CONTRACT_FOLDER = Path(__file__).parent / "source_contracts"
CODE_LISTS = "code_lists.toml"

ColumnType = Literal["text", "date", "integer", "decimal", "boolean", "code"]
PARTS_OF_A_PERSON = ("given_name", "family_name", "date_of_birth", "sex", "postcode")
Bound = int | float | date | Literal["data_date"] | None


class Column(Frozen):
    """One column of an extract: the source's header, its type, and what is allowed in it.

    `identifier` names the kind of identifier (one of `PARTS_OF_A_PERSON`, or a direct identifier such as
    `nhs_number`); two columns of one kind are comparable across sources. `of` says whose it is when it is
    not the subject's own (the mother's, or the match that a reviewer names).
    """

    header: str
    type: ColumnType
    says: str = ""
    required: bool = True
    format: str = "%Y-%m-%d"
    codes: dict[str, str] = Field(default_factory=dict)
    pattern: str | None = None
    min: Bound = None
    max: Bound = None
    identifier: str | None = None
    of: str | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from None
        return value

    @field_validator("min", "max", mode="before")
    @classmethod
    def _date_bound(cls, value: Bound | str) -> Bound | str:
        return date.fromisoformat(value) if isinstance(value, str) and value != "data_date" else value

    @model_validator(mode="after")
    def _codes_belong_to_codes(self) -> "Column":
        if (self.type == "code") != bool(self.codes):
            raise ValueError("a column of type 'code' needs 'codes', and no other column takes them")
        return self

    @property
    def is_clear_identifier(self) -> bool:
        """Whether the value must never be written: every identifier but sex, which is also an attribute."""
        return self.identifier is not None and self.identifier != "sex"


class Extract(Frozen):
    """One kind of file that a source delivers: the grain in words, the unique key, the columns."""

    says: str
    unique: tuple[str, ...]
    columns: dict[str, Column]

    @model_validator(mode="after")
    def _unique_columns_exist(self) -> "Extract":
        for name in self.unique:
            if name not in self.columns:
                raise ValueError(f"'unique' names '{name}', which is no column of the extract")
        return self

    @property
    def attributes(self) -> dict[str, Column]:
        """The columns that `records` keeps: all but clear identifiers."""
        return {name: column for name, column in self.columns.items() if not column.is_clear_identifier}

    @property
    def has_postcode(self) -> bool:
        """Whether a place can be derived from the extract."""
        return any(column.identifier == "postcode" for column in self.columns.values())

    @property
    def has_date_of_birth(self) -> bool:
        """Whether a month of birth can be derived from the extract."""
        return any(column.identifier == "date_of_birth" for column in self.columns.values())


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
    extracts: dict[str, Extract]

    @model_validator(mode="after")
    def _every_extract_has_the_person_key(self) -> "SourceContract":
        for name, extract in self.extracts.items():
            column = extract.columns.get(self.person_key)
            if column is None or column.identifier is None or column.of is not None:
                raise ValueError(
                    f"extract '{name}' needs the person key '{self.person_key}' as an identifier of its subject"
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
    lists = read_toml(CONTRACT_FOLDER / CODE_LISTS) | data.pop("code_lists", {})
    for extract in data.get("extracts", {}).values():
        for name, column in extract.get("columns", {}).items():
            if "codes" in column:
                column["codes"] = _resolve(column["codes"], lists, f"{path}, column '{name}'")
    return parse(SourceContract, data, str(path))


def _resolve(codes: object, lists: dict[str, dict[str, str]], where: str) -> object:
    names = [codes] if isinstance(codes, str) else codes
    if not isinstance(names, list):
        return codes
    resolved: dict[str, str] = {}
    for name in names:
        if name not in lists:
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
