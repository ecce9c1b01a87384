"""Phones hear the menu's prompt and press, by RFC 4733, INFO and tones; parties held or outside hear theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit import menu_scenes, outside_scenes
from kit.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
def stage(running: Stage, tmp_path: Path) -> Stage:
    return running.begin(tmp_path)


@pytest.mark.parametrize("way", ["event", "info"])
def test_baresip_hears_the_prompt_and_presses(stage: Stage, way: str) -> None:
    menu_scenes.baresip_presses(stage, way)


@pytest.mark.parametrize("way", ["event", "info"])
def test_linphone_hears_the_prompt_and_presses(stage: Stage, way: str) -> None:
    menu_scenes.linphone_presses(stage, way)


def test_tones_in_the_voice_are_digits(stage: Stage) -> None:
    menu_scenes.trunk_presses_by_tones(stage)


def test_who_is_held_hears_music(stage: Stage) -> None:
    menu_scenes.held_with_music(stage)


def test_an_agent_hears_the_label_first(stage: Stage) -> None:
    menu_scenes.whispered(stage)


def test_info_becomes_events(stage: Stage) -> None:
    menu_scenes.info_becomes_events(stage)


def test_a_leg_outside_presses_one_to_take_the_call(stage: Stage) -> None:
    outside_scenes.who_presses_one_takes_the_call(stage)


def test_a_leg_outside_that_presses_nothing_has_not_answered(stage: Stage) -> None:
    outside_scenes.who_presses_nothing_has_not_answered(stage)


def test_an_agent_is_brought_to_a_customer(stage: Stage) -> None:
    outside_scenes.clicked(stage)


def test_a_call_is_held_by_the_api(stage: Stage) -> None:
    outside_scenes.held_by_command(stage)
