import { toPng } from "html-to-image";
import { paper } from "./palette";

/** What a card has for the person before the screen only. */
const TOOLS = "header .row, .query-editor, .query-tools";

/** A card with its chart as a PNG, as it is on the screen but without its buttons. */
export const picture = (card: HTMLElement): Promise<string> =>
  toPng(card, {
    filter: (node) => !(node instanceof Element && node.matches(TOOLS)),
    backgroundColor: paper(),
    pixelRatio: 2,
    skipFonts: true, // the page has none of its own
  });
