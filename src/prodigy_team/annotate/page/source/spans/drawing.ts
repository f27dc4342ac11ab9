/** Pieces drawn as DOM: bare text, a mark around highlighted tokens, bars under overlapping ones. */
import type { Colour } from "./colours";
import type { Bar, Barred, Marked, Piece } from "./pieces";
import type { Passage } from "./passage";
import type { Span } from "./values";

/** Where a token's text was drawn: `length` UTF-16 units from `offset` of a text node. */
export interface TokenText {
  node: Text;
  offset: number;
  length: number;
}

/**
 * What drawing needs to know, and what it leaves.
 *
 * Unmarked tokens have no elements of their own, which is what makes 5,000 of them cheap: `tokens[i]` says where
 * token i's text is. `barred` has the first token of elements with bars, `chips` the span of labels.
 */
export interface Drawing {
  passage: Passage;
  showWhitespace: boolean;
  colour(label: string): Colour;
  tokens: TokenText[];
  barred: WeakMap<Element, number>;
  chips: WeakMap<Element, Span>;
}

/** The node of one piece. */
export function draw(drawing: Drawing, piece: Piece): ChildNode {
  if (piece.kind === "mark") return drawMark(drawing, piece);
  if (piece.kind === "barred") return drawBarred(drawing, piece);
  const nodes = drawText(drawing, piece);
  if (nodes.length === 1) return nodes[0]!;
  const holder = document.createElement("span");
  holder.append(...nodes);
  return holder;
}

const BLANKS: Record<string, string> = { "\n": "↵", "\t": "⇥", " ": "·", "\u00a0": "⍽" };

/** Text nodes for a stretch; what looks different (disabled tokens, white space to be shown) gets elements in it. */
function drawText(drawing: Drawing, { start, end, from, to }: Piece): ChildNode[] {
  const { passage, showWhitespace } = drawing;
  const { slice, unit } = passage.points;
  const nodes: ChildNode[] = [];
  let node: Text | null = null;
  let base = 0;
  let last = start; // where the token before ends
  const open = (place: number, until: number): Text => {
    base = unit(place);
    return document.createTextNode(slice(place, until));
  };
  /** Draw what was begun, up to a place, and go on behind it. */
  const close = (until: number): void => {
    if (node) node.data = slice(start, until);
    else if (start < until) nodes.push(open(start, until));
    node = null;
    start = until;
  };
  const drawGap = (until: number): void => {
    if (!showWhitespace) return;
    const gap = slice(last, until);
    if (!SHOWN_GAP.test(gap)) return;
    close(last);
    nodes.push(drawBlank(gap, document.createTextNode(gap)));
    start = until;
  };
  for (let at = from; at <= to; at += 1) {
    const token = passage.tokens[at]!;
    drawGap(token.start);
    last = token.end;
    if (token.disabled || (showWhitespace && /^\s+$/.test(token.text))) {
      close(token.start);
      const text = open(token.start, token.end);
      drawing.tokens[at] = { node: text, offset: 0, length: text.length };
      nodes.push(drawSpecial(drawing, at, text));
      start = token.end;
      continue;
    }
    if (!node) nodes.push((node = open(start, end)));
    const offset = unit(token.start) - base;
    drawing.tokens[at] = { node, offset, length: unit(token.end) - base - offset };
  }
  drawGap(end);
  if (!node && start < end) nodes.push(open(start, end));
  return nodes;
}

/** White space between tokens that is worth a sign: all but a single space. */
const SHOWN_GAP = /^\s*(?:[^\S ]|\s\s)\s*$/;

function drawSpecial(drawing: Drawing, at: number, text: Text): HTMLElement {
  const token = drawing.passage.tokens[at]!;
  const blank = drawing.showWhitespace && /^\s+$/.test(token.text);
  const element = blank ? drawBlank(token.text, text) : document.createElement("span");
  if (token.disabled) element.classList.add("spans-off");
  if (!blank) element.append(text);
  return element;
}

function drawBlank(blank: string, text: Text): HTMLElement {
  const element = document.createElement("span");
  element.className = "spans-blank";
  element.dataset["shown"] = [...blank].map((each) => BLANKS[each] ?? "␣").join("");
  element.append(text);
  return element;
}

function drawMark(drawing: Drawing, piece: Marked): HTMLElement {
  const mark = document.createElement("mark");
  paint(mark, drawing.colour(piece.span.label));
  mark.append(...drawText(drawing, piece));
  // The word joiner keeps the line from breaking between the last token and its label.
  if (piece.last) mark.append(drawChip(drawing, piece.span, "\u2060"));
  return mark;
}

function drawBarred(drawing: Drawing, piece: Barred): HTMLElement {
  const element = document.createElement("span");
  element.append(...drawText(drawing, piece));
  element.className = "spans-barred";
  const levels = underline(drawing, element, piece.bars);
  if (piece.from <= piece.to) {
    drawing.barred.set(element, piece.from);
    if (levels > 1) deepen(element, levels); // after a gap it would keep the line from breaking
  }
  for (const { span, level, first } of piece.bars) {
    if (!first) continue;
    const chip = drawChip(drawing, span, "");
    chip.style.insetBlockEnd = rem((levels - 1 - level) * LEVEL + 0.1);
    element.classList.add("spans-start"); // the others need no layer of their own
    element.append(chip);
  }
  return element;
}

/** Height of a level with the gap to the next, in rem: `--level` of the stylesheet. */
const LEVEL = 1.05;

const rem = (length: number): string => `${length.toFixed(2)}rem`;

/** Make the line deep enough for the bars. */
function deepen(element: HTMLElement, levels: number): void {
  element.classList.add("spans-deep");
  element.style.setProperty("--deep", rem(levels * LEVEL + 0.1));
}

const bar = ({ fill }: Colour): string => `linear-gradient(${fill}, ${fill})`;

/**
 * Paint bars under an element; returns how many levels it got.
 *
 * Lengths are plain: one with a variable in it would be parsed anew for each element whenever styles are computed.
 */
function underline(drawing: Drawing, element: HTMLElement, bars: Bar[]): number {
  const levels = Math.max(...bars.map((bar) => bar.level)) + 1;
  const { style } = element;
  style.paddingBlockEnd = rem(levels * LEVEL + 0.1);
  style.backgroundImage = bars.map(({ span }) => bar(drawing.colour(span.label))).join();
  style.backgroundPosition = bars.map(({ level }) => `0 calc(100% - ${rem((levels - 1 - level) * LEVEL + 0.1)})`).join();
  style.backgroundSize = `100% ${rem(LEVEL - 0.15)}`;
  return levels;
}

function drawChip(drawing: Drawing, span: Span, joiner: string): HTMLElement {
  const chip = document.createElement("span");
  chip.className = "spans-chip";
  chip.textContent = joiner + (span.label ?? "");
  chip.setAttribute("aria-hidden", "true"); // the list of spans says it
  paint(chip, drawing.colour(span.label));
  drawing.chips.set(chip, span);
  return chip;
}

/** Set an element's two colours. */
export function paint({ style }: HTMLElement, { fill, ink }: Colour): void {
  style.backgroundColor = fill;
  style.color = ink;
}
