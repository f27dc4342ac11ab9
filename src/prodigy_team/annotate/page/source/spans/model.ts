/** Decisions on spans: which tokens a selection takes, what adding and removing leave, and their history. Pure. */
import { isBlank, type Passage, type Range } from "./passage";
import type { Span } from "./values";

/**
 * The tokens that a selection from `anchor` to `focus` (token indices, either may be the greater) marks.
 *
 * It ends before the first disabled token as seen from the anchor, and takes no blank token at either end.
 * Null where nothing is left.
 */
export function snap(passage: Passage, anchor: number, focus: number): Range | null {
  const { tokens } = passage;
  const step = anchor <= focus ? 1 : -1;
  let first = anchor;
  while (first !== focus && tokens[first]!.disabled) first += step;
  if (tokens[first]!.disabled) return null;
  let last = first;
  while (last !== focus && !tokens[last + step]!.disabled) last += step;
  let [from, to] = step > 0 ? [first, last] : [last, first];
  while (from <= to && isBlank(tokens[from]!)) from += 1;
  while (to >= from && isBlank(tokens[to]!)) to -= 1;
  return from <= to ? { from, to } : null;
}

/** A span over tokens; all its numbers are copied from them. */
export function spanOver(passage: Passage, range: Range, label: string): Span {
  const first = passage.tokens[range.from]!;
  const last = passage.tokens[range.to]!;
  return { start: first.start, end: last.end, token_start: first.id, token_end: last.id, label };
}

/** Spans in document order: by start, then end; equal ones stay as they were. */
export function inOrder(spans: readonly Span[]): Span[] {
  return [...spans].sort((a, b) => a.start - b.start || a.end - b.end);
}

/** Whether two spans share a character. */
export function touch(a: Span, b: Span): boolean {
  return a.start < b.end && b.start < a.end;
}

const same = (a: Span, b: Span): boolean => a.start === b.start && a.end === b.end && a.label === b.label;

/**
 * The spans with one more, which takes the place of `instead` and, without overlap, of those it touches.
 *
 * The very list given comes back where an equal span is there already (so that its extra keys are kept).
 */
export function addSpan(spans: Span[], span: Span, overlap: boolean, instead: Span | null = null): Span[] {
  if (spans.some((each) => same(each, span))) return spans;
  return inOrder([...spans.filter((each) => each !== instead && (overlap || !touch(each, span))), span]);
}

/** The spans without one, compared by identity. */
export function removeSpan(spans: Span[], span: Span): Span[] {
  return spans.includes(span) ? spans.filter((each) => each !== span) : spans;
}

/** The shortest span that covers a token: the one meant where several overlap. Of equal ones the last. */
export function spanAt(passage: Passage, spans: readonly Span[], at: number): Span | null {
  const token = passage.tokens[at]!;
  let found: Span | null = null;
  for (const span of spans)
    if (span.start < token.end && token.start < span.end)
      if (!found || span.end - span.start <= found.end - found.start) found = span;
  return found;
}

/** What was and what is: `lists[at]` is shown, those after it were undone. */
export interface History {
  lists: readonly Span[][];
  at: number;
}

/** A history that starts with the spans a task came with. */
export const begin = (spans: Span[]): History => ({ lists: [spans], at: 0 });

/** The spans shown. */
export const present = (history: History): Span[] => history.lists[history.at]!;

/** A further step; what was undone is dropped. The very list shown is no step. */
export function advance(history: History, spans: Span[]): History {
  if (spans === present(history)) return history;
  return { lists: [...history.lists.slice(0, history.at + 1), spans], at: history.at + 1 };
}

/** One step back (-1) or forth (1); the history itself where there is none. */
export function stepped(history: History, by: -1 | 1): History {
  const at = history.at + by;
  return at < 0 || at >= history.lists.length ? history : { ...history, at };
}
