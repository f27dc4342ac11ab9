/**
 * The token views: ner_manual and spans_manual, and read-only highlights for ner, spans and review.
 *
 * Their styles are `spans.css` beside this file; the page's own stylesheet imports it. Dark colours follow the system
 * or `data-theme="light|dark"` on the root element.
 */
export { colourOf, type Colour } from "./colours";
export { latinKey } from "./keyboard";
export { diffSpans, type Difference } from "./differences";
export type { Span, SpanOptions, SpanTask, SpanView, Token } from "./values";
export { createSpanView } from "./view";
export { spanWords } from "./words";
