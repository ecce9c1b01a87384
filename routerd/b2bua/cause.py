"""SIP statuses and Q.850 causes, each as the other (RFC 3398 §7.2.4.1, §8.2.6; RFC 3326 for the Reason header)."""

from __future__ import annotations

from typing import Final

TEXTS: Final = {
    1: "Unallocated number",
    16: "Normal call clearing",
    17: "User busy",
    18: "No user responding",
    19: "No answer from user",
    20: "Subscriber absent",
    21: "Call rejected",
    22: "Number changed",
    25: "Exchange routing error",
    27: "Destination out of order",
    28: "Invalid number format",
    31: "Normal, unspecified",
    34: "No circuit available",
    38: "Network out of order",
    41: "Temporary failure",
    42: "Switching equipment congestion",
    47: "Resource unavailable",
    55: "Incoming calls barred",
    57: "Bearer capability not authorized",
    65: "Bearer capability not implemented",
    79: "Service or option not implemented",
    88: "Incompatible destination",
    102: "Recovery on timer expiry",
    111: "Protocol error",
    127: "Interworking, unspecified",
}

BY_STATUS: Final = {
    400: 41,
    401: 21,
    402: 21,
    403: 21,
    404: 1,
    405: 63,
    406: 79,
    407: 21,
    408: 102,
    410: 22,
    413: 127,
    414: 127,
    415: 79,
    416: 127,
    420: 127,
    421: 127,
    423: 127,
    480: 18,
    481: 41,
    482: 25,
    483: 25,
    484: 28,
    485: 1,
    486: 17,
    487: 16,
    488: 88,
    500: 41,
    501: 79,
    502: 38,
    503: 41,
    504: 102,
    505: 127,
    513: 127,
    580: 47,
    600: 17,
    603: 21,
    604: 1,
    606: 88,
}

BY_CAUSE: Final = {
    1: 404,
    2: 404,
    3: 404,
    16: 480,
    17: 486,
    18: 408,
    19: 480,
    20: 480,
    21: 403,
    22: 410,
    26: 404,
    27: 502,
    28: 484,
    29: 501,
    31: 480,
    34: 503,
    38: 503,
    41: 503,
    42: 503,
    47: 503,
    55: 403,
    57: 403,
    58: 503,
    65: 488,
    70: 488,
    79: 501,
    87: 403,
    88: 503,
    102: 504,
    111: 500,
    127: 500,
}


def cause_of(status: int) -> int:
    """Return the Q.850 cause that says what a final SIP status says (RFC 3398 §8.2.6.1)."""
    cause = BY_STATUS.get(status)
    if cause is not None:
        return cause
    return 41 if status >= 500 else 31


def status_of(cause: int) -> int:
    """Return the SIP status for a Q.850 cause (RFC 3398 §7.2.4.1)."""
    return BY_CAUSE.get(cause, 480)


def reason_header(cause: int) -> str:
    """Return the Reason value of a Q.850 cause (RFC 3326 §2)."""
    text = TEXTS.get(cause)
    return f'Q.850;cause={cause};text="{text}"' if text is not None else f"Q.850;cause={cause}"
