"""Masks personal data for logs and messages: enough stays to recognise, too little to use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connector.wording import Said
from connector.wording.id_numbers import masked

_PHONE = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")
_MAIL = re.compile(r"([A-Za-z0-9])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+)")
# Keys under which names, addresses and numbers stand in models, mappings and payloads.
_PERSONAL = re.compile(
    r"(name|phone|mobile|tel|address|street|email|mail|id_?number|_contact|postcode|postl)",
    re.IGNORECASE,
)
_HARMLESS = frozenset({"name_2", "username", "filename", "parent_name"})


def mask_id(number: str) -> str:
    """Mask an ID card number: the region and the last four characters stay."""
    return f"{number[:6]}********{number[-4:]}" if len(number) >= 14 else _mostly(number)


def mask_phone(number: str) -> str:
    """Mask a phone number: the first three and the last four digits stay."""
    return f"{number[:3]}****{number[-4:]}" if len(number) >= 9 else _mostly(number)


def mask_name(name: str) -> str:
    """Mask a person's name to its first character; a company's keeps its first four."""
    name = name.strip()
    if len(name) <= 4:
        return f"{name[:1]}{'*' * (len(name) - 1)}"
    return f"{name[:4]}***"


def mask_address(address: str) -> str:
    """Mask an address: the first six characters stay."""
    return f"{address[:6]}***" if len(address) > 6 else _mostly(address)


def mask_text(text: str) -> str:
    """Mask ID numbers, phone numbers and mail addresses wherever they stand in a text."""
    text = _PHONE.sub(r"\1****\2", masked(text))
    return _MAIL.sub(r"\1***@\2", text)


def mask_said(said: Said) -> Said:
    """Mask a text of ours as `mask_text` does, in whichever language it will be read."""
    return said.with_each(mask_text)


def mask_tree(value: Any, key: str = "") -> Any:
    """Mask a nested structure, by the names of its keys and by what its texts hold."""
    if isinstance(value, Mapping):
        return {name: mask_tree(each, str(name)) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [mask_tree(each, key) for each in value]
    if not isinstance(value, str):
        return value
    if _PERSONAL.search(key) and key not in _HARMLESS:
        return mask_text(value) if mask_text(value) != value else mask_name(value)
    return mask_text(value)


def _mostly(text: str) -> str:
    return f"{text[:1]}{'*' * max(len(text) - 1, 0)}"
