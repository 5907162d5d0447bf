"""When a certificate ends."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography import x509


def ends_at(certificate: Path) -> datetime | None:
    """Of the first to end in a PEM file: a chain is worth nothing without one of its own. None where there is none."""
    try:
        found = x509.load_pem_x509_certificates(certificate.read_bytes())
    except (OSError, ValueError):
        return None
    return min(each.not_valid_after_utc for each in found)
