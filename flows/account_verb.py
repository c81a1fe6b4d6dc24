"""The verb `account`: anybody's stocks and flows become one coherent account with intervals."""

import json
import time
from pathlib import Path

import numpy as np
import polars as pl

from estimation.account.adjustments import adjustments
from estimation.account.bias_estimates import scaled_kinds
from estimation.account.files import NOISY, AccountFiles, read_account_files
from estimation.account.left_out import left_out
from estimation.account.results import AccountTables, account_tables
from estimation.account.solve import SolvedAccount, solve_account
from flows.terminal import Terminal
from pipeline.errors import UserError
from pipeline.tables import write_text

NOT_USED = ("prior_births.csv", "prior_deaths.csv")
"""Files of the layout that change nothing, because births and deaths are exact."""
BLANKS = {
    "by_person": "by sex and age",
    "by_time": "by time",
    "by_area": "by area",
    "by_group": "by nationality group",
}


def account_of_folder(folder: Path, out: Path, *, em: bool, as_json: bool, diagnosis: bool = False) -> int:
    """Write the account of the files in `folder` to `out`, print what was found, and return the exit status.

    With `diagnosis`, write too what the account changed by sex and age, and what it says without each source.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. Name one with population.csv and the other files of an account.")
    if out.exists() and out.samefile(folder):
        raise UserError(
            f"--out {out}: is the folder of the account's files. Give another; they are kept as they are."
        )
    begun = time.perf_counter()
    files = read_account_files(folder)
    solved = solve_account(files, folder, em=em)
    tables = account_tables(files, solved)
    for name in ("population", "flows", "totals", "bias"):
        write_text(getattr(tables, name).write_csv(), out / f"{name}.csv")
    found = summary(folder, files, solved, tables, em=em)
    if diagnosis:
        without = left_out(solved)
        write_text(adjustments(files, solved).write_csv(), out / "adjustments.csv")
        write_text(without.write_csv(), out / "left_out.csv")
        found |= {"left_out": contradicted(without)}
    found |= {"seconds": round(time.perf_counter() - begun, 3)}
    if as_json:
        print(json.dumps(found))  # noqa: T201 - the requested output
        return 0
    terminal = Terminal()
    for line in _lines(found):
        terminal.print_line(line)
    terminal.print_line(f"  written  {out}")
    return 0


def summary(folder: Path, files: AccountFiles, solved: SolvedAccount, tables: AccountTables, *, em: bool) -> dict:
    """Return what an account found: sizes, scales of biases, expected flows, the largest |z|, and unused files."""
    times = solved.cells[0].columns.times
    largest = tables.bias.sort(pl.col("z").abs(), descending=True, maintain_order=True).head(5)
    return {
        "areas": len(solved.cells),
        "cells": sum(len(one.places[name]) for one in solved.cells for name in NOISY),
        "years": [int(times[0]), int(times[-1])],
        "terms": tables.bias.height,
        "scales": scales(solved, em=em),
        "expected": expected(files),
        "largest_adjustments": largest.select("term", "estimate", "z").to_dicts(),
        "not_used": [name for name in NOT_USED if (folder / name).exists()],
    }


def contradicted(without: pl.DataFrame) -> list[dict]:
    """Return the sources that all others contradict most, with what those say of them, the largest |z| first."""
    known = without.filter(pl.col("z").is_not_null())
    largest = known.sort(pl.col("z").abs(), descending=True, maintain_order=True).head(5)
    return largest.select("source", "reported", "without", "z").to_dicts()


def expected(files: AccountFiles) -> list[dict]:
    """Return for each flow that was expected beforehand how many are reported for each that is expected."""
    found = []
    for measure in NOISY:
        cells = files.cells[measure]
        sums = cells.select("count", "expected").sum().row(0) if "expected" in cells.columns else (0.0, 0.0)
        if sums[1]:
            found.append({"measure": measure, "reported": round(sums[0] / sums[1], 4)})
    return found


def scales(solved: SolvedAccount, *, em: bool) -> list[dict]:
    """Return one row for each kind of term: how many, the sds declared and used, and whether they were estimated."""
    estimated = {int(index) for members in scaled_kinds(solved.terms) for index in members} if em else set()
    kinds = solved.terms.kinds().with_row_index("index").filter(~pl.Series(solved.terms.assumed))
    rows = []
    for _, members in kinds.group_by("kind", maintain_order=True):
        index = members["index"].to_numpy()
        declared = solved.terms.sds[index]
        used = np.sqrt(solved.biases.prior_variances[index])
        rows.append(
            {
                "measure": members["measure"][0],
                "by": [words for name, words in BLANKS.items() if members[name][0]],
                "terms": len(index),
                "declared_sd": [round(float(one), 6) for one in sorted(set(declared))],
                "sd": [round(float(one), 6) for one in sorted(set(used))],
                "estimated": int(index[0]) in estimated,
            }
        )
    return rows


def _lines(found: dict) -> list[str]:
    first, last = found["years"]
    areas = f"{found['areas']:,} area{'s' * (found['areas'] > 1)}"
    agree = f"{first} to {last}, agree exactly; {found['terms']:,} shared biases"
    lines = [f"  account  {found['cells']:,} cells of {areas}, {agree}"]
    for scale in found["scales"]:
        what = " and ".join(scale["by"]) or "in all cells"
        number = f"{scale['terms']:,} term{'s' * (scale['terms'] > 1)}"
        declared, used = (_percent(scale[name]) for name in ("declared_sd", "sd"))
        result = (
            f"sd {used}, estimated (declared: {declared})" if scale["estimated"] else f"sd {declared}, as declared"
        )
        lines.append(f"  bias     {scale['measure']} {what}, {number}: {result}")
    lines += [
        f"  expected {row['measure']}: reports are {row['reported']:.1%} of what was expected"
        for row in found["expected"]
    ]
    worst = ", ".join(f"{row['term']} {row['z']:+.1f}" for row in found["largest_adjustments"])
    lines += [f"  z        largest adjustments: {worst}"] if worst else []
    lines += [
        f"  without  {row['source']}: {row['reported']:,.0f} reported, {row['without']:,.0f} by all others "
        f"(z {row['z']:+.1f})"
        for row in found.get("left_out", [])[:3]
    ]
    lines += [f"  not used {', '.join(found['not_used'])}"] if found["not_used"] else []
    return lines


def _percent(sds: list[float]) -> str:
    if len(sds) > 3:
        return f"{min(sds):.2%} to {max(sds):.2%}"
    return ", ".join(f"{sd:.2%}" for sd in sds)
