/** The sanitiser, in a file of its own: loaded when the first HTML is to be shown. */
import DOMPurify from "dompurify";

const TAG = /<([a-zA-Z][^\s/>]*)((?:"[^"]*"|'[^']*'|[^'"<>])*)>/g;
const ATTRIBUTE = /([^\s"'<>/=]+)(\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?/g;

/**
 * Inline styles and handlers under other names. Cleaning needs none of this, but parsing them as they are would be
 * reported as a violation of the page's policy.
 */
export function rename_inline(html: string): string {
  return html.replace(TAG, (_, name: string, rest: string) => {
    const renamed = rest.replace(ATTRIBUTE, (whole: string, attribute: string, value = "") => {
      if (attribute.toLowerCase() === "style") return `data-style${value as string}`;
      return /^on/i.test(attribute) ? "" : whole;
    });
    return `<${name}${renamed}>`;
  });
}

/** HTML as nodes that can do nothing: no scripts, no forms, no frames. Styles are set where the page's policy allows. */
export function clean(html: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(rename_inline(html), {
    RETURN_DOM_FRAGMENT: true,
    FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select", "iframe", "object", "embed"],
    FORBID_ATTR: ["id", "name", "style", "action", "formaction", "autofocus", "srcset"],
  });
  for (const each of fragment.querySelectorAll<HTMLElement>("[data-style]")) {
    each.style.cssText = each.getAttribute("data-style") ?? "";
    each.removeAttribute("data-style");
  }
  for (const link of fragment.querySelectorAll("a[href]")) {
    link.setAttribute("target", "_blank");
    link.setAttribute("rel", "noopener noreferrer");
  }
  return fragment;
}
