"""The routing document as structs: every key of routing.md section 1, its type, limits and default.

A document is read with :func:`routerd.config.load.load`, analysed with :func:`routerd.config.checks.analyse` and
compiled with :func:`routerd.config.compile.compile_account`. Unknown keys are errors. Attribute docstrings become the
JSON Schema's descriptions (:mod:`routerd.config.schema`).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from routerd.config import fields as f

DestinationType = Literal[
    "agent",
    "ivr",
    "department",
    "time_condition",
    "router",
    "voicemail",
    "external",
    "announcement",
    "hangup",
]
FailoverReason = Literal[
    "agent_disabled",
    "agent_blocked",
    "not_calling_agent",
    "logged_out",
    "on_break",
    "outside_time_group",
    "do_not_disturb",
    "agent_busy",
    "wrap_up",
    "no_reachable_number",
    "no_answer",
    "busy",
    "declined",
    "unreachable",
]
Media = Literal["relay", "direct"]
Srtp = Literal["auto", "off", "sdes", "dtls"]
Many = Meta(max_length=250_000)
Some = Meta(max_length=10_000)
Few = Meta(max_length=500)


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Base of the document's objects: frozen, built by keyword, unknown keys refused."""


class SecretRef(Part, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A secret that stands elsewhere: an environment variable, a file below ``secrets_dir``, or (read back) ``set``."""

    env: f.EnvName | None = None
    file: f.FileName | None = None
    set: bool = False


Secret = f.ClearSecret | SecretRef


class Destination(Part, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Where a call goes next; ``announcement`` names a sound, ``external`` has a number, ``hangup`` neither."""

    type: DestinationType
    id: f.Id | None = None
    number: f.E164 | None = None


class FeatureCodes(Part, frozen=True, kw_only=True, gc=False):
    """What phones dial for a feature; null: the feature has no code."""

    voicemail: f.Dial | None = "*97"


class Recording(Part, frozen=True, kw_only=True, gc=False):
    """Which calls are recorded; ``announcement`` says so first: a call in which it cannot be played is not recorded."""

    calls: Literal["none", "inbound", "outbound", "all"] = "none"
    announcement: f.Id | None = None


class Mail(Part, frozen=True, kw_only=True, gc=False):
    """The server through which voice mail is sent as e-mail, from the address ``sender``."""

    host: f.Domain
    sender: f.Email
    port: f.Port = 587
    username: f.Name | None = None
    password: Secret | None = None
    tls: Literal["none", "starttls", "tls"] = "starttls"


class Account(Part, frozen=True, kw_only=True, gc=False):
    """The account itself; ``music_on_hold`` and ``ringback`` are sounds, ``voice`` speaks texts that name none."""

    id: f.Id
    name: f.Name
    country: f.Country
    domains: Annotated[tuple[f.Domain, ...], Few] = ()
    timezone: f.ZoneName = "UTC"
    pilot_number: f.E164 | None = None
    international_enabled: bool = False
    emergency_numbers: Annotated[tuple[f.Dial, ...], Few] | None = None
    max_channels: f.Channels | None = None
    max_call_s: f.PositiveSeconds = 14400
    ivr_agent_unavailable: Literal["hangup", "failover"] = "hangup"
    feature_codes: FeatureCodes = FeatureCodes()
    voice: f.Voice = "en"
    music_on_hold: f.Id | None = None
    ringback: f.Id | None = None
    recording: Recording = Recording()
    mail: Mail | None = None


class TrunkAuth(Part, frozen=True, kw_only=True, gc=False):
    """Credentials that answer 401 and 407 of this trunk only."""

    username: f.Username
    password: Secret
    realm: f.Name | None = None


class TrunkHealth(Part, frozen=True, kw_only=True, gc=False):
    """OPTIONS pings: every ``interval_s``, down after ``down_after`` failures in a row."""

    interval_s: Annotated[float, Meta(ge=1, le=3600)] = 30
    down_after: Annotated[int, Meta(ge=1, le=100)] = 3


class Trunk(Part, frozen=True, kw_only=True, gc=False):
    """A way to and from the PSTN."""

    id: f.Id
    target: f.SipUri
    outbound_proxy: f.SipUri | None = None
    addresses: Annotated[tuple[f.Network, ...], Few] = ()
    auth: TrunkAuth | None = None
    register: bool = False
    number_source: f.NumberSource = "request_uri"
    number_format: Literal["plus_e164", "e164", "national"] = "plus_e164"
    strip_digits: Annotated[int, Meta(ge=0, le=15)] = 0
    prepend_digits: f.Digits = ""
    identity: Literal["p_asserted", "remote_party", "preferred", "from"] = "p_asserted"
    forwarded_identity: Literal["caller", "number", "pilot"] = "caller"
    from_user: f.Username | None = None
    from_domain: f.Domain | None = None
    max_channels: f.Channels | None = None
    calls_per_second: f.Rate | None = None
    provisional_timeout_s: f.ProvisionalSeconds = 4
    health: TrunkHealth | None = None
    codecs: Annotated[tuple[f.Codec, ...], Meta(min_length=1, max_length=32)] = ("PCMA", "PCMU", "telephone-event")
    media: Media = "relay"
    srtp: Srtp = "auto"


class OutboundRoute(Part, frozen=True, kw_only=True, gc=False):
    """Trunks for the numbers that begin with ``prefix``, tried in order."""

    prefix: f.Prefix
    trunks: Annotated[tuple[f.Id, ...], Few]


class DestinationPolicy(Part, frozen=True, kw_only=True, gc=False):
    """Prefixes that may be dialled; a denied one wins."""

    allow: Annotated[tuple[f.Prefix, ...], Some] = ()
    deny: Annotated[tuple[f.Prefix, ...], Some] = ()


class Affinity(Part, frozen=True, kw_only=True, gc=False):
    """Returning callers go to the agent they last spoke with."""

    hours: f.Hours
    strict: bool = False


class Number(Part, frozen=True, kw_only=True, gc=False):
    """One of the account's own numbers (a DID); ``whisper`` is the sound that who answers hears before the caller."""

    number: f.E164
    label: f.Label = ""
    status: Literal["active", "suspended"] = "active"
    destination: Destination | None = None
    affinity: Affinity | None = None
    max_channels: f.Channels | None = None
    department: f.Id | None = None
    whisper: f.Id | None = None


class BlockedCaller(Part, frozen=True, kw_only=True, gc=False):
    """A caller who is turned away; on every number when ``numbers`` is null."""

    number: f.Caller
    numbers: Annotated[tuple[f.E164, ...], Some] | None = None


class Window(Part, frozen=True, kw_only=True, rename={"from_": "from"}, gc=False):
    """A part of the day, half-open; ``to`` not after ``from`` passes midnight."""

    from_: f.Clock
    to: f.ClockEnd


class TimeRule(Part, frozen=True, kw_only=True, gc=False):
    """One rule; its parts AND together, a missing part is any."""

    windows: Annotated[tuple[Window, ...], Few] | None = None
    days: Annotated[tuple[f.Weekday, ...], Few] | None = None
    dates: Annotated[tuple[f.DayOfMonth, ...], Few] | None = None
    months: Annotated[tuple[f.Month, ...], Few] | None = None


class TimeException(Part, frozen=True, kw_only=True, gc=False):
    """What replaces the rules on one local date."""

    date: f.Date
    open: bool
    windows: Annotated[tuple[Window, ...], Few] | None = None


class TimeGroup(Part, frozen=True, kw_only=True, gc=False):
    """When something is open."""

    id: f.Id
    timezone: f.ZoneName | None = None
    semantics: Literal["start_day", "calendar_day"] = "start_day"
    rules: Annotated[tuple[TimeRule, ...], Few] = ()
    exceptions: Annotated[tuple[TimeException, ...], Some] = ()


class TimeCondition(Part, frozen=True, kw_only=True, gc=False):
    """A switch by time, with a manual override."""

    id: f.Id
    time_group: f.Id
    matched: Destination
    unmatched: Destination
    override: Literal["auto", "matched", "unmatched"] = "auto"


class RouterRule(Part, frozen=True, kw_only=True, gc=False):
    """One rule of a router; a missing condition is any."""

    destination: Destination
    caller_prefixes: Annotated[tuple[f.Prefix, ...], Some] | None = None
    time_group: f.Id | None = None
    returning: bool | None = None


class Router(Part, frozen=True, kw_only=True, gc=False):
    """The first rule whose conditions all hold."""

    id: f.Id
    rules: Annotated[tuple[RouterRule, ...], Few] = ()
    otherwise: Destination | None = None


class WebLogin(Part, frozen=True, kw_only=True, gc=False):
    """A person's portal access; not itself a call gate."""

    enabled: bool = True
    blocked: bool = False


class ForwardDigits(Part, frozen=True, kw_only=True, gc=False):
    """Digits dialled ``after_s`` seconds after the far end of the primary number has answered."""

    digits: f.Tones
    after_s: Annotated[float, Meta(ge=0, le=60)] = 0


class Sticky(Part, frozen=True, kw_only=True, gc=False):
    """The alternate numbers ring too: one after the other, or at once."""

    strategy: Literal["order", "simultaneous"]


class CallerIds(Part, frozen=True, kw_only=True, gc=False):
    """Which numbers an agent may show."""

    mode: Literal["all", "department", "custom"] = "all"
    numbers: Annotated[tuple[f.E164, ...], Some] = ()
    default: f.E164 | None = None


class Agent(Part, frozen=True, kw_only=True, gc=False):
    """A person who takes and makes calls."""

    id: f.Id
    name: f.Name
    status: Literal["enabled", "disabled", "blocked"] = "enabled"
    calling_agent: bool = True
    login_based_calling: bool = False
    web_login: WebLogin = WebLogin()
    time_group: f.Id | None = None
    failover: Destination | None = None
    failover_on: Annotated[tuple[FailoverReason, ...], Few] | None = None
    call_forward_number: f.E164 | None = None
    call_forward_digits: ForwardDigits | None = None
    alternate_numbers: Annotated[tuple[f.E164, ...], Meta(max_length=20)] = ()
    sip_address: f.SipUri | None = None
    sticky: Sticky | None = None
    ring_timeout_s: f.RingSeconds = 30
    app_first: bool | None = None
    call_waiting: bool = False
    do_not_disturb: bool = False
    confirm_external: bool = False
    decline_ends_agent: bool = False
    extension: f.Id | None = None
    intercom: f.Dial | None = None
    click_to_call_route: Literal["both", "extension", "mobile"] = "both"
    block_outbound: Literal["none", "only_extension", "all"] = "none"
    international_outbound: bool = False
    caller_ids: CallerIds = CallerIds()
    area_code_caller_ids: f.Id | None = None
    max_calls: Annotated[int, Meta(ge=1, le=100)] = 1


class Extension(Part, frozen=True, kw_only=True, gc=False):
    """A phone's account."""

    id: f.Id
    username: f.Username
    password: Secret
    addresses: f.Id | None = None
    max_contacts: Annotated[int, Meta(ge=1, le=50)] = 5
    codecs: Annotated[tuple[f.Codec, ...], Meta(min_length=1, max_length=32)] | None = None
    media: Media = "relay"
    srtp: Srtp = "auto"
    provisional_timeout_s: f.ProvisionalSeconds = 4


class AddressList(Part, frozen=True, kw_only=True, gc=False):
    """Networks from which an extension may call."""

    id: f.Id
    addresses: Annotated[tuple[f.Network, ...], Some]


class AreaCodeEntry(Part, frozen=True, kw_only=True, gc=False):
    """The number that is shown to national numbers which begin with ``code``."""

    code: f.AreaCode
    number: f.E164


class AreaCodeCallerIds(Part, frozen=True, kw_only=True, gc=False):
    """A list of area codes and the numbers shown to them."""

    id: f.Id
    entries: Annotated[tuple[AreaCodeEntry, ...], Some] = ()


class IvrFault(Part, frozen=True, kw_only=True, gc=False):
    """What happens after ``attempts`` wrong entries, or silences."""

    prompt: f.Id | None = None
    attempts: f.Attempts = 3
    destination: Destination = Destination(type="hangup")


class Ivr(Part, frozen=True, kw_only=True, gc=False):
    """A menu; ``prompt`` is a sound."""

    id: f.Id
    prompt: f.Id
    options: Annotated[dict[f.Option, Destination], Few] = {}
    dial_by_intercom: bool = False
    digit_timeout_s: Annotated[float, Meta(gt=0, le=120)] = 5
    max_digits: Annotated[int, Meta(ge=1, le=32)] = 4
    invalid: IvrFault = IvrFault()
    timeout: IvrFault = IvrFault()


class Member(Part, frozen=True, kw_only=True, gc=False):
    """A department's member; ``timeout_s`` caps the whole ring plan."""

    agent: f.Id
    timeout_s: f.CapSeconds | None = None


class Queue(Part, frozen=True, kw_only=True, gc=False):
    """A department's waiting room; ``music`` is a sound."""

    timeout_s: f.PositiveSeconds | None = None
    max_waiting: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    music: f.Id | None = None
    announce_position_every_s: Annotated[float, Meta(ge=1, le=3600)] | None = None
    join_empty: bool = False
    wrap_up_s: f.Seconds = 0
    retry_after_s: f.Seconds = 30


class Department(Part, frozen=True, kw_only=True, gc=False):
    """Members behind one strategy; ``whisper`` is the sound that a member hears before the caller."""

    id: f.Id
    name: f.Name
    strategy: Literal["order", "simultaneous", "round_robin", "random", "longest_idle"] = "order"
    members: Annotated[tuple[Member, ...], Some] = ()
    failover: Destination | None = None
    queue: Queue | None = None
    affinity: Affinity | None = None
    whisper: f.Id | None = None


class Voicemail(Part, frozen=True, kw_only=True, gc=False):
    """A mailbox; ``greeting`` is a sound."""

    id: f.Id
    greeting: f.Id | None = None
    max_message_s: Annotated[float, Meta(ge=1, le=3600)] = 180
    email: f.Email | None = None
    agent: f.Id | None = None
    pin: Secret | None = None


class Sound(Part, frozen=True, kw_only=True, gc=False):
    """A prompt: a file below ``sounds_dir``, or a text that is spoken once when the document is applied."""

    id: f.Id
    file: f.FileName | None = None
    text: f.Speech | None = None
    voice: f.Voice | None = None
    duration_s: f.Seconds | None = None


class Document(Part, frozen=True, kw_only=True, gc=False):
    """All that routing depends on, of one account."""

    schema: Literal[1]
    account: Account
    trunks: Annotated[tuple[Trunk, ...], Some] = ()
    outbound_routes: Annotated[tuple[OutboundRoute, ...], Some] = ()
    destination_policy: DestinationPolicy | None = None
    numbers: Annotated[tuple[Number, ...], Many] = ()
    blocked_callers: Annotated[tuple[BlockedCaller, ...], Many] = ()
    time_groups: Annotated[tuple[TimeGroup, ...], Some] = ()
    time_conditions: Annotated[tuple[TimeCondition, ...], Some] = ()
    routers: Annotated[tuple[Router, ...], Some] = ()
    agents: Annotated[tuple[Agent, ...], Many] = ()
    extensions: Annotated[tuple[Extension, ...], Many] = ()
    address_lists: Annotated[tuple[AddressList, ...], Some] = ()
    area_code_caller_ids: Annotated[tuple[AreaCodeCallerIds, ...], Some] = ()
    ivrs: Annotated[tuple[Ivr, ...], Some] = ()
    departments: Annotated[tuple[Department, ...], Some] = ()
    voicemails: Annotated[tuple[Voicemail, ...], Many] = ()
    sounds: Annotated[tuple[Sound, ...], Some] = ()
