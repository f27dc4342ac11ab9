/** Parts of the page that are loaded when they are needed; the page's head says where each is. */

/** Load a part by its name; throws where it cannot be had. */
export function load_part(name: "purify" | "words"): Promise<unknown> {
  const address = document.querySelector<HTMLMetaElement>(`meta[name="part-${name}"]`)?.content ?? "";
  return import(new URL(address, document.baseURI).href);
}
