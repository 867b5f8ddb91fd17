/** Numbers, sizes and times as a person reads them. */

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const minute = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });

export const number = (value: number): string => plain.format(value);
export const brief = (value: number): string => (Math.abs(value) < 10_000 ? plain.format(value) : short.format(value));
export const percent = (part: number, whole: number): string => `${whole ? number(Math.round((1000 * part) / whole) / 10) : 0}%`;
export const date = (text: string): string => day.format(new Date(text));
export const moment = (text: string): string => minute.format(new Date(text));
/** A span of time as short as it can be told: a day by its date, others by both ends. */
export function interval(start: string | null, end: string, timeZone: string): string {
  const clock = new Intl.DateTimeFormat("en", { timeStyle: "short", hourCycle: "h23", timeZone });
  const dated = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone });
  const [last, first] = [new Date(end), start === null ? null : new Date(start)];
  const whole = (each: Date) => (clock.format(each) === "00:00" ? dated.format(each) : `${dated.format(each)}, ${clock.format(each)}`);
  if (first === null) return `The beginning – ${whole(last)}`;
  const hours = (last.getTime() - first.getTime()) / 3_600_000;
  if (hours >= 23 && hours <= 25 && clock.format(first) === "00:00") return dated.format(first);
  const isSameDay = dated.format(first) === dated.format(last);
  return `${whole(first)} – ${isSameDay ? clock.format(last) : whole(last)}`;
}

export const plural = (count: number, noun: string): string => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

export function ago(text: string, now: number = Date.now()): string {
  const seconds = (new Date(text).getTime() - now) / 1000;
  for (const [unit, length] of units) if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  return "just now";
}

export function bytes(size: number): string {
  const names = ["bytes", "kB", "MB", "GB", "TB"];
  const power = size > 0 ? Math.min(names.length - 1, Math.floor(Math.log10(size) / 3)) : 0;
  return `${number(Math.round((size / 1000 ** power) * 10) / 10)} ${names[power]}`;
}

export function seconds(value: number): string {
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${Math.round(value * 10) / 10} s`;
  if (value < 3600) return `${Math.round(value / 60)} min`;
  return value < 86_400 ? `${Math.round(value / 360) / 10} h` : `${Math.round(value / 8640) / 10} days`;
}

/** Any JSON value in one line. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return isInstant(value) ? moment(value) : value;
  return typeof value === "boolean" ? String(value) : JSON.stringify(value);
}

export const isInstant = (text: string): boolean => /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text);
export const isDate = (text: string): boolean => /^\d{4}-\d\d-\d\d([T ]|$)/.test(text);

/** Rows as comma-separated values. */
export function csv(columns: string[], rows: unknown[][]): string {
  const quoted = (value: unknown): string => {
    const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => row.map(quoted).join(",")).join("\n");
}

/** Hand a text to the browser as a file. */
export function download(name: string, text: string, type = "text/csv"): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  save(name, address);
  URL.revokeObjectURL(address);
}

/** Hand what is at an address to the browser as a file. */
export function save(name: string, address: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}
