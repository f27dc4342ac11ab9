/** Tasks for tests: tokens cut as a tokenizer would, with offsets in code points. */
import type { SpanTask, Token } from "./values";

/** A task over a text. Tokens are runs of letters, single other characters, and runs of line breaks. */
export function sampleTask(text: string, pattern = /\n+|[\p{L}\p{M}\p{N}]+|\p{RI}\p{RI}|[^\p{L}\s]|[^\S\n ]/gu): SpanTask {
  const tokens: Token[] = [];
  for (const match of text.matchAll(pattern)) {
    const start = [...text.slice(0, match.index)].length;
    const end = start + [...match[0]].length;
    tokens.push({ text: match[0], start, end, id: tokens.length, ws: text[match.index + match[0].length] === " " });
  }
  return { text, tokens };
}
