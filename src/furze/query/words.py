"""Answers as text that a model, or a person at a terminal, can read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from furze.kit import json
from furze.kit.clock import wire_time
from furze.query.types import Answer, QueryMapping

_MOST_CHARACTERS: Final = 6_000
_MOST_SERIES: Final = 30
_WIDEST: Final = 80


def text_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns and rows, separated by bars; long values are cut."""
    lines = [" | ".join(columns), *(" | ".join(_cell(value) for value in row) for row in rows)]
    return "\n".join(lines) if rows else f"{lines[0]}\n(no rows)"


def describe_answer(query: QueryMapping, answer: Answer) -> str:
    """The results of an insight in lines of text."""
    kind, results = query.get("kind"), answer.get("results")
    if kind in ("TrendsQuery", "LifecycleQuery", "StickinessQuery") and isinstance(results, list):
        return _period(answer) + "\n".join(_series(result) for result in results[:_MOST_SERIES])
    if kind == "FunnelsQuery" and isinstance(results, list):
        return _period(answer) + "\n".join(_funnel(results))
    if kind == "RetentionQuery" and isinstance(results, list):
        return _period(answer) + "\n".join(_cohort(row) for row in results)
    return _period(answer) + json.dumps(results).decode()[:_MOST_CHARACTERS]


def _period(answer: Answer) -> str:
    dates = answer.get("resolved_date_range")
    return f"From {dates['date_from'][:10]} to {dates['date_to'][:10]}:\n" if isinstance(dates, dict) else ""


def _series(result: Answer) -> str:
    name = f"{result['label']} ({result['compare_label']})" if result.get("compare_label") else result["label"]
    if "aggregated_value" in result:
        return f"{name}: {result['aggregated_value']}"
    points = ", ".join(f"{day}: {_number(value)}" for day, value in zip(result["days"], result["data"], strict=True))
    return f"{name}: total {_number(result['count'])}; {points}"


def _funnel(results: list[Any]) -> list[str]:
    if results and isinstance(results[0], list):
        return [
            line for steps in results[:_MOST_SERIES] for line in [f"{steps[0]['breakdown_value']}:", *_steps(steps)]
        ]
    return _steps(results) if results and "order" in results[0] else [json.dumps(results).decode()[:_MOST_CHARACTERS]]


def _steps(steps: list[Answer]) -> list[str]:
    first = steps[0]["count"]
    return [
        f"{step['order'] + 1}. {step['custom_name'] or step['name']}: {step['count']} "
        f"({100 * step['count'] / first if first else 0:.1f} % of the first step)"
        for step in steps
    ]


def _cohort(row: Answer) -> str:
    return f"{row['label']} ({row['date'][:10]}): {', '.join(str(value['count']) for value in row['values'])}"


def _cell(value: Any) -> str:
    text = wire_time(value) if isinstance(value, datetime) else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _number(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) and not value.is_integer() else str(int(value))
