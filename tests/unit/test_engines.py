"""What a server of the roster is started with: command line, environment, address, and what counts as a change."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prodigy_team.errors import TeamError
from prodigy_team.roster import Roster, load_roster
from prodigy_team.servers import engines, gateways, passwords
from prodigy_team.servers.engines import EMBEDDED, PRODIGY, ServerPlan, decide_engine, installed_prodigy, plan_server
from standin_fixture import VERSION, plain_python, standin_python
from support import full_disk

__all__ = ["plain_python", "standin_python"]

TEAM = """
[team]
name = "headlines"
ports = "8081-8099"
[task]
recipe = "ner.manual"
model = "blank:en"
source = "headlines.jsonl"
labels = ["PERSON", "STREET NAME", "Ä"]
"""
SHELL = {
    "PATH": "/bin",
    "HOME": "/home/x",
    "LANG": "C.UTF-8",
    "LC_TIME": "sv_SE",
    "PGPASSWORD": "secret",
    "https_proxy": "http://proxy",
    "NO_PROXY": "localhost",
    "PYTHONPATH": "/somewhere",
    "PRODIGY_LOGGING": "verbose",
    "PRODIGY_PORT": "1",
    "PRODIGY_TEAM_ROSTER": "team.toml",
    "EDITOR": "vi",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A roster's folder with a source."""
    (tmp_path / "headlines.jsonl").write_text('{"text": "One"}\n')
    (tmp_path / "patterns.jsonl").write_text('{"label": "PERSON", "pattern": "One"}\n')
    return tmp_path


def roster(folder: Path, text: str = '[[annotator]]\nname = "joe"\n', *, team: str = TEAM) -> Roster:
    """A roster in the folder."""
    path = folder / "team.toml"
    path.write_text(team + text)
    return load_roster(path, SHELL | {"PRODIGY_HOME": str(folder / "home")})


def plan(found: Roster, place: int = 0, *, engine: str = PRODIGY, **shell: str) -> ServerPlan:
    """The plan of one of its servers."""
    environ = SHELL | {"PRODIGY_HOME": str(found.path.parent / "home")} | shell
    return plan_server(found, found.servers[place], engine=engine, environ=environ)


def test_the_command_line_is_what_a_person_would_type(folder: Path) -> None:
    """RECIPE DATASET MODEL SOURCE and the options, for both engines."""
    found = roster(folder, '[[annotator]]\nname = "joe"\npatterns = "patterns.jsonl"\n')
    source, patterns = str(folder / "headlines.jsonl"), str(folder / "patterns.jsonl")
    argv = (
        "ner.manual",
        "headlines_joe",
        "blank:en",
        source,
        "--label",
        "PERSON,STREET NAME,Ä",
        "--patterns",
        patterns,
    )
    assert plan(found).argv == plan(found, engine=EMBEDDED).argv == argv
    assert plan(found).command == (str(found.python), "-m", "prodigy", *argv)
    assert plan(found, engine=EMBEDDED).command == (sys.executable, "-m", "prodigy_team.annotate", *argv)
    assert plan(found).cwd == folder


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ('recipe = "textcat.manual"', ["SOURCE", "--label", "PERSON,STREET NAME,Ä"]),
        ('recipe = "mark"\nview_id = "text"', ["SOURCE", "--label", "PERSON,STREET NAME,Ä", "--view-id", "text"]),
        ('recipe = "match"\npatterns = "patterns.jsonl"', ["blank:en", "SOURCE", "--patterns", "PATTERNS"]),
        ('recipe = "my.recipe"', ["blank:en", "SOURCE", "--label", "PERSON,STREET NAME,Ä"]),
        ('labels = "labels.txt"', ["blank:en", "SOURCE", "--label", "LABELS"]),
        ('recipe_file = "recipes.py"', ["blank:en", "SOURCE", "--label", "PERSON,STREET NAME,Ä", "-F", "RECIPES"]),
        ('source = "dataset:old"', ["blank:en", "dataset:old", "--label", "PERSON,STREET NAME,Ä"]),
    ],
)
def test_a_key_goes_where_its_recipe_takes_it(folder: Path, text: str, rest: list[str]) -> None:
    """[task] may set a model for recipes that take one without disturbing those that do not."""
    (folder / "labels.txt").write_text("A\nB\n")
    (folder / "recipes.py").write_text("")
    files = {"SOURCE": "headlines.jsonl", "PATTERNS": "patterns.jsonl", "LABELS": "labels.txt", "RECIPES": "recipes.py"}
    argv = plan(roster(folder, f'[[annotator]]\nname = "joe"\n{text}\n')).argv
    assert list(argv[2:]) == [str(folder / files[word]) if word in files else word for word in rest]


def test_only_our_fields_are_filled_into_args(folder: Path) -> None:
    """Other braces are the recipe's own; what a field gives is not searched again."""
    given = ("{model}", "{source}", "--map", '{"a": 1}', "{team}-{server}-{annotator}", "{unknown}", "%s {", "{labels}")
    found = roster(folder)
    server = replace(found.servers[0], args=given)
    source = str(folder / "headlines.jsonl")
    wanted = ["blank:en", source, "--map", '{"a": 1}', "headlines-joe-joe", "{unknown}", "%s {", "PERSON,STREET NAME,Ä"]
    assert list(plan_server(found, server, engine=PRODIGY, environ=SHELL).argv[2:]) == wanted


def test_a_field_without_a_value_is_explained(folder: Path) -> None:
    """An empty argument would fail later and further away."""
    found = roster(folder)
    server = replace(found.servers[0], args=("{patterns}",))
    with pytest.raises(TeamError, match="patterns"):
        plan_server(found, server, engine=PRODIGY, environ=SHELL)


def test_the_environment_is_short_and_the_same_from_cron(folder: Path) -> None:
    """A fixed list of the shell's, the roster's, and what makes it this server, which nothing beats."""
    found = roster(
        folder,
        '[[annotator]]\nname = "joe"\nport = 8090\nenv = { PRODIGY_LOGGING = "basic", EXTRA = "1" }\n'
        "[prodigy]\nbatch_size = 3\n",
    )
    env = dict(plan(found).env)
    mark = json.loads(env.pop("PRODIGY_TEAM_SERVER"))
    assert mark == {"team": "headlines", "name": "joe", "annotators": ["joe"], "state": str(found.state)}
    assert json.loads(env.pop("PRODIGY_CONFIG_OVERRIDES")) == {"batch_size": 3}
    assert env == {
        "PATH": "/bin",
        "HOME": "/home/x",
        "LANG": "C.UTF-8",
        "LC_TIME": "sv_SE",
        "PGPASSWORD": "secret",
        "https_proxy": "http://proxy",
        "NO_PROXY": "localhost",
        "PRODIGY_HOME": str(folder / "home"),
        "PYTHONUNBUFFERED": "1",
        "EXTRA": "1",
        "PRODIGY_LOGGING": "basic",
        "PRODIGY_HOST": "127.0.0.1",
        "PRODIGY_PORT": "8090",
        "PRODIGY_ALLOWED_SESSIONS": "joe",
    }
    assert engines.left_out(SHELL) == ["PRODIGY_LOGGING", "PRODIGY_PORT"]


def test_shared_servers_allow_their_people_or_everybody(folder: Path) -> None:
    """An open server names no sessions; a shared one's address names none either."""
    people = roster(folder, '[[server]]\nname = "pool"\nannotators = ["ana", "bob"]\nport = 8090\n')
    assert plan(people).env["PRODIGY_ALLOWED_SESSIONS"] == "ana,bob"
    assert plan(people).url == "http://127.0.0.1:8090/"
    everybody = roster(folder, '[[server]]\nname = "pool"\n')
    assert "PRODIGY_ALLOWED_SESSIONS" not in plan(everybody).env


def test_a_port_given_out_completes_the_plan(folder: Path) -> None:
    """Prodigy must be told the session; the embedded engine knows it. The roster did not change by it."""
    before = plan(roster(folder))
    assert (before.port, before.url) == (None, "")
    assert "PRODIGY_PORT" not in before.env
    after = before.with_port(8085)
    assert after.url == "http://127.0.0.1:8085/?session=joe"
    assert after.env["PRODIGY_PORT"] == "8085"
    assert after.spec_hash == before.spec_hash
    assert plan(roster(folder), engine=EMBEDDED).with_port(8085).url == "http://127.0.0.1:8085/"


def test_a_config_is_named_only_where_prodigy_would_not_find_it(folder: Path) -> None:
    """The one beside the roster applies wherever a server works."""
    found = roster(folder)
    assert "PRODIGY_CONFIG" not in plan(found).env, "there is none"
    (folder / "prodigy.json").write_text("{}")
    assert "PRODIGY_CONFIG" not in plan(found).env, "it is the working directory's own"
    (folder / "work").mkdir()
    elsewhere = roster(folder, '[[annotator]]\nname = "joe"\ndirectory = "work"\n')
    assert plan(elsewhere).env["PRODIGY_CONFIG"] == str(folder / "prodigy.json")


def test_the_database_is_the_rosters_else_prodigys_own(folder: Path) -> None:
    """Both engines and this tool read the same place."""
    found = roster(folder)
    assert plan(found).database.path == folder / "home" / "prodigy.db"
    (folder / "prodigy.json").write_text('{"db_settings": {"sqlite": {"name": "own.db", "path": "/data"}}}')
    assert plan(found).database.path == Path("/data/own.db")
    (folder / "a b").mkdir()
    named = roster(folder, team=TEAM.replace("ports =", 'database = "a b/answers.db"\nports ='))
    assert plan(named).database.path == folder / "a b" / "answers.db"
    overrides: dict[str, Any] = json.loads(plan(named).env["PRODIGY_CONFIG_OVERRIDES"])
    assert overrides["db_settings"] == {"sqlite": {"name": "answers.db", "path": str(folder / "a b")}}


def changed(before: ServerPlan, after: ServerPlan) -> set[str]:
    """The keys whose hash differs."""
    assert (before.spec == after.spec) == (before.spec_hash == after.spec_hash)
    return {key for key in {*before.spec, *after.spec} if before.spec.get(key) != after.spec.get(key)}


def test_an_upgrade_of_this_package_is_a_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what runs on its code: the embedded engine and the gateway, not Prodigy."""
    found = roster(folder, '[gateway]\n[[annotator]]\nname = "joe"\n')

    def plans() -> tuple[ServerPlan, ...]:
        gateway = gateways.plan_gateway(found, {})
        assert gateway is not None
        return plan(found, engine=EMBEDDED), gateway, plan(found, engine=PRODIGY)

    before = plans()
    for module in (engines, gateways):
        monkeypatch.setattr(module, "__version__", "99.0")
    assert [changed(*pair) for pair in zip(before, plans(), strict=True)] == [{"package"}, {"package"}, set()]


def test_a_change_is_named_by_its_key(folder: Path) -> None:
    """Files count with their content; a comment, another annotator and the shell do not count at all."""
    found = roster(folder)
    before = plan(found)
    assert (
        changed(before, plan(roster(folder, '# new\n[[annotator]]\nname = "joe"\n[[annotator]]\nname = "bo"\n')))
        == set()
    )
    assert changed(before, plan(found, PGPASSWORD="other", LANG="sv")) == set()
    for text, keys in (('labels = ["B"]', {"labels"}), ("port = 8090", {"port"}), ('env = { A = "1" }', {"env"})):
        assert changed(before, plan(roster(folder, f'[[annotator]]\nname = "joe"\n{text}\n'))) == keys
    (folder / "headlines.jsonl").write_text('{"text": "Two"}\n')
    assert changed(before, plan(roster(folder))) == {"source"}
    before = plan(roster(folder))
    (folder / "prodigy.json").write_text('{"batch_size": 5}')
    assert changed(before, plan(roster(folder))) == {"config"}
    assert changed(plan(roster(folder)), plan(roster(folder), engine=EMBEDDED)) == {"engine", "package", "python"}


def test_a_new_password_is_a_change_and_stays_out_of_the_plan(folder: Path) -> None:
    """The variables come as secrets; in the plan stands only that something changed."""
    found = roster(folder)
    before = plan(found)
    passwords.write_password(found.state, "joe", "hush", now=1.0)
    password = passwords.read_passwords(found.state)["joe"]
    after = plan_server(found, found.servers[0], engine=PRODIGY, environ={**before.env}, password=password)
    assert changed(before, after) == {"password"}
    assert "hush" not in repr(after)
    assert "hush" not in repr(password)
    environment = passwords.basic_auth_environment(password)
    assert environment == {"PRODIGY_BASIC_AUTH_USER": "joe", "PRODIGY_BASIC_AUTH_PASS": "hush"}
    assert passwords.passwords_path(found.state).stat().st_mode & 0o777 == 0o600
    assert passwords.remove_password(found.state, "joe")
    assert passwords.read_passwords(found.state) == {}


def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """And one that is damaged, without showing what it holds."""
    passwords.write_password(tmp_path, "joe", "hush", now=1.0)
    path = passwords.passwords_path(tmp_path)
    path.chmod(0o644)
    with pytest.raises(TeamError, match="read by others"):
        passwords.read_passwords(tmp_path)
    path.chmod(0o600)
    path.write_text('{"joe": "hush"')
    with pytest.raises(TeamError) as caught:
        passwords.read_passwords(tmp_path)
    assert "hush" not in str(caught.value)


def test_on_a_full_disk_the_old_passwords_stay_and_no_copy_of_the_new_ones(tmp_path: Path) -> None:
    passwords.write_password(tmp_path, "joe", "hush", now=1.0)
    with full_disk(16), pytest.raises(TeamError, match="cannot be written"):
        passwords.write_password(tmp_path, "joe", "another", now=2.0)

    assert passwords.read_passwords(tmp_path)["joe"].password == "hush"
    assert [each.name for each in tmp_path.iterdir()] == ["passwords.json"]


def test_prodigy_is_found_by_metadata(standin_python: Path, plain_python: Path) -> None:
    """In another interpreter, without importing it; an interpreter that does not run is explained."""
    assert installed_prodigy(standin_python, SHELL) == VERSION
    assert installed_prodigy(plain_python, SHELL) is None
    assert installed_prodigy(Path(sys.executable), SHELL) is None
    with pytest.raises(TeamError, match="/no/such/python"):
        installed_prodigy(Path("/no/such/python"), SHELL)


def test_a_virtual_environment_says_by_itself_what_it_has(tmp_path: Path) -> None:
    """Without its interpreter, which takes a tenth of a second; but that has to be there."""
    info = tmp_path / "lib" / "python3.11" / "site-packages" / "prodigy-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: prodigy\nVersion: 1.2\n\nVersion: 3\n")
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o700)
    assert installed_prodigy(python, SHELL) is None, "this is no virtual environment"
    (tmp_path / "pyvenv.cfg").touch()
    assert installed_prodigy(python, SHELL) == "1.2"
    python.unlink()
    with pytest.raises(TeamError, match="cannot be run"):
        installed_prodigy(python, SHELL)


@pytest.mark.parametrize(
    ("engine", "recorded", "found", "decided"),
    [
        ("auto", None, True, PRODIGY),
        ("auto", None, False, EMBEDDED),
        ("auto", PRODIGY, True, PRODIGY),
        ("auto", EMBEDDED, True, EMBEDDED),
        ("auto", EMBEDDED, False, EMBEDDED),
        ("auto", PRODIGY, False, None),
        ("prodigy", EMBEDDED, True, PRODIGY),
        ("prodigy", None, False, None),
        ("embedded", PRODIGY, True, EMBEDDED),
        ("embedded", PRODIGY, False, EMBEDDED),
    ],
)
def test_the_engine_never_changes_silently(
    folder: Path,
    standin_python: Path,
    plain_python: Path,
    engine: str,
    recorded: str | None,
    found: bool,
    decided: str | None,
) -> None:
    """What `auto` decided once stays; Prodigy gone is an error with a remedy; what the roster says holds."""
    team = replace(roster(folder), engine=engine, python=standin_python if found else plain_python)
    if decided is None:
        with pytest.raises(TeamError) as caught:
            decide_engine(team, recorded=recorded, environ=SHELL)
        assert 'engine = "embedded"' in caught.value.remedy
    else:
        assert decide_engine(team, recorded=recorded, environ=SHELL) == decided


def test_behind_a_gateway_a_server_is_told_so_and_is_another_than_without(folder: Path) -> None:
    found = [
        roster(folder, '[[annotator]]\nname = "joe"\n' + more)
        for more in ("", "[gateway]\n", '[gateway]\nsession_length = "2h"\n')
    ]
    plans = [plan_server(each, each.servers[0], engine=EMBEDDED, environ=SHELL) for each in found]
    marks = [json.loads(each.env["PRODIGY_TEAM_SERVER"]) for each in plans]
    assert [each.get("gateway") for each in marks] == [None, True, True]
    assert "direct" not in marks[1], "nobody is let in past the gateway unless it hands people over"
    assert plans[0].spec_hash != plans[1].spec_hash == plans[2].spec_hash
