"""The pages of `sweep` and `sensitivity`: one HTML file each, without scripts."""

from dataclasses import dataclass

import polars as pl

from publication.figures.figure import Figure
from publication.figures.variant_figures import sweep_figure
from publication.html_page import render_page

CALIBRATED = (
    "Probabilities are calibrated as in the run, for its own values: others would need their own calibration."
)
COUNTED = "Estimates are as counted from the sources, before coverage and the account."
PUBLISHED = "Estimates are those that the run would publish: each variant has gone through coverage and the account."


@dataclass(frozen=True)
class VariedParameter:
    """A parameter of a sweep: its id, sentence and unit, and its value in the run."""

    id: str
    says: str
    unit: str
    value: float


@dataclass(frozen=True)
class RunShown:
    """The run whose variants a page shows."""

    study: str
    synthetic: bool
    run_id: str
    rule_set: str
    counted: bool
    calibrated: bool = False


@dataclass(frozen=True)
class SweepPage:
    """What the page of a sweep shows: `estimates` is the table of `sweep.csv`."""

    run: RunShown
    parameters: tuple[VariedParameter, ...]
    estimates: pl.DataFrame


def render_sweep_page(page: SweepPage) -> str:
    """Return the page of a sweep as HTML."""
    own = {one.id: one.value for one in page.parameters}
    figures = [
        sweep_figure(page.estimates, one.id, one.says, one.value, {name: own[name] for name in own if name != one.id})
        for one in page.parameters
    ]
    return _render(page.run, "What parameters of the rules make of the estimates", figures, "sweep.csv")


def render_sensitivity_page(run: RunShown, figure: Figure) -> str:
    """Return the page of the sensitivity of net migration as HTML."""
    return _render(run, "How sensitive net migration is to the rules", [figure], "sensitivity.csv")


def _render(run: RunShown, title: str, figures: list[Figure], csv: str) -> str:
    return render_page(
        "variants.html.j2",
        study={"name": run.study, "synthetic": run.synthetic},
        run=run,
        title=title,
        lead=" ".join([COUNTED if run.counted else PUBLISHED, *([CALIBRATED] if run.calibrated else [])]),
        figures=figures,
        csv=csv,
    )
