"""The plan of linkage: the spine, and which source is linked with which."""

from collections.abc import Collection, Mapping
from itertools import combinations
from pathlib import Path

from linkage.model_name import model_name
from pipeline.errors import UserError, unknown
from pipeline.ingest.contracts import SourceContract
from pipeline.study import LinkageSettings
from pipeline.toml_files import Frozen, parse, read_toml

PLAN = Path(__file__).with_name("plan.toml")
SURVEY = "coverage_survey"
REVIEW = "review_sample"
"""The source of clerical verdicts on the links of the survey with the spine."""
DECISIONS = "link_review"
"""The source of clerical decisions on people whom `sojourn review` drew: never linked, whatever a study says."""
ATTRIBUTES = {
    "name": {"given_name", "middle_name", "full_name", "name_parts"},
    "family name": {"family_name", "full_name", "name_parts"},
    "date of birth": {"date_of_birth", "birth_year", "age"},
    "address": {"postcode", "street", "locality"},
}
"""The attributes, and the kinds that give each: two sources with `ENOUGH` of them in common can have a model."""
ENOUGH = 2


class _Defaults(Frozen):
    spine: str
    by_keys_only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


class LinkagePlan(Frozen):
    """Who is linked with whom in one study: `sources` in order (the spine last), `modelled` pairs, and the rest.

    `modelled` are the pairs of sources that are compared by a model, left before right in the order of `sources`. A
    source of `duplicates` is paired with itself as well.
    """

    spine: str | None
    sources: tuple[str, ...]
    modelled: tuple[tuple[str, str], ...]
    by_keys_only: tuple[str, ...]
    duplicates: tuple[str, ...]

    @property
    def order_of_people(self) -> list[str]:
        """The sources in the order in which people are numbered: the spine first."""
        return [*([self.spine] if self.spine else []), *(one for one in self.sources if one != self.spine)]


def plan_of(settings: LinkageSettings, contracts: Mapping[str, SourceContract], where: str) -> LinkagePlan:
    """Return the plan of a study; raises `UserError`, which begins with `where`, if its sources do not allow it."""
    defaults = parse(_Defaults, read_toml(PLAN), str(PLAN))
    named = {
        "spine": (settings.spine,) if settings.spine else (),
        "never": settings.never or (),
        "by_keys_only": settings.by_keys_only or (),
        "duplicates": settings.duplicates,
        "pairs": tuple(source for pair in settings.pairs or () for source in pair),
    }
    for key, sources in named.items():
        for source in sources:
            if source not in contracts:
                raise unknown(f"source of '{key}'", source, contracts, where)
    never = {*(defaults.never if settings.never is None else settings.never), DECISIONS}
    spine = settings.spine if settings.spine is not None else defaults.spine
    if spine and spine in never:
        raise UserError(f"{where}: the spine '{spine}' is also listed under 'never'. Remove it from one of the two.")
    if spine not in contracts:
        spine = None
    if spine:
        _check_spine(spine, contracts, where)
    linked = sorted(set(contracts) - never - {spine})
    sources = (*linked, spine) if spine else tuple(linked)
    by_keys = tuple(
        one for one in sources
        if one in (defaults.by_keys_only if settings.by_keys_only is None else settings.by_keys_only) and one != spine
    )  # fmt: skip
    described = [one for one in sources if one not in by_keys]
    pairs = [pair for pair in combinations(described, 2) if shares_enough(contracts[pair[0]], contracts[pair[1]])]
    if settings.pairs is not None:
        pairs = _chosen(settings.pairs, sources, contracts, where)
    pairs += [(source, source) for source in settings.duplicates if (source, source) not in pairs]
    order = {source: at for at, source in enumerate(sources)}
    for source in settings.duplicates:
        if source not in order:
            raise UserError(
                f"{where}: '{source}' is listed under 'duplicates' and under 'never'. Remove it from one."
            )
        if not shares_enough(contracts[source], contracts[source]):
            raise UserError(
                f"{where}: '{source}' is listed under 'duplicates', but its contract has fewer than {ENOUGH} of "
                f"{', '.join(ATTRIBUTES)}, by which its subjects could be compared. Remove it there."
            )
    modelled = tuple(sorted(pairs, key=lambda pair: (order[pair[0]], order[pair[1]])))
    duplicates = tuple(sorted({left for left, right in modelled if left == right}))
    return LinkagePlan(spine=spine, sources=sources, modelled=modelled, by_keys_only=by_keys, duplicates=duplicates)


def _chosen(
    pairs: Collection[tuple[str, str]], sources: tuple[str, ...], contracts: Mapping[str, SourceContract], where: str
) -> list[tuple[str, str]]:
    """Return the pairs that a study names, in the order of its sources."""
    order = {source: at for at, source in enumerate(sources)}
    chosen = []
    for pair in pairs:
        for source in pair:
            if source not in order:
                raise UserError(f"{where}: '{source}' is named under 'pairs' and under 'never'. Remove it from one.")
        left, right = sorted(pair, key=order.__getitem__)
        if not shares_enough(contracts[left], contracts[right]):
            raise UserError(
                f"{where}: '{left}' and '{right}' cannot be compared by a model. Their contracts must share at least "
                f"{ENOUGH} of {', '.join(ATTRIBUTES)}."
            )
        chosen.append((left, right))
    return list(dict.fromkeys(chosen))


def shares_enough(left: SourceContract, right: SourceContract) -> bool:
    """Return whether two sources share enough attributes of people to be linked by a model."""
    shared = [
        one for one, kinds in ATTRIBUTES.items() if kinds & left.identifier_kinds and kinds & right.identifier_kinds
    ]
    return len(shared) >= ENOUGH


def has_review(contracts: Collection[str]) -> bool:
    """Return whether a study has a survey and a clerical review of its links with the spine."""
    return SURVEY in contracts and REVIEW in contracts


def _check_spine(spine: str, contracts: Mapping[str, SourceContract], where: str) -> None:
    if not shares_enough(contracts[spine], contracts[spine]):
        raise UserError(
            f"{where}: '{spine}' cannot be the spine, because its contract has fewer than {ENOUGH} of "
            f"{', '.join(ATTRIBUTES)}, by which other sources are linked with it. Name another spine."
        )
    if has_review(contracts) and contracts[spine].person_key_kind not in _kinds_of_matches(contracts[REVIEW]):
        raise UserError(
            f"{where}: '{spine}' cannot be the spine, because the clerical review '{REVIEW}' does not name "
            f"its matches by '{contracts[spine].person_key_kind}'. Name another spine, or leave the review out."
        )


def _kinds_of_matches(review: SourceContract) -> set[str | None]:
    """Return the kinds of identifiers by which a clerical review names the subject it found on the spine."""
    columns = [one for extract in review.extracts.values() for one in extract.columns.values()]
    return {one.identifier for one in columns if one.of == "match"}


def required_extracts(plan: LinkagePlan, contracts: Mapping[str, SourceContract]) -> dict[str, str]:
    """Return why links need the extracts of the spine, of the survey and of its review, by extract."""
    why = {plan.spine: "links are judged by those with the spine"} if plan.spine else {}
    if has_review(contracts):
        why[SURVEY] = "coverage is estimated from its links"
        why[REVIEW] = "it shows how well the coverage survey was linked"
    if DECISIONS in contracts:
        why[DECISIONS] = "its decisions show how good the links are"
    return {extract: reason for source, reason in why.items() for extract in contracts[source].extracts}


def models_of(plan: LinkagePlan, names: Collection[str], where: str) -> dict[str, tuple[str, str]]:
    """Return the pair of sources of each named model; raises `UserError`, which begins with `where`.

    A model has the name of its two sources, joined by `-`; the order is that of the plan or the other.
    A single source names its model with the spine.
    """
    known = {model_name(*pair): pair for pair in plan.modelled}
    other_order = {model_name(right, left): (left, right) for left, right in plan.modelled}
    with_spine = {left: (left, right) for left, right in plan.modelled if right == plan.spine}
    for name in names:
        if name not in known | other_order | with_spine:
            raise unknown("model", name, known, where)
    pairs = {name: (with_spine | other_order | known)[name] for name in names}
    for pair in dict.fromkeys(pairs.values()):
        same = [name for name in names if pairs[name] == pair]
        if len(same) > 1:
            raise UserError(
                f"{where}: {', '.join(map(repr, same))} are the same model, '{model_name(*pair)}'. "
                "Name one file for it."
            )
    return pairs
