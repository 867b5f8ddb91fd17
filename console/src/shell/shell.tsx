import { useCallback, useState, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import type { UserAnswer } from "../api/schema";
import { Icon, type IconName } from "../parts/icons";
import { Dialog } from "../parts/parts";
import { LETTERS, useHotkeys } from "./hotkeys";
import { useOwnUse } from "./own-use";
import { SignOut } from "./sign-out";
import { toggleTheme } from "./theme";

const PAGES: [string, string, IconName][] = [
  ["/", "Home", "home"],
  ["/ask", "Ask", "ask"],
  ["/exports", "Exports", "exports"],
  ["/people", "People", "people"],
  ["/data", "Data", "data"],
  ["/settings", "Settings", "settings"],
];

export function Shell({ me, children }: { me: UserAnswer; children: ReactNode }) {
  const [path] = useLocation();
  const [helps, setHelps] = useState(false);
  useOwnUse(me);
  useHotkeys(useCallback(() => setHelps(true), []));
  const isHere = (page: string) => (page === "/" ? path === "/" : path.startsWith(page));
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <nav aria-label="Pages">
        <Link href="/" className="brand">
          <img src="/favicon.svg" alt="" width={24} height={24} />
          <span>
            furze<small>{me.team?.name}</small>
          </span>
        </Link>
        {PAGES.map(([page, title, icon]) => (
          <Link key={page} href={page} aria-current={isHere(page) ? "page" : undefined}>
            <Icon name={icon} />
            <span>{title}</span>
          </Link>
        ))}
        <div className="foot">
          <button type="button" className="icon" onClick={toggleTheme} aria-label="Switch between light and dark" title="Light or dark">
            <Icon name="theme" />
          </button>
          <button type="button" className="icon" onClick={() => setHelps(true)} aria-label="Keyboard shortcuts" title="Keyboard shortcuts">
            ?
          </button>
          <SignOut />
        </div>
      </nav>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      {helps && <Shortcuts onClose={() => setHelps(false)} />}
    </div>
  );
}

function Shortcuts({ onClose }: { onClose: () => void }) {
  const titles = new Map(PAGES.map(([page, title]) => [page, title]));
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl className="shortcuts">
        {Object.entries(LETTERS).map(([letter, page]) => (
          <div key={letter}>
            <dt>
              <kbd>g</kbd> <kbd>{letter}</kbd>
            </dt>
            <dd>{titles.get(page)}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>/</kbd>
          </dt>
          <dd>Search, or ask</dd>
        </div>
        <div>
          <dt>
            <kbd>Ctrl</kbd> <kbd>Enter</kbd>
          </dt>
          <dd>Run a query</dd>
        </div>
      </dl>
    </Dialog>
  );
}
