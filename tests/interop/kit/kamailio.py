"""Kamailio as the other party: a provider with registrar and digest; the server at which phones meet in kit tests."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Self

from kit.options import wait_for_sip
from kit.ports import HOST, free_port
from kit.program import Program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MODULES = (
    "tm", "sl", "rr", "pv", "maxfwd", "textops", "siputils", "xlog", "auth", "usrloc", "registrar", "htable",
)  # fmt: skip

HEAD = """\
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
{listen}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
{tls}
"""

PARAMETERS = """\
modparam("usrloc", "db_mode", 0)
modparam("registrar", "gruu_enabled", 0)
modparam("registrar", "max_contacts", 5)
modparam("rr", "enable_full_lr", 1)
modparam("htable", "htable", "secrets=>size=6;")
"""

# Registrar with digest; calls to registered users go to them, all others as ROUTE_ELSE says.
PROVIDER = """\
event_route[htable:mod-init] {{
{secrets}
}}
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("OPTIONS") && !has_totag()) {{ sl_send_reply("200", "OK"); exit; }}
    if (has_totag()) {{
        if (loose_route() || is_method("ACK|BYE|INFO|UPDATE|PRACK|NOTIFY|REFER|INVITE")) {{ t_relay(); exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    t_check_trans();
    if (is_method("REGISTER")) {{
        if ($sht(secrets=>$au) == $null || !pv_www_authenticate("{realm}", "$sht(secrets=>$au)", "1")) {{
            www_challenge("{realm}", "1"); exit;
        }}
        xlog("L_ALERT", "REGISTERED $au\\n");
        save("location"); exit;
    }}
    if (is_method("INVITE")) {{
        {invite}
        record_route();
    }}
    if (lookup("location")) {{ t_relay(); exit; }}
    {otherwise}
}}
"""


def digest_secret(user: str, realm: str, password: str) -> str:
    """HA1 as digest calls it (RFC 2617, section 3.2.2.2)."""
    return hashlib.md5(f"{user}:{realm}:{password}".encode()).hexdigest()


class Kamailio:
    """One Kamailio on loopback ports of its own, run from ``route`` (its request_route and what else it needs)."""

    def __init__(
        self,
        folder: Path,
        route: str,
        *,
        name: str = "kamailio",
        tls: tuple[Path, Path] | None = None,
        host: str = HOST,
    ) -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.tls_port = free_port() if tls else 0
        listen = [f"listen={kind}:{host}:{self.port}" for kind in ("udp", "tcp")]
        tls_lines, modules = "", list(MODULES)
        if tls:
            listen.append(f"listen=tls:{host}:{self.tls_port}")
            modules.append("tls")
            tls_lines = "enable_tls=yes"
        config = HEAD.format(listen="\n".join(listen), tls=tls_lines)
        config += "".join(f'loadmodule "{module}.so"\n' for module in modules) + PARAMETERS
        if tls:
            config += 'modparam("tls", "tls_method", "TLSv1.2+")\n'
            config += f'modparam("tls", "certificate", "{tls[0]}")\nmodparam("tls", "private_key", "{tls[1]}")\n'
        (self.folder / "kamailio.cfg").write_text(config + route)
        command = ["kamailio", "-f", str(self.folder / "kamailio.cfg"), "-DD", "-E", "-w", str(self.folder)]
        command += ["-Y", str(self.folder), "-P", str(self.folder / "pid"), "-m", "64", "-M", "8"]
        self.program = Program(command, self.folder, name="kamailio")
        wait_for_sip(self.port, self.program, host=host)

    @classmethod
    def provider(
        cls,
        folder: Path,
        secrets: Mapping[str, str],
        *,
        realm: str = "acme.test",
        challenge_calls: bool = False,
        otherwise: str = 'sl_send_reply("404", "Not Found");',
        tls: tuple[Path, Path] | None = None,
        host: str = HOST,
    ) -> Kamailio:
        """A registrar for ``secrets`` (user → password) that proxies calls between those who are registered."""
        lines = "\n".join(
            f'    $sht(secrets=>{user}) = "{digest_secret(user, realm, password)}";'
            for user, password in secrets.items()
        )
        challenge = (
            f'if ($sht(secrets=>$au) == $null || !pv_proxy_authenticate("{realm}", "$sht(secrets=>$au)", "1")) '
            f'{{ proxy_challenge("{realm}", "1"); exit; }} consume_credentials();'
        )
        route = PROVIDER.format(
            secrets=lines, realm=realm, invite=challenge if challenge_calls else "", otherwise=otherwise
        )
        return cls(folder, route, tls=tls, host=host)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_registered(self, user: str, timeout_s: float = 30) -> None:
        self.program.wait_line(f"REGISTERED {user}", timeout_s)

    def stop(self) -> None:
        self.program.stop(10)
