"""What a call carries beside its body: an API key, the token of a session."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

_STEP = re.compile(r"(?:\{[^{}]*\})?[^/{}\s]+")


@dataclass(frozen=True)
class Carried:
    """Headers of one call. `secrets` are masked in whatever is kept of its envelopes.

    A SOAP header is named `{namespace}Name`, or by the path `{namespace}Outer/Inner`. `unseen`
    says that nothing at all is kept of the call, as of a login.
    """

    soap_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    http_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    unseen: bool = False


NOTHING = Carried()


def with_headers(envelope: etree._Element, headers: Mapping[str, str]) -> etree._Element:
    """Return an envelope with SOAP headers of these paths and texts; the given one stays as is."""
    if not headers:
        return envelope
    envelope = copy.deepcopy(envelope)
    soap = etree.QName(envelope).namespace
    header = envelope.find(f"{{{soap}}}Header")
    if header is None:
        header = etree.Element(f"{{{soap}}}Header")
        envelope.insert(0, header)
    for path, text in headers.items():
        at, namespace = header, ""
        for step in _STEP.findall(path):
            given, _, name = step[1:].partition("}") if step.startswith("{") else ("", "", step)
            # An inner name without a namespace is in that of the outer one.
            namespace = given or namespace
            tag = f"{{{namespace}}}{name}" if namespace else name
            found = at.find(tag)
            at = etree.SubElement(at, tag) if found is None else found
        at.text = text
    return envelope
