"""Lines over logarithmic axes, as SVG, with nothing but the standard library."""
from __future__ import annotations

import dataclasses
import html
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 320, 80, 20, 40, 50
COLOURS = ("#1f5fa8", "#c2571a", "#3a7d34")


@dataclasses.dataclass(frozen=True)
class Series:
    name: str
    points: list[tuple[float, float]]


def _ticks(low: float, high: float) -> list[float]:
    """Powers of ten from below `low` to above `high`."""
    return [10.0**power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def line_plot(title: str, x_name: str, y_name: str, series: list[Series]) -> str:
    """Values of 0 and below are drawn at the lower edge."""
    xs = [x for each in series for x, _ in each.points]
    ys = [max(y, 1e-3) for each in series for _, y in each.points]
    x_ticks, y_ticks = _ticks(min(xs), max(xs)), _ticks(min(ys), max(ys))
    if len(y_ticks) == 1:
        y_ticks.append(y_ticks[0] * 10)

    def place(value: float, ticks: list[float], begin: float, size: float) -> float:
        low, high = math.log10(ticks[0]), math.log10(ticks[-1])
        return begin + size * (math.log10(max(value, ticks[0])) - low) / (high - low)

    def at_x(x: float) -> float:
        return place(x, x_ticks, LEFT, WIDTH - LEFT - RIGHT)

    def at_y(y: float) -> float:
        return place(y, y_ticks, HEIGHT - BOTTOM, TOP + BOTTOM - HEIGHT)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', f'<text x="{LEFT}" y="20" font-size="14">{html.escape(title)}</text>']
    for tick in x_ticks:
        out.append(f'<line x1="{at_x(tick):.1f}" y1="{TOP}" x2="{at_x(tick):.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>'
                   f'<text x="{at_x(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{_number(tick)}</text>')
    for tick in y_ticks:
        out.append(f'<line x1="{LEFT}" y1="{at_y(tick):.1f}" x2="{WIDTH - RIGHT}" y2="{at_y(tick):.1f}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{at_y(tick) + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
    out.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 12}" text-anchor="end">{html.escape(x_name)}</text>'
               f'<text x="{LEFT}" y="34" fill="#666">{html.escape(y_name)}</text>')
    for number, each in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in each.points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3" fill="{colour}"/>' for x, y in each.points]
        out.append(f'<text x="{LEFT + 8}" y="{TOP + 16 + 16 * number}" fill="{colour}">{html.escape(each.name)}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"
