/** A task's text, read once: its tokens with what stands between them, and the paragraphs to draw. Pure. */
import { codePoints, type CodePoints } from "./codepoints";
import type { Span, SpanTask, Token } from "./values";

/** Tokens by index, inclusive at both ends. */
export interface Range {
  from: number;
  to: number;
}

/** A run of tokens drawn as one block, and its text from `start` to `end`; it ends after a line break. */
export interface Paragraph extends Range {
  start: number;
  end: number;
}

/** What a view draws. Paragraphs follow each other without a gap, from 0 to the text's length. */
export interface Passage {
  tokens: Token[];
  paragraphs: Paragraph[];
  points: CodePoints;
  /** False: the tokens were cut here, at the edges of the spans, and nothing can be marked. */
  tokenised: boolean;
  /** How many tokens of the task are none of its text. */
  lost: number;
}

const BLANK = /^[\s\x1c-\x1f\x85]*$/;

/** Whether a token is empty or whitespace alone, and so never stands at the end of a span. */
export function isBlank(token: Token): boolean {
  return BLANK.test(token.text);
}

/** Read a task. Tokens without a place of their own in the text, behind the one before, are left out. */
export function readPassage(task: SpanTask): Passage {
  const points = codePoints(task.text);
  let end = 0;
  let lost = 0;
  const fitting = (task.tokens ?? []).filter((token) => {
    const fits = token?.start >= end && token.end > token.start && token.end <= points.length && typeof token.text === "string";
    if (fits) end = token.end;
    // Tokens of no letters stand for the ends of a text in some models.
    else if (token?.start !== token?.end) lost += 1;
    return fits;
  });
  const tokenised = fitting.length > 0;
  const tokens = tokenised ? fitting : cutAtSpans(task, points);
  return { tokens, paragraphs: paragraphs(tokens, points), points, tokenised, lost };
}

/** Pieces between the edges of spans and after line breaks stand in for tokens where a task has none. */
function cutAtSpans(task: SpanTask, { length, slice }: CodePoints): Token[] {
  const edges = new Set<number>([0, length]);
  for (const { start, end } of task.spans ?? []) if (start < end) edges.add(within(start, length)).add(within(end, length));
  let place = 0;
  for (const character of task.text) {
    place += 1;
    if (character === "\n") edges.add(place);
  }
  const sorted = [...edges].sort((a, b) => a - b);
  return sorted.slice(1).map((end, id) => ({ text: slice(sorted[id]!, end), start: sorted[id]!, end, id }));
}

const within = (place: number, length: number): number => Math.min(Math.max(place, 0), length);

/** Cut after tokens that hold a line break, and after the last break of gaps that do. */
function paragraphs(tokens: Token[], { length, slice }: CodePoints): Paragraph[] {
  const found: Paragraph[] = [];
  let from = 0;
  let start = 0;
  for (let at = 1; at < tokens.length; at += 1) {
    const before = tokens[at - 1]!;
    const gap = before.end < tokens[at]!.start ? slice(before.end, tokens[at]!.start) : "";
    const breaks = gap.lastIndexOf("\n") + 1;
    if (!breaks && !before.text.includes("\n")) continue;
    const end = before.end + [...gap.slice(0, breaks)].length;
    found.push({ from, to: at - 1, start, end });
    [from, start] = [at, end];
  }
  found.push({ from, to: tokens.length - 1, start, end: length });
  return found;
}

/** The tokens that a span touches, by its offsets; null where it touches none. */
export function placeOf(passage: Passage, span: Span): Range | null {
  const { tokens } = passage;
  const from = firstWhere(tokens.length, (at) => tokens[at]!.end > span.start);
  const to = firstWhere(tokens.length, (at) => tokens[at]!.start >= span.end) - 1;
  return from <= to ? { from, to } : null;
}

/** The first of 0..length-1 for which a test holds that then holds to the end; `length` where it never does. */
export function firstWhere(length: number, test: (at: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
