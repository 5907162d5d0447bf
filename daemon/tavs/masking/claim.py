"""CLAIM: number of a claim, a case or a police report. Only what is said before tells."""

from __future__ import annotations

CUES = (
    "skadesag", "sagiforvejen", "casenumber", "claimnumber", "skadeanmeldelse",
    "skadenummer", "skadenummeret", "skadesnummer", "skadesnummeret", "skadenr", "sagsnummer", "sagsnummeret",
    "sagsnr", "journalnummer", "skadesagsnummer", "anmeldelsesnummer",
)  # fmt: skip
