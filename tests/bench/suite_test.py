"""What the benchmark concludes from its figures, without a server."""

import itertools
import unittest
import xml.dom.minidom

from suite import comparison, growth, load, options, plot, table
from suite.comparison import Figure, Result, Row
from suite.growth import Point, Series
from suite.settings import Settings


def row(ours=None, theirs=None, at_least=0.8, aim=0.95, lower_is_better=False):
    return Row("row", "what", "them", "x/s", at_least, aim, ours, theirs, lower_is_better)


def result(ours, theirs, **options_of_row):
    return Result(row(**options_of_row), [Figure(v) for v in ours], [Figure(v) for v in theirs])


class Comparison(unittest.TestCase):
    def test_the_ratio_is_the_median_of_the_rounds_ratios(self):
        # The ratio of the medians would be 2.
        self.assertEqual(result([10, 20, 90], [10, 5, 30]).ratio, 3)

    def test_verdicts(self):
        self.assertEqual(result([95], [100]).verdict, "aim reached")
        self.assertEqual(result([80], [100]).verdict, "enough")
        self.assertEqual(result([79], [100]).verdict, "MISSED")

    def test_verdicts_where_lower_is_better(self):
        bounds = {"at_least": 1.25, "aim": 1.0, "lower_is_better": True}
        self.assertEqual(result([100], [100], **bounds).verdict, "aim reached")
        self.assertEqual(result([125], [100], **bounds).verdict, "enough")
        self.assertEqual(result([126], [100], **bounds).verdict, "MISSED")

    def test_sides_take_turns_in_coming_first(self):
        order = []

        def side(name):
            return lambda settings: order.append(name) or Figure(1)

        settings = Settings(rounds=3)
        comparison.compare(row(side("ours"), side("theirs")), settings, lambda text: None)
        self.assertEqual(order, ["ours", "theirs", "theirs", "ours", "ours", "theirs"])

    def test_a_run_that_starved_is_repeated_and_one_that_always_fails_is_not_hidden(self):
        attempts = itertools.count()

        def starves_once(settings):
            if next(attempts) == 0:
                raise RuntimeError("nothing was acknowledged")
            return Figure(7)

        def fails(settings):
            raise RuntimeError("nothing was acknowledged")

        settings, said = Settings(rounds=1), []
        got = comparison.compare(row(starves_once, lambda s: Figure(7)), settings, said.append)
        self.assertEqual(got.ratio, 1)
        self.assertIn("nothing was acknowledged", said[0])
        with self.assertRaises(RuntimeError):
            comparison.compare(row(fails, fails), settings, said.append)


class Table(unittest.TestCase):
    def test_says_when_a_figure_is_doubtful(self):
        one = result([80], [100])
        one.theirs[0].doubts.append("a busy machine")
        self.assertIn("enough (doubtful)", table.text([one]))
        self.assertIn("a busy machine", table.markdown([one]))

    def test_markdown_has_as_many_cells_in_each_line(self):
        lines = table.markdown([result([80], [100]), result([1], [2])]).splitlines()[:4]
        self.assertEqual({line.count("|") for line in lines}, {len(table.HEAD) + 1})


class Plot(unittest.TestCase):
    def test_lines_are_xml_with_each_point_once(self):
        points = [(10, 5.0), (100, 7.5), (1000, 0.0)]
        document = xml.dom.minidom.parseString(plot.lines("a < b", "x", "y", {"one": points}))
        circles = document.getElementsByTagName("circle")
        xs = [float(circle.getAttribute("cx")) for circle in circles]
        ys = [float(circle.getAttribute("cy")) for circle in circles]
        self.assertAlmostEqual(xs[1] - xs[0], xs[2] - xs[1], delta=0.2)  # logarithmic
        self.assertLess(ys[1], ys[0])  # more is higher up
        self.assertEqual(len(circles), len(points))

    def test_bars_point_the_same_way_whichever_way_is_better(self):
        slow = result([200], [100], at_least=1.25, aim=1.0, lower_is_better=True)
        few = result([50], [100], at_least=0.8, aim=1.0)
        document = xml.dom.minidom.parseString(plot.results([slow, few]))
        bars = document.getElementsByTagName("rect")[1:]  # the first is the background
        self.assertEqual(bars[0].getAttribute("width"), bars[1].getAttribute("width"))

    def test_ticks_are_round_and_reach_the_largest(self):
        self.assertEqual(plot.ticks_up_to(9), [0, 2, 4, 6, 8, 10])
        self.assertEqual([plot.short(v) for v in (1_500_000, 65_536, 10_000)], ["1.5M", "64Ki", "10k"])


class Growth(unittest.TestCase):
    def test_curves_are_by_what_was_measured_and_by_broker(self):
        series = Series("n", "t", "x", [Point(1, {"puts/s, with": 2, "puts/s, without": 3, "MiB, with": 4})])
        self.assertEqual(
            series.curves(),
            {"puts/s": {"with": [(1, 2)], "without": [(1, 3)]}, "MiB": {"with": [(1, 4)]}},
        )

    def test_what_does_not_fit_into_memory_is_left_out_and_said(self):
        def measure(settings, plugin, keys):
            return {f"MiB, {growth.which(plugin)}": keys / 1000}  # 1 MiB for 1,000 keys

        originals = growth.measure, growth.free_memory
        growth.measure, growth.free_memory = measure, lambda: 2_000 * 2**20
        try:
            series = growth.by_keys(Settings(), lambda text: None)
        finally:
            growth.measure, growth.free_memory = originals
        self.assertEqual([point.x for point in series.points], [10**3, 10**4, 10**5, 10**6])
        self.assertIn("10,000,000 keys were left out", series.notes[0])


class Options(unittest.TestCase):
    def test_what_is_given_goes_before_what_quick_sets(self):
        settings, rows, _ = options.parse(["--quick", "--rounds", "4", "--rows", "get,qos1"])
        self.assertEqual(settings.rounds, 4)
        self.assertLess(settings.many_keys, Settings().many_keys)
        self.assertEqual([one.name for one in rows], ["get", "qos1"])

    def test_options_of_load_programs(self):
        self.assertEqual(
            load.arguments({"wake_after": 4, "retain": True, "echo": False, "property": ["a=b", "c=d"]}),
            ["--wake-after", "4", "--retain", "--property", "a=b", "--property", "c=d"],
        )


if __name__ == "__main__":
    unittest.main()
