"""Which version this is: the package's, as it is installed."""

from __future__ import annotations

from importlib import metadata

UNKNOWN = "unknown"
"""Run from a folder that was never installed."""


def version() -> str:
    try:
        return metadata.version("tavs")
    except metadata.PackageNotFoundError:
        return UNKNOWN
