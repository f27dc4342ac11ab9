// The token view and Recogito's annotator on one page, each timed from its start to its highlights' frame.
import { createSpanView, type Span, type SpanTask, type SpanView } from "SPANS";
import { createTextAnnotator } from "@recogito/text-annotator";

const place = (): HTMLElement => document.querySelector("main")!;
const frame = (): Promise<number> => new Promise((drawn) => requestAnimationFrame(drawn));

/** Milliseconds since the page began, once the frame that is being made was handed over for painting. */
async function painted(): Promise<number> {
  await frame();
  await new Promise<void>((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => done();
    port2.postMessage(null);
  });
  return performance.now();
}

let view: SpanView | null = null;
let annotator: ReturnType<typeof createTextAnnotator> | null = null;
let changed: Promise<number> | null = null;

function clear(): void {
  view?.destroy();
  annotator?.destroy();
  view = annotator = null;
  place().replaceChildren();
  scrollTo(0, 0);
}

/** Build ours; milliseconds until its marks are painted. */
async function buildOurs(task: SpanTask, overlap: boolean): Promise<number> {
  clear();
  await painted();
  const began = performance.now();
  view = createSpanView(task, {
    ...{ labels: ["A", "B", "C"], colours: {}, overlap, readOnly: false, direction: "ltr", showWhitespace: false },
    say: (key) => key,
    announce: () => undefined,
    onChange: () => (changed = painted()),
  });
  place().append(view.element);
  return (await painted()) - began;
}

/** Build Recogito's over the same text, a block per paragraph; milliseconds until highlights are painted. */
async function buildTheirs(task: SpanTask): Promise<number> {
  clear();
  await painted();
  const began = performance.now();
  const text = document.createElement("div");
  text.className = "spans-text";
  for (const line of task.text.split(/(?<=\n)/)) {
    const block = document.createElement("div");
    block.textContent = line;
    text.append(block);
  }
  place().append(text);
  annotator = createTextAnnotator(text, { renderer: "SPANS" });
  annotator.on("createAnnotation", ({ id }: { id: string }) => (changed = shown(id)));
  annotator.setAnnotations((task.spans ?? []).map((span, at) => annotationOf(task, span, "s" + at)) as never);
  while (!document.querySelector(".r6o-annotation")) await frame();
  return (await painted()) - began;
}

function annotationOf(task: SpanTask, { start, end }: Span, id: string): unknown {
  const selector = [{ start, end, quote: task.text.slice(start, end) }];
  return { id, bodies: [], target: { annotation: id, selector } };
}

async function shown(id: string): Promise<number> {
  while (!document.querySelector(`.r6o-annotation[data-annotation="${id}"]`)) await frame();
  return painted();
}

/** Where a stretch of the text is drawn: the middles of its first and last character. */
function pixels(start: number, end: number): { x: number; y: number }[] {
  const walker = document.createTreeWalker(place().querySelector(".spans-text")!, NodeFilter.SHOW_TEXT);
  const found: { x: number; y: number }[] = [];
  let at = 0;
  for (let node = walker.nextNode(); node && found.length < 2; node = walker.nextNode()) {
    if (node.parentElement!.closest(".spans-chip, .r6o-span-highlight-layer")) continue;
    const length = node.textContent!.length;
    for (const wanted of [start, end - 1].slice(found.length)) {
      if (wanted < at || wanted >= at + length) continue;
      const range = document.createRange();
      range.setStart(node, wanted - at);
      range.setEnd(node, wanted - at + 1);
      const box = range.getBoundingClientRect();
      found.push({ x: Math.round((box.left + box.right) / 2), y: Math.round((box.top + box.bottom) / 2) });
    }
    at += length;
  }
  return found;
}

let dropped = 0;
addEventListener("pointerup", (event) => (dropped = event.timeStamp), true);

/** After the mouse was released: milliseconds from that to the new highlight's frame. */
async function sinceDrop(): Promise<number> {
  while (!changed) await frame();
  const at = await changed;
  changed = null;
  return at - dropped;
}

Object.assign(window, { buildOurs, buildTheirs, pixels, sinceDrop, forget: () => (changed = null) });
