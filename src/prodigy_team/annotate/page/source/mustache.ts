/** `html_template`: the part of Mustache that templates of tasks use. */
import { is_object, show } from "./task";

const TAG = /\{\{\{\s*([\w.-]+)\s*\}\}\}|\{\{\s*([#^&/!]?)\s*([^}]*?)\s*\}\}/g;

/** Fill a template with a task's values: {{escaped}}, {{{as it is}}}, {{#section}}…{{/section}}, {{^inverted}}. */
export function fill_template(template: string, values: Record<string, unknown>): string {
  return render(template, [values]);
}

function render(template: string, scopes: unknown[]): string {
  const section = /\{\{\s*([#^])\s*([\w.-]+)\s*\}\}([\s\S]*?)\{\{\s*\/\s*\2\s*\}\}/;
  const found = section.exec(template);
  if (!found) return fill_tags(template, scopes);
  const [whole, kind, name = "", inner = ""] = found;
  const value = look_up(name, scopes);
  const full = Array.isArray(value) ? value.length > 0 : Boolean(value);
  const parts = kind === "^" ? (full ? [] : [undefined]) : full ? (Array.isArray(value) ? value : [value]) : [];
  const middle = parts.map((each) => render(inner, each === undefined ? scopes : [each, ...scopes])).join("");
  return fill_tags(template.slice(0, found.index), scopes) + middle + render(template.slice(found.index + whole.length), scopes);
}

function fill_tags(template: string, scopes: unknown[]): string {
  return template.replace(TAG, (_, raw: string | undefined, kind: string, name: string) => {
    if (kind === "!" || kind === "#" || kind === "/" || kind === "^") return "";
    const value = look_up(raw ?? name, scopes);
    const text = value === undefined || value === null ? "" : show(value);
    return raw !== undefined || kind === "&" ? text : escape(text);
  });
}

function look_up(name: string, scopes: unknown[]): unknown {
  if (name === ".") return scopes[0];
  const [first = "", ...rest] = name.split(".");
  const scope = scopes.find((each) => is_object(each) && first in each) as Record<string, unknown> | undefined;
  return rest.reduce<unknown>((value, key) => (is_object(value) ? value[key] : undefined), scope?.[first]);
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign);
}
