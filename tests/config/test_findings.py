from __future__ import annotations

from routerd.config.findings import MAX_FINDINGS, SEVERITIES, Finding, Findings


def test_severities_and_parts() -> None:
    findings = Findings()
    findings.error("a", "/x", "wrong", "right it")
    findings.warning("b", "/y", "odd")
    findings.info("c", "/z", "idle")
    assert [finding.severity for finding in findings.found] == list(SEVERITIES)
    assert findings.found[0] == Finding(code="a", severity="error", pointer="/x", message="wrong", hint="right it")


def test_their_number_is_bounded() -> None:
    findings = Findings()
    for _ in range(MAX_FINDINGS + 5):
        findings.info("c", "/z", "idle")
    assert len(findings.found) == MAX_FINDINGS
