"""The published variance of a dual-system estimate, with which tests compare."""


def chapman_variance(first: float, second: float, matches: float) -> float:
    """Return the variance of Chapman's estimate under simple random capture (Seber 1970): no design, no linkage."""
    return (first + 1) * (second + 1) * (first - matches) * (second - matches) / ((matches + 1) ** 2 * (matches + 2))
