"""What a benchmark measured, kept as JSON and as a plot beside it (SVG, written by hand: no library for six lines).

Lives here: `keep` and the drawing. Not here: what is measured, or what is promised of it (the benchmarks).
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

FOLDER = Path(__file__).resolve().parents[1] / "results"
Points = Sequence[tuple[float, float]]
_WIDTH, _HEIGHT, _LEFT, _TOP, _BELOW = 720, 320, 70, 40, 50
_COLOURS = ("#1f5fa8", "#c2571a", "#3a7d44", "#7a4fa3")


def keep(name: str, figures: Mapping[str, object]) -> Path:
    """Write *figures*, with the machine they were measured on, to results/<name>.json; where that is."""
    FOLDER.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load_now": round(os.getloadavg()[0], 1)}
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps({**figures, "machine": machine}, indent=2) + "\n")
    return path


def plot(name: str, title: str, across: str, upward: str, lines: Mapping[str, Points], *, dots: bool = False) -> Path:
    """Draw each of *lines* (label → points) over the same axes, from nought, to results/<name>.svg; with *dots* the
    points alone. A line without points is left out."""
    lines = {label: points for label, points in lines.items() if points}
    most_x = max((x for points in lines.values() for x, _ in points), default=1.0) or 1.0
    most_y = max((y for points in lines.values() for _, y in points), default=1.0) * 1.05 or 1.0
    parts = [_frame(title, across, upward, most_x, most_y)]
    for number, (label, points) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        placed = [(_x(x, most_x), _y(y, most_y)) for x, y in points]
        parts.append(_text(_LEFT + 10 + 160 * number, _TOP - 6, label, colour=colour))
        if dots:
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in placed]
        else:
            joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
            parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.svg"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">'
    path.write_text("\n".join([head, *parts, "</svg>", ""]))
    return path


def _x(value: float, most: float) -> float:
    return _LEFT + value / most * (_WIDTH - _LEFT - 20)


def _y(value: float, most: float) -> float:
    return _HEIGHT - _BELOW - value / most * (_HEIGHT - _BELOW - _TOP)


def _frame(title: str, across: str, upward: str, most_x: float, most_y: float) -> str:
    floor = _HEIGHT - _BELOW
    parts = [
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<path d="M{_LEFT} {_TOP}V{floor}H{_WIDTH - 20}" fill="none" stroke="#444"/>',
        _text(_LEFT, 18, title, size=14),
        _text(_LEFT, _HEIGHT - 10, across),
        f'<g transform="translate(14 {floor}) rotate(-90)">{_text(0, 0, upward)}</g>',
    ]
    for step in range(5):
        x, y = most_x * step / 4, most_y * step / 4
        parts += [_text(_x(x, most_x) - 8, floor + 18, f"{x:.3g}"), _text(_LEFT - 40, _y(y, most_y) + 4, f"{y:.3g}")]
    return "\n".join(parts)


def _text(x: float, y: float, words: str, *, size: int = 11, colour: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}">{escape(words)}</text>'
