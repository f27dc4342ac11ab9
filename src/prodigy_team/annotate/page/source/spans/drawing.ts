/** Pieces drawn as DOM: bare spans for tokens, a mark around highlighted ones, bars under overlapping ones. */
import type { Colour } from "./colours";
import type { Bar, Gap, Piece, Single } from "./pieces";
import type { Passage } from "./passage";
import type { Span } from "./values";

/** What drawing needs to know, and the elements it leaves: `tokens[i]` is token i's, `spanOf` a chip's span. */
export interface Drawing {
  passage: Passage;
  showWhitespace: boolean;
  colour(label: string): Colour;
  tokens: HTMLElement[];
  indices: WeakMap<Element, number>;
  chips: WeakMap<Element, Span>;
}

/** The nodes of one piece. */
export function draw(drawing: Drawing, piece: Piece): Node {
  if (piece.kind === "token") return drawSingle(drawing, piece);
  if (piece.kind === "gap") return piece.bars.length ? drawGap(drawing, piece) : document.createTextNode(piece.text);
  const mark = document.createElement("mark");
  paint(mark, drawing.colour(piece.span.label));
  mark.dataset["label"] = piece.span.label;
  for (let at = piece.from; at <= piece.to; at += 1) {
    if (at > piece.from && drawing.passage.before[at]) mark.append(drawing.passage.before[at]!);
    mark.append(drawToken(drawing, at));
  }
  // The word joiner keeps the line from breaking between the last token and its label.
  if (piece.last) mark.append(drawChip(drawing, piece.span, "\u2060"));
  return mark;
}

const BLANKS: Record<string, string> = { "\n": "↵", "\t": "⇥", " ": "·", "\u00a0": "⍽" };

function drawToken(drawing: Drawing, at: number): HTMLElement {
  const token = drawing.passage.tokens[at]!;
  const element = document.createElement("span");
  element.textContent = drawing.passage.slice(token.start, token.end);
  if (token.disabled) element.className = "spans-off";
  if (drawing.showWhitespace && /^\s+$/.test(token.text)) {
    element.classList.add("spans-blank");
    element.dataset["shown"] = [...token.text].map((each) => BLANKS[each] ?? "␣").join("");
  }
  drawing.tokens[at] = element;
  drawing.indices.set(element, at);
  return element;
}

function drawSingle(drawing: Drawing, piece: Single): HTMLElement {
  const element = drawToken(drawing, piece.at);
  if (!piece.bars.length) return element;
  const levels = underline(drawing, element, piece.bars);
  for (const { span, level, first } of piece.bars)
    if (first) {
      const chip = drawChip(drawing, span, "");
      chip.style.setProperty("--below", String(levels - 1 - level));
      element.append(chip);
    }
  return element;
}

function drawGap(drawing: Drawing, piece: Gap): HTMLElement {
  const element = document.createElement("span");
  element.className = "spans-gap";
  element.textContent = piece.text;
  underline(drawing, element, piece.bars);
  return element;
}

/** Paint bars under an element; returns how many levels it got. */
function underline(drawing: Drawing, element: HTMLElement, bars: Bar[]): number {
  const levels = Math.max(...bars.map((bar) => bar.level)) + 1;
  element.classList.add("spans-barred");
  element.style.setProperty("--levels", String(levels));
  const layers = bars.map(({ span, level }) => {
    const { fill } = drawing.colour(span.label);
    const rise = `calc(100% - ${levels - 1 - level} * var(--level) - 0.1rem)`;
    return `linear-gradient(${fill}, ${fill}) no-repeat 0 ${rise} / 100% calc(var(--level) - 0.15rem)`;
  });
  element.style.background = layers.join(", ");
  return levels;
}

function drawChip(drawing: Drawing, span: Span, joiner: string): HTMLElement {
  const chip = document.createElement("span");
  chip.className = "spans-chip";
  chip.textContent = joiner + span.label;
  chip.setAttribute("aria-hidden", "true"); // the list of spans says it
  paint(chip, drawing.colour(span.label));
  drawing.chips.set(chip, span);
  return chip;
}

/** Set an element's two colours for its stylesheet. */
export function paint(element: HTMLElement, { fill, ink }: Colour): void {
  element.style.setProperty("--fill", fill);
  element.style.setProperty("--ink", ink);
}
