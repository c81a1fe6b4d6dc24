"""Which layout of an extract a file has: by its headers, or as the study says where they fit several."""

from pathlib import Path

from pipeline.errors import UserError, unknown
from pipeline.ingest.extract_contract import CURRENT, Extract
from pipeline.ingest.read_extract import check_headers, has_headers_of, headers_of


def version_of(path: Path, extract: Extract, named: str | None, where: str) -> str:
    """Return the name of the layout in which a file is written: one of `extract.layouts`.

    `named` is the version that the study names for the file, `where` the place in the study that names or could name
    one. Raises `UserError` if the headers fit no layout (with the nearest one), or several and none is named.
    """
    layouts = extract.layouts
    if named is not None and named not in layouts:
        raise unknown("version", named, layouts, where)
    if len(layouts) == 1:
        return CURRENT
    headers = headers_of(path)
    fitting = [name for name, layout in layouts.items() if has_headers_of(headers, layout)]
    if named is None and not fitting:
        nearest = min(layouts, key=lambda name: _differing_headers(headers, layouts[name]))
        check_headers(path, headers, layouts[nearest], f"the contract's nearest layout '{nearest}'")
    if named is not None:
        check_headers(path, headers, layouts[named], f"the layout '{named}' that the study names")
        return named
    if len(fitting) > 1:
        raise UserError(
            f"{path}: its headers fit {len(fitting)} layouts of the contract: {', '.join(fitting)}. "
            f"Name one of them in {where}, such as '{fitting[0]}'."
        )
    return fitting[0]


def _differing_headers(headers: list[str], layout: Extract) -> int:
    """Return the number of headers that only the file or only the layout has."""
    wanted = {header for header in headers if header not in layout.ignore}
    return len(wanted ^ {column.header for column in layout.found_in(wanted).values()})
