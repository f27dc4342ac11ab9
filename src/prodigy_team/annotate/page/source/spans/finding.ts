/** Which token is under, or nearest to, a point of the window. */
import { firstWhere, type Paragraph } from "./passage";

/** Where tokens are drawn: `blocks[i]` is paragraph i's element, `tokens[i]` token i's. */
export interface Drawn {
  text: HTMLElement;
  blocks: HTMLElement[];
  paragraphs: Paragraph[];
  tokens: HTMLElement[];
  indices: WeakMap<Element, number>;
}

/** The token at a point (CSS pixels of the window), else the nearest one, else null where nothing is drawn. */
export function tokenAt(drawn: Drawn, x: number, y: number): number | null {
  let element = document.elementFromPoint(x, y);
  for (; element && element !== drawn.text && drawn.text.contains(element); element = element.parentElement) {
    const at = drawn.indices.get(element);
    if (at !== undefined) return at;
  }
  return nearestToken(drawn, x, y);
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
  const box = (at: number): DOMRect => drawn.tokens[at]!.getBoundingClientRect();
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
  const line = drawn.tokens[start]!.getBoundingClientRect();
  let best = start;
  let least = distance(line, x);
  const look = (step: number): void => {
    for (let at = start + step; at >= from && at <= to; at += step) {
      const box = drawn.tokens[at]!.getBoundingClientRect();
      if (box.top >= line.bottom || box.bottom <= line.top) return;
      if (distance(box, x) < least) [best, least] = [at, distance(box, x)];
    }
  };
  look(1);
  look(-1);
  return best;
}

const distance = (box: DOMRect, x: number): number => Math.max(box.left - x, x - box.right, 0);
