"""Digest authentication, both sides (RFC 7616, RFC 8760, RFC 3261 §22).

Theory of operation of the server side. A nonce is its time of issue, in microseconds and never twice the same, and a
MAC of it under our secret, bound to realm and algorithm: issuing costs no memory, and a flood of requests without
credentials leaves nothing behind. Only a nonce that was used *well* enters a bounded table, with the highest ``nc``
that it was used with; from then on ``nc`` must grow strictly. When the table is full, the nonce unused for longest
leaves it, and the *floor* rises to its time of issue: whatever is not in the table and was not issued after the floor
is stale. So a nonce that left can never be used again, and one never used costs its owner one more round trip at worst.

Unknown users are served like known ones, with a dummy password, so that neither the answer nor its time tells them
apart. ``qop=auth`` is always offered and required; neither ``auth-int``, ``-sess``, user hashes nor Basic are offered.

The client side: ``choose_challenge`` among the WWW- or Proxy-Authenticate values, then ``authorization``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from enum import Enum
from typing import TYPE_CHECKING

from routerd.errors import LocalProtocolError, ParseError
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_HEADER = 4096
MAX_PARAMETERS = 32
STAMP_DIGITS = 16
MAC_DIGITS = 32
MAX_NC_DIGITS = 8
MIN_SECRET = 16
DEFAULT_PORTS = {"sip": 5060, "sips": 5061}
REQUIRED = ("realm", "nonce", "uri", "response", "qop", "nc", "cnonce")
HEX = frozenset("0123456789abcdefABCDEF")

# One element of the list with the empty ones before it and its comma; or all the rest, when that is none.
# Possessive throughout and never without a match: linear, whatever comes.
_elements = re.compile(
    r"""[ \t,]*+(?:([A-Za-z0-9*_\-]++)[ \t]*+=[ \t]*+"""
    r"""(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|([^" \t,]*+))[ \t]*+(?:,|\Z)|(.*+))""",
    re.DOTALL,
).findall


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha512_256(data: bytes) -> str:
    return hashlib.new("sha512_256", data).hexdigest()


HASHES: dict[str, Callable[[bytes], str]] = {"SHA-256": _sha256, "MD5": _md5}  # strongest first
if "sha512_256" in hashlib.algorithms_available:
    HASHES = {"SHA-512-256": _sha512_256, **HASHES}


class Outcome(Enum):
    """What became of credentials. Outside, all but GOOD look alike: a new challenge, or one and the same refusal."""

    GOOD = "good"
    BAD = "bad"  # wrong password, foreign nonce, realm or URI
    STALE = "stale"  # right password, but the nonce is too old: challenge with stale=True
    REPLAY = "replay"  # right password, but this nc was used before: challenge with stale=True
    UNKNOWN_USER = "unknown user"
    MALFORMED = "malformed"  # no digest credentials that this side offers


class Verdict:
    """An ``outcome``, the ``username`` claimed ("" when unreadable), and whether the nonce is ``genuine``, ours.

    Only failures with a genuine nonce are guesses at a password; the others also come from phones that kept a nonce
    over our restart.
    """

    __slots__ = ("genuine", "outcome", "username")

    def __init__(self, outcome: Outcome, username: str = "", *, genuine: bool = False) -> None:
        self.outcome = outcome
        self.username = username
        self.genuine = genuine

    @property
    def good(self) -> bool:
        """Whether the sender is who ``username`` says."""
        return self.outcome is Outcome.GOOD

    @property
    def stale(self) -> bool:
        """What to hand to ``Challenger.challenges``: the password was right, only the nonce was used up."""
        return self.outcome in {Outcome.STALE, Outcome.REPLAY}

    def __repr__(self) -> str:
        return f"Verdict({self.outcome.name}, {self.username!r}, genuine={self.genuine})"


class Challenger:
    """The server side: gives challenges and judges credentials.

    ``secret`` is at least 16 random bytes, drawn anew at every start (the table does not outlive the process, so its
    nonces must not either). ``algorithms`` are offered in that order. ``nonce_life_s`` is how long a nonce serves,
    ``table_size`` how many nonces in use are remembered. Raises ``LocalProtocolError`` when one of them cannot serve.
    """

    __slots__ = ("_algorithms", "_dummy", "_floor", "_highest_nc", "_last_stamp", "_life_us", "_secret", "_table_size")

    def __init__(
        self,
        secret: bytes,
        algorithms: Sequence[str] = ("SHA-256", "MD5"),
        nonce_life_s: float = 300,
        table_size: int = 10_000,
    ) -> None:
        unknown = [name for name in algorithms if name not in HASHES]
        if unknown or not algorithms:
            raise LocalProtocolError(f"no such digest algorithm: {', '.join(unknown) or 'none given'}")
        if len(secret) < MIN_SECRET or table_size < 1:
            raise LocalProtocolError("a challenger needs 16 secret bytes and room for one nonce")
        self._secret = secret
        self._algorithms = tuple(algorithms)
        self._life_us = int(nonce_life_s * 1_000_000)
        self._table_size = table_size
        self._highest_nc: OrderedDict[int, int] = OrderedDict()  # stamp → nc, least recently used first
        self._floor = -1
        self._last_stamp = -1
        self._dummy = hmac.digest(secret, b"password of nobody", "sha256").hex()

    def __len__(self) -> int:
        return len(self._highest_nc)

    def challenges(
        self, realm: str, now: float, stale: bool = False, algorithms: Sequence[str] | None = None
    ) -> list[str]:
        """Give the values of WWW- or Proxy-Authenticate, one an algorithm, strongest as configured (RFC 8760 §2.3).

        ``algorithms`` are those to offer here, of those that this side knows; None: all.
        """
        suffix = ', qop="auth", stale=true' if stale else ', qop="auth"'
        quoted = _quote(realm)
        return [
            f'Digest realm={quoted}, nonce="{self._nonce(realm, name, now)}", algorithm={name}{suffix}'
            for name in (self._algorithms if algorithms is None else algorithms)
        ]

    def _nonce(self, realm: str, algorithm: str, now: float) -> str:
        stamp = max(self._last_stamp + 1, int(now * 1_000_000))
        self._last_stamp = stamp
        digits = f"{stamp:016x}"
        return digits + self._mac(digits, realm, algorithm)

    def _mac(self, digits: str, realm: str, algorithm: str) -> str:
        data = _encode(f"{digits}:{algorithm}:{realm}")
        return hmac.digest(self._secret, data, "sha256").hex()[:MAC_DIGITS]

    def verify(
        self, header: str, method: str, uri: str, password: Callable[[str], str | None], realm: str, now: float
    ) -> Verdict:
        """Judge the Authorization or Proxy-Authorization value ``header`` of a request ``method uri``.

        ``password(username)`` gives the clear password or None; it is asked only when all else fits. Of several
        headers take that of our realm: ``choose_credentials``. Raises nothing.
        """
        parameters = parse_parameters(header)
        if parameters is None:
            return Verdict(Outcome.MALFORMED)
        username = _username(parameters)
        algorithm = parameters.get("algorithm", "MD5").upper()
        nc = _nc(parameters.get("nc", ""))
        if username is None or nc is None or algorithm not in self._algorithms or not _is_offered(parameters):
            return Verdict(Outcome.MALFORMED, username or "")
        nonce = parameters["nonce"]
        genuine = self._is_genuine(nonce, realm, algorithm)
        if not genuine or _unescape(parameters["realm"]) != realm or not same_uri(parameters["uri"], uri):
            return Verdict(Outcome.BAD, username, genuine=genuine)
        known = password(username)
        right = _is_right(parameters, username, realm, method, algorithm, self._dummy if known is None else known)
        if known is None or not right:
            return Verdict(Outcome.UNKNOWN_USER if known is None else Outcome.BAD, username, genuine=True)
        return Verdict(self._use(int(nonce[:STAMP_DIGITS], 16), nc, now), username, genuine=True)

    def _is_genuine(self, nonce: str, realm: str, algorithm: str) -> bool:
        digits = nonce[:STAMP_DIGITS]
        return hmac.compare_digest(_encode(nonce), _encode(digits + self._mac(digits, realm, algorithm)))

    def _use(self, stamp: int, nc: int, now: float) -> Outcome:
        """Spend ``nc`` of a genuine nonce whose owner showed the right password."""
        age_us = int(now * 1_000_000) - stamp
        if age_us > self._life_us:
            return Outcome.STALE
        highest = self._highest_nc.get(stamp)
        if highest is None:
            if stamp <= self._floor:
                return Outcome.STALE
            if len(self._highest_nc) >= self._table_size:
                evicted, _ = self._highest_nc.popitem(last=False)
                self._floor = max(self._floor, evicted)
        elif nc <= highest:
            return Outcome.REPLAY
        self._highest_nc[stamp] = nc
        self._highest_nc.move_to_end(stamp)
        return Outcome.GOOD


def choose_credentials(headers: Sequence[str], realm: str) -> str | None:
    """Give the first of several Authorization or Proxy-Authorization values that is for ``realm``, or None."""
    for header in headers:
        parameters = parse_parameters(header)
        if parameters is not None and _unescape(parameters.get("realm", "")) == realm:
            return header
    return None


def choose_challenge(headers: Sequence[str], realm: str | None) -> str | None:
    """Give the challenge with the strongest algorithm that we know, or None; the first of equals.

    ``realm``, when given, must match: credentials are never shown to another realm. Next: ``authorization``.
    """
    best: str | None = None
    best_rank = len(HASHES)
    ranks = list(HASHES)
    for header in headers:
        parameters = parse_parameters(header)
        if parameters is None or not _is_answerable(parameters):
            continue
        if realm is not None and _unescape(parameters["realm"]) != realm:
            continue
        rank = ranks.index(_algorithm(parameters))
        if rank < best_rank:
            best, best_rank = header, rank
    return best


def authorization(
    challenge_header: str,
    *,
    method: str,
    uri: str,
    username: str,
    password: str,
    cnonce: str,
    nc: int = 1,
    body: bytes = b"",
) -> str:
    """Give the Authorization or Proxy-Authorization value that answers one challenge (RFC 7616 §3.4).

    ``uri`` is the Request-URI as sent, ``cnonce`` comes from ``Tokens.nonce``, ``nc`` counts the uses of this nonce
    from 1. ``qop=auth`` is preferred; ``body`` counts only where nothing but auth-int is offered; a challenge without
    qop gets the old answer (RFC 2069). Raises ``ParseError`` for a challenge that ``choose_challenge`` would not give.
    """
    parameters = parse_parameters(challenge_header)
    if parameters is None or not _is_answerable(parameters):
        raise ParseError("a challenge that cannot be answered", 401)
    digest = HASHES[_algorithm(parameters)]
    nonce = parameters["nonce"]
    qop = _choose_qop(parameters)
    ha1 = digest(_encode(f"{username}:{_unescape(parameters['realm'])}:{password}"))
    a2 = f"{method}:{uri}:{digest(body)}" if qop == "auth-int" else f"{method}:{uri}"
    middle = f"{nonce}:{nc:08x}:{cnonce}:{qop}" if qop else nonce
    response = digest(_encode(f"{ha1}:{middle}:{digest(_encode(a2))}"))
    parts = [
        f"Digest username={_quote(username)}",
        f'realm="{parameters["realm"]}"',
        f'nonce="{nonce}"',
        f'uri="{uri}"',
        f'response="{response}"',
    ]
    parts += [f"algorithm={parameters['algorithm']}"] if "algorithm" in parameters else []
    parts += [f'opaque="{parameters["opaque"]}"'] if "opaque" in parameters else []
    parts += [f"qop={qop}, nc={nc:08x}", f'cnonce="{cnonce}"'] if qop else []
    return ", ".join(parts)


def parse_parameters(header: str) -> dict[str, str] | None:
    """Split a challenge or credentials into parameters: names in lower case, values without quotes, escapes kept.

    None when the scheme is not Digest, a parameter stands twice, a quote is open, or a bound is passed. Space is
    allowed around everything, and empty elements are skipped (RFC 9110 §5.6.1). Raises nothing.
    """
    if len(header) > MAX_HEADER or header[:6].lower() != "digest" or header[6:7] not in {" ", "\t"}:
        return None
    if not (header.isascii() or _is_encodable(header)):
        return None
    parameters: dict[str, str] = {}
    for spelled, quoted, plain, rest in _elements(header, 7):
        if rest:
            return None
        if spelled:
            name = spelled.lower()
            if name in parameters or len(parameters) == MAX_PARAMETERS:
                return None
            parameters[name] = quoted or plain
    return parameters


def _is_encodable(text: str) -> bool:
    """Whether the text can have come from the wire: no lone surrogates but those of undecodable bytes."""
    try:
        _encode(text)
    except UnicodeEncodeError:
        return False
    return True


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unescape(text: str) -> str:
    """Take the backslashes out of a quoted string's inside (RFC 3261 §25.1, quoted-pair)."""
    if "\\" not in text:
        return text
    pieces = text.split("\\\\")
    return "\\".join(piece.replace("\\", "") for piece in pieces)


def _username(parameters: Mapping[str, str]) -> str | None:
    """Give the username, in the clear or by RFC 8187; None when there is none, or both."""
    plain = parameters.get("username")
    extended = parameters.get("username*")
    if extended is None:
        return None if plain is None else _unescape(plain)
    return None if plain is not None else _decode_extended(extended)


def _decode_extended(text: str) -> str | None:
    """Decode ``UTF-8'language'%C3%A4`` (RFC 8187 §3.2.1); None for another charset or bytes that are not UTF-8."""
    charset, _, rest = text.partition("'")
    _, quote, value = rest.partition("'")
    if charset.upper() != "UTF-8" or not quote or not value.isascii():
        return None
    first, *pieces = value.split("%")
    if any(len(piece) < 2 or not HEX.issuperset(piece[:2]) for piece in pieces):
        return None
    data = first.encode() + b"".join(bytes.fromhex(piece[:2]) + piece[2:].encode() for piece in pieces)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _nc(text: str) -> int | None:
    if not 0 < len(text) <= MAX_NC_DIGITS or not HEX.issuperset(text):
        return None
    return int(text, 16) or None


def _is_offered(parameters: Mapping[str, str]) -> bool:
    """Whether credentials are complete and of the one form that we offer: qop=auth, no user hash."""
    if any(not parameters.get(name) for name in REQUIRED):
        return False
    return parameters["qop"].lower() == "auth" and parameters.get("userhash", "false").lower() != "true"


def _is_right(
    parameters: Mapping[str, str], username: str, realm: str, method: str, algorithm: str, password: str
) -> bool:
    """Whether the response is that of ``password`` (RFC 7616 §3.4.1), compared in constant time."""
    digest = HASHES[algorithm]
    given = _encode(parameters["response"].lower())
    ha2 = digest(_encode(f"{method}:{parameters['uri']}"))
    rest = f"{parameters['nonce']}:{parameters['nc']}:{parameters['cnonce']}:{parameters['qop']}:{ha2}"
    right = False
    # Phones differ in whether an escaped name is hashed with its backslashes.
    for name in {username, parameters.get("username", username)}:
        ha1 = digest(_encode(f"{name}:{realm}:{password}"))
        right |= hmac.compare_digest(given, _encode(digest(_encode(f"{ha1}:{rest}"))))
    return right


def same_uri(given: str, requested: str) -> bool:
    """Whether the credentials' ``uri`` is the Request-URI: scheme, user, host and port; phones differ in the rest.

    So credentials for one address are no good for another (RFC 7616 §3.4.6). Raises nothing.
    """
    if given == requested:
        return True
    try:
        one, other = Uri.parse(given), Uri.parse(requested)
    except ParseError:
        return False
    if one.scheme not in DEFAULT_PORTS:
        return one.equals(other)
    return (
        one.scheme == other.scheme
        and one.user == other.user
        and one.host == other.host
        and (one.port or DEFAULT_PORTS[one.scheme]) == (other.port or DEFAULT_PORTS[other.scheme])
    )


def _algorithm(parameters: Mapping[str, str]) -> str:
    return parameters.get("algorithm", "MD5").upper()


def _is_answerable(parameters: Mapping[str, str]) -> bool:
    """Whether a challenge names a realm, a nonce, an algorithm that we know and a quality that we can give."""
    if "realm" not in parameters or "nonce" not in parameters or _algorithm(parameters) not in HASHES:
        return False
    return not parameters.get("qop") or _choose_qop(parameters) != ""


def _choose_qop(parameters: Mapping[str, str]) -> str:
    """Give ``auth`` when offered, else ``auth-int``, else nothing."""
    offered = [value.strip(" \t").lower() for value in parameters.get("qop", "").split(",")]
    return next((quality for quality in ("auth", "auth-int") if quality in offered), "")
