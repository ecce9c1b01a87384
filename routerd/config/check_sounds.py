"""Sounds, recording and mail: what nobody hears or gets, what nobody is told, what goes unprotected."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routerd.config import document as d
    from routerd.config.findings import Findings


def check_sounds(document: d.Document, findings: Findings) -> None:
    """Note what is odd about voices, recording and mail."""
    for place, sound in enumerate(document.sounds):
        if sound.file is not None and sound.voice is not None:
            findings.info("no_effect", f"/sounds/{place}/voice", "a recording has its voice", "remove it")
    _recording(document.account.recording, findings)
    _mail(document, findings)


def played(document: d.Document) -> set[str]:
    """Give the sounds that something other than a destination plays."""
    account = document.account
    found: set[str | None] = {account.music_on_hold, account.ringback, account.recording.announcement}
    found |= {box.greeting for box in document.voicemails}
    for ivr in document.ivrs:
        found |= {ivr.prompt, ivr.invalid.prompt, ivr.timeout.prompt}
    found |= {department.queue.music for department in document.departments if department.queue is not None}
    found |= {department.whisper for department in document.departments}
    found |= {number.whisper for number in document.numbers}
    return {name for name in found if name is not None}


def _recording(recording: d.Recording, findings: Findings) -> None:
    if recording.calls == "none":
        if recording.announcement is not None:
            findings.info("no_effect", "/account/recording/announcement", "no calls are recorded", "set calls")
    elif recording.announcement is None:
        findings.warning(
            "recording_unannounced",
            "/account/recording",
            "calls are recorded and nobody is told",
            "an announcement; in many countries both sides must agree",
        )


def _mail(document: d.Document, findings: Findings) -> None:
    mail = document.account.mail
    wanting = [place for place, box in enumerate(document.voicemails) if box.email is not None]
    if mail is None:
        for place in wanting:
            findings.info("no_effect", f"/voicemails/{place}/email", "the account has no mail server", "account: mail")
        return
    if not wanting:
        findings.info("no_effect", "/account/mail", "no mailbox has an e-mail address", "email of a mailbox")
    if mail.password is not None and mail.tls == "none":
        findings.warning(
            "mail_in_clear", "/account/mail/tls", "the password goes unprotected over the network", "tls: starttls"
        )
    if (mail.username is None) is not (mail.password is None):
        findings.warning("no_effect", "/account/mail", "a user name and a password belong together", "give both")
