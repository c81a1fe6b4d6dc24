"""The page of estimates repeated around one truth: bias, coverage, width and score by measure and margin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from publication import words

ORDER = ("population", "immigration", "emigration", "net")
MARGINS = ("total", "quarter", "sex", "age_group", "nationality_group", "cross")
NAME = {"net": "net migration"}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Repeated:
    """What was repeated: the country, first and last seed, how many validated runs gave the rates, the command."""

    residents: int
    scenario: str
    seeds: tuple[int, int]
    validated: int
    command: str


def summary_lines(found: Mapping[str, Sequence[Row]]) -> list[str]:
    """Return a line for the totals of each measure."""
    rows = [one for one in _sorted(found["margins"]) if one["margin"] == "total"]
    return [
        f"{NAME.get(one['measure'], one['measure'])}: bias {_bias(one)}, truth in {_coverage(one)}" for one in rows
    ]


def estimation_only_page(repeated: Repeated, found: Mapping[str, Sequence[Row]]) -> str:
    """Return the page as Markdown; `found` has the rows of `margins` and `groups`."""
    first, last = repeated.seeds
    groups = [one for one in found["groups"] if one["margin"] in MARGINS[2:5]]
    drawn = (
        f"All data are synthetic. One country (scenario {repeated.scenario}, {words.count(repeated.residents)} "
        f"residents, seed {first}) is listed, counted and surveyed anew in every replicate, seeds {first} to {last}, "
        f"at the rates at which links and rules were wrong in {words.count(repeated.validated)} validated runs. The "
        "figures are made by"
    )
    columns = (
        "Bias is the mean error, in percent of the truth (of net migration in people); ± is twice its standard error "
        "over replicates, because figures of one replicate err together. Relative width is the mean half-width over "
        "1.96 RMSE: 1 is as wide as the errors need. The score is the weighted interval score; it consists of the "
        "three columns after it. Figures of fewer than ten people are left out, but net migration."
    )
    sections = [
        f"# Estimates repeated {words.count(last - first + 1)} times around one truth",
        drawn,
        f"```\n{repeated.command}\n```",
        columns,
        "## By margin\n\n" + _table(found["margins"], group=False),
        "## By group\n\n" + _table(groups, group=True),
    ]
    return "\n\n".join(sections) + "\n"


def _table(rows: Sequence[Row], *, group: bool) -> str:
    head = ["", "group" if group else "margin", "bias", "RMSE", "half-width", "relative width", "coverage"]
    head += ["score", "width", "too high", "too low"]
    lines = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    lines += [
        [
            words.sentence_case(NAME.get(one["measure"], one["measure"])),
            words.name(one["group"], short=True) if group else words.plain(one["margin"]),
            _bias(one),
            f"{one['rmse']:,.1f}",
            f"{one['mean_half_width']:,.1f}",
            "" if one["half_width_over_rmse"] is None else f"{one['half_width_over_rmse']:.2f}",
            _coverage(one),
            *(f"{one[name]:,.2f}" for name in ("interval_score", "dispersion", "too_high", "too_low")),
        ]
        for one in _sorted(rows)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _sorted(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda one: (ORDER.index(one["measure"]), MARGINS.index(one["margin"])))


def _bias(one: Row) -> str:
    share, error = one["relative_bias"], one["relative_bias_se"]
    if share is None:
        reach = "" if one["bias_se"] is None else f" ± {2 * one['bias_se']:.1f}"
        return words.signed(f"{one['bias']:,.1f}") + reach
    return words.signed(words.percent(share, 2)) + ("" if error is None else f" ± {words.percent(2 * error, 2)}")


def _coverage(one: Row) -> str:
    error = one["coverage_se"]
    return words.percent(one["coverage"]) + ("" if error is None else f" ± {words.percent(2 * error)}")
