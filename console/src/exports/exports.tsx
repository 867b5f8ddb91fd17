import { Redirect, Route, Switch } from "wouter";
import { ExportPage } from "./export-page";
import { EditExport, NewExport } from "./export-form";
import { ExportList } from "./list";

/** Batch exports: all of them, one of them, a new one. */
export default function Exports() {
  return (
    <div className="page">
      <Switch>
        <Route path="/exports" component={ExportList} />
        <Route path="/exports/new" component={NewExport} />
        <Route path="/exports/:id/edit">{({ id }) => <EditExport key={id} id={id} />}</Route>
        <Route path="/exports/:id">{({ id }) => <ExportPage key={id} id={id} />}</Route>
        <Route>
          <Redirect to="/exports" replace />
        </Route>
      </Switch>
    </div>
  );
}
