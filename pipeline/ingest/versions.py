"""Which layout of an extract a file has: its headers tell, and the study where they fit several."""

from pathlib import Path

from pipeline.errors import UserError, unknown
from pipeline.ingest.contracts import CURRENT, Extract
from pipeline.ingest.read_extract import check_headers, has_headers_of, headers_of


def version_of(path: Path, extract: Extract, named: str | None, where: str) -> str:
    """Return the name of the layout in which a file is written: one of `extract.layouts`.

    `named` is the version that the study names for the file, `where` the place in the study that does or could.
    Raises `UserError` for headers that fit no layout (told by the nearest), or several if none is named.
    """
    layouts = extract.layouts
    if named is not None and named not in layouts:
        raise unknown("version", named, layouts, where)
    if len(layouts) == 1:
        return CURRENT
    headers = headers_of(path)
    fitting = [name for name, layout in layouts.items() if has_headers_of(headers, layout)]
    if named is None and not fitting:
        nearest = min(layouts, key=lambda name: _headers_apart(headers, layouts[name]))
        check_headers(path, headers, layouts[nearest], f"the contract's nearest layout '{nearest}'")
    if named is not None:
        check_headers(path, headers, layouts[named], f"the layout '{named}' that the study names")
        return named
    if len(fitting) > 1:
        raise UserError(
            f"{path}: its headers fit {len(fitting)} layouts of the contract: {', '.join(fitting)}. "
            f"Say in {where} which one it is, such as '{fitting[0]}'."
        )
    return fitting[0]


def _headers_apart(headers: list[str], layout: Extract) -> int:
    """Return how many headers a file has too many or too few for a layout."""
    return len(set(headers) ^ {column.header for column in layout.delivered.values()})
