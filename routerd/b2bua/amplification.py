"""Answers to strangers over UDP, which may have written anybody's address into the packet, stay short.

Theory of operation. Whoever spoofs a source makes us answer his victim, so an answer before authentication has at most
:data:`MOST_TIMES` the bytes of its request; it is given without a transaction, so it is never repeated by itself. Sizes
are judged on the safe side: the request's as if it were written in compact forms (RFC 3261 §7.3.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.sip import headers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.sip.message import Request

MOST_TIMES: Final = 3
ECHOED: Final = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})
COMPACT: Final = dict.fromkeys(headers.COMPACT.values(), 1)
# what an answer has of its own: status line, To tag, received and rport, Server, Content-Length
OWN_BYTES: Final = 105


def fits(request: Request, more: Sequence[tuple[str, str]], size_bytes: int = 0) -> bool:
    """Whether an answer to ``request`` with ``more`` headers stays within :data:`MOST_TIMES` the request's bytes.

    ``size_bytes`` is the request's size where it is known.
    """
    asked = len(request.method) + len(request.uri) + len(request.body) + 14
    answer = OWN_BYTES
    for name, value in request.fields:
        asked += COMPACT.get(name, len(name)) + len(_as_sent(value) if name == "Via" else value) + 3
        if name in ECHOED:
            answer += len(name) + len(value) + 4
    answer += sum(len(name) + len(value) + 4 for name, value in more)
    return answer <= MOST_TIMES * (size_bytes or asked)


def _as_sent(via: str) -> str:
    """Give a Via as it came, without what we wrote into it (RFC 3261 §18.2.1, RFC 3581 §4)."""
    kept = [part for part in via.split(";") if not part.startswith("received=")]
    return ";".join("rport" if part.startswith("rport=") else part for part in kept)
