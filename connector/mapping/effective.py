"""Prints an effective mapping as YAML, each line with the file and line that it came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from connector.mapping.document import Block, Items, Where, nowhere


def lines(tree: Block) -> Iterator[tuple[str, Where]]:
    """Give the lines of a mapping, each with its origin."""
    yield from _block(tree, "", "")


def printed(tree: Block) -> str:
    """Return the lines with their origins behind them, as comments."""
    rows = [(text, str(where)) for text, where in lines(tree)]
    width = min(max((len(text) for text, _ in rows), default=0), 90)
    return "\n".join(f"{text:{width}}  # {where}" for text, where in rows)


def _block(tree: Block, indent: str, first: str) -> Iterator[tuple[str, Where]]:
    lead = first or indent
    for key, value in tree.items():
        yield from _entry(f"{lead}{_scalar(key)}:", value, tree.places[key], f"{indent}  ")
        lead = indent


def _items(tree: Items, indent: str) -> Iterator[tuple[str, Where]]:
    for value, where in zip(tree, tree.places, strict=True):
        if isinstance(value, Block) and value:
            yield from _block(value, f"{indent}  ", f"{indent}- ")
        else:
            yield from _entry(f"{indent}-", value, where, f"{indent}  ")


def _entry(lead: str, value: Any, where: Where, indent: str) -> Iterator[tuple[str, Where]]:
    if isinstance(value, Block) and value:
        yield lead, where
        yield from _block(value, indent, "")
    elif isinstance(value, Items) and value:
        yield lead, where
        yield from _items(value, indent)
    else:
        yield f"{lead} {_scalar(value)}", where or nowhere()


def _scalar(value: Any) -> str:
    plain = [] if isinstance(value, Items) else {} if isinstance(value, Block) else value
    text: str = yaml.safe_dump(plain, allow_unicode=True, default_flow_style=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")
