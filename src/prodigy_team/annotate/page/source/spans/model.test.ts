import assert from "node:assert/strict";
import { test } from "node:test";
import { codePoints } from "./codepoints";
import { diffSpans } from "./differences";
import { anyOverlap, placeSpans } from "./levels";
import { addSpan, advance, begin, inOrder, present, removeSpan, snap, spanAt, spanOver, stepped } from "./model";
import { placeOf, readPassage } from "./passage";
import { flatPieces, sharedEnds, stackedPieces } from "./pieces";
import { sampleTask } from "./samples";
import type { Span } from "./values";

const passage = readPassage(sampleTask("Zoë Müller met Ann in New York ."));
const span = (from: number, to: number, label = "A"): Span => spanOver(passage, { from, to }, label);

test("slices count code points, a lone surrogate as one", () => {
  const texts = ["plain", "a😀b👨‍👩‍👧c", "\ud800x😀\udc00y", ""];
  for (const text of texts) {
    const points = [...text];
    const { length, slice, unit } = codePoints(text);
    assert.equal(length, points.length);
    assert.equal(unit(length), text.length);
    for (let start = 0; start <= points.length; start += 1)
      for (let end = start; end <= points.length; end += 1)
        assert.equal(slice(start, end), points.slice(start, end).join(""));
  }
});

test("a span's numbers are its tokens', after an emoji too", () => {
  const read = readPassage(sampleTask("👨‍👩‍👧 😀 Ann here", /[^ ]+/gu));
  const marked = spanOver(read, { from: 2, to: 3 }, "PERSON");
  assert.deepEqual(marked, { start: 8, end: 16, token_start: 2, token_end: 3, label: "PERSON" });
  assert.equal(read.points.slice(marked.start, marked.end), "Ann here");
});

test("the pieces of all paragraphs give text and tokens back, with any spans, whatever ws says", () => {
  for (const text of ["a b", "  two  spaces ", "can't", "one\n\ntwo\n", "x\u3000y", "", " ", "😀\n😀", "a \n b"]) {
    for (const pattern of [/\S+/gu, /\n+|[^\s]+/gu, /./gsu]) {
      const read = readPassage(sampleTask(text, pattern));
      const count = read.tokens.length;
      const whole = count ? [spanOver(read, { from: count >> 1, to: count - 1 }, "A")] : [];
      for (const pieces of [flatPieces, stackedPieces])
        for (const spans of [[], whole]) {
          const drawn = read.paragraphs.flatMap((each) => {
            const touching = placeSpans(read, spans).filter(({ from, to }) => from <= each.to && each.from <= to);
            return pieces(read, each, touching);
          });
          assert.equal(drawn.map(({ start, end }) => read.points.slice(start, end)).join(""), text);
          const tokens = drawn.flatMap(({ from, to }) => read.tokens.slice(from, to + 1).map((token) => token.id));
          assert.deepEqual(tokens, read.tokens.map((token) => token.id));
        }
    }
  }
});

test("paragraphs end after a line break, in a token or in a gap", () => {
  const byToken = readPassage(sampleTask("one two\n\nthree\nfour", /\n+|[^\s]+/gu));
  assert.deepEqual(
    byToken.paragraphs.map(({ from, to }) => [from, to]),
    [[0, 2], [3, 4], [5, 5]],
  );
  const byGap = readPassage(sampleTask("one two\n\n three", /[^\s]+/gu));
  assert.deepEqual(byGap.paragraphs, [
    { from: 0, to: 1, start: 0, end: 9 },
    { from: 2, to: 2, start: 9, end: 15 },
  ]);
});

test("a selection loses blank tokens at both ends", () => {
  const read = readPassage(sampleTask("\n a\t \u00a0", /\n|\S|[^\S\n]/gu));
  const at = read.tokens.findIndex((token) => token.text === "a");
  assert.deepEqual(snap(read, 0, read.tokens.length - 1), { from: at, to: at });
  assert.deepEqual(snap(read, read.tokens.length - 1, 0), { from: at, to: at });
  assert.equal(snap(read, 0, 0), null);
});

test("a selection ends before a disabled token, as seen from where it began", () => {
  const task = sampleTask("a b c d e");
  task.tokens![2]!.disabled = true;
  const read = readPassage(task);
  assert.deepEqual(snap(read, 0, 4), { from: 0, to: 1 });
  assert.deepEqual(snap(read, 4, 0), { from: 3, to: 4 });
  assert.deepEqual(snap(read, 2, 4), { from: 3, to: 4 });
  assert.equal(snap(read, 2, 2), null);
});

test("without overlap a new span takes the place of those it touches; with overlap it joins them", () => {
  const before = [span(0, 1), span(3, 3), span(5, 6)];
  const added = span(1, 3, "B");
  assert.deepEqual(addSpan(before, added, false), [added, before[2]]);
  assert.deepEqual(addSpan(before, added, true), [before[0], added, before[1], before[2]]);
});

test("an equal span is left as it is, with its extra keys", () => {
  const given: Span = { ...span(0, 1), score: 0.9, source: "model" };
  const before = [given];
  assert.equal(addSpan(before, span(0, 1), false), before);
  assert.equal(addSpan(before, span(3, 3), false)[0], given);
});

test("a longer span takes the place of the one it extends, also where spans may overlap", () => {
  const short = span(0, 0);
  assert.deepEqual(addSpan([short], span(0, 1), true, short), [span(0, 1)]);
});

test("removing goes by identity", () => {
  const [first, twin] = [span(0, 1), span(0, 1)];
  assert.deepEqual(removeSpan([first, twin], twin), [first]);
  const spans = [first];
  assert.equal(removeSpan(spans, twin), spans);
});

test("history goes back and forth; a change after undo drops what was undone", () => {
  const [empty, one, two, other]: Span[][] = [[], [span(0, 0)], [span(0, 0), span(3, 3)], [span(5, 6)]] as Span[][];
  let history = advance(advance(begin(empty!), one!), two!);
  assert.equal(advance(history, two!), history);
  assert.equal(stepped(history, 1), history);
  history = stepped(history, -1);
  assert.equal(present(history), one);
  assert.equal(present(stepped(history, 1)), two);
  history = advance(history, other!);
  assert.equal(present(stepped(history, 1)), other);
  history = stepped(stepped(stepped(history, -1), -1), -1);
  assert.equal(present(history), empty);
});

test("levels are the fewest that keep bars apart, from unsorted spans too", () => {
  const bars = [span(4, 6, "C"), span(0, 3, "A"), span(2, 4, "B"), span(0, 0, "D")];
  const placed = placeSpans(passage, bars);
  assert.deepEqual(placed.map(({ span, level }) => [span.label, level]), [["A", 0], ["D", 1], ["B", 1], ["C", 0]]);
  assert.ok(anyOverlap(placed));
  assert.ok(!anyOverlap(placeSpans(passage, [span(3, 3), span(0, 2)])));
});

test("bars at one level never meet, and labels do not cover the next bar", () => {
  const bars = [span(0, 0, "A_RATHER_LONG_LABEL"), span(1, 1, "B")];
  const [long, short] = placeSpans(passage, bars);
  assert.notEqual(long!.level, short!.level);
  for (let seed = 1; seed < 200; seed += 1) {
    const random = (below: number, salt: number): number => (seed * 7919 + salt * 104729) % below;
    const some = [1, 2, 3, 4, 5].map((salt) => {
      const from = random(8, salt);
      return span(from, Math.min(7, from + random(3, salt + 9)), "AB");
    });
    const placed = placeSpans(passage, some);
    for (const a of placed)
      for (const b of placed) if (a !== b && a.level === b.level) assert.ok(a.to < b.from || b.to < a.from);
  }
});

test("spans are placed by their offsets, also where these cut tokens; one in a gap has no place", () => {
  assert.deepEqual(placeOf(passage, { start: 1, end: 6, label: "A" }), { from: 0, to: 1 });
  assert.equal(placeOf(passage, { start: 3, end: 4, label: "A" }), null);
  assert.equal(placeOf(passage, { start: 900, end: 901, label: "A" }), null);
});

test("a task without tokens is cut at its spans, in code points", () => {
  const read = readPassage({ text: "😀 Ann\nBob", spans: [{ start: 2, end: 5, label: "P" }] });
  assert.ok(!read.tokenised);
  assert.deepEqual(read.tokens.map((token) => token.text), ["😀 ", "Ann", "\n", "Bob"]);
  assert.deepEqual(placeOf(read, { start: 2, end: 5, label: "P" }), { from: 1, to: 1 });
});

test("the innermost of overlapping spans is the one meant", () => {
  const [outer, inner] = [span(0, 4), span(1, 2, "B")];
  assert.equal(spanAt(passage, [outer, inner], 1), inner);
  assert.equal(spanAt(passage, [inner, outer], 1), inner);
  assert.equal(spanAt(passage, [inner, outer], 4), outer);
  assert.equal(spanAt(passage, [inner, outer], 6), null);
});

test("one more span changes one run of pieces", () => {
  const whole = passage.paragraphs[0]!;
  const first = span(0, 1);
  const before = flatPieces(passage, whole, placeSpans(passage, [first]));
  const after = flatPieces(passage, whole, placeSpans(passage, [first, span(3, 3)]));
  const [start, end] = sharedEnds(before, after);
  assert.deepEqual([before.length - start - end, after.length - start - end], [1, 3]);
  assert.deepEqual(sharedEnds(after, after), [after.length, 0]);
});

test("a span over several paragraphs has its label once, at its end", () => {
  const read = readPassage(sampleTask("a b\nc d", /\n|\S/gu));
  const both = spanOver(read, { from: 1, to: 3 }, "A");
  const marks = read.paragraphs.map((each) => flatPieces(read, each, placeSpans(read, [both])));
  const lasts = marks.flat().flatMap((piece) => (piece.kind === "mark" ? [piece.last] : []));
  assert.deepEqual(lasts, [false, true]);
});

test("a gap has the bars of spans that go on beyond it", () => {
  const pieces = stackedPieces(passage, passage.paragraphs[0]!, placeSpans(passage, [span(0, 1), span(1, 2, "B")]));
  const bars = pieces.map((piece) => (piece.kind === "barred" ? piece.bars.length : 0));
  assert.deepEqual(bars, [1, 1, 2, 1, 1, 0]);
});

test("document order is by start, then end", () => {
  assert.deepEqual(inOrder([span(3, 3), span(0, 1), span(0, 0)]), [span(0, 0), span(0, 1), span(3, 3)]);
});

test("differences name every span once, with the versions that have it", () => {
  const versions = [[span(0, 1), span(3, 3)], [span(0, 1, "B"), { ...span(3, 3), score: 1 }], []];
  assert.deepEqual(
    diffSpans(versions).map((each) => [each.span.start, each.span.label, each.in]),
    [[0, "A", [true, false, false]], [0, "B", [false, true, false]], [15, "A", [true, true, false]]],
  );
  assert.deepEqual(diffSpans([]), []);
  assert.deepEqual(diffSpans([[span(0, 1), span(0, 1)]]).map((each) => each.in), [[true]]);
});
