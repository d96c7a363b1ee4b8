"""Makes text that came from outside harmless where lines are read and terminals are steered."""

from __future__ import annotations

import re

# Control characters (C0, DEL, C1: ESC and CSI among them), whatever ends a line somewhere, what
# turns the direction of reading round, and lone surrogates, which no stream can write.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def on_one_line(text: str) -> str:
    r"""Return text that neither ends a line nor steers a terminal: such characters as `\\u001b`.

    JSON means the same afterwards: within it they stand in texts only, where that is their escape.
    """
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
