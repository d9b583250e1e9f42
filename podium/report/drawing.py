"""How all of the report's plots look, and how they become SVG texts: equal inputs give equal bytes."""

import io
import re

from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, PAPER = "#333333", "#ffffff"
"""Colours of writing and ground. In the page they become those of the page, which is dark at night."""

# Middle tones, legible on light and dark ground.
SERIES = ["#3f7fd0", "#e07b39", "#2f9e78", "#a56cc1", "#d0455c", "#8a8f98", "#b59b2a", "#2ba3b8", "#c76b98", "#6f8f3a"]

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "podium",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial"],
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "grid.color": "#999999",
    "grid.alpha": 0.25,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.handlelength": 1.4,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
}
"""Of matplotlib's settings: `with mpl.rc_context(STYLE): …` from the figure's making to `svg`."""


def plain(name: str, most: int = 20) -> str:
    """Return a name that users chose, of at most so many characters, so that matplotlib writes it as it is.

    Dollars would begin formulas; a leading underscore would keep a name out of legends, were there not a space without
    width before it; and an SVG cannot hold control characters.
    """
    text = "".join(each if each.isprintable() else "\ufffd" for each in " ".join(name.split()))
    text = text if len(text) <= most else f"{text[: most - 1]}\u2026"
    return ("\u200b" if text.startswith("_") else "") + text.replace("$", r"\$")


def svg(figure: Figure) -> str:
    """Return a figure as an SVG text without times and names of programs."""
    text = io.StringIO()
    FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None, "Creator": None})
    drawn = re.sub(r"\s*<metadata>.*?</metadata>", "", text.getvalue(), flags=re.DOTALL)
    # Hundredths of a point are finer than any screen; matplotlib writes millionths.
    return re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), drawn)


def inline(drawn: str, name: str, label: str) -> Markup:
    """Return what `svg` returned for use inside an HTML page.

    Parameters
    ----------
    name
        Goes before its ids, which must differ from those of the page's other SVGs: letters, digits and hyphens.
    label
        What the plot shows, for those who do not see it.
    """
    body = drawn[drawn.index("<svg") :].replace(INK, "currentColor").replace(PAPER, "none")
    body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body).replace("xlink:href", "href")
    used = set(re.findall(r'(?:url\(|href=")#([\w.-]+)', body))
    body = re.sub(r' id="([\w.-]+)"', lambda found: found[0] if found[1] in used else "", body)
    body = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", body)
    return Markup(body.replace("<svg", Markup('<svg role="img" aria-label="{}"').format(label), 1).strip())
