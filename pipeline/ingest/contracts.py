"""Source contracts: for each source a TOML file that says what its extracts must look like."""

from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from pipeline.errors import UserError, unknown
from pipeline.ingest.columns import Name
from pipeline.ingest.extends import stated_contract
from pipeline.ingest.extract_contract import Extract
from pipeline.toml_files import Frozen, parse, read_toml

CONTRACT_FOLDER = Path(__file__).parent / "source_contracts"
CODE_LISTS = "code_lists.toml"


class SourceContract(Frozen):
    """One source: the key of its subjects (`person_key`), and the extracts that it delivers.

    `counts_as_resident` is false for a source that is no evidence of residence (a survey, a review).
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
        """The kind of direct identifier that is this source's own person key."""
        first = next(iter(self.extracts.values()))
        return str(first.columns[self.person_key].identifier)

    @property
    def identifier_kinds(self) -> set[str]:
        """All kinds of identifiers of the subject in any of the extracts."""
        return {
            column.identifier
            for extract in self.extracts.values()
            for column in extract.columns.values()
            if column.identifier and column.of is None
        }


def read_contract(path: Path) -> SourceContract:
    """Return the contract in a TOML file, its named code lists resolved; raises `UserError`."""
    return _contract(read_toml(path), path)


def _contract(written: dict[str, Any], path: Path) -> SourceContract:
    """Return the contract that a file states, where `path` is the file that messages name."""
    data = deepcopy(written)
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
    """The code lists in a contract of its own, or in the shared file."""

    code_lists: dict[str, dict[str, str]]


def _tables_in(value: object) -> list[dict[str, Any]]:
    """Return the tables within a table; anything else is left for the model to reject."""
    return [one for one in value.values() if isinstance(one, dict)] if isinstance(value, dict) else []


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
    shipped = (path for path in sorted(CONTRACT_FOLDER.glob("*.toml")) if path.name != CODE_LISTS)
    written = {str(data["source"]): (data, path) for path in shipped if (data := read_toml(path))}
    for path in extra:
        source, data = stated_contract(path, {source: data for source, (data, _) in written.items()})
        _contract(data, path)  # before anything is compared with it
        written.pop(source, None)
        written[source] = (data, path)
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
