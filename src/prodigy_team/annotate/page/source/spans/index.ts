/**
 * The token views: ner_manual and spans_manual, and read-only highlights for ner, spans and review.
 * Their styles are `spans.css` beside this file; the page imports it from its own stylesheet.
 */
import type { Span, SpanOptions, SpanTask, SpanView } from "./values";

export type { Span, SpanOptions, SpanTask, SpanView, Token } from "./values";
export { spanWords } from "./words";

/** Draw a task's text with its spans; unless read-only, let them be changed by mouse, touch and keys. */
export function createSpanView(task: SpanTask, options: SpanOptions): SpanView {
  const element = document.createElement("div");
  element.className = "spans";
  element.textContent = task.text;
  let label = options.labels[0] ?? null;
  return {
    element,
    get label() {
      return label;
    },
    setLabel(chosen) {
      label = chosen;
    },
    handleKey: () => false,
    keys: () => [],
    spans: () => task.spans ?? [],
    undo: () => false,
    redo: () => false,
    destroy: () => element.remove(),
  };
}

/** Every distinct span of some versions in document order, with which versions have it (same length as `versions`). */
export function diffSpans(versions: Span[][]): { span: Span; in: boolean[] }[] {
  const found = new Map<string, { span: Span; in: boolean[] }>();
  versions.forEach((spans, version) => {
    for (const span of spans) {
      const key = JSON.stringify([span.start, span.end, span.label]);
      const entry = found.get(key) ?? { span, in: versions.map(() => false) };
      entry.in[version] = true;
      found.set(key, entry);
    }
  });
  return [...found.values()].sort((a, b) => a.span.start - b.span.start || a.span.end - b.span.end);
}
