from __future__ import annotations

from typing import Any

import pytest

from routerd.edge.peer_names import certificate_names


@pytest.mark.parametrize(
    ("certificate", "names"),
    [
        ({"subjectAltName": (("DNS", "SIP.Acme.Test."), ("DNS", "*.acme.test"))}, {"sip.acme.test"}),
        ({"subjectAltName": (("URI", "sip:acme.test:5061;transport=tls"), ("DNS", "x.test"))}, {"acme.test"}),
        ({"subjectAltName": (("URI", "sip:bob@acme.test"), ("DNS", "x.test"))}, {"x.test"}),
        ({"subjectAltName": (("URI", "sips:acme.test"), ("DNS", "x.test"))}, {"x.test"}),
        ({"subjectAltName": (("URI", "sip:[2001:db8::1]:5061"),)}, {"2001:db8::1"}),
        ({"subjectAltName": (("IP Address", "192.0.2.1"),)}, {"192.0.2.1"}),
        ({"subject": ((("commonName", "only.test"),),)}, {"only.test"}),
        ({"subject": ((("commonName", "cn.test"),),), "subjectAltName": (("email", "a@b"),)}, set()),
        ({}, set()),
    ],
)
def test_identities_are_those_of_rfc_5922(certificate: dict[str, Any], names: set[str]) -> None:
    assert certificate_names(certificate) == names
