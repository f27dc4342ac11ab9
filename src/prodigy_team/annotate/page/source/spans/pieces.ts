/** What a paragraph is made of, as keyed pieces, so that a change redraws only what differs. Pure. */
import type { Placed } from "./levels";
import type { Paragraph, Passage } from "./passage";
import type { Span } from "./values";

/** A bar through a token or gap; `first`: its label stands here. */
export interface Bar {
  span: Span;
  level: number;
  first: boolean;
}

/** Text between tokens, before token `at` (or the paragraph's tail), with the bars that run through it. */
export interface Gap {
  kind: "gap";
  key: string;
  text: string;
  bars: Bar[];
}

/** One token, with the bars under it. */
export interface Single {
  kind: "token";
  key: string;
  at: number;
  bars: Bar[];
}

/** Tokens from..to inside one highlight; `last`: its label stands behind them. */
export interface Marked {
  kind: "mark";
  key: string;
  span: Span;
  from: number;
  to: number;
  last: boolean;
}

export type Piece = Gap | Single | Marked;

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
  const pieces: Piece[] = [];
  let next = 0;
  for (let at = paragraph.from; at <= paragraph.to; at += 1) {
    const text = passage.before[at]!;
    if (text) pieces.push({ kind: "gap", key: "g" + at, text, bars: [] });
    const mark = placed[next];
    if (mark && mark.from <= at) {
      const to = Math.min(mark.to, paragraph.to);
      const last = to === mark.to;
      pieces.push({ kind: "mark", key: `m${numberOf(mark.span)}.${at}.${to}`, span: mark.span, from: at, to, last });
      next += 1;
      at = to;
    } else pieces.push({ kind: "token", key: "t" + at, at, bars: [] });
  }
  return withTail(pieces, paragraph);
}

/** The pieces of a paragraph where spans may overlap. `placed` as above. */
export function stackedPieces(passage: Passage, paragraph: Paragraph, placed: readonly Placed[]): Piece[] {
  const pieces: Piece[] = [];
  let open: Placed[] = [];
  let next = 0;
  for (let at = paragraph.from; at <= paragraph.to; at += 1) {
    open = open.filter((each) => each.to >= at);
    const text = passage.before[at]!;
    if (text) {
      const bars = open.map(({ span, level }) => ({ span, level, first: false }));
      pieces.push({ kind: "gap", key: "g" + at + keyOf(bars), text, bars });
    }
    for (; next < placed.length && placed[next]!.from <= at; next += 1) open.push(placed[next]!);
    const bars = open.map(({ span, level, from }) => ({ span, level, first: from === at }));
    pieces.push({ kind: "token", key: "t" + at + keyOf(bars), at, bars });
  }
  return withTail(pieces, paragraph);
}

function withTail(pieces: Piece[], paragraph: Paragraph): Piece[] {
  if (paragraph.tail) pieces.push({ kind: "gap", key: "tail", text: paragraph.tail, bars: [] });
  return pieces;
}

const keyOf = (bars: Bar[]): string => bars.map((bar) => `:${numberOf(bar.span)}@${bar.level}`).join("");

/** How many keys two lists share at their start and, beyond that, at their end. */
export function sharedEnds(before: readonly { key: string }[], after: readonly { key: string }[]): [number, number] {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start]!.key === after[start]!.key) start += 1;
  let end = 0;
  while (end < most - start && before[before.length - 1 - end]!.key === after[after.length - 1 - end]!.key) end += 1;
  return [start, end];
}
