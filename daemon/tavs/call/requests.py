"""Our own requests inside a dialog (RFC 3261 section 12.2.1.1): UPDATE and BYE. Pure but for the branch."""

from __future__ import annotations

import secrets

from tavs.call import replies, sip
from tavs.call.dialog import Dialog, Peer
from tavs.call.sip import Message
from tavs.call.transactions import Outgoing


def contact(peer: Peer) -> str:
    return f"<sip:tavs@{replies.bracketed(peer.local[0])}:{peer.local[1]};transport={peer.transport}>;+sip.srs"


def request_of(
    dialog: Dialog, method: str, sequence: int, headers: tuple[sip.Header, ...] = ()
) -> tuple[str, Outgoing]:
    """A request and its branch, by which its answer is known."""
    branch = f"z9hG4bK{secrets.token_hex(8)}"
    host, port = dialog.peer.local
    via = f"SIP/2.0/{dialog.peer.transport.upper()} {replies.bracketed(host)}:{port};branch={branch};rport"
    message = Message(
        method=method,
        uri=dialog.remote_target,
        headers=(
            ("Via", via),
            ("Max-Forwards", "70"),
            *(("Route", each) for each in dialog.route_set),
            ("From", dialog.local_party),
            ("To", dialog.remote_party),
            ("Call-ID", dialog.id[0]),
            ("CSeq", f"{sequence} {method}"),
            ("Contact", contact(dialog.peer)),
            *headers,
        ),
    )
    return branch, Outgoing(dialog.peer, sip.serialize(message))
