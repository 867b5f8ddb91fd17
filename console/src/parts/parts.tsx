import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { reason } from "../api/http";
import { ago, moment } from "./show";

/** What went wrong, and what to do next. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div className="failure" role="alert">
      <span>{reason(error)}</span>
      {retry && (
        <button type="button" className="quiet" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Nothing here yet: why, and the next step. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <h3>{title}</h3>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

export function Loading({ lines = 3 }: { lines?: number }) {
  return (
    <div className="loading" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        <i key={line} style={{ width: `${90 - ((line * 23) % 45)}%` }} />
      ))}
    </div>
  );
}

export function Ago({ at }: { at: string }) {
  return (
    <time dateTime={at} title={moment(at)}>
      {ago(at)}
    </time>
  );
}

/** A page's title, with its actions. */
export function Heading({ title, children, sub }: { title: ReactNode; children?: ReactNode; sub?: ReactNode }) {
  return (
    <header className="heading">
      <div>
        <h1>{title}</h1>
        {sub && <p className="muted">{sub}</p>}
      </div>
      {children && <div className="row">{children}</div>}
    </header>
  );
}

export function Card({ title, children, actions, className = "" }: { title?: ReactNode; children: ReactNode; actions?: ReactNode; className?: string }) {
  return (
    <section className={`card ${className}`}>
      {(title || actions) && (
        <header>
          <h2>{title}</h2>
          {actions && <div className="row">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

/** A modal dialog; Escape and a click beside it close it. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    dialog.current?.showModal();
    // A dialog that asks for something begins there, not at its close button.
    dialog.current?.querySelector<HTMLElement>("input, select, textarea")?.focus();
  }, []);
  return (
    // A click on the backdrop is a click on the dialog itself; Escape does the same from the keyboard.
    <dialog ref={dialog} onClose={onClose} aria-labelledby={heading} onClick={(event) => event.target === dialog.current && onClose()}>
      <div className="dialog">
        <header>
          <h2 id={heading}>{title}</h2>
          <button type="button" className="icon" aria-label="Close" onClick={onClose}>
            ✕
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** Asks before something is done that cannot be taken back. */
export function Confirm({ title, act, fault, children, onClose, onConfirm }: { title: string; act: string; fault?: unknown; children: ReactNode; onClose: () => void; onConfirm: () => void }) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{children}</p>
      {fault ? <Failure error={fault} /> : null}
      <div className="row end">
        <button type="button" onClick={onClose}>
          Keep it
        </button>
        <button type="button" className="danger" onClick={onConfirm}>
          {act}
        </button>
      </div>
    </Dialog>
  );
}

/** A text to copy, such as a key. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <span className="copyable">
      <code>{text}</code>
      <button type="button" className="quiet" onClick={copy} aria-label={`Copy ${label}`}>
        {copied ? "Copied" : "Copy"}
      </button>
    </span>
  );
}

export function Tabs<T extends string>({ value, options, onChange, label }: { value: T; options: [T, ReactNode][]; onChange: (value: T) => void; label: string }) {
  return (
    <div className="tabs" role="group" aria-label={label}>
      {options.map(([option, text]) => (
        <button key={option} type="button" aria-pressed={option === value} onClick={() => onChange(option)}>
          {text}
        </button>
      ))}
    </div>
  );
}

/** A labelled input with its help and its fault. */
export function Field({ label, help, error, required, children }: { label: string; help?: ReactNode; error?: string | null; required?: boolean; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className={error ? "field wrong" : "field"}>
      <label htmlFor={id}>
        {label}
        {required && <span className="muted"> · required</span>}
      </label>
      {children(id)}
      {error ? (
        <p role="alert">{error}</p>
      ) : (
        help && <p className="muted">{help}</p>
      )}
    </div>
  );
}
