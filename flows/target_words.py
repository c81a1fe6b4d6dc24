"""Targets in words: figures of each unit, where and when they stand, how many hold."""

from collections.abc import Sequence

from synthetic_data.benchmarks.targets import Result, Target


def figure(value: float | None, unit: str) -> str:
    """Return a figure of a unit as text: a share in percent, people in full, days to one decimal."""
    if value is None:
        return "-"
    if unit == "share":
        return f"{100 * value:.2f}%"
    return f"{value:,.1f}" if unit == "days" else f"{value:,.0f}"


def place_and_time(target: Target) -> str:
    """Return where and when a published figure stands."""
    share = f" (England and Wales: share '{target.scale}')" if target.scale and target.scale != "same" else ""
    return f"{target.geography}{share}, {target.period}"


def summary(results: Sequence[Result]) -> str:
    """Return how many targets hold, and how many the study cannot show."""
    hold, unseen = sum(one.holds for one in results), sum(one.value is None for one in results)
    cannot = f"; {unseen} cannot be shown" if unseen else ""
    wide = sum(one.value is not None and one.tolerance >= abs(one.target.published) for one in results)
    no_test = f"; {wide} of them have a tolerance as large as the figure, which tests nothing" if wide else ""
    return f"{hold} of {len(results)} targets hold{cannot}{no_test}"
