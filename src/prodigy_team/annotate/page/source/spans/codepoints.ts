/** Slices of a text by code points: offsets of tasks count those, while JavaScript counts UTF-16 units. */

/** Slice by code points, as Python's `text[start:end]` does for 0 <= start <= end; a lone surrogate counts as one. */
export type Slice = (start: number, end: number) => string;

/** Prepare slicing of one text; a text within the basic plane costs nothing. */
export function slicing(text: string): Slice {
  if (!/[\ud800-\udbff]/.test(text)) return (start, end) => text.slice(start, end);
  const units = new Uint32Array(text.length + 1);
  let count = 0;
  for (let unit = 0; unit < text.length; unit += text.codePointAt(unit)! > 0xffff ? 2 : 1) units[count++] = unit;
  const unit = (place: number): number => (place < count ? units[place]! : text.length);
  return (start, end) => text.slice(unit(start), unit(end));
}

/** Code points in a text. */
export function lengthOf(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
