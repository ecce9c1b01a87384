from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routerd.config.checks import analyse, locked_out
from routerd.config.load import numbering

if TYPE_CHECKING:
    from collections.abc import Callable

CODES = (
    "dead_end", "loop", "failover_leads_back", "never_reached", "duplicate_prefix", "shadowed_prefix",
    "agent_unringable", "no_route", "department_empty", "member_twice", "time_group_never_opens",
    "time_group_never_closes", "dst_gap", "caller_id_not_owned", "emergency_without_route", "impossible_number",
    "no_effect", "recording_unannounced", "mail_in_clear",
)  # fmt: skip


def test_the_company_has_no_finding_of_any_code(findings: Callable[..., list[Any]]) -> None:
    assert {code: findings(code) for code in CODES} == {code: [] for code in CODES}


def test_findings_without_a_text_have_no_lines(
    company: dict[str, Any], read: Callable[..., Any], compiled: Callable[..., Any], monday: float
) -> None:
    company["voicemails"].append({"id": "lost"})
    found = analyse(read(company), compiled(company), at=monday, numbering=numbering())
    assert [(finding.code, finding.line) for finding in found] == [("never_reached", 0)]


def test_findings_stand_in_the_order_of_the_text(findings: Callable[..., list[Any]]) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["voicemails"] += [{"id": "lost"}, {"id": "gone"}]

    lines = [finding.line for finding in findings("never_reached", edit)]
    assert len(lines) == 2
    assert lines == sorted(lines)


def test_locked_out(company: dict[str, Any], read: Callable[..., Any]) -> None:
    asha, ravi = company["agents"]
    asha.update(login_based_calling=True, web_login={"enabled": True, "blocked": True})
    ravi.update(web_login={"enabled": False})
    assert locked_out(read(company)) == {"asha"}


def test_every_vector_document_can_be_analysed(
    vectors: list[dict[str, Any]], read: Callable[..., Any], compiled: Callable[..., Any], monday: float
) -> None:
    for case in vectors:
        document = case["document"]
        found = analyse(read(document), compiled(document), at=monday, numbering=numbering())
        assert {finding.code for finding in found} <= set(CODES)
