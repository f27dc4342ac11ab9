/** Markdown for instructions: headings, paragraphs, lists, code, emphasis, links. Everything else is text. */
import type { ComponentChildren, JSX } from "preact";

const INLINE = /(`[^`]+`)|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*]+)\*|\b_([^_]+)_\b|\[([^\]]+)\]\(([^()\s]+)\)/;

function inline(text: string): ComponentChildren[] {
  const found = INLINE.exec(text);
  if (!found) return [text];
  const [whole, code, strong, strong2, emphasis, emphasis2, label, address = ""] = found;
  const before = text.slice(0, found.index);
  const rest = inline(text.slice(found.index + whole.length));
  if (code) return [before, <code>{code.slice(1, -1)}</code>, ...rest];
  if (strong ?? strong2) return [before, <strong>{inline((strong ?? strong2) as string)}</strong>, ...rest];
  if (emphasis ?? emphasis2) return [before, <em>{inline((emphasis ?? emphasis2) as string)}</em>, ...rest];
  const safe = /^(https?:|mailto:|[^:]*$)/i.test(address);
  const link = safe ? <a href={address} target="_blank" rel="noopener noreferrer">{label}</a> : label;
  return [before, link, ...rest];
}

function lines_between(lines: string[]): ComponentChildren[] {
  return inline(lines.map((line) => line.trim()).join(" "));
}

function take_while(lines: string[], from: number, test: (line: string) => boolean): string[] {
  const end = lines.findIndex((line, at) => at >= from && !test(line));
  return lines.slice(from, end < 0 ? undefined : end);
}

const ITEM = /^\s*(?:[-*+]|(\d+)[.)])\s+/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;

/** Markdown as elements. */
export function Markdown({ text }: { text: string }): JSX.Element {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const parts: ComponentChildren[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const heading = HEADING.exec(line);
    if (!line.trim()) at += 1;
    else if (heading) {
      // The page's own heading is the first level, the dialog's the second.
      const Level = `h${Math.min(6, (heading[1] ?? "").length + 2)}` as "h3";
      parts.push(<Level>{inline(heading[2] ?? "")}</Level>);
      at += 1;
    } else if (line.startsWith("```")) {
      const code = take_while(lines, at + 1, (each) => !each.startsWith("```"));
      parts.push(<pre><code>{code.join("\n")}</code></pre>);
      at += code.length + 2;
    } else if (ITEM.test(line)) {
      const items = take_while(lines, at, (each) => ITEM.test(each));
      const List = ITEM.exec(line)?.[1] ? "ol" : "ul";
      parts.push(<List>{items.map((item) => <li>{inline(item.replace(ITEM, ""))}</li>)}</List>);
      at += items.length;
    } else {
      const paragraph = take_while(lines, at, (each) => Boolean(each.trim()) && !HEADING.test(each) && !ITEM.test(each) && !each.startsWith("```"));
      parts.push(<p>{lines_between(paragraph)}</p>);
      at += Math.max(1, paragraph.length);
    }
  }
  return <>{parts}</>;
}
