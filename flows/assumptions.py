"""The register of assumptions: every number that rules, linkage and estimation declare, and what a reader must know.

Numbers are read from where they stand: parameters of the rule sets that ship, defaults of the study, stated
probabilities of linkage, and constants of the code. `assumptions.toml` adds the quality of the source, the source and
what the number moves. A rule set says the source of a parameter itself.
"""

import ast
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.study_assumptions import DEFAULTS as OF_STUDIES
from flows.study_assumptions import Assumption, described, of_rule_set, of_settings, register
from linkage.match_keys import MATCH_KEYS
from linkage.training import DEFAULTS
from pipeline.ingest.contracts import read_contracts
from pipeline.store import ROOT
from pipeline.toml_files import read_toml
from rules.parameters import Parameter
from rules.rule_file import SETS
from rules.rule_set import read_rules

PACKAGES = ("rules", "linkage", "estimation")
QUALITIES = {
    "published": "a publication, a law or a convention, which the source names",
    "measured": "found on simulated countries, whose truth is known",
    "assumed": "a judgement of Sojourn",
}


@dataclass(frozen=True)
class Constant:
    """A number that the code declares by a name in capitals, and the text that follows it."""

    file: str
    name: str
    value: str
    says: str


def assumptions() -> list[Assumption]:
    """Return the register, by part (rules, linkage, estimation) and in the order in which numbers are declared."""
    return [*_of_rules(), *of_settings(OF_STUDIES), *_of_files(), *_of_constants()]


def constants() -> list[Constant]:
    """Return every number, or tuple of numbers, that a module of rules, linkage or estimation declares."""
    return [
        constant
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for constant in _constants_of(path)
    ]


def _constants_of(path: Path) -> Iterator[Constant]:
    text = path.read_text(encoding="utf-8")
    body = ast.parse(text).body
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.Assign):
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        if not isinstance(target, ast.Name) or not target.id.isupper() or not _is_number(value):
            continue
        is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        said = str(following.value.value) if is_text else text.splitlines()[statement.lineno - 1].partition("# ")[2]
        says = " ".join(said.split())
        yield Constant(str(path.relative_to(ROOT)), target.id, ast.unparse(value), says[:1].upper() + says[1:])


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_number(node.left) and _is_number(node.right)
    return isinstance(node, ast.Tuple) and bool(node.elts) and all(map(_is_number, node.elts))


def _of_rules() -> Iterator[Assumption]:
    contracts, seen = dict(read_contracts()), list[Parameter]()
    rule_sets = [read_rules(path, contracts) for path in sorted(SETS.glob("*.toml"))]
    for rule_set in sorted(rule_sets, key=lambda one: len(one.extends)):
        for one in of_rule_set(rule_set):
            if rule_set.parameters[one.name] not in seen:  # not of a set that this one extends
                seen.append(rule_set.parameters[one.name])
                yield one


def _of_files() -> Iterator[Assumption]:
    of_files = register()["files"]
    for comparison, levels in read_toml(DEFAULTS).items():
        for level, stated in levels.items():
            about = of_files["linkage/default_probabilities.toml"] | {
                "says": f"{comparison}: {level.replace('_', ' ')}. Shares of pairs of one person (m) and of two (u)."
            }
            value = f"m {stated['m']}, u {stated['u']:f}".rstrip("0")
            yield described("linkage: stated probabilities of levels", f"{comparison}.{level}", value, about)
    for key in read_toml(MATCH_KEYS)["key"]:
        about = of_files["linkage/match_keys.toml"] | {"says": key["says"]}
        yield described("linkage: match-keys", key["id"], str(key["match_probability"]), about)


def _of_constants() -> Iterator[Assumption]:
    for one in constants():
        about = register()["constants"].get(one.file, {}).get(one.name)
        if about is not None:
            package = one.file.partition("/")[0]
            part = f"{package}: constants of the code"
            yield described(part, f"{one.file}: {one.name}", one.value, {"says": one.says} | about)


def assumptions_page() -> str:
    """Return the register as a page of the documentation."""
    found = assumptions()
    lines = [
        "# Assumptions",
        "",
        "Every number that rules, linkage and estimation declare: what it says, where it comes from, how good that",
        "source is, and what it moves. The page is made by `make assumptions`; `sojourn assumptions --json` prints",
        "the same as JSON. How far a parameter of the rules moves net migration over its range is computed by",
        "`sojourn sensitivity RUN`. Errors for which no number stands are in the table `error_sources` of a run.",
        "",
        "| quality of the source | meaning | numbers |",
        "|---|---|---:|",
        *(
            f"| {quality} | {meaning} | {sum(one.quality == quality for one in found)} |"
            for quality, meaning in QUALITIES.items()
        ),
    ]
    for part in dict.fromkeys(one.part for one in found):
        lines += ["", f"## {part}", "", "| number | value | what it says | quality | source | what it moves |"]
        lines += ["|---|---|---|---|---|---|"]
        for one in (one for one in found if one.part == part):
            cells = (f"`{one.name}`", one.value, one.says, one.quality, one.source, one.moves)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def print_assumptions(*, as_json: bool) -> int:
    """Print the register as a page, or as a list of JSON objects; returns the exit status."""
    text = json.dumps([asdict(one) for one in assumptions()], indent=1, ensure_ascii=False) + "\n"
    print(text if as_json else assumptions_page(), end="")  # noqa: T201 - the requested output
    return 0
