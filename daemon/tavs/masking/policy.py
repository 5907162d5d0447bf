"""POLICY: number of a policy or a customer. Every insurer has a form of its own, so only what is said before tells."""

from __future__ import annotations

CUES = (
    "policynumber", "kundenr", "medlemsnr",
    "police", "policen", "policenummer", "policenummeret", "policenr", "aftalenummer", "kundenummer",
    "kundenummeret", "forsikringsnummer", "policeharnummer", "polisenummer", "polise", "politsenummer",
)  # fmt: skip
