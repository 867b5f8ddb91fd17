import { Link, useLocation } from "wouter";
import type { ExportAnswer } from "../api/schema";
import { opening } from "../charts/table";
import { Ago, Empty, Failure, Heading, Loading } from "../parts/parts";
import { useExports } from "./api";
import { Status, Strip } from "./strip";

/** Every export with its health. */
export function ExportList() {
  const list = useExports();
  return (
    <>
      <Heading title="Exports" sub="Rows leave on a schedule, each exactly once.">
        <Link href="/exports/new" className="button primary">
          New export
        </Link>
      </Heading>
      {list.isPending && <Loading lines={5} />}
      {list.error && <Failure error={list.error} retry={() => list.refetch()} />}
      {list.data?.results.length === 0 && (
        <Empty title="Nothing is exported yet" action={<Link href="/exports/new" className="button primary">Make the first export</Link>}>
          Send events, persons, sessions or the rows of any query to files, a bucket or a database, every few minutes, hour, day or week.
        </Empty>
      )}
      {list.data && list.data.results.length > 0 && (
        <div className="scroll">
          <table className="list exports">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">What</th>
                <th scope="col">Where</th>
                <th scope="col">When</th>
                <th scope="col">Last runs</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {list.data.results.map((each) => (
                <Row key={each.id} export_={each} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function Row({ export_ }: { export_: ExportAnswer }) {
  const [, navigate] = useLocation();
  const [last] = export_.latest_runs;
  return (
    <tr {...opening(() => navigate(`/exports/${export_.id}`))}>
      <th scope="row">{export_.name}</th>
      <td>{export_.model}</td>
      <td>{export_.destination.type}</td>
      <td>{export_.interval.startsWith("every") ? export_.interval : `every ${export_.interval}`}</td>
      <td>
        <Strip runs={export_.latest_runs} />
      </td>
      <td>
        {export_.paused ? <span className="status still">Paused</span> : last ? <Status status={last.status} /> : <span className="status still">Waiting</span>}{" "}
        {last && (
          <small className="muted">
            <Ago at={last.finished_at ?? last.created_at} />
          </small>
        )}
      </td>
    </tr>
  );
}
