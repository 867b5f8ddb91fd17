import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Redirect, Route, Switch } from "wouter";
import { ApiError, call } from "./api/http";
import type { UserAnswer } from "./api/schema";
import { Failure, Loading } from "./parts/parts";
import { NoProject } from "./shell/no-project";
import { Shell } from "./shell/shell";
import { SignIn } from "./shell/sign-in";
import { SignUp } from "./shell/sign-up";

const Home = lazy(() => import("./home/home"));
const Ask = lazy(() => import("./ask/ask"));
const Exports = lazy(() => import("./exports/exports"));
const People = lazy(() => import("./people/people"));
const Data = lazy(() => import("./data/data"));
const Settings = lazy(() => import("./settings/settings"));

export function App() {
  return (
    <Switch>
      <Route path="/sign-in" component={SignIn} />
      <Route path="/signup/:token" component={SignUp} />
      <Route>
        <SignedIn />
      </Route>
    </Switch>
  );
}

function SignedIn() {
  const me = useQuery({ queryKey: ["me"], queryFn: () => call<UserAnswer>("GET", "/api/users/@me/"), staleTime: 60_000 });
  if (me.isPending) return null;
  if (me.error instanceof ApiError && me.error.status === 401)
    return <Redirect to={`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`} replace />;
  if (me.error) return <Failure error={me.error} retry={() => me.refetch()} />;
  if (me.data.team === null) return <NoProject me={me.data} />;
  return (
    <Shell me={me.data}>
      <Suspense fallback={<Loading lines={5} />}>
        <Switch>
          <Route path="/" component={Home} />
          <Route path="/ask/:id?" component={Ask} />
          <Route path="/exports/*?" component={Exports} />
          <Route path="/people/*?" component={People} />
          <Route path="/data/*?" component={Data} />
          <Route path="/settings" component={Settings} />
          <Route>
            <Redirect to="/" replace />
          </Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}
