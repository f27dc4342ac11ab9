/** What mouse, touch and keys can do to one task's spans; keeps the history and tells the page of each change. */
import type { Board } from "./board";
import { addSpan, advance, begin, inOrder, present, removeSpan, snap, spanOver, stepped, type History } from "./model";
import type { Range } from "./passage";
import type { Span, SpanOptions } from "./values";

/** The spans being marked, and the current label. */
export interface Marking {
  spans(): Span[];
  label: string | null;
  /** The tokens that a selection between two would mark. */
  snap(anchor: number, focus: number): Range | null;
  /** Mark tokens with the current label, in place of a span if one is given; returns the span that now is there. */
  add(range: Range, instead?: Span | null): Span | null;
  remove(span: Span): void;
  step(by: -1 | 1): boolean;
  textOf(span: Span): string;
}

/** `redraw` is called after each change, before the page is told. */
export function createMarking(board: Board, options: SpanOptions, given: Span[], redraw: () => void): Marking {
  let history: History = begin(inOrder(given));
  const textOf = (span: Span): string => board.passage.points.slice(span.start, span.end).replace(/\s+/g, " ").trim();
  const tell = (key: string, span: Span): void =>
    options.announce(options.say(key, { label: span.label, text: textOf(span) }));

  function change(next: History): boolean {
    if (next === history) return false;
    history = next;
    redraw();
    options.onChange([...present(history)]);
    return true;
  }

  const marking: Marking = {
    spans: () => present(history),
    label: options.labels[0] ?? null,
    textOf,
    snap: (anchor, focus) => snap(board.passage, anchor, focus),
    add(range, instead = null) {
      if (marking.label === null) return null;
      const span = spanOver(board.passage, range, marking.label);
      const spans = addSpan(marking.spans(), span, options.overlap, instead);
      if (change(advance(history, spans))) tell("spanAdded", span);
      return spans.find((each) => each.start === span.start && each.end === span.end && each.label === span.label)!;
    },
    remove(span) {
      if (change(advance(history, removeSpan(marking.spans(), span)))) tell("spanRemoved", span);
    },
    step(by) {
      if (!change(stepped(history, by))) return false;
      options.announce(options.say(by < 0 ? "spanUndone" : "spanRedone"));
      return true;
    },
  };
  return marking;
}
