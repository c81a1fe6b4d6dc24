"""The data dictionary, made from the contracts and the schema classes, so that it cannot go stale."""

import inspect
from collections.abc import Iterable, Mapping

import dataframely as dy
import polars as pl

from pipeline.ingest.check import FALSE, TRUE
from pipeline.ingest.columns import Column
from pipeline.ingest.contracts import Extract, SourceContract, Version, code_lists
from pipeline.ingest.pseudonymise import COMPOSITES, HISTORIES, PARTS, direct_identifier_kinds
from pipeline.schemas import TABLES

FEW_CODES = 8  # codes that are spelt out in a cell

_RECORD_IDS = "`record_id` (minted, 1 for the first accepted row), `subject_id` (minted, one a person and source)"


def data_dictionary(contracts: Mapping[str, SourceContract]) -> str:
    """Return all sources, their extracts and all tables between the stages, with their columns, as Markdown."""
    parts = [
        "# Data dictionary",
        "Made by `sojourn dictionary` from the source contracts and the schema classes.",
        "## Sources and their extracts",
        *(part for contract in contracts.values() for part in _source(contract)),
        "## Code lists",
        "What a source writes → what Sojourn writes, in lists that contracts share.",
        *(part for name, codes in code_lists().items() for part in _code_list(name, codes)),
        "## Tables",
        *(part for name, schema in TABLES.items() for part in _schema(name, schema)),
    ]
    return "\n\n".join(parts) + "\n"


def _source(contract: SourceContract) -> Iterable[str]:
    yield f"### `{contract.source}`: {contract.title}"
    yield contract.says
    if contract.caveats:
        yield "\n".join(f"- {caveat}" for caveat in contract.caveats)
    for name, extract in contract.extracts.items():
        yield f"#### Extract `{name}`"
        dated = f" Dated by `{extract.dated_by}`." if extract.dated_by else ""
        yield f"{extract.says} Unique by {_names(extract.unique)}.{dated}"
        yield _table(
            ("column", "header in the file", "type", "allowed", "required", "written as", "meaning"),
            (
                (f"`{column_name}`", f"`{column.header}`", _type(column), _allowed(column),
                 "yes" if column.required else "no", _written_as(column_name, column), column.says)
                for column_name, column in extract.columns.items()
            ),
        )  # fmt: skip
        for version in extract.version:
            yield from _version(version, extract)
        yield f"`records/{name}`: {_RECORD_IDS}, the attributes above{_derived(extract)}."
        yield (
            f"`quarantine/{name}`: `file`, `row_number` (1 for the first row of data), `reasons` (every one), "
            "and the attributes as text."
        )
    kinds = direct_identifier_kinds(contract)
    yield (
        f"`tokens/{contract.source}`: one row a subject: `subject_id`; clear `sex`, `birth_month`, `area`; 64-bit "
        f"tokens of the latest known {_names([*kinds, *PARTS, *COMPOSITES])}; lists of the tokens of all values "
        f"seen: {_names(HISTORIES)}."
    )


def _version(version: Version, extract: Extract) -> Iterable[str]:
    """Say what was otherwise in the files of a version."""
    first = [f"from {version.since}"] if version.since else []
    last = [f"until {version.until}"] if version.until else []
    yield f"Version `{version.id}` ({' '.join([*first, *last])}): {version.says}"
    layout = extract.layouts[version.id]
    only_here = [name for name in extract.absent if name not in layout.absent]
    if version.columns:
        yield _table(
            ("column", "header in the file", "type", "allowed"),
            (
                (f"`{name}`", f"`{column.header}`", _type(column), _allowed(column))
                for name, column in layout.columns.items()
                if name in version.columns
            ),
        )
    for told, names in (("Not in these files", layout.absent), ("In these files, not in current ones", only_here)):
        if names:
            yield f"{told}: {_names(names)}."


def _code_list(name: str, codes: Mapping[str, str]) -> Iterable[str]:
    yield f"### `{name}`"
    yield ", ".join(_code(code, meaning) for code, meaning in codes.items())


def _code(code: str, meaning: str) -> str:
    return code if code == meaning else f"{code} → {meaning}"


def _type(column: Column) -> str:
    return f"date `{column.format}`" if column.type == "date" else column.type


def _allowed(column: Column) -> str:
    if column.codes:
        return _codes(column.codes)
    if column.type == "boolean":
        return f"{', '.join(TRUE)}; {', '.join(FALSE)}"
    if column.pattern is not None:
        return f"`{column.pattern}`"
    bounds = {"from": column.min, "to": column.max}
    return " ".join(f"{word} {str(bound).replace('_', ' ')}" for word, bound in bounds.items() if bound is not None)


def _codes(codes: Mapping[str, str]) -> str:
    """Return few codes as they are, and more by the names of the lists that they make up, if they do."""
    if len(codes) > FEW_CODES:
        lists = {name: listed for name, listed in code_lists().items() if listed.items() <= codes.items()}
        if {code for listed in lists.values() for code in listed} == set(codes):
            return f"{len(codes)} codes: {_names(lists)}"
    return ", ".join(_code(code, meaning) for code, meaning in codes.items())


def _written_as(name: str, column: Column) -> str:
    if not column.is_clear_identifier:
        return "attribute"
    return f"token `{column.of}_{column.identifier}`" if column.of else f"token of `{column.identifier}`"


def _derived(extract: Extract) -> str:
    born = ["`birth_month` (first day of the month)"] if extract.has_date_of_birth else []
    place = ["`area` (from the postcode's district)"] if extract.has_postcode else []
    others = [
        f"`{column.of}_{column.identifier}` (token)"
        for column in extract.columns.values()
        if column.of and column.is_clear_identifier
    ]
    return "".join(f", {one}" for one in [*born, *place, *others])


def _schema(name: str, schema: type[dy.Schema]) -> Iterable[str]:
    yield f"### `{name}`"
    yield inspect.getdoc(schema) or ""
    key = schema.primary_key()
    yield _table(
        ("column", "type", "null", "meaning"),
        (
            (f"`{column_name}`" + (" (key)" if column_name in key else ""), _type_of(column),
             "yes" if column.nullable else "", column.description or "")
            for column_name, column in schema.columns().items()
        ),
    )  # fmt: skip


def _type_of(column: dy.Column) -> str:
    if isinstance(column, dy.Enum):
        return ", ".join(column.categories)
    if isinstance(column.dtype, pl.List):
        return "list"
    return str(column.dtype)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    escaped = (" | ".join(cell.replace("|", r"\|") for cell in line) for line in lines)
    return "\n".join(f"| {line} |" for line in escaped)
