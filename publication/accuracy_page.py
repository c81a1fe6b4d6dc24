"""The page of a validation: bias, coverage and total error of published figures over many simulated countries.

It is Markdown with two pictures, for a repository or a wiki. Beside each figure it can show the same of an earlier
validation, to judge a change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from scipy.special import betaincinv, stdtrit

from pipeline.tables import write_text
from publication import words
from publication.charts.chart_style import side_by_side
from publication.charts.interval_charts import estimates_by_label
from publication.charts.svg import draw

POPULATION, GROSS, NET = "population", ("immigration", "emigration"), "net"
MARGINS = ("total", "sex", "age_group", "nationality_group")
FEWEST_DRAWN = 20
"""Mean truth in the latest year below which the relative bias of a figure says too little."""
NAME = {"net": "net migration"}
OF_DEFINITIONS = {"all": "all", "nationality_group=non_EU": "non-EU"}
"""The groups for which definitions are shown."""
Figure = Mapping[str, Any]


@dataclass(frozen=True)
class Earlier:
    """An earlier validation that a page compares with: how its columns are headed, and its pooled figures."""

    name: str = ""
    figures: Sequence[Figure] = ()


NOTHING = Earlier()
Key = tuple[str, str, str, str | None]


@dataclass(frozen=True)
class Validation:
    """What was validated: the country, its seeds, the stage from which on it was computed, what failed.

    `command` makes the same figures again; `bytes_kept` is the disk that the folder uses once all is scored.
    """

    residents: int
    scenario: str
    seeds: tuple[int, ...]
    failed: tuple[int, ...]
    start: str
    ablation: str | None
    command: str
    bytes_kept: int

    @property
    def page_name(self) -> str:
        """The name of the page, without its ending, and of the folder of its pictures."""
        return f"accuracy_{self.ablation}" if self.ablation else "accuracy"

    def summary(self, pooled: Sequence[Figure]) -> list[str]:
        """Return a line for each kind of total: its bias and how often its intervals contain the truth."""
        lines = []
        for measure in (*GROSS, NET, POPULATION):
            figures = [one for one in pooled if one["measure"] == measure and one["margin"] == "total"]
            if figures:
                over = _over_periods(figures)
                bias = (
                    f"bias {_signed_percent(over['relative_bias'])}, "
                    if measure != NET
                    else f"bias {_signed(over['bias'])}, "
                )
                lines.append(
                    f"{NAME.get(measure, measure)}: {bias}truth in {words.percent(over['coverage'], 0)} of intervals"
                )
        return lines


def write_accuracy_page(
    out: Path, validation: Validation, pooled: Sequence[Figure], before: Earlier = NOTHING
) -> Path:
    """Write the page and its pictures into a folder and return the path of the page.

    `pooled` are records of `flows.pooled_scores`; `before` is an earlier validation, or nothing.
    """
    pictures = {"bias.svg": _bias_picture(pooled), "coverage.svg": _coverage_picture(pooled)}
    for name, drawing in pictures.items():
        write_text(drawing + "\n", out / validation.page_name / name)
    page = out / f"{validation.page_name}.md"
    write_text(accuracy_page(validation, pooled, before), page)
    return page


def accuracy_page(validation: Validation, pooled: Sequence[Figure], before: Earlier = NOTHING) -> str:
    """Return the page as Markdown."""
    sections = [
        _facts(validation, before.name),
        f"![Relative bias of the latest year's figures]({validation.page_name}/bias.svg)",
        f"![Share of 95% intervals that contain the truth]({validation.page_name}/coverage.svg)",
        f"Figures with fewer than {FEWEST_DRAWN} people are not drawn.",
        _totals(pooled, before),
        _groups(pooled, before),
        _quarters(pooled, before),
        _single_sources(pooled),
        _classes(pooled, before),
        _definitions(pooled),
        _links(pooled, before),
        _counted_twice(pooled, before),
    ]
    return "\n\n".join(one for one in sections if one) + "\n"


def _facts(validation: Validation, compared: str) -> str:
    seeds, many = validation.seeds, words.count(len(validation.seeds))
    text = (
        f"# Accuracy over {many} simulated countries\n\n"
        f"All data are synthetic. Scenario {validation.scenario}, {words.count(validation.residents)} residents, "
        f"seeds {seeds[0]} to {seeds[-1]}"
    )
    if validation.failed:
        text += f" without {', '.join(map(str, validation.failed))}, which failed"
    text += f". The figures are made by\n\n```\n{validation.command}\n```\n\n"
    if validation.ablation:
        text += f"They are those of the ablation `{validation.ablation}`, not of the run itself.\n\n"
    if validation.start != "simulate":
        text += (
            f"Results of stages before `{validation.start}` were taken as they were stored, whatever code made them, "
            "where the folder had any.\n\n"
        )
    text += f"What the validation keeps uses {validation.bytes_kept / 1e6:,.1f} MB of disk.\n\n"
    text += (
        "Bias is the mean error (estimate less truth); RMSE is the root of the mean square error; coverage is the "
        "share of 95% intervals that contain the truth. Where an interval is as wide as its errors need, its "
        "half-width is about twice the RMSE."
    )
    return text + (
        f" Columns marked *{compared}* show the same figures of the validation `{compared}`." if compared else ""
    )


def _totals(pooled: Sequence[Figure], before: Earlier) -> str:
    earlier = _by_key(before.figures)
    rows = []
    for one in _sorted(pooled, "total"):
        old = earlier.get(_key(one))
        rows.append(
            [
                words.sentence_case(NAME.get(one["measure"], one["measure"])),
                one["period"].rpartition("/")[2],
                f"{one['estimate']:,.0f}",
                f"{one['truth']:,.0f}",
                *_with_before(one, old, _bias, before),
                *_with_before(one, old, lambda row: f"{row['rmse']:,.0f}", before),
                f"{one['mean_half_width']:,.0f}",
                *_with_before(one, old, _coverage, before),
            ]
        )
    columns = ["", "period ends", "estimate", "truth"]
    columns += [*_headings("bias", before), *_headings("RMSE", before), "half-width", *_headings("coverage", before)]
    return "## Totals\n\n" + _table(columns, rows, left=2)


def _groups(pooled: Sequence[Figure], before: Earlier) -> str:
    rows = []
    for margin in MARGINS:
        for measure in (POPULATION, *GROSS, NET):
            groups = dict.fromkeys(one["group"] for one in _sorted(pooled, margin) if one["measure"] == measure)
            for group in groups:
                now, old = (_pooled_group(of, measure, margin, group) for of in (pooled, before.figures))
                rows.append(
                    [
                        words.sentence_case(NAME.get(measure, measure)),
                        words.name(group, short=True),
                        *_with_before(now, old, _bias, before),
                        *_with_before(now, old, _coverage, before),
                    ]
                )
    columns = ["", "group", *_headings("bias", before), *_headings("coverage", before)]
    return "## Over all years, in total and by group\n\n" + _table(columns, rows, left=2)


def _quarters(pooled: Sequence[Figure], before: Earlier) -> str:
    earlier, rows = _by_key(before.figures), []
    for one in _sorted(pooled, "quarter"):
        if one["measure"] in GROSS:
            old = earlier.get(_key(one))
            rows.append(
                [
                    words.sentence_case(one["measure"]),
                    one["period"].rpartition("/")[2],
                    *_with_before(one, old, _bias, before),
                    *_with_before(one, old, _coverage, before),
                ]
            )
    columns = ["", "quarter ends", *_headings("bias", before), *_headings("coverage", before)]
    return "## Quarters\n\n" + _table(columns, rows, left=2) if rows else ""


def _single_sources(pooled: Sequence[Figure]) -> str:
    """Return the mean interval score over all years of the chain, and of each source beside it."""
    rows = []
    for measure in (POPULATION, *GROSS):
        of_chain = [one for one in pooled if one["measure"] == measure and one["margin"] == "total"]
        alone = [one for one in pooled if one["measure"] == measure and one["margin"] == "single_source"]
        if not (alone and of_chain) or any(one.get("interval_score") is None for one in of_chain):
            continue
        score = _score(of_chain)
        rows.append([words.sentence_case(measure), "the chain", *_score_cells(of_chain), ""])
        by_source = {name: [one for one in alone if one["group"] == name] for name in {one["group"] for one in alone}}
        for source, own in sorted(by_source.items(), key=lambda one: (_score(one[1]), one[0])):
            ratio = words.percent(score / _score(own), 0) if _score(own) else ""
            rows.append([words.sentence_case(measure), words.source_name(source), *_score_cells(own), ratio])
    columns = ["", "by", "bias", "RMSE", "coverage", "score", "width", "too high", "too low", "chain's score of it"]
    note = (
        "Totals of years and of 30 June, means over all of them. A single source counts whom it lists, flags as "
        "arrived, or records as gone or removed; its interval is 1.96 times the RMSE that it has in the other "
        "countries, so it is given what no study knows. The score is the weighted interval score in people (Bracher "
        "et al. 2021), the sum of width, too high and too low; smaller is better."
    )
    return f"## Beside single sources\n\n{note}\n\n" + _table(columns, rows, left=2) if rows else ""


def _score(figures: Sequence[Figure]) -> float:
    return sum(one["interval_score"] for one in figures) / len(figures)


def _score_cells(figures: Sequence[Figure]) -> list[str]:
    over = _over_periods(figures)
    rmse = sqrt(sum(one["rmse"] ** 2 for one in figures) / len(figures))
    means = [sum(one[name] for one in figures) / len(figures) for name in ("dispersion", "too_high", "too_low")]
    score = f"{_score(figures):,.1f}"
    return [_bias(over), f"{rmse:,.0f}", _coverage(over), score, *(f"{one:,.1f}" for one in means)]


def _classes(pooled: Sequence[Figure], before: Earlier) -> str:
    earlier, rows = _by_key(before.figures), []
    for one in (row for row in pooled if row["measure"] == "classes"):
        old = earlier.get(_key(one))
        rows.append(
            [
                words.sentence_case(one["margin"]),
                one["period"].rpartition("/")[2],
                *_with_before(one, old, lambda row: words.percent(row["precision"]), before),
                *_with_before(one, old, lambda row: words.percent(row["recall"]), before),
                *_with_before(one, old, lambda row: "" if row["brier"] is None else f"{row['brier']:.3f}", before),
            ]
        )
    columns = ["", "period ends"]
    columns += [column for name in ("precision", "recall", "Brier score") for column in _headings(name, before)]
    note = (
        "People found as migrants, within 183 days of the true date and weighted by the probability given to them, "
        "and as residents. Precision: of those estimated, the share that is true; recall: of the true, the share "
        "found."
    )
    return f"## Classes\n\n{note}\n\n" + _table(columns, rows, left=2) if rows else ""


def _definitions(pooled: Sequence[Figure]) -> str:
    """Return the section on definitions: over all years, of everybody and of those whose travel is recorded."""
    amounts, found = ("true", "hits", "misses", "false"), {}
    for one in (row for row in pooled if row["measure"] == "definitions" and row["group"] in OF_DEFINITIONS):
        sums = found.setdefault((one["margin"], one["group"]), dict.fromkeys(amounts, 0.0))
        for name in amounts:
            sums[name] += one[name]
    rows = [
        [
            *margin.rsplit("-", 1),
            OF_DEFINITIONS[group],
            f"{sums['true']:,.0f}",
            words.percent(_share(sums["false"], sums["hits"] + sums["false"])),
            words.percent(_share(sums["misses"], sums["true"])),
        ]
        for (margin, group), sums in found.items()
    ]
    columns = ["definition", "flow", "people", "true", "false, of those estimated", "missed, of the true"]
    note = (
        "Migrations under every definition of the rule set, beside those that truly happened by that definition: it "
        "is applied to true presence, whatever is on record. Published years of all countries together; definitions "
        "over crossings can find people alone whose travel is recorded, and those are from outside the European "
        "Union."
    )
    return f"## Definitions\n\n{note}\n\n" + _table(columns, rows, left=3) if rows else ""


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _links(pooled: Sequence[Figure], before: Earlier) -> str:
    earlier = _by_key(before.figures)
    pairs = dict.fromkeys(one["margin"] for one in pooled if one["measure"] == "links")
    by_key, rows = _by_key(pooled), []
    shown = ("all", "movers", "nationality_group=EU", "nationality_group=non_EU")
    for pair in pairs:
        row = [pair.replace("-", " to ").replace("_", " ")]
        for group in shown:
            one = by_key.get(("links", pair, group, None))
            for name in ("precision", "recall") if group == "all" else ("recall",):
                old = earlier.get(("links", pair, group, None))
                row += _with_before(one, old, lambda figure, name=name: _plain_percent(figure[name]), before)
        rows.append(row)
    columns = ["", *_headings("precision", before), *_headings("recall", before)]
    columns += [column for name in ("movers", "EU", "non-EU") for column in _headings(f"recall of {name}", before)]
    return "## Links\n\n" + _table(columns, rows, left=1) if rows else ""


def _counted_twice(pooled: Sequence[Figure], before: Earlier) -> str:
    """Return the share of residents who were counted more than once, by nationality group."""
    earlier, rows = _by_key(before.figures), []
    for one in pooled:
        if one["measure"] == "counted_twice":
            group = one["group"].partition("=")[2].replace("_", "-")
            shares = _with_before(one, earlier.get(_key(one)), _share_counted_twice, before)
            rows.append([group, f"{one['true']:,.0f}", *shares])
    columns = ["", "true residents", *_headings("counted more than once", before)]
    return "## People counted more than once\n\n" + _table(columns, rows, left=1) if rows else ""


def _share_counted_twice(figure: Figure) -> str:
    return f"{figure['false'] / figure['true']:.2%}" if figure["true"] else ""


def _sorted(pooled: Sequence[Figure], margin: str) -> list[Figure]:
    order = (POPULATION, *GROSS, NET)
    found = [one for one in pooled if one["margin"] == margin and one["measure"] in order]
    return sorted(found, key=lambda one: (order.index(one["measure"]), one["period"].rpartition("/")[2]))


def _key(one: Figure) -> Key:
    return one["measure"], one["margin"], one["group"], one["period"]


def _by_key(pooled: Sequence[Figure]) -> dict[Key, Figure]:
    return {_key(one): one for one in pooled}


def _pooled_group(pooled: Sequence[Figure], measure: str, margin: str, group: str) -> Figure | None:
    own = [one for one in pooled if (one["measure"], one["margin"], one["group"]) == (measure, margin, group)]
    return _over_periods(own) if own else None


def _over_periods(figures: Sequence[Figure]) -> dict[str, Any]:
    """Return the mean bias and coverage of one kind of figure over its periods."""
    truth = sum(one["truth"] for one in figures)
    bias = sum(one["bias"] for one in figures)
    return {
        "measure": figures[0]["measure"],
        "bias": bias / len(figures),
        "relative_bias": bias / abs(truth) if truth else None,
        "coverage": sum(one["coverage"] for one in figures) / len(figures),
        "replicates": max(one["replicates"] for one in figures),
    }


def _with_before(now: Figure | None, old: Figure | None, shown: Any, before: Earlier) -> list[str]:
    text = "" if now is None else shown(now)
    return [text, "" if old is None else shown(old)] if before.figures else [text]


def _headings(name: str, before: Earlier) -> list[str]:
    return [name, f"*{before.name}*"] if before.figures else [name]


def _bias(one: Figure) -> str:
    return _signed(one["bias"]) if one["measure"] == NET else _signed_percent(one["relative_bias"])


def _signed(value: float) -> str:
    return words.signed(f"{value:,.0f}")


def _signed_percent(share: float | None) -> str:
    return "" if share is None else words.signed(words.percent(share))


def _plain_percent(share: float | None) -> str:
    return "" if share is None else words.percent(share, 2)


def _coverage(one: Figure) -> str:
    return words.percent(one["coverage"], 0)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return a Markdown table whose first `left` columns are text."""
    rule = ["---"] * left + ["---:"] * (len(columns) - left)
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, rule, *rows))


def _drawn(pooled: Sequence[Figure]) -> dict[str, list[tuple[str, list[Figure]]]]:
    """Return, by measure, the labels and figures that are drawn, all periods of each: those with enough people."""
    drawn: dict[str, list[tuple[str, list[Figure]]]] = {}
    for measure in (POPULATION, *GROSS):
        for margin in MARGINS:
            own = [one for one in _sorted(pooled, margin) if one["measure"] == measure]
            for group in dict.fromkeys(one["group"] for one in own):
                figures = [one for one in own if one["group"] == group]
                if figures[-1]["truth"] >= FEWEST_DRAWN:
                    drawn.setdefault(measure, []).append((words.name(group, short=True), figures))
    return drawn


def _bias_row(label: str, latest: Figure) -> dict[str, Any]:
    """Return the relative bias of a figure with the 95% interval of a mean of as many replicates."""
    number, spread = latest["replicates"], sqrt(max(latest["rmse"] ** 2 - latest["bias"] ** 2, 0))
    reach = float(stdtrit(number - 1, 0.975)) * spread / sqrt(number - 1) if number > 1 else 0.0
    ends = {"estimate": latest["bias"], "lower": latest["bias"] - reach, "upper": latest["bias"] + reach}
    return {"label": label} | {name: round(value / latest["truth"], 5) for name, value in ends.items()}


def _coverage_row(label: str, figures: Sequence[Figure]) -> dict[str, Any]:
    over = _over_periods(figures)
    share, number = over["coverage"], over["replicates"]
    k = share * number
    lower = float(betaincinv(k, number - k + 1, 0.025)) if k > 0 else 0.0
    upper = float(betaincinv(k + 1, number - k, 0.975)) if k < number else 1.0
    return {"label": label, "estimate": round(share, 5), "lower": round(lower, 5), "upper": round(upper, 5)}


def _bias_picture(pooled: Sequence[Figure]) -> str:
    rows = {
        measure: [_bias_row(label, figures[-1]) for label, figures in drawn]
        for measure, drawn in _drawn(pooled).items()
    }
    subtitle = "Mean error over replicates as a share of the mean truth, with the 95% interval of that mean"
    return _picture("bias", "Relative bias in the latest year", subtitle, rows, 0.0)


def _coverage_picture(pooled: Sequence[Figure]) -> str:
    rows = {
        measure: [_coverage_row(label, figures) for label, figures in drawn]
        for measure, drawn in _drawn(pooled).items()
    }
    subtitle = "Over all years, with the 95% interval of a share of as many cases as there are replicates"
    return _picture("coverage", "Share of 95% intervals that contain the truth", subtitle, rows, 0.95)


def _picture(
    prefix: str, title: str, subtitle: str, rows: Mapping[str, Sequence[Mapping[str, Any]]], reference: float
) -> str:
    """Return one panel a measure, side by side, as a drawing of its own."""
    panels = {
        words.sentence_case(measure): estimates_by_label(of_measure, width=190, reference=reference, ticks=3)
        for measure, of_measure in rows.items()
    }
    described = "; ".join(
        f"{words.sentence_case(measure)}, {row['label']}: {words.percent(row['estimate'])}"
        for measure, of_measure in rows.items()
        for row in of_measure
    )
    return draw(side_by_side(panels, title, subtitle), f"{title}. {described}", prefix, alone=True)
