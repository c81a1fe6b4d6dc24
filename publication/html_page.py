"""Filling in an HTML template of `templates/`: escaping, typographic minus signs, drawings as they are."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
_MINUS = re.compile(r"(?<![\w.,)])-(?=\d)")


def render_page(template: str, **content: object) -> str:
    """Return a template filled in with `content`; a name that the template uses and `content` lacks is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["minus"] = lambda text: _MINUS.sub("\N{MINUS SIGN}", text)
    environment.filters["svg"] = Markup
    return environment.get_template(template).render(**content)
