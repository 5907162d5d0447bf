"""What a recording session knows of its call: metadata learnt from requests, and the streams and people in it."""

from __future__ import annotations

import json

from tavs.call import attribution, consent
from tavs.call.dialog import Dialog
from tavs.call.metadata import CONTENT_TYPES
from tavs.call.multipart import parts
from tavs.call.session import Description, Flag, Stream
from tavs.call.sip import Message
from tavs.errors import PeerError
from tavs.events import Channel

ANSWERS_LIMIT = 8
"""Different answers that one call may have; two are no consent already."""
DOCUMENTS_LIMIT = 16
"""Raw metadata documents kept for the seal."""


def learn(request: Message, dialog: Dialog, consent_header: str = "") -> bool:
    """Merge the metadata and the customer's answer of a request; says whether there was any that could be read."""
    learnt = False
    for value in request.all(consent_header.lower()) if consent_header else ():
        answer = consent.parse(value)
        if answer not in dialog.answers and len(dialog.answers) < ANSWERS_LIMIT:
            dialog.answers = (*dialog.answers, answer)
            learnt = True
    for part in parts(request.first("content-type"), request.body):
        if part.content_type not in CONTENT_TYPES:
            continue
        dialog.documents = [*dialog.documents, part.body.decode("utf-8", "replace")][-DOCUMENTS_LIMIT:]
        dialog.has_metadata = True
        try:
            dialog.metadata = dialog.metadata.merged(part.body)
            learnt = True
        except PeerError:
            dialog.is_broken = True
    return learnt


def describe(dialog: Dialog) -> None:
    """Streams and description after what is known now."""
    sending = [index for index, each in enumerate(dialog.media) if each.is_decodable]
    voices = attribution.channels([dialog.media[index].label for index in sending], dialog.metadata)
    channel = dict(zip(sending, voices, strict=True))
    dialog.streams = tuple(
        Stream(
            index=index,
            label=each.label,
            channel=channel.get(index, Channel.UNKNOWN),
            port=dialog.ports.get(index, 0) if each.is_decodable else 0,
            remote=each.remote,
            payload_types=each.payload_types,
            active=each.is_active,
        )
        for index, each in enumerate(dialog.media)
    )
    flags = []
    if not dialog.has_metadata:
        flags.append(Flag.NO_METADATA)
    if dialog.is_broken:
        flags.append(Flag.BROKEN_METADATA)
    claimed = all(attribution.is_claimed(dialog.media[index].label, dialog.metadata) for index in sending)
    if dialog.has_metadata and not claimed:
        flags.append(Flag.UNCLAIMED_STREAM)
    dialog.description = Description(
        extension=attribution.extension(dialog.metadata),
        customer_number=attribution.customer_number(dialog.metadata),
        flags=tuple(flags),
        answers=dialog.answers,
        sealed=json.dumps(
            {
                "signalling": dialog.identities,
                "metadata": dialog.documents,
                "answers": [each.answer for each in dialog.answers],
            }
        ).encode(),
    )
