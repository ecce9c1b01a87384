"""Whom a TLS peer's certificate names, exactly as RFC 5922 §7.1 wants it: no wildcards, SIP URIs before DNS names."""

from __future__ import annotations

from typing import Any


def certificate_names(certificate: dict[str, Any]) -> frozenset[str]:
    """Give the SIP domain identities of a certificate in the form of ``SSLSocket.getpeercert``, in lower case.

    URIs of scheme sip without a user part come first; DNS names count only when there is no such URI; the common name
    only when there is no subjectAltName at all. IP addresses count beside DNS names, for peers that are called by
    address. Wildcards match nothing (§7.2), so they are left out.
    """
    alternatives: tuple[tuple[str, str], ...] = certificate.get("subjectAltName", ())
    uris = {_sip_domain(value) for kind, value in alternatives if kind == "URI"} - {""}
    if uris:
        return frozenset(uris)
    if alternatives:
        named = {value for kind, value in alternatives if kind in {"DNS", "IP Address"}}
    else:
        named = {value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"}
    return frozenset(name.lower().rstrip(".") for name in named if "*" not in name)


def _sip_domain(uri: str) -> str:
    scheme, _, rest = uri.partition(":")
    if scheme.lower() != "sip" or "@" in rest:
        return ""
    host = rest.partition(";")[0].partition("?")[0]
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")
