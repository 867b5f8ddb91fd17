import { lazy, Suspense } from "react";
import { QueryCard } from "../charts/query-card";
import { Loading } from "../parts/parts";
import type { Block } from "./types";

const Markdown = lazy(() => import("../parts/markdown"));

/** A report of the assistant: texts, and charts that are run when one looks at them. */
export function Document({ title, blocks }: { title: string; blocks: Block[] }) {
  return (
    <article className="document" aria-label={title}>
      <h2>{title}</h2>
      <Suspense fallback={<Loading lines={4} />}>
        {blocks.map((block, index) =>
          block.type === "visualization" ? (
            block.query && <QueryCard key={index} query={block.query} name={block.title ?? "Chart"} />
          ) : (
            <Markdown key={index} text={block.content ?? ""} />
          ),
        )}
      </Suspense>
    </article>
  );
}
