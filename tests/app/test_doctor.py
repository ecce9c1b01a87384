from __future__ import annotations

import contextlib
import datetime as dt
import resource
import socket
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from routerd.app import doctor
from routerd.app.composition import make_setup
from routerd.config.settings import load_settings
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def settings(text: str) -> Any:
    return load_settings(text, "s.toml")


def states(findings: list[doctor.Finding], subject: str) -> list[str]:
    return [finding.state for finding in findings if finding.subject == subject]


def certificate(folder: Path, days: int) -> str:
    """Settings with a certificate that ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme.test")])
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days, hours=1)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(end - dt.timedelta(days=400)).not_valid_after(end).sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "c.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "k.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return f'[tls]\ncertificate = "{folder}/c.pem"\nkey = "{folder}/k.pem"\n'


@pytest.mark.parametrize(("days", "state"), [(100, "ok"), (5, "warning"), (-3, "problem")])
def test_how_long_the_certificate_lasts(tmp_path: Path, days: int, state: str) -> None:
    setup = make_setup(settings(certificate(tmp_path, days)))
    assert [finding.state for finding in doctor.certificates(setup)] == [state]


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    text = certificate(tmp_path, 10)
    (tmp_path / "k.pem").write_text("nothing")
    assert [finding.state for finding in doctor.certificates(make_setup(settings(text)))] == ["problem"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["ok"]),
        ('[sip]\nlisten = ["udp:0.0.0.0:5060"]\n[media]\naddress = "10.0.0.5"\n', ["warning"]),
        ('[sip]\nlisten = ["udp:0.0.0.0:5060"]\nadvertise = "203.0.113.5"\n[media]\naddress = "10.0.0.5"\n', ["ok"]),
        ('[sip]\nlisten = ["udp:10.0.0.5:5060"]\n', ["problem"]),
        ('[sip]\nlisten = ["udp:10.0.0.5:5060"]\n[media]\nengine = ["ng:10.0.0.6:2223"]\n', ["ok"]),
    ],
)
def test_addresses_that_peers_cannot_reach(text: str, expected: list[str]) -> None:
    assert [finding.state for finding in doctor.nat(settings(text), [])] == expected


def test_descriptors_and_ports_bound_the_calls() -> None:
    assert doctor.limits(settings("[media]\nports = [20000, 20039]\n")).state == "warning"
    assert "about 10 relayed" in doctor.limits(settings("[media]\nports = [20000, 20039]\n")).text
    assert doctor.limits(settings("[media]\nports = [20000, 20039]\n[limits]\nmax_calls = 5\n")).state == "ok"
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert f"about {min(soft // 4, 2500)} relayed" in doctor.limits(settings("")).text


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    assert doctor.store(tmp_path / "routerd.db").state == "ok"
    assert doctor.store(tmp_path / "nowhere" / "routerd.db").state == "problem"


class Named:
    outbound_proxy = None

    def __init__(self, target: str) -> None:
        self.target = target


def test_names_of_trunks_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(doctor, "_srv", lambda host: asked.append(f"srv {host}") or "")
    monkeypatch.setattr(
        doctor, "_address", lambda host: asked.append(host) or ("192.0.2.1" if host == "good.test" else "")
    )
    trunks: Any = [
        Named("sip:good.test"),
        Named("sip:bad.test:5060"),
        Named("sip:192.0.2.7"),
        Named("sip:good.test:5070"),
    ]
    assert [(finding.state, finding.text) for finding in doctor.names(trunks)] == [
        ("ok", "good.test is 192.0.2.1"),
        ("problem", "bad.test has no address"),
    ]
    assert asked == ["srv good.test", "good.test", "bad.test"]
    assert [finding.state for finding in doctor.names([])] == ["ok"]


def test_the_kernel_says_whether_the_clock_is_kept_right() -> None:
    assert doctor.clock().state in {"ok", "warning"}


def test_a_whole_machine(tmp_path: Path, document_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.yaml").write_text(document_text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        free.bind(("127.0.0.1", 0))
        admin = free.getsockname()[1]
        free.close()
        (tmp_path / "s.toml").write_text(
            f'[sip]\nlisten = ["udp:127.0.0.1:{taken.getsockname()[1]}"]\n[admin]\nlisten = "127.0.0.1:{admin}"\n'
            '[media]\nengine = ["ng:127.0.0.1:2223"]\n[document]\nfiles = ["acme.yaml", "none.yaml"]\n'
        )
        findings = doctor.examine(tmp_path / "s.toml")
    assert states(findings, "documents") == ["problem"]
    assert states(findings, "ports") == ["problem"]
    assert {"dns", "clock", "certificate", "nat", "store", "file limits"} <= {finding.subject for finding in findings}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acme.yaml", "s.toml"]  # nothing was written


def test_a_daemon_that_runs_has_its_ports(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.start()
    monkeypatch.chdir(site.folder)
    findings = doctor.examine(site.folder / "routerd.toml")
    assert states(findings, "ports") == ["ok"]
    assert "the daemon runs" in next(finding.text for finding in findings if finding.subject == "ports")


def test_wrong_settings_are_said_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("[sip]\nmtu_bytes = 1\nkeepalive_s = 0\n")
    with pytest.raises(ConfigError) as caught:
        doctor.examine(tmp_path / "s.toml")
    assert len(doctor.wrong_settings(caught.value)) == 2


def test_speech_is_there_or_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.speech().text == "espeak-ng speaks what documents say"
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    missing = doctor.speech()
    assert missing.state == doctor.OK
    assert "refused" in missing.text
    assert "apt install espeak-ng" in missing.hint


def folder_setup(folder: Path) -> Any:
    names = "".join(f'{name}_dir = "{folder / name}"\n' for name in ("recordings", "voicemail"))
    return make_setup(settings(f'[media]\n{names}[store]\nurl = "sqlite:{folder / "routerd.db"}"\n'))


def test_folders_that_are_not_there_yet_can_be_made(tmp_path: Path) -> None:
    found = list(doctor.folders(folder_setup(tmp_path)))
    assert [(one.subject, one.state) for one in found] == [
        ("recordings", "ok"), ("voicemail", "ok"), ("sounds-cache", "ok"),
    ]  # fmt: skip
    assert all("made at the start" in one.text for one in found)
    assert not list(tmp_path.iterdir())


def test_folders_for_everybody_files_in_their_place_and_full_disks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings").chmod(0o755)
    (tmp_path / "voicemail").write_text("")
    found = list(doctor.folders(folder_setup(tmp_path)))
    assert [one.state for one in found] == ["warning", "problem", "ok"]
    (tmp_path / "recordings").chmod(0o700)
    usage = type("Usage", (), {"free": 5 << 20})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    found = list(doctor.folders(folder_setup(tmp_path)))
    assert [one.state for one in found] == ["warning", "problem", "warning"]
    assert "only 5 MiB" in found[0].text


def test_engines_say_what_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    own = make_setup(settings(""))
    others = make_setup(settings('[media]\nengine = ["ng:192.0.2.1:2223"]\n'))
    said: dict[str, Any] | None = None
    monkeypatch.setattr(doctor, "engine_says", lambda _: said)
    assert [one.state for one in doctor.engines(own)] == ["ok"]
    assert [one.state for one in doctor.engines(others)] == ["problem"]
    said = {"result": "pong"}
    (finding,) = doctor.engines(others)
    assert (finding.state, "no messages of mailboxes" in finding.text) == ("ok", True)
    said = {"result": "pong", "capabilities": ["relay", "recording"]}
    (finding,) = doctor.engines(own)
    assert finding.text.endswith("can relay, recording")


def test_a_daemon_that_drains_runs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answers(url: str, timeout: float) -> Any:
        asked.append(url.rpartition("/")[2])
        if asked[-1] != "live" or timeout <= 0:
            raise doctor.urllib.error.HTTPError(url, 503, "the sip process does not serve", None, None)  # type: ignore[arg-type]
        return contextlib.nullcontext(type("Answer", (), {"status": 200}))

    monkeypatch.setattr(doctor.urllib.request, "urlopen", answers)
    assert doctor.is_running(settings(""))
    assert asked == ["live"]
