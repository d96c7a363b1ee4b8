"""A sorted collection of any size: what does not fit into memory waits in a file."""

from __future__ import annotations

import heapq
import pickle
import tempfile
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

_Each = TypeVar("_Each")
_MOST = 20_000  # items in memory while they are added
_AT_ONCE = 200  # items of each run in memory while they are read


class Spilled(Collection[_Each]):
    """Items in the sequence of their `key`, to be read as often as one likes, by one thread.

    The file has no name, and goes with the collection.
    """

    def __init__(self, key: Callable[[_Each], Any], most: int = _MOST) -> None:
        self._key = key
        self._most = most
        self._here: list[_Each] = []
        self._runs: list[list[int]] = []  # where in the file the parts of each sorted run begin
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._count = 0

    def add(self, item: _Each) -> None:
        """Add an item."""
        self._here.append(item)
        self._count += 1
        if len(self._here) >= self._most:
            self._spill()

    def __len__(self) -> int:
        return self._count

    def __contains__(self, item: object) -> bool:
        return any(item == each for each in self)

    def __iter__(self) -> Iterator[_Each]:
        runs = [self._read(run) for run in self._runs]
        return heapq.merge(*runs, sorted(self._here, key=self._key), key=self._key)

    def _spill(self) -> None:
        self._here.sort(key=self._key)
        self._file.seek(0, 2)
        begins = []
        for first in range(0, len(self._here), _AT_ONCE):
            begins.append(self._file.tell())
            part = self._here[first : first + _AT_ONCE]
            pickle.dump(part, self._file, pickle.HIGHEST_PROTOCOL)
        self._runs.append(begins)
        self._here = []

    def _read(self, run: list[int]) -> Iterator[_Each]:
        for begin in run:
            self._file.seek(begin)
            part: list[_Each] = pickle.load(self._file)  # noqa: S301 - our own, and nobody else's
            yield from part
