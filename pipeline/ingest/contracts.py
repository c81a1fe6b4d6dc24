"""Source contracts: for each source a TOML file that says what its extracts must look like."""

from copy import deepcopy
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from pipeline.errors import UserError, unknown
from pipeline.ingest.columns import PARTS_OF_A_PERSON, Name
from pipeline.ingest.extends import stated_contract
from pipeline.ingest.extract_contract import Extract
from pipeline.toml_files import Frozen, parse, read_toml

CONTRACT_FOLDER = Path(__file__).parent / "source_contracts"
CODE_LISTS = "code_lists.toml"


class SourceContract(Frozen):
    """One source: the key of its subjects (`person_key`), and the extracts that it delivers.

    Without a `person_key` every row is one subject. `public_id` names a column with a serial that says nothing about
    a person: outputs name subjects by it. `counts_as_resident` is false for a source that is no evidence of
    residence (a survey, a review).
    """

    source: str = Field(pattern="^[a-z][a-z0-9_]*$")
    title: str = ""
    says: str = ""
    person_key: str | None = None
    public_id: str | None = None
    counts_as_resident: bool = True
    caveats: tuple[str, ...] = ()
    extracts: dict[Name, Extract] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _person_key_is_direct_and_usable(cls, data: Any) -> Any:
        """Declare the person key for direct without its saying so: a row without a usable one has no subject."""
        key = data.get("person_key") if isinstance(data, dict) else None
        for extract in _tables_in(data.get("extracts")).values() if isinstance(data, dict) else ():
            for name, column in _tables_in(extract.get("columns")).items():
                # a number that helps to link is no reason to lose the row that lacks it
                if column.get("direct") and name != key and "of" not in column:
                    column.setdefault("required", name in (extract.get("unique") or ()))
        for name, extract in _tables_in(data.get("extracts")).items() if isinstance(key, str) else ():
            columns = extract.get("columns")
            if not isinstance(columns, dict):
                continue
            if key not in columns:
                raise ValueError(f"extract '{name}' needs the person key '{key}', which is not one of its columns")
            column = columns[key]
            if isinstance(column, dict) and column.get("identifier") not in PARTS_OF_A_PERSON:
                columns[key] = {"direct": True, "unusable": "quarantine"} | column
        return data

    @model_validator(mode="after")
    def _every_extract_has_the_person_key(self) -> "SourceContract":
        if self.person_key is None:
            return self
        for name, extract in self.extracts.items():
            column = extract.columns.get(self.person_key)
            if column is None or not column.is_direct_identifier or column.of is not None or not column.required:
                raise ValueError(
                    f"extract '{name}' needs the person key '{self.person_key}', required, as a direct identifier "
                    "of its subject"
                )
            if column.unusable == "null":
                raise ValueError(
                    f"extract '{name}': a row without a usable person key '{self.person_key}' has no subject, so "
                    'unusable = "null" is not possible. Remove it'
                )
            if not extract.unique:
                raise ValueError(
                    f"extract '{name}' needs 'unique': the columns by which a repeated record of a person is known"
                )
        return self

    @model_validator(mode="after")
    def _public_id_is_no_identifier(self) -> "SourceContract":
        if self.public_id is None:
            return self
        for name, extract in self.extracts.items():
            column = extract.columns.get(self.public_id)
            if column is not None and column.identifier is not None:
                raise ValueError(
                    f"the public id '{self.public_id}' is the identifier '{column.identifier}' in the extract "
                    f"'{name}', and outputs show it in clear. Use a serial that says nothing about a person, or none"
                )
            if column is None or self.public_id in _absent_somewhere(extract) or not column.required:
                raise ValueError(f"extract '{name}' needs the public id '{self.public_id}', required, in every file")
            if column.type not in ("text", "integer"):
                raise ValueError(f"the public id '{self.public_id}' must be of type 'text' or 'integer'")
        return self

    @property
    def own_key(self) -> str:
        """The column of the person key, for what cannot do without; raises `UserError` if the source has none."""
        if self.person_key is None:
            raise UserError(
                f"The contract of '{self.source}' has no 'person_key', by which its people are known to others. Add "
                "it: the column with the source's own key of a person."
            )
        return self.person_key

    @cached_property
    def person_key_kind(self) -> str:
        """The kind of direct identifier that is this source's own person key; raises `UserError` if it has none."""
        first = next(iter(self.extracts.values()))
        return str(first.columns[self.own_key].identifier)

    @property
    def identifier_kinds(self) -> set[str]:
        """All kinds of identifiers of the subject in any of the extracts."""
        return {
            column.identifier
            for extract in self.extracts.values()
            for column in extract.columns.values()
            if column.identifier and column.of is None
        }


def _absent_somewhere(extract: Extract) -> set[str]:
    """Return the columns that a file of some layout may lack."""
    return {name for layout in extract.layouts.values() for name in layout.columns if name not in layout.delivered}


def read_contract(path: Path) -> SourceContract:
    """Return the contract in a TOML file, its named code lists resolved; raises `UserError`."""
    return _contract(read_toml(path), path)


def _contract(written: dict[str, Any], path: Path) -> SourceContract:
    """Return the contract that a file states, where `path` is the file that messages name."""
    data = deepcopy(written)
    own = parse(_CodeLists, {"code_lists": data.pop("code_lists", {})}, str(path))
    lists = code_lists() | own.code_lists
    for extract in _tables_in(data.get("extracts")).values():
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
    """The code lists in a contract of its own, or in the shared file."""

    code_lists: dict[str, dict[str, str]]


def _tables_in(value: object) -> dict[str, dict[str, Any]]:
    """Return the tables within a table, by name; anything else is left for the model to reject."""
    if not isinstance(value, dict):
        return {}
    return {str(name): one for name, one in value.items() if isinstance(one, dict)}


def _resolve(codes: object, lists: dict[str, dict[str, str]], where: str) -> object:
    """Return the codes of a column as one table, from the names of lists and tables of the column's own."""
    parts = [codes] if isinstance(codes, str) else codes
    if not isinstance(parts, list):
        return codes
    resolved: dict[str, str] = {}
    own = [part for part in parts if isinstance(part, dict)]
    for name in (part for part in parts if not isinstance(part, dict)):
        if not isinstance(name, str) or name not in lists:
            raise unknown("code list", str(name), lists, where)
        for code in resolved.keys() & lists[name].keys():
            if resolved[code] != lists[name][code] and not any(code in table for table in own):
                raise UserError(
                    f"{where}: the code '{code}' has another meaning in '{name}' than in the lists before it. Leave "
                    f'one of them out, or give its meaning here, as in codes = [..., {{ {code} = "..." }}].'
                )
        resolved |= lists[name]
    for table in own:
        resolved |= table
    return resolved


def read_contracts(extra: tuple[Path, ...] = ()) -> dict[str, SourceContract]:
    """Return all contracts by source, sorted: those of Sojourn, and those in `extra` files, read in their order.

    A file of `extra` states a new source, `replaces` the contract of one, or names the one that it `extends`.
    """
    if not extra:
        return dict(_shipped())
    written = {source: (read_toml(path), path) for source, path in _shipped_files().items()}
    for path in extra:
        source, data = stated_contract(path, {source: data for source, (data, _) in written.items()})
        _contract(data, path)  # before anything is compared with it
        written.pop(source, None)
        written[source] = (data, path)
    return _all_of(written)


def _shipped_files() -> dict[str, Path]:
    """Return the file of each contract of Sojourn, by source."""
    files = (path for path in sorted(CONTRACT_FOLDER.glob("*.toml")) if path.name != CODE_LISTS)
    return {str(read_toml(path)["source"]): path for path in files}


@cache
def _shipped() -> dict[str, SourceContract]:
    """Return the contracts of Sojourn: they are part of the program, and every stage asks for them."""
    return _all_of({source: (read_toml(path), path) for source, path in _shipped_files().items()})


def _all_of(written: dict[str, tuple[dict[str, Any], Path]]) -> dict[str, SourceContract]:
    """Return the contracts that files state, by source, sorted; an extract belongs to one of them."""
    contracts: dict[str, SourceContract] = {}
    owner: dict[str, str] = {}
    for source, (data, path) in written.items():
        contract = _contract(data, path)
        for extract in contract.extracts:
            if extract in owner:
                raise UserError(f"{path}: the extract '{extract}' already belongs to '{owner[extract]}'. Rename it.")
            owner[extract] = source
        contracts[source] = contract
    return dict(sorted(contracts.items()))
