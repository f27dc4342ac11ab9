/** The drawn text of one task: keeps the DOM in step with the spans, and shows selection and cursor on it. */
import { colourOf, type Colour } from "./colours";
import { draw, type Drawing, type TokenText } from "./drawing";
import { boxOf, rangeOver, tokenAt, type Drawn } from "./finding";
import { anyOverlap, placeSpans, type Placed } from "./levels";
import { flatPieces, sharedEnds, stackedPieces, type Piece } from "./pieces";
import { readPassage, type Paragraph, type Passage, type Range } from "./passage";
import type { Span, SpanOptions, SpanTask } from "./values";

/** One text on the page. Indices are those of `passage.tokens`. */
export interface Board {
  /** Holds the paragraphs. */
  text: HTMLElement;
  passage: Passage;
  colour(label: string): Colour;
  /** Show these spans; only what changed is drawn anew. */
  show(spans: readonly Span[]): void;
  /** Show tokens as selected, or none. */
  pick(range: Range | null): void;
  /** Show the token cursor, or none. */
  point(at: number | null): void;
  /** The token at or nearest to a point of the window, in CSS pixels. */
  find(x: number, y: number): number | null;
  /** The span whose label was drawn as this element, if any. */
  chip(target: EventTarget | null): Span | null;
  /** Where a token is drawn, in CSS pixels of the window. */
  box(at: number): DOMRect;
}

/** Tokens from which on paragraphs out of sight are not laid out. */
const LONG = 1000;

let boards = 0;

/** Draw a text, first without spans. */
export function createBoard(task: SpanTask, options: SpanOptions): Board {
  const passage = readPassage(task);
  const text = document.createElement("div");
  text.className = "spans-text";
  const blocks = passage.paragraphs.map(() => {
    const block = document.createElement("div");
    if (passage.tokens.length > LONG) block.className = "spans-paragraph";
    return block;
  });
  text.append(...blocks);
  const colours = new Map<string, Colour>();
  // Spans that come with a task need not have a label.
  const colour = (label = ""): Colour => {
    let found = colours.get(label);
    if (!found) colours.set(label, (found = colourOf(label, options.labels, options.colours)));
    return found;
  };
  const drawing: Drawing = {
    ...{ passage, showWhitespace: options.showWhitespace, colour, tokens: [] },
    ...{ barred: new WeakMap(), chips: new WeakMap() },
  };
  const { tokens, barred } = drawing;
  const drawn: Drawn = { text, blocks, paragraphs: passage.paragraphs, tokens, barred };
  const selection = createSelection(text, tokens);
  const cursor = createCursor(text, passage, tokens, `spans-token-${(boards += 1)}`, options);
  const shown: Piece[][] = blocks.map(() => []);
  let spansOfBlocks: Placed[][] = [];

  function show(spans: readonly Span[]): void {
    const placed = placeSpans(passage, spans);
    const stacked = options.overlap || anyOverlap(placed);
    text.classList.toggle("spans-stacked", stacked);
    const wanted = byParagraph(passage.paragraphs, placed);
    wanted.forEach((group, at) => {
      if (shown[at]!.length && sameGroup(group, spansOfBlocks[at]!)) return;
      const pieces = (stacked ? stackedPieces : flatPieces)(passage, passage.paragraphs[at]!, group);
      patch(drawing, blocks[at]!, shown[at]!, pieces);
      shown[at] = pieces;
    });
    spansOfBlocks = wanted;
    cursor.restore();
    selection.restore();
  }

  return {
    text,
    passage,
    colour,
    show,
    pick: selection.pick,
    point: cursor.point,
    find: (x, y) => tokenAt(drawn, x, y),
    chip: (target) => (target instanceof Element ? (drawing.chips.get(target) ?? null) : null),
    box: (at) => boxOf(tokens, at),
  };
}

/** The spans that touch each paragraph, in their order. */
function byParagraph(paragraphs: Paragraph[], placed: Placed[]): Placed[][] {
  const groups: Placed[][] = paragraphs.map(() => []);
  let first = 0;
  for (const each of placed) {
    while (paragraphs[first]!.to < each.from) first += 1;
    for (let at = first; at < paragraphs.length && paragraphs[at]!.from <= each.to; at += 1) groups[at]!.push(each);
  }
  return groups;
}

function sameGroup(a: Placed[], b: Placed[]): boolean {
  return a.length === b.length && a.every((each, at) => each.span === b[at]!.span && each.level === b[at]!.level);
}

/** Bring a paragraph's element from one list of pieces (a node each) to another. */
function patch(drawing: Drawing, block: HTMLElement, before: Piece[], after: Piece[]): void {
  const [start, end] = sharedEnds(before, after);
  const fresh = document.createDocumentFragment();
  for (const piece of after.slice(start, after.length - end)) fresh.append(draw(drawing, piece));
  const next = block.childNodes[before.length - end] ?? null;
  let old = block.childNodes[start] ?? null;
  for (let count = before.length - end - start; count > 0 && old; count -= 1) {
    const following: ChildNode | null = old.nextSibling;
    old.remove();
    old = following;
  }
  block.insertBefore(fresh, next);
}

/** The selected tokens, painted by the highlight API (no change of the DOM) or, without it, by boxes. */
function createSelection(text: HTMLElement, tokens: TokenText[]) {
  let picked: Range | null = null;
  let boxes: HTMLElement[] = [];

  function paint(): void {
    const range = picked && rangeOver(tokens, picked.from, picked.to);
    if (typeof Highlight === "function") {
      CSS.highlights.delete("spans-picked");
      if (range) CSS.highlights.set("spans-picked", new Highlight(range));
      return;
    }
    boxes.forEach((box) => box.remove());
    boxes = [...(range?.getClientRects() ?? [])].map((rect) => place(text, "spans-picked", rect));
  }

  function pick(range: Range | null): void {
    if (range?.from === picked?.from && range?.to === picked?.to) return;
    picked = range;
    if (range) text.dataset["picked"] = `${range.from}-${range.to}`;
    else delete text.dataset["picked"];
    paint();
  }

  return { pick, restore: () => picked && paint() };
}

/** Put an element over a box of the window; it stays there relative to the text. */
function place(text: HTMLElement, className: string, box: DOMRect, moved?: HTMLElement): HTMLElement {
  const element = moved ?? document.createElement("div");
  const whole = text.getBoundingClientRect();
  element.className = className;
  element.style.left = `${box.left - whole.left}px`;
  element.style.top = `${box.top - whole.top}px`;
  element.style.width = `${box.width}px`;
  element.style.height = `${box.height}px`;
  if (!moved) text.append(element);
  return element;
}

/** The token cursor: a frame over the token, and what a screen reader is told to be active. */
function createCursor(text: HTMLElement, passage: Passage, tokens: TokenText[], id: string, options: SpanOptions) {
  let at: number | null = null;
  let frame: HTMLElement | null = null;
  const resized = new ResizeObserver(() => restore());

  function restore(): void {
    if (at !== null && frame) place(text, "spans-cursor", boxOf(tokens, at), frame);
  }

  function point(token: number | null): void {
    at = token;
    frame?.remove();
    frame = null;
    resized.disconnect();
    if (at === null) return text.removeAttribute("aria-activedescendant");
    frame = place(text, "spans-cursor", boxOf(tokens, at));
    frame.id = id;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", passage.tokens[at]!.text);
    frame.setAttribute("aria-roledescription", options.say("spanToken"));
    text.setAttribute("aria-activedescendant", id);
    frame.scrollIntoView({ block: "nearest" });
    resized.observe(text);
  }

  return { point, restore };
}
