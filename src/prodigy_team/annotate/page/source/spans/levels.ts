/** Which overlapping spans are drawn at which level below the text. Pure. */
import { firstWhere, placeOf, type Passage, type Range } from "./passage";
import type { Span } from "./values";

/** A span on its tokens; level 0 is next to the text. `reach` is the last token that its bar or label covers. */
export interface Placed extends Range {
  span: Span;
  level: number;
  reach: number;
}

// A label of n letters is about as wide as this many characters of the text.
const LABEL_WIDTH = 0.8;
const LABEL_PADDING = 2;

/**
 * Spans with their levels, sorted by first token, longer ones first; spans that touch no token are left out.
 *
 * Greedy interval colouring: over spans in this order each takes the lowest level that is free, which needs no more
 * levels than the most bars at one token. A label wider than its span keeps its level taken as far as it reaches.
 */
export function placeSpans(passage: Passage, spans: readonly Span[]): Placed[] {
  const placed = spans.flatMap((span) => {
    const range = placeOf(passage, span);
    return range ? [{ ...range, span, level: 0, reach: reachOf(passage, range, span.label) }] : [];
  });
  placed.sort((a, b) => a.from - b.from || b.to - a.to);
  const taken: number[] = [];
  for (const each of placed) {
    const free = taken.findIndex((reach) => reach < each.from);
    each.level = free < 0 ? taken.length : free;
    taken[each.level] = each.reach;
  }
  return placed;
}

function reachOf(passage: Passage, range: Range, label: string | undefined): number {
  const { tokens } = passage;
  const needed = tokens[range.from]!.start + (label?.length ?? 0) * LABEL_WIDTH + LABEL_PADDING;
  const covering = firstWhere(tokens.length, (at) => tokens[at]!.end >= needed);
  return Math.max(range.to, Math.min(covering, tokens.length - 1));
}

/** Whether any two spans share a token, so that they cannot be drawn side by side. Sorted as `placeSpans` does. */
export function anyOverlap(placed: readonly Placed[]): boolean {
  let last = -1;
  return placed.some((each) => {
    const overlaps = each.from <= last;
    last = Math.max(last, each.to);
    return overlaps;
  });
}
