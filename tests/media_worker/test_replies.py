from __future__ import annotations

from routerd.media_worker.replies import KEEP_S, MAX_REPLIES, ReplyCache

HERE = ("127.0.0.1", 1)
THERE = ("127.0.0.1", 2)


def test_a_reply_is_found_by_source_and_cookie() -> None:
    cache = ReplyCache()
    cache.keep(HERE, "k", b"reply", 100.0)
    assert cache.find(HERE, "k", 101.0) == b"reply"
    assert cache.find(THERE, "k", 101.0) is None
    assert cache.find(HERE, "other", 101.0) is None


def test_it_is_kept_for_a_while_and_then_forgotten() -> None:
    cache = ReplyCache()
    cache.keep(HERE, "k", b"reply", 100.0)
    assert cache.find(HERE, "k", 100.0 + KEEP_S + 1) == b"reply"
    assert cache.find(HERE, "k", 100.0 + 2 * KEEP_S + 3) is None
    assert len(cache) == 0


def test_memory_is_bounded() -> None:
    cache = ReplyCache()
    for number in range(3 * MAX_REPLIES):
        cookie = str(number)
        assert cache.find(HERE, cookie, 1.0) is None
        cache.keep(HERE, cookie, b"x", 1.0)
    assert len(cache) <= 2 * (MAX_REPLIES + 1)
