"""HTML and SVG, escaped by construction: text is text unless it is Html."""

from __future__ import annotations

import html
import importlib.resources
from typing import TypeAlias


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Content: TypeAlias = str | list["Content"] | None

_VOID = {"br", "meta", "line", "rect", "path", "circle"}


def tag(name: str, /, *content: Content, **attributes: str | float | bool | None) -> Html:
    """An element. Attribute names: `class_` is class, `_` within a name is `-`; True stands alone, None is left out."""
    written = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        written += f" {attribute}" if value is True else f' {attribute}="{html.escape(_text(value))}"'
    if name in _VOID:
        return Html(f"<{name}{written}/>")
    return Html(f"<{name}{written}>{join(*content)}</{name}>")


def join(*content: Content) -> Html:
    """Content one after the other, text escaped."""
    parts = []
    for one in content:
        if isinstance(one, Html):
            parts.append(str(one))
        elif isinstance(one, str):
            parts.append(html.escape(one))
        elif one is not None:
            parts.append(join(*one))
    return Html("".join(parts))


def static(name: str) -> str:
    """A file of static/: what the page holds beside its content."""
    return importlib.resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}" if isinstance(value, int) else f"{value:.2f}"
