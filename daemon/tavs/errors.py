"""Errors by whose fault they are: one sentence, lower case, and a hint that says what to do.

1. A message names what was wrong and with which value, never the payload itself: heard text, numbers and
   headers of a call stay out of it.
2. Anything that is not a `TavsError` is our bug and may end the process.
"""


class TavsError(Exception):
    """A trouble somebody can do something about."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class PeerError(TavsError):
    """A PBX, a file or an advisory model broke the rules of its format."""


class ConfigError(TavsError):
    """The configuration cannot be used; a service leaves with EX_CONFIG (sysexits.h) and is not restarted."""

    exit_code = 78


class UsageError(TavsError):
    """A command was called with something it cannot work on."""

    exit_code = 2


class ModelError(TavsError):
    """A model is missing, damaged or of the wrong kind."""


class StoreError(TavsError):
    """The database or a sealed file cannot be used."""


def innermost(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first single error in groups of errors: what a person has to be told."""
    found = failures.exceptions[0]
    return innermost(found) if isinstance(found, BaseExceptionGroup) else found
