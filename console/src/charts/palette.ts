import { isDark } from "../shell/theme";

/** Colours of series: told apart by people who see colours differently, and against both backgrounds. */
const LIGHT = ["#b07a00", "#2563a8", "#2e7d4f", "#a4366f", "#6b4fb3", "#00798a", "#b5482a", "#5f6b7a"];
const DARK = ["#f4c531", "#6ab0f3", "#6fcf97", "#f08fc0", "#b39df3", "#4fd0df", "#f5986f", "#a3b0bf"];

export const palette = (): string[] => (isDark() ? DARK : LIGHT);
export const colour = (index: number): string => palette()[index % LIGHT.length] ?? "#888";
export const ink = (): { text: string; line: string } =>
  isDark() ? { text: "#9aa7b6", line: "#2a3441" } : { text: "#5a6675", line: "#e3e7ec" };
export const paper = (): string => (isDark() ? "#1a212b" : "#ffffff");
