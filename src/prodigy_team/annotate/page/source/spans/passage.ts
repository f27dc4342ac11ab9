/** A task's text, read once: its tokens with what stands between them, and the paragraphs to draw. Pure. */
import { lengthOf, slicing, type Slice } from "./codepoints";
import type { Span, SpanTask, Token } from "./values";

/** Tokens by index, inclusive at both ends. */
export interface Range {
  from: number;
  to: number;
}

/** A run of tokens drawn as one block; it ends after a line break. `tail` is text after its last token. */
export interface Paragraph extends Range {
  tail: string;
}

/** What a view draws. `before[i]` is the text between token i-1 (or the paragraph's start) and token i. */
export interface Passage {
  tokens: Token[];
  before: string[];
  paragraphs: Paragraph[];
  slice: Slice;
  /** False: the tokens were cut here, at the edges of the spans, and nothing can be marked. */
  tokenised: boolean;
}

const BLANK = /^[\s\x1c-\x1f\x85]*$/;

/** Whether a token is empty or whitespace alone, and so never stands at the end of a span. */
export function isBlank(token: Token): boolean {
  return BLANK.test(token.text);
}

/** Read a task. Tokens keep their order and are believed to be in that of the text. */
export function readPassage(task: SpanTask): Passage {
  const slice = slicing(task.text);
  const length = lengthOf(task.text);
  const tokenised = Boolean(task.tokens?.length);
  const tokens = tokenised ? task.tokens! : cutAtSpans(task, slice, length);
  const before = tokens.map((token, at) => slice(at ? tokens[at - 1]!.end : 0, token.start));
  const rest = tokens.length ? slice(tokens[tokens.length - 1]!.end, length) : task.text;
  return { tokens, before, paragraphs: paragraphs(tokens, before, rest), slice, tokenised };
}

/** Pieces between the edges of spans and after line breaks stand in for tokens where a task has none. */
function cutAtSpans(task: SpanTask, slice: Slice, length: number): Token[] {
  const edges = new Set<number>([0, length]);
  for (const { start, end } of task.spans ?? []) edges.add(within(start, length)).add(within(end, length));
  let place = 0;
  for (const character of task.text) {
    place += 1;
    if (character === "\n") edges.add(place);
  }
  const sorted = [...edges].sort((a, b) => a - b);
  return sorted.slice(1).map((end, id) => ({ text: slice(sorted[id]!, end), start: sorted[id]!, end, id }));
}

const within = (place: number, length: number): number => Math.min(Math.max(place, 0), length);

/** Cut after tokens, and in gaps, that hold a line break. The gap's part up to the break becomes the tail above. */
function paragraphs(tokens: Token[], before: string[], rest: string): Paragraph[] {
  const found: Paragraph[] = [];
  let from = 0;
  const close = (to: number, tail: string): void => {
    found.push({ from, to, tail });
    from = to + 1;
  };
  for (let at = 1; at < tokens.length; at += 1) {
    const gap = before[at]!;
    const cut = gap.lastIndexOf("\n") + 1;
    if (cut) before[at] = gap.slice(cut);
    if (cut || tokens[at - 1]!.text.includes("\n")) close(at - 1, gap.slice(0, cut));
  }
  close(tokens.length - 1, rest);
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
