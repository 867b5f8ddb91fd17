// Reads an OpenAPI document on stdin and writes its schemas as TypeScript interfaces on stdout.
import { readFileSync } from "node:fs";

const { components } = JSON.parse(readFileSync(0, "utf8"));

const name = (text) => text.replace(/[^A-Za-z0-9]+/g, "_").replace(/^_|_$/g, "");
const reference = (schema) => name(schema.$ref.split("/").at(-1));

function type(schema) {
  if (schema.$ref) return reference(schema);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map(type))].join(" | ");
  if (schema.allOf) return schema.allOf.map(type).join(" & ");
  if (Array.isArray(schema.type)) return schema.type.map((each) => type({ ...schema, type: each })).join(" | ");
  return plain(schema);
}

function plain(schema) {
  switch (schema.type) {
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array":
      return `(${schema.items ? type(schema.items) : "unknown"})[]`;
    case "object":
      return schema.properties ? shape(schema) : `Record<string, ${values(schema)}>`;
    default:
      return "unknown";
  }
}

function values(schema) {
  return typeof schema.additionalProperties === "object" ? type(schema.additionalProperties) : "unknown";
}

function shape(schema) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties).map(([field, inner]) => {
    // What is answered always has every field; only bodies leave some out.
    const optional = required.has(field) || inner.readOnly ? "" : "?";
    return `  ${JSON.stringify(field)}${optional}: ${type(inner)};`;
  });
  return `{\n${fields.join("\n")}\n}`;
}

const lines = ["// Written by `make console-types` from the server's own OpenAPI document. Not edited by hand.\n"];
for (const [key, schema] of Object.entries(components.schemas).sort(([a], [b]) => a.localeCompare(b))) {
  if (schema.description) lines.push(`/** ${schema.description.split("\n")[0].replaceAll("*/", "* /")} */`);
  lines.push(`export type ${name(key)} = ${type(schema)};\n`);
}
process.stdout.write(lines.join("\n"));
