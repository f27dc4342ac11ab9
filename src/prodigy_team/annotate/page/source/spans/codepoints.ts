/** Places in a text by code points: offsets of tasks count those, while JavaScript counts UTF-16 units. */

/** One text's code points. */
export interface CodePoints {
  /** How many there are; a lone surrogate counts as one. */
  length: number;
  /** The UTF-16 place of a code point; that of the text's end for any beyond it. */
  unit(place: number): number;
  /** As Python's `text[start:end]` for 0 <= start <= end. */
  slice(start: number, end: number): string;
}

/** Count a text's code points once; a text within the basic plane costs nothing. */
export function codePoints(text: string): CodePoints {
  if (!/[\ud800-\udbff]/.test(text))
    return { length: text.length, unit: (place) => place, slice: (start, end) => text.slice(start, end) };
  const units = new Uint32Array(text.length);
  let length = 0;
  for (let unit = 0; unit < text.length; unit += text.codePointAt(unit)! > 0xffff ? 2 : 1) units[length++] = unit;
  const unit = (place: number): number => (place < length ? units[place]! : text.length);
  return { length, unit, slice: (start, end) => text.slice(unit(start), unit(end)) };
}
