from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from routerd.config.compile import clock_minute, compile_account, networks, prefix
from routerd.config.load import numbering, read_document
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.config.document import Document
    from routerd.rules.tables import AccountTables

    Compiled = Callable[[dict[str, Any]], AccountTables]


def test_every_vector_compiles(vectors: list[dict[str, Any]], compiled: Compiled) -> None:
    assert len(vectors) > 90
    for case in vectors:
        tables = compiled(case["document"])
        assert set(tables.agents) == {agent["id"] for agent in case["document"]["agents"]}


def test_defaults_that_hang_on_other_keys(company: dict[str, Any], compiled: Compiled) -> None:
    company["agents"] += [
        {"id": "a", "name": "A", "sticky": {"strategy": "simultaneous"}},
        {"id": "b", "name": "B", "sticky": {"strategy": "order"}},
        {"id": "c", "name": "C", "sticky": {"strategy": "simultaneous"}, "app_first": True},
    ]
    del company["account"]["emergency_numbers"]
    tables = compiled(company)
    assert [tables.agents[name].app_first for name in ("asha", "a", "b", "c")] == [True, False, True, True]
    assert {"112", "100"} <= tables.account.emergency_numbers
    assert tables.account.feature_codes == {"voicemail": "*97"}
    assert tables.version == 7


def test_who_is_offered_secured_media(company: dict[str, Any], compiled: Compiled) -> None:
    company["extensions"][0]["srtp"] = "sdes"
    company["trunks"][0]["srtp"] = "off"
    tables = compiled(company)
    assert tables.extensions[company["extensions"][0]["id"]].srtp == "sdes"
    assert tables.extensions[company["extensions"][1]["id"]].srtp == "auto"
    assert tables.trunks[company["trunks"][0]["id"]].srtp == "off"


def test_indices(company: dict[str, Any], compiled: Compiled) -> None:
    company["extensions"][0]["username"] = "asha-phone"
    company["voicemails"] = [
        {"id": "one", "agent": "asha", "pin": "1234"}, {"id": "general"}, {"id": "two", "agent": "asha"}
    ]  # fmt: skip
    tables = compiled(company)
    assert tables.boxes_by_agent == {"asha": ("one", "two")}
    assert tables.boxes_with_pin == 1
    assert tables.extension_by_username == {"asha-phone": "2001", "2002": "2002"}
    assert tables.agent_by_extension == {"2001": "asha", "2002": "ravi"}
    assert tables.agent_by_intercom == {"1001": "asha", "1002": "ravi"}
    assert tables.agents["ravi"].departments == ("support",)
    assert tables.extensions["2001"].agent == "asha"


def test_routes_and_prefixes(company: dict[str, Any], compiled: Compiled) -> None:
    company["outbound_routes"] = [{"prefix": name, "trunks": ["pstn"]} for name in ("", "91", "+9198", "112", "+91")]
    company["destination_policy"] = {"allow": ["91"], "deny": ["+911"]}
    tables = compiled(company)
    assert set(tables.routes) == {"", "+91", "+9198", "112"}  # an emergency number stays what is dialled
    assert tables.route_lengths == (5, 3, 0)
    assert tables.destination_policy is not None
    assert tables.destination_policy.allow == ("+91",)
    assert [prefix(text) for text in ("", "1", "+1")] == ["", "+1", "+1"]


def test_blocked_callers_are_joined(company: dict[str, Any], compiled: Compiled) -> None:
    own, other = "+918069651170", "+918069651180"
    company["numbers"].append({"number": other})
    company["blocked_callers"] = [
        {"number": "anonymous", "numbers": [own]},
        {"number": "anonymous", "numbers": [other]},
        {"number": "+9199*"},
        {"number": "+9199*", "numbers": [own]},
        {"number": "+919812345678"},
    ]
    tables = compiled(company)
    assert tables.blocked["anonymous"].numbers == {own, other}
    assert tables.blocked["+919812345678"].numbers is None
    assert tables.blocked_prefixes["+9199"].numbers is None


def test_times(company: dict[str, Any], compiled: Compiled) -> None:
    company["time_groups"] = [
        {
            "id": "g",
            "timezone": "Asia/Kolkata",
            "semantics": "calendar_day",
            "rules": [
                {"windows": [{"from": "22:30", "to": "24:00"}], "days": ["mon", "sun"], "months": ["jan", "dec"]}
            ],
            "exceptions": [{"date": "2026-12-25", "open": False}],
        }
    ]
    tables = compiled(company)
    group = tables.time_groups["g"]
    (rule,) = group.rules
    assert rule.windows is not None
    assert (rule.windows[0].start_minute, rule.windows[0].end_minute) == (1350, 1440)
    assert (rule.days, rule.months, rule.dates) == ({0, 6}, {1, 12}, None)
    assert group.exceptions[dt.date(2026, 12, 25).toordinal()].open is False
    assert group.calendar_day
    assert tables.zones["Asia/Kolkata"].first_offset == 19800
    assert clock_minute("23:59") == 1439


def test_area_codes_members_and_sounds(
    company: dict[str, Any], read: Callable[[dict[str, Any]], Document], zone_data: Callable[[str], bytes]
) -> None:
    entries = [("22", "+918069651170"), ("226", "+918069651170"), ("22", "+918069651180"), ("22", "+918069651170")]
    company["area_code_caller_ids"] = [{"id": "m", "entries": [{"code": c, "number": n} for c, n in entries]}]
    company["departments"][0]["members"].append({"agent": "asha", "timeout_s": 5})
    company["sounds"] += [
        {"id": "a", "file": "x.wav"},
        {"id": "b", "file": "x.wav", "duration_s": 2},
        {"id": "c", "text": "c"},
    ]
    tables = compile_account(
        read(company), version=1, zone_data=zone_data, sound_durations={"x": 1.5, "c": 3.0}, numbering=numbering()
    )
    assert tables.area_codes["m"].entries == {"22": ("+918069651170", "+918069651180"), "226": ("+918069651170",)}
    assert tables.area_codes["m"].longest == 3
    assert [member.agent for member in tables.departments["support"].members] == ["asha", "ravi"]
    assert [tables.sounds[name].duration_s for name in ("hello", "a", "b", "c")] == [0.0, 1.5, 2, 3.0]


def test_a_sound_has_its_own_length_and_its_path(
    company: dict[str, Any], read: Callable[[dict[str, Any]], Document], zone_data: Callable[[str], bytes]
) -> None:
    company["sounds"] += [{"id": "welcome", "text": "W"}, {"id": "x", "file": "welcome.wav", "duration_s": 4}]
    company["sounds"].append({"id": "y", "file": "welcome.wav"})
    tables = compile_account(
        read(company), version=1, zone_data=zone_data, sound_durations={"welcome": 1.0, "x": 2.0, "y": 3.0},
        sound_paths={"x": "/c/x.wav"}, numbering=numbering(),
    )  # fmt: skip
    found = {sound.id: (sound.duration_s, sound.path) for sound in tables.sounds.values()}
    assert found == {"hello": (0, ""), "welcome": (1, ""), "x": (4, "/c/x.wav"), "y": (3, "")}


def test_voices_recording_and_mail(company: dict[str, Any], compiled: Compiled) -> None:
    before = compiled(company)
    assert (before.account.music_on_hold, before.account.ringback, before.account.mail) == (None, None, None)
    assert before.account.recording.calls == "none"
    assert (before.departments["support"].whisper, before.numbers["+918069651170"].whisper) == (None, None)
    company["account"].update(
        music_on_hold="hello",
        ringback="hello",
        recording={"calls": "inbound", "announcement": "hello"},
        mail={"host": "mail.example.com", "sender": "pbx@example.com", "username": "u", "password": "p"},
    )
    company["departments"][0]["whisper"] = company["numbers"][0]["whisper"] = "hello"
    tables = compiled(company)
    account = tables.account
    assert (account.music_on_hold, account.ringback) == ("hello", "hello")
    assert (account.recording.calls, account.recording.announcement) == ("inbound", "hello")
    assert account.mail is not None
    assert (account.mail.host, account.mail.port, account.mail.tls) == ("mail.example.com", 587, "starttls")
    assert account.mail.password == "p"
    assert (tables.departments["support"].whisper, tables.numbers["+918069651170"].whisper) == ("hello", "hello")


def test_networks() -> None:
    assert networks(["192.0.2.0/30", "2001:db8::1"])[0] == (4, 0xC0000200, 0xC0000203)
    with pytest.raises(ConfigError):
        networks(["192.0.2.1/24"])


def test_what_cannot_be_compiled(
    company: dict[str, Any], read: Callable[[dict[str, Any]], Document], zone_data: Callable[[str], bytes]
) -> None:
    company["account"]["timezone"] = "Asia/Kolkatta"

    def no_zone(name: str) -> bytes:
        raise LookupError(name)

    with pytest.raises(ConfigError) as caught:
        compile_account(read(company), version=1, zone_data=no_zone, sound_durations={}, numbering=numbering())
    assert caught.value.pointer == "/account/timezone"
    text = b'{"schema": 1, "account": {"id": "a", "name": "A", "country": "IN"}, "extensions": [{"id": "2001", "username": "2001", "password": {"env": "ROUTERD_SECRET_X"}}]}'  # noqa: E501
    unresolved = read_document(text, source="a.json")
    with pytest.raises(ConfigError) as caught:
        compile_account(unresolved, version=1, zone_data=zone_data, sound_durations={}, numbering=numbering())
    assert caught.value.pointer == "/extensions/0/password"
