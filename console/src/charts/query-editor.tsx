import { useState, type KeyboardEvent } from "react";
import { reason } from "../api/http";
import { inner, type Query } from "../api/query";

/** The text of a query: SQL as it is, any other kind as its object. Control and Enter runs it. */
export function QueryEditor({ query, error, onRun }: { query: Query; error: unknown; onRun: (query: Query) => void }) {
  const asked = inner(query);
  const isSql = asked.kind === "HogQLQuery";
  const [text, setText] = useState(() => (isSql ? (asked.query ?? "") : JSON.stringify(asked, null, 2)));
  const [fault, setFault] = useState<string | null>(null);
  const run = () => {
    try {
      onRun(isSql ? { ...asked, query: text } : (JSON.parse(text) as Query));
      setFault(null);
    } catch (wrong) {
      setFault(reason(wrong));
    }
  };
  const shown = fault ?? (error ? reason(error) : null);
  return (
    <div className="query-editor">
      <textarea
        aria-label="Query"
        className="code"
        spellCheck={false}
        value={text}
        rows={Math.min(18, text.split("\n").length + 1)}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={runs(run)}
      />
      {shown && (
        <p role="alert" className="fault">
          {shown}
        </p>
      )}
      <button type="button" className="primary" onClick={run}>
        Run <kbd>Ctrl Enter</kbd>
      </button>
    </div>
  );
}

/** Control or Command with Enter. */
export const runs = (run: () => void) => (event: KeyboardEvent) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  }
};
