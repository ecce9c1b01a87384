"""DTLS of one side of a line, for the keys of SRTP (RFC 5763, RFC 5764): memory in, memory out, no sockets.

Theory of operation. Each side has an ``Identity`` of its own, a key and a certificate signed by itself, made when the
line is first described: a party that is moved to another line sees another fingerprint and shakes hands anew, where
one fingerprint for all lines would leave it with keys that the new line does not have. Who the party is says the
fingerprint in its description, checked when the handshake is done, before any key is taken.

A handshake belongs to a source address, an ``Association`` each, and the first that ends with the right certificate
wins: a stranger's ClientHello neither disturbs the party's nor gets further than its own. Sources that ICE
has not validated must first return a cookie (RFC 6347 §4.2.1), so that a forged source costs nothing and gets less than
it sent. At most ``MAX_ASSOCIATIONS`` shake hands at once, and ``MAX_STRANGERS`` ever.

Records are cut out of the stream that OpenSSL writes and put together into datagrams of at most ``MTU_BYTES``.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from routerd.media.sdes import SUITES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routerd.media.relay_lane import Address

MTU_BYTES: Final = 1200
MAX_ASSOCIATIONS: Final = 4
MAX_STRANGERS: Final = 20
MAX_BEGINNINGS: Final = 4
MAX_DATAGRAM: Final = 4096
MAX_REPEATS: Final = 8
_LABEL: Final = b"EXTRACTOR-dtls_srtp"
_RECORD_HEADER: Final = 13
_ALERT: Final = b"\x15"
_EPOCH_0: Final = b"\0\0"
_SUITES: Final = {  # OpenSSL's names (RFC 5764 §4.1.2, RFC 7714 §14.2), the cheapest first
    b"SRTP_AEAD_AES_128_GCM": "AEAD_AES_128_GCM",
    b"SRTP_AEAD_AES_256_GCM": "AEAD_AES_256_GCM",
    b"SRTP_AES128_CM_SHA1_80": "AES_CM_128_HMAC_SHA1_80",
    b"SRTP_AES128_CM_SHA1_32": "AES_CM_128_HMAC_SHA1_32",
}
_HASHES: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "sha-512": hashes.SHA512,
    "sha-384": hashes.SHA384,
    "sha-256": hashes.SHA256,
}

Fingerprints = tuple[tuple[str, bytes], ...]
Datagrams = list[tuple[bytes, "Address"]]


class Keys:
    """What a handshake ends with: the suite, their secret and ours (master key and salt), and from where it came."""

    __slots__ = ("ours", "source", "suite", "theirs")

    def __init__(self, suite: str, theirs: bytes, ours: bytes, source: Address) -> None:
        self.suite: str = suite
        self.theirs: bytes = theirs
        self.ours: bytes = ours
        self.source: Address = source


class Identity:
    """A key, its certificate and what DTLS needs of OpenSSL. ``make`` one a side."""

    __slots__ = ("_secret", "context", "fingerprint")

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.fingerprint: tuple[str, bytes] = ("sha-256", certificate.fingerprint(hashes.SHA256()))
        self._secret: bytes = secrets.token_bytes(16)
        context = SSL.Context(SSL.DTLS_METHOD)
        context.use_privatekey(key)
        context.use_certificate(certificate)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _is_looked_at_later)
        context.set_options(SSL.OP_NO_QUERY_MTU)
        context.set_tlsext_use_srtp(b":".join(_SUITES))
        context.set_cookie_generate_callback(self._cookie)
        context.set_cookie_verify_callback(self._is_cookie)
        self.context: SSL.Context = context

    @classmethod
    def make(cls) -> Identity:
        """A fresh one, valid for a month."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "routerd")])
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=30))
        return cls(key, builder.sign(key, hashes.SHA256()))

    def _cookie(self, connection: SSL.Connection) -> bytes:
        return hmac.digest(self._secret, repr(connection.get_app_data()).encode(), "sha256")[:16]

    def _is_cookie(self, connection: SSL.Connection, cookie: bytes) -> bool:
        return hmac.compare_digest(self._cookie(connection), cookie)


class Association:
    """One handshake with one source. ``keys`` are there once it is done and the certificate was the right one."""

    __slots__ = ("_connection", "_fingerprints", "_is_server", "_repeats", "failed", "keys", "source")

    def __init__(
        self, connection: SSL.Connection, source: Address, fingerprints: Fingerprints, *, server: bool
    ) -> None:
        self._connection: SSL.Connection = connection
        self._fingerprints: Fingerprints = fingerprints
        self._is_server: bool = server
        self._repeats: int = 0
        self.source: Address = source
        self.keys: Keys | None = None
        self.failed: bool = False

    def take(self, datagram: bytes) -> list[bytes]:
        """Take one datagram of the source; what to send back. b"" begins a handshake of ours."""
        if datagram[:1] == _ALERT and datagram[3:5] == _EPOCH_0:
            return []  # nobody has signed it: an end that anybody could have written (RFC 6347 §4.1.2.7)
        self._repeats = 0
        connection = self._connection
        try:
            if datagram:
                connection.bio_write(datagram)
            if self.keys is None:
                connection.do_handshake()
                self._finish()
            elif datagram:
                connection.recv(MAX_DATAGRAM)  # what it says is of no interest, but a Finished again is answered
        except SSL.WantReadError:
            pass
        except SSL.Error:
            # established: the party's end of DTLS is no end of its SRTP
            self.failed = self.keys is None
        return drain(connection)

    def repeat(self) -> list[bytes]:
        """What to send again because no answer came in time (RFC 6347 §4.2.4); OpenSSL keeps the time."""
        if self.keys is not None or self.failed:
            return []
        left_s = self._connection.DTLSv1_get_timeout()
        if left_s is None or left_s > 0:
            return []
        self._repeats += 1
        self.failed = self._repeats > MAX_REPEATS
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error:
            self.failed = True
        return [] if self.failed else drain(self._connection)

    def _finish(self) -> None:
        connection = self._connection
        certificate = connection.get_peer_certificate(as_cryptography=True)
        suite = SUITES.get(_SUITES.get(connection.get_selected_srtp_profile(), ""))
        if certificate is None or suite is None or not is_known(certificate, self._fingerprints):
            self.failed = True
            return
        key, salt = suite.key_bytes, suite.salt_bytes
        exported = connection.export_keying_material(_LABEL, 2 * (key + salt))
        client = exported[:key] + exported[2 * key : 2 * key + salt]
        server = exported[key : 2 * key] + exported[2 * key + salt :]
        theirs, ours = (client, server) if self._is_server else (server, client)
        self.keys = Keys(suite.name, theirs, ours, self.source)


class Dtls:
    """One side's handshakes. ``meet`` what its description says, then ``take``, ``begin`` and ``tick``."""

    __slots__ = (
        "_associations",
        "_begun",
        "_fingerprints",
        "_is_server",
        "_listener",
        "_strangers",
        "expected",
        "foreign",
        "identity",
        "intended",
        "keys",
    )

    def __init__(self, identity: Identity) -> None:
        self.identity: Identity = identity
        self.keys: Keys | None = None
        self.expected: Callable[[Address], bool] = _nobody
        self.foreign: int = 0  # datagrams of sources that may not shake hands (any more)
        self._fingerprints: Fingerprints = ()
        self._is_server: bool = True
        self._associations: dict[Address, Association] = {}
        self._listener: SSL.Connection | None = None
        self._strangers: int = 0
        self._begun: int = 0
        self.intended: bool = True  # our role in the answer that was written last: server

    def knows(self, fingerprints: Fingerprints) -> bool:
        """Whether the party described itself with these before."""
        return bool(fingerprints) and self._fingerprints == fingerprints

    @property
    def is_server(self) -> bool:
        """Whether the party is the one to begin."""
        return self._is_server

    def intend(self, *, server: bool) -> None:
        """Remember the role that an answer promises; ``meet`` makes it true."""
        self.intended = server

    def meet(self, fingerprints: Fingerprints, *, server: bool) -> None:
        """The party's fingerprints and our role. The same again keep what is established (RFC 8842 §5.5)."""
        if self._fingerprints == fingerprints and (self.keys is not None or self._is_server == server):
            return
        self._fingerprints = fingerprints
        self._is_server = server
        self._associations.clear()
        self._strangers = 0
        self._begun = 0
        self.keys = None

    def take(self, data: bytes, source: Address, *, proven: bool) -> list[bytes]:
        """Take a datagram; what to send back to ``source``. ``proven``: ICE has validated the source."""
        association = self._associations.get(source)
        if association is None and self.keys is not None and proven:
            association = self._established()  # the party moved, and ICE followed it
        if association is None:
            if not self._is_server or not self._fingerprints or self.keys is not None or not self._may_begin(source):
                self.foreign += 1
                return []
            return self._welcome(data, source) if proven else self._listen(data, source)
        answer = association.take(data)
        self._settle(association)
        return answer

    def begin(self, target: Address) -> list[bytes]:
        """Begin with a ClientHello to ``target``, where that is our role; nothing when it has begun before."""
        if self._is_server or not self._fingerprints or self.keys is not None or target in self._associations:
            return []
        self._begun += 1
        if self._begun > MAX_BEGINNINGS:
            return []
        association = self._associate(self._connection(target, server=False), target, server=False)
        return association.take(b"")

    def tick(self) -> Datagrams:
        """What was not answered in time, again."""
        if self.keys is not None or not self._associations:
            return []
        due = [(data, one.source) for one in list(self._associations.values()) for data in one.repeat()]
        for association in [one for one in self._associations.values() if one.failed]:
            del self._associations[association.source]
        return due

    def _may_begin(self, source: Address) -> bool:
        if self.expected(source):
            return True
        self._strangers += 1
        return self._strangers <= MAX_STRANGERS

    def _welcome(self, data: bytes, source: Address) -> list[bytes]:
        association = self._associate(self._connection(source, server=True), source, server=True)
        answer = association.take(data)
        self._settle(association)
        return answer

    def _listen(self, data: bytes, source: Address) -> list[bytes]:
        """Ask an unproven source for a cookie first; once it returns it, the connection is its own."""
        listener = self._listener or self._connection(source, server=True)
        self._listener = listener
        listener.set_app_data(source)
        try:
            listener.bio_write(data)
            listener.DTLSv1_listen()
        except SSL.WantReadError:
            return drain(listener)
        except SSL.Error:
            self._listener = None
            return []
        self._listener = None
        association = self._associate(listener, source, server=True)
        answer = association.take(b"")
        self._settle(association)
        return answer

    def _connection(self, source: Address, *, server: bool) -> SSL.Connection:
        connection = SSL.Connection(self.identity.context)
        connection.set_app_data(source)
        if server:
            connection.set_accept_state()
        else:
            connection.set_connect_state()
        connection.set_ciphertext_mtu(MTU_BYTES)
        return connection

    def _associate(self, connection: SSL.Connection, source: Address, *, server: bool) -> Association:
        if len(self._associations) >= MAX_ASSOCIATIONS:
            strangers = [one for one in self._associations if not self.expected(one)]
            self._associations.pop((strangers or list(self._associations))[0])
        association = Association(connection, source, self._fingerprints, server=server)
        self._associations[source] = association
        return association

    def _established(self) -> Association | None:
        return next((one for one in self._associations.values() if one.keys is not None), None)

    def _settle(self, association: Association) -> None:
        if association.failed:
            self._associations.pop(association.source, None)
        elif association.keys is not None and self.keys is None:
            self.keys = association.keys
            self._associations = {association.source: association}


def is_known(certificate: x509.Certificate, fingerprints: Fingerprints) -> bool:
    """Whether the certificate has one of the fingerprints, by the strongest hash that was named (RFC 8122 §5)."""
    for name, make in _HASHES.items():
        named = [digest for given, digest in fingerprints if given == name]
        if named:
            seen = certificate.fingerprint(make())
            return any(hmac.compare_digest(seen, digest) for digest in named)
    return False


def is_usable(fingerprints: Sequence[tuple[str, bytes]]) -> bool:
    """Whether some fingerprint was made with a hash that is still worth something."""
    return any(name in _HASHES and len(digest) == _HASHES[name]().digest_size for name, digest in fingerprints)


def drain(connection: SSL.Connection) -> list[bytes]:
    """What OpenSSL wants to send, in datagrams."""
    written = bytearray()
    while True:
        try:
            written += connection.bio_read(MAX_DATAGRAM)
        except SSL.Error:
            return datagrams(bytes(written))


def datagrams(records: bytes) -> list[bytes]:
    """Records of a stream put into as few datagrams as possible (RFC 6347 §4.1.1), none cut."""
    found: list[bytes] = []
    start = end = 0
    while end + _RECORD_HEADER <= len(records):
        after = end + _RECORD_HEADER + int.from_bytes(records[end + 11 : end + 13], "big")
        if after - start > MTU_BYTES and end > start:
            found.append(records[start:end])
            start = end
        end = after
    if end > start:
        found.append(records[start:end])
    return found


def _is_looked_at_later(*_: object) -> bool:
    """Certificates are signed by their owners; the fingerprint decides (``is_known``)."""
    return True


def _nobody(_source: Address) -> bool:
    return False
