import { Link, Redirect, Route, Switch, useLocation } from "wouter";
import { Heading } from "../parts/parts";
import { OneDashboard } from "./dashboard";
import { Dashboards } from "./dashboards";
import { Definitions } from "./definitions";
import { Insights, OneInsight } from "./insights";
import { LiveEvents } from "./live-events";
import { Sql } from "./sql";

const PARTS: [string, string][] = [
  ["/data/events", "Events"],
  ["/data/sql", "SQL"],
  ["/data/insights", "Insights"],
  ["/data/dashboards", "Dashboards"],
  ["/data/definitions", "Names"],
];

/** What is stored: events as they come, SQL over everything, the names in use. */
export default function Data() {
  const [path] = useLocation();
  return (
    <div className="page">
      <Heading title="Data">
        <nav className="tabs" aria-label="Parts of the data">
          {PARTS.map(([href, title]) => (
            <Link key={href} href={href} className="button quiet" aria-current={path.startsWith(href) ? "page" : undefined}>
              {title}
            </Link>
          ))}
        </nav>
      </Heading>
      <Switch>
        <Route path="/data/events" component={LiveEvents} />
        <Route path="/data/sql" component={Sql} />
        <Route path="/data/insights" component={Insights} />
        <Route path="/data/insights/:id">{({ id }) => <OneInsight key={id} id={id} />}</Route>
        <Route path="/data/dashboards" component={Dashboards} />
        <Route path="/data/dashboards/:id">{({ id }) => <OneDashboard key={id} id={id} />}</Route>
        <Route path="/data/definitions" component={Definitions} />
        <Route>
          <Redirect to="/data/events" replace />
        </Route>
      </Switch>
    </div>
  );
}
