"""Pages of the documentation that are made from contracts, rules and code."""

from typing import Annotated

from cyclopts import Parameter

from flows.commands.app import app
from flows.loading import loading


@app.command
def dictionary() -> int:
    """Print the data dictionary, made from the source contracts and the schema classes, as Markdown."""
    from pipeline.ingest.contracts import read_contracts
    from pipeline.ingest.dictionary import data_dictionary

    print(data_dictionary(read_contracts()), end="")
    return 0


@app.command
def assumptions(
    *, as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print a list of JSON objects.")] = False
) -> int:
    """Print every number that rules, linkage and estimation declare, with its source and what it moves."""
    with loading():
        from flows.assumptions import print_assumptions

    return print_assumptions(as_json=as_json)
