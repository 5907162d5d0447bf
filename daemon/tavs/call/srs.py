"""A Session Recording Server (RFC 7866) as a pure protocol: messages in, messages out, and calls on the floor.

1. A call is answered at once with 100 and 200, never with 180, and never refused for its metadata (PAINS P5).
2. 200 to INVITE, UPDATE, INFO, MESSAGE, OPTIONS, BYE inside a known dialog; 481 outside (P7).
3. A session timer is accepted as offered (RFC 4028); 422 below 90 s.
4. One bad message ends nothing but itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from tavs.call import replies, sdp, sip
from tavs.call.describe import describe, learn
from tavs.call.dialog import Answered, Dialog, DialogId, Happening, Peer, State
from tavs.call.identity import new_call_id
from tavs.call.multipart import Part, parts
from tavs.call.requests import contact, request_of
from tavs.call.session import CallFloor, CallStart, EndReason, MediaPorts
from tavs.call.sip import Message
from tavs.call.transactions import Answers, Outgoing, Repetitions
from tavs.errors import PeerError
from tavs.events import CallId
from tavs.host.clock import Clock

UNDERSTOOD = frozenset(
    {"siprec", "timer", "record-aware", "100rel", "replaces", "path", "outbound", "gruu", "histinfo", "from-change",
     "tdialog", "norefersub", "early-session", "precondition"}
)  # fmt: skip
"""Option tags that change nothing for a recording server, besides those it implements."""
SHORTEST_SESSION_S = 90
"""Min-SE (RFC 4028 section 5)."""
DIALOGS_LIMIT = 1000
RETRY_AFTER_S = 10


@dataclass(slots=True)
class Counters:
    requests: int = 0
    refused: int = 0
    malformed: int = 0
    unacknowledged: int = 0


class RecordingServer:
    def __init__(
        self, *, floor: CallFloor, media: MediaPorts, clock: Clock, media_address: str = "", consent_header: str = ""
    ) -> None:
        self.counters = Counters()
        self.is_draining = False
        self._floor = floor
        self._media = media
        self._clock = clock
        self._media_address = media_address
        self.consent_header = consent_header
        self._dialogs: dict[DialogId, Dialog] = {}
        self._changed: set[DialogId] = set()
        self._answers = Answers()
        self._repetitions = Repetitions()
        self._handlers: dict[str, Callable[[Message, Peer, Dialog], Message]] = {
            "INVITE": self._offered,
            "UPDATE": self._offered,
            "INFO": self._informed,
            "MESSAGE": self._informed,
            "BYE": self._hung_up,
            "OPTIONS": lambda request, _peer, _dialog: self._options(request),
        }

    @property
    def calls(self) -> int:
        return len(self._dialogs)

    def receive(self, message: Message, peer: Peer) -> list[Outgoing]:
        """What to send for a message. Raises nothing: a request that is no request is answered 400 or dropped."""
        if message.status:
            self._repetitions.end(sip.parameter(message.first("via"), "branch") or "")
            return []
        self.counters.requests += 1
        if not replies.is_whole(message):
            self.counters.malformed += 1
            answerable = message.method != "ACK" and message.all("via")
            return [self._send(replies.response(message, 400), message, peer)] if answerable else []
        if message.method == "ACK":
            self._acknowledged(message)
            return []
        key = replies.transaction(message)
        if known := self._answers.known(key):
            return [known]
        trying = [self._send(replies.response(message, 100), message, peer)] if message.method == "INVITE" else []
        response = self._respond(message, peer)
        answer = self._send(response, message, peer)
        now_s = self._clock.monotonic()
        self._answers.keep(key, answer, now_s)
        number = message.first("cseq").split()[0]
        if dialog := self._dialogs.get(_dialog_of(message, response)):
            dialog.answered = Answered(key, number, answer.peer, answer.data)
            self._changed.add(dialog.id)
        if message.method == "INVITE" and response.status == 200:
            self._repetitions.begin((*_dialog_of(message, response), number), answer, now_s)
        return [*trying, answer]

    def changed(self) -> list[Dialog]:
        """The dialogs that are not as they were when this was asked last, and have not ended."""
        found = [self._dialogs[each] for each in self._changed if each in self._dialogs]
        self._changed.clear()
        return found

    def go_on(self, dialog: Dialog) -> None:
        """Take over a dialog that began before this server did; its call is on the floor already."""
        self._dialogs[dialog.id] = dialog
        self._changed.add(dialog.id)
        if last := dialog.answered:
            answer, now_s = Outgoing(last.peer, last.data), self._clock.monotonic()
            self._answers.keep(last.transaction, answer, now_s)
            if last.transaction[2] == "INVITE" and dialog.state is State.ANSWERED:
                self._repetitions.begin((*dialog.id, last.sequence), answer, now_s)

    def due(self) -> list[Outgoing]:
        """What time asks for: repetitions, refreshes, sessions that nobody kept alive."""
        now_s = self._clock.monotonic()
        self._answers.forget(now_s)
        again, unanswered = self._repetitions.due(now_s)
        for key in unanswered:
            if isinstance(key, tuple) and (dialog := self._dialogs.get((key[0], key[1], key[2]))):
                self.counters.unacknowledged += 1
                again += self._finish(dialog, Happening.NO_ACK, EndReason.TIMER, say_bye=True)
        for dialog in list(self._dialogs.values()):
            if dialog.expires_s is not None and dialog.expires_s <= now_s:
                again += self._finish(dialog, Happening.EXPIRED, EndReason.TIMER, say_bye=True)
            elif dialog.refresh_s is not None and dialog.refresh_s <= now_s and dialog.interval_s:
                dialog.refresh_s = now_s + dialog.interval_s / 2
                dialog.expires_s = now_s + dialog.interval_s
                timer = ("Session-Expires", f"{dialog.interval_s};refresher=uac")
                again.append(self._request("UPDATE", dialog, (timer, ("Supported", "timer"))))
        return again

    def end(self, call: CallId, reason: EndReason) -> list[Outgoing]:
        """End a session from our side: a BYE for its PBX."""
        found = [dialog for dialog in self._dialogs.values() if dialog.call == call]
        return [out for dialog in found for out in self._finish(dialog, Happening.SHUTDOWN, reason, say_bye=True)]

    def end_all(self) -> list[Outgoing]:
        self.is_draining = True
        return [out for dialog in list(self._dialogs.values()) for out in self.end(dialog.call, EndReason.SHUTDOWN)]

    def _respond(self, request: Message, peer: Peer) -> Message:
        unknown = [tag for tag in request.tokens("require") if tag not in UNDERSTOOD]
        if unknown and request.method != "CANCEL":
            return replies.response(request, 420, ("Unsupported", ", ".join(unknown)))
        if request.method == "CANCEL":
            answered = self._answers.known((*replies.transaction(request)[:2], "INVITE"))
            return replies.response(request, 200 if answered else 481)
        if request.method not in self._handlers:
            return replies.response(request, 405, ("Allow", replies.ALLOW))
        dialog = self._dialog(request)
        if dialog is None:
            return self._outside(request, peer)
        number = int(request.first("cseq").split()[0])
        if number <= dialog.remote_sequence:
            return replies.response(request, 500)
        dialog.remote_sequence = number
        return self._handlers[request.method](request, peer, dialog)

    def _outside(self, request: Message, peer: Peer) -> Message:
        """A request outside any dialog."""
        if sip.parameter(request.first("to"), "tag"):
            return replies.response(request, 481)
        if request.method == "OPTIONS":
            return self._options(request)
        if request.method in ("INFO", "MESSAGE"):
            return replies.response(request, 200)
        if request.method != "INVITE":
            return replies.response(request, 481)
        return self._invited(request, peer)

    def _invited(self, request: Message, peer: Peer) -> Message:
        if self.is_draining or len(self._dialogs) >= DIALOGS_LIMIT:
            return self._unavailable(request)
        theirs = sip.parameter(request.first("from"), "tag") or ""
        call_id = request.first("call-id")
        if any(known[0] == call_id and known[2] == theirs for known in self._dialogs):
            return replies.response(request, 482)
        tag = secrets.token_hex(8)
        now = self._clock.now()
        dialog = Dialog(
            id=(call_id, tag, theirs),
            call=new_call_id(now),
            peer=peer,
            remote_target=_target(request) or request.uri,
            route_set=tuple(each for value in request.all("record-route") for each in sip.split_list(value)),
            local_party=f"{request.first('to')};tag={tag}",
            remote_party=request.first("from"),
            remote_sequence=int(request.first("cseq").split()[0]),
            session_id=secrets.randbelow(1 << 53),
            identities={name: request.first(name) for name in ("from", "to", "p-asserted-identity", "call-id")},
        )
        if refusal := self._timer_refusal(request):
            return refusal
        try:
            self._follow(request, dialog)
        except _NoPort:
            self._media.release(dialog.call)
            return self._unavailable(request)
        if not any(stream.port for stream in dialog.streams):
            self._media.release(dialog.call)
            return replies.response(request, 488)
        self._dialogs[dialog.id] = dialog
        self._floor.call_started(
            CallStart(
                call=dialog.call,
                at=now,
                started_s=self._clock.monotonic(),
                source="siprec",
                trunk=peer.host,
                streams=dialog.streams,
                description=dialog.description,
            )
        )
        return self._accepted(request, dialog)

    def _offered(self, request: Message, peer: Peer, dialog: Dialog) -> Message:
        """A re-INVITE or UPDATE: with an offer, with metadata, with both or with neither."""
        if refusal := self._timer_refusal(request):
            return refusal
        try:
            has_offer = self._follow(request, dialog)
        except _NoPort:
            return self._unavailable(request)
        dialog.remote_target = _target(request) or dialog.remote_target
        dialog.peer = peer
        self._floor.call_changed(dialog.call, dialog.streams, dialog.description)
        return self._accepted(request, dialog, with_answer=has_offer or request.method == "INVITE")

    def _informed(self, request: Message, peer: Peer, dialog: Dialog) -> Message:
        del peer
        if learn(request, dialog, self.consent_header):
            describe(dialog)
            self._floor.call_changed(dialog.call, dialog.streams, dialog.description)
        return replies.response(request, 200)

    def _hung_up(self, request: Message, peer: Peer, dialog: Dialog) -> Message:
        del peer
        self._finish(dialog, Happening.BYE, EndReason.BYE, say_bye=False)
        return replies.response(request, 200)

    def _options(self, request: Message) -> Message:
        if self.is_draining:
            return self._unavailable(request)
        accepted = ("Accept", "application/sdp, application/rs-metadata+xml, multipart/mixed")
        return replies.response(request, 200, ("Allow", replies.ALLOW), accepted, ("Supported", "siprec, timer"))

    def _acknowledged(self, ack: Message) -> None:
        if dialog := self._dialog(ack):
            dialog.happen(Happening.ACK)
            self._changed.add(dialog.id)
            self._repetitions.end((*dialog.id, ack.first("cseq").split()[0]))

    def _follow(self, request: Message, dialog: Dialog) -> bool:
        """Take over what a request says; says whether there was an offer. Raises _NoPort."""
        learnt = learn(request, dialog, self.consent_header)
        self._keep_alive(request, dialog)
        offers = [part.body for part in _parts(request) if part.content_type == "application/sdp"]
        media: tuple[sdp.Media, ...] = ()
        for offer in offers:
            try:
                media += sdp.parse(offer)
            except PeerError:
                self.counters.malformed += 1
        if media:
            self._take_media(media, dialog)
        if media or learnt or not dialog.streams:
            describe(dialog)
        return bool(media)

    def _take_media(self, media: tuple[sdp.Media, ...], dialog: Dialog) -> None:
        for index, each in enumerate(media):
            if each.is_decodable and index not in dialog.ports:
                try:
                    dialog.ports[index] = self._media.reserve(dialog.call, index)
                except PeerError:
                    raise _NoPort from None
        dialog.media = media
        answered = [
            sdp.Answered(media=each, port=dialog.ports.get(index, 0) if each.is_decodable else 0)
            for index, each in enumerate(media)
        ]
        dialog.session_version += 1
        dialog.answer = sdp.answer(
            answered,
            address=self._media_address or dialog.peer.local[0],
            session_id=dialog.session_id,
            version=dialog.session_version,
        )

    def _keep_alive(self, request: Message, dialog: Dialog) -> None:
        """Begin or renew the session timer (RFC 4028 section 9)."""
        value = request.first("session-expires")
        interval = replies.seconds(value)
        if interval is None:
            return
        now_s = self._clock.monotonic()
        dialog.interval_s = interval
        dialog.expires_s = now_s + interval
        dialog.refresh_s = now_s + interval / 2 if sip.parameter(value, "refresher") == "uas" else None

    def _timer_refusal(self, request: Message) -> Message | None:
        interval = replies.seconds(request.first("session-expires"))
        if interval is not None and interval < SHORTEST_SESSION_S:
            return replies.response(request, 422, ("Min-SE", str(SHORTEST_SESSION_S)))
        return None

    def _accepted(self, request: Message, dialog: Dialog, *, with_answer: bool = True) -> Message:
        headers = [("Record-Route", value) for value in request.all("record-route")]
        headers += [("Contact", contact(dialog.peer)), ("Allow", replies.ALLOW), ("Supported", "timer")]
        if dialog.interval_s and request.first("session-expires"):
            refresher = "uas" if dialog.refresh_s is not None else "uac"
            headers.append(("Session-Expires", f"{dialog.interval_s};refresher={refresher}"))
            if refresher == "uac" and "timer" in request.tokens("supported"):
                headers.append(("Require", "timer"))
        body = dialog.answer if with_answer else b""
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return replies.response(request, 200, *headers, tag=dialog.id[1], body=body)

    def _finish(self, dialog: Dialog, happening: Happening, reason: EndReason, *, say_bye: bool) -> list[Outgoing]:
        if not dialog.happen(happening):
            return []
        del self._dialogs[dialog.id]
        self._floor.call_ended(dialog.call, reason)
        self._media.release(dialog.call)
        return [self._request("BYE", dialog)] if say_bye else []

    def _request(self, method: str, dialog: Dialog, headers: tuple[sip.Header, ...] = ()) -> Outgoing:
        dialog.local_sequence += 1
        self._changed.add(dialog.id)
        branch, outgoing = request_of(dialog, method, dialog.local_sequence, headers)
        self._repetitions.begin(branch, outgoing, self._clock.monotonic())
        return outgoing

    def _dialog(self, request: Message) -> Dialog | None:
        ours = sip.parameter(request.first("to"), "tag") or ""
        theirs = sip.parameter(request.first("from"), "tag") or ""
        return self._dialogs.get((request.first("call-id"), ours, theirs))

    def _unavailable(self, request: Message) -> Message:
        self.counters.refused += 1
        return replies.response(request, 503, ("Retry-After", str(RETRY_AFTER_S)))

    def _send(self, response: Message, request: Message, peer: Peer) -> Outgoing:
        """The answer to where RFC 3261 section 18.2.2 and RFC 3581 send it."""
        via = request.first("via")
        if peer.transport == "udp" and sip.parameter(via, "rport") is None:
            peer = Peer("udp", peer.host, replies.sent_by_port(via), peer.local)
        return Outgoing(peer, sip.serialize(replies.stamped(response, peer)))


class _NoPort(Exception):
    """No RTP port is left for a stream."""


def _dialog_of(request: Message, response: Message) -> DialogId:
    """The dialog that a request stands in or has begun: our tag is in the answer."""
    ours = sip.parameter(response.first("to"), "tag") or ""
    theirs = sip.parameter(request.first("from"), "tag") or ""
    return request.first("call-id"), ours, theirs


def _parts(request: Message) -> list[Part]:
    return parts(request.first("content-type"), request.body)


def _target(request: Message) -> str:
    return sip.address(request.first("contact")) if request.first("contact") else ""
