"""A good roster becomes exactly the servers and annotators it means."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from prodigy_team.roster import RosterError, load_roster, state_folder
from roster_lines import JANE, JOE, Load

TASK = """
[team]
name = "news"
[task]
recipe = "ner.manual"
model = "blank:en"
source = "headlines.jsonl"
labels = ["PERSON", "ORG"]
"""


def test_three_lines_are_a_roster(load: Load) -> None:
    """The README's roster: everything else has a default."""
    roster = load(
        'team = { name = "news" }\n'
        'task = { recipe = "textcat.manual", source = "headlines.jsonl", labels = ["BUSINESS", "SPORT"] }\n'
        'annotator = [{ name = "joe" }, { name = "jane" }]\n'
    )
    assert [server.name for server in roster.servers] == ["joe", "jane"]
    assert [server.dataset for server in roster.servers] == ["news_joe", "news_jane"]


def test_defaults(load: Load, folder: Path) -> None:
    roster = load(TASK + JOE)
    assert (roster.engine, roster.host, roster.ports) == ("auto", "127.0.0.1", range(8081, 8181))
    assert roster.python == Path(sys.executable)
    assert (roster.database, roster.config, roster.state) == (
        None,
        folder / "prodigy.json",
        folder / ".prodigy-team",
    )
    assert (roster.routing, roster.gateway, roster.managers, roster.warnings) == (None, None, (), ())
    (server,) = roster.servers
    assert (server.annotators, server.shared, server.open, server.port) == (("joe",), False, False, None)
    assert (server.source, server.directory) == (str(folder / "headlines.jsonl"), folder)
    assert server.labels == ("PERSON", "ORG")


def test_an_annotator_may_set_any_key_of_the_task(load: Load, folder: Path) -> None:
    (folder / "jane.jsonl").touch()
    own = 'source = "jane.jsonl"\nlabels = ["ORG"]\nport = 9000\nhost = "localhost"\ndataset = "mine"\n'
    joe, jane = load(TASK + JOE + JANE + own).servers
    assert (joe.labels, joe.port, joe.host, joe.dataset) == (("PERSON", "ORG"), None, "127.0.0.1", "news_joe")
    assert (jane.labels, jane.port, jane.host, jane.dataset) == (("ORG",), 9000, "localhost", "mine")
    assert jane.source == str(folder / "jane.jsonl")
    assert (jane.where("labels"), joe.where("labels")) == ("annotator[1].labels", "task.labels")
    assert (jane.where("host"), joe.where("host"), joe.where("port")) == (
        "annotator[1].host",
        "team.host",
        "annotator[0].port",
    )


def test_a_shared_server_takes_its_annotators_from_their_own(load: Load) -> None:
    roster = load(TASK + JOE + JANE + '[[server]]\nname = "pool"\nannotators = ["jane", "bob"]\n')
    assert [(server.name, server.annotators, server.shared) for server in roster.servers] == [
        ("joe", ("joe",), False),
        ("pool", ("jane", "bob"), True),
    ]
    assert {annotator.name: annotator.server for annotator in roster.annotators} == {
        "joe": "joe",
        "jane": "pool",
        "bob": "pool",
    }
    assert roster.servers[1].dataset == "news_pool"


def test_a_server_without_annotators_is_open(load: Load) -> None:
    (server,) = load(TASK + '[[server]]\nname = "pool"\n').servers
    assert (server.annotators, server.open) == ((), True)


def test_a_default_dataset_for_annotators_names_the_server_on_a_shared_one(load: Load) -> None:
    text = TASK + 'dataset = "x-{annotator}"\n' + JOE + '[[server]]\nname = "pool"\nannotators = ["ana", "bob"]\n'
    assert [server.dataset for server in load(text).servers] == ["x-joe", "x-pool"]


def test_a_paused_annotator_has_no_server(load: Load) -> None:
    roster = load(TASK + JOE + "paused = true\n" + JANE)
    assert [server.name for server in roster.servers] == ["jane"]
    assert roster.paused == ("joe",)


def test_a_paused_annotator_leaves_a_shared_server_to_the_others(load: Load) -> None:
    shared = '[[server]]\nname = "pool"\nannotators = ["joe", "jane"]\n'
    (server,) = load(TASK + JOE + "paused = true\n" + shared).servers
    assert server.annotators == ("jane",)
    assert load(TASK + JOE + "paused = true\n" + shared.replace(', "jane"', "")).servers == ()


def test_further_keys(load: Load, folder: Path) -> None:
    (folder / "rules.py").write_text("def may(task, annotator):\n    return True\n")
    (folder / "gold.jsonl").touch()
    roster = load(
        TASK.replace("[task]", "start_at_once = 3\nallow_public = true\n[task]")
        + 'version = 2\ntokenizer = "chars"\nimage_hosts = ["a.example"]\nallow_shared_model = true\n'
        + '[routing]\nannotations_per_task = 1.2\nlease = "90s"\nseed = 7\norder = "shuffled"\n'
        + 'gold = "gold.jsonl"\ngold_rate = 0.05\nrouter = "rules.py:may"\n'
        + JOE
        + 'limit = 5\nshare = 0.1\nonly = { lang = "sv", section = ["a", "b"] }\naliases = ["Joseph"]\n'
        + JANE
        + '[gateway]\nport = 8000\n[[manager]]\nname = "maria"\n'
    )
    assert (roster.start_at_once, roster.allow_public) == (3, True)
    server = roster.servers[0]
    assert (server.version, server.tokenizer, server.image_hosts) == ("2", "chars", ("a.example",))
    assert server.allow_shared_model
    assert roster.routing is not None
    assert roster.routing.annotations_per_task == Decimal("1.2")
    assert (roster.routing.lease, roster.routing.seed, roster.routing.order) == (90.0, 7, "shuffled")
    assert (roster.routing.gold, roster.routing.gold_rate) == (str(folder / "gold.jsonl"), Decimal("0.05"))
    assert roster.routing.router == f"{folder / 'rules.py'}:may"
    joe = roster.annotators[0]
    assert (joe.limit, joe.share, joe.aliases) == (5, Decimal("0.1"), ("Joseph",))
    assert joe.only == {"lang": ("sv",), "section": ("a", "b")}
    assert roster.gateway is not None
    assert roster.gateway["port"] == 8000
    assert roster.managers == ({"name": "maria"},)
    assert roster.warnings == ()


# Real set-ups, as people run them today.


def test_a_custom_recipe_file_with_its_own_arguments(load: Load, folder: Path) -> None:
    (folder / "recipes.py").touch()
    roster = load(
        '[team]\nname = "news"\n[task]\nrecipe = "my-recipe"\nrecipe_file = "recipes.py"\n'
        'source = "headlines.jsonl"\nargs = ["{source}", "--threshold", "0.5", "--json", "{\\"a\\": 1}"]\n' + JOE
    )
    (server,) = roster.servers
    assert server.recipe_file == folder / "recipes.py"
    assert server.args == ("{source}", "--threshold", "0.5", "--json", '{"a": 1}')
    assert server.source == str(folder / "headlines.jsonl")


def test_a_custom_recipe_may_take_an_address_as_source(load: Load) -> None:
    text = '[team]\nname = "news"\n[task]\nrecipe = "my-recipe"\nsource = "s3://bucket/a"\n' + JOE
    assert load(text).servers[0].source == "s3://bucket/a"


def test_labels_with_spaces_and_letters_of_any_language(load: Load) -> None:
    labels = ["Product name", "Größe", "地名", 'O\'Brien "x"', "100 %"]
    text = TASK.replace('["PERSON", "ORG"]', json.dumps(labels, ensure_ascii=False))
    assert load(text + JOE).servers[0].labels == tuple(labels)


def test_labels_from_a_file(load: Load, folder: Path) -> None:
    """One a line; there a label may hold a comma."""
    roster = load(TASK.replace('["PERSON", "ORG"]', '"labels.txt"') + JOE)
    assert roster.servers[0].labels == folder / "labels.txt"


@pytest.mark.parametrize("name", ["100 % of it.jsonl", "my headlines.jsonl", "überschriften.jsonl", "a%20b.jsonl"])
def test_file_names_with_percent_signs_and_spaces(load: Load, folder: Path, name: str) -> None:
    (folder / name).touch()
    assert load(TASK.replace("headlines.jsonl", name) + JOE).servers[0].source == str(folder / name)


def test_twelve_servers_with_different_recipes(load: Load) -> None:
    recipes = [
        'recipe = "ner.manual"',
        'recipe = "ner.correct"\nmodel = "en_core_web_sm"',
        'recipe = "ner.teach"\nmodel = "en_core_web_sm"',
        'recipe = "match"\npatterns = "patterns.jsonl"',
        'recipe = "spans.manual"',
        'recipe = "textcat.manual"',
        'recipe = "textcat.teach"\nmodel = "en_core_web_sm"',
        'recipe = "mark"\nview_id = "text"',
        'recipe = "rel.manual"',
        'recipe = "image.manual"\nsource = "."',
        'recipe = "terms.teach"\nargs = ["en_vectors_web_lg", "--seeds", "a,b"]',
        'recipe = "review"\nargs = ["news_s0,news_s1"]',
    ]
    entries = [f'[[annotator]]\nname = "a{place}"\n{recipe}\n' for place, recipe in enumerate(recipes)]
    roster = load(TASK + "".join(entries))
    assert len(roster.servers) == 12
    by_recipe = {server.recipe: server for server in roster.servers}
    assert by_recipe["textcat.manual"].model is None  # [task] names one, but this recipe has no place for it
    assert by_recipe["match"].labels is None
    assert by_recipe["terms.teach"].labels is None
    assert roster.warnings == ()


def test_a_dataset_as_source(load: Load) -> None:
    assert load(TASK.replace("headlines.jsonl", "dataset:old_news") + JOE).servers[0].source == "dataset:old_news"


def test_three_servers_may_write_one_dataset_each_with_its_own_source(load: Load, folder: Path) -> None:
    for name in ("a", "b", "c"):
        (folder / f"{name}.jsonl").touch()
    entries = [f'[[annotator]]\nname = "{name}"\nsource = "{name}.jsonl"\n' for name in "abc"]
    roster = load(TASK + 'dataset = "all_news"\n' + "".join(entries))
    assert {server.dataset for server in roster.servers} == {"all_news"}
    (warning,) = roster.warnings
    assert "each server knows only its own queue" in warning.text


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
def test_another_database_is_left_to_prodigy_json(load: Load, folder: Path, kind: str) -> None:
    values = {"db": kind, "db_settings": {kind: {"user": "a", "password": "b"}}}
    (folder / "prodigy.json").write_text(json.dumps(values), encoding="utf-8")
    assert load(TASK + JOE).database is None


def test_own_variables_and_directory(load: Load, folder: Path) -> None:
    (folder / "work").mkdir()
    text = TASK + 'directory = "work"\nenv = { PRODIGY_LOGGING = "basic", MY_KEY = "a=b" }\n' + JOE
    (server,) = load(text).servers
    assert server.directory == folder / "work"
    assert server.env == {"PRODIGY_LOGGING": "basic", "MY_KEY": "a=b"}


def test_paths_are_relative_to_the_roster_not_to_where_one_stands(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "team.toml").write_text(TASK + JOE, encoding="utf-8")
    monkeypatch.chdir(folder.parent)
    roster = load_roster(Path(folder.name) / "team.toml", {})
    assert roster.path == folder / "team.toml"
    assert roster.servers[0].source == str(folder / "headlines.jsonl")


@pytest.mark.parametrize(
    ("line", "state"),
    [("", ".prodigy-team"), ('state = "run"', "run"), ('state = "/var/run/x"', "/var/run/x")],
)
def test_the_state_folder_is_the_same_both_ways(load: Load, folder: Path, line: str, state: str) -> None:
    roster = load(TASK.replace("[task]", f"{line}\n[task]") + JOE)
    assert roster.state == folder / state
    assert state_folder(folder / "team.toml") == roster.state


def test_the_state_folder_may_be_in_the_home_folder(folder: Path) -> None:
    """Commands that only look for it find the one that the roster means."""
    (folder / "team.toml").write_text(TASK.replace("[task]", 'state = "~/x"\n[task]') + JOE, encoding="utf-8")

    home = {"HOME": "/home/ada"}

    assert state_folder(folder / "team.toml", home) == Path("/home/ada/x")
    assert load_roster(folder / "team.toml", home).state == Path("/home/ada/x")


def test_finding_the_state_folder_does_not_pay_for_the_validator(folder: Path) -> None:
    """`status` must be fast."""
    (folder / "team.toml").write_text(TASK + JOE, encoding="utf-8")
    code = (
        "import sys, pathlib; from prodigy_team.roster import state_folder, Roster, RosterError; "
        f"state_folder(pathlib.Path({str(folder / 'team.toml')!r})); "
        "print([name for name in sys.modules if name.startswith(('msgspec', 'prodigy_team.roster.schema'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_state_folder_of_a_missing_roster_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match="There is no such roster"):
        state_folder(tmp_path / "team.toml")
