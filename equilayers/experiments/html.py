"""HTML from templates that escape: whatever is filled in is text, unless a template made it."""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

__all__ = ["Markup", "fill"]

NO_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # that XML does not have


def fill(template: str, **values: object) -> Markup:
    """A template of jinja2 with values in its places, as HTML that is also well-formed XML.

    Args:
        template: written in the code, never read from elsewhere.
        values: text is escaped; only what :func:`fill` itself has returned goes in as it is.

    Example:
        >>> bold = fill("<b>{{ name }}</b>", name="<script>")
        >>> print(fill("<p>{{ bold }} & {{ text }}</p>".replace("&", "&amp;"), bold=bold, text="a < b"))
        <p><b>&lt;script&gt;</b> &amp; a &lt; b</p>
    """
    return Markup(_compiled(template).render(values))


def _characters(value: object) -> object:
    """Text without control characters and half characters; everything else unchanged."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else NO_CHARACTERS.sub("\ufffd", value)


ENVIRONMENT = Environment(autoescape=True, undefined=StrictUndefined, finalize=_characters, keep_trailing_newline=True)


@cache
def _compiled(template: str) -> Template:
    return ENVIRONMENT.from_string(template)
