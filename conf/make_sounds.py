# ruff: noqa: INP001 - a script, not a package
"""Make the shipped sounds anew: ``make prompts``. It needs espeak-ng; the results are committed, the daemon needs none.

``routerd/prompts``: the system's own sounds (:mod:`routerd.media.prompts`), 8 kHz. ``conf/sounds``: those of the demo
company, 16 kHz. Both mono, 16-bit PCM. Tones and music are synthesised here; nothing is anybody else's.
"""

from __future__ import annotations

import io
import subprocess
import wave
from pathlib import Path

import numpy as np
import soxr  # type: ignore[import-untyped]

from routerd.media.prompts import SPOKEN, TONES
from routerd.media.wave_format import canonical_header

ROOT = Path(__file__).resolve().parent.parent
NARROW_HZ, WIDE_HZ = 8000, 16_000
VOICE, WORDS_A_MINUTE = "en-gb", 186
SPEECH_LEVEL, TONE_LEVEL, MUSIC_LEVEL = 0.12, 0.1, 0.06  # root mean square; full scale is 1
QUIET = 0.01
EDGE_S = 0.03

DEMO = {
    "welcome": "Welcome to Acme. For sales, press 1. For support, press 2. To leave a message, press 9.",
    "not_understood": "Sorry, I did not understand.",
    "leave_a_message": "Nobody is here at the moment. Please leave a message after the tone.",
    "support_call": "A call for support.",
}

Samples = np.ndarray


def levelled(sound: Samples, level: float) -> Samples:
    """Bring the sound to the level, held below full scale."""
    loud = sound[np.abs(sound) > QUIET * np.max(np.abs(sound))]
    sound = sound * (level / np.sqrt(np.mean(loud**2)))
    return sound * min(1.0, 0.8 / np.max(np.abs(sound)))


def spoken(text: str, rate_hz: int) -> Samples:
    """Speak a text, without the silence around it."""
    command = ["espeak-ng", "-v", VOICE, "-s", str(WORDS_A_MINUTE), "--stdin", "--stdout"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)  # noqa: S603
    with wave.open(io.BytesIO(done.stdout)) as sound:
        raw, source_hz = sound.readframes(10**7), sound.getframerate()
    samples = soxr.resample(np.frombuffer(raw, "<i2") / 32_768, source_hz, rate_hz, quality="VHQ")
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    edge = int(EDGE_S * rate_hz)
    return levelled(samples[max(0, loud[0] - edge) : loud[-1] + edge], SPEECH_LEVEL)


def tone(rate_hz: int, length_s: float, *pitches_hz: float, modulated_hz: float = 0.0) -> Samples:
    """Sound pitches together, with soft edges."""
    at = np.arange(int(length_s * rate_hz)) / rate_hz
    mixed = np.sum([np.sin(2 * np.pi * pitch * at) for pitch in pitches_hz], axis=0)
    if modulated_hz:
        mixed = mixed * (1 + np.sin(2 * np.pi * modulated_hz * at)) / 2
    edge = np.minimum(1.0, np.minimum(at, at[::-1]) / 0.005)
    return mixed * edge * (TONE_LEVEL / np.sqrt(np.mean(mixed**2)))


def cadence(sound: Samples, times: int, gap_s: float, whole_s: float) -> Samples:
    """Repeat a sound with a gap, followed by silence up to ``whole_s``: it can be played for ever."""
    gap = np.zeros(int(gap_s * NARROW_HZ))
    burst = np.concatenate([part for _ in range(times) for part in (sound, gap)])
    whole = np.zeros(int(whole_s * NARROW_HZ))
    whole[: min(len(burst), len(whole))] = burst[: len(whole)]
    return whole


def music(rate_hz: int) -> Samples:
    """Four chords, broken slowly, whose ends ring into their beginning: a loop without a seam."""
    chords = ((48, 55, 64, 71, 74), (45, 52, 60, 67, 72), (41, 48, 57, 64, 69), (43, 50, 59, 62, 69))
    pattern = (0, 1, 2, 3, 4, 3, 2, 1)
    beat_s = 0.4
    loop = np.zeros(int(len(chords) * len(pattern) * beat_s * rate_hz))
    for bar, chord in enumerate(chords):
        for step, voice in enumerate(pattern):
            _strike(loop, rate_hz, (bar * len(pattern) + step) * beat_s, chord[voice], 1.6, 0.8 if step % 4 else 1.0)
        _strike(loop, rate_hz, bar * len(pattern) * beat_s, chord[0] - 12, 3.5, 1.2)
    return levelled(loop, MUSIC_LEVEL)


def _strike(loop: Samples, rate_hz: int, at_s: float, key: int, rings_s: float, force: float) -> None:
    """Add one struck note (a MIDI key) that decays, wrapping round the end."""
    at = np.arange(int(2.2 * rings_s * rate_hz)) / rate_hz
    pitch = 440 * 2 ** ((key - 69) / 12)
    overtones = ((1, 1.0), (2, 0.35), (3, 0.12), (4, 0.05))
    note = np.sum(
        [part * np.sin(2 * np.pi * pitch * times * at) * np.exp(-times * at / rings_s) for times, part in overtones],
        axis=0,
    )
    note *= np.minimum(1.0, at / 0.008) * np.minimum(1.0, at[::-1] / 0.3) * force
    places = (int(at_s * rate_hz) + np.arange(len(note))) % len(loop)
    np.add.at(loop, places, note)


def tones() -> dict[str, Samples]:
    """Make what is not spoken (ITU-T E.180 lists the tones of the countries)."""
    hz = NARROW_HZ
    return {
        "beep": tone(hz, 0.4, 1000),
        "accept": np.concatenate([tone(hz, 0.12, 660), tone(hz, 0.18, 880)]),
        "ringback": cadence(tone(hz, 1.0, 425), 1, 4.0, 5.0),
        "ringback-us": cadence(tone(hz, 2.0, 440, 480), 1, 4.0, 6.0),
        "ringback-uk": cadence(tone(hz, 0.4, 400, 450), 2, 0.2, 3.0),
        "ringback-in": cadence(tone(hz, 0.4, 400, modulated_hz=25), 2, 0.2, 3.0),
        "busy": cadence(tone(hz, 0.5, 425), 1, 0.5, 1.0),
        "busy-us": cadence(tone(hz, 0.5, 480, 620), 1, 0.5, 1.0),
        "music": music(hz),
    }


def write(path: Path, sound: Samples, rate_hz: int) -> None:
    """Write one file."""
    whole = np.clip(np.rint(sound * 32_767), -32_768, 32_767).astype("<i2")
    path.write_bytes(canonical_header(len(whole), rate_hz) + whole.tobytes())


def main() -> None:
    """Make all."""
    made = {name: spoken(text, NARROW_HZ) for name, text in SPOKEN.items()} | tones()
    missing = TONES.keys() - made.keys()
    if missing:
        raise SystemExit(f"no recipe for {sorted(missing)}")
    for name, sound in made.items():
        write(ROOT / "routerd" / "prompts" / f"{name}.wav", sound, NARROW_HZ)
    for name, text in DEMO.items():
        write(ROOT / "conf" / "sounds" / f"{name}.wav", spoken(text, WIDE_HZ), WIDE_HZ)
    write(ROOT / "conf" / "sounds" / "music.wav", music(WIDE_HZ), WIDE_HZ)


if __name__ == "__main__":
    main()
