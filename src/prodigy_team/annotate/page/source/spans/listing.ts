/** The list of a text's spans: what a screen reader reads, with a button to remove each. */
import type { Board } from "./board";
import { paint } from "./drawing";
import type { Span, SpanOptions } from "./values";

/** The list, kept in step by `show`. */
export interface Listing {
  element: HTMLElement;
  show(spans: readonly Span[]): void;
}

/** Letters of a span that the list shows; all are in the name of its button. */
const MOST = 60;

function shortened(text: string): string {
  const letters = [...text];
  return letters.length > MOST ? letters.slice(0, MOST - 1).join("") + "…" : text;
}

/** `remove` null: read-only, and seen by screen readers alone, since the text shows the same. */
export function createListing(
  board: Board,
  options: SpanOptions,
  textOf: (span: Span) => string,
  remove: ((span: Span) => void) | null,
): Listing {
  const element = document.createElement("ul");
  element.className = remove ? "spans-list" : "spans-list spans-unseen";
  element.setAttribute("aria-label", options.say("spanList"));
  let items = new Map<Span, HTMLElement>();

  function item(span: Span): HTMLElement {
    const entry = document.createElement("li");
    paint(entry, board.colour(span.label));
    const name = document.createElement("b");
    const words = document.createElement("bdi");
    name.textContent = span.label;
    words.textContent = shortened(textOf(span));
    entry.append(name, " ", words);
    if (remove) entry.append(button(span, remove));
    return entry;
  }

  function button(span: Span, remove: (span: Span) => void): HTMLElement {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = "×";
    made.setAttribute("aria-label", options.say("spanRemove", { label: span.label, text: textOf(span) }));
    made.addEventListener("click", () => {
      const next = made.closest("li")?.nextElementSibling ?? made.closest("li")?.previousElementSibling;
      const focused = made === document.activeElement;
      remove(span);
      if (focused) (next?.querySelector("button") ?? board.text).focus({ preventScroll: true });
    });
    return made;
  }

  /** Keeps the items of spans that stay, so that one change costs one item. */
  function show(spans: readonly Span[]): void {
    const kept = new Set(spans);
    for (const [span, entry] of items) if (!kept.has(span)) entry.remove();
    const shown = new Map<Span, HTMLElement>();
    let next = element.firstElementChild;
    for (const span of spans) {
      const entry = items.get(span) ?? item(span);
      if (entry === next) next = next.nextElementSibling;
      else element.insertBefore(entry, next);
      shown.set(span, entry);
    }
    items = shown;
  }

  return { element, show };
}
