/** What a paragraph is made of, as keyed pieces, so that a change redraws only what differs. Pure. */
import type { Placed } from "./levels";
import type { Paragraph, Passage, Range } from "./passage";
import type { Span } from "./values";

/** Text from `start` to `end` (code points) with its tokens from..to; none where `from` is greater. */
interface Stretch extends Range {
  key: string;
  start: number;
  end: number;
}

/** Text without marks: tokens and what stands between them. */
export interface Plain extends Stretch {
  kind: "plain";
}

/** A bar; `first`: its label stands here. */
export interface Bar {
  span: Span;
  level: number;
  first: boolean;
}

/** One token, or the text between two, with the bars under it. */
export interface Barred extends Stretch {
  kind: "barred";
  bars: Bar[];
}

/** Tokens inside one highlight; `last`: its label stands behind them. */
export interface Marked extends Stretch {
  kind: "mark";
  span: Span;
  last: boolean;
}

export type Piece = Plain | Barred | Marked;

const numbers = new WeakMap<Span, number>();
let count = 0;

/** A number that stays a span object's own, for keys. */
export function numberOf(span: Span): number {
  let number = numbers.get(span);
  if (number === undefined) numbers.set(span, (number = count += 1));
  return number;
}

/** The pieces of a paragraph where spans do not overlap. `placed` holds those that touch it, sorted by first token. */
export function flatPieces(passage: Passage, paragraph: Paragraph, placed: readonly Placed[]): Piece[] {
  const pieces = filling(paragraph);
  for (const mark of placed) {
    const from = Math.max(mark.from, paragraph.from);
    const to = Math.min(mark.to, paragraph.to);
    const { start, end } = textOf(passage, from, to);
    const key = `m${numberOf(mark.span)}.${from}.${to}`;
    pieces.add({ kind: "mark", key, span: mark.span, from, to, start, end, last: to === mark.to });
  }
  return pieces.done();
}

/** The pieces of a paragraph where spans may overlap. `placed` as above. */
export function stackedPieces(passage: Passage, paragraph: Paragraph, placed: readonly Placed[]): Piece[] {
  const pieces = filling(paragraph);
  let open: Placed[] = [];
  let next = 0;
  for (let at = paragraph.from; at <= paragraph.to; at += 1) {
    const { start, end } = textOf(passage, at, at);
    open = open.filter((each) => each.to >= at);
    if (open.length) pieces.add(barred(pieces.end(), start, at, at - 1, open));
    for (; next < placed.length && placed[next]!.from <= at; next += 1) open.push(placed[next]!);
    if (open.length) pieces.add(barred(start, end, at, at, open));
    else if (next === placed.length) break;
  }
  return pieces.done();
}

function barred(start: number, end: number, from: number, to: number, open: Placed[]): Barred {
  const bars = open.map(({ span, level, from: first }) => ({ span, level, first: from === to && first === from }));
  const key = `b${start}` + bars.map((bar) => `:${numberOf(bar.span)}@${bar.level}`).join("");
  return { kind: "barred", key, start, end, from, to, bars };
}

function textOf(passage: Passage, from: number, to: number): { start: number; end: number } {
  return { start: passage.tokens[from]!.start, end: passage.tokens[to]!.end };
}

/** Collects pieces in order, and fills what lies between them with plain text. */
function filling(paragraph: Paragraph): { add(piece: Piece): void; end(): number; done(): Piece[] } {
  const pieces: Piece[] = [];
  let { from, start } = paragraph;
  const fill = (to: number, end: number): void => {
    if (start < end) pieces.push({ kind: "plain", key: `p${start}-${end}`, start, end, from, to });
  };
  return {
    add(piece) {
      if (piece.start >= piece.end) return;
      fill(piece.from - 1, piece.start);
      pieces.push(piece);
      [from, start] = [piece.to + 1, piece.end];
    },
    end: () => start,
    done() {
      fill(paragraph.to, paragraph.end);
      return pieces;
    },
  };
}

/** How many keys two lists share at their start and, beyond that, at their end. */
export function sharedEnds(before: readonly { key: string }[], after: readonly { key: string }[]): [number, number] {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start]!.key === after[start]!.key) start += 1;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end]!.key === after[after.length - 1 - end]!.key) end += 1;
  return [start, end];
}
