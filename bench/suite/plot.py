"""Plots as SVG, by hand: lines over a logarithmic axis, and bars for the ratios."""

import html
import math

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 50, 60
COLOURS = ["#0060a8", "#c04000", "#2e7d32", "#6a1b9a"]


def short(value):
    """1500000 as 1.5M, 65536 as 64Ki"""
    for size, unit in ((2**20, "Mi"), (2**10, "Ki")):
        if value >= size and value % size == 0:
            return f"{value / size:g}{unit}"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def ticks_up_to(largest, wanted=5):
    """Round numbers from 0 to the first that is not below the largest."""
    raw = largest / wanted or 1
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw)
    return [i * step for i in range(math.ceil(largest / step) + 1)]


def label(x, y, content, anchor="middle", colour="#222", size=12, turn=0):
    rotation = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-size="{size}"{rotation}>{html.escape(content)}</text>'
    )


def line(x1, y1, x2, y2, colour="#ddd", width=1, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"{dashes}/>'
    )


def document(width, height, parts):
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *parts,
            "</svg>\n",
        ]
    )


def lines(title, x_title, y_title, curves):
    """curves: name -> [(x, y)], x above 0. Logarithmic along x, from 0 along y."""
    xs = sorted({x for points in curves.values() for x, _ in points})
    ys = ticks_up_to(max(y for points in curves.values() for _, y in points))
    span = math.log(xs[-1] / xs[0]) or 1

    def at_x(x):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(x / xs[0]) / span

    def at_y(y):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / ys[-1]

    parts = [label(WIDTH / 2, 22, title, size=15)]
    for y in ys:
        parts += [line(LEFT, at_y(y), WIDTH - RIGHT, at_y(y)), label(LEFT - 6, at_y(y) + 4, short(y), "end")]
    for x in xs:
        parts += [line(at_x(x), TOP, at_x(x), HEIGHT - BOTTOM),
                  label(at_x(x), HEIGHT - BOTTOM + 18, short(x))]  # fmt: skip
    parts += [label(WIDTH / 2, HEIGHT - 14, x_title), label(18, HEIGHT / 2, y_title, turn=-90)]
    for (name, points), colour, place in zip(curves.items(), COLOURS, range(len(COLOURS))):
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in sorted(points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(label(LEFT + 8 + place * 150, 42, f"● {name}", "start", colour))
    return document(WIDTH, HEIGHT, parts)


def bars(title, items):
    """items: (name, share of the aim that is reached, share at which it is enough, text)."""
    row, name_width, width = 26, 150, 760
    largest = max(1.2, min(2.0, max(share for _, share, _, _ in items)))
    height = TOP + row * len(items) + 40

    def at_x(share):
        return name_width + (width - name_width - 130) * min(share, largest) / largest

    parts = [label(width / 2, 22, title, size=15)]
    for index, (name, share, enough, text) in enumerate(items):
        y = TOP + row * index
        colour = "#2e7d32" if share >= 1 else "#f9a825" if share >= enough else "#c62828"
        parts += [
            label(name_width - 8, y + 15, name, "end"),
            f'<rect x="{name_width}" y="{y + 3}" width="{at_x(share) - name_width:.1f}" height="16" '
            f'fill="{colour}"/>',
            line(at_x(enough), y, at_x(enough), y + 22, "#222", 2),
            label(at_x(share) + 8, y + 15, text, "start"),
        ]
    bottom = TOP + row * len(items)
    parts += [line(at_x(1), TOP - 6, at_x(1), bottom + 4, "#222", 1, "4 3"),
              label(at_x(1), bottom + 18, "the aim"),
              label(width / 2, bottom + 34, "black strokes: at least", size=11)]  # fmt: skip
    return document(width, height, parts)


def results(rows):
    """How far each row is from its aim, better to the right."""

    def share(row, value):
        return row.aim / value if row.lower_is_better else value / row.aim

    items = [
        (r.row.name, share(r.row, r.ratio), share(r.row, r.row.at_least), f"{r.ratio:.2f} (aim {r.row.aim:g})")
        for r in rows
    ]
    return bars("Ratio next to its aim", items)
