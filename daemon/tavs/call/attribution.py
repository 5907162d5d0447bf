"""Whose voice is on which stream.

In order, for the streams that send sound:

1. A label, address or name that says so in words (customer, kunde, caller; agent, medarbejder, callee).
2. The participant who sends the stream (RFC 7865): a number of seven digits and more is a customer, a shorter one an
   extension, so an agent.
3. Where one side of two is known, the other is the other.
4. Where nothing is known of two streams: the first is the customer, the second the agent, since PBXs describe the
   calling party first. One stream alone is a mix of both and stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tavs.call.metadata import Metadata, Participant
from tavs.events import Channel

EXTENSION_DIGITS = 6
"""Longest internal number; the shortest Danish subscriber number has eight digits."""
CUSTOMER_WORDS = frozenset({"customer", "kunde", "caller"})
AGENT_WORDS = frozenset({"agent", "medarbejder", "callee"})


def channels(labels: Sequence[str], metadata: Metadata) -> list[Channel]:
    """The channel of each stream, in the order of the streams that send sound."""
    found = [_claimed(label, metadata) for label in labels]
    if len(found) != 2:
        return found
    one, other = found
    if one is other is Channel.UNKNOWN:
        return [Channel.CUSTOMER, Channel.AGENT]
    if one is Channel.UNKNOWN:
        return [_opposite(other), other]
    if other is Channel.UNKNOWN or one is other:
        return [one, _opposite(one)]
    return found


def is_claimed(label: str, metadata: Metadata) -> bool:
    """Whether some participant is said to send this stream."""
    return bool(metadata.senders(label))


def extension(metadata: Metadata) -> str:
    """The agent's own number; empty where none is short enough."""
    return next((user for user in map(user_part, _aors(metadata)) if _is_extension(user)), "")


def customer_number(metadata: Metadata) -> str:
    """The first number that is no extension; empty where there is none."""
    return next((user for user in map(user_part, _aors(metadata)) if _is_number(user)), "")


def user_part(aor: str) -> str:
    """`4512` of `sip:4512;noa=3@pbx`, `+4520123456` of `tel:+45-20-12-34-56`."""
    user = re.sub(r"^(sips?|tel):", "", aor.strip(), flags=re.IGNORECASE).partition("@")[0].partition(";")[0]
    return re.sub(r"[\s().\-]", "", user)


def _aors(metadata: Metadata) -> list[str]:
    return [participant.aor for participant in metadata.participants.values()]


def _claimed(label: str, metadata: Metadata) -> Channel:
    senders = metadata.senders(label)
    said = {_by_words(label), *(_by_words(f"{each.aor} {each.name}") for each in senders)} - {Channel.UNKNOWN}
    if not said:
        said = {_by_number(each) for each in senders} - {Channel.UNKNOWN}
    return said.pop() if len(said) == 1 else Channel.UNKNOWN


def _by_words(text: str) -> Channel:
    words = set(re.split(r"[^a-zæøå]+", text.lower()))
    if words & CUSTOMER_WORDS:
        return Channel.CUSTOMER
    return Channel.AGENT if words & AGENT_WORDS else Channel.UNKNOWN


def _by_number(participant: Participant) -> Channel:
    user = user_part(participant.aor)
    if _is_extension(user):
        return Channel.AGENT
    return Channel.CUSTOMER if _is_number(user) else Channel.UNKNOWN


def _is_extension(user: str) -> bool:
    return user.isdigit() and len(user) <= EXTENSION_DIGITS


def _is_number(user: str) -> bool:
    digits = user.removeprefix("+")
    return digits.isdigit() and len(digits) > EXTENSION_DIGITS


def _opposite(channel: Channel) -> Channel:
    return Channel.AGENT if channel is Channel.CUSTOMER else Channel.CUSTOMER
