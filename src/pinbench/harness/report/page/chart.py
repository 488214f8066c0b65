"""A plot as SVG: axes, a grid and marks. Series differ in shape and dashes as well as in colour."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from pinbench.harness.report.page.markup import Markup, element, join
from pinbench.harness.report.page.scale import Scale, is_wide, linear, logarithmic, short

WIDTH, HEIGHT = 560, 340  # of the view box; the page scales it
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 20, 14, 58
_LINE = 22  # of the legend
_LEGEND = 44  # characters of a line of it, as large as a phone shows them
_PART = 0.6  # from here on a word stands to the left of its mark, where it has room
SERIES = 6  # colours that all kinds of sight tell apart
_DASHES = (None, "7 4", "2 3", "9 3 2 3", "12 4", "4 2")
# Around the origin, about 10 wide.
_SHAPES = (
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z",
    "M-4.5-4.5h9v9h-9Z",
    "M0-6L5.5 4.5h-11Z",
    "M0-6.5L6 0L0 6.5L-6 0Z",
    "M0 6L5.5-4.5h-11Z",
    "M-1.8-6h3.6v4.2h4.2v3.6h-4.2v4.2h-3.6v-4.2h-4.2v-3.6h4.2Z",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What an axis shows. `values` are all that must fit."""

    label: str
    values: Sequence[float]
    from_zero: bool = False
    can_be_log: bool = True
    ticks: tuple[tuple[float, str], ...] | None = None  # names instead of numbers

    def scale(self, start: float, end: float) -> Scale:
        """Return its scale between two places."""
        if self.can_be_log and is_wide(self.values):
            return logarithmic(self.values, start, end)
        return linear(self.values, start, end, from_zero=self.from_zero)


@dataclass(kw_only=True)
class Chart:
    """A plot that marks are added to."""

    name: str  # unique in the page, a word
    title: str
    description: str  # what is seen, for those who do not see it
    x: Axis
    y: Axis
    height: int = HEIGHT
    left: int = _LEFT
    across: Scale = field(init=False)
    up: Scale = field(init=False)
    _marks: list[Markup] = field(init=False, default_factory=list)
    _legend: list[tuple[Markup | None, str]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.across = self.x.scale(self.left, WIDTH - _RIGHT)
        self.up = self.y.scale(self.height - _BOTTOM, _TOP)

    def add(self, *marks: Markup) -> None:
        """Put `marks` above those that are there."""
        self._marks += marks

    def point(self, x: float, y: float, series: int = 0, hint: str = "", class_: str = "") -> None:
        """Mark a point; `hint` is shown where a pointer rests on it."""
        self.add(_shape(self.across.place(x), self.up.place(y), series, hint, class_))

    def line(
        self, places: Sequence[tuple[float, float]], series: int = 0, *, class_: str = "", dashes: str | None = None
    ) -> None:
        """Draw a line through `places`."""
        through = " ".join(f"{self.across.place(x):g},{self.up.place(y):g}" for x, y in places)
        style = dashes or _DASHES[series % SERIES]
        self.add(
            element("polyline", points=through, class_=f"line s{series % SERIES} {class_}", stroke_dasharray=style)
        )

    def vertical(self, x: float, label: str | None = None, class_: str = "mark", row: int = 0) -> None:
        """Draw a line over the whole height, with a word at its top."""
        place = self.across.place(x)
        self.add(element("line", x1=place, x2=place, y1=_TOP, y2=self.height - _BOTTOM, class_=class_))
        if label is not None:
            is_right = place > self.left + _PART * (WIDTH - self.left)
            end = "end" if is_right else None
            self.add(element("text", label, x=place + (-4 if is_right else 4), y=_TOP + 12 + 16 * row, class_=end))

    def bar(self, low: float, high: float, bottom: float, top: float, class_: str, hint: str = "") -> None:
        """Draw a rectangle between two places of each axis."""
        left, right = self.across.place(low), self.across.place(high)
        upper, lower = self.up.place(top), self.up.place(bottom)
        title = element("title", hint) if hint else None
        box = element("rect", x=left, y=upper, width=round(right - left, 2), height=round(lower - upper, 2))
        self.add(element("g", title, box, class_=class_))

    def legend(self, label: str, series: int) -> None:
        """Say what a series is."""
        self.legend_of(_shape(0, 0, series), label)

    def legend_of(self, mark: Markup, label: str) -> None:
        """Say what a mark drawn around the origin means."""
        lines = textwrap.wrap(label, _LEGEND)
        self._legend += [(mark if place == 0 else None, line) for place, line in enumerate(lines)]

    def render(self) -> Markup:
        """Return the plot as one SVG element."""
        height = self.height + _LINE * len(self._legend)
        title, description = f"{self.name}-title", f"{self.name}-description"
        return element(
            "svg",
            element("title", self.title, id=title),
            element("desc", self.description, id=description),
            *self._frame(),
            *self._marks,
            *self._legend_lines(),
            viewBox=f"0 0 {WIDTH} {height}", class_="chart", role="img", aria_labelledby=f"{title} {description}",
            xmlns="http://www.w3.org/2000/svg", id=self.name,
        )  # fmt: skip

    def _frame(self) -> list[Markup]:
        bottom, right = self.height - _BOTTOM, WIDTH - _RIGHT
        marks = []
        for value, name in self._ticks(self.x, self.across):
            place = self.across.place(value)
            marks.append(element("line", x1=place, x2=place, y1=_TOP, y2=bottom, class_="grid"))
            marks.append(element("text", name, x=place, y=bottom + 19, class_="middle tick"))
        for value, name in self._ticks(self.y, self.up):
            place = self.up.place(value)
            marks.append(element("line", x1=self.left, x2=right, y1=place, y2=place, class_="grid"))
            marks.append(element("text", name, x=self.left - 8, y=place + 4.5, class_="end tick"))
        marks.append(element("text", self.x.label, x=(self.left + right) / 2, y=bottom + 44, class_="middle label"))
        middle = (_TOP + bottom) / 2
        turned = f"rotate(-90 16 {middle:g})"
        marks.append(element("text", self.y.label, x=16, y=middle, transform=turned, class_="middle label"))
        return marks

    @staticmethod
    def _ticks(axis: Axis, scale: Scale) -> Sequence[tuple[float, str]]:
        return axis.ticks if axis.ticks is not None else [(tick, short(tick)) for tick in scale.ticks]

    def _legend_lines(self) -> list[Markup]:
        lines = []
        for place, (mark, label) in enumerate(self._legend):
            y = self.height + _LINE * place + 4
            if mark is not None:
                lines.append(element("g", mark, transform=f"translate({self.left + 6} {y})"))
            lines.append(element("text", label, x=self.left + 20, y=y + 4.5))
        return lines


def _shape(x: float, y: float, series: int, hint: str = "", class_: str = "") -> Markup:
    title = element("title", hint) if hint else None
    scale = " scale(.7)" if "noise" in class_ else ""
    path = element("path", d=_SHAPES[series % SERIES], transform=f"translate({x:g} {y:g}){scale}" if x or y else None)
    return element("g", title, path, class_=f"point s{series % SERIES} {class_}".rstrip())


def figure(chart: Chart, caption: str, beside: Markup | None = None) -> Markup:
    """Return `chart` with its caption and the table of its numbers beside it."""
    drawn = element(
        "figure",
        element("figcaption", element("strong", chart.title), " ", caption),
        chart.render(),
        element("p", class_="save", hidden=True, data_chart=chart.name),
    )
    return element("div", drawn, join(beside), class_="pair" if beside else "single")
