"""Static analysis of a document: what is valid and will still surprise somebody.

:func:`analyse` takes a document that has loaded, and its compiled tables, and gives findings, each with code,
severity, pointer, line, message and hint. Codes:

* ``dead_end`` a number, or a menu's option, that leads to hang-up at some time of the week (says when)
* ``loop`` destinations that lead back without anybody doing anything; ``failover_leads_back`` the same through
failovers * ``never_reached`` objects, rules and options that no call can reach * ``duplicate_prefix``,
``shadowed_prefix`` routes, policies, blocked callers and router rules that have no effect * ``agent_unringable``
nothing can ever ring this agent; ``no_route`` a number that no outbound route carries * ``department_empty`` no
member, ever or at some time; ``member_twice`` * ``time_group_never_opens``, ``time_group_never_closes``, ``dst_gap``
a window's edge that a clock change skips * ``caller_id_not_owned`` a number to be shown that is not the account's, or
suspended * ``emergency_without_route`` an emergency number that no trunk would carry * ``impossible_number`` a number
whose length its country does not use * ``no_effect`` a key whose value cannot matter beside another
* ``recording_unannounced`` calls are recorded and nobody is told; ``mail_in_clear`` a password that goes unprotected
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from routerd.config.check_numbers import check_numbers
from routerd.config.check_paths import check_paths
from routerd.config.check_people import check_people
from routerd.config.check_sounds import check_sounds
from routerd.config.check_times import check_times
from routerd.config.findings import SEVERITIES, Finding, Findings
from routerd.config.positions import locate
from routerd.config.reach import Reach
from routerd.config.week import spans

if TYPE_CHECKING:
    from routerd.config.document import Document
    from routerd.config.numbering import Numbering
    from routerd.rules.tables import AccountTables


def analyse(
    document: Document, tables: AccountTables, *, at: float, numbering: Numbering, text: str = "", source: str = ""
) -> list[Finding]:
    """Analyse the document for the week that begins with the day of ``at`` (UTC seconds).

    ``tables`` are compiled of the same document. With ``text`` (what the document was read from; ``source`` names it)
    the findings have lines and stand in their order.
    """
    findings = Findings()
    reach = Reach(tables, locked_out(document))
    every = spans(tables, at)
    check_paths(document, tables, reach, every, findings)
    check_people(document, tables, reach, every, findings)
    check_times(document, tables, at, findings)
    check_numbers(document, tables, reach, numbering, findings)
    check_sounds(document, findings)
    return _placed(findings.found, text, source)


def locked_out(document: Document) -> frozenset[str]:
    """Give the agents who only count when they are logged in, and cannot log in."""
    return frozenset(
        agent.id
        for agent in document.agents
        if agent.login_based_calling and (agent.web_login.blocked or not agent.web_login.enabled)
    )


def _placed(found: list[Finding], text: str, source: str) -> list[Finding]:
    lines = locate(text, source, {finding.pointer for finding in found}) if text else {}
    placed = [msgspec.structs.replace(finding, line=lines.get(finding.pointer, 0)) for finding in found]
    return sorted(placed, key=lambda finding: (finding.line, SEVERITIES.index(finding.severity)))


__all__ = ["Finding", "analyse", "locked_out"]
