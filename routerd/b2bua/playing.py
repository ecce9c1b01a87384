"""What one party hears from a media engine: announcements one after the other, and music or ringing beneath them.

Theory of operation. A :class:`Player` belongs to one party of one session. What should be heard now is the first
announcement that waits, else the music, else the ringing tone, else nothing; whenever that changes one command goes to
the engine: ``play media`` takes the place of what played before, ``stop media`` comes only where nothing follows.

An announcement is over when the engine says so (``media-ended``), or, with an engine that does not, when the duration
that it told has passed; a timer of that duration stands behind the event as well, for events are datagrams. Until the
session is there (:meth:`Player.open`) nothing begins. Without an engine, without a file, or where the engine refuses,
an announcement takes as long as the document says and nobody hears it: a call never waits for a sound that fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from routerd.media import ng, prompts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routerd.b2bua.call import Call
    from routerd.b2bua.call_media import CallMedia, Party
    from routerd.sip.timers import Timer

LATE_S: Final = 1.5
"""How long after its duration an announcement is taken for over although no event came."""
FOR_EVER: Final = 100_000
"""Passes of a loop for an engine that has no word for endless: longer than any call."""

Then = Callable[[float], None]


class Audio(NamedTuple):
    """A file to be played (an absolute path; "" for none), how long it is said to last in seconds, and its name."""

    path: str
    duration_s: float = 0.0
    name: str = ""


SILENCE: Final = Audio("")


def sound(call: Call, name: str | None) -> Audio:
    """Return a sound of the account's document."""
    found = call.tables.sounds.get(name) if name is not None else None
    return SILENCE if found is None else Audio(found.path, found.duration_s, found.id)


def prompt(call: Call, name: str) -> Audio:
    """Return one of the system's own prompts; silence where their folder is not known."""
    folder = call.exchange.settings.prompts_dir
    return Audio(prompts.prompt_path(folder, name), name=name) if folder else SILENCE


class Player:
    """What ``party`` hears in ``media``'s session; :meth:`close` it with the session."""

    __slots__ = (
        "_backstop",
        "_began",
        "_count",
        "_heard",
        "_music",
        "_ringing",
        "_then",
        "_waiting",
        "call",
        "media",
        "opened",
        "party",
        "session",
    )

    def __init__(self, call: Call) -> None:
        self.call = call
        self.media: CallMedia | None = None
        self.party: Party | None = None
        self.session = ""
        self.opened = False
        self._waiting: list[Audio] = []
        self._then: Then | None = None
        self._music = SILENCE
        self._ringing = SILENCE
        self._heard: Audio | None = None
        self._count = 0
        self._began = False
        self._backstop: Timer | None = None

    # -- the session --

    def open(self, media: CallMedia, party: Party, now: float) -> None:
        """Begin: the party's session is there. Again, after another engine took over: what was heard starts anew."""
        self.media, self.party, self.session = media, party, media.session
        self._start(now)

    def open_silent(self, now: float) -> None:
        """Begin without an engine: announcements only take their time."""
        self.media = None
        self._start(now)

    def _start(self, now: float) -> None:
        self.opened = True
        self._heard = None
        if self not in self.call.players:
            self.call.players.append(self)
        self._apply(now)

    def pause(self) -> None:
        """The session is lost: nothing more until it is opened again."""
        self.opened = False
        self._heard = None
        self._stop_backstop()

    def close(self) -> None:
        """Forget everything; the session goes, and with it what plays."""
        self.pause()
        self._waiting = []
        self._then = None
        self._music = self._ringing = SILENCE
        if self in self.call.players:
            self.call.players.remove(self)

    # -- what is to be heard --

    def say(self, sounds: Iterable[Audio], now: float, then: Then | None = None) -> None:
        """Play announcements in place of any earlier ones; ``then(now)`` when the last one has ended."""
        self._waiting = list(sounds)
        self._then = then
        self._heard = None
        if not self._waiting:
            self._all_said(now)
            return
        self._apply(now)

    def hush(self, now: float) -> None:
        """Stop announcing at once (``then`` is not called); music goes on."""
        if self._waiting:
            self._waiting = []
            self._then = None
            self._apply(now)

    def music(self, audio: Audio, now: float) -> None:
        """Play this for ever beneath the announcements; silence ends it."""
        self._music = audio
        self._apply(now)

    def ringing(self, audio: Audio, now: float) -> None:
        """Play this for ever while there is neither announcement nor music; silence ends it."""
        self._ringing = audio
        self._apply(now)

    def stop(self, now: float) -> None:
        """Stop everything at once."""
        self._waiting = []
        self._then = None
        self._music = self._ringing = SILENCE
        self._apply(now)

    @property
    def in_silence(self) -> bool:
        """Whether nobody hears anything because no engine was there."""
        return self.opened and self.media is None

    @property
    def rings(self) -> bool:
        """Whether a ringing tone is wanted."""
        return bool(self._ringing.path)

    def _apply(self, now: float) -> None:
        if not self.opened:
            return
        wanted = self._waiting[0] if self._waiting else self._music if self._music.path else self._ringing
        nothing = not self._waiting and not wanted.path
        if wanted is self._heard or (nothing and not self._began):
            return
        self._stop_backstop()
        self._heard = wanted
        self._count += 1
        if not wanted.path or self.media is None or not self.media.can("play media"):
            self._hear_nothing(wanted, now)
            return
        loops = not self._waiting
        self._began = True
        self.call.mark("play", _name(wanted), now)
        times = (0 if self.media.can("events") else FOR_EVER) if loops else 1
        command = ng.play_media(
            self.session, self._tag, wanted.path, repeat_times=times, play_id=f"{self._tag}/{self._count}"
        )
        count = self._count

        def begun(reply: dict[str, Any] | None, when: float) -> None:
            if count == self._count and self._heard is wanted:
                self._begun(wanted, reply, when, loops=loops)

        self.media.ask(command, begun)

    @property
    def _tag(self) -> str:
        assert self.party is not None
        return self.party.name

    def _hear_nothing(self, wanted: Audio, now: float) -> None:
        """Take what cannot be played: an announcement takes its time, all the same."""
        if self._began and self.media is not None:
            self._began = False
            self.media.tell(ng.stop_media(self.session, self._tag))
            self.call.mark("stop", "", now)
        if self._waiting:
            self._await_end(wanted.duration_s, now)

    def _begun(self, wanted: Audio, reply: dict[str, Any] | None, now: float, *, loops: bool) -> None:
        assert self.media is not None
        if reply is None or not ng.is_ok(reply):
            self._began = False
            self.call.exchange.note("play_failed", ng.error_reason(reply) if reply is not None else "no reply")
            if not loops:
                self._await_end(wanted.duration_s, now)
        elif not loops:
            told = reply.get("duration")
            lasts_s = told / 1000 if isinstance(told, int) and told > 0 else wanted.duration_s
            self._await_end(lasts_s + (LATE_S if self.media.can("events") else 0.0), now)

    # -- the ends --

    def _await_end(self, delay_s: float, now: float) -> None:
        self._backstop = self.call.exchange.timers.after(delay_s, self, "ended", now)

    def _stop_backstop(self) -> None:
        if self._backstop is not None:
            self._backstop.cancel()
            self._backstop = None

    def ended(self, session: str, play_id: str, now: float) -> None:
        """Hear from the engine that something has been played to its end."""
        if session == self.session and self._waiting and play_id == f"{self._tag}/{self._count}":
            self._next(now)

    def timer_fired(self, name: str, now: float) -> None:  # noqa: ARG002 - a timer's target
        """Take an announcement for over."""
        self._backstop = None
        self._next(now)

    def _next(self, now: float) -> None:
        self._stop_backstop()
        self._waiting = self._waiting[1:]
        self._heard = None
        if self._waiting:
            self._apply(now)
        else:
            self._all_said(now)

    def _all_said(self, now: float) -> None:
        then, self._then = self._then, None
        if self._music.path or self._ringing.path:
            self._apply(now)
        else:
            self._began = False
        if then is not None:
            then(now)


def _name(audio: Audio) -> str:
    return audio.name or audio.path.rpartition("/")[2]
