"""`python -m benchmarks [NAME…]` runs every benchmark, or those named, and prints their figures."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(wanted: list[str]) -> int:
    """Run the benchmarks; 2 when one of the names is none."""
    known = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    names = [f"bench_{name.removeprefix('bench_')}" for name in wanted] or known
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)} — known: {', '.join(known)}", file=sys.stderr)
        return 2
    for name in names:
        print(f"\n{name.removeprefix('bench_')}")
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
