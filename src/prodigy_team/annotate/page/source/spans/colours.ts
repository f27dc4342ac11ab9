/** The colour of each label, and ink that can be read on it. */

/** CSS colours: of a label's background, and of text on it. */
export interface Colour {
  fill: string;
  ink: string;
}

/** How many colours the default palette in `spans.css` has; further labels take them in turn. */
export const PALETTE = 10;

const DARK_INK = "#12161f";
const LIGHT_INK = "#ffffff";

/** Relative luminance, 0 to 1, of an sRGB colour given as 0..255. Source: WCAG 2.2, "relative luminance". */
export function luminance([red, green, blue]: readonly [number, number, number]): number {
  const linear = (value: number): number => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** Contrast of two luminances, 1 to 21. Source: WCAG 2.2, "contrast ratio". */
export function contrast(first: number, second: number): number {
  return (Math.max(first, second) + 0.05) / (Math.min(first, second) + 0.05);
}

/** Red, green and blue, 0..255, of `#rgb`, `#rrggbb`, `#rrggbbaa`, `rgb()` or `rgba()`; null for anything else. */
export function channels(colour: string): [number, number, number] | null {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(colour)?.[1];
  if (hex && hex.length < 5) return [0, 1, 2].map((at) => parseInt(hex[at]! + hex[at]!, 16)) as [number, number, number];
  if (hex) return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
  const numbers = /^rgba?\(([^)]*)\)$/.exec(colour)?.[1]?.match(/[\d.]+/g)?.map(Number);
  return numbers && numbers.length >= 3 ? [numbers[0]!, numbers[1]!, numbers[2]!] : null;
}

/** Dark or light ink, whichever can be read better on a colour; dark where the colour is not understood. */
export function inkOn(colour: string): string {
  const found = channels(colour) ?? channels(normalised(colour));
  if (!found) return DARK_INK;
  const fill = luminance(found);
  const [dark, light] = [luminance(channels(DARK_INK)!), luminance(channels(LIGHT_INK)!)];
  return contrast(fill, dark) >= contrast(fill, light) ? DARK_INK : LIGHT_INK;
}

/** A named colour, hsl() and the like as the browser writes it: `#rrggbb` or `rgba()`. */
function normalised(colour: string): string {
  const context = globalThis.document?.createElement("canvas").getContext("2d");
  if (!context) return colour;
  context.fillStyle = colour;
  return String(context.fillStyle);
}

/**
 * A label's colour: the one set for it, else one of the palette by its place among the labels.
 *
 * A label that is not among them (of a span that came with the task) is placed by its letters, so that it keeps its
 * colour from task to task.
 */
export function colourOf(label: string, labels: readonly string[], set: Record<string, string>): Colour {
  if (Object.hasOwn(set, label)) return { fill: set[label]!, ink: inkOn(set[label]!) };
  let place = labels.indexOf(label);
  if (place < 0) for (const letter of label) place = (Math.abs(place) * 31 + letter.codePointAt(0)!) % 9973;
  const number = (place % PALETTE) + 1;
  return { fill: `var(--span-${number})`, ink: `var(--span-ink)` };
}
