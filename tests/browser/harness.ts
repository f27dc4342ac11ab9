// The token view alone on a page, driven by tests: window.open_task draws a task, window.seen tells what happened.
import { createSpanView, diffSpans, spanWords, type SpanOptions, type SpanTask, type SpanView } from "SPANS";

const seen = { changes: [] as unknown[], said: [] as string[], labels: [] as string[] };
let view: SpanView | null = null;
let task: SpanTask | null = null;

function say(key: string, values: Record<string, string> = {}): string {
  const words = spanWords[key];
  if (words === undefined) throw new Error(`no words for ${key}`);
  return words.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "");
}

function openTask(given: SpanTask, options: Partial<SpanOptions>): Promise<void> {
  view?.destroy();
  scrollTo(0, 0);
  Object.assign(seen, { changes: [], said: [], labels: [] });
  task = given;
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

/** Where a token is drawn, found without the view: by counting through the texts on the page. */
function boxOf(at: number) {
  const before = (place: number): number => [...task!.text].slice(0, place).join("").length;
  const { start, end } = task!.tokens![at]!;
  const range = document.createRange();
  const walker = document.createTreeWalker(document.querySelector(".spans-text")!, NodeFilter.SHOW_TEXT);
  let passed = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement!.closest(".spans-chip")) continue;
    const length = node.textContent!.length;
    if (passed <= before(start) && before(end) <= passed + length) {
      range.setStart(node, before(start) - passed);
      range.setEnd(node, before(end) - passed);
      const { left, right, top, bottom } = range.getBoundingClientRect();
      return { left, right, top, bottom };
    }
    passed += length;
  }
  throw new Error(`token ${at} is not drawn in one piece`);
}

document.addEventListener("keydown", (event) => {
  view?.handleKey(event);
});
Object.assign(window, { openTask, seen, diffSpans, boxOf, view: () => view });
