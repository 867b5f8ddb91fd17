import { useEffect } from "react";
import { useLocation } from "wouter";

/** The letter after `g` that leads to a page. */
export const LETTERS: Record<string, string> = { h: "/", a: "/ask", e: "/exports", p: "/people", d: "/data", s: "/settings" };

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));

/** `g` and a letter goes to a page, `/` to the page's search or question, `?` asks for help. */
export function useHotkeys(showHelp: () => void): void {
  const [, navigate] = useLocation();
  useEffect(() => {
    let last = "";
    const pressed = (event: KeyboardEvent) => {
      if (isTyping(event.target) || event.metaKey || event.ctrlKey || event.altKey) return;
      const page = LETTERS[event.key];
      if (last === "g" && page) navigate(page);
      else if (event.key === "/") focusSearch(event);
      else if (event.key === "?") showHelp();
      last = event.key;
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [navigate, showHelp]);
}

function focusSearch(event: KeyboardEvent): void {
  const input = document.querySelector<HTMLElement>("[data-search]");
  if (!input) return;
  event.preventDefault();
  input.focus();
}
