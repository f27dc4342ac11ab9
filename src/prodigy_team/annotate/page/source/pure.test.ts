import assert from "node:assert/strict";
import { test } from "node:test";
import { action_keys, keys_of, label_keys, normal_key, place_key } from "./keys";
import { fill_template } from "./mustache";
import { fitting, owner_text } from "./outbox";
import { LANGUAGES } from "./languages";
import { headline, parse, question_of, show } from "./task";
import { frequent_version, is_binary, standing_version, version_keys, who_chose } from "./versions";
import { ENGLISH, say_count } from "./words";

const press = (key: string, code: string, more = {}) => keys_of({ key, code, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

test("a key is written in one way", () => {
  assert.equal(normal_key("Shift+Ctrl+A"), "ctrl+shift+a");
  assert.equal(normal_key("command+s"), "meta+s");
  assert.equal(normal_key("del"), "delete");
  assert.equal(normal_key(" "), "space");
  assert.equal(normal_key("+"), "+");
});

test("letters of other alphabets are those of their places, beside themselves", () => {
  assert.deepEqual(press("Ф", "KeyA", { ctrlKey: true }), ["ctrl+ф", "ctrl+a"]);
  assert.deepEqual(press("Process", "KeyX"), ["process", "x"]);
  assert.deepEqual(press("ö", "Semicolon"), ["ö"]);
  assert.deepEqual(press("q", "KeyA"), ["q"]);
  assert.deepEqual(press("End", "Numpad1"), ["end"]);
});

test("digits come from their place on the keyboard", () => {
  assert.ok(press("&", "Digit1").includes("1"));
  assert.ok(press("!", "Digit1", { shiftKey: true }).includes("shift+1"));
  assert.ok(press("5", "Numpad5").includes("5"));
  assert.ok(press("?", "Slash", { shiftKey: true }).includes("?"));
  assert.ok(!press("A", "KeyA", { shiftKey: true }).includes("a"));
});

test("thirty places have keys", () => {
  assert.deepEqual([0, 8, 9, 10, 19, 20, 29, 30].map(place_key), ["1", "9", "0", "shift+1", "shift+0", "alt+shift+1", "alt+shift+0", null]);
  assert.equal(new Set(Array.from({ length: 30 }, (_, at) => place_key(at))).size, 30);
});

test("keymap replaces an action's keys, keymap_by_label a label's, by name or place", () => {
  const keys = action_keys({ accept: ["ctrl+enter"], undo: ["u"] });
  assert.equal(keys.get("ctrl+enter"), "accept");
  assert.equal(keys.get("a"), undefined);
  assert.equal(keys.get("u"), "undo");
  assert.equal(keys.get("x"), "reject");
  assert.deepEqual(label_keys(["A", "B", "C"], { B: "q", "2": "W" }), ["1", "q", "w"]);
  assert.deepEqual(label_keys(["A", "B"], { B: "1" }), [null, "1"]);
});

test("templates escape, and know sections", () => {
  const task = { a: "<b>", b: { c: 1 }, list: [{ x: 1 }, { x: 2 }], no: [], names: ["p", "q"] };
  assert.equal(fill_template("{{a}} {{{a}}} {{&a}} {{b.c}} {{z}}", task), "&lt;b&gt; <b> <b> 1 ");
  assert.equal(fill_template("{{#list}}[{{x}}{{a}}]{{/list}}{{^no}}none{{/no}}{{#no}}!{{/no}}", task), "[1&lt;b&gt;][2&lt;b&gt;]none");
  assert.equal(fill_template("{{#names}}{{.}},{{/names}}{{#b}}{{c}}{{/b}}{{! words }}", task), "p,q,1");
});

test("what an answer adds is no part of the question", () => {
  assert.deepEqual(question_of({ text: "a", spans: [], answer: "accept", _answer_id: "1", _replaces: "0", _timestamp: 1, _session_id: "s", _annotator_id: "s" }), { text: "a", spans: [] });
});

test("a headline is short, and of a picture nothing is shown", () => {
  assert.equal(headline({ html: "<b>bold</b>  text" }), "bold text");
  assert.equal(headline({ image: "data:image/png;base64,AAAA" }), "");
  assert.equal(Array.from(headline({ text: "😀".repeat(500) })).length, 120);
});

test("plain JSON is plain", () => {
  assert.deepEqual(parse('{"a": [1, "x", null, 2.5]}'), { a: [1, "x", null, 2.5] });
  assert.equal(show(null), "null");
  assert.equal(show("a"), "a");
});

test("a request takes as much as fits, and at least one", () => {
  const entries = [10, 10, 100].map((size, at) => ({ id: String(at), owner: "", session: "", at, hash: at, json: "x".repeat(size) }));
  assert.equal(fitting(entries, 40, 70).length, 2);
  assert.equal(fitting(entries, 1, 1000).length, 1);
  assert.equal(fitting(entries.slice(2), 40, 10).length, 1);
  assert.equal(owner_text(null, "ds", ""), '{"team":null,"dataset":"ds","annotator":""}');
});

test("the version of most people comes first of those that can be accepted, and binary ones are known", () => {
  const versions = [{ text: "a", answer: "accept", sessions: ["ds-x"] }, { text: "a", answer: "reject", sessions: ["ds-y", "team_z"] }];
  assert.equal(frequent_version(versions), 0);
  assert.equal(frequent_version([...versions, { text: "b", answer: "accept", sessions: ["p", "q"] }]), 2);
  assert.equal(frequent_version([{ answer: "ignore", sessions: ["x"] }, { answer: "reject", sessions: ["y", "z"] }]), 1);
  assert.ok(is_binary(versions));
  assert.ok(!is_binary([{ accept: ["a"] }, { accept: ["b"] }]));
  assert.deepEqual(who_chose(versions[1]!, ["ds"]), ["y", "team_z"]);
});

test("an answer under review is the version that it equals, or none once it was changed", () => {
  const versions = [{ text: "a", spans: [1], flagged: true, sessions: ["x", "z"] }, { text: "a", spans: [2], sessions: ["y"] }];
  const task = { text: "a", meta: {}, versions };
  assert.deepEqual(version_keys(versions, 1), { text: "a", spans: [2], flagged: undefined });
  assert.equal(standing_version({ ...task, ...version_keys(versions, 1) }, "accept"), 1);
  assert.equal(standing_version({ ...task, spans: [1], flagged: true }, "accept"), 0);
  assert.equal(standing_version({ ...task, spans: [1, 2] }, "accept"), -1);
  const both = [{ text: "a", answer: "accept", sessions: ["x", "z"] }, { text: "a", answer: "reject", sessions: ["y"] }];
  assert.deepEqual(["accept", "reject", "ignore", undefined].map((answer) => standing_version({ text: "a", versions: both }, answer)), [0, 1, 0, 0]);
});

test("a number of things is written for one and for more", () => {
  assert.equal(say_count("waitsForOthers", 1), "1 task waits for somebody other than you.");
  assert.equal(say_count("waitsForOthers", 30), "30 tasks wait for somebody other than you.");
});

test("every language has the same places for values, and one and more for the same texts", () => {
  const shape = (text: string) => [text.split("|").length, ...[...new Set(text.match(/\{\w+\}/g))].sort()];
  for (const [code, words] of Object.entries(LANGUAGES)) {
    for (const [key, text] of Object.entries(ENGLISH)) assert.deepEqual(shape(words[key as keyof typeof words]), shape(text), `${code}: ${key}`);
  }
});
