"""The columns of a table of answers: which there are, and the narrowest type that holds all values of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any

import msgspec

_encode = msgspec.json.encode
_FIRST = ("text", "html", "image", "input", "label", "accept", "spans", "answer")
"""What people look for comes first; the other columns follow in the order of their first appearance."""
_MOST_FIELDS = 64  # more different keys than this are no record but a dictionary
_EXACT = 2**53


@dataclass(frozen=True)
class Kind:
    """The type of a column or of what is inside one.

    Attributes:
        name: bool, int (64 bits), float, str, list, struct, or json: values of several types, as JSON in a string.
        item: Of a list.
        fields: Of a struct, by name.
        plain: Values can be taken as they are: nothing inside is kept as JSON.
    """

    name: str
    item: Kind | None = None
    fields: tuple[tuple[str, Kind], ...] = ()

    @property
    def plain(self) -> bool:
        """Whether values fit as they are."""
        if self.item is not None:
            return self.item.plain
        return self.name != "json" and all(kind.plain for _, kind in self.fields)


class Shape:
    """What was seen of the values of one column, nested ones included."""

    __slots__ = ("fields", "item", "large", "types")

    def __init__(self) -> None:
        self.types: set[type] = set()
        self.fields: dict[str, Shape] = {}
        self.item: Shape | None = None
        self.large = 0

    def see(self, value: Any) -> None:
        """Take in a value, as JSON is read."""
        kind = type(value)
        self.types.add(kind)
        if kind is dict:
            for name, each in value.items():
                shape = self.fields.get(name)
                if shape is None:
                    shape = self.fields[name] = Shape()
                shape.see(each)
        elif kind is list:
            item = self.item = self.item or Shape()
            for each in value:
                item.see(each)
        elif kind is int and abs(value) > self.large:
            self.large = abs(value)

    def kind(self) -> Kind:
        """The narrowest type that holds everything seen; nothing but null is taken for a string."""
        types = self.types - {NoneType}
        if types <= {str}:
            return Kind("str")
        if types == {bool}:
            return Kind("bool")
        if types == {int} and self.large < 2**63:
            return Kind("int")
        if types <= {int, float} and float in types and self.large <= _EXACT:
            return Kind("float")
        if types == {list} and self.item is not None:
            return Kind("list", item=self.item.kind())
        if types == {dict} and 0 < len(self.fields) <= _MOST_FIELDS:
            return Kind("struct", fields=tuple((name, shape.kind()) for name, shape in self.fields.items()))
        return Kind("json")


class Columns:
    """The columns of all answers seen."""

    def __init__(self) -> None:
        self._shapes: dict[str, Shape] = {}

    def see(self, record: Mapping[str, Any]) -> None:
        """Take in one answer."""
        for name, value in record.items():
            shape = self._shapes.get(name)
            if shape is None:
                shape = self._shapes[name] = Shape()
            shape.see(value)

    def names(self) -> list[str]:
        """In the order in which they are written."""
        return [name for name in _FIRST if name in self._shapes] + [name for name in self._shapes if name not in _FIRST]

    def kinds(self) -> dict[str, Kind]:
        """Name to type, in the order in which they are written; of no answer at all what people look for."""
        if not self._shapes:  # a table without columns is one that few programs read
            return {"text": Kind("str"), "answer": Kind("str")}
        return {name: self._shapes[name].kind() for name in self.names()}


def fitted(value: Any, kind: Kind) -> Any:
    """A value as its column takes it."""
    if value is None or kind.plain:
        return value
    if kind.name == "json":
        return _encode(value).decode()
    if kind.item is not None:
        return [fitted(each, kind.item) for each in value]
    return {name: fitted(value.get(name), inner) for name, inner in kind.fields}
