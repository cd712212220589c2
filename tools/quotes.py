"""Figures that documents quote, held against evidence/*.json.

A table that is evidence as it stands lies between `<!-- figures RUN/TABLE -->` and `<!-- /figures -->`: it is made from the JSON, column for
column (`columns="a; b"` chooses them, `where="column=value"` rows).
Figures in sentences, and tables that are put together by hand, are named in evidence/quotes.json, by page:

    {"text": "met as delivered by {} %", "of": ["constraints/own?rule=thirds#met, delivered*100"]}

`text` stands once in the page, with a `{}` for each figure; other numbers in it are as they are. `of` says where each figure comes from:
RUN/TABLE?COLUMN=VALUE&COLUMN=VALUE#COLUMN, the first
row that fits, with `*100` where the page counts in percent. `spread` is by how much page and JSON may differ, `0.02` or `60 %`, besides rounding;
when absent, that of the run's column.
`:min` or `:max` after a column takes the least or most of all rows that fit. `stated` lists texts with numbers that are no figures but
definitions or settings, `history` those that record what
happened once, such as a training; where that is a whole passage, it lies between `<!-- stated -->` or `<!-- history -->` and the same with a slash.

Inside: `Quote`, `Finding`, `PAGES`, `findings`, `unnamed`, `rewritten`, `number`, `looked_up`, `table_rows`.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musiclc.evaluation.samples import markdown
from tools.runs import RUNS

ROOT = Path(__file__).parent.parent
EVIDENCE = ROOT / "evidence"
ASIDE = re.compile(r"<!-- (stated|history) -->.*?<!-- /\1 -->", re.DOTALL)
PAGES = ("README.md", "data/README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")))
NUMBER = r"[+−-]?(?:\d[\d,]*\.?\d*|\.\d+)"
MARK = re.compile(r'<!-- figures (?P<table>[\w-]+/[\w-]+)(?P<options>(?: \w+="[^"]*")*) -->\n(?P<body>.*?)<!-- /figures -->', re.DOTALL)
FIGURE = re.compile(r"(?<![\w./])(?:\d*\.\d+(?![\w.]*\.\w)|[\d,]+ ?(?:%|(?:s|ms|MB|GB|nats|minutes?|hours?|core-seconds|times)\b))")
# How figures look in running text: with a decimal point, in percent, or with a unit of time or size.

Rows = list[dict[str, Any]]
Runs = dict[str, dict[str, Any]]  # name → what evidence/NAME.json holds


def stored(folder: Path = EVIDENCE) -> Runs:
    """What has been recorded, by run."""
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in RUNS if (folder / f"{name}.json").exists()}


@dataclass(frozen=True)
class Quote:
    """A text of a page and where its figures come from."""

    page: str
    text: str
    of: tuple[str, ...] = ()
    spread: str = ""

    @property
    def pattern(self) -> re.Pattern[str]:
        """The text with a group for each figure; any white space stands for a blank."""
        parts = [r"\s+".join(re.escape(word) for word in part.split(" ")) for part in self.text.split("{}")]
        return re.compile(f"({NUMBER})".join(parts))


@dataclass(frozen=True)
class Finding:
    """What became of one figure: kind is agrees, differs, or missing (no JSON yet)."""

    page: str
    place: str
    kind: str
    source: str
    quoted: str = ""
    made: str = ""

    def __str__(self) -> str:
        return f"{self.page}: {self.place}: {self.source}: quoted {self.quoted}, made {self.made or 'not yet'}"


# ---- numbers -------------------------------------------------------------------------------------------------------


def number(text: Any) -> float | None:
    """The first number of a cell or a JSON value; None when there is none."""
    found = re.search(NUMBER, str(text))
    return float(found[0].replace("−", "-").replace(",", "")) if found else None


def half_a_unit(text: str) -> float:
    """Half of the last digit's worth of a number as it is written: .005 for 0.92."""
    decimals = text.partition(".")[2]
    return 0.5 * 10.0 ** -len(re.match(r"\d*", decimals)[0]) if decimals else 0.5  # type: ignore[index]


def close(quoted: str, made: float, spread: str) -> bool:
    """Whether a figure as written is what was made, rounded, give or take its spread."""
    value = number(quoted)
    if value is None:
        return False
    share = number(spread) or 0.0
    room = abs(made) * share / 100 if spread.endswith("%") else share
    return abs(value - made) <= room + half_a_unit(quoted) * (1 + 1e-6)


def written_like(quoted: str, made: float) -> str:
    """A number with as many decimals, and the same way with zeros, signs and commas, as another one."""
    decimals = len(quoted.partition(".")[2])
    text = f"{abs(made):{',' if ',' in quoted else ''}.{decimals}f}"
    if quoted.lstrip("+−-").startswith(".") and text.startswith("0."):
        text = text[1:]
    minus = "-" if quoted.startswith("-") else "−"
    sign = minus if made < 0 and float(text.replace(",", "")) else "+" if quoted[0] == "+" or (quoted[0] in "−-" and made >= 0) else ""
    return sign + text


# ---- where figures come from ---------------------------------------------------------------------------------------


def looked_up(source: str, runs: Runs) -> float | None:
    """The number that RUN/TABLE?COLUMN=VALUE#COLUMN names; None when its run has not been made. Raises KeyError for what a run does not have."""
    place, _, column = source.partition("#")
    table, _, wanted = place.partition("?")
    run, _, section = table.partition("/")
    if run not in RUNS:
        raise KeyError(f"{source}: no run {run!r}")
    if run not in runs:
        return None
    rows = _chosen(runs[run]["tables"][section], wanted)
    column, _, way = column.partition(":")
    column, _, factor = column.partition("*")
    if not rows or column not in rows[0]:
        raise KeyError(f"{source}: no such row or column")
    values = [value for row in rows if (value := number(row[column])) is not None]
    return {"": values[0], "min": min(values), "max": max(values)}[way] * float(factor or 1)


def _chosen(rows: Rows, wanted: str) -> Rows:
    """The rows in which columns have the values of COLUMN=VALUE&COLUMN=VALUE."""
    pairs = [pair.split("=", 1) for pair in wanted.split("&") if pair]
    return [row for row in rows if all(str(row.get(column, "")).strip("`") == value for column, value in pairs)]


def spread_of(source: str) -> str:
    """By how much a column of a run may differ from one time to the next."""
    run, column = source.split("/")[0], re.split(r"[*:]", source.partition("#")[2])[0]
    return RUNS[run].spread.get(column, "")


def table_rows(match: re.Match[str], runs: Runs) -> Rows | None:
    """What a marked table shows now; None when its run has not been made."""
    run, _, section = match["table"].partition("/")
    if run not in RUNS:
        raise KeyError(f"{match['table']}: no run {run!r}")
    if run not in runs:
        return None
    options = dict(re.findall(r'(\w+)="([^"]*)"', match["options"]))
    rows = _chosen(runs[run]["tables"][section], options.get("where", ""))
    columns = options.get("columns", "").split("; ") if "columns" in options else None
    return [{c: row.get(c, "") for c in columns} for row in rows] if columns else rows


# ---- pages ---------------------------------------------------------------------------------------------------------


def mapping(path: Path = EVIDENCE / "quotes.json") -> dict[str, dict[str, Any]]:
    """Page → its quotes, and what it states."""
    found: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return found


def quotes(page: str, every: dict[str, dict[str, Any]]) -> list[Quote]:
    """The quotes of one page."""
    return [Quote(page, q["text"], tuple(q["of"]), q.get("spread", "")) for q in every.get(page, {}).get("quotes", ())]


def findings(page: str, text: str, runs: Runs, every: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    """What becomes of each figure of a page. Raises ValueError for a quote that does not stand there once, and KeyError for one from nowhere."""
    for quote in quotes(page, every):
        for source, quoted in zip(quote.of, _once(quote, text).groups(), strict=True):
            made = looked_up(source, runs)
            yield _found(page, quote.text, source, quoted, made, quote.spread or spread_of(source))
    for match in MARK.finditer(text):
        yield from _of_table(page, match, table_rows(match, runs))


def _once(quote: Quote, text: str) -> re.Match[str]:
    """Where a quote stands in its page."""
    found = list(quote.pattern.finditer(text))
    if len(found) != 1:
        raise ValueError(f"{quote.page}: {quote.text!r} stands there {len(found)} times, wanted once")
    return found[0]


def _found(page: str, place: str, source: str, quoted: str, made: float | None, spread: str) -> Finding:
    if made is None:
        return Finding(page, place, "missing", source, quoted)
    return Finding(page, place, "agrees" if close(quoted, made, spread) else "differs", source, quoted, f"{made:g}")


def cells(body: str) -> list[list[str]]:
    """The cells of a Markdown table, its head first."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in body.splitlines() if line.startswith("|")]
    return [row for row in rows if not all(set(cell) <= set("-: ") and cell for cell in row)]


def _of_table(page: str, match: re.Match[str], rows: Rows | None) -> Iterator[Finding]:
    """A finding a cell that is a number, or one for a table that differs in shape or has no JSON."""
    name, shown = match["table"], cells(match["body"])
    if rows is None:
        yield Finding(page, f"table {name}", "missing", name, f"{len(shown) - 1} rows")
        return
    made = cells(markdown(rows))
    if [len(row) for row in shown] != [len(row) for row in made] or shown[0] != made[0]:
        yield Finding(page, f"table {name}", "differs", name, f"{len(shown) - 1} rows of {shown[0]}", f"{len(made) - 1} of {made[0]}")
        return
    for old, new in zip(shown[1:], made[1:], strict=True):
        for column, quoted, value in zip(made[0], old, new, strict=True):
            if quoted != value:
                yield _cell(page, f"{name}?{made[0][0]}={new[0]}#{column}", quoted, value)
            else:
                yield Finding(page, f"table {name}", "agrees", f"{name}#{column}", quoted, value)


def _cell(page: str, source: str, quoted: str, value: str) -> Finding:
    made = number(value)
    alike = made is not None and number(quoted) is not None and close(quoted, made, spread_of(source))
    return Finding(page, f"table {source.partition('?')[0]}", "agrees" if alike else "differs", source, quoted, value)


# ---- what is not named, and what is made anew ----------------------------------------------------------------------


def plain(text: str) -> str:
    """A page without code, comments, addresses and tables that are made from JSON; as long as it was."""
    blank: Callable[[re.Match[str]], str] = lambda match: re.sub(r"[^\n]", " ", match[0])  # noqa: E731
    for pattern in (
        MARK,
        ASIDE,
        re.compile(r"^```.*?^```", re.M | re.S),
        re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.S),
        re.compile(r"`[^`]+`"),
        re.compile(r"<!--.*?-->", re.S),
        re.compile(r"\]\([^)]*\)"),
    ):
        text = pattern.sub(blank, text)
    return text


def unnamed(page: str, text: str, every: dict[str, dict[str, Any]]) -> list[str]:
    """Figures of a page that no quote names and no list of what is stated has, each with the words around it."""
    taken = [match.span() for quote in _all_texts(page, every) for match in [_once(quote, text)]]
    left = [match for match in FIGURE.finditer(plain(text)) if not any(a <= match.start() < b for a, b in taken)]
    return [f"{page}:{text.count(chr(10), 0, m.start()) + 1}: …{text[max(m.start() - 50, 0) : m.end() + 20]!r}" for m in left]


def _all_texts(page: str, every: dict[str, dict[str, Any]]) -> list[Quote]:
    """The quotes of a page and what it states or records."""
    more = [Quote(page, text) for kind in ("stated", "history") for text in every.get(page, {}).get(kind, ())]
    return quotes(page, every) + more


def rewritten(page: str, text: str, runs: Runs, every: dict[str, dict[str, Any]]) -> str:
    """The page with its tables and figures as the JSON has them; what has no JSON stays."""
    for quote in quotes(page, every):
        match = _once(quote, text)
        for number_of, source in reversed(list(enumerate(quote.of, start=1))):
            if (made := looked_up(source, runs)) is not None and not close(match[number_of], made, ""):
                text = text[: match.start(number_of)] + written_like(match[number_of], made) + text[match.end(number_of) :]
    return MARK.sub(lambda match: _table_anew(match, runs), text)


def _table_anew(match: re.Match[str], runs: Runs) -> str:
    rows = table_rows(match, runs)
    return match[0] if rows is None else f"<!-- figures {match['table']}{match['options']} -->\n{markdown(rows).strip()}\n<!-- /figures -->"
