"""Which extracts the rules on people read, and whether they can cover the periods that a study publishes."""

from collections.abc import Mapping
from datetime import date

from pipeline.errors import UserError
from pipeline.ingest.contracts import SourceContract
from pipeline.study import Study
from rules.fields import names_in
from rules.model import RuleSet


def extracts_read(rule_set: RuleSet, delivered: Mapping[str, SourceContract]) -> tuple[str, ...]:
    """Return the extracts of a study from which the published definition, residence and deaths take evidence."""
    people = rule_set.people
    chosen = {group.stay for group in people.definition.groups}
    family = next(one for one in people.families if one.id == people.published_family)
    used = {*family.all_signs, *family.unless}
    residents = [rule for rule in people.residents if rule.id in used]
    rules = [*(rule for rule in people.stays if rule.id in chosen), *people.definition.groups, *residents]
    named = {name for rule in rules for _, names in names_in(rule, "evidence rule") for name in names}
    named |= {name for key, names in names_in(people, "evidence rule") if key == "deaths" for name in names}
    found = {rule.extract for rule in rule_set.evidence.rules if rule.id in named and rule.source in delivered}
    return tuple(sorted(found))


def check_evidence_covers(study: Study, extracts: tuple[str, ...], contracts: Mapping[str, SourceContract]) -> None:
    """Raise `UserError` for a period that ends after the data date or lies outside the time that an extract covers.

    That time is in its contract. Flows are of years that end on 30 June, stocks of that day.
    """
    periods = study.periods
    spans = [
        (date(year - 1, 7, 1), date(year, 6, 30), f"the year ending June {year}", "flow_years")
        for year in periods.flow_years
    ]
    spans += [
        (date(year, 6, 30), date(year, 6, 30), f"the stock of 30 June {year}", "stock_years")
        for year in periods.stock_years
    ]
    for _, last, _, key in spans:
        if last > study.data_date:
            what = "the year ending" if key == "flow_years" else "the stock of"
            raise UserError(
                f"{study.path}, [periods]: {what} {last} ends after the data date {study.data_date}: nothing is "
                f"known of it yet. Leave {last.year} out of '{key}'."
            )
    known = {name: extract for contract in contracts.values() for name, extract in contract.extracts.items()}
    for extract in extracts:
        begins, ends = known[extract].covers_from, known[extract].covers_to
        for first, last, words, key in spans:
            outside = None
            if begins is not None and first < begins:
                outside = f"begins on {first}" if first < last else "is"
                outside += f" before the evidence for it: by its contract, '{extract}' covers the time from {begins}"
            elif ends is not None and last > ends:
                outside = f"ends on {last}" if first < last else "is"
                outside += f" after the evidence for it: by its contract, '{extract}' covers the time to {ends}"
            if outside:
                raise UserError(
                    f"{study.path}, [periods]: {words} {outside}. Leave it out of '{key}', or correct the contract."
                )
