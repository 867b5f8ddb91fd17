"""The chain of page elements that an autocapture event carries, in the text form that queries match on."""

from collections.abc import Mapping

_TEXT_LENGTH, _HREF_LENGTH = 400, 2048


def take_elements_chain(properties: dict[str, object]) -> str:
    """Take the elements out of `properties`, as a chain: older libraries send a list, newer ones the chain itself."""
    chain = properties.pop("$elements_chain", None)
    elements = properties.pop("$elements", None)
    if isinstance(chain, str) and chain:
        return chain
    if isinstance(elements, list):
        return ";".join(_element(element) for element in elements if isinstance(element, dict))
    return ""


def _element(element: Mapping[str, object]) -> str:
    tag = element.get("tag_name")
    name = tag if isinstance(tag, str) else ""
    classes = "".join("." + single.replace('"', "") for single in sorted(_classes(element)))
    attributes = "".join(f'{_quoted(key)}="{_quoted(value)}"' for key, value in sorted(_attributes(element).items()))
    return f"{name}{classes}:{attributes}"


def _classes(element: Mapping[str, object]) -> list[str]:
    value = element.get("attr__class") or element.get("attr_class") or []
    if isinstance(value, str):
        return value.split()
    return [single for single in value if isinstance(single, str)] if isinstance(value, list) else []


def _attributes(element: Mapping[str, object]) -> dict[str, object]:
    named = {
        "text": _cut(element.get("$el_text") or element.get("text"), _TEXT_LENGTH),
        "href": _cut(element.get("attr__href") or element.get("href"), _HREF_LENGTH),
        "attr_id": element.get("attr__id") or element.get("attr_id"),
    }
    return {
        "nth-child": element.get("nth_child") or 0,
        "nth-of-type": element.get("nth_of_type") or 0,
        **{name: value for name, value in named.items() if value},
        **{key: value for key, value in element.items() if key.startswith("attr__") and value is not None},
    }


def _cut(value: object, length: int) -> object:
    return value[:length] if isinstance(value, str) else value


def _quoted(value: object) -> str:
    return str(value).replace('"', '\\"')
