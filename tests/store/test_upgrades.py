"""A database of any earlier version becomes the same as a new one, with its rows, and a copy of it stays beside it."""

import re
from contextlib import closing
from pathlib import Path

import pysqlite3.dbapi2 as sqlite3
import pytest
from tavs.errors import StoreError
from tavs.store.database import SCHEMA_VERSION, open_reader, open_writer

HERE = Path(__file__).parent
CALL = "018f0000-0000-7000-8000-000000000001"


def old_database(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript((HERE / f"schema_{version}.sql").read_text(encoding="utf-8"))
        old.execute("pragma journal_mode = wal")
        old.execute("insert into calls (id, started_at, source, trunk, extension, flags)"
                    " values (?, '2026-01-01T10:00:00Z', 'siprec', 'pbx', '4512', '[]')", (CALL,))  # fmt: skip
        old.execute("insert into segments values (1, ?, 'customer', 1, 0, 900, '[]', 0, 300, 0, x'00')", (CALL,))
        old.execute("insert into suggestions (call, segment, doc, section, title, score, t_ms, delay_ms)"
                    " values (?, 1, 'husforsikring', '4.1', 'Vand', 7.5, 1200, 300)", (CALL,))  # fmt: skip
        old.execute(f"pragma user_version = {version}")


def structure(path: Path) -> dict[str, str]:
    """Every table, index and trigger with its definition, without comments, quotes and spaces."""
    with closing(open_reader(path)) as connection:
        rows = connection.execute("select name, sql from sqlite_master where sql is not null").fetchall()
    return {name: re.sub(r'--[^\n]*|"|\s', "", sql) for name, sql in rows}


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_old_database_becomes_what_a_new_one_is_and_keeps_its_rows(tmp_path: Path, version: int) -> None:
    old, new = tmp_path / "tavs.db", tmp_path / "new.db"
    old_database(old, version)
    open_writer(new).close()
    with closing(open_writer(old)) as upgraded:
        assert [(CALL, "4512")] == upgraded.execute("select id, extension from calls").fetchall()
        assert [("4.1", "local")] == upgraded.execute("select section, engine from suggestions").fetchall()
        assert [("ok",)] == upgraded.execute("pragma integrity_check").fetchall()
        assert [] == upgraded.execute("pragma foreign_key_check").fetchall()
    assert structure(new) == structure(old)
    with closing(sqlite3.connect(tmp_path / f"tavs.db.schema-{version}")) as copy:
        assert [(version,)] == copy.execute("pragma user_version").fetchall()
        assert [(CALL,)] == copy.execute("select id from calls").fetchall()


def test_a_newer_database_is_left_alone_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tavs.db"
    with closing(open_writer(path)) as connection:
        connection.execute(f"pragma user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match="this program knows"):
        open_writer(path)
