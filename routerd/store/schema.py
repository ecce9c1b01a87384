"""The tables of the store, and the steps from one form of them to the next.

``user_version`` of the database file counts the steps that were taken. A step is never changed once it has shipped;
a new form is a new step. Values that only programs read are msgpack.
"""

from __future__ import annotations

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE documents (
        account TEXT NOT NULL, version INTEGER NOT NULL, at REAL NOT NULL, source TEXT NOT NULL, digest TEXT NOT NULL,
        text BLOB NOT NULL, PRIMARY KEY (account, version)
    );
    CREATE TABLE bindings (
        account TEXT NOT NULL, extension TEXT NOT NULL, contact TEXT NOT NULL, expires_at REAL, entry BLOB NOT NULL,
        PRIMARY KEY (account, extension, contact)
    ) WITHOUT ROWID;
    CREATE TABLE sessions (
        account TEXT NOT NULL, agent TEXT NOT NULL, entry BLOB NOT NULL, PRIMARY KEY (account, agent)
    ) WITHOUT ROWID;
    CREATE TABLE starts (
        id TEXT PRIMARY KEY, process TEXT NOT NULL, account TEXT NOT NULL, at REAL NOT NULL, entry BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE records (
        id TEXT PRIMARY KEY, account TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, caller TEXT NOT NULL,
        callee TEXT NOT NULL, trunk TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL, entry BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX records_by_time ON records (account, at);
    CREATE INDEX records_by_caller ON records (account, caller, at);
    CREATE INDEX records_by_callee ON records (account, callee, at);
    CREATE TABLE affinity (
        account TEXT NOT NULL, caller TEXT NOT NULL, agent TEXT NOT NULL, number TEXT NOT NULL,
        department TEXT NOT NULL, at REAL NOT NULL, entry BLOB NOT NULL,
        PRIMARY KEY (account, caller, agent, number, department)
    ) WITHOUT ROWID;
    CREATE TABLE used (
        account TEXT NOT NULL, number TEXT NOT NULL, day TEXT NOT NULL, times INTEGER NOT NULL,
        PRIMARY KEY (account, number, day)
    ) WITHOUT ROWID;
    CREATE TABLE positions (process TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE record_agents (
        account TEXT NOT NULL, agent TEXT NOT NULL, at REAL NOT NULL, id TEXT NOT NULL,
        PRIMARY KEY (account, agent, at, id)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE documents ADD COLUMN author TEXT NOT NULL DEFAULT '';
    CREATE TABLE document_states (
        account TEXT PRIMARY KEY, serial INTEGER NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0, confirm_until REAL,
        fallback INTEGER
    ) WITHOUT ROWID;
    INSERT INTO document_states (account, serial) SELECT account, max(version) FROM documents GROUP BY account;
    CREATE TABLE tokens (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL,
        accounts TEXT NOT NULL, created_at REAL NOT NULL, used_at REAL, expires_at REAL
    ) WITHOUT ROWID;
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, at REAL NOT NULL, entry BLOB NOT NULL
    );
    CREATE INDEX audit_by_account ON audit (account, number);
    CREATE TABLE idempotency (
        token TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL, request BLOB NOT NULL, process TEXT NOT NULL,
        status INTEGER NOT NULL, headers BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (token, key)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE messages (
        account TEXT NOT NULL, voicemail TEXT NOT NULL, id TEXT NOT NULL, call TEXT NOT NULL, at REAL NOT NULL,
        caller TEXT NOT NULL, caller_name TEXT NOT NULL, duration_s REAL NOT NULL, file TEXT NOT NULL,
        size_bytes INTEGER NOT NULL, read INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
        mail TEXT NOT NULL DEFAULT '', mail_attempts INTEGER NOT NULL DEFAULT 0, mail_at REAL NOT NULL DEFAULT 0,
        mail_error TEXT NOT NULL DEFAULT '', PRIMARY KEY (account, voicemail, id)
    ) WITHOUT ROWID;
    CREATE INDEX messages_by_mail ON messages (mail, mail_at);
    """,
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, call TEXT NOT NULL, sequence INTEGER NOT NULL,
        event TEXT NOT NULL, at REAL NOT NULL, data BLOB NOT NULL
    );
    CREATE INDEX events_by_call ON events (call, sequence);
    CREATE INDEX events_by_time ON events (at);
    CREATE TABLE webhooks (
        id TEXT PRIMARY KEY, account TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL, events BLOB NOT NULL,
        at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE deliveries (
        webhook TEXT NOT NULL, event INTEGER NOT NULL, call TEXT NOT NULL, state TEXT NOT NULL,
        attempts INTEGER NOT NULL, due_at REAL NOT NULL, error TEXT NOT NULL, PRIMARY KEY (webhook, event)
    ) WITHOUT ROWID;
    CREATE INDEX deliveries_due ON deliveries (webhook, state, due_at);
    CREATE INDEX deliveries_by_call ON deliveries (webhook, call, state, event);
    CREATE INDEX deliveries_by_event ON deliveries (event);
    CREATE TABLE dispositions (
        id TEXT PRIMARY KEY, account TEXT NOT NULL, code TEXT NOT NULL, note TEXT NOT NULL, by TEXT NOT NULL,
        at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE record_places (
        account TEXT NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL, at REAL NOT NULL, id TEXT NOT NULL,
        PRIMARY KEY (account, kind, place, at, id)
    ) WITHOUT ROWID;
    ALTER TABLE records ADD COLUMN duration_s REAL NOT NULL DEFAULT 0;
    CREATE INDEX records_by_outcome ON records (account, outcome, at);
    CREATE INDEX records_by_reason ON records (account, reason, at);
    """,
    """
    CREATE TABLE recordings (
        id TEXT PRIMARY KEY, account TEXT NOT NULL, at REAL NOT NULL, file TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX recordings_by_time ON recordings (at);
    CREATE INDEX records_by_age ON records (at);
    """,
)

SETTINGS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",  # a power cut may cost the last batches, never the file
    "PRAGMA busy_timeout=5000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-2048",
)
