"""Accounts, links and keys: kept as hashes, found by them, over when they are over."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.access.hashing import hashed_password, hashed_secret, is_password, new_secret
from playground.errors import BadValueError, MissingError
from playground.store.access import Access
from playground.store.access_values import Limits, limits_from

SECRET, PASSWORD = "a-secret-that-is-nowhere", "correct horse battery"


@pytest.fixture
def access(tmp_path: Path) -> Iterator[Access]:
    opened = Access(tmp_path / "access.db")
    yield opened
    opened.close()


def kept(folder: Path) -> bytes:
    """All that is on the disk."""
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


def test_what_is_kept_tells_no_secret(access: Access, tmp_path: Path) -> None:
    access.add_account("Ada", hashed_password(PASSWORD), Limits())
    access.add_link("Friends", hashed_secret(SECRET), hashed_password(PASSWORD), ["chat"], Limits(), time.time() + 60)
    access.add_key("editor", SECRET[:6], hashed_secret(SECRET), ["chat"], Limits())
    held = kept(tmp_path)
    assert b"Friends" in held
    assert SECRET.encode() not in held
    assert PASSWORD.encode() not in held
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "access.db").stat().st_mode) == 0o600


def test_an_account_is_found_in_whatever_case_and_not_when_it_is_disabled(access: Access) -> None:
    account = access.add_account(" Ada  Lovelace ", hashed_password(PASSWORD), Limits(concurrent=3))
    found = access.password_of("ada lovelace")
    assert found is not None
    assert found[0] == account
    assert is_password(found[1], PASSWORD)
    assert not is_password(found[1], PASSWORD + "r")
    with pytest.raises(BadValueError, match="already"):
        access.add_account("ADA LOVELACE", hashed_password(PASSWORD), Limits())
    access.change_account(account, disabled=True)
    assert access.password_of("Ada Lovelace") is None
    assert (access.account(account).disabled, access.account(account).limits.concurrent) == (True, 3)
    access.delete_account(account)
    with pytest.raises(MissingError):
        access.account(account)
    with pytest.raises(MissingError):
        access.change_account(account, disabled=False)


def test_a_link_is_open_until_it_is_over_or_revoked(access: Access) -> None:
    now = time.time()
    link = access.add_link("Friends", hashed_secret(SECRET), None, ["chat", "translate"], Limits(), now + 60)
    found = access.link_of(hashed_secret(SECRET))
    assert found is not None
    assert (found[0].id, found[0].rooms, found[1], found[0].has_password) == (link, ("chat", "translate"), None, False)
    assert found[0].open(now)
    assert not found[0].open(now + 60)
    access.revoke_link(link)
    assert not access.link(link).open(now)
    first = access.link(link).revoked_at
    access.revoke_link(link)
    assert access.link(link).revoked_at == first
    assert access.link_of(hashed_secret("another")) is None
    with pytest.raises(MissingError):
        access.revoke_link("nothing")


def test_a_key_opens_nothing_once_it_is_revoked(access: Access) -> None:
    key = access.add_key("editor", "pg-abc", hashed_secret(SECRET), ["chat", "embeddings"], Limits())
    found = access.key_of(hashed_secret(SECRET))
    assert found is not None
    assert (found.id, found.scopes, found.used_at) == (key, ("chat", "embeddings"), None)
    access.key_used(key)
    assert access.all_keys()[0].used_at is not None
    access.revoke_key(key)
    assert access.key_of(hashed_secret(SECRET)) is None
    assert access.all_keys()[0].revoked_at is not None


@pytest.mark.parametrize("name", ["", "   ", "a" * 61, "a\x00b"])
def test_names_that_cannot_be(access: Access, name: str) -> None:
    with pytest.raises(BadValueError):
        access.add_account(name, hashed_password(PASSWORD), Limits())


def test_what_cannot_be_given(access: Access) -> None:
    for rooms in ([], ["tune"], ["chat", "models"]):
        with pytest.raises(BadValueError, match="Choose among"):
            access.add_link("x", "hash", None, rooms, Limits(), time.time() + 60)
    with pytest.raises(BadValueError, match="over already"):
        access.add_link("x", "hash", None, ["chat"], Limits(), time.time() - 1)
    with pytest.raises(BadValueError, match="Choose among"):
        access.add_key("x", "pg-", "hash", ["everything"], Limits())
    for value in (-1, True, 1.5, 10**13, "9"):
        with pytest.raises(BadValueError, match="Write a number"):
            limits_from({"concurrent": value})


def test_it_is_there_after_a_restart(access: Access, tmp_path: Path) -> None:
    access.add_link("Friends", hashed_secret(SECRET), None, ["chat"], Limits(), time.time() + 60)
    again = Access(tmp_path / "access.db")
    assert again.link_of(hashed_secret(SECRET)) is not None
    again.close()


@pytest.mark.parametrize("password", ["", "short", "elevenchars", "aaaaaaaaaaaaaaa", "x" * 1001])
def test_passwords_that_are_none(password: str) -> None:
    with pytest.raises(BadValueError, match="password"):
        hashed_password(password)


def test_secrets_are_not_alike_and_no_password_fits_nobody() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 32
    assert not is_password(None, "nobody has this password")
    assert not is_password("no hash at all", "nobody has this password")
    assert not is_password(None, "x" * 10_000_000)
