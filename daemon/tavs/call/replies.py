"""How an answer to a request is made, and what a request needs to be answered at all (RFC 3261 section 8.2)."""

from __future__ import annotations

import secrets

from tavs.call import sip
from tavs.call.dialog import Peer
from tavs.call.sip import Message

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, MESSAGE"
REASONS = {
    100: "Trying", 200: "OK", 400: "Bad Request", 405: "Method Not Allowed", 420: "Bad Extension",
    422: "Session Interval Too Small", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
    488: "Not Acceptable Here", 500: "Server Internal Error", 503: "Service Unavailable",
}  # fmt: skip


def response(request: Message, status: int, *headers: sip.Header, tag: str = "", body: bytes = b"") -> Message:
    to = request.first("to")
    if status != 100 and sip.parameter(to, "tag") is None:
        to = f"{to};tag={tag or secrets.token_hex(8)}"
    copied = [
        *(("Via", each) for value in request.all("via") for each in sip.split_list(value)),
        ("From", request.first("from")),
        ("To", to),
        ("Call-ID", request.first("call-id")),
        ("CSeq", request.first("cseq")),
    ]
    return Message(status=status, reason=REASONS[status], headers=(*copied, *headers), body=body)


def stamped(response: Message, peer: Peer) -> Message:
    """The topmost Via with where the request really came from (RFC 3261 section 18.2.1, RFC 3581 section 4)."""
    name, via = response.headers[0]
    parameters = f";received={peer.host}"
    if sip.parameter(via, "rport") == "":
        via = via.replace(";rport", f";rport={peer.port}", 1)
    headers = ((name, via + parameters), *response.headers[1:])
    return Message(status=response.status, reason=response.reason, headers=headers, body=response.body)


def is_whole(message: Message) -> bool:
    number, _, method = message.first("cseq").partition(" ")
    named = all(message.first(name) for name in ("via", "from", "to", "call-id"))
    single = all(len(message.all(name)) == 1 for name in ("from", "to", "call-id", "cseq"))
    valid = number.isascii() and number.isdigit() and int(number[:11]) < 1 << 31 and len(number) <= 10
    hops = sip.split_list(message.first("via"))
    has_hop = bool(hops) and len(hops[0].partition(";")[0].split()) >= 2
    return named and single and valid and has_hop and method.strip() == message.method


def transaction(request: Message) -> tuple[str, str, str]:
    via = sip.split_list(request.first("via"))[0]
    branch = sip.parameter(via, "branch") or f"{request.first('call-id')} {request.first('cseq')}"
    return branch, via.partition(";")[0].split()[-1], request.method


def seconds(value: str) -> int | None:
    number = value.partition(";")[0].strip()
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 9 else None


def sent_by_port(via: str) -> int:
    port = via.partition(";")[0].rpartition("]")[2].rpartition(":")[2].strip()
    return int(port) if port.isascii() and port.isdigit() and 0 < int(port[:6]) <= 65535 else 5060


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
