"""The frozen snapshot's types: what the compiler makes of a routing document, and all that rules/ may know of it.

Everything here is immutable and free of reference cycles, so a snapshot can be framed object by object by the control
process (msgpack), rebuilt in slices by the sip process and swapped in one assignment. References between objects are
ids, looked up in :class:`AccountTables`; there is no back reference.
"""

from __future__ import annotations

import msgspec


class Table(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Base of all compiled objects: frozen, never tracked by the collector, built by keyword."""


class Destination(Table, frozen=True, kw_only=True):
    """Where a call goes next: ``type`` is a word of routing.md section 1, ``id`` or ``number`` names the object."""

    type: str
    id: str | None = None
    number: str | None = None


class CountryLengths(Table, frozen=True, kw_only=True):
    """The possible lengths of national significant numbers under one calling code."""

    code: str
    lengths: tuple[int, ...]


class NumberPlan(Table, frozen=True, kw_only=True):
    """How numbers are read and written in the account's country (from the public numbering metadata)."""

    country: str
    code: str
    lengths: tuple[int, ...]
    national_prefix: str
    international_prefixes: tuple[str, ...]
    codes: dict[str, CountryLengths]


class Zone(Table, frozen=True, kw_only=True):
    """A time zone as sorted transition instants (UTC seconds) and the offset that holds from each (seconds).

    ``offsets[i]`` holds from ``instants[i]``; ``first_offset`` holds before ``instants[0]``.
    """

    name: str
    first_offset: int
    instants: tuple[int, ...]
    offsets: tuple[int, ...]


class Window(Table, frozen=True, kw_only=True):
    """Minutes of the local day, ``[start, end)``; ``end <= start`` wraps past midnight."""

    start_minute: int
    end_minute: int


class TimeRule(Table, frozen=True, kw_only=True):
    """One rule: the parts AND together; None is 'any'. Days 0 to 6 (Monday is 0), dates 1 to 31, months 1 to 12."""

    windows: tuple[Window, ...] | None
    days: frozenset[int] | None
    dates: frozenset[int] | None
    months: frozenset[int] | None


class TimeException(Table, frozen=True, kw_only=True):
    """What replaces the rules on one local date (``ordinal``: proleptic Gregorian, as date.toordinal)."""

    ordinal: int
    open: bool
    windows: tuple[Window, ...] | None


class TimeGroup(Table, frozen=True, kw_only=True):
    """Rules OR together; ``calendar_day`` is the other semantics than ``start_day`` (routing.md section 3)."""

    id: str
    zone: str
    calendar_day: bool
    rules: tuple[TimeRule, ...]
    exceptions: dict[int, TimeException]


class TimeCondition(Table, frozen=True, kw_only=True):
    """A switch by time; ``override`` is auto, matched or unmatched."""

    id: str
    time_group: str
    matched: Destination
    unmatched: Destination
    override: str


class RouterRule(Table, frozen=True, kw_only=True):
    """One rule of a router; None is 'any'."""

    caller_prefixes: tuple[str, ...] | None
    time_group: str | None
    returning: bool | None
    destination: Destination


class Router(Table, frozen=True, kw_only=True):
    """The first rule whose conditions all hold wins."""

    id: str
    rules: tuple[RouterRule, ...]
    otherwise: Destination | None


class Affinity(Table, frozen=True, kw_only=True):
    """Returning callers go to the agent they last spoke with."""

    hours: float
    strict: bool


class Number(Table, frozen=True, kw_only=True):
    """One of the account's own numbers (a DID)."""

    number: str
    label: str
    active: bool
    destination: Destination | None
    affinity: Affinity | None
    max_channels: int | None
    department: str | None
    whisper: str | None = None


class CallerIds(Table, frozen=True, kw_only=True):
    """Which numbers an agent may show: ``mode`` is all, department or custom."""

    mode: str
    numbers: tuple[str, ...]
    default: str | None


class Sticky(Table, frozen=True, kw_only=True):
    """An agent's alternate numbers ring too: ``strategy`` is order or simultaneous."""

    strategy: str


class ForwardDigits(Table, frozen=True, kw_only=True):
    """Digits dialled after the far end of the primary number has answered."""

    digits: str
    after_s: float


class Agent(Table, frozen=True, kw_only=True):
    """A person who takes and makes calls."""

    id: str
    name: str
    status: str
    calling_agent: bool
    login_based_calling: bool
    time_group: str | None
    failover: Destination | None
    failover_on: frozenset[str] | None
    call_forward_number: str | None
    call_forward_digits: ForwardDigits | None
    alternate_numbers: tuple[str, ...]
    sip_address: str | None
    sticky: Sticky | None
    ring_timeout_s: float
    app_first: bool
    call_waiting: bool
    do_not_disturb: bool
    confirm_external: bool
    decline_ends_agent: bool
    extension: str | None
    intercom: str | None
    click_to_call_route: str
    block_outbound: str
    international_outbound: bool
    caller_ids: CallerIds
    area_code_caller_ids: str | None
    max_calls: int
    departments: tuple[str, ...]


class AddressList(Table, frozen=True, kw_only=True):
    """Networks in CIDR form, parsed once: ``(version, first, last)`` as integers."""

    id: str
    networks: tuple[tuple[int, int, int], ...]


class Extension(Table, frozen=True, kw_only=True):
    """A phone's account: digest user, where it may call from, how its media goes."""

    id: str
    username: str
    password: str
    addresses: str | None
    max_contacts: int
    codecs: tuple[str, ...] | None
    media: str
    provisional_timeout_s: float
    agent: str | None
    srtp: str = "auto"


class TrunkAuth(Table, frozen=True, kw_only=True):
    """Credentials for challenges of this trunk only."""

    username: str
    password: str
    realm: str | None


class TrunkHealth(Table, frozen=True, kw_only=True):
    """OPTIONS every ``interval_s``; down after ``down_after`` failures in a row."""

    interval_s: float
    down_after: int


class Trunk(Table, frozen=True, kw_only=True):
    """A way to and from the PSTN."""

    id: str
    target: str
    outbound_proxy: str | None
    networks: tuple[tuple[int, int, int], ...]
    auth: TrunkAuth | None
    register: bool
    number_source: str
    number_format: str
    strip_digits: int
    prepend_digits: str
    identity: str
    forwarded_identity: str
    from_user: str | None
    from_domain: str | None
    max_channels: int | None
    calls_per_second: float | None
    provisional_timeout_s: float
    health: TrunkHealth | None
    codecs: tuple[str, ...]
    media: str
    srtp: str = "auto"


class DestinationPolicy(Table, frozen=True, kw_only=True):
    """Prefixes in E.164 with ``+``; an empty ``allow`` allows all; a denied prefix wins."""

    allow: tuple[str, ...]
    deny: tuple[str, ...]


class BlockedCaller(Table, frozen=True, kw_only=True):
    """Numbers on which a caller is blocked; None: on every number."""

    numbers: frozenset[str] | None


class AreaCodes(Table, frozen=True, kw_only=True):
    """Area code (of national significant numbers) → numbers in document order; ``longest`` bounds the search."""

    id: str
    longest: int
    entries: dict[str, tuple[str, ...]]


class IvrFault(Table, frozen=True, kw_only=True):
    """What happens after ``attempts`` invalid entries or timeouts."""

    prompt: str | None
    attempts: int
    destination: Destination


class Ivr(Table, frozen=True, kw_only=True):
    """A menu."""

    id: str
    prompt: str
    options: dict[str, Destination]
    dial_by_intercom: bool
    digit_timeout_s: float
    max_digits: int
    invalid: IvrFault
    timeout: IvrFault


class Member(Table, frozen=True, kw_only=True):
    """A department's member; ``timeout_s`` caps the whole ring plan."""

    agent: str
    timeout_s: float | None


class Queue(Table, frozen=True, kw_only=True):
    """A department's waiting room."""

    timeout_s: float | None
    max_waiting: int | None
    music: str | None
    announce_position_every_s: float | None
    join_empty: bool
    wrap_up_s: float
    retry_after_s: float


class Department(Table, frozen=True, kw_only=True):
    """Members behind one strategy; ``whisper`` is the sound that a member hears before the caller."""

    id: str
    name: str
    strategy: str
    members: tuple[Member, ...]
    failover: Destination | None
    queue: Queue | None
    affinity: Affinity | None
    whisper: str | None = None


class Voicemail(Table, frozen=True, kw_only=True):
    """A mailbox."""

    id: str
    greeting: str | None
    max_message_s: float
    email: str | None
    agent: str | None
    pin: str | None


class Sound(Table, frozen=True, kw_only=True):
    """A prompt and how long it lasts (seconds; 0 when nobody has measured it).

    ``path`` is the absolute path of the file to be played: WAV, mono, 16-bit PCM, 16 kHz; "" when there is none.
    """

    id: str
    duration_s: float
    path: str = ""


class Recording(Table, frozen=True, kw_only=True):
    """Which calls are recorded (none, inbound, outbound, all) and the sound that says so to both sides."""

    calls: str = "none"
    announcement: str | None = None


class Mail(Table, frozen=True, kw_only=True):
    """The server that takes messages with voice mail; ``tls`` is none, starttls or tls."""

    host: str
    port: int
    sender: str
    username: str | None
    password: str | None
    tls: str


class Account(Table, frozen=True, kw_only=True):
    """The account itself."""

    id: str
    name: str
    domains: tuple[str, ...]
    zone: str
    pilot_number: str | None
    international_enabled: bool
    emergency_numbers: frozenset[str]
    max_channels: int | None
    max_call_s: float
    ivr_agent_unavailable: str
    feature_codes: dict[str, str]
    plan: NumberPlan
    music_on_hold: str | None = None
    ringback: str | None = None
    recording: Recording = Recording()
    mail: Mail | None = None


class AccountTables(msgspec.Struct, gc=False, kw_only=True):
    """All of one account, by id. Built once by config/compile (or in slices), never changed afterwards.

    ``routes`` maps a prefix of the E.164 number to trunk ids (longest wins; ``route_lengths`` lists the prefix
    lengths that occur, longest first, so that a look-up is a few dictionary reads). The same shape serves blocked
    callers: ``blocked`` by exact number (or ``anonymous``), ``blocked_prefixes`` by prefix.

    No decision may walk through all numbers or agents, so what it would look for is kept: ``first_number`` is the
    first active number of the document (else the first), ``department_numbers`` has the place in the document and the
    number of each department's first active one, ``login_based_agents`` is how many agents must log in,
    ``boxes_by_agent`` names each agent's mailboxes in the document's order, ``boxes_with_pin`` is how many have one.
    """

    version: int
    account: Account
    zones: dict[str, Zone]
    trunks: dict[str, Trunk]
    routes: dict[str, tuple[str, ...]]
    route_lengths: tuple[int, ...]
    destination_policy: DestinationPolicy | None
    numbers: dict[str, Number]
    blocked: dict[str, BlockedCaller]
    blocked_prefixes: dict[str, BlockedCaller]
    time_groups: dict[str, TimeGroup]
    time_conditions: dict[str, TimeCondition]
    routers: dict[str, Router]
    agents: dict[str, Agent]
    extensions: dict[str, Extension]
    address_lists: dict[str, AddressList]
    area_codes: dict[str, AreaCodes]
    ivrs: dict[str, Ivr]
    departments: dict[str, Department]
    voicemails: dict[str, Voicemail]
    sounds: dict[str, Sound]
    extension_by_username: dict[str, str]
    agent_by_extension: dict[str, str]
    agent_by_intercom: dict[str, str]
    boxes_by_agent: dict[str, tuple[str, ...]]
    first_number: str | None
    department_numbers: dict[str, tuple[int, str]]
    login_based_agents: int
    boxes_with_pin: int


class Snapshot(msgspec.Struct, gc=False, kw_only=True):
    """What the whole switch routes by: one per process, swapped in one step; a call pins the one it began with."""

    accounts: dict[str, AccountTables]
    account_by_number: dict[str, str]
    account_by_domain: dict[str, str]
    version: int = 0
