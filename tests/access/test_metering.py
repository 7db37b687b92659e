"""What is counted of a guest's use of the models, and when a lease of theirs ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from playground.access.borrowed import BorrowedManager, MeteredLease
from playground.access.borrowed_models import BorrowedEmbedders
from playground.access.quota import Quota, QuotaError, tokens_in
from playground.engine.embedding import Embedders
from playground.engine.lease import Lease
from playground.errors import ModelError
from playground.records import Sampling, Turn
from playground.services import Services
from playground.store.access_values import Limits
from tests.access.owning import owning
from tests.engine.test_embedding import ENGLISH, SETTINGS, folder, put, tiny

TRANSLATOR = "echo-opus_mt_en_fr"
FREE = {"info", "rewrites", "count_tokens", "end"}
"""Of a lease: nothing of these is read or written by a model."""
__all__ = ["folder", "tiny"]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with owning(tmp_path / "owner", TRANSLATOR) as made:
        yield made


def test_every_way_to_use_a_lease_is_counted_or_free() -> None:
    public = {name for name in vars(Lease) if not name.startswith("_")}
    assert public == FREE | {name for name in vars(MeteredLease) if not name.startswith("_")}


def test_every_way_to_compare_texts_is_written_down() -> None:
    public = {name for name in vars(Embedders) if not name.startswith("_")}
    assert public == {name for name in vars(BorrowedEmbedders) if not name.startswith("_")}


def test_a_translation_by_sequences_is_counted_and_used_up(services: Services) -> None:
    quota, texts = Quota(Limits(tokens_per_hour=30)), ["The harbour lies in the south of the town."] * 2
    with BorrowedManager(services.manager, quota, "ada").lease(threading.Event()) as lease:
        made = lease.rewrite(texts, ("en", "fr"), num_hypotheses=2)
        written = sum(one.tokens for ways in made for one in ways)
        assert written > 0
        assert quota.used()[1] == tokens_in(*texts) + written
        with pytest.raises(QuotaError, match="30 tokens an hour"):
            lease.rewrite(texts, ("en", "fr"))
        with pytest.raises(QuotaError, match="30 tokens an hour"):
            next(lease.stream([Turn("user", "hello")], Sampling(), threading.Event()))


def test_a_guests_quick_translation_is_counted(services: Services) -> None:
    quota = Quota(Limits())
    guest = BorrowedManager(services.manager, quota, "ada")
    with guest.lease(threading.Event()) as lease:
        lease.rewrite(["One two three."], ("en", "fr"))
    assert quota.used()[1] > 0
    assert quota.used()[2] == 0


def test_a_lease_that_is_over_answers_no_more(services: Services) -> None:
    guest = BorrowedManager(services.manager, Quota(Limits()), "ada")
    with guest.lease(threading.Event()) as lease:
        assert lease.count_tokens([Turn("user", "hello")])
    for ask in (
        lambda: lease.count_tokens([Turn("user", "hello")]),
        lambda: lease.rewrites,
        lambda: lease.rewrite(["x"], ("en", "fr")),
    ):
        with pytest.raises(RuntimeError, match="lease has ended"):
            ask()


def test_texts_are_compared_by_meaning_as_far_as_that_is_loaded(
    tiny: Path, folder: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ENGLISH, tiny, folder)  # type: ignore[arg-type]
    owner, quota = Embedders(folder, SETTINGS), Quota(Limits(tokens_per_hour=100))  # type: ignore[arg-type]
    guest = BorrowedEmbedders(owner, quota)
    assert owner.name_for("en")
    assert (guest.name_for("en"), guest.held, guest.embed_for("en")) == ("", (), None)
    assert owner.held == (), "nothing is loaded for a guest"
    mine = owner.embed_for("en")
    assert mine is not None
    expected = mine(["the cat"])
    assert guest.name_for("en") == owner.name_for("en")
    assert guest.embed_for("zh") is None
    theirs = guest.embed_for("en")
    assert theirs is not None
    assert np.allclose(theirs(["the cat"]), expected)
    assert quota.used()[1] == tokens_in("the cat")
    quota.spend(100)
    assert guest.embed_for("en") is None, "by words, then"
    monkeypatch.setattr(Embedders, "held", ())  # As after some minutes.
    with pytest.raises(ModelError, match="unloaded meanwhile"):
        theirs(["the cat"])
