/** Light, dark, or as the system says: remembered in this browser. */
export type Theme = "system" | "light" | "dark";

const KEY = "furze-theme";

export const theme = (): Theme => (localStorage.getItem(KEY) as Theme | null) ?? "system";

export function applyTheme(chosen: Theme = theme()): void {
  localStorage.setItem(KEY, chosen);
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

export const isDark = (): boolean =>
  theme() === "dark" || (theme() === "system" && matchMedia("(prefers-color-scheme: dark)").matches);

/** The other one of light and dark than is shown now. */
export function toggleTheme(): void {
  applyTheme(isDark() ? "light" : "dark");
  dispatchEvent(new Event("furze-theme"));
}
