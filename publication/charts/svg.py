"""Rendering: a chart's specification becomes one small, self-contained SVG, alone or among others in a page."""

import json
import re
from functools import lru_cache
from html import escape

import vl_convert

VEGA_LITE = "6.1"
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
# Descriptions that the renderer adds to each mark for screen readers: one sentence for the drawing serves better.
_SPOKEN = re.compile(r' (?:role|class|aria-[a-z]+|pointer-events|stroke-miterlimit|xmlns(?::\w+)?|version)="[^"]*"')
_INVISIBLE = re.compile(r'<path[^>]*? d=""[^>]*?(?:/>|></path>)|<path[^>]*? d="M0,0h0v0h0Z"[^>]*?(?:/>|></path>)')
_EMPTY_GROUP = re.compile(r"<g(?: [^>]*)?></g>")
_FONT = re.compile(r' font-family="[^"]*"')
_ROOT = re.compile(r'<svg[^>]*?width="([\d.]+)" height="([\d.]+)" viewBox="([^"]*)">')


def draw(specification: dict, alternative: str, prefix: str, *, alone: bool = False) -> str:
    """Return a Vega-Lite specification as SVG; nothing is fetched.

    `alternative` is the text alternative for readers who cannot see the drawing; `prefix` makes its ids differ
    from those of other drawings in the page. A drawing `alone` in a file keeps its namespace and fonts.
    """
    drawn = _rendered(json.dumps(specification))
    return _label(_own_ids(_slim(drawn, keep_fonts=alone), prefix), alternative, alone=alone)


@lru_cache(maxsize=512)
def _rendered(specification: str) -> str:
    """Return what the renderer makes of a specification in JSON: `evaluate` writes most charts of `publish` again."""
    return vl_convert.vegalite_to_svg(specification, vl_version=VEGA_LITE, allowed_base_urls=[])


def _slim(drawing: str, *, keep_fonts: bool) -> str:
    """Remove what is invisible or unused, and round to two decimals of a pixel."""
    slim = _INVISIBLE.sub("", _SPOKEN.sub("", drawing))
    slim = _NUMBER.sub(lambda found: f"{float(found.group()):.2f}".rstrip("0").rstrip("."), slim)
    if not keep_fonts:
        slim = _FONT.sub("", slim)
    slim = (
        slim.replace(' opacity="1"', "").replace(' fill-opacity="1"', "").replace(' transform="translate(0,0)"', "")
    )
    before = ""
    while slim != before:
        before, slim = slim, _EMPTY_GROUP.sub("", slim)
    return slim


def _own_ids(drawing: str, prefix: str) -> str:
    """Renumber the ids of a drawing by appearance: the renderer continues its count from drawing to drawing."""
    names = list(dict.fromkeys(re.findall(r' id="([^"]+)"', drawing)))
    for number, name in enumerate(names):
        own = f"{prefix}-{number}"
        drawing = drawing.replace(f' id="{name}"', f' id="{own}"').replace(f"url(#{name})", f"url(#{own})")
    return drawing


def _label(drawing: str, alternative: str, *, alone: bool) -> str:
    found = _ROOT.search(drawing)
    if found is None:
        raise ValueError("the renderer returned no SVG with a size")
    width, height, view = found.groups()
    # In a page a drawing may grow a little, so that panels fill their row while text stays about one size.
    context = 'xmlns="http://www.w3.org/2000/svg"' if alone else f'style="max-width:{1.15 * float(width):.0f}px"'
    root = (
        f'<svg {context} role="img" aria-label="{escape(alternative)}" width="{width}" height="{height}" '
        f'viewBox="{view}">'
    )
    return drawing[: found.start()] + root + drawing[found.end() :]
