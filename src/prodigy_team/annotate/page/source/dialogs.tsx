/** What opens over the page: the keys that work now, the instructions. */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { Hand } from "./context";
import { key_text, type Action } from "./keys";
import { Markdown } from "./markdown";
import type { Project } from "./settings";
import { Html } from "./views/html";
import { say } from "./words";

interface DialogProps {
  title: string;
  name: string;
  onClose(): void;
  children: ComponentChildren;
}

/** Escape is `cancel` at once and `close` later, perhaps after the next key, when this dialog is gone already. */
function Dialog({ title, name, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={name}
      aria-labelledby={`${name}-title`}
      onCancel={onClose}
      onClose={() => dialog.current && onClose()}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div class="dialog-inner">
        <header>
          <h2 id={`${name}-title`}>{title}</h2>
          <button type="button" onClick={onClose} aria-label={say("close")}>×</button>
        </header>
        <div class="dialog-body" tabIndex={0} role="region" aria-labelledby={`${name}-title`}>{children}</div>
      </div>
    </dialog>
  );
}

interface KeysProps {
  actions: [string, Action][];
  hands: Hand[];
  onClose(): void;
}

/** Every key that does something now. */
export function KeysDialog({ actions, hands, onClose }: KeysProps) {
  const by_action = new Map<Action, string[]>();
  for (const [key, action] of actions) by_action.set(action, [...(by_action.get(action) ?? []), key_text(key)]);
  const views = hands.flatMap((hand) => hand.keys());
  const word: Record<Action, string> = {
    accept: say("accept"), reject: say("reject"), ignore: say("ignore"), undo: say("undo"), save: say("save"), flag: say("flag"),
    instructions: say("instructions"), help: say("keys"), history: say("history"),
  };
  return (
    <Dialog title={say("keysFor")} name="keys" onClose={onClose}>
      <dl>
        {[...by_action].map(([action, keys]) => <Row key={action} keys={keys} does={word[action]} />)}
        {views.map((each, at) => <Row key={`view-${at}`} keys={[each.keys]} does={each.does} />)}
      </dl>
    </Dialog>
  );
}

function Row({ keys, does }: { keys: string[]; does: string }) {
  return (
    <div>
      <dt>{keys.map((key, at) => <>{at > 0 && " / "}<kbd>{key}</kbd></>)}</dt>
      <dd>{does}</dd>
    </div>
  );
}

/** The project's instructions. */
export function InstructionsDialog({ project, changed, onClose }: { project: Project; changed: boolean; onClose(): void }) {
  const instructions = project.instructions;
  if (!instructions) return null;
  return (
    <Dialog title={say("instructions")} name="instructions" onClose={onClose}>
      {changed && <p class="notice">{say("instructionsChanged")}</p>}
      {instructions.format === "markdown" ? <Markdown text={instructions.text} /> : <Html html={instructions.text} />}
    </Dialog>
  );
}

/** What this browser remembers of an annotator's reading: the version read last. */
export function read_version(owner: string): string | null {
  try {
    return localStorage.getItem(`instructions:${owner}`);
  } catch {
    return null;
  }
}

export function remember_version(owner: string, version: string): void {
  try {
    localStorage.setItem(`instructions:${owner}`, version);
  } catch {
    // Nothing is kept: they open again at the next visit.
  }
}
