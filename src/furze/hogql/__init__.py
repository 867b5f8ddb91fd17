"""HogQL: PostHog's SQL, compiled to ClickHouse SQL for one project. Pure functions, no engine."""

from furze.hogql import ast
from furze.hogql.compile import Compiled, Metadata, Notice, compile_query, metadata
from furze.hogql.dates import DateRange, parse_date, resolve_date_range
from furze.hogql.errors import HogQLError
from furze.hogql.filters import (
    HogQLFilters,
    PropertyFilter,
    PropertyGroup,
    filters_to_expression,
    parse_filter,
    property_filter_to_expression,
)
from furze.hogql.parser import parse_expression, parse_order_expression, parse_select
from furze.hogql.printer import print_hogql

__all__ = [
    "ast",
    "compile_query",
    "Compiled",
    "HogQLFilters",
    "PropertyFilter",
    "PropertyGroup",
    "DateRange",
    "parse_filter",
    "filters_to_expression",
    "property_filter_to_expression",
    "parse_date",
    "resolve_date_range",
    "parse_select",
    "parse_expression",
    "parse_order_expression",
    "print_hogql",
    "metadata",
    "Metadata",
    "Notice",
    "HogQLError",
]
