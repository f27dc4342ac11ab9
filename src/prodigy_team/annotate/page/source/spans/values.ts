/** What the token views work on: tokens, spans, the task that holds them, and what the page gives and gets. */

/** One token of a task. `start` and `end` count code points of the text; `id` is its place among the tokens. */
export interface Token {
  text: string;
  start: number;
  end: number;
  id: number;
  /** Whether a space follows; drawn from the text itself, so that it need not be right. */
  ws?: boolean;
  /** Cannot be marked. */
  disabled?: boolean;
}

/** One labelled stretch. `start`/`end` count code points, `token_end` is inclusive; other keys are kept as they came. */
export interface Span {
  start: number;
  end: number;
  label: string;
  token_start?: number;
  token_end?: number;
  [key: string]: unknown;
}

/** The part of a task that a token view draws. Without tokens it is read-only, its spans given by offsets alone. */
export interface SpanTask {
  text: string;
  tokens?: Token[];
  spans?: Span[];
}

/** What the page hands to a token view. */
export interface SpanOptions {
  /** In the order of their digit keys. */
  labels: string[];
  /** Label -> CSS colour; a label not named here takes one of the default palette (`paletteColours`). */
  colours: Record<string, string>;
  /** spans_manual: spans may overlap and are drawn as stacked bars. */
  overlap: boolean;
  /** ner, spans, versions in review. */
  readOnly: boolean;
  direction: "ltr" | "rtl" | "auto";
  showWhitespace: boolean;
  /** A translated text by its key; the keys and their English are `spanWords`. */
  say(key: string, values?: Record<string, string>): string;
  /** The page's polite live region. */
  announce(message: string): void;
  /** The whole new list after each change, in document order. */
  onChange(spans: Span[]): void;
  /** The current label changed by a digit key, so that the label bar can follow. */
  onLabel?(label: string): void;
}

/** A token view on the page. */
export interface SpanView {
  element: HTMLElement;
  /** The current label. */
  readonly label: string | null;
  setLabel(label: string): void;
  /** Offer a keydown, before the page's own keys; true: it was used, and its default prevented. */
  handleKey(event: KeyboardEvent): boolean;
  /** How many tokens of the task do not fit its text, and are left out. */
  readonly lost: number;
  /** For the overlay of keys. */
  keys(): { keys: string; does: string }[];
  /** In document order. */
  spans(): Span[];
  undo(): boolean;
  redo(): boolean;
  destroy(): void;
}
