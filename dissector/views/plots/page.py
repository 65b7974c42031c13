"""All plots in one page that needs nothing else."""

from __future__ import annotations

import base64
from html import escape

from .style import Plot

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 2rem auto; max-width: 62rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif;
  color: #22272e; background: #f6f7f9; }}
h1 {{ font-size: 1.3rem; overflow-wrap: anywhere; }}
figure {{ margin: 1.5rem 0; padding: .75rem; background: #fff; border: 1px solid #d8dde3;
  border-radius: 6px; }}
img {{ display: block; width: 100%; height: auto; }}
pre {{ overflow-x: auto; padding: .75rem; background: #fff; border: 1px solid #d8dde3;
  border-radius: 6px; font-size: 12px; line-height: 1.4; }}
</style>
</head>
<body>
<h1>{title}</h1>
"""


def plot_page(title: str, plots: list[Plot], text: str) -> str:
    """Return a page with the pictures, and the same in words below them."""
    parts = [_HEAD.format(title=escape(title))]
    for plot in plots:
        picture = base64.b64encode(plot.png).decode()
        parts.append(
            f'<figure><img alt="{escape(plot.title)}" src="data:image/png;base64,{picture}">'
            "</figure>\n"
        )
    parts.append(f"<pre>{escape(text)}</pre>\n</body>\n</html>\n")
    return "".join(parts)
