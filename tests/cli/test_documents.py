from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/v1/accounts/acme/document"
TEXT = "# ours\nschema: 1\naccount: {id: acme, name: Acme}\n"


def document(folder: Path, text: str = TEXT, name: str = "acme.yaml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_document_goes_as_it_is_written(api: Any, tmp_path: Path) -> None:
    api.answers["PUT", PATH] = (200, {"version": 3, "before": 2, "changed": True, "confirm_until": 5.0})
    done = api.run("apply", document(tmp_path), "--confirm-within", "60", "--if-version", "2")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("version 3 is in force; unless `routerd confirm` comes by 1970-01-01 00:00:05Z, ")
    assert done.output.endswith(", version 2 comes back\n")
    (asked,) = api.asked
    assert asked.path == f"{PATH}?confirm_within=60.0"
    assert asked.body.decode() == TEXT
    assert (asked.headers["content-type"], asked.headers["if-match"]) == ("application/yaml", '"2"')


def test_json_and_another_account(api: Any, tmp_path: Path) -> None:
    api.answers["PUT", "/v1/accounts/other/document"] = (200, {"version": 1, "changed": False})
    done = api.run("apply", document(tmp_path, "{}", "d.json"), "--account", "other")
    assert (done.exit_code, done.output) == (0, "nothing to change: version 1 is in force\n")
    assert api.asked[0].headers["content-type"] == "application/json"


def test_a_wrong_document_ends_with_2_and_every_error(api: Any, tmp_path: Path) -> None:
    faults = [{"message": "unknown key", "pointer": "/agents/0/nme", "line": 9, "hint": "name"}]
    api.answers["PUT", PATH] = (422, {"errors": faults})
    done = api.run("apply", document(tmp_path))
    assert done.exit_code == 2
    assert "routerd: /agents/0/nme (line 9): unknown key (name)" in done.output


def test_what_is_no_document(api: Any, tmp_path: Path) -> None:
    assert api.run("apply", str(tmp_path / "none.yaml")).exit_code == 2
    for text in ("[]", "account: 3", "a: [", "\x00"):
        done = api.run("apply", document(tmp_path, text))
        assert done.exit_code == 2
        assert "--account" in done.output
    assert api.asked == []


def test_versions_rollback_confirm(api: Any) -> None:
    rows = [{"version": 2, "at": 1_700_000_000.0, "author": "cli", "in_force": True}]
    api.answers["GET", "/v1/accounts/acme/versions"] = (200, {"versions": rows})
    api.answers["POST", "/v1/accounts/acme/versions/1/rollback"] = (200, {"version": 3, "before": 2})
    api.answers["POST", "/v1/accounts/acme/document/confirm"] = (200, {"version": 3})
    assert "2023-11-14" in api.run("versions").output
    assert api.run("rollback", "1").output == "version 3 is in force\n"
    assert api.run("confirm").output == "version 3 stays\n"
    assert api.run("rollback", "9").exit_code == 1
