"""Phones hear the menu's prompt and press, by RFC 4733, INFO and tones; held parties and agents hear theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import menu_scenes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("way", ["event", "info"])
def test_baresip_hears_the_prompt_and_presses(tmp_path: Path, way: str) -> None:
    menu_scenes.baresip_presses(tmp_path, None, way)


@pytest.mark.parametrize("way", ["event", "info"])
def test_linphone_hears_the_prompt_and_presses(tmp_path: Path, way: str) -> None:
    menu_scenes.linphone_presses(tmp_path, None, way)


def test_tones_in_the_voice_are_digits(tmp_path: Path) -> None:
    menu_scenes.trunk_presses_by_tones(tmp_path, None)


def test_who_is_held_hears_music(tmp_path: Path) -> None:
    menu_scenes.held_with_music(tmp_path, None)


def test_an_agent_hears_the_label_first(tmp_path: Path) -> None:
    menu_scenes.whispered(tmp_path, None)


def test_info_becomes_events(tmp_path: Path) -> None:
    menu_scenes.info_becomes_events(tmp_path, None)
