/** Light, dark, or as the system says; a person's own choice beats the project's. */
type Theme = "light" | "dark" | "system";

const NAME = "prodigy-team-theme";

/** Show the theme a person chose before, else the project's. */
export function start_theme(of_project: Theme): void {
  let own: string | null = null;
  try {
    own = localStorage.getItem(NAME);
  } catch {
    // Nothing was kept.
  }
  paint(own === "light" || own === "dark" ? own : of_project);
}

/** The theme that a press of the button leads to: the one not seen now. */
export function next_theme(): Theme {
  const shown = document.documentElement.dataset.theme;
  const dark = shown ? shown === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  return dark ? "light" : "dark";
}

export function set_theme(theme: Theme): void {
  try {
    localStorage.setItem(NAME, theme);
  } catch {
    // It lasts until the page is closed.
  }
  paint(theme);
}

function paint(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
