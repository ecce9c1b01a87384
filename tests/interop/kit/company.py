"""A small company as a routing document: three people with phones, trunks as the test needs them."""

from __future__ import annotations

from typing import Any

PILOT = "+918069651100"
ALICE_NUMBER, BOB_NUMBER, CAROL_NUMBER = "+918069651171", "+918069651172", "+918069651173"
CUSTOMER = "+919812345678"
TRUNK_HOST = "127.0.0.2"
PEOPLE = {"alice": ("2001", "1001"), "bob": ("2002", "1002"), "carol": ("2003", "1003")}


def trunk(name: str, port: int, host: str = TRUNK_HOST, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "target": f"sip:{host}:{port};transport=udp",
        "addresses": [f"{host}/32"],
        "codecs": ["PCMA", "telephone-event"],
        **more,
    }


def company(*trunks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The document. Alice, Bob and Carol have extensions 2001 to 2003 (password ``secret``) and a number each."""
    numbers = dict(zip(PEOPLE, (ALICE_NUMBER, BOB_NUMBER, CAROL_NUMBER), strict=True))
    document = {
        "schema": 1,
        "account": {
            "id": "acme", "name": "Acme", "domains": ["acme.test"], "country": "IN", "timezone": "Asia/Kolkata",
            "pilot_number": PILOT,
        },
        "trunks": list(trunks),
        "outbound_routes": [{"prefix": "", "trunks": [trunk["id"] for trunk in trunks]}] if trunks else [],
        "numbers": [
            {"number": PILOT, "destination": {"type": "agent", "id": "alice"}},
            *[{"number": number, "destination": {"type": "agent", "id": name}} for name, number in numbers.items()],
        ],
        "extensions": [
            {"id": extension, "username": extension, "password": "secret"} for extension, _ in PEOPLE.values()
        ],
        "agents": [
            {"id": name, "name": name.title(), "extension": extension, "intercom": intercom, "max_calls": 4}
            for name, (extension, intercom) in PEOPLE.items()
        ],
        **more,
    }  # fmt: skip
    return {key: value for key, value in document.items() if value != []}
