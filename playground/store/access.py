"""Accounts, links for guests and keys of programs: a file of its own, so that no copy of the history holds them.

Passwords and secrets are kept as hashes only. No SQL about them elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlite_utils

from playground.errors import BadValueError, MissingError, StorageError
from playground.paths import storage_error
from playground.store.access_values import ROOMS, SCOPES, Account, ApiKey, Limits, Link, limits_from
from playground.store.rows import new_id, values_of

_LONGEST_NAME = 60
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS accounts (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, password TEXT NOT NULL, limits TEXT NOT NULL,
        created_at REAL NOT NULL, seen_at REAL, disabled INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS links (
        id TEXT PRIMARY KEY, title TEXT NOT NULL, secret TEXT NOT NULL UNIQUE, password TEXT, rooms TEXT NOT NULL,
        limits TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL, revoked_at REAL);
    CREATE TABLE IF NOT EXISTS api_keys (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, begins TEXT NOT NULL, secret TEXT NOT NULL UNIQUE,
        scopes TEXT NOT NULL, limits TEXT NOT NULL, created_at REAL NOT NULL, used_at REAL, revoked_at REAL);
"""


class Access:
    """All reads and writes of them. Safe to use from any thread. Raises StorageError where the disk does not let it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.RLock()
        with self._translated():
            made = not file.exists()
            db = sqlite3.connect(file, check_same_thread=False, isolation_level=None, timeout=5.0)
            if made:
                os.chmod(file, 0o600)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA temp_store = MEMORY")
            db.executescript(_SCHEMA)
        self._db = sqlite_utils.Database(db)

    # Accounts

    def add_account(self, name: str, password_hash: str, limits: Limits) -> str:
        """Returns the new one's id. Raises BadValueError for a name that is empty, too long or taken."""
        row = dict(id=new_id(), name=_name(name), password=password_hash, limits=_json(asdict(limits)))
        try:
            self._insert("accounts", row)
        except sqlite3.IntegrityError:
            raise BadValueError(f"There is an account {name!r} already. Choose another name.") from None
        return str(row["id"])

    def account(self, account_id: str) -> Account:
        """Raises MissingError."""
        return _account(self._one("accounts", "id", account_id, "This account does not exist (any more)."))

    def password_of(self, name: str) -> tuple[str, str] | None:
        """Id and password hash of the account with this name that is not disabled, in whatever case; None: no such."""
        row = next(iter(self._rows("SELECT * FROM accounts WHERE name = ? AND disabled = 0", [name.strip()])), None)
        return (row["id"], row["password"]) if row else None

    def accounts(self) -> Sequence[Account]:
        """All, by name."""
        return [_account(row) for row in self._rows("SELECT * FROM accounts ORDER BY name")]

    def change_account(
        self,
        account_id: str,
        *,
        password_hash: str | None = None,
        disabled: bool | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Write anew what is not None. Raises MissingError."""
        values = dict(password=password_hash, disabled=disabled, limits=_json(asdict(limits)) if limits else None)
        self._set("accounts", account_id, {name: value for name, value in values.items() if value is not None})

    def account_seen(self, account_id: str) -> None:
        """Note that somebody came in."""
        self._set("accounts", account_id, dict(seen_at=time.time()))

    def delete_account(self, account_id: str) -> None:
        """For good. What it holds lies elsewhere."""
        self._run("DELETE FROM accounts WHERE id = ?", [account_id])

    # Links

    def add_link(
        self,
        title: str,
        secret_hash: str,
        password_hash: str | None,
        rooms: Sequence[str],
        limits: Limits,
        expires_at: float,
    ) -> str:
        """Returns the new one's id. Raises BadValueError for rooms that guests cannot be let into, or a past expiry."""
        if not rooms or set(rooms) - set(ROOMS):
            raise BadValueError(f"The rooms are {', '.join(rooms) or 'none'}. Choose among: {', '.join(ROOMS)}.")
        if expires_at <= time.time():
            raise BadValueError("The link would be over already. Choose a later time.")
        row = dict(id=new_id(), title=_name(title), secret=secret_hash, password=password_hash)
        more = dict(rooms=_json(list(rooms)), limits=_json(asdict(limits)), expires_at=expires_at)
        self._insert("links", {**row, **more})
        return str(row["id"])

    def link(self, link_id: str) -> Link:
        """Raises MissingError."""
        return _link(self._one("links", "id", link_id, "This link does not exist (any more)."))

    def link_of(self, secret_hash: str) -> tuple[Link, str | None] | None:
        """The link with this secret and its password's hash, open or not; None: there is none."""
        row = next(iter(self._rows("SELECT * FROM links WHERE secret = ?", [secret_hash])), None)
        return (_link(row), row["password"]) if row else None

    def links(self) -> Sequence[Link]:
        """All, the newest first."""
        return [_link(row) for row in self._rows("SELECT * FROM links ORDER BY created_at DESC")]

    def revoke_link(self, link_id: str) -> None:
        """From now on nobody comes in by it. Raises MissingError."""
        self._revoke("links", link_id)

    # Keys

    def add_key(self, name: str, begins: str, secret_hash: str, scopes: Sequence[str], limits: Limits) -> str:
        """Returns the new one's id. Raises BadValueError for scopes that do not exist."""
        if not scopes or set(scopes) - set(SCOPES):
            raise BadValueError(f"The scopes are {', '.join(scopes) or 'none'}. Choose among: {', '.join(SCOPES)}.")
        row = dict(id=new_id(), name=_name(name), begins=begins, secret=secret_hash)
        self._insert("api_keys", row | dict(scopes=_json(list(scopes)), limits=_json(asdict(limits))))
        return str(row["id"])

    def key_of(self, secret_hash: str) -> ApiKey | None:
        """The key with this secret that is not revoked; None: there is none."""
        sql = "SELECT * FROM api_keys WHERE secret = ? AND revoked_at IS NULL"
        row = next(iter(self._rows(sql, [secret_hash])), None)
        return _key(row) if row else None

    def all_keys(self) -> Sequence[ApiKey]:
        """All, the newest first."""
        return [_key(row) for row in self._rows("SELECT * FROM api_keys ORDER BY created_at DESC")]

    def key_used(self, key_id: str) -> None:
        """Note when, to the minute: not each request is a write."""
        now = time.time()
        self._run("UPDATE api_keys SET used_at = ? WHERE id = ? AND coalesce(used_at, 0) < ?", [now, key_id, now - 60])

    def revoke_key(self, key_id: str) -> None:
        """From now on it opens nothing. Raises MissingError."""
        self._revoke("api_keys", key_id)

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._db.conn.close()

    def _revoke(self, table: str, row_id: str) -> None:
        sql = f"UPDATE {table} SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?"
        if not self._run(sql, [time.time(), row_id]):
            raise MissingError("It does not exist (any more). Look at the list again.")

    def _set(self, table: str, row_id: str, values: Mapping[str, Any]) -> None:
        sql = f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in values)} WHERE id = ?"
        if values and not self._run(sql, [*values.values(), row_id]):
            raise MissingError("It does not exist (any more). Look at the list again.")

    def _insert(self, table: str, row: dict[str, Any]) -> None:
        row |= {"created_at": time.time()}
        with self._translated(), self._lock:
            self._db.conn.execute(f"INSERT INTO {table} {values_of(row)}", row)

    def _one(self, table: str, column: str, value: str, words: str) -> dict[str, Any]:
        row = next(iter(self._rows(f"SELECT * FROM {table} WHERE {column} = ?", [value])), None)
        if row is None:
            raise MissingError(f"{words} Look at the list again.")
        return row

    def _rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with self._translated(), self._lock:
            return list(self._db.query(sql, list(params)))

    def _run(self, sql: str, params: Sequence[Any]) -> int:
        with self._translated(), self._lock:
            return int(self._db.conn.execute(sql, list(params)).rowcount)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise StorageError(f"{self._file} cannot be used ({error}). Free some space, or restore it.") from error
        except OSError as error:
            raise storage_error(error, self._file) from error


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise BadValueError(f"The name is {name[:80]!r}. Write one of 1 to {_LONGEST_NAME} characters.")
    return name


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _account(row: Mapping[str, Any]) -> Account:
    names = ("id", "name", "created_at", "seen_at")
    limits = limits_from(json.loads(row["limits"]))
    return Account(**{name: row[name] for name in names}, disabled=bool(row["disabled"]), limits=limits)


def _link(row: Mapping[str, Any]) -> Link:
    names = ("id", "title", "created_at", "expires_at", "revoked_at")
    return Link(
        **{name: row[name] for name in names},
        rooms=tuple(json.loads(row["rooms"])),
        limits=limits_from(json.loads(row["limits"])),
        has_password=row["password"] is not None,
    )


def _key(row: Mapping[str, Any]) -> ApiKey:
    names = ("id", "name", "begins", "created_at", "used_at", "revoked_at")
    scopes, limits = tuple(json.loads(row["scopes"])), limits_from(json.loads(row["limits"]))
    return ApiKey(**{name: row[name] for name in names}, scopes=scopes, limits=limits)
