from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from rich.console import Console
from rules_kit.builders import change, document, scenario
from rules_kit.player import compile_document
from rules_kit.recorder import company, recorded
from rules_kit.seeded import calls, changed
from typer.testing import CliRunner

from routerd.app.documents import digest_of
from routerd.app.sounds import SoundLibrary
from routerd.cli.main import program
from routerd.cli.plan import NOTHING, SOMETHING, WRONG, read, replay_all, run
from routerd.store.reading import StoreReader
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SILENT = SoundLibrary("")

AT = 1_800_000_000.0  # after every recorded call


def store_of(folder: Path, made: dict[str, Any], records: Sequence[dict[str, Any]]) -> Path:
    path = folder / "routerd.db"
    store = Store(path)
    text = msgspec.json.encode(made)
    store.add_document("acme", text, source="acme.json", digest=digest_of(text), at=1.0)
    store.apply("p", 1, [("call.end", record) for record in records])
    store.close()
    return path


def planned(folder: Path, made: dict[str, Any], *, as_json: bool = False, days: float = 3000) -> tuple[int, str]:
    path = folder / "new.json"
    path.write_bytes(msgspec.json.encode(made))
    out = io.StringIO()
    console = Console(file=out, width=140, soft_wrap=True)
    status = run(path, folder / "routerd.db", days, sounds=SILENT, at=AT, as_json=as_json, console=console)
    return status, out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tables = compile_document(document())
    phones = {"extension:2001": {"answer_after_s": 4}}
    records = [recorded(tables, scenario(phones=phones), f"call-{n}") for n in range(3)]
    store_of(tmp_path, document(), records)
    return tmp_path


def test_the_document_in_force_changes_nothing(folder: Path) -> None:
    status, text = planned(folder, document())
    assert status == NOTHING
    assert "version 1, which is in force" in text
    assert "it says the same" in text
    assert "3 calls of the last 3000 days: 3 as they were, 0 otherwise, 0 not decidable" in text


def test_what_differs_and_who_goes_elsewhere(folder: Path) -> None:
    made = change(document(), "agents", "a", do_not_disturb=True)
    made["voicemails"].append({"id": "new", "greeting": "hello"})
    status, text = planned(folder, made)
    assert status == SOMETHING
    assert "do_not_disturb: false → true" in text
    assert "+ voicemails new" in text
    assert "3  gate of agent a: passed → do_not_disturb" in text
    assert "such as call-0, call-1, call-2" in text
    told = json.loads(planned(folder, made, as_json=True)[1])
    assert (told["calls"], told["same"], told["document_version"]) == (3, 0, 1)
    assert told["different"][0]["cause"] == {
        "kind": "gate", "subject": "agent a", "before": "passed", "after": "do_not_disturb",
    }  # fmt: skip
    assert told["document"][0]["name"] == "a"


def test_what_cannot_be_told_is_no_nothing(folder: Path) -> None:
    status, text = planned(folder, change(document(), "agents", "a", login_based_calling=True))
    assert status == SOMETHING
    assert "3  whether a was logged in was not recorded" in text


def test_calls_that_were_lost_are_said_and_change_nothing(tmp_path: Path) -> None:
    lost = {"id": "x", "account": "acme", "at": AT - 5, "outcome": "crashed", "reason": "crashed", "legs": []}
    store_of(tmp_path, document(), [lost])
    status, text = planned(tmp_path, document())
    assert status == NOTHING
    assert "1  the record holds no decision" in text


def test_older_calls_are_left_out(folder: Path) -> None:
    status, text = planned(folder, change(document(), "agents", "a", status="blocked"), days=0.5)
    assert (status, "0 calls of the last 0.5 days" in text) == (NOTHING, True)


def test_an_account_without_a_document_gets_all_as_new(folder: Path) -> None:
    made = document()
    made["account"]["id"] = "beta"
    status, text = planned(folder, made)
    assert status == NOTHING
    assert "has no document yet" in text
    assert "+ agents a" in text


def test_wrong_input_is_two(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = document()
    made["agents"][0]["statuss"] = "x"
    assert planned(folder, made)[0] == WRONG
    assert 'did you mean "status"' in capsys.readouterr().err
    assert planned(folder, made, as_json=True)[0] == WRONG
    assert "statuss" in json.loads(capsys.readouterr().out)["errors"][0]
    out = Console(file=io.StringIO())
    missing = tmp_path / "missing.yaml"
    assert run(missing, folder / "routerd.db", 7, sounds=SILENT, at=AT, as_json=False, console=out) == WRONG
    (tmp_path / "good.json").write_bytes(msgspec.json.encode(document()))
    assert run(tmp_path / "good.json", tmp_path / "no.db", 7, sounds=SILENT, at=AT, as_json=False, console=out) == WRONG


def test_the_command_takes_the_store_of_the_settings(folder: Path) -> None:
    (folder / "s.toml").write_text(f'[store]\nurl = "sqlite:{folder / "routerd.db"}"\n')
    (folder / "new.json").write_bytes(msgspec.json.encode(change(document(), "agents", "a", status="disabled")))
    words = ["plan", str(folder / "new.json"), "--days", "3000", "--settings", str(folder / "s.toml")]
    shown = CliRunner().invoke(program("plan"), words)
    assert shown.exit_code == 1, shown.output
    assert "passed → agent_disabled" in shown.output
    assert CliRunner().invoke(program("plan"), [*words[:-1], str(folder / "none.toml")]).exit_code == 2


def test_seeded_differences_are_found_exactly(tmp_path: Path) -> None:
    supply = list(calls(500))
    path = store_of(tmp_path, company(), [record for record, _ in supply])
    _, tables = read(msgspec.json.encode(changed()), "new.json", SILENT)
    seen: list[int] = []

    class Bar:
        def __init__(self, total: int) -> None:
            seen.append(total)

        def __enter__(self) -> Any:
            return seen.append

        def __exit__(self, *_: object) -> None:
            return

    with StoreReader(path) as reader:
        report = replay_all(reader, tables, 0.0, Bar)
    really = sum(differs for _, differs in supply)
    assert sum(group.count for group in report.different) == really
    assert report.same == 500 - really
    assert report.undecidable == []
    assert {group.cause.subject for group in report.different if group.cause} >= {"a", "agent c"}
    assert seen == [500, *[50] * 10]
