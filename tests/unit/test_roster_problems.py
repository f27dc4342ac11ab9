"""Every problem of a roster is said at once, each with its key path and what to do."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prodigy_team.errors import TeamError
from prodigy_team.roster import (
    Problem,
    RosterError,
    access_problems,
    embedded_problems,
    is_loopback,
    load_roster,
    refuse_windows,
)
from roster_lines import JANE, JOE, POOL, Load

TEAM = '[team]\nname = "news"\n'
TASK = '[task]\nrecipe = "ner.manual"\nmodel = "blank:en"\nsource = "headlines.jsonl"\nlabels = ["PERSON", "ORG"]\n'
GOOD = TEAM + TASK + JOE


def problems_of(load: Load, text: str) -> list[Problem]:
    with pytest.raises(RosterError) as caught:
        load(text)
    assert caught.value.exit_code == 2
    return list(caught.value.problems)


def test_two_annotators_on_one_address_in_the_words_promised(load: Load) -> None:
    (problem,) = problems_of(load, GOOD + "port = 8081\n" + JANE + "port = 8081\n")
    assert str(problem) == "annotator[1].port: 8081 is already joe's. Give jane another, or leave it out."


def test_everything_wrong_is_said_in_one_go(load: Load) -> None:
    text = (
        '[team]\nname = "no good"\nengin = "auto"\nports = "8081-8081"\n'
        '[task]\nrecipe = "ner.manual"\nsource = "nowhere.jsonl"\nlabels = ["A,B"]\n'
        "[prodigy]\nfeed_overlap = true\nannotations_per_task = 2\n" + JOE + "port = 8081\n" + JANE + "port = 8081\n"
        '[[annotator]]\nname = "Jane"\n'
    )
    assert {problem.where for problem in problems_of(load, text)} == {
        "team.name",
        "team.engin",
        "team.ports",
        "task.model",
        "task.source",
        "task.labels",
        "prodigy.feed_overlap",
        "annotator[1].port",
        "annotator[2].name",
    }


# One problem each: the roster's text, the key path, what is said, what to do.
ONE = [
    # keys and types
    (TEAM.replace("name", "nmae") + TASK + JOE, "team.nmae", "no key nmae in [team]", "Did you mean name?"),
    (GOOD.replace("labels", "lables"), "task.lables", "no key lables in [task]", "Did you mean labels?"),
    (GOOD + "prot = 1\n", "annotator[0].prot", "no key prot in [[annotator]]", "Did you mean port?"),
    (GOOD + "[gatway]\n", "gatway", "no key gatway in the roster", "Did you mean gateway?"),
    (GOOD.replace("labels", "label"), "task.label", "no key label in [task]", "Did you mean labels?"),
    (TEAM + "port = 8081\n" + TASK + JOE, "team.port", "no key port in [team]", "Did you mean ports?"),
    (TEAM + TASK + 'host = "::"\n' + JOE, "task.host", "no key host in [task]", "It belongs in [team]."),
    ('engine = "auto"\n' + GOOD, "engine", "no key engine", "It belongs in [team]."),
    (TEAM + TASK + "batch_size = 5\n" + JOE, "task.batch_size", "no key batch_size", "It belongs in [prodigy]."),
    (TEAM + TASK + "shuffle = 5\n" + JOE, "task.shuffle", "no key shuffle", "Keys of [task]: allow_shared_model, args"),
    (GOOD.replace("[[annotator]]", "[annotator]"), "annotator", "must be a list of tables", "Write [[annotator]]"),
    ('annotator = ["joe"]\n' + TEAM + TASK, "annotator[0]", "must be a table", "[annotator[0]]"),
    ('team = "news"\n' + TASK + JOE, "team", "must be a table", "Write [team]"),
    (GOOD + "port = '8081'\n", "annotator[0].port", '"8081" does not fit', "from 1 to 65535, without quotes"),
    (GOOD + "port = 0\n", "annotator[0].port", "0 does not fit", "from 1 to 65535"),
    (GOOD + "port = 70000\n", "annotator[0].port", "70000 does not fit", "from 1 to 65535"),
    (GOOD + "paused = 1\n", "annotator[0].paused", "1 does not fit", "true or false, without quotes"),
    (
        TEAM + 'engine = "spacy"\n' + TASK + JOE,
        "team.engine",
        '"spacy" does not fit',
        '"auto", "prodigy" or "embedded"',
    ),
    (GOOD.replace('"ner.manual"', "3"), "task.recipe", "3 does not fit", "a text in quotes"),
    (GOOD.replace('["PERSON", "ORG"]', '["PERSON", 3]'), "task.labels[1]", "3 does not fit", "a list such as"),
    (TEAM + TASK + "env = { A = 1 }\n" + JOE, "task.env", "1 does not fit", "a table of texts"),
    (TEAM + TASK + 'env = { A = "x", B = [2] }\n' + JOE, "task.env", "[2] does not fit", "a table of texts"),
    (GOOD + 'args = ["a", true]\n', "annotator[0].args[1]", "true does not fit", "a text in quotes"),
    (TEAM + "start_at_once = 0\n" + TASK + JOE, "team.start_at_once", "0 does not fit", "at least 1"),
    (GOOD + "port = 8081.0\n", "annotator[0].port", "8081.0 does not fit", "from 1 to 65535"),
    (GOOD + "share = inf\n[routing]\n", "annotator[0].share", "inf does not fit", "a number above 0"),
    (GOOD + "given = []\n", "annotator[0].given", "no key given in [[annotator]]", "Did you mean"),
    (GOOD + "only = 3\n[routing]\n", "annotator[0].only", "3 does not fit", "a table such as { lang"),
    # names
    (TASK + JOE, "team.name", "The team has no name", "[team]"),
    (TEAM + TASK, "annotator", "names nobody", "[[annotator]]"),
    (TEAM + TASK + "[[annotator]]\nport = 8081\n", "annotator[0].name", "missing", 'name = "joe"'),
    (GOOD + '[[annotator]]\nname = "../x"\n', "annotator[1].name", "unfit for a file", "up to 40 letters"),
    (GOOD + '[[annotator]]\nname = "ann lee"\n', "annotator[1].name", "unfit for a file", "up to 40 letters"),
    (GOOD + '[[annotator]]\nname = "zoë"\n', "annotator[1].name", "unfit for a file", "up to 40 letters"),
    (GOOD + f'[[annotator]]\nname = "{"x" * 200}"\n', "annotator[1].name", "unfit for a file", "up to 40 letters"),
    (GOOD + '[[annotator]]\nname = "a\\n"\n', "annotator[1].name", "unfit for a file", "up to 40 letters"),
    (GOOD + '[[annotator]]\nname = ""\n', "annotator[1].name", "unfit for a file", "up to 40 letters"),
    (GOOD + '[[annotator]]\nname = "Joe"\n', "annotator[1].name", "differ only in case", "another name"),
    (GOOD + JOE, "annotator[1].name", "joe is there already (annotator[0].name)", "another name"),
    (GOOD + '[[annotator]]\nname = "Gateway"\n', "annotator[1].name", "reserved for the gateway", "another name"),
    (GOOD + POOL.replace("pool", "joe"), "server[0].name", "an annotator who is not on this server", "another name"),
    (GOOD + POOL.replace("ana", "JOE"), "server[0].annotators[0]", "differ only in case", "Spell them alike"),
    (GOOD + POOL.replace("bob", "ana"), "server[0].annotators[1]", "ana is there twice", "Take one away"),
    (GOOD + POOL.replace('"ana", "bob"', ""), "server[0].annotators", "The list is empty", "leave the key out"),
    (GOOD + "port = 1\n" + POOL.replace("ana", "joe"), "annotator[0].port", "no server of their own", "Move port"),
    (GOOD + POOL + POOL.replace('"ana", "bob"', '"cy"'), "server[1].name", "pool is there already", "another name"),
    # recipes
    (TEAM + '[task]\nsource = "headlines.jsonl"\n' + JOE, "task.recipe", "No recipe", 'recipe = "ner.manual"'),
    (GOOD.replace("ner.manual", "ner manual"), "task.recipe", "no recipe's name", "options have keys of their own"),
    (GOOD.replace('model = "blank:en"\n', ""), "task.model", "ner.manual needs a model", 'model = "blank:en"'),
    (GOOD.replace('labels = ["PERSON", "ORG"]\n', ""), "task.labels", "ner.manual needs labels", "labels = ["),
    (GOOD + 'recipe = "match"\n', "annotator[0].patterns", "match needs patterns", "patterns.jsonl"),
    (GOOD + 'recipe = "mark"\n', "annotator[0].view_id", "mark needs a view_id", 'view_id = "text"'),
    (GOOD.replace('source = "headlines.jsonl"\n', ""), "task.source", "needs a source", "sample:headlines"),
    (
        TEAM + TASK.replace("labels", "# ") + 'args = ["x"]\n' + JOE,
        "task.model",
        "model and args exclude each other",
        "Write model into args",
    ),
    (GOOD + 'recipe = "x"\nargs = ["-F", "r.py"]\n', "annotator[0].args", "-F does not belong", "recipe_file"),
    (GOOD + 'recipe_file = "r.py"\n', "annotator[0].recipe_file", "There is no file", "relative to the roster"),
    # labels
    (GOOD.replace('"ORG"', '"A, B"'), "task.labels", '"A, B" has a comma', 'labels = "labels.txt"'),
    (GOOD.replace('"ORG"', '" "'), "task.labels", "an empty one", "labels = ["),
    (GOOD.replace('["PERSON", "ORG"]', "[]"), "task.labels", "an empty one, or none", "labels = ["),
    (GOOD.replace('"ORG"', '"PERSON"'), "task.labels", '"PERSON" is there twice', "Take one away"),
    (GOOD.replace('["PERSON", "ORG"]', '"A,B"'), "task.labels", "There is no file", 'labels = ["A", "B"]'),
    # files and sources
    (GOOD.replace("headlines.jsonl", "hl.jsonl"), "task.source", "There is no file", "relative to the roster's folder"),
    (GOOD.replace("headlines.jsonl", "."), "task.source", "is a folder", "Name one file"),
    (GOOD.replace("headlines.jsonl", "-"), "task.source", "no standard input", "file's name"),
    (GOOD.replace("headlines.jsonl", "dataset:"), "task.source", "needs a name", "dataset:NAME"),
    (GOOD.replace("headlines.jsonl", "sample:x"), "task.source", "no sample:x", "Samples: headlines"),
    (GOOD.replace("headlines.jsonl", ""), "task.source", "The text is empty", "leave it out"),
    (GOOD + 'patterns = "p.jsonl"\n', "annotator[0].patterns", "There is no file", "Correct the name"),
    (GOOD + 'directory = "work"\n', "annotator[0].directory", "There is no folder", "Correct the name"),
    (TEAM + 'python = "nowhere/python"\n' + TASK + JOE, "team.python", "There is no program", ".venv/bin/python"),
    (TEAM + 'config = "p.json"\n' + TASK + JOE, "team.config", "There is no file", "leave it out"),
    (
        TEAM + 'database = "no/where.db"\n' + TASK + JOE,
        "team.database",
        "its folder is not there",
        "folder that exists",
    ),
    (TEAM + 'database = "mysql://a:pw@h"\n' + TASK + JOE, "team.database", "mysql:// is no database", "prodigy.json"),
    # datasets
    (TEAM + TASK + 'dataset = "a,b"\n' + JOE, "task.dataset", "unfit for a dataset", "news_joe"),
    (TEAM + TASK + 'dataset = "a b"\n' + JOE, "task.dataset", "unfit for a dataset", "news_joe"),
    (TEAM + TASK + 'dataset = "-a"\n' + JOE, "task.dataset", "unfit for a dataset", "news_joe"),
    (TEAM + TASK + 'dataset = "{who}"\n' + JOE, "task.dataset", "has braces", "{team}, {annotator} and {server}"),
    (GOOD + POOL + 'dataset = "{annotator}"\n', "server[0].dataset", "one dataset for all", "Write {server}"),
    (GOOD + '[[annotator]]\nname = "gold"\n', "annotator[1].dataset", "the dataset that `merge` writes", "another"),
    (
        TEAM + TASK + 'dataset = "{annotator}"\n' + JOE + '[[annotator]]\nname = "joe-joe"\n',
        "task.dataset",
        "joe-joe's dataset joe-joe is also where joe's session on joe is kept",
        "Give joe-joe another dataset",
    ),
    (
        GOOD + 'dataset = "x-a"\n[[annotator]]\nname = "a-joe"\ndataset = "x"\n',
        "annotator[1].dataset",
        "would share the session x-a-joe",
        "another dataset",
    ),
    # addresses
    (TEAM + TASK + "[prodigy]\nport = 8080\n" + JOE, "prodigy.port", "the roster's to say", "Set port at"),
    (TEAM + 'ports = "8099-8081"\n' + TASK + JOE, "team.ports", "no range of ports", "lower to the higher"),
    (
        TEAM + 'ports = "8081-8082"\n' + TASK + JOE + JANE + POOL,
        "team.ports",
        "2 free ports for 3 servers",
        "8081-8083",
    ),
    (TEAM + "ports = 8081\n" + TASK + JOE + JANE, "team.ports", "1 free port for 2 servers", "8081-8082"),
    (TEAM + 'host = "http://x/"\n' + TASK + JOE, "team.host", "no address to listen on", "without http://"),
    (GOOD + "port = 1\n" + JANE + 'port = 1\nhost = "0.0.0.0"\n', "annotator[1].port", "1 is already joe's", "another"),
    (GOOD + "port = 1\n" + JANE + 'port = 1\nhost = "localhost"\n', "annotator[1].port", "already joe's", "another"),
    (GOOD + "port = 8080\n[gateway]\n", "annotator[0].port", "8080 is already the gateway's", "another"),
    # variables
    (TEAM + TASK + 'env = { PRODIGY_PORT = "1" }\n' + JOE, "task.env", "PRODIGY_PORT is set by", "Leave it out"),
    (TEAM + TASK + 'env = { PRODIGY_HOME = "/x" }\n' + JOE, "task.env", "PRODIGY_HOME does not belong", "database"),
    (TEAM + TASK + 'env = { PRODIGY_BASIC_AUTH_PASS = "x" }\n' + JOE, "task.env", "does not belong", "passwd NAME"),
    # settings that contradict each other
    (
        GOOD + "[prodigy]\nfeed_overlap = true\nannotations_per_task = 2\n",
        "prodigy.feed_overlap",
        "contradicts",
        "Leave",
    ),
    (
        GOOD + "[prodigy]\nfeed_overlap = true\n[routing]\n",
        "prodigy.feed_overlap",
        "and [routing] both say",
        "Leave one",
    ),
    (GOOD + "[prodigy]\nbatch_size = 0\n", "prodigy.batch_size", "batch_size = 0", "at least 1"),
    (GOOD + "[prodigy]\nx = 2026-01-01\n", "prodigy.x", "JSON, which has no dates", "quotes"),
    (
        TEAM + 'database = "a.db"\n' + TASK + JOE + '[prodigy]\ndb = "mysql"\n',
        "prodigy.db",
        "db contradicts database in [team]",
        "Leave one",
    ),
    # routing
    (
        GOOD + "[routing]\nannotations_per_task = 0.5\n",
        "routing.annotations_per_task",
        "0.5 does not fit",
        "at least 1",
    ),
    (GOOD + '[routing]\nlease = "soon"\n', "routing.lease", '"soon" is no duration', '"30m"'),
    (GOOD + '[routing]\ngold = "g.jsonl"\n', "routing.gold", "There is no file", "Correct the name"),
    (GOOD + '[routing]\nrouter = "may_get"\n', "routing.router", "does not name a function", "file.py:function"),
    (GOOD + '[routing]\nrouter = "labels.txt:may"\n', "routing.router", "has no function may", "Correct the name"),
    (GOOD + '[routing]\ngold = "headlines.jsonl"\n', "routing.gold", "joe's source as well", "other tasks"),
    (GOOD + 'aliases = ["jane"]\n' + JANE, "annotator.aliases", "jane is an annotator as well", "out at joe"),
    (GOOD + 'aliases = ["x"]\n' + JANE + 'aliases = ["x"]\n', "annotator.aliases", "alias of joe", "out at jane"),
    (GOOD + "only = { lang = [] }\n", "annotator[0].only", "does not fit", '["sv", "en"]'),
    (GOOD + "limit = 0\n", "annotator[0].limit", "0 does not fit", "a whole number of at least 1"),
    (
        GOOD + '[[server]]\nname = "pool"\n[routing]\nannotations_per_task = 1\n',
        "server[0].annotators",
        "open to whoever has the link",
        "Name the annotators of pool",
    ),
    (
        GOOD + '[[server]]\nname = "pool"\n[prodigy]\nannotations_per_task = 1\n',
        "server[0].annotators",
        "prodigy.annotations_per_task cannot be met",
        "Name the annotators of pool",
    ),
]


@pytest.mark.parametrize(("text", "where", "said", "remedy"), ONE, ids=[f"{n}-{one[1]}" for n, one in enumerate(ONE)])
def test_one_problem(load: Load, text: str, where: str, said: str, remedy: str) -> None:
    problems = problems_of(load, text)
    found = [problem for problem in problems if problem.where == where]
    assert found, problems
    assert said in found[0].text
    assert remedy in found[0].remedy
    # A missing or misspelled name may make others missing; nothing else follows from one mistake.
    assert len(problems) == 1 or where in ("team", "team.nmae", "task.lables", "task.label", "annotator[0]"), problems


def test_a_default_that_clashes_for_everybody_is_said_for_the_default(load: Load) -> None:
    (problem,) = problems_of(
        load, TEAM + TASK + JOE + "port = 1\n" + JANE + 'port = 1\nhost = "127.0.0.2"\n' + "x = 1\n"
    )
    assert problem.where == "annotator[1].x"


def test_postgresql_is_refused_without_its_password(load: Load) -> None:
    text = TEAM + 'database = "postgresql://me:hunter2@db/news"\n' + TASK + JOE
    (problem,) = problems_of(load, text)
    assert problem.where == "team.database"
    assert "PostgreSQL comes in a later release" in problem.text
    assert "hunter2" not in str(problem)


LEARNING = [
    ('recipe = "ner.teach"\nmodel = "en_core_web_sm"\n', True),
    ('recipe = "textcat.teach"\nmodel = "en_core_web_sm"\n', True),
    ('recipe = "my.teach"\n', True),
    ('recipe = "ner.correct"\nargs = ["en_core_web_sm", "{source}", "--update"]\n', True),
    ('recipe = "ner.correct"\nargs = ["en_core_web_sm", "{source}", "-UP"]\n', True),
    ('recipe = "ner.correct"\nmodel = "en_core_web_sm"\n', False),
    ('recipe = "match"\npatterns = "patterns.jsonl"\n', False),
]


@pytest.mark.parametrize(("lines", "learns"), LEARNING)
@pytest.mark.parametrize("server", [POOL, '[[server]]\nname = "pool"\n'], ids=["named", "open"])
def test_a_learning_model_is_not_shared(load: Load, lines: str, learns: bool, server: str) -> None:
    text = TEAM + TASK + server + lines
    if not learns:
        load(text)
        return
    (problem,) = problems_of(load, text)
    assert problem.where == "server[0].recipe"
    assert "several people pull one model in different directions" in problem.text
    assert "server of their own" in problem.remedy
    assert "match" in problem.remedy
    load(text + "allow_shared_model = true\n")


def test_a_learning_model_for_each_is_fine(load: Load) -> None:
    load(GOOD + 'recipe = "ner.teach"\nmodel = "a"\n' + JANE + 'recipe = "ner.teach"\nmodel = "a"\n')
    load(TEAM + TASK + POOL.replace('"ana", "bob"', '"ana"') + 'recipe = "ner.teach"\nmodel = "a"\n')


WARNINGS = [
    (TEAM + TASK + 'dataset = "one"\n' + JOE + JANE, "task.dataset", "each server knows only its own queue"),
    (GOOD + "[prodigy]\nbatchsize = 5\n", "prodigy.batchsize", "passed on as it is"),
    (GOOD + "[routing]\nannotations_per_task = 3\n", "routing.annotations_per_task", "3 answers per task are wanted"),
    (GOOD + "[routing]\ngold_rate = 0.1\n", "routing.gold_rate", "no tasks with known answers"),
    (GOOD + "limit = 3\n", "annotator[0].limit", "no effect without [routing]"),
    (
        GOOD + 'recipe = "textcat.manual"\nmodel = "blank:en"\n',
        "annotator[0].model",
        "textcat.manual takes no model; it is left out",
    ),
]


@pytest.mark.parametrize(("text", "where", "said"), WARNINGS)
def test_one_warning(load: Load, text: str, where: str, said: str) -> None:
    """What works nevertheless does not stop the roster."""
    (warning,) = load(text).warnings
    assert (warning.where, warning.warning) == (where, True)
    assert said in warning.text
    assert warning.remedy


def test_people_who_are_paused_do_not_count_for_the_overlap(load: Load) -> None:
    text = GOOD + "paused = true\n" + JANE + "[routing]\nannotations_per_task = 2\n"
    (warning,) = load(text).warnings
    assert warning.text == "2 answers per task are wanted of 1 annotator."


def test_unknown_settings_of_custom_recipes_pass_silently(load: Load) -> None:
    assert load(GOOD + "[prodigy]\nmy_own_thing = 5\n").warnings == ()


def test_an_invalid_prodigy_json_is_named_with_line_and_column(load: Load, folder: Path) -> None:
    (folder / "prodigy.json").write_text('{\n  "batch_size": 5\n  "lang": "en"}', encoding="utf-8")
    (problem,) = problems_of(load, GOOD)
    assert problem.where == "team.config"
    assert f"{folder / 'prodigy.json'}: line 3, column 3" in problem.text


def test_an_invalid_prodigy_json_in_prodigys_home_is_named_too(load: Load, folder: Path) -> None:
    (folder / "home").mkdir()
    (folder / "home" / "prodigy.json").write_text("{", encoding="utf-8")
    (problem,) = problems_of(load, GOOD)
    assert "home/prodigy.json: line 1, column 2" in problem.text


def test_the_file_and_the_table_may_not_contradict_each_other(load: Load, folder: Path) -> None:
    (folder / "prodigy.json").write_text(json.dumps({"feed_overlap": True}), encoding="utf-8")
    (problem,) = problems_of(load, GOOD + "[prodigy]\nannotations_per_task = 1\n")
    assert (problem.where, "contradicts" in problem.text) == ("prodigy.annotations_per_task", True)
    (folder / "prodigy.json").write_text(json.dumps({"feed_overlap": True, "annotations_per_task": 2}))
    (problem,) = problems_of(load, GOOD)
    assert problem.where == "prodigy.json"


UNREADABLE = [
    (b'[team]\nname = "x\n', "line 2, column 10", "No valid TOML"),
    (b"[team\n", "line 1, column 6", "No valid TOML"),
    (b"[team]\nname = ", "line 2, column 8", "No valid TOML"),
    (b"[team]\nname = 'a'\nname = 'b'\n", "line 3", "No valid TOML"),
    ('[team]\nname = "å"\n'.encode("latin-1"), "line 2, column 9", "not UTF-8"),
    ("[team]\n".encode("utf-16"), "line 1, column 1", "UTF-16"),
    ("[team]\n".encode("utf-16-be"), "line 1, column 1", "No valid TOML"),
    (b"\xef\xbb\xbf[team]\n", "line 1, column 1", "byte order mark"),
]


@pytest.mark.parametrize(("content", "where", "said"), UNREADABLE)
def test_an_unreadable_file_is_named_with_line_and_column(
    tmp_path: Path, content: bytes, where: str, said: str
) -> None:
    path = tmp_path / "team.toml"
    path.write_bytes(content)
    with pytest.raises(RosterError) as caught:
        load_roster(path, {})
    (problem,) = caught.value.problems
    assert problem.where.startswith(where)
    assert said in problem.text
    assert str(caught.value).startswith(f"{path}: {where}")


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match="cannot be read: Is a directory"):
        load_roster(tmp_path, {})


VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "joe", "a,b", "{x}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["name", "port", "labels", "recipe", "env", "args", "dataset", "source", "annotators", "only", "ports", "host"]
TABLE = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5)
TABLES = ["team", "task", "annotator", "server", "routing", "prodigy", "gateway"]


def as_toml(value: object) -> str:
    """A value as TOML, all on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {as_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)


@given(st.dictionaries(st.sampled_from(TABLES), TABLE | VALUES | st.lists(TABLE, max_size=3)))
@settings(max_examples=150, deadline=None)
def test_no_roster_whatsoever_ends_in_a_traceback(document: dict[str, object]) -> None:
    """Whatever types stand where: a roster, or problems."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "team.toml"
        path.write_text("".join(f"{key} = {as_toml(value)}\n" for key, value in document.items()), encoding="utf-8")
        said = ""
        try:
            load_roster(path, {"HOME": name, "PRODIGY_HOME": name})
        except RosterError as error:
            said = str(error)
        assert "No valid TOML" not in said


# What is asked once more is known than the roster.


def test_only_this_machine_is_reached_without_a_password(load: Load) -> None:
    assert access_problems(load(GOOD), ()) == []
    assert access_problems(load(GOOD + 'host = "::1"\n'), ()) == []


def test_others_are_let_in_by_password_or_on_purpose_only(load: Load) -> None:
    text = TEAM + 'host = "0.0.0.0"\n' + TASK + JOE + JANE
    (problem,) = access_problems(load(text), {"joe"})
    assert (problem.where, problem.warning) == ("team.host", False)
    assert "annotate as jane: named sessions are no authentication" in problem.text
    assert "passwd jane" in problem.remedy
    assert "plain HTTP" in problem.remedy
    for problems in (
        access_problems(load(text), {"joe", "jane"}),
        access_problems(load(text.replace("host =", "allow_public = true\nhost =")), ()),
    ):
        (warning,) = problems
        assert warning.warning
        assert "plain HTTP" in warning.text


def test_a_host_of_ones_own_is_named_where_it_stands(load: Load) -> None:
    (problem,) = access_problems(load(GOOD + JANE + 'host = "10.0.0.5"\n'), ())
    assert problem.where == "annotator[1].host"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *[(host, True) for host in ("127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]")],
        *[(host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "vm.example.org", "")],
    ],
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_the_embedded_engine_says_what_it_lacks_in_the_words_promised(load: Load) -> None:
    roster = load(GOOD.replace('"ner.manual"', '"ner.teach"').replace("blank:en", "en_core_web_sm") + JANE)
    (problem,) = embedded_problems(roster, ("ner.manual", "match"))
    assert str(problem) == (
        "task.recipe: ner.teach trains a model while people annotate, which needs Prodigy. "
        'Without it: recipe = "match" with patterns = "patterns.jsonl".'
    )


@pytest.mark.parametrize(
    ("lines", "where", "said", "remedy"),
    [
        ('recipe = "ner.manual"\n', None, "", ""),
        ('recipe = "ner.correct"\nmodel = "x"\n', "annotator[0].recipe", "a model's suggestions", '"ner.manual"'),
        ('recipe = "ner.manul"\n', "annotator[0].recipe", "ner.manul is no recipe", "Did you mean ner.manual?"),
        ('recipe = "image.manual"\n', "annotator[0].recipe", "image.manual needs Prodigy", "match, ner.manual"),
        ('recipe_file = "labels.txt"\n', "annotator[0].recipe_file", "recipe of your own", "match, ner.manual"),
    ],
)
def test_recipes_that_need_prodigy(load: Load, lines: str, where: str | None, said: str, remedy: str) -> None:
    problems = embedded_problems(load(GOOD + lines), ("ner.manual", "match"))
    assert [problem.where for problem in problems] == ([where] if where else [])
    assert all(said in problem.text and remedy in problem.remedy for problem in problems)


def test_windows_is_sent_to_wsl() -> None:
    refuse_windows("linux")
    refuse_windows("darwin")
    with pytest.raises(TeamError) as caught:
        refuse_windows("win32")
    assert caught.value.exit_code == 2
    assert "WSL" in caught.value.remedy
