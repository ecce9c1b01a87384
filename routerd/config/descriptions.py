"""What each key of the routing document says: one sentence a key, for the reference and for editors.

The texts stand beside the structs (:mod:`routerd.config.document`), so that those stay a page to be read at a glance;
a test holds that every key has its sentence, and that none is left over.
"""

from __future__ import annotations

from typing import Final

KEYS: Final[dict[str, dict[str, str]]] = {
    "SecretRef": {
        "env": "The environment variable that holds it.",
        "file": "The file below `secrets_dir` that holds it.",
        "set": "Read back instead of the secret; written back it keeps the secret.",
    },
    "Destination": {
        "type": "What it is.",
        "id": "The object, for all types but `external` and `hangup`; of an `announcement` a sound.",
        "number": "The number outside that `external` calls.",
    },
    "FeatureCodes": {
        "voicemail": "Dialled to listen to the mailbox; null: no code.",
    },
    "Recording": {
        "calls": "Which calls are recorded.",
        "announcement": "The sound that tells both sides first; where it cannot be played nothing is recorded.",
    },
    "Mail": {
        "host": "The server's name.",
        "sender": "The address from which messages come.",
        "port": "The server's port.",
        "username": "The user, where the server wants one.",
        "password": "That user's password.",
        "tls": "`starttls` turns a plain connection into a protected one, `tls` protects it from the beginning.",
    },
    "Account": {
        "id": "The account's name in paths and records; never changes.",
        "name": "What people call it.",
        "country": "ISO 3166: how national numbers are read and written.",
        "domains": "SIP domains that name this account.",
        "timezone": "IANA time zone of its hours and days.",
        "pilot_number": "Shown to whom is called when nothing else is said.",
        "international_enabled": "Whether anybody may dial other countries; the agent must be allowed to, too.",
        "emergency_numbers": "Numbers that pass every gate; null: those of the country.",
        "max_channels": "Calls at once; null: unlimited, 0: closed.",
        "max_call_s": "A call that lasts longer is ended.",
        "ivr_agent_unavailable": (
            "What a menu's option does whose agent is unavailable: hang up, or the agent's failover."
        ),
        "feature_codes": "What phones dial for features.",
        "voice": "Speaks the texts that name no voice.",
        "music_on_hold": "The sound that who is put on hold hears; null: what the holder sends.",
        "ringback": "The sound of ringing where the far end sends none; null: the country's tone.",
        "recording": "Which calls are recorded, and what is said before.",
        "mail": "The server that takes voice mail as e-mail; null: none is sent.",
    },
    "TrunkAuth": {
        "username": "The user.",
        "password": "That user's password.",
        "realm": "Answer challenges of this realm only; null: of any.",
    },
    "TrunkHealth": {
        "interval_s": "How often it is asked.",
        "down_after": "So many failures in a row take it out of use.",
    },
    "Trunk": {
        "id": "The trunk's name.",
        "target": "Where calls are sent; found by DNS when it has no port.",
        "outbound_proxy": "The hop through which all requests go.",
        "addresses": "Sources whose calls are accepted without a challenge.",
        "auth": "Credentials for its challenges.",
        "register": "Keep a registration alive there.",
        "number_source": "Where its calls carry the number: `request_uri`, `to`, `p_called_party_id`, `header:NAME`.",
        "number_format": "How numbers are written towards it: with +, without, or as in its country.",
        "strip_digits": "So many first digits are taken off the number towards it.",
        "prepend_digits": "Put before the number after that.",
        "identity": "The header that carries the caller ID towards it.",
        "forwarded_identity": (
            "Whom an agent's mobile sees on a forwarded call: the caller, the number that was called, or the pilot."
        ),
        "from_user": "The user part of From; null: the caller ID.",
        "from_domain": "The domain of From; null: our address.",
        "max_channels": "Calls at once; null: unlimited, 0: closed.",
        "calls_per_second": "New calls a second towards it; null: unlimited.",
        "provisional_timeout_s": "No response for so long: the next trunk is tried.",
        "health": "Asks with OPTIONS whether it is alive; null: never.",
        "codecs": "What is offered to it, in this order.",
        "media": "Whether voices pass through the media engine; they do when either side says relay.",
        "srtp": (
            "How voices are protected: `auto` and `off` not at all, `sdes` with keys in the description, `dtls` "
            "as browsers do."
        ),
    },
    "OutboundRoute": {
        "prefix": "First digits of the E.164 number; empty: every number.",
        "trunks": "Tried in this order.",
    },
    "DestinationPolicy": {
        "allow": "What may be dialled; empty: everything.",
        "deny": "What may not; it wins.",
    },
    "Affinity": {
        "hours": "So long they are remembered.",
        "strict": "Nobody else is tried.",
    },
    "Number": {
        "number": "In E.164.",
        "label": "What people call it.",
        "status": "Suspended numbers take no calls and are not shown.",
        "destination": "Where its calls go; null: they are refused.",
        "affinity": "Returning callers reach the agent they last spoke with; null: no.",
        "max_channels": "Calls at once; null: unlimited, 0: closed.",
        "department": "Whose caller ID it is, in mode department.",
        "whisper": "The sound that who answers hears before the caller.",
    },
    "BlockedCaller": {
        "number": "A number, a prefix with a trailing `*`, or `anonymous`.",
        "numbers": "On which of the account's numbers; null: on every one.",
    },
    "Window": {
        "from": "Its beginning.",
        "to": "Its end, not included; not after `from`: the next day.",
    },
    "TimeRule": {
        "windows": "Times of the day; null: any.",
        "days": "Days of the week; null: any.",
        "dates": "Days of the month; null: any.",
        "months": "Months; null: any.",
    },
    "TimeException": {
        "date": "The local date.",
        "open": "Whether it is open on that date.",
        "windows": "Only at these times of that date; null: all day.",
    },
    "TimeGroup": {
        "id": "The time group's name.",
        "timezone": "Its IANA time zone; null: the account's.",
        "semantics": "Whose day the tail of a window past midnight is: the day on which it opened, or the calendar's.",
        "rules": "It is open when one of them holds.",
        "exceptions": "Dates on which other rules hold.",
    },
    "TimeCondition": {
        "id": "The time condition's name.",
        "time_group": "The time group that is asked.",
        "matched": "Where calls go when it is open.",
        "unmatched": "Where calls go when it is not.",
        "override": "Held by hand at one side; auto: as the time says.",
    },
    "RouterRule": {
        "destination": "Where the calls go for which the rule holds.",
        "caller_prefixes": "Callers whose number begins so; null: any.",
        "time_group": "Only while it is open; null: at any time.",
        "returning": "Only callers who spoke (or did not speak) with somebody before; null: any.",
    },
    "Router": {
        "id": "The router's name.",
        "rules": "The first that holds wins.",
        "otherwise": "When none holds; null: the call ends.",
    },
    "WebLogin": {
        "enabled": "Whether the person may use the portal.",
        "blocked": "Whether the person is locked out of it.",
    },
    "ForwardDigits": {
        "digits": "What is dialled; `p` and `,` are pauses.",
        "after_s": "So long after the answer.",
    },
    "Sticky": {
        "strategy": "One after the other, or all at once.",
    },
    "CallerIds": {
        "mode": "All numbers of the account, those of the departments, or `numbers`.",
        "numbers": "The numbers of mode custom.",
        "default": "What is shown when nothing is asked for, in modes all and department.",
    },
    "Agent": {
        "id": "The agent's name in paths and records.",
        "name": "What people call them.",
        "status": "Disabled and blocked agents neither take nor make calls.",
        "calling_agent": "Whether they take and make calls at all.",
        "login_based_calling": "Whether they count only while logged in and not on a break.",
        "web_login": "Access to the portal; no gate of calls.",
        "time_group": "When they take calls; null: always.",
        "failover": "Where a call to their own number goes when they do not take it; null: it ends.",
        "failover_on": "Only for these reasons; null: for all.",
        "call_forward_number": "Their primary number outside.",
        "call_forward_digits": "Digits dialled when that number has answered.",
        "alternate_numbers": "Further numbers outside, rung with `sticky` only.",
        "sip_address": "A SIP URI outside, which rings with the extension.",
        "sticky": "Whether and how the alternate numbers ring.",
        "ring_timeout_s": "How long each stage rings.",
        "app_first": (
            "Whether the extension rings before the primary number; null: yes, but with `sticky` simultaneous."
        ),
        "call_waiting": "Whether a second call to their own number rings the extension.",
        "do_not_disturb": "Takes no calls.",
        "confirm_external": "A number outside must press 1 to take the call.",
        "decline_ends_agent": "A decline on one phone ends the ringing on all.",
        "extension": "Their extension's id.",
        "intercom": "What colleagues dial.",
        "click_to_call_route": "From where they may click to call.",
        "block_outbound": "What they may not call with: nothing, the extension, or anything.",
        "international_outbound": "Whether they may dial other countries.",
        "caller_ids": "Which numbers they may show.",
        "area_code_caller_ids": "The list of numbers by area; null: none.",
        "max_calls": "So many calls make them busy.",
    },
    "Extension": {
        "id": "What is dialled to reach it.",
        "username": "The user of its phones' registration.",
        "password": "That user's password.",
        "addresses": "The address list from which it may make calls; null: anywhere.",
        "max_contacts": "So many phones may be registered at once.",
        "codecs": "What is offered to it, in this order; null: what the other side offers.",
        "media": "Whether voices pass through the media engine; they do when either side says relay.",
        "srtp": (
            "How voices are protected: `auto` as browsers do over WebSocket, else not; `sdes` with keys in the "
            "description, `dtls` as browsers do."
        ),
        "provisional_timeout_s": "No response for so long: it is unreachable.",
    },
    "AddressList": {
        "id": "The list's name.",
        "addresses": "Its networks.",
    },
    "AreaCodeEntry": {
        "code": "First digits of the national number.",
        "number": "What is shown.",
    },
    "AreaCodeCallerIds": {
        "id": "The list's name.",
        "entries": "The longest code that begins the number wins.",
    },
    "IvrFault": {
        "prompt": "The sound that is played before the menu is heard again.",
        "attempts": "How often.",
        "destination": "Where the call goes after that.",
    },
    "Ivr": {
        "id": "The menu's name.",
        "prompt": "The sound that is played; digits interrupt it.",
        "options": "What is pressed, and where it leads.",
        "dial_by_intercom": "Whether an agent's intercom may be pressed.",
        "digit_timeout_s": "How long the next digit is waited for.",
        "max_digits": "After so many an entry is complete.",
        "invalid": "What happens after a wrong entry.",
        "timeout": "What happens when nothing is pressed.",
    },
    "Member": {
        "agent": "The agent.",
        "timeout_s": "Caps all of the agent's ringing; null: no cap.",
    },
    "Queue": {
        "timeout_s": "Who has waited so long goes to the failover; null: no limit.",
        "max_waiting": "When so many wait the next one goes to the failover; null: no limit.",
        "music": "The sound that is played while they wait; null: the system's music.",
        "announce_position_every_s": "How often their place is said; null: never.",
        "join_empty": "Whether calls wait although nobody is available.",
        "wrap_up_s": "How long a member is left alone after a call.",
        "retry_after_s": "After so long a call may be offered again to who did not take it.",
    },
    "Department": {
        "id": "The department's name.",
        "name": "What people call it.",
        "strategy": "In which order members are rung.",
        "members": "Who takes its calls.",
        "failover": "Where calls go that nobody takes; null: they end.",
        "queue": "Lets calls wait for busy members; null: none waits.",
        "affinity": "Returning callers reach the agent they last spoke with; null: no.",
        "whisper": "The sound that a member hears before the caller.",
    },
    "Voicemail": {
        "id": "The mailbox's name.",
        "greeting": "The sound before the beep; null: the system's greeting.",
        "max_message_s": "The longest message.",
        "email": "Where new messages are sent.",
        "agent": "Whose mailbox it is; null: nobody's own.",
        "pin": "What is pressed to listen from a phone that is not its owner's.",
    },
    "Sound": {
        "id": "The sound's name.",
        "file": "A recording below `sounds_dir`.",
        "text": "Words that are spoken once.",
        "voice": "The voice that speaks them, as espeak-ng names it; null: the account's.",
        "duration_s": "How long it counts as lasting; null: as measured.",
    },
    "Document": {
        "schema": "The version of this form.",
        "account": "The account itself.",
        "trunks": "Ways to and from the outside.",
        "outbound_routes": "Which trunks carry which numbers: the longest prefix wins.",
        "destination_policy": "What may be dialled; null: everything.",
        "numbers": "The account's own numbers.",
        "blocked_callers": "Callers who are turned away.",
        "time_groups": "When something is open.",
        "time_conditions": "Switches by time.",
        "routers": "Switches by caller and time.",
        "agents": "People who take and make calls.",
        "extensions": "Phones' accounts.",
        "address_lists": "Networks from which extensions may call.",
        "area_code_caller_ids": "Numbers to be shown by area.",
        "ivrs": "Menus.",
        "departments": "Groups of agents.",
        "voicemails": "Mailboxes.",
        "sounds": "Recordings and texts.",
    },
}
