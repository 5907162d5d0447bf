"""Four years of a site on a real home (tests/retention/years.py), as many calls a day as fit into ten minutes."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

DAYS = 4 * 365 + 1
CALLS_A_DAY = int(os.environ.get("TAVS_BENCH_CALLS_A_DAY", "40"))
"""A site has 200; the model and the looks at every file after every day are what takes the time."""


def years_in_database() -> dict[str, object]:
    """In memory where TAVS_BENCH_FOLDER does not say otherwise: a disk would be asked a million times for a sync."""
    from years import compare

    folder = os.environ.get("TAVS_BENCH_FOLDER", "/dev/shm")
    with tempfile.TemporaryDirectory(dir=folder if Path(folder).is_dir() else None) as root:
        found = compare(Path(root) / "home", days=DAYS, calls_a_day=CALLS_A_DAY, seed=1)
    for difference in found.differences[:10]:
        print(difference, file=sys.stderr)
    return {
        "differences": [len(found.differences), 0],
        "days": [found.days, DAYS],
        "calls_a_day": [CALLS_A_DAY, 200],
        "calls": found.calls,
        "happened": dict(sorted(found.happened.items())),
        "days_without_a_trusted_clock": found.stopped_days,
        "deleted": dict(sorted(found.deleted.items())),
        "receipts": [found.receipts, found.deleted.total()],
        "kept": found.kept,
        "audit_rows": found.audit_rows,
        "audits_without_fault": found.audits,
        "calls_without_artifact": found.calls_without_artifact,
        "seconds": round(found.seconds),
    }
