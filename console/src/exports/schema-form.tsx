import { Field } from "../parts/parts";

/** One input as a destination declares it: JSON schema, as far as forms need it. */
export type Input = {
  type?: string;
  format?: string;
  description?: string;
  default?: unknown;
  enum?: string[];
  const?: string;
  anyOf?: Input[];
  allOf?: Input[];
  items?: Input;
  $ref?: string;
  properties?: Record<string, Input>;
  required?: string[];
  $defs?: Record<string, Input>;
};

export type Values = Record<string, unknown>;

/** The inputs of a destination, as a form. Secrets that are stored are never shown; left empty, they stay. */
export function SchemaForm({ schema, values, isStored, onChange, defs = schema.$defs ?? {} }: { schema: Input; values: Values; isStored: boolean; onChange: (values: Values) => void; defs?: Record<string, Input> }) {
  const required = new Set(schema.required ?? []);
  const entries = Object.entries(schema.properties ?? {});
  // What must be filled in comes first, lists of events last.
  const rank = ([name, input]: [string, Input]) => (required.has(name) ? 0 : resolved(input, defs).type === "array" ? 2 : 1);
  return entries
    .toSorted((a, b) => rank(a) - rank(b))
    .map(([name, input]) => (
      <OneInput
        key={name}
        name={name}
        input={{ ...resolved(input, defs), description: input.description ?? resolved(input, defs).description }}
        defs={defs}
        required={required.has(name)}
        isStored={isStored}
        value={values[name]}
        onChange={(value) => onChange({ ...values, [name]: value })}
      />
    ));
}

type OneInputProps = { name: string; input: Input; defs: Record<string, Input>; required: boolean; isStored: boolean; value: unknown; onChange: (value: unknown) => void };

function OneInput({ name, input, defs, required, isStored, value, onChange }: OneInputProps) {
  const label = name.replaceAll("_", " ");
  const text = value === undefined || value === null ? "" : String(value);
  const isSecret = input.format === "password";
  if (input.properties)
    return (
      <fieldset>
        <legend>{label}</legend>
        <SchemaForm schema={input} defs={defs} values={(value ?? {}) as Values} isStored={isStored} onChange={onChange} />
      </fieldset>
    );
  if (input.type === "boolean")
    return (
      <label className="check">
        <input type="checkbox" checked={Boolean(value ?? input.default)} onChange={(event) => onChange(event.target.checked)} />
        {label}
        {input.description && <small className="muted"> {input.description}</small>}
      </label>
    );
  return (
    <Field label={label} required={required} help={input.description}>
      {(id) =>
        input.enum ? (
          <select id={id} value={text || String(input.default ?? "")} onChange={(event) => onChange(event.target.value || null)}>
            {!required && (input.default === null || input.default === undefined) && <option value="">–</option>}
            {input.enum.map((option) => (
              <option key={option}>{option}</option>
            ))}
          </select>
        ) : (
          <input
            id={id}
            type={isSecret ? "password" : input.type === "integer" || input.type === "number" ? "number" : "text"}
            value={Array.isArray(value) ? value.join(", ") : text}
            placeholder={isSecret && isStored ? "stored; leave empty to keep it" : input.type === "array" ? "names, separated by commas" : typeof input.default === "string" ? input.default : ""}
            autoComplete={isSecret ? "new-password" : "off"}
            required={required && !(isSecret && isStored)}
            onChange={(event) => onChange(parsed(input, event.target.value))}
          />
        )
      }
    </Field>
  );
}

function parsed(input: Input, text: string): unknown {
  if (text === "") return input.type === "array" ? [] : input.type === "string" && input.default === "" ? "" : null;
  if (input.type === "integer" || input.type === "number") return Number(text);
  return input.type === "array" ? text.split(",").map((each) => each.trim()) : text;
}

/** A schema without references and without the null of optional values. */
function resolved(input: Input, defs: Record<string, Input>): Input {
  if (input.$ref) return resolved({ ...defs[input.$ref.split("/").at(-1) ?? ""], default: input.default }, defs);
  const choice = (input.anyOf ?? input.allOf)?.find((each) => each.type !== "null");
  if (choice) return { ...resolved(choice, defs), default: input.default };
  return input.const === undefined ? input : { ...input, enum: [input.const] };
}

/** What to send: nothing that was left empty, so that stored values stay and defaults apply. */
export const sent = (values: Values): Values => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined));
