/** What differs between versions of one task's spans, for review. Pure. */
import { inOrder } from "./model";
import type { Span } from "./values";

/** A span and, in the order of the versions, which of them have it. */
export interface Difference {
  span: Span;
  in: boolean[];
}

/**
 * Every distinct span (by start, end and label) of some versions, in document order, with the versions that have it.
 *
 * `in` is as long as `versions`; a span all agree on has `in` all true. The span is the first version's own object.
 */
export function diffSpans(versions: Span[][]): Difference[] {
  const found = new Map<string, Difference>();
  versions.forEach((spans, version) => {
    for (const span of spans) {
      const key = JSON.stringify([span.start, span.end, span.label]);
      let entry = found.get(key);
      if (!entry) found.set(key, (entry = { span, in: versions.map(() => false) }));
      entry.in[version] = true;
    }
  });
  const entries = new Map([...found.values()].map((entry) => [entry.span, entry]));
  return inOrder([...entries.keys()]).map((span) => entries.get(span)!);
}
