"""Faults on demand: which request of which system goes wrong, when, and how."""

from __future__ import annotations

import fnmatch
import random
import threading
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

System = Literal["sap", "dms", "storefront"]
Kind = Literal[
    "latency",  # answers `seconds` late
    "http",  # answers HTTP `status` with `text`, nothing done
    "business",  # says no in the system's own way, with `code` and `text`, nothing done
    "reset",  # connection reset before anything was done
    "lost-answer",  # everything done, connection reset instead of the answer
    "cut",  # everything done, the answer ends in its middle
    "garbage",  # everything done, the answer is `text` instead (HTML, empty, ...)
    "without",  # everything done, the answer lacks the elements or members that `text` names (A+B)
    "with",  # everything done, the answer also has those of `text`, in place of what is so called
    "silence",  # everything done, no answer for `seconds`
    "outage",  # every connection reset until the fault is removed
    "update-terminated",  # sap: the commit says ok, its update ends in SM13 and nothing is there
    "no-session",  # sap: the request is served outside the session that it belongs to
    "other-session",  # sap: the request is served in a new session, as behind a load balancer
    "no-customer",  # sap: a business partner is created and its customer is not
    "headers",  # headers whose name matches `code` are dropped, hold what `text` says, or are added
]
OF_SAP = ("update-terminated", "no-session", "other-session", "no-customer")


@dataclass
class Fault:
    """One rule. It concerns requests of `system` whose operation matches `operation`.

    `operation` is a shell pattern over function module names, WSDL operations or
    "METHOD /path"; `writes` limits it to requests that change something. Among the requests
    it concerns it strikes every `every`-th, or each with `probability`, at most `times` times.
    Of a fault `headers` the `text` is dropped, empty, doubled, or the value that is sent instead;
    a status of 3xx leads to what `code` says.
    """

    system: System | Literal["*"]
    kind: Kind
    operation: str = "*"
    writes: bool = False
    every: int = 1
    probability: float = 1.0
    times: int | None = None
    seconds: float = 0.0
    status: int = 503
    code: str = "SANDBOX"
    text: str = "refused by the sandbox on demand"
    seen: int = field(default=0, compare=False)
    struck: int = field(default=0, compare=False)

    @classmethod
    def parse(cls, spec: str) -> Fault:
        """Read `system:kind[:key=value,...]`, for example `dms:lost-answer:writes=true,every=3`.

        Raises ValueError that names the wrong part and what is allowed there.
        """
        system, _, rest = spec.partition(":")
        kind, _, options = rest.partition(":")
        if system not in (*get_args(System), "*"):
            raise ValueError(f"fault {spec!r}: system must be sap, dms, storefront or *")
        if kind not in get_args(Kind):
            raise ValueError(f"fault {spec!r}: kind must be one of {', '.join(get_args(Kind))}")
        if kind in OF_SAP and system != "sap":
            raise ValueError(f"fault {spec!r}: {kind} is a fault of sap")
        values: dict[str, Any] = {}
        readers: dict[str, Any] = {
            "operation": str,
            "writes": lambda text: text.lower() in ("1", "true", "yes"),
            "every": int,
            "probability": float,
            "times": int,
            "seconds": float,
            "status": int,
            "code": str,
            "text": str,
        }
        for option in filter(None, options.split(",")):
            name, _, value = option.partition("=")
            if name not in readers:
                raise ValueError(
                    f"fault {spec!r}: {name!r} is none of {', '.join(sorted(readers))}"
                )
            try:
                values[name] = readers[name](value)
            except ValueError:
                raise ValueError(f"fault {spec!r}: {name} cannot be {value!r}") from None
        return cls(system=system, kind=kind, **values)  # type: ignore[arg-type]


class Faults:
    """The rules in force. The first rule that strikes decides."""

    def __init__(self, rules: list[Fault] | None = None, seed: int = 0) -> None:
        self._rules = list(rules or [])
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def set(self, rules: list[Fault]) -> None:
        """Replace all rules."""
        with self._lock:
            self._rules = list(rules)

    def describe(self) -> list[dict[str, Any]]:
        """Return the rules with how often each was concerned (`seen`) and struck."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def strike(self, system: str, operation: str, *, write: bool) -> Fault | None:
        """Return the rule that this request suffers, or None."""
        with self._lock:
            for rule in self._rules:
                if rule.system not in ("*", system) or (rule.writes and not write):
                    continue
                if not fnmatch.fnmatchcase(operation, rule.operation):
                    continue
                rule.seen += 1
                if rule.times is not None and rule.struck >= rule.times:
                    continue
                if rule.seen % rule.every or self._random.random() >= rule.probability:
                    continue
                rule.struck += 1
                return rule
            return None
