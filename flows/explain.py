"""`sojourn link --explain`: why two subjects are one person or not, level by level."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl

from linkage.explain import Explanation, explain_pair
from linkage.link import Linking
from linkage.stages import LINK, LinkStudy
from pipeline.errors import UserError
from pipeline.ingest.stages import INGEST
from pipeline.stage import StageRecord
from pipeline.study import Study
from pipeline.tables import read_table

FORM = "SOURCE:SUBJECT"
MANIFEST = "manifest.json"
"""What a run's folder has: its tables name subjects by number (`subject_id`), those of `sojourn link` as files do."""


def explain(
    study: Study, out: Path, records: Mapping[str, StageRecord], pair: tuple[str, str], threads: int
) -> Explanation:
    """Return why a pair of subjects (`SOURCE:SUBJECT`) of a linked study is one person or not.

    As `explain_all`, of one pair.
    """
    return explain_all(study, out, records, [pair], threads)[0]


def explain_all(
    study: Study, out: Path, records: Mapping[str, StageRecord], pairs: Sequence[tuple[str, str]], threads: int
) -> list[Explanation]:
    """Return why each pair of subjects (`SOURCE:SUBJECT`) of a linked study is one person or not.

    `records` are those of the finished stages `ingest` and `link` of the folder `out`. The links are made anew in
    memory, once for all pairs and with the same figures, since no store keeps the evidence of every pair. Raises
    `UserError` for a subject that is not linked.
    """
    ingest = records[INGEST.name].folder
    part = LINK.part.of(study, out)
    if not isinstance(part, LinkStudy):  # what the stage declares
        raise TypeError(type(part))
    by_number = (out / MANIFEST).exists()
    named = {
        name: _subject(ingest, part, name, by_number=by_number)
        for name in dict.fromkeys(name for pair in pairs for name in pair)
    }
    linking = Linking(part, ingest, threads, lambda _: None, keeps_scores=True)
    linking.link_by_identifiers()
    linking.link_by_keys()
    linking.link_by_models()
    nodes = linking.subjects.nodes
    person = nodes.join(linking.clusters(), on=["source", "subject_id"], how="left", maintain_order="left")[
        "person_id"
    ].to_numpy()
    number = {name: at for at, name in enumerate(linking.subjects.sources)}
    models = {(number[model.left], number[model.right]): model for model in linking.models}
    found = []
    for pair in pairs:
        places = [_node(nodes, *named[name], name) for name in pair]
        if places[0] == places[1]:
            raise UserError(f"--explain {' '.join(pair)}: these are one subject. Name two.")
        one = explain_pair(
            linking.subjects, linking.explained, models, linking.links, np.asarray(person),
            (min(places), max(places)), part.linkage.accept, part.linkage.rival_margin,
            [number[source] for source in part.plan.duplicates],
        )  # fmt: skip
        found.append(one if by_number else _with_names(one, ingest))
    return found


def _with_names(found: Explanation, ingest: Path) -> Explanation:
    """Return an explanation in which subjects have the names that `links.parquet` of `sojourn link` gives them."""
    sources = {found.left[0], found.right[0], *(rival.source for rival in found.rivals)}
    tables = {source: read_table(ingest / "subjects" / f"{source}.parquet") for source in sources}

    def named(source: str, subject_id: str | int) -> tuple[str, str | int]:
        return source, str(tables[source].filter(pl.col("subject_id") == subject_id)["subject"][0])

    rivals = tuple(
        replace(rival, of=named(*rival.of), subject=named(rival.source, rival.subject)[1]) for rival in found.rivals
    )
    return replace(found, left=named(*found.left), right=named(*found.right), rivals=rivals)


def _subject(ingest: Path, study: LinkStudy, name: str, *, by_number: bool) -> tuple[str, int]:
    """Return source and number of a subject that is named as `links.parquet` names it."""
    source, colon, subject = name.partition(":")
    if not colon or not subject:
        raise UserError(f"--explain {name}: not the name of a subject. Give {FORM}, as in links.parquet.")
    if source not in study.plan.sources:
        raise UserError(
            f"--explain {name}: '{source}' is not a linked source. They are {', '.join(study.plan.sources)}."
        )
    column = "subject_id" if by_number else "subject"
    named = read_table(ingest / "subjects" / f"{source}.parquet").filter(pl.col(column).cast(pl.String) == subject)
    if named.is_empty():
        raise UserError(f"--explain {name}: '{source}' has no such subject. Their names are those of links.parquet.")
    return source, int(named["subject_id"][0])


def _node(nodes: pl.DataFrame, source: str, subject_id: int, name: str) -> int:
    found = nodes.filter((pl.col("source") == source) & (pl.col("subject_id") == subject_id))
    if found.is_empty():
        raise UserError(
            f"--explain {name}: this subject is outside what was linked, such as a survey of another date."
        )
    return int(found["node"][0])


def explanation_text(found: Explanation) -> list[str]:
    """Return the lines that explain a pair: no value of a person, and no token."""
    left, right = (f"{source}:{subject}" for source, subject in (found.left, found.right))
    lines = [
        f"{left} and {right} are {'one person' if found.joined else 'two people'}. {found.reason}",
        "",
        f"  linked by    {', '.join(found.links) or 'no identifier and no key'}",
        f"  proposed by  {'; '.join(found.proposed_by) or 'no blocking rule'}",
    ]
    if found.steps:
        lines += ["", f"  {'bits':>9}  {'total':>9}  evidence"]
        for step in found.steps:
            level = f": {step.level}" if step.level else ""
            shares = f"  (m {step.m:.4g}, u {step.u:.4g})" if step.m is not None and step.u is not None else ""
            lines.append(f"  {step.bits:>+9.2f}  {step.total:>+9.2f}  {step.part}{level}{shares}")
    if found.match_weight is not None and found.unrivalled_weight is not None:
        rivals = found.match_weight - found.unrivalled_weight
        lines.append(f"  {rivals:>+9.2f}  {found.match_weight:>+9.2f}  rivals: each subject is at most one person")
        lines.append(f"  match probability {found.match_probability:.6f}")
    for rival in found.rivals:
        same = ", and is one person with it" if rival.joined else ""
        lines.append(
            f"  rival of {rival.of[0]}:{rival.of[1]}: {rival.source}:{rival.subject}, "
            f"weight {rival.match_weight:+.2f}, probability {rival.match_probability:.6f}{same}"
        )
    return lines


def explanation_json(found: Explanation) -> str:
    """Return the explanation as JSON."""
    return json.dumps(asdict(found), indent=1)
