/** Swiping over the card on a touch screen. */
import type { Decision } from "./task";

const FAR = 70; // CSS pixels to the side
const STRAIGHT = 2; // times as far to the side as up or down

/** Listen for swipes; returns how to stop. */
export function listen_for_swipes(element: HTMLElement, decide: (direction: "left" | "right") => void): () => void {
  let start: { x: number; y: number; id: number } | null = null;
  const down = (event: PointerEvent) => {
    start = event.pointerType !== "mouse" && event.isPrimary ? { x: event.clientX, y: event.clientY, id: event.pointerId } : null;
  };
  const up = (event: PointerEvent) => {
    if (!start || event.pointerId !== start.id) return;
    const [x, y] = [event.clientX - start.x, event.clientY - start.y];
    start = null;
    if (Math.abs(x) >= FAR && Math.abs(x) > STRAIGHT * Math.abs(y)) decide(x < 0 ? "left" : "right");
  };
  const cancel = () => (start = null);
  // Without this the browser takes a sideways movement for scrolling, and cancels the pointer.
  element.style.touchAction = "pan-y";
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", cancel);
  return () => {
    element.style.touchAction = "";
    element.removeEventListener("pointerdown", down);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", cancel);
  };
}

/** Views in which a swipe can mean nothing but a decision. */
export const SWIPED = ["text", "html", "image", "classification", "choice", "ner", "spans"];

export type Gestures = Record<string, Decision>;
