"""Results as text: aligned for a terminal, or in Markdown."""

import statistics

from .comparison import number_text as number

HEAD = ["row", "what", "against", "ours", "theirs", "ratio", "rounds", "by CPU", "at least", "aim", ""]


def ratio(value):
    return "" if value is None else f"{value:.2f}"


def cells(result):
    row = result.row
    bound = "at most " if row.lower_is_better else ""
    return [
        row.name,
        row.title,
        row.against,
        f"{number(statistics.median(f.value for f in result.ours))} {row.unit}",
        f"{number(statistics.median(f.value for f in result.theirs))} {row.unit}",
        ratio(result.ratio),
        f"{ratio(min(result.ratios))} to {ratio(max(result.ratios))}",
        ratio(result.cpu_ratio),
        bound + number(row.at_least),
        bound + number(row.aim),
        result.verdict + (" (doubtful)" if result.doubts else ""),
    ]


def detail_lines(results):
    for result in results:
        if result.doubts:
            yield f"{result.row.name}, doubtful in {len(result.doubts)} runs: {result.doubts[0]}"
        for side in ("ours", "theirs"):
            details = result.details(side)
            if details:
                text = ", ".join(f"{name} {number(value)}" for name, value in details.items())
                yield f"{result.row.name}, {side}: {text}"


def aligned(head, rows):
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
        for line in [head, *rows]
    )


def markdown_table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def text(results):
    # The titles stand in the row's help and in the Markdown; a terminal is narrow.
    narrow = [0, 3, 4, 5, 6, 7, 8, 9, 10]
    rows = [[cells(result)[i] for i in narrow] for result in results]
    return "\n".join([aligned([HEAD[i] for i in narrow], rows), "", *detail_lines(results)])


def markdown(results):
    details = "".join(f"- {line}\n" for line in detail_lines(results))
    return markdown_table(HEAD, [cells(result) for result in results]) + "\n" + details


def growth_tables(series, table=markdown_table):
    """One table for each thing that grows: a column for each thing that was measured."""
    for one in series:
        names = list(dict.fromkeys(name for point in one.points for name in point.values))
        rows = [
            [number(point.x), *(number(point.values.get(name)) for name in names)]
            for point in one.points
        ]
        notes = "".join(f"\n{note}\n" for note in one.notes)
        yield f"{one.title}\n\n{table([one.x_title, *names], rows)}{notes}"
