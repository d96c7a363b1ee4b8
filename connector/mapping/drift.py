"""Drift: what the other side sends and nobody knows, counted, and reported once.

A path is known when the stored interface has it, when an expression of the mapping names it, or
when the mapping says that it may be ignored.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import structlog

from connector.mapping.engine import Mapping as FieldMapping
from connector.mapping.engine import MappingSet
from connector.mapping.interfaces import Interfaces, read_interfaces
from connector.mapping.load import Folder
from connector.mapping.shape import ANY, Shape

_log = structlog.get_logger(__name__)

_MOST_PATHS = 2_000  # a storefront that makes up names must not fill the memory
_NUMBER = re.compile(r"\d{3,}")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

Notice = Callable[[str, str, str, int], bool]


class Drift:
    """Watches payloads and answers. Threads may share it."""

    def __init__(self, notice: Notice) -> None:
        self._notice = notice
        self._shapes: dict[str, Shape] = {}
        self._named: dict[str, frozenset[str]] = {}
        self._ignored: dict[str, tuple[str, ...]] = {}
        self._judged: dict[tuple[str, str], bool] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def know(self, folder: Folder, mappings: MappingSet) -> None:
        """Learn what is known under these mappings and interfaces."""
        interfaces, _ = read_interfaces(folder.interfaces())
        for name in mappings.names():
            mapping = mappings[name]
            self._shapes[name] = _answer(mapping, interfaces)
            self._named[name] = frozenset(_WORD.findall(str(mapping.spec.model_dump())))
            self._ignored[name] = tuple(mapping.spec.ignores)
        self._judged = {}

    def see(self, name: str, payload: Mapping[str, Any]) -> None:
        """Count the paths of a payload or an answer that nobody knows."""
        shape = self._shapes.get(name, ANY)
        if shape.kind == "any":
            return
        unknown = [path for path in _unknown(payload, shape, "") if not self._known(name, path)]
        if unknown:
            with self._lock:
                self._counts.update((name, path) for path in set(unknown))

    def report(self) -> None:
        """Keep what was counted, and tell of each path when it is first seen."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for (name, path), count in counts.items():
            if self._notice("unmapped", name, path, count):
                _log.warning("a field that no mapping knows", mapping=name, field=path)

    def _known(self, name: str, path: str) -> bool:
        known = self._judged.get((name, path))
        if known is None:
            last = path.rpartition(".")[2]
            known = last in self._named[name] or any(
                fnmatchcase(path, pattern) for pattern in self._ignored[name]
            )
            if len(self._judged) < _MOST_PATHS:
                self._judged[name, path] = known
            elif not known:
                return True
        return known


def _answer(mapping: FieldMapping, interfaces: Interfaces) -> Shape:
    if mapping.absent or mapping.spec.calls or mapping.read_table is not None:
        return ANY
    operation = interfaces.of(mapping.target.system).get(mapping.target.operation)
    return operation.answer if operation is not None else ANY


def _unknown(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Give the paths below a value that its shape does not have."""
    if shape.kind == "list" and isinstance(value, list | tuple):
        item = shape.item or ANY
        if "key" in item.fields and item.fields["key"].known:
            yield from _attributes(value, item.fields["key"].known, path)
        elif item.kind == "object":
            for each in value:
                yield from _unknown(each, item, path)
    elif shape.kind == "object" and isinstance(value, Mapping):
        for key, inner in value.items():
            field = shape.fields.get(key)
            below = f"{path}.{key}" if path else str(key)
            if field is None:
                yield below
            elif field.kind in ("object", "list"):
                yield from _unknown(inner, field, below)


def _attributes(entries: Any, known: tuple[str, ...], path: str) -> Iterator[str]:
    """Give the keys of a list of keys and values (WooCommerce's meta_data) that are not known."""
    for entry in entries:
        key = entry.get("key") if isinstance(entry, Mapping) else None
        if isinstance(key, str) and key not in known:
            # A number within a name is of one order: the name is counted, not each number.
            yield f"{path}.{_NUMBER.sub('#', key[:60])}"
