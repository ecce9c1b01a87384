"""The same menu, music and label with Debian's rtpengine in userspace in the embedded engine's place."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from kit import menu_scenes, outside_scenes
from kit.rtpengine import Rtpengine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    shutil.which("rtpengine") is None, reason="rtpengine is not installed (Debian: rtpengine-daemon)"
)


@pytest.fixture
def media(tmp_path: Path) -> Iterator[dict[str, Any]]:
    with Rtpengine(tmp_path) as engine:
        yield engine.media


@pytest.mark.parametrize("way", ["event", "info"])
def test_baresip_hears_the_prompt_and_presses(tmp_path: Path, media: dict[str, Any], way: str) -> None:
    menu_scenes.baresip_presses(tmp_path, media, way)


def test_linphone_hears_the_prompt_and_presses(tmp_path: Path, media: dict[str, Any]) -> None:
    menu_scenes.linphone_presses(tmp_path, media, "event")


def test_tones_in_the_voice_are_digits(tmp_path: Path, media: dict[str, Any]) -> None:
    menu_scenes.trunk_presses_by_tones(tmp_path, media)


def test_who_is_held_hears_music(tmp_path: Path, media: dict[str, Any]) -> None:
    menu_scenes.held_with_music(tmp_path, media)


def test_an_agent_hears_the_label_first(tmp_path: Path, media: dict[str, Any]) -> None:
    menu_scenes.whispered(tmp_path, media)


def test_info_becomes_events(tmp_path: Path, media: dict[str, Any]) -> None:
    menu_scenes.info_becomes_events(tmp_path, media)


def test_a_leg_outside_presses_one_to_take_the_call(tmp_path: Path, media: dict[str, Any]) -> None:
    outside_scenes.who_presses_one_takes_the_call(tmp_path, media)


def test_an_agent_is_brought_to_a_customer(tmp_path: Path, media: dict[str, Any]) -> None:
    outside_scenes.clicked(tmp_path, media)


def test_a_call_is_held_by_the_api(tmp_path: Path, media: dict[str, Any]) -> None:
    outside_scenes.held_by_command(tmp_path, media)
