"""Which tiles a page has, in which order: a saved config, or PostHog's default layout. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from furze.profiles.types import Layout

Kind = Literal["person", "group"]


@dataclass(frozen=True, slots=True)
class Node:
    """One tile before it is filled."""

    type: str
    title: str
    index: int
    attrs: Mapping[str, Any] = field(default_factory=dict)


_TITLES: Final[Mapping[str, str]] = {
    "ph-person": "Info",
    "ph-group": "Info",
    "ph-person-properties": "Properties",
    "ph-group-properties": "Properties",
    "ph-properties": "Properties",
    "ph-related-groups": "Related groups",
    "ph-usage-metrics": "Usage metrics",
    "ph-customer-journey": "Customer journey",
    "ph-person-feed": "Session feed",
    "ph-query": "Events",
    "ph-llm-trace": "LLM traces",
    "ph-support-tickets": "Support tickets",
    "ph-zendesk-tickets": "Zendesk tickets",
    "ph-issues": "Issues",
    "ph-map": "Map",
}

_CONTENT: Final[Mapping[Kind, Sequence[str]]] = {
    "person": (
        "ph-usage-metrics",
        "ph-customer-journey",
        "ph-person-feed",
        "ph-llm-trace",
        "ph-support-tickets",
        "ph-zendesk-tickets",
        "ph-issues",
    ),
    "group": (
        "ph-usage-metrics",
        "ph-customer-journey",
        "ph-query",
        "ph-llm-trace",
        "ph-zendesk-tickets",
        "ph-issues",
    ),
}

_SIDEBAR: Final[Mapping[Kind, Sequence[Node]]] = {
    "person": (
        Node("ph-person", "Info", 0),
        Node("ph-related-groups", "Related groups", 1),
        Node("ph-person-properties", "Properties", 2),
    ),
    "group": (
        Node("ph-group", "Info", 0),
        Node("ph-related-groups", "Related people", 1, {"type": "person"}),
        Node("ph-group-properties", "Properties", 2),
    ),
}


def content_nodes(kind: Kind, saved: Layout) -> list[Node]:
    """The tiles of a page's body: `{}` is the default layout, `[]` has none."""
    if saved == {}:
        return [Node(each, _TITLES[each], index) for index, each in enumerate(_CONTENT[kind])]
    return list(_nodes(saved))


def sidebar_nodes(kind: Kind, saved: Layout) -> list[Node]:
    """The tiles beside the body: `{}` is the default layout, `[]` has none."""
    return list(_SIDEBAR[kind]) if saved == {} else list(_nodes(saved))


def _nodes(saved: Layout) -> Iterator[Node]:
    given: Any = saved
    if isinstance(saved, dict):
        # A whole document, or a single node.
        given = saved["content"] if isinstance(saved.get("content"), list) else [saved]
    nodes = [_node(each, place) for place, each in enumerate(given)]
    yield from sorted(nodes, key=lambda node: node.index)


def _node(given: Any, place: int) -> Node:
    if not isinstance(given, dict):
        return Node(str(given), "", place)
    kind = str(given.get("type"))
    given_attrs = given.get("attrs")
    attrs: dict[str, Any] = given_attrs if isinstance(given_attrs, dict) else {}
    index = given.get("index", attrs.get("index"))
    title = given.get("title") or attrs.get("title") or _TITLES.get(kind, "")
    return Node(kind, str(title), index if isinstance(index, int) else place, attrs)
