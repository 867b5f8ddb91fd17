import { Redirect, Route, Switch } from "wouter";
import { PeopleList } from "./list";
import { GroupPage, PersonPage } from "./profile-page";

/** People and groups: all of them, one of them. */
export default function People() {
  return (
    <div className="page">
      <Switch>
        <Route path="/people" component={PeopleList} />
        <Route path="/people/groups/:index/*">{({ index, "*": key }) => <GroupPage key={`${index}/${key}`} index={Number(index)} id={decodeURIComponent(key)} />}</Route>
        <Route path="/people/:id">{({ id }) => <PersonPage key={id} id={id} />}</Route>
        <Route>
          <Redirect to="/people" replace />
        </Route>
      </Switch>
    </div>
  );
}
