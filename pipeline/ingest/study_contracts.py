"""The contracts of a study: of all sources that it knows, and of those whose files it names."""

from pipeline.errors import UserError, unknown
from pipeline.ingest.contracts import SourceContract, read_contracts
from pipeline.study import Study


def known_contracts(study: Study) -> dict[str, SourceContract]:
    """Return the contracts of the package and of the study itself, by source."""
    return read_contracts(tuple(study.resolve(name) for name in study.contracts))


def delivered_contracts(study: Study) -> dict[str, SourceContract]:
    """Return the contracts of the sources that the study has files for, by source.

    Raises `UserError` for an extract that no contract knows, and for a source of which an extract is missing.
    """
    known = known_contracts(study)
    named = {one.name for one in study.extract}
    extracts = {extract: source for source, contract in known.items() for extract in contract.extracts}
    for name in sorted(named):
        if name not in extracts:
            raise unknown("extract", name, extracts, f"{study.path}, [[extract]]")
    used = {extracts[name] for name in named}
    for source in sorted(used):
        for extract in known[source].extracts:
            if extract not in named:
                raise UserError(
                    f"{study.path}: the source '{source}' needs an [[extract]] named '{extract}'. "
                    "Add it with its files."
                )
    return {source: contract for source, contract in known.items() if source in used}
