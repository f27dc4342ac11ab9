/** What every view gets, and how views take part in the keyboard. */
import { createContext } from "preact";
import { useContext, useLayoutEffect, useRef } from "preact/hooks";
import type { Desk } from "./desk";
import type { Project } from "./settings";
import type { Task } from "./task";

/** A part of the page that wants keys before the page's own. */
export interface Hand {
  handle(event: KeyboardEvent): boolean;
  keys(): { keys: string; does: string }[];
}

export interface ViewProps {
  /** The task as it is to be shown: the draft, with a block's own keys over it. */
  task: Task;
  /** Changes whenever another task comes on screen. */
  id: number;
  project: Project;
  /** Whether it may be answered here; versions under review may not. */
  open: boolean;
  /** Whether several views share the card. */
  shared: boolean;
}

export interface Surroundings {
  desk: Desk;
  hands: Set<Hand>;
  announce(message: string): void;
}

export const Around = createContext<Surroundings>(null as unknown as Surroundings);

export function useSurroundings(): Surroundings {
  return useContext(Around);
}

/** Take part in the keyboard while the component is on the page. */
export function useHand(hand: Hand): void {
  const { hands } = useSurroundings();
  const latest = useRef(hand);
  latest.current = hand;
  useLayoutEffect(() => {
    const registered: Hand = { handle: (event) => latest.current.handle(event), keys: () => latest.current.keys() };
    hands.add(registered);
    return () => {
      hands.delete(registered);
    };
  }, [hands]);
}
