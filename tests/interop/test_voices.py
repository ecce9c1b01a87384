"""Phones hear the menu's prompt and press, by RFC 4733, INFO and tones; parties held or outside hear theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import menu_scenes, outside_scenes

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


def test_a_leg_outside_presses_one_to_take_the_call(tmp_path: Path) -> None:
    outside_scenes.who_presses_one_takes_the_call(tmp_path, None)


def test_a_leg_outside_that_presses_nothing_has_not_answered(tmp_path: Path) -> None:
    outside_scenes.who_presses_nothing_has_not_answered(tmp_path, None)


def test_an_agent_is_brought_to_a_customer(tmp_path: Path) -> None:
    outside_scenes.clicked(tmp_path, None)


def test_a_call_is_held_by_the_api(tmp_path: Path) -> None:
    outside_scenes.held_by_command(tmp_path, None)
