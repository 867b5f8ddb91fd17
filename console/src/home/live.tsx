import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { askHogQL, type Series } from "../api/query";
import { Lines } from "../charts/lines";
import { Card, Failure, Loading, Tabs } from "../parts/parts";
import { brief, moment } from "../parts/show";

type Span = "hour" | "day" | "month";

/** How events are counted over each span: the bucket, how many, how often to look again. */
const SPANS: Record<Span, { bucket: string; seconds: number; count: number; every: number }> = {
  hour: { bucket: "toStartOfMinute", seconds: 60, count: 60, every: 5_000 },
  day: { bucket: "toStartOfHour", seconds: 3_600, count: 24, every: 30_000 },
  month: { bucket: "toStartOfDay", seconds: 86_400, count: 30, every: 60_000 },
};

const FIGURES = `SELECT countIf(timestamp > now() - INTERVAL 1 HOUR), countIf(timestamp > now() - INTERVAL 1 DAY),
uniqIf(person_id, timestamp > now() - INTERVAL 1 DAY), uniq(person_id) FROM events
WHERE timestamp > now() - INTERVAL 30 DAY AND timestamp <= now() + INTERVAL 1 HOUR`;

/** Events as they come. */
export function Live() {
  const [chosen, setSpan] = useState<Span | null>(null);
  const figures = useQuery({ queryKey: ["figures"], queryFn: () => askHogQL(FIGURES, { fresh: true }), refetchInterval: 10_000 });
  const [hour = 0, day = 0, active = 0, people = 0] = (figures.data?.results[0] ?? []) as number[];
  // Until somebody chooses, the shortest span in which anything happened.
  const span = chosen ?? (hour ? "hour" : day ? "day" : "month");
  const { every } = SPANS[span];
  const series = useQuery({ queryKey: ["live", span], queryFn: () => counted(span), refetchInterval: every, enabled: figures.isFetched });
  return (
    <Card
      title="Events"
      actions={
        <Tabs
          label="Span"
          value={span}
          onChange={setSpan}
          options={[
            ["hour", "Per minute"],
            ["day", "Per hour"],
            ["month", "Per day"],
          ]}
        />
      }
    >
      <dl className="figures">
        <Figure name="in the last hour" value={hour} />
        <Figure name="in the last day" value={day} />
        <Figure name="people in the last day" value={active} />
        <Figure name="people in 30 days" value={people} />
      </dl>
      {series.isPending && <Loading lines={5} />}
      {series.error && <Failure error={series.error} retry={() => series.refetch()} />}
      {series.data && <Lines series={[series.data]} bars height={180} />}
    </Card>
  );
}

function Figure({ name, value }: { name: string; value: number }) {
  return (
    <div>
      <dd>{brief(value)}</dd>
      <dt>{name}</dt>
    </div>
  );
}

async function counted(span: Span): Promise<Series> {
  const { bucket, seconds, count } = SPANS[span];
  const { results } = await askHogQL(
    `SELECT toUnixTimestamp(${bucket}(timestamp)) AS at, count() FROM events
    WHERE timestamp > now() - INTERVAL ${count * seconds} SECOND AND timestamp <= now() + INTERVAL 1 MINUTE GROUP BY at LIMIT 100`,
    { fresh: true },
  );
  const found = new Map(results.map(([at, events]) => [Number(at), Number(events)]));
  const newest = Math.floor(Date.now() / 1000 / seconds) * seconds;
  const starts = Array.from({ length: count }, (_, index) => newest - (count - 1 - index) * seconds);
  const days = starts.map((start) => new Date(start * 1000).toISOString());
  const data = starts.map((start) => found.get(start) ?? 0);
  return { label: "events", data, days, labels: days.map(moment), count: data.reduce((a, b) => a + b, 0) };
}
