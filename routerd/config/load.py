"""Text → validated document, or every error at once.

Theory of operation: a good JSON document is decoded by msgspec in one go. When that fails (or the text is YAML and
its tree does not convert) the slow pass of :mod:`routerd.config.pieces` converts it piece by piece, noting every
error and repairing what it can; references and meaning are then judged on the result either way. Lines are looked up
last, for the pointers of the errors only.

:func:`load` is for whoever routes by the document: secrets are clear in what it gives. :func:`read_document` is for
whoever keeps it: references to secrets stay what they are.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.config.document import Document
from routerd.config.meaning import Meaning
from routerd.config.numbering import Numbering
from routerd.config.pieces import build
from routerd.config.positions import TextStop, has_duplicates, is_json, locate, read_tree
from routerd.config.problems import DocumentErrors, Problems
from routerd.config.references import References
from routerd.config.secret import keep_secrets, resolve_into, resolve_secrets
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from routerd.config.document import SecretRef

MAX_YAML_BYTES: Final = 5_000_000
MAX_JSON_BYTES: Final = 128_000_000

_decode: Final = msgspec.json.Decoder(Document).decode


@cache
def numbering() -> Numbering:
    """Give the world's numbering plans, loaded once."""
    return Numbering()


def load(
    text: bytes, *, source: str, secrets: Callable[[SecretRef], str], zones: Collection[str] | None = None
) -> Document:
    """Read a document whose secrets are resolved; compile it next with ``compile_account``.

    ``source`` names the text in errors (and by ``.json``, ``.yaml`` its format); ``secrets`` resolves references
    (:class:`~routerd.config.secret.SecretSource`); ``zones`` are the known time zones (None: judged by the compiler).
    Raises DocumentErrors with every error of the document.
    """
    return _read(text, source, zones, secrets)


def read_document(
    text: bytes, *, source: str, zones: Collection[str] | None = None, old: Document | None = None
) -> Document:
    """Read a document as it is kept: references to secrets stay, ``{"set": true}`` is taken from ``old``.

    Next: store ``encode(document)``, and give ``resolve_secrets(document, …)`` to the compiler. Raises DocumentErrors.
    """
    document = _read(text, source, zones, None)
    try:
        return keep_secrets(document, old)
    except DocumentErrors as error:
        problems = Problems(source)
        for one in error.errors:
            problems.add(one.message, one.pointer, one.hint)
        refuse(problems, text.decode("utf-8-sig", "replace"))
        raise


def encode(document: Document) -> bytes:
    """Write a document as JSON; reading it again gives the same document."""
    return msgspec.json.encode(document)


def _read(
    text: bytes, source: str, zones: Collection[str] | None, secrets: Callable[[SecretRef], str] | None
) -> Document:
    problems = Problems(source)
    words = _text(text, source)
    document = _fast(text, words, source)
    if document is None:
        document = _slow(words, problems)
        problems.close_shape()
        if problems.full:
            refuse(problems, words)
    References(document, problems).run()
    Meaning(document, problems, numbering(), zones).run()
    if secrets is not None:
        document = resolve_into(document, secrets, problems)
    refuse(problems, words)
    return document


def refuse(problems: Problems, words: str) -> None:
    """Give the errors their lines in the document's text and raise them, if there are any. Raises DocumentErrors."""
    if not problems.errors:
        return
    own = {error.pointer: error.line for error in problems.errors if error.line}
    problems.place({**locate(words, problems.source, {error.pointer for error in problems.errors}), **own})
    problems.raise_any()


def _text(text: bytes, source: str) -> str:
    """Decode the bytes, refusing what is too large. Raises DocumentErrors."""
    if len(text) > MAX_JSON_BYTES:
        _refuse(f"{len(text)} bytes: a document has at most {MAX_JSON_BYTES}", 0, "", source)
    try:
        words = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        _refuse(f"not UTF-8: byte {error.start} is 0x{text[error.start]:02x}", line, "save the file as UTF-8", source)
    if len(text) > MAX_YAML_BYTES and not is_json(words, source):
        _refuse(f"{len(text)} bytes: YAML has at most {MAX_YAML_BYTES}", 0, "larger documents are JSON", source)
    return words


def _refuse(message: str, line: int, hint: str, source: str) -> Any:
    error = ConfigError(message, line=line, hint=hint, source=source)
    raise DocumentErrors([error])


def _fast(text: bytes, words: str, source: str) -> Document | None:
    """Decode good JSON; None for everything else."""
    if not is_json(words, source):
        return None
    try:
        document = _decode(text.removeprefix(b"\xef\xbb\xbf"))
        return None if has_duplicates(words) else document
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def _slow(words: str, problems: Problems) -> Document:
    """Convert piece by piece. Raises DocumentErrors when the text cannot be read at all."""
    try:
        tree = read_tree(words, problems.source, problems)
    except TextStop as stop:
        raise DocumentErrors(
            [ConfigError(stop.message, line=stop.line, hint=stop.hint, source=problems.source)]
        ) from stop
    try:
        document = msgspec.convert(tree, Document)
    except (msgspec.ValidationError, OverflowError, RecursionError) as error:
        noted = len(problems.errors)
        document = build(tree, Document, problems)
        if len(problems.errors) == noted:  # the two passes disagree: believe the stricter one
            problems.add(str(error), "")
    return document


__all__ = [
    "Document",
    "DocumentErrors",
    "encode",
    "keep_secrets",
    "load",
    "numbering",
    "read_document",
    "refuse",
    "resolve_secrets",
]
