"""Hashes are those that Prodigy writes, and tasks whose 32-bit hashes collide are still told apart."""

from __future__ import annotations

import json
from pathlib import Path

import mmh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prodigy_team.tasks import canonical_json, fingerprint, identity, input_hash, task_hash, with_hashes
from support import shared_data

VECTORS = [
    ({"text": "hi my name is 0"}, -784135307, -978533357),
    ({"text": "hi my name is 0", "label": "foo"}, -784135307, -1606845795),
    (
        {
            "text": "Uber\u2019s Lesson: Silicon Valley\u2019s Start-Up Machine Needs Fixing",
            "meta": {"source": "The New York Times"},
        },
        1886699658,
        -1952856502,
    ),
    (
        {
            "text": "Cats make about 100 different sounds. Dogs make only about 10.",
            "options": [
                {"id": 3, "text": "Cause"},
                {"id": 2, "text": "Prevent"},
                {"id": 1, "text": "Enable"},
                {"id": 0, "text": "Not Causal"},
            ],
        },
        531836146,
        -440801627,
    ),
    (
        {"text": "pub", "spans": [{"start": 0, "end": 3, "label": "Cuisine", "token_start": 0, "token_end": 0}]},
        1671121895,
        -996202066,
    ),
]
# Found by search among texts "collision N": their input hashes are equal.
COLLIDING = ("collision 35589", "collision 57123")
ADDED_BY_ANNOTATING = (
    "tokens",
    "spans",
    "options",
    "accept",
    "config",
    "answer",
    "_view_id",
    "_task_hash",
    "_input_hash",
)
ADDED_BY_SAVING = ("_session_id", "_annotator_id", "_timestamp")


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def reference_json(value: object) -> str:
    """Canonical JSON the slow way, straight from its description."""

    def strip(each: object) -> object:
        if isinstance(each, dict):
            ignored = ("source", "score", "rank", "model", "_view_id", "_session_id")
            return {key: strip(inner) for key, inner in each.items() if key not in ignored}
        return [strip(inner) for inner in each] if isinstance(each, list) else each

    return json.dumps(strip(value), sort_keys=True, separators=(",", ":"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["source", "score", "a", "Z", "meta", "_view_id", "é"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("task", "first", "second"), VECTORS)
def test_the_five_vectors(task, first, second):
    hashed = with_hashes(task)

    assert (hashed["_input_hash"], hashed["_task_hash"]) == (first, second)
    assert (input_hash(task), task_hash(task, first)) == (first, second)
    assert fingerprint(task, "input")[0] == first
    assert fingerprint(task, "task")[0] == second
    assert "_task_hash" not in task


@given(json_values)
def test_canonical_json_is_what_its_description_says(value):
    assert canonical_json(value) == reference_json(value)


@given(st.dictionaries(st.sampled_from(["text", "meta", "html", "note", "source", "_task_hash"]), json_values))
def test_the_task_hash_without_task_keys_covers_the_whole_task(task):
    content = "".join(f"{key}={reference_json(task[key])}" for key in ("text", "html") if key in task)
    whole = {**task, "_input_hash": mmh3.hash(content)}
    whole.pop("_task_hash", None)

    assert input_hash(task) == mmh3.hash(content)
    assert task_hash(task, input_hash(task)) == mmh3.hash(f"{mmh3.hash(content)}{reference_json(whole)}")


@given(st.text(st.characters()), st.fixed_dictionaries({}, optional={"meta": json_values, "html": json_values}))
def test_the_quick_roads_lead_where_the_description_says(text, more):
    task = {"text": text, **more}
    content = "".join(f"{key}={reference_json(task[key])}" for key in ("text", "html") if key in task)
    first = mmh3.hash(content)
    question = f"{first}{reference_json({**task, '_input_hash': first})}"

    assert fingerprint(task, "input") == (first, mmh3.hash_bytes(content))
    assert fingerprint(task, "task") == (mmh3.hash(question), mmh3.hash_bytes(content + question))
    assert with_hashes(task) == {**task, "_input_hash": first, "_task_hash": mmh3.hash(question)}


def test_an_ignored_key_counts_at_no_depth_and_as_a_value_it_does():
    plain = {"text": "a", "meta": {"deep": [{"kept": 1}]}}
    ignored = {"text": "a", "source": "x", "meta": {"score": 1, "deep": [{"kept": 1, "rank": 2}]}}

    assert with_hashes(ignored)["_task_hash"] == with_hashes(plain)["_task_hash"]
    assert canonical_json({"a": '"source":', "b": "source"}) == r'{"a":"\"source\":","b":"source"}'


def test_hashes_present_are_kept_each_by_itself():
    task = {"text": "a", "_input_hash": 5}

    hashed = with_hashes(task)

    assert hashed["_input_hash"] == 5
    assert hashed["_task_hash"] == mmh3.hash('5{"_input_hash":5,"text":"a"}')
    assert with_hashes({"text": "a", "_input_hash": 5, "_task_hash": 6}) == {
        "text": "a",
        "_input_hash": 5,
        "_task_hash": 6,
    }


@pytest.mark.parametrize("no_hash", [None, "5", True, 2**63, 1.5])
def test_what_is_no_hash_is_replaced(no_hash):
    assert with_hashes({"text": "a", "_input_hash": no_hash, "_task_hash": no_hash}) == with_hashes({"text": "a"})


@pytest.mark.parametrize(("task", "_first", "_second"), VECTORS)
def test_identity_covers_what_the_hash_covers(task, _first, _second):
    content = f"text={reference_json(task['text'])}"

    assert identity(task, "input") == mmh3.hash_bytes(content)
    assert len(identity(task, "task")) == 16
    assert identity(with_hashes(task), "task") == identity(task, "task")
    assert identity({**task, "note": 1}, "input") == identity(task, "input")


def test_two_questions_about_one_text_are_one_input_and_two_tasks():
    first, second = {"text": "a", "label": "X"}, {"text": "a", "label": "Y"}

    assert identity(first, "input") == identity(second, "input")
    assert identity(first, "task") != identity(second, "task")


@pytest.mark.parametrize("label", [{}, {"label": "X"}])
def test_inputs_whose_hashes_collide_are_two_identities(label):
    first, second = ({"text": text, **label} for text in COLLIDING)

    assert input_hash(first) == input_hash(second)
    assert identity(first, "input") != identity(second, "input")
    assert identity(first, "task") != identity(second, "task")
    if label:  # the task hash sees the input's 32 bits only
        assert with_hashes(first)["_task_hash"] == with_hashes(second)["_task_hash"]


def test_tasks_that_only_their_own_hashes_tell_apart_are_two():
    first, second = ({"text": "a", "label": "X", "question": n, "_input_hash": 1, "_task_hash": n} for n in (7, 8))

    assert identity(first, "task") != identity(second, "task")


def test_two_answers_to_one_task_have_one_identity():
    task = with_hashes({"text": "a", "meta": {"n": 1}})
    spans = [{"start": 0, "end": 1, "label": "X"}]

    assert identity({**task, "spans": spans}, "task") == identity({**task, "spans": []}, "task")


@pytest.mark.parametrize(
    "name",
    [
        "annotated_news_headlines-ORG-PERSON-LOCATION-ner.jsonl",
        "prodigy14_ner_fashion_10rows.jsonl",
        "prodigy14_textcat_binary_25rows.jsonl",
        "prodigy14_textcat_choice_25rows.jsonl",
    ],
)
def test_hashes_of_real_answers(name):
    """Rows written by Prodigy from 2019 on: both hashes again, from the task as it was before annotating."""
    for row in rows(shared_data(name)):
        added = [*ADDED_BY_ANNOTATING, *ADDED_BY_SAVING]
        raw = {key: value for key, value in row.items() if key not in added}

        hashed = with_hashes(raw)

        assert hashed["_input_hash"] == row["_input_hash"]
        assert hashed["_task_hash"] == row["_task_hash"]


def test_hashes_of_an_older_prodigy_are_kept():
    """Those of 2017 and 2018 were made in another way: computing them anew would orphan every answer."""
    for row in rows(shared_data("annotated_github-issues-DOCUMENTATION-textcat.jsonl")):
        hashed = with_hashes(row)

        assert (hashed["_input_hash"], hashed["_task_hash"]) == (row["_input_hash"], row["_task_hash"])
        assert input_hash(row) != row["_input_hash"]
