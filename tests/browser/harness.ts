// The token view alone on a page, driven by tests: window.open_task draws a task, window.seen tells what happened.
import { createSpanView, diffSpans, spanWords, type SpanOptions, type SpanTask, type SpanView } from "SPANS";

const seen = { changes: [] as unknown[], said: [] as string[], labels: [] as string[] };
let view: SpanView | null = null;

function say(key: string, values: Record<string, string> = {}): string {
  const words = spanWords[key];
  if (words === undefined) throw new Error(`no words for ${key}`);
  return words.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "");
}

function openTask(task: SpanTask, options: Partial<SpanOptions>): Promise<void> {
  view?.destroy();
  scrollTo(0, 0);
  Object.assign(seen, { changes: [], said: [], labels: [] });
  view = createSpanView(task, {
    labels: ["PERSON", "ORG", "GPE"],
    ...{ colours: {}, overlap: false, readOnly: false, direction: "auto", showWhitespace: false, say },
    announce: (message) => seen.said.push(message),
    onChange: (spans) => seen.changes.push(spans),
    onLabel: (label) => seen.labels.push(label),
    ...options,
  });
  document.querySelector("main")!.append(view.element);
  // Paragraphs find their place in the first frame; so do people.
  return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn())));
}

document.addEventListener("keydown", (event) => {
  view?.handleKey(event);
});
Object.assign(window, { openTask, seen, diffSpans, view: () => view });
