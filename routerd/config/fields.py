r"""The values of documents and settings: annotated types with their limits, and what to say when one is wrong.

Every limit is part of the type, so the decoder, the slow pass (:mod:`routerd.config.pieces`) and the JSON Schema all
read it from one place. Patterns end in ``$(?!\n)``: Python's ``$`` also matches before a last line feed.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

_END: Final = r"$(?!\n)"

ID_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.@+\-]{0,63}" + _END
E164_PATTERN: Final = r"^\+[1-9][0-9]{2,14}" + _END
PREFIX_PATTERN: Final = r"^(\+[1-9][0-9]{0,14}|[0-9]{1,15})?" + _END
CALLER_PATTERN: Final = r"^(anonymous|\+[1-9][0-9]{2,14}|\+([1-9][0-9]{0,14})?\*)" + _END
DIAL_PATTERN: Final = r"^[0-9*#]{1,16}" + _END
DIGITS_PATTERN: Final = r"^[0-9]{0,16}" + _END
AREA_CODE_PATTERN: Final = r"^[0-9]{1,10}" + _END
OPTION_PATTERN: Final = r"^[0-9*A-D]{1,16}" + _END
TONES_PATTERN: Final = r"^[0-9*#A-Dp,]{1,64}" + _END
CLOCK_PATTERN: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]" + _END
CLOCK_END_PATTERN: Final = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)" + _END
DATE_PATTERN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}" + _END
COUNTRY_PATTERN: Final = r"^[A-Z]{2}" + _END
DOMAIN_PATTERN: Final = r"^[A-Za-z0-9]([A-Za-z0-9.\-]{0,252})" + _END
ZONE_PATTERN: Final = r"^[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+){0,3}" + _END
URI_PATTERN: Final = r"^[sS][iI][pP][sS]?:[^\s\x00-\x1f\x7f<>\"]{1,500}" + _END
USERNAME_PATTERN: Final = r"^[^\s\x00-\x1f\x7f\":,<>]{1,64}" + _END
NUMBER_SOURCE_PATTERN: Final = r"^(request_uri|to|p_called_party_id|header:[A-Za-z0-9\-]{1,64})" + _END
FILE_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}" + _END
CODEC_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9.\-]{0,31}" + _END
EMAIL_PATTERN: Final = r"^[^\s@<>]{1,64}@[A-Za-z0-9.\-]{1,253}" + _END
VOICE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_+.\-]{0,63}" + _END
ENV_PATTERN: Final = r"^ROUTERD_SECRET_[A-Z0-9_]{1,100}" + _END

# pattern -> (what is wrong, what to do): shown instead of the regular expression
EXPLANATIONS: Final[dict[str, tuple[str, str]]] = {
    ID_PATTERN: (
        "not an id",
        "1 to 64 letters, digits, '_', '.', '-', '@' or '+', beginning with a letter, digit or '_'",
    ),
    E164_PATTERN: ("not a number in E.164", 'write it with + and country code, in quotes: "+918069651170"'),
    PREFIX_PATTERN: ("not a prefix of E.164 numbers", 'such as "+91" or "+1900"; "" is every number'),
    CALLER_PATTERN: (
        "not a caller",
        'a number in E.164, a prefix with a trailing *, such as "+9199*", or "anonymous"',
    ),
    DIAL_PATTERN: ("not something a phone can dial", "1 to 16 of the keys 0-9, * and #, in quotes"),
    DIGITS_PATTERN: ("not digits", "up to 16 digits, in quotes"),
    AREA_CODE_PATTERN: (
        "not an area code",
        'the first digits of the national number without the leading 0, in quotes: "22"',
    ),
    OPTION_PATTERN: ("not a menu option", 'keys such as "1" or "12"; # ends an entry and cannot be part of one'),
    TONES_PATTERN: ("not dialling tones", "0-9, *, #, A-D; 'p' or ',' is a pause"),
    CLOCK_PATTERN: ("not a time of day", 'HH:MM in 24 hours, such as "09:30"'),
    CLOCK_END_PATTERN: ("not a time of day", 'HH:MM in 24 hours, such as "18:00"; the end of the day is "24:00"'),
    DATE_PATTERN: ("not a date", 'YYYY-MM-DD, such as "2026-12-25"'),
    COUNTRY_PATTERN: ("not a country", 'two capital letters of ISO 3166, such as "IN"'),
    DOMAIN_PATTERN: ("not a domain", 'such as "acme.example"'),
    ZONE_PATTERN: ("not a time zone", 'an IANA name, such as "Asia/Kolkata"'),
    URI_PATTERN: ("not a SIP URI", 'such as "sip:192.0.2.10:5060;transport=udp"'),
    USERNAME_PATTERN: ("not a user name", "1 to 64 characters without spaces, quotes, colons or commas"),
    NUMBER_SOURCE_PATTERN: ("not a number source", "request_uri, to, p_called_party_id or header:NAME"),
    FILE_PATTERN: ("not a plain file name", "letters, digits, '_', '-' and '.', no directories"),
    CODEC_PATTERN: ("not a codec name", "as in SDP: PCMA, PCMU, G722, opus, telephone-event"),
    VOICE_PATTERN: (
        "not a voice",
        'a language as espeak-ng names it, such as "en", "en-gb" or "de"; "en+f3" is a variant',
    ),
    EMAIL_PATTERN: ("not an e-mail address", "such as team@acme.example"),
    ENV_PATTERN: ("not a variable that may hold a secret", "its name begins with ROUTERD_SECRET_"),
}

Id = Annotated[str, Meta(pattern=ID_PATTERN, description="An id, unique among objects of its kind.")]
E164 = Annotated[str, Meta(pattern=E164_PATTERN, description="A telephone number in E.164, with +.")]
Prefix = Annotated[str, Meta(pattern=PREFIX_PATTERN, description="The first digits of E.164 numbers; empty: all.")]
Caller = Annotated[str, Meta(pattern=CALLER_PATTERN, description='A number, a prefix with *, or "anonymous".')]
Dial = Annotated[str, Meta(pattern=DIAL_PATTERN, description="What a phone dials.")]
Digits = Annotated[str, Meta(pattern=DIGITS_PATTERN)]
AreaCode = Annotated[str, Meta(pattern=AREA_CODE_PATTERN, description="First digits of national numbers.")]
Option = Annotated[str, Meta(pattern=OPTION_PATTERN, description="Keys that choose a menu's option.")]
Tones = Annotated[str, Meta(pattern=TONES_PATTERN)]
Clock = Annotated[str, Meta(pattern=CLOCK_PATTERN, description="HH:MM, 24 hours.")]
ClockEnd = Annotated[str, Meta(pattern=CLOCK_END_PATTERN, description="HH:MM, 24 hours; up to 24:00.")]
Date = Annotated[str, Meta(pattern=DATE_PATTERN, description="YYYY-MM-DD.")]
Country = Annotated[str, Meta(pattern=COUNTRY_PATTERN, description="ISO 3166.")]
Domain = Annotated[str, Meta(pattern=DOMAIN_PATTERN, max_length=253)]
ZoneName = Annotated[str, Meta(pattern=ZONE_PATTERN, max_length=64, description="An IANA time zone.")]
SipUri = Annotated[str, Meta(pattern=URI_PATTERN, description="A SIP URI.")]
Username = Annotated[str, Meta(pattern=USERNAME_PATTERN)]
NumberSource = Annotated[str, Meta(pattern=NUMBER_SOURCE_PATTERN)]
FileName = Annotated[str, Meta(pattern=FILE_PATTERN, description="A plain file name.")]
Codec = Annotated[str, Meta(pattern=CODEC_PATTERN)]
Email = Annotated[str, Meta(pattern=EMAIL_PATTERN)]
Voice = Annotated[str, Meta(pattern=VOICE_PATTERN, description="A language or voice of espeak-ng.")]
Port = Annotated[int, Meta(ge=1, le=65535)]
EnvName = Annotated[str, Meta(pattern=ENV_PATTERN, description="An environment variable.")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Label = Annotated[str, Meta(max_length=200)]
Speech = Annotated[str, Meta(min_length=1, max_length=5000)]
Network = Annotated[str, Meta(min_length=1, max_length=64, description="A network in CIDR form, or one address.")]
ClearSecret = Annotated[str, Meta(min_length=1, max_length=512)]

Channels = Annotated[int, Meta(ge=0, le=1_000_000, description="Calls at once; 0: closed.")]
PositiveSeconds = Annotated[float, Meta(gt=0, le=604_800)]
Seconds = Annotated[float, Meta(ge=0, le=604_800)]
RingSeconds = Annotated[float, Meta(ge=5, le=300)]
CapSeconds = Annotated[float, Meta(ge=1, le=3600)]
ProvisionalSeconds = Annotated[float, Meta(gt=0, le=60)]
Rate = Annotated[float, Meta(gt=0, le=100_000)]
Hours = Annotated[float, Meta(gt=0, le=87_600)]
Attempts = Annotated[int, Meta(ge=1, le=100)]
DayOfMonth = Annotated[int, Meta(ge=1, le=31)]

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Month = Literal["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
