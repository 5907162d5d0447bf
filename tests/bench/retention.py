"""What is kept, measured: `python tests/bench/retention.py [--only PART]`. Every figure stands beside its target.

four-years  200 calls a day through the policy and through a naive model of it; days on which they differ.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "daemon"), str(ROOT / "tests/retention")]

Figures = dict[str, object]


def four_years() -> Figures:
    from test_four_years import compare

    began = time.perf_counter()
    found = compare(days=4 * 365 + 1, calls_a_day=200, seed=1)
    for difference in found.differences[:10]:
        print(difference, file=sys.stderr)
    return {
        "differences": [len(found.differences), 0],
        "deleted": dict(sorted(found.deleted.items())),
        "kept": found.kept,
        "looked_at": found.looked_at,
        "seconds": round(time.perf_counter() - began),
    }


PARTS: dict[str, Callable[[], Figures]] = {"four-years": four_years}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, help="one part instead of all")
    only = parser.parse_args().only
    print(json.dumps({name: part() for name, part in PARTS.items() if only in (None, name)}, indent=1))


if __name__ == "__main__":
    main()
