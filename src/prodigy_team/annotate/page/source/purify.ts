/** The sanitiser, in a file of its own: loaded when the first HTML is to be shown. */
import DOMPurify from "dompurify";

/** HTML as nodes that can do nothing: no scripts, no forms, no frames. Styles are set where the page's policy allows. */
export function clean(html: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select", "iframe", "object", "embed"],
    FORBID_ATTR: ["id", "name", "action", "formaction", "autofocus", "srcset"],
    ADD_ATTR: ["data-style"],
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

// The policy forbids style attributes; what they say is set by script once the nodes are clean.
DOMPurify.addHook("uponSanitizeAttribute", (node, data) => {
  if (data.attrName !== "style") return;
  node.setAttribute("data-style", data.attrValue);
  data.keepAttr = false;
});
