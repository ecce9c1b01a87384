"""Secrets of a document: how they are given, resolved, hidden and kept.

A secret stands in clear, or as ``{"env": "ROUTERD_SECRET_…"}`` or ``{"file": NAME}``. :func:`resolve_secrets` puts
clear text in their place, asking an injected function (:class:`SecretSource` is the one for real hosts).
:func:`redact` shows ``{"set": true}`` instead; :func:`keep_secrets` turns that back into what the stored document
has.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from routerd.config.document import Account, Document, Extension, SecretRef, Trunk, Voicemail
from routerd.config.fields import ENV_PATTERN, FILE_PATTERN
from routerd.config.problems import DocumentErrors, Problems
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from routerd.config.document import Secret

    Resolver = Callable[[SecretRef], str]
    Change = Callable[[Secret, str, str], Secret]  # (secret, pointer, key that finds it again) -> secret

HIDDEN: Final = SecretRef(set=True)
_ENV: Final = re.compile(ENV_PATTERN)
_FILE: Final = re.compile(FILE_PATTERN)
MAX_SECRET: Final = 512


class SecretSource:
    """Resolves references against an environment and a reader of files below ``secrets_dir``; both are injected.

    ``read_file`` gets a plain name and gives the file's bytes; it raises OSError. Without it no file may be read.
    """

    __slots__ = ("environment", "read_file")

    def __init__(self, environment: Mapping[str, str], read_file: Callable[[str], bytes] | None = None) -> None:
        self.environment = environment
        self.read_file = read_file

    def __call__(self, secret: SecretRef) -> str:
        """Give the clear text. Raises ConfigError when there is none, or the reference may not be followed."""
        if secret.env is not None:
            return self._from_environment(secret.env)
        if secret.file is not None:
            return self._from_file(secret.file)
        raise ConfigError("the secret is not given", hint='{"set": true} keeps a stored secret, and none is stored')

    def _from_environment(self, name: str) -> str:
        if not _ENV.match(name):
            raise ConfigError(f"{name} may not be read", hint="only variables that begin with ROUTERD_SECRET_")
        value = self.environment.get(name, "")
        if not value:
            raise ConfigError(f"the environment has no {name}", hint="set it for the service, or give a file")
        return value

    def _from_file(self, name: str) -> str:
        if not _FILE.match(name):
            raise ConfigError(f'"{name}" is not a plain file name', hint="files directly below secrets_dir only")
        if self.read_file is None:
            raise ConfigError("no secrets_dir is set", hint="[document] secrets_dir in the settings")
        try:
            value = self.read_file(name).decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f'the secret file "{name}" cannot be read: {error}', hint="below secrets_dir") from error
        if not 0 < len(value) <= MAX_SECRET:
            raise ConfigError(f'the secret file "{name}" holds {len(value)} characters', hint="1 to 512 on one line")
        return value


def check_shape(secret: Secret, pointer: str, problems: Problems) -> None:
    """Note a reference that names none, or more than one place."""
    if isinstance(secret, SecretRef) and (secret.env is not None) + (secret.file is not None) + secret.set != 1:
        problems.add("a secret has exactly one of env and file", pointer, 'such as {"env": "ROUTERD_SECRET_X"}')


def map_secrets(document: Document, change: Change) -> Document:
    """Give the document with every secret replaced by what ``change(secret, pointer, key)`` gives."""
    return msgspec.structs.replace(
        document,
        account=_account(document.account, change),
        trunks=tuple(_trunk(trunk, f"/trunks/{i}", change) for i, trunk in enumerate(document.trunks)),
        extensions=tuple(_extension(item, f"/extensions/{i}", change) for i, item in enumerate(document.extensions)),
        voicemails=tuple(_voicemail(box, f"/voicemails/{i}", change) for i, box in enumerate(document.voicemails)),
    )


def _account(account: Account, change: Change) -> Account:
    if account.mail is None or account.mail.password is None:
        return account
    new = change(account.mail.password, "/account/mail/password", "mail")
    return msgspec.structs.replace(account, mail=msgspec.structs.replace(account.mail, password=new))


def _trunk(trunk: Trunk, pointer: str, change: Change) -> Trunk:
    if trunk.auth is None:
        return trunk
    new = change(trunk.auth.password, f"{pointer}/auth/password", f"trunk {trunk.id}")
    return msgspec.structs.replace(trunk, auth=msgspec.structs.replace(trunk.auth, password=new))


def _extension(extension: Extension, pointer: str, change: Change) -> Extension:
    new = change(extension.password, f"{pointer}/password", f"extension {extension.id}")
    return extension if new is extension.password else msgspec.structs.replace(extension, password=new)


def _voicemail(box: Voicemail, pointer: str, change: Change) -> Voicemail:
    if box.pin is None:
        return box
    return msgspec.structs.replace(box, pin=change(box.pin, f"{pointer}/pin", f"voicemail {box.id}"))


def resolve_secrets(document: Document, secrets: Resolver, *, source: str = "") -> Document:
    """Give the document with clear text for every reference. Raises DocumentErrors with all that do not resolve."""
    problems = Problems(source)
    resolved = resolve_into(document, secrets, problems)
    problems.raise_any()
    return resolved


def resolve_into(document: Document, secrets: Resolver, problems: Problems) -> Document:
    """Do the same, but note the errors in ``problems``; what does not resolve stays a reference."""

    def change(secret: Secret, pointer: str, _key: str) -> Secret:
        if isinstance(secret, str):
            return secret
        try:
            return secrets(secret)
        except ConfigError as error:
            problems.add(error.message, pointer, error.hint)
            return secret

    return map_secrets(document, change)


def redact(document: Document) -> Document:
    """Give the document as it is read back: every secret is ``{"set": true}``."""
    return map_secrets(document, lambda _secret, _pointer, _key: HIDDEN)


def keep_secrets(new: Document, old: Document | None) -> Document:
    """Give ``new`` with each ``{"set": true}`` replaced by the secret that ``old`` has for the same object.

    Raises DocumentErrors for each that ``old`` does not have.
    """
    stored: dict[str, Secret] = {}
    problems = Problems("")

    def remember(secret: Secret, _pointer: str, key: str) -> Secret:
        stored[key] = secret
        return secret

    def change(secret: Secret, pointer: str, key: str) -> Secret:
        if isinstance(secret, str) or not secret.set:
            return secret
        kept = stored.get(key)
        if kept is None or kept == HIDDEN:
            problems.add("no secret is stored to be kept", pointer, f"give the secret of {key}")
            return secret
        return kept

    if old is not None:
        map_secrets(old, remember)
    kept = map_secrets(new, change)
    problems.raise_any()
    return kept


__all__ = [
    "DocumentErrors",
    "SecretSource",
    "check_shape",
    "keep_secrets",
    "map_secrets",
    "redact",
    "resolve_into",
    "resolve_secrets",
]
