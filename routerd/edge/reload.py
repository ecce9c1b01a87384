"""Certificates that can be renewed under running connections.

Listeners are given one *door* context for their life. At every handshake its server-name callback puts the current
context in the door's place, so a reload is one assignment: connections in progress keep what they began with, and a
certificate that cannot be loaded changes nothing.
"""

from __future__ import annotations

import ssl
from datetime import UTC
from typing import TYPE_CHECKING

from routerd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


class Certificates:
    """The server's certificate chain and key, from two PEM files; raises :class:`ConfigError` when unusable.

    Give ``door`` to listeners; call :meth:`reload` when the files have changed. ``expires_at`` is UTC seconds.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._current, self.expires_at = self._load()
        self.door, _ = self._load()
        self.door.sni_callback = self._swap

    def reload(self) -> None:
        """Use the files' present content for new connections; raises :class:`ConfigError` and keeps the old one."""
        self._current, self.expires_at = self._load()

    def _load(self) -> tuple[ssl.SSLContext, float]:
        from cryptography import x509  # 9 MB, for who has TLS

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self._certificate, self._key)
            certificate = x509.load_pem_x509_certificate(self._certificate.read_bytes())
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise ConfigError(
                f"the certificate cannot be used: {error}",
                pointer="/tls/certificate",
                hint=f"both {self._certificate} and {self._key} must be readable PEM and belong together",
                source=str(self._certificate),
            ) from error
        return context, certificate.not_valid_after_utc.astimezone(UTC).timestamp()

    def _swap(self, connection: ssl.SSLObject, _name: str | None, _door: ssl.SSLContext) -> None:
        connection.context = self._current


def trust(authorities: Path | None = None) -> ssl.SSLContext:
    """Give the context of connections that we open: the peer needs a valid chain; its name is checked by RFC 5922.

    ``authorities`` is a PEM file of roots that replace the system's. Raises :class:`ConfigError`.
    """
    try:
        context = ssl.create_default_context(cafile=str(authorities) if authorities else None)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the authorities cannot be read: {error}", source=str(authorities)) from error
    context.check_hostname = False  # wildcards would pass; see routerd.edge.peer_names
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
