"""The verb `diff`: two runs of the same people by other rules, and what makes the difference between their figures.

Every changed parameter is a part of the change. If the rules differ otherwise too, all of that together is one part.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from estimation.stages import ACCOUNT, COUNT
from flows.live.live_runs import check_not_live
from flows.progress import NullListener, ProgressListener
from flows.run import check_threads
from flows.terminal import Terminal, typed
from flows.variants.estimates import KEY, MEASURES, Counted, Published
from flows.variants.run_rules import RunRules, opened
from flows.variants.shapley import shapley_values, subsets
from linkage.stages import LINK
from pipeline.errors import UserError
from pipeline.schemas import ALL
from pipeline.tables import read_table, write_text
from rules.model import RuleSet
from rules.parameters import Parameter, with_parameters
from rules.stages import STAYS
from rules.transitions import transitions

DIFF = "diff"
MOST_PARTS = 6
OTHER_RULES = "other_rules"
"""The part that is due to all differences between two sets of rules but the values of their parameters."""


def changed_parts(a: RuleSet, b: RuleSet) -> tuple[str, ...]:
    """Return the parameters whose values differ, and `other_rules` if the rules differ otherwise too."""
    of_a, of_b = a.parameters, b.parameters
    changed = tuple(name for name in of_a if name in of_b and of_a[name].values != of_b[name].values)
    shared = {name: one for name, one in of_a.items() if name in of_b}
    like_a = with_parameters(b, shared)
    same = all(
        getattr(a, part).model_dump_json() == getattr(like_a, part).model_dump_json()
        for part in ("evidence", "people")
    )
    return changed if same else (*changed, OTHER_RULES)


def check_comparable(a: RunRules, b: RunRules) -> tuple[str, ...]:
    """Return the parts of the change between two runs.

    Raises `UserError` if the runs are not of the same people, differ in more than rules, or have too many parts.
    """
    pair = f"{a.run} and {b.run}"
    if a.records[LINK.name].key != b.records[LINK.name].key:
        raise UserError(
            f"{pair}: these runs linked other files, or linked them otherwise, so their people are not the same. "
            "Run `sojourn run` on two studies that differ in their rules alone, with the same version of Sojourn."
        )
    if _curves(a) != _curves(b):
        raise UserError(
            f"{pair}: their probabilities are calibrated otherwise, and a calibration is of one set of rules, so no "
            "change can be split between both. Run both studies without [rules] calibration, and compare these runs."
        )
    if _settings(a) != _settings(b):
        raise UserError(
            f"{pair}: their studies differ in more than rules. Give both the same data date, [periods], [coverage], "
            "[flow_errors] and seed."
        )
    parts = changed_parts(a.rules, b.rules)
    if len(parts) > MOST_PARTS:
        raise UserError(
            f"{pair}: {len(parts)} parameters differ ({', '.join(parts)}), and a change can be split over "
            f"{MOST_PARTS} at most. Compare both with a run that has some of the changes."
        )
    return parts


def _settings(one: RunRules) -> list[dict[str, object]]:
    """Return all that a study says to the stages after linkage, apart from its rules."""
    of_rules = {"rules", "rule_set", "rule_set_digest", "rule_set_extends", "extracts", "skips"}
    of_rules |= {"calibration", "calibrated_by"}  # a calibration is that of one set of rules; its curves are compared
    stages = (STAYS, COUNT, ACCOUNT)
    declared = [stage.part.of(one.study, one.run).declared for stage in stages]
    return [{key: value for key, value in part.items() if key not in of_rules} for part in declared]


def _curves(one: RunRules) -> object:
    """Return the curves by which the probabilities of a run are calibrated."""
    return STAYS.part.of(one.study, one.run).declared["calibration"]["curve"]


def split_change(
    a: RunRules, b: RunRules, *, counted: bool, threads: int = 2, listener: ProgressListener | None = None
) -> pl.DataFrame:
    """Return `measure, period, group, run_a, run_b, change`, and a column with the contribution of each part.

    The contributions are Shapley values: they add up to the change.
    """
    parts, variants = check_comparable(a, b), a.variants(threads)
    of_run = {run.run: Counted(run) if counted else Published(run) for run in (a, b)}
    found: dict[frozenset[str], pl.DataFrame] = {}
    for made in subsets(parts):
        (listener or NullListener()).progress(DIFF, f"variant {len(found) + 1} of {2 ** len(parts)}")
        base = b if OTHER_RULES in made else a
        rules = with_parameters(base.rules, _parameters(a, b, made, parts))
        found[made] = of_run[base.run].of(variants.decided(rules.evidence, rules.people))
    table = found[frozenset()].rename({"estimate": "run_a"})
    last = found[frozenset(parts)].rename({"estimate": "run_b"})
    table = table.join(last, on=KEY, how="full", coalesce=True, maintain_order="left_right").with_columns(
        pl.col("run_a", "run_b").fill_null(0.0)
    )
    keys = table.select(KEY)
    values = {
        made: keys.join(one, on=KEY, how="left", maintain_order="left")["estimate"].fill_null(0.0).to_numpy()
        for made, one in found.items()
    }
    columns = {part: pl.Series(figures.round(6)) for part, figures in shapley_values(parts, values).items()}
    return table.with_columns(change=(pl.col("run_b") - pl.col("run_a")).round(6)).with_columns(**columns)


def _parameters(a: RunRules, b: RunRules, made: frozenset[str], parts: Sequence[str]) -> Mapping[str, Parameter]:
    """Return the changed parameters: those of the second run where the change is made, else of the first."""
    return {name: (b if name in made else a).rules.parameters[name] for name in parts if name != OTHER_RULES}


def moved_people(a: RunRules, b: RunRules) -> pl.DataFrame:
    """Return how many people are in which class of the one and of the other run (`rules.transitions`)."""
    migrations, residents = (
        tuple(read_table(one.run / "tables" / f"{name}.parquet") for one in (a, b))
        for name in ("migrations", "residents")
    )
    migrations = tuple(
        frame.filter(pl.col("definition") == one.rules.people.published)
        for one, frame in zip((a, b), migrations, strict=True)
    )
    return transitions((migrations[0], migrations[1]), (residents[0], residents[1]))


def diff_runs(run_a: Path, run_b: Path, out: Path | None, *, counted: bool, as_json: bool, threads: int) -> int:
    """Write `diff.csv` and `transitions.csv`, print what differs, and return the exit status."""
    check_threads(threads)
    if out is None:
        check_not_live(run_b, "Name another folder with --out.")
    terminal = Terminal()
    with opened(run_a, run_b) as (a, b):
        listener = NullListener() if as_json else terminal
        table = split_change(a, b, counted=counted, threads=threads, listener=listener)
        moved = moved_people(a, b)
    folder = out or run_b / DIFF
    write_text(table.write_csv(), folder / "diff.csv")
    write_text(moved.write_csv(), folder / "transitions.csv")
    terminal.close()
    parts = changed_parts(a.rules, b.rules)
    described = {part: _described(a, b, part) for part in parts}
    last = table.filter(measure="net")["period"].max()
    headlines = table.filter(group=ALL, period=last)
    if as_json:
        rows = [frame.with_columns(pl.col("period").cast(pl.String)).to_dicts() for frame in (table, moved)]
        found = {"parts": described, "figures": rows[0], "transitions": rows[1]}
        print(json.dumps(found, indent=1))  # noqa: T201 - the requested output
        return 0
    for line in _lines(headlines, moved.filter(period=last), described):
        terminal.print_line(line)
    for name in ("diff.csv", "transitions.csv"):
        terminal.print_line(f"  figures  {typed(folder / name)}")
    return 0


def _described(a: RunRules, b: RunRules, part: str) -> str:
    if part == OTHER_RULES:
        return "all other differences between the rules"
    values = (one.rules.parameters[part].values for one in (a, b))
    return " to ".join(", ".join(f"{value:g}" for value in one.values()) for one in values)


def _lines(headlines: pl.DataFrame, moved: pl.DataFrame, described: Mapping[str, str]) -> list[str]:
    """Return the headlines with their parts, and who moved between classes, for the terminal."""
    if not described:
        return ["  The rules of both runs are the same."]
    by_measure = {row["measure"]: row for row in headlines.iter_rows(named=True)}
    shown = [measure for measure in MEASURES if measure in by_measure]
    columns = {"run_a": "first run", "run_b": "second run", "change": "change"}
    columns |= {part: f"{part} ({note})" for part, note in described.items()}
    heading = f"To {headlines['period'][0]:%-d %B %Y}"
    lines = [f"  {heading:<62}" + "".join(f"{one:>13}" for one in shown)]
    for column, name in columns.items():
        figures = (round(by_measure[one][column], 1) + 0.0 for one in shown)  # adding zero turns -0.0 into 0.0
        sign = "" if column.startswith("run") else "+"
        lines.append(f"  {name:<62}" + "".join(f"{figure:>{sign}13,.1f}" for figure in figures))
    for (measure,), people in moved.group_by("measure", maintain_order=True):
        lines += ["", *_matrix(str(measure), people)]
    changed = moved.filter(pl.col("class_a") != pl.col("class_b")).sort(
        "people", descending=True, maintain_order=True
    )
    lines += ["", f"  {changed['people'].sum():,} changed their class, by the rules that decided:"]
    return lines + [
        f"  {row['people']:>8,}  {row['measure']}: {row['class_a']}{_by(row['rule_a'])} "
        f"to {row['class_b']}{_by(row['rule_b'])}"
        for row in changed.iter_rows(named=True)
    ]


def _matrix(measure: str, people: pl.DataFrame) -> list[str]:
    """Return the people of one measure by their class in the first run (rows) and in the second (columns)."""
    counted = people.group_by("class_a", "class_b").agg(pl.col("people").sum())
    cells = {(a, b): number for a, b, number in counted.iter_rows()}
    rows, columns = (sorted({pair[side] for pair in cells}) for side in range(2))
    lines = [
        f"  {f'People, {measure}: first run down, second run across':<62}" + "".join(f"{b:>13}" for b in columns)
    ]
    return lines + [f"  {a:<62}" + "".join(f"{cells.get((a, b), 0):>13,}" for b in columns) for a in rows]


def _by(rule: str | None) -> str:
    return "" if rule is None else f" ({rule})"
