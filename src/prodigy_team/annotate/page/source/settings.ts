/** What the server says of the project: Prodigy's settings that shape the page, with their defaults. */
import { is_object, list, number, text, type Decision } from "./task";

export interface Project {
  team: string | null;
  dataset: string;
  session: string;
  named: boolean;
  view: string;
  recipe: string;
  lang: string;
  label: string;
  labels: string[];
  total: number;
  /** Changes when the server would give another page; null: it does not say. */
  page: string | null;
  /** Whether tasks are leased, so that the server wants to know which one is on screen. */
  dealt: boolean;
  batch_size: number;
  history_size: number;
  buttons: (Decision | "undo")[];
  colours: Record<string, string>;
  card_width: string | null;
  theme: "light" | "dark" | "system";
  ui_lang: string;
  direction: "ltr" | "rtl" | "auto";
  show_whitespace: boolean;
  show_flag: boolean;
  show_stats: boolean;
  hide_meta: boolean;
  project_info: string[];
  instructions: { format: "html" | "markdown"; text: string; version: string } | null;
  choice_style: "single" | "multiple";
  choice_auto_accept: boolean;
  keymap: Record<string, string[]>;
  keymap_by_label: Record<string, string>;
  swipe: Record<string, Decision> | null;
  blocks: Record<string, unknown>[];
  html_template: string | null;
  large_text: boolean;
  /** Where the page runs behind a gateway: who is logged in there, and addresses of it, relative to the page. */
  gateway: Record<string, string> | null;
  /** Everything that the server said, for views with settings of their own. */
  raw: Record<string, unknown>;
}

const DECISIONS = ["accept", "reject", "ignore"];

/** Read the reply of `/project`; whatever is missing or of another kind has its default. */
export function read_project(raw: Record<string, unknown>): Project {
  const custom = is_object(raw.custom_theme) ? raw.custom_theme : {};
  const labels = list(raw.labels).map(String);
  return {
    team: text(raw.team) ?? null,
    dataset: String(raw.dataset ?? ""),
    session: String(raw.session_id ?? ""),
    named: raw.named === true,
    view: String(raw.view_id ?? "text"),
    recipe: String(raw.recipe_name ?? ""),
    lang: text(raw.lang) ?? "",
    label: text(raw.label) ?? labels.join(", "),
    labels,
    total: number(raw.total_tasks) || 0,
    page: text(raw.page) ?? null,
    dealt: raw.dealt === true,
    batch_size: number(raw.batch_size) || 10,
    history_size: number(raw.history_size) || 10,
    buttons: buttons(raw.buttons),
    colours: strings(custom.labels),
    card_width: typeof custom.cardMaxWidth === "number" ? `${custom.cardMaxWidth}px` : (text(custom.cardMaxWidth) ?? null),
    theme: raw.theme === "dark" || raw.theme === "light" ? raw.theme : "system",
    ui_lang: text(raw.ui_lang) ?? "en",
    direction: raw.writing_dir === "rtl" ? "rtl" : "auto",
    show_whitespace: raw.show_whitespace === true,
    show_flag: raw.show_flag === true,
    show_stats: raw.show_stats === true,
    hide_meta: raw.hide_meta === true,
    project_info: list(raw.project_info).map(String),
    instructions: instructions(raw.instructions),
    choice_style: raw.choice_style === "multiple" ? "multiple" : "single",
    choice_auto_accept: raw.choice_auto_accept === true,
    keymap: keymap(raw.keymap),
    keymap_by_label: strings(raw.keymap_by_label),
    swipe: raw.swipe === true ? gestures(raw.swipe_gestures) : null,
    blocks: list(raw.blocks).filter(is_object),
    html_template: text(raw.html_template) || null,
    large_text: raw.largeText === true,
    gateway: is_object(raw.gateway) ? strings(raw.gateway) : null,
    raw,
  };
}

function strings(value: unknown): Record<string, string> {
  if (!is_object(value)) return strings({});
  const pairs = Object.entries(value).filter(([, each]) => typeof each === "string");
  // Labels may have any name, that of something every object has included ("constructor").
  return Object.assign(Object.create(null), Object.fromEntries(pairs)) as Record<string, string>;
}

function keymap(value: unknown): Record<string, string[]> {
  if (!is_object(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([action, keys]) => [action, Array.isArray(keys) ? keys.map(String) : [String(keys)]]));
}

function buttons(value: unknown): (Decision | "undo")[] {
  const known = list(value).filter((each): each is Decision | "undo" => [...DECISIONS, "undo"].includes(String(each)));
  return known.length || Array.isArray(value) ? known : ["accept", "reject", "ignore", "undo"];
}

function gestures(value: unknown): Record<string, Decision> {
  const given = is_object(value) ? value : { left: "accept", right: "reject" };
  return Object.fromEntries(
    Object.entries(given).filter((pair): pair is [string, Decision] => DECISIONS.includes(String(pair[1]))),
  );
}

function instructions(value: unknown): Project["instructions"] {
  if (!is_object(value) || typeof value.text !== "string") return null;
  return { format: value.format === "markdown" ? "markdown" : "html", text: value.text, version: String(value.version) };
}
