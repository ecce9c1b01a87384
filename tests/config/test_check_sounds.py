from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.config.check_sounds import check_sounds, played

if TYPE_CHECKING:
    from collections.abc import Callable

    Find = Callable[..., list[Any]]

MAIL = {"host": "mail.example.com", "sender": "pbx@example.com"}


def pointers(found: list[Any]) -> list[str]:
    return [finding.pointer for finding in found]


@pytest.mark.parametrize(
    "use",
    [
        lambda tree: tree["account"].update(music_on_hold="other"),
        lambda tree: tree["account"].update(ringback="other"),
        lambda tree: tree["account"].update(recording={"calls": "all", "announcement": "other"}),
        lambda tree: tree["numbers"][0].update(whisper="other"),
        lambda tree: tree["departments"][0].update(whisper="other"),
        lambda tree: tree["departments"][0].update(queue={"music": "other"}),
        lambda tree: tree["voicemails"][0].update(greeting="other"),
    ],
)
def test_a_sound_that_nothing_plays(findings: Find, read: Callable[..., Any], use: Any, company: Any) -> None:
    def add(tree: dict[str, Any]) -> None:
        tree["sounds"].append({"id": "other", "text": "Other."})

    assert pointers(findings("never_reached", add)) == ["/sounds/1"]

    def add_and_use(tree: dict[str, Any]) -> None:
        add(tree)
        use(tree)

    assert "/sounds/1" not in pointers(findings("never_reached", add_and_use))
    add_and_use(company)
    assert "other" in played(read(company))
    assert check_sounds.__doc__


def test_a_recordings_voice(findings: Find) -> None:
    def edit(tree: dict[str, Any], **sound: Any) -> None:
        tree["sounds"] = [{"id": "hello", "voice": "en", **sound}]

    assert pointers(findings("no_effect", lambda tree: edit(tree, file="hello.wav"))) == ["/sounds/0/voice"]
    assert not findings("no_effect", lambda tree: edit(tree, text="Hello."))


def test_recording_without_an_announcement(findings: Find) -> None:
    def edit(tree: dict[str, Any], **recording: Any) -> None:
        tree["account"]["recording"] = recording

    (finding,) = findings("recording_unannounced", lambda tree: edit(tree, calls="inbound"))
    assert (finding.pointer, finding.severity) == ("/account/recording", "warning")
    assert not findings("recording_unannounced", lambda tree: edit(tree, calls="inbound", announcement="hello"))
    assert not findings("recording_unannounced", lambda tree: edit(tree, calls="none"))
    assert pointers(findings("no_effect", lambda tree: edit(tree, announcement="hello"))) == [
        "/account/recording/announcement"
    ]
    assert not findings("no_effect", lambda tree: edit(tree, calls="all", announcement="hello"))


def test_mail_that_nobody_gets(findings: Find) -> None:
    def edit(tree: dict[str, Any], *, mail: Any, email: str | None) -> None:
        tree["account"]["mail"] = mail
        tree["voicemails"][0]["email"] = email

    team = "team@example.com"
    assert pointers(findings("no_effect", lambda tree: edit(tree, mail=None, email=team))) == ["/voicemails/0/email"]
    assert pointers(findings("no_effect", lambda tree: edit(tree, mail=MAIL, email=None))) == ["/account/mail"]
    assert not findings("no_effect", lambda tree: edit(tree, mail=MAIL, email=team))
    assert not findings("no_effect", lambda tree: edit(tree, mail=None, email=None))


def test_credentials_of_mail(findings: Find) -> None:
    def edit(tree: dict[str, Any], **more: Any) -> None:
        tree["account"]["mail"] = {**MAIL, **more}
        tree["voicemails"][0]["email"] = "team@example.com"

    both = {"username": "pbx", "password": "hush"}
    (finding,) = findings("mail_in_clear", lambda tree: edit(tree, tls="none", **both))
    assert finding.pointer == "/account/mail/tls"
    assert not findings("mail_in_clear", lambda tree: edit(tree, tls="tls", **both))
    assert not findings("mail_in_clear", lambda tree: edit(tree, tls="none"))
    assert pointers(findings("no_effect", lambda tree: edit(tree, username="pbx"))) == ["/account/mail"]
    assert not findings("no_effect", lambda tree: edit(tree, **both))
