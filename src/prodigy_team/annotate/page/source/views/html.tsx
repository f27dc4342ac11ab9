/** HTML from tasks and instructions, cleaned by DOMPurify, which is loaded when it is first needed. */
import { load_part } from "../parts";
import { useEffect, useRef } from "preact/hooks";

type Cleaner = { clean(html: string): DocumentFragment };
let cleaner: Promise<Cleaner> | null = null;

function load_cleaner(): Promise<Cleaner> {
  cleaner ??= (load_part("purify") as Promise<Cleaner>).catch((error: unknown) => {
    cleaner = null;
    throw error;
  });
  return cleaner;
}

/** Cleaned HTML. Until the cleaner is here (or where it cannot be loaded) the bare text is shown. */
export function Html({ html, name }: { html: string; name?: string }) {
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = holder.current;
    let wanted = true;
    if (element) element.textContent = "";
    load_cleaner().then(
      ({ clean }) => wanted && element?.replaceChildren(clean(html)),
      () => wanted && element && (element.textContent = html.replace(/<[^>]*>/g, " ")),
    );
    return () => {
      wanted = false;
    };
  }, [html]);
  return <div class={`html ${name ?? ""}`} dir="auto" ref={holder} />;
}
