/** Which token is under, or nearest to, a point of the window. */
import type { Drawing, TokenText } from "./drawing";
import { firstWhere, type Paragraph } from "./passage";

/** Where tokens are drawn: `blocks[i]` is paragraph i's element. */
export interface Drawn extends Pick<Drawing, "tokens" | "barred"> {
  text: HTMLElement;
  blocks: HTMLElement[];
  paragraphs: Paragraph[];
}

/** A range over tokens' text; it can be in any paragraph, as `tokens` say. */
export function rangeOver(tokens: TokenText[], from: number, to: number): globalThis.Range {
  const range = document.createRange();
  const [first, last] = [tokens[from]!, tokens[to]!];
  range.setStart(first.node, first.offset);
  range.setEnd(last.node, last.offset + last.length);
  return range;
}

/** A token's box on the window, in CSS pixels; where it goes over lines, the box around all its parts. */
export function boxOf(tokens: TokenText[], at: number): DOMRect {
  return rangeOver(tokens, at, at).getBoundingClientRect();
}

/** The token at a point (CSS pixels of the window), else the nearest one, else null where nothing is drawn. */
export function tokenAt(drawn: Drawn, x: number, y: number): number | null {
  const under = document.elementFromPoint(x, y);
  // Its bars belong to a token, though they may be nearer to the next line.
  const held = under && (drawn.barred.get(under) ?? (under.parentElement && drawn.barred.get(under.parentElement)));
  return held ?? nearestToken(drawn, x, y);
}

/**
 * The nearest token: first the nearest line, then on it the nearest in x, whichever way its tokens run.
 *
 * Tokens of a line are next to each other in the text, also where it mixes directions, and lines follow each other
 * downwards; so the line is found by binary search. Above the text means its first token, below it its last.
 */
export function nearestToken(drawn: Drawn, x: number, y: number): number | null {
  if (!drawn.tokens.length) return null;
  const whole = drawn.text.getBoundingClientRect();
  if (y < whole.top) return 0;
  if (y > whole.bottom) return drawn.tokens.length - 1;
  const { from, to } = drawn.paragraphs[nearestBlock(drawn.blocks, y)]!;
  const box = (at: number): DOMRect => boxOf(drawn.tokens, at);
  const length = to - from + 1;
  const below = from + firstWhere(length, (at) => box(from + at).bottom >= y);
  if (below > to) return nearestOnLine(drawn, to, x, from, to);
  const above = below - 1;
  const start = above >= from && y - box(above).bottom < box(below).top - y ? above : below;
  return nearestOnLine(drawn, start, x, from, to);
}

function nearestBlock(blocks: HTMLElement[], y: number): number {
  const box = (at: number): DOMRect => blocks[at]!.getBoundingClientRect();
  const below = firstWhere(blocks.length, (at) => box(at).bottom >= y);
  if (below === blocks.length) return below - 1;
  return below > 0 && y - box(below - 1).bottom < box(below).top - y ? below - 1 : below;
}

function nearestOnLine(drawn: Drawn, start: number, x: number, from: number, to: number): number {
  const line = boxOf(drawn.tokens, start);
  let best = start;
  let least = distance(line, x);
  const look = (step: number): void => {
    for (let at = start + step; at >= from && at <= to; at += step) {
      const box = boxOf(drawn.tokens, at);
      if (box.top >= line.bottom || box.bottom <= line.top) return;
      if (distance(box, x) < least) [best, least] = [at, distance(box, x)];
    }
  };
  look(1);
  look(-1);
  return best;
}

const distance = (box: DOMRect, x: number): number => Math.max(box.left - x, x - box.right, 0);
