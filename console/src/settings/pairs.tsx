import type { ReactNode } from "react";

/** A value that is changed where it stands: Enter or leaving it keeps the change, Escape drops it. */
export function InPlace({ label, value, choices, onChange }: { label: string; value: string; choices?: string[]; onChange: (value: string) => void }) {
  if (choices)
    return (
      <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
        {(choices.includes(value) ? choices : [value, ...choices]).map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    );
  return (
    <input
      key={value}
      aria-label={label}
      defaultValue={value}
      onBlur={(event) => {
        const text = event.target.value.trim();
        if (text && text !== value) onChange(text);
        else event.target.value = value;
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.currentTarget.value = value;
        if (event.key === "Enter" || event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}

/** A name and what it stands for. */
export function Pair({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
