import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { channels, colourOf, contrast, inkOn, luminance, PALETTE } from "./colours";
import { labelIndex } from "./keyboard";

/** The stylesheet lies in the sources, wherever the bundled test does. */
function stylesheet(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  const inside = (each: string): string => join(each, "source", "spans", "spans.css");
  while (!existsSync(inside(folder))) folder = dirname(folder);
  return readFileSync(inside(folder), "utf8");
}

/** The palettes of the stylesheet, in its order: light, dark by the system, dark by choice. */
const palettes = [...stylesheet().matchAll(/\{([^{}]*--span-1:[^{}]*)\}/g)].map(
  ([, rules]) => new Map([...rules!.matchAll(/--span-([\w-]+):\s*(#[0-9a-f]+)/g)].map(([, name, hex]) => [name!, hex!])),
);
const between = (a: string, b: string): number => contrast(luminance(channels(a)!), luminance(channels(b)!));

test("contrast is WCAG's", () => {
  assert.equal(between("#000", "#ffffff"), 21);
  assert.ok(Math.abs(between("#767676", "#fff") - 4.54) < 0.01);
});

test("labels can be read on every colour of the palette, light and dark", () => {
  assert.equal(palettes.length, 3);
  assert.deepEqual(palettes[1], palettes[2]);
  for (const palette of palettes) {
    const fills = Array.from({ length: PALETTE }, (_, at) => palette.get(String(at + 1))!);
    for (const fill of fills) assert.ok(between(fill, palette.get("ink")!) >= 4.5, fill);
    assert.ok(between(palette.get("picked")!, palette.get("picked-ink")!) >= 4.5);
    assert.equal(new Set(fills).size, PALETTE);
  }
});

test("the cursor stands out from paper and from every label", () => {
  const papers = ["#ffffff", "#1c212c", "#1c212c"];
  palettes.forEach((palette, at) => {
    const grounds = [papers[at]!, ...Array.from({ length: PALETTE }, (_, each) => palette.get(String(each + 1))!)];
    for (const ground of grounds) assert.ok(between(palette.get("cursor")!, ground) >= 3, ground);
  });
});

test("a label's own colour gets ink that can be read on it", () => {
  for (const fill of ["#7aecec", "#ff0000", "#00f", "#808080", "rgb(10, 20, 30)", "rgba(250, 250, 1, 1)"])
    assert.ok(between(fill.startsWith("#") ? fill : hex(fill), inkOn(fill)) >= 4.5, fill);
  assert.equal(colourOf("A", ["A"], { A: "#000000" }).ink, "#ffffff");
});

const hex = (colour: string): string =>
  "#" + channels(colour)!.map((each) => each.toString(16).padStart(2, "0")).join("");

test("labels take the palette in turn; a foreign label keeps its colour", () => {
  assert.equal(colourOf("B", ["A", "B"], {}).fill, "var(--span-2)");
  assert.equal(colourOf("K", [..."ABCDEFGHIJK"], {}).fill, "var(--span-1)");
  assert.deepEqual(colourOf("Ünbekannt😀", ["A"], {}), colourOf("Ünbekannt😀", ["A", "B"], {}));
  assert.equal(colourOf("constructor", ["constructor"], {}).fill, "var(--span-1)");
});

test("digits are read from the key's place", () => {
  const press = (code: string, key: string, shiftKey = false, altKey = false) => ({ code, key, shiftKey, altKey });
  assert.equal(labelIndex(press("Digit1", "&")), 0);
  assert.equal(labelIndex(press("Digit0", "à")), 9);
  assert.equal(labelIndex(press("Digit2", "@", true)), 11);
  assert.equal(labelIndex(press("Digit3", "#", true, true)), 22);
  assert.equal(labelIndex(press("Digit3", "#", false, true)), null);
  assert.equal(labelIndex(press("Numpad4", "4")), 3);
  assert.equal(labelIndex(press("Numpad4", "ArrowLeft")), null);
  assert.equal(labelIndex(press("KeyA", "1")), null);
});
