"""Chance for the switch: the operating system's random bytes behind the SIP floor's pools."""

from __future__ import annotations

import os

from routerd.sip.tokens import PoolTokens


def system_tokens(process_id: str = "0") -> PoolTokens:
    """Give unguessable tokens; ``process_id`` (letters and digits) stands in each of them.

    Raises ``LocalProtocolError`` when the process id is anything else.
    """
    return PoolTokens(os.urandom, process_id)
