import { ink, paper } from "./palette";

const MARGIN = 16;
const LINE = 22;

type Key = { name: string; value: string; colour: string };

/** A chart that is drawn on a canvas as a PNG: its title above it, its legend below. Null when there is no canvas in `card`. */
export function picture(card: HTMLElement, title: string): string | null {
  const chart = card.querySelector("canvas");
  if (!chart) return null;
  const scale = devicePixelRatio || 1;
  const keys: Key[] = [...card.querySelectorAll<HTMLElement>(".legend[aria-pressed=true]")].map((legend) => ({
    name: legend.childNodes[1]?.textContent ?? "",
    value: legend.querySelector("b")?.textContent ?? "",
    colour: legend.querySelector("i")?.style.background ?? "",
  }));
  const width = chart.width / scale + 2 * MARGIN;
  const height = chart.height / scale + 3 * MARGIN + LINE * (1 + keys.length);
  const sheet = document.createElement("canvas");
  sheet.width = width * scale;
  sheet.height = height * scale;
  const pen = sheet.getContext("2d");
  if (!pen) return null;
  pen.scale(scale, scale);
  pen.fillStyle = paper();
  pen.fillRect(0, 0, width, height);
  pen.textBaseline = "middle";
  pen.fillStyle = ink().text;
  pen.font = "600 15px system-ui, sans-serif";
  pen.fillText(title, MARGIN, MARGIN + LINE / 2, width - 2 * MARGIN);
  const top = MARGIN + LINE + MARGIN / 2;
  pen.drawImage(chart, MARGIN, top, chart.width / scale, chart.height / scale);
  pen.font = "13px system-ui, sans-serif";
  keys.forEach(({ name, value, colour }, index) => {
    const y = top + chart.height / scale + MARGIN / 2 + LINE * (index + 0.5);
    pen.fillStyle = colour;
    pen.fillRect(MARGIN, y - 5, 10, 10);
    pen.fillStyle = ink().text;
    pen.fillText(`${name}  ${value}`, MARGIN + 18, y, width - 2 * MARGIN - 18);
  });
  return sheet.toDataURL("image/png");
}
