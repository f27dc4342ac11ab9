"""Prodigy's settings: where they come from, in what order, and where they put the database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prodigy_team import settings
from prodigy_team.settings import ConfigFileError, find_database, read_config_file, read_settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def write(path: Path, values: Any) -> Path:
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def test_each_place_beats_the_one_before(home: Path, work: Path, tmp_path: Path) -> None:
    """Defaults, home, working directory, recipe, overrides, and last the address in the environment."""
    environ = {"PRODIGY_HOME": str(home)}
    assert read_settings(environ, work)["batch_size"] == 10
    write(home / "prodigy.json", {"batch_size": 11, "port": 1})
    assert read_settings(environ, work)["batch_size"] == 11
    write(work / "prodigy.json", {"batch_size": 12})
    assert read_settings(environ, work)["batch_size"] == 12
    environ["PRODIGY_CONFIG"] = str(write(tmp_path / "other.json", {"batch_size": 13}))
    assert read_settings(environ, work)["batch_size"] == 13
    assert read_settings(environ, work, recipe={"batch_size": 14})["batch_size"] == 14
    environ["PRODIGY_CONFIG_OVERRIDES"] = '{"batch_size": 15, "port": 2}'
    environ |= {"PRODIGY_HOST": "0.0.0.0", "PRODIGY_PORT": "3"}
    values = read_settings(environ, work, recipe={"batch_size": 14})
    assert (values["batch_size"], values["host"], values["port"]) == (15, "0.0.0.0", 3)


def test_a_named_file_takes_the_place_of_the_local_one_only(home: Path, work: Path, tmp_path: Path) -> None:
    write(home / "prodigy.json", {"theme": "home"})
    write(work / "prodigy.json", {"show_flag": True})
    environ = {"PRODIGY_HOME": str(home), "PRODIGY_CONFIG": str(write(tmp_path / "other.json", {"hide_meta": True}))}
    values = read_settings(environ, work)
    assert (values["theme"], values["show_flag"], values["hide_meta"]) == ("home", False, True)


def test_a_relative_named_file_is_sought_in_the_working_directory(home: Path, work: Path) -> None:
    write(work / "mine.json", {"batch_size": 3})
    assert read_settings({"PRODIGY_HOME": str(home), "PRODIGY_CONFIG": "mine.json"}, work)["batch_size"] == 3


def test_a_named_file_that_is_missing_is_a_problem(home: Path, work: Path) -> None:
    with pytest.raises(ConfigFileError, match=r"nowhere\.json: No such file"):
        read_settings({"PRODIGY_HOME": str(home), "PRODIGY_CONFIG": "nowhere.json"}, work)


def test_the_home_file_is_read_once_where_it_is_also_the_local_one(home: Path) -> None:
    write(home / "prodigy.json", {"batch_size": 3})
    assert settings.config_files({"PRODIGY_HOME": str(home)}, home) == [home / "prodigy.json"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"batch_size": 10,\n "port": }', "line 2, column 10: no valid JSON"),
        (b'{"a": 1,}', "line 1, column [89]: no valid JSON"),  # Python 3.13 points at the comma, others behind it
        (b"[1]", "not a JSON object"),
        (b"", "line 1, column 1: no valid JSON"),
        (b'{"a":\n  "\xe5"}', "line 2, column 4: byte 0xe5 is not UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "byte order mark"),
        ('{"a": 1}'.encode("utf-16"), "byte order mark"),
        (b'{"a":' * 100_000, "nested too deeply|no valid JSON"),
    ],
)
def test_an_invalid_file_is_named_with_line_and_column(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "prodigy.json"
    path.write_bytes(content)
    with pytest.raises(ConfigFileError, match=said) as caught:
        read_config_file(path)
    assert str(path) in caught.value.message
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_broken_overrides_are_named_without_their_content(home: Path, work: Path) -> None:
    """The overrides can hold a database's password."""
    environ = {"PRODIGY_HOME": str(home), "PRODIGY_CONFIG_OVERRIDES": '{"password": "hunter2"'}
    with pytest.raises(ConfigFileError, match="PRODIGY_CONFIG_OVERRIDES: line 1") as caught:
        read_settings(environ, work)
    assert "hunter2" not in str(caught.value)


def test_a_port_that_is_no_number_is_refused(home: Path, work: Path) -> None:
    with pytest.raises(ConfigFileError, match="PRODIGY_PORT=eighty"):
        read_settings({"PRODIGY_HOME": str(home), "PRODIGY_PORT": "eighty"}, work)


@pytest.mark.parametrize(
    ("values", "keys"),
    [
        ({}, []),
        ({"feed_overlap": True}, []),
        ({"feed_overlap": False, "annotations_per_task": 2}, []),
        ({"feed_overlap": True, "annotations_per_task": 1.2}, ["feed_overlap"]),
        ({"batch_size": 0}, ["batch_size"]),
        ({"batch_size": "ten"}, ["batch_size"]),
        ({"annotations_per_task": 0.5}, ["annotations_per_task"]),
        ({"annotations_per_task": True}, ["annotations_per_task"]),
        ({"exclude_by": "text"}, ["exclude_by"]),
    ],
)
def test_contradictions_are_found(values: dict[str, Any], keys: list[str]) -> None:
    found = settings.contradictions({**settings.DEFAULTS, **values})
    assert [key for key, _, _ in found] == keys
    assert all(text and remedy for _, text, remedy in found)


def test_unsupported_settings_are_listed_only_where_they_differ_from_the_default() -> None:
    """Many people copy Prodigy's whole default block into their file; that is no reason to warn."""
    assert settings.unsupported(settings.DEFAULTS) == []
    assert settings.unsupported({"javascript": "alert(1)"}) == [("javascript", settings.UNSUPPORTED["javascript"])]
    assert set(settings.UNSUPPORTED) <= settings.KNOWN


def database(values: dict[str, Any], work: Path, home: Path) -> settings.Database:
    write(work / "prodigy.json", values)
    environ = {"PRODIGY_HOME": str(home), "HOME": str(home)}
    return find_database(read_settings(environ, work), environ)


def test_the_database_is_prodigys_own_by_default(work: Path, home: Path) -> None:
    found = database({}, work, home)
    assert (found.kind, found.path, found.origin) == ("sqlite", home / "prodigy.db", "Prodigy's default")


@pytest.mark.parametrize(
    ("sqlite", "path"),
    [
        ({"name": "a.db"}, "{home}/a.db"),
        ({"name": "a.db", "path": "/data"}, "/data/a.db"),
        ({"path": "/data"}, "/data/prodigy.db"),
        ({"path": "data"}, "{work}/data/prodigy.db"),
        ({"path": "~/data"}, "{home}/data/prodigy.db"),
        ({"name": ":memory:"}, ":memory:"),
    ],
)
def test_sqlite_settings_name_the_file(sqlite: dict[str, str], path: str, work: Path, home: Path) -> None:
    found = database({"db": "sqlite", "db_settings": {"sqlite": sqlite}}, work, home)
    assert str(found.path) == path.format(home=home, work=work)
    assert found.origin == str(work / "prodigy.json")


def test_other_databases_are_known_by_kind_only(work: Path, home: Path) -> None:
    found = database({"db": "postgresql", "db_settings": {"postgresql": {"password": "x"}}}, work, home)
    assert (found.kind, found.path) == ("postgresql", None)
    assert "password" not in repr(found)


@pytest.mark.parametrize("values", [{"db_settings": [1]}, {"db": ["x"]}, {"db_settings": {"sqlite": 3}}])
def test_settings_that_name_no_database_are_refused(values: dict[str, Any], work: Path, home: Path) -> None:
    with pytest.raises(ConfigFileError, match="do not name a database"):
        database(values, work, home)


def test_the_home_is_found_without_the_variable() -> None:
    assert settings.prodigy_home({"HOME": "/home/joe"}) == Path("/home/joe/.prodigy")
    assert settings.prodigy_home({"HOME": "/home/joe", "PRODIGY_HOME": "/srv/p"}) == Path("/srv/p")
