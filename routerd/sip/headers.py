"""Header names: their one spelling, their compact forms, which are lists, which may stand once (RFC 3261 §7.3, §20)."""

from __future__ import annotations

MAX_MESSAGE_BYTES = 65_536
MAX_FIELDS = 1_000
# Vias, contacts or routes in one message: far beyond what any hop count or phone gives.
MAX_VALUES = 500


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# IANA's registry of compact forms.
COMPACT: dict[str, str] = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

# Lists of values: several lines mean the same as one line with commas (RFC 3261 §7.3.1).
COMMA_LISTS: frozenset[str] = _names(
    "Accept Accept-Contact Accept-Encoding Accept-Language Accept-Resource-Priority Alert-Info Allow Allow-Events"
    " Authentication-Info Call-Info Contact Content-Encoding Content-Language Diversion Error-Info"
    " Feature-Caps Geolocation History-Info In-Reply-To Identity P-Access-Network-Info P-Asserted-Identity"
    " P-Associated-URI P-Called-Party-ID P-Early-Media P-Preferred-Identity P-Visited-Network-ID Path"
    " Permission-Missing Privacy Proxy-Require Reason Record-Route Recv-Info Reject-Contact Remote-Party-ID Require"
    " Request-Disposition Resource-Priority Route Security-Client Security-Server Security-Verify Service-Route"
    " Supported Trigger-Consent Unsupported Via Warning"
)

# More than one line of these has no meaning that two readers would agree on (RFC 3261 §7.3.1, RFC 3515 §2.4.1).
SINGLE: frozenset[str] = _names(
    "Call-ID Content-Disposition Content-Length Content-Type CSeq Event Expires From Join Max-Forwards Min-Expires"
    " Min-SE RAck Refer-To Referred-By Replaces Retry-After RSeq Session-Expires To"
)

_OTHERS = _names(
    "Answer-Mode Authorization Date Encryption Flow-Timer Hide Identity-Info Info-Package Max-Breadth MIME-Version"
    " Organization P-Asserted-Service P-Charging-Function-Addresses P-Charging-Vector P-Preferred-Service P-RTP-Stat"
    " Priority Proxy-Authenticate Proxy-Authorization Refer-Sub Reply-To Response-Key Server Session-ID SIP-ETag"
    " SIP-If-Match Subject Subscription-State Suppress-If-Match Target-Dialog Timestamp User-Agent User-to-User"
    " WWW-Authenticate"
)

# Any spelling in lower case, compact or long -> the one that everything above the parser uses.
CANONICAL: dict[str, str] = {name.lower(): name for name in (*_OTHERS, *COMMA_LISTS, *SINGLE)} | COMPACT

KNOWN: frozenset[str] = frozenset(CANONICAL.values())

# What is met on the wire nearly always, so that the hot path needs one look-up and no lower().
SPELLINGS: dict[str, str] = (
    CANONICAL | {name: name for name in KNOWN} | {short.upper(): name for short, name in COMPACT.items()}
)


def canonical(name: str) -> str:
    """The one spelling of a known header's name; an unknown name stays as it is."""
    return SPELLINGS.get(name) or CANONICAL.get(name.lower()) or name
