"""Times in words: periods, intervals, comparisons. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dateutil.relativedelta import relativedelta

NUMBERS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "couple": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "fourteen": 14,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "sixty": 60,
    "ninety": 90,
}
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october")
MONTHS = (*_MONTHS, "november", "december")
_SHORT_MONTHS = {name[:3]: index for index, name in enumerate(MONTHS, 1)} | {"sept": 9}
_MONTH_NUMBERS = {name: index for index, name in enumerate(MONTHS, 1)} | _SHORT_MONTHS
_LETTERS = {"hour": "h", "day": "d", "week": "w", "month": "m", "quarter": "q", "year": "y"}
_UNIT = r"(hour|day|week|month|quarter|year)s?"
_COUNT = rf"(\d+|{'|'.join(NUMBERS)})"
_LAST = r"(?:last|past|previous|latest|recent|preceding)"
_MONTH = rf"({'|'.join(sorted(_MONTH_NUMBERS, key=len, reverse=True))})"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_ISO = r"(\d{4}-\d{2}-\d{2})"
_YEAR = r"((?:19|20)\d{2})"
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Range:
    """A period as queries write it, and in words."""

    date_from: str
    date_to: str | None
    words: str


ALL_TIME = Range("all", None, "all time")

_Make = Callable[[re.Match[str], datetime], Range | None]


def _number(text: str) -> int:
    return int(text) if text.isdigit() else NUMBERS[text]


def _last_units(match: re.Match[str], _now: datetime) -> Range | None:
    count, unit = _number(match[1]), match[2]
    return Range(f"-{count}{_LETTERS[unit]}", None, f"the last {count} {unit}{'s' if count != 1 else ''}")


def _last_unit(match: re.Match[str], _now: datetime) -> Range | None:
    unit = match[1]
    if unit == "hour":
        return Range("-1h", None, "the last hour")
    letter = _LETTERS[unit]
    days = " from Monday to Sunday" if unit == "week" else ""
    return Range(f"-1{letter}Start", f"-1{letter}End", f"the last whole {unit}{days}")


def _rolling_unit(match: re.Match[str], _now: datetime) -> Range | None:
    unit = match[1]
    hours = {"hour": 1, "day": 24}.get(unit)
    if hours is not None:
        return Range(f"-{hours}h", None, "the last hour" if hours == 1 else f"the last {hours} hours")
    days = {"week": 7, "month": 30, "quarter": 90, "year": 365}[unit]
    return Range(f"-{days}d", None, f"the last {days} days")


def _this_unit(match: re.Match[str], _now: datetime) -> Range | None:
    return Range(f"{_LETTERS[match[1]]}Start", None, f"this {match[1]} so far")


def _days(first: date, last: date, words: str) -> Range:
    return Range(first.isoformat(), last.isoformat(), words)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _past(month: int, day: int, now: datetime) -> date | None:
    """The latest such day that is not in the future."""
    found = _date(now.year, month, day)
    return found if found is None or found <= now.date() else _date(now.year - 1, month, day)


def _month(match: re.Match[str], now: datetime) -> Range | None:
    month = _MONTH_NUMBERS[match[1]]
    year = int(match[2]) if match.lastindex and match.lastindex > 1 and match[2] else None
    if year is None:
        year = now.year if month <= now.month else now.year - 1
    first = date(year, month, 1)
    return _days(first, first + relativedelta(months=1, days=-1), f"{first:%B %Y}")


def _on(found: date | None) -> Range | None:
    return _days(found, found, f"{found:%-d %B %Y}") if found else None


def _span(first: date | None, last: date | None) -> Range | None:
    if first is None or last is None or last < first:
        return None
    return _days(first, last, f"{first:%-d %B %Y} to {last:%-d %B %Y}")


def _since(first: date | None) -> Range | None:
    return Range(first.isoformat(), None, f"since {first:%-d %B %Y}") if first else None


def _iso(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _quarter(match: re.Match[str], now: datetime) -> Range | None:
    quarter = int(match[1])
    year = int(match[2]) if match[2] else now.year
    first = date(year, 3 * quarter - 2, 1)
    if first > now.date() and not match[2]:
        first = first.replace(year=year - 1)
    return _days(first, first + relativedelta(months=3, days=-1), f"quarter {quarter} of {first.year}")


def _year(match: re.Match[str], _now: datetime) -> Range | None:
    year = int(match[1])
    return _days(date(year, 1, 1), date(year, 12, 31), str(year))


def _weekday(match: re.Match[str], now: datetime) -> Range | None:
    back = (now.weekday() - _WEEKDAYS.index(match[1])) % 7 or 7
    return _on(now.date() - timedelta(days=back))


def _since_weekday(match: re.Match[str], now: datetime) -> Range | None:
    return _since(now.date() - timedelta(days=(now.weekday() - _WEEKDAYS.index(match[1])) % 7))


def _ago(match: re.Match[str], now: datetime) -> Range | None:
    count, unit = _number(match[1]), match[2]
    if unit == "day":
        return _on(now.date() - timedelta(days=count))
    if unit == "hour":
        return None
    letter = _LETTERS[unit]
    return Range(f"-{count}{letter}Start", f"-{count}{letter}End", f"{count} {unit}{'s' if count > 1 else ''} ago")


def _since_unit(match: re.Match[str], _now: datetime) -> Range | None:
    letter = _LETTERS[match[2]]
    back = "-1" if match[1] in ("last", "past", "previous") else ""
    return Range(f"{back}{letter}Start", None, f"since the start of {match[1]} {match[2]}")


_IN = r"(?:in|on|during|over|for|within|of|from|at|throughout|through|across)? ?(?:the )?(?:whole )?(?:entire )?"

_RULES: tuple[tuple[str, _Make], ...] = (
    (rf"(?:between|from) {_ISO} (?:and|to|until|till|through) {_ISO}", lambda m, _: _span(_iso(m[1]), _iso(m[2]))),
    (
        rf"(?:between|from) (?:the )?{_MONTH} {_DAY} (?:and|to|until|till|through|-) (?:{_MONTH} )?{_DAY}",
        lambda m, n: _span(
            _past(_MONTH_NUMBERS[m[1]], int(m[2]), n), _past(_MONTH_NUMBERS[m[3] or m[1]], int(m[4]), n)
        ),
    ),
    (
        (
            rf"(?:between|from) (?:the )?{_DAY} (?:of )?(?:{_MONTH} )?(?:and|to|until|till"
            rf"|through) (?:the )?{_DAY} (?:of )?{_MONTH}"
        ),
        lambda m, n: _span(
            _past(_MONTH_NUMBERS[m[2] or m[4]], int(m[1]), n), _past(_MONTH_NUMBERS[m[4]], int(m[3]), n)
        ),
    ),
    (rf"(?:since|after|from|starting) {_ISO}(?: on| onwards)?", lambda m, _: _since(_iso(m[1]))),
    (
        rf"(?:since|starting) (?:the )?(?:{_MONTH} {_DAY}|{_DAY} (?:of )?{_MONTH})",
        lambda m, n: _since(_past(_MONTH_NUMBERS[m[1] or m[4]], int(m[2] or m[3]), n)),
    ),
    (
        rf"since (?:the (?:start|beginning) of )?{_MONTH}",
        lambda m, n: _since(_past(_MONTH_NUMBERS[m[1]], 1, n)),
    ),
    (
        r"(?:since )?(?:the )?(?:start|beginning) of (?:this|the) " + _UNIT + r"(?: until now| to date| so far)?",
        _this_unit,
    ),
    (rf"since (?:the (?:start|beginning) of )?(last|past|previous) {_UNIT}", _since_unit),
    (
        rf"{_IN}(?:day before yesterday)",
        lambda _m, n: _on(n.date() - timedelta(days=2)),
    ),
    (rf"since (?:last |this |on )?({'|'.join(_WEEKDAYS)})", _since_weekday),
    (r"since yesterday", lambda _m, _n: Range("-1dStart", None, "since yesterday")),
    (rf"{_IN}{_ISO}", lambda m, _: _on(_iso(m[1]))),
    (
        rf"{_IN}{_MONTH} {_DAY}(?:,? {_YEAR})?(?! days| weeks| months)",
        lambda m, n: _on(
            _date(int(m[3]), _MONTH_NUMBERS[m[1]], int(m[2])) if m[3] else _past(_MONTH_NUMBERS[m[1]], int(m[2]), n)
        ),
    ),
    (
        rf"{_IN}{_DAY} (?:of )?{_MONTH}(?:,? {_YEAR})?",
        lambda m, n: _on(
            _date(int(m[3]), _MONTH_NUMBERS[m[2]], int(m[1])) if m[3] else _past(_MONTH_NUMBERS[m[2]], int(m[1]), n)
        ),
    ),
    (rf"{_IN}(?:this )?{_MONTH} (?:of )?{_YEAR}", _month),
    (rf"(?:in|during|for|over|throughout|of) (?:this |last |the month of )?{_MONTH}(?! \d)", _month),
    (rf"{_IN}q([1-4])(?: (?:of )?{_YEAR})?", _quarter),
    (rf"(?:in|during|for|over) {_YEAR}", _year),
    (rf"{_IN}{_LAST} (?:couple of|few) {_UNIT}", lambda _m, _n: None),
    (rf"{_IN}(?:{_LAST} )?{_COUNT} {_UNIT} (?:ago)", _ago),
    (rf"{_IN}{_LAST} (?:full |whole )?{_COUNT} (?:full |whole |calendar )?{_UNIT}", _last_units),
    (
        r"(?:in|over|within|during) (?:the )?(?:last |past )?(24|48|72)h",
        lambda m, _: Range(f"-{m[1]}h", None, f"the last {m[1]} hours"),
    ),
    (r"(?:the )?(?:last|past) (\d+)d", lambda m, _: Range(f"-{m[1]}d", None, f"the last {m[1]} days")),
    (
        r"(?:in|over|during|for|within) (?:the )?(?:last|past) fortnight",
        lambda _m, _n: Range("-14d", None, "the last 14 days"),
    ),
    (rf"{_IN}(?:last|previous) ({'|'.join(_WEEKDAYS)})", _weekday),
    (rf"(?:(?:in|during|over|for|within|throughout|of) )?(?:the )?past {_UNIT}", _rolling_unit),
    (rf"(?:in|over|within|during|for|across) the (?:last|latest|recent) {_UNIT}", _rolling_unit),
    (rf"{_IN}(?:last|past|previous) (?:full |whole |calendar |complete )?{_UNIT}", _last_unit),
    (rf"{_IN}(?:this|current) {_UNIT}(?: so far| to date| until now)?", _this_unit),
    (r"(week|month|quarter|year) to date", _this_unit),
    (r"(?:mtd)", lambda _m, _n: Range("mStart", None, "this month so far")),
    (r"(?:ytd)", lambda _m, _n: Range("yStart", None, "this year so far")),
    (rf"{_IN}(?:today|todays)(?: so far)?", lambda _m, _n: Range("dStart", None, "today so far")),
    (rf"{_IN}(?:yesterday|yesterdays)", lambda _m, _n: Range("-1dStart", "-1dEnd", "yesterday")),
    (
        (
            rf"{_IN}(?:all time|alltime)|ever|in total|overall|so far|since (?:the "
            rf")?(?:beginning|start|launch)|to date|altogether|until now|in all"
        ),
        lambda _m, _n: ALL_TIME,
    ),
    (rf"on ({'|'.join(_WEEKDAYS)})(?! )", _weekday),
)

_THAN = (
    r"(?:compared? (?:it |that |them |this )?(?:to|with|against)|versus|vs|against"
    r"|relative to|than) (?:in |on |during )?"
)
_MOVED = (
    r"(?:up|down|chang\w+|increas\w+|decreas\w+|grow\w*|grew|risen|rose|fell|fallen|dropped) (?:from|over|since|on) "
)
#: What a question compares with; `unit` and `over` name the unit in their first group, `day` is yesterday.
_COMPARISONS: tuple[tuple[str, str | None], ...] = (
    (rf"(?:{_THAN}|{_MOVED})(?:the |that of the )?(?:same )?(?:{_LAST}|prior) {_UNIT}(?: before)?", "unit"),
    (rf"{_THAN}(?:the )?{_UNIT} before(?: that| last)?", "unit"),
    (rf"compare (.*) (?:to|with|and) (?:the )?{_UNIT} before(?: that| it)?", "rest"),
    (rf"{_THAN}(?:the )?(?:{_LAST}|prior) (?:{_COUNT} {_UNIT}|period|one|time)(?: before)?", None),
    (rf"{_THAN}(?:the )?{_COUNT} {_UNIT} before(?: that)?", None),
    (rf"{_THAN}(?:the )?(?:time|period|one) before(?: that)?", None),
    (rf"(?:{_THAN}|{_MOVED})yesterday", "day"),
    (r"(week|month|year|day|quarter) (?:over|on) \1|w/?o/?w|m/?o/?m|y/?o/?y|wow|mom|yoy", "over"),
)
_OVER = {"wow": "week", "mom": "month", "yoy": "year"}

_INTERVALS: tuple[tuple[str, str], ...] = (
    (r"(hour|day|week|month|quarter|year) (?:by|after) \1", r"\1"),
    (
        r"(?:by|per|each|every|for each|for every|a|on a) (hour|day|week|month|quarter|year)(?:ly)?(?: basis)?(?! of)",
        r"\1",
    ),
    (r"(hour|week|month|quarter|year)ly", r"\1"),
    (r"daily", "day"),
    (r"annual(?:ly)?", "year"),
    (
        (
            r"(?:over time|trend(?:s|ed|ing)? over time|trends?|trending|develop(?:ed|ment"
            r"|s)?|timeline|evol(?:ve|ved|ution))"
        ),
        "",
    ),
)


@dataclass(frozen=True, slots=True)
class Times:
    """What a question says about time. `compare_to` "" means the period right before; `interval` "" any interval."""

    text: str
    range: Range | None = None
    interval: str | None = None
    compares: bool = False
    compare_to: str = ""
    is_unclear: bool = False


def read(text: str, now: datetime) -> Times:
    """The times in a question, and the question without them; `now` is local."""
    compares, compare_to, text = _comparison(text)
    found, is_unclear = None, False
    for pattern, make in _RULES:
        match = re.search(rf"(?<![\w$-])(?:{pattern})(?![\w-])", text)
        if match is None:
            continue
        made = make(match, now)
        # “so far today”, “in total last week”: the period that is named counts.
        is_unclear |= made is None or (found is not None and made != ALL_TIME)
        found = found or made
        text = f"{text[: match.start()]} | {text[match.end() :]}"
    interval, text = _interval(text)
    return Times(text, found, interval, compares, compare_to, is_unclear)


def _comparison(text: str) -> tuple[bool, str, str]:
    for pattern, how in _COMPARISONS:
        match = re.search(rf"(?<![\w$-])(?:{pattern})(?![\w-])", text)
        if match is None:
            continue
        rest = f"{text[: match.start()]} | {text[match.end() :]}"
        if how == "rest":
            return (
                True,
                f"-1{_LETTERS[match[2]]}",
                f"{text[: match.start()]} compare {match[1]} | {text[match.end() :]}",
            )
        unit = match[1] if match.lastindex and how in ("unit", "over") else "day"
        if how == "over":
            unit = match[1] or _OVER[match[0].replace("/", "")]
        return True, f"-1{_LETTERS[unit]}" if how else "", rest
    return False, "", text


def _interval(text: str) -> tuple[str | None, str]:
    for pattern, name in _INTERVALS:
        match = re.search(rf"(?<![\w$-])(?:{pattern})(?![\w-])", text)
        if match is not None:
            return match.expand(name), f"{text[: match.start()]} | {text[match.end() :]}"
    return None, text
