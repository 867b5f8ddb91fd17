import { useQuery } from "@tanstack/react-query";
import { ask } from "../api/query";

type EventCount = { event: string; count: number };
type PropertySample = { property: string; sample_values: string[]; sample_count: number };

/** Questions that this project's own events can answer. */
export function Suggestions({ onPick }: { onPick: (question: string) => void }) {
  const questions = useQuery({ queryKey: ["suggestions"], queryFn: suggested, staleTime: 300_000 });
  if (!questions.data?.length) return null;
  return (
    <ul className="suggestions" aria-label="Suggested questions">
      {questions.data.map((question) => (
        <li key={question}>
          <button type="button" onClick={() => onPick(question)}>
            {question}
          </button>
        </li>
      ))}
    </ul>
  );
}

async function suggested(): Promise<string[]> {
  const { results } = await ask<{ results: EventCount[] }>({ kind: "TeamTaxonomyQuery" });
  const own = results.map((each) => each.event).filter((event) => !event.startsWith("$"));
  const [most = results[0]?.event, second] = own;
  if (!most) return [];
  const rarest = own.slice(0, 5).at(-1);
  const split = await splitting(rarest ?? most);
  return [
    `How many ${rarest ?? most} events per day in the last 2 weeks?`,
    second ? `What is the conversion from ${most} to ${second}?` : `How many people did ${most} in the last 30 days?`,
    split ? `Show ${rarest ?? most} by ${split} in the last 30 days` : `How many people did ${most} per week in the last 3 months?`,
  ];
}

/** A property of an event that has a few values. */
async function splitting(event: string): Promise<string | null> {
  const { results } = await ask<{ results: PropertySample[] }>({ kind: "EventTaxonomyQuery", event });
  const few = results.filter(({ property, sample_count, sample_values }) => sample_count > 1 && sample_count < 30 && isWord(property) && !sample_values.every((value) => value !== "" && !Number.isNaN(Number(value))));
  return (few.find(({ property }) => !property.startsWith("$")) ?? few[0])?.property ?? null;
}

const isWord = (property: string): boolean => !["$groups", "$lib", "$ip", "$session_id"].includes(property);
