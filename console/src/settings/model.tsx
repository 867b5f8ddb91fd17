import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { call, inProject, post, remove } from "../api/http";
import type { ModelAnswer, ModelTested } from "../api/schema";
import { Card, Failure, Field, Loading } from "../parts/parts";
import { useModel } from "./instance";
import { Pair } from "./pairs";

const PROVIDERS: [string, string, string][] = [
  ["openai", "OpenAI, or anything that speaks its protocol", "https://api.openai.com/v1"],
  ["anthropic", "Anthropic", "https://api.anthropic.com"],
  ["google", "Google Gemini", "https://generativelanguage.googleapis.com"],
];

/** Which model answers in this project, and whether it does. */
export function Model() {
  const model = useModel();
  const client = useQueryClient();
  const [isChoosing, setChoosing] = useState(false);
  const [tested, setTested] = useState<ModelTested | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const act = async (work: () => Promise<unknown>) => {
    try {
      await work();
      setFault(null);
    } catch (error) {
      setFault(error);
    }
    await client.invalidateQueries({ queryKey: ["model"] });
  };
  const isOwn = model.data?.is_own;
  return (
    <Card
      title="Assistant"
      actions={
        <>
          {isOwn && (
            <button type="button" className="quiet" onClick={() => act(() => remove("assistant_model/"))}>
              Use the server's
            </button>
          )}
          <button type="button" onClick={() => setChoosing(!isChoosing)} aria-expanded={isChoosing}>
            Choose a model
          </button>
        </>
      }
    >
      {model.isPending && <Loading />}
      {model.error && <Failure error={model.error} retry={() => model.refetch()} />}
      {fault !== null && <Failure error={fault} />}
      {model.data && (
        <dl className="pairs">
          <Pair name="Model">{model.data.model ?? "built-in query reader, no language model"}</Pair>
          {isOwn && <Pair name="At">{model.data.base_url ?? PROVIDERS.find(([name]) => name === model.data.provider)?.[2]}</Pair>}
          {isOwn && <Pair name="Key">{model.data.has_api_key ? "stored, encrypted" : "none"}</Pair>}
        </dl>
      )}
      {isChoosing && (
        <Choice
          now={model.data}
          onSave={(values) =>
            act(async () => {
              await call("PUT", inProject("assistant_model/"), values);
              setChoosing(false);
              setTested(null);
            })
          }
        />
      )}
      {isOwn && !isChoosing && (
        <div className="row">
          <button type="button" onClick={() => act(async () => setTested(await post<ModelTested>("assistant_model/test/")))}>
            Test it
          </button>
          {tested && (
            <span role="status" className={`status ${tested.works ? "good" : "bad"}`}>
              {tested.detail}
            </span>
          )}
        </div>
      )}
    </Card>
  );
}

function Choice({ now, onSave }: { now: ModelAnswer | undefined; onSave: (values: Record<string, string>) => void }) {
  const [provider, setProvider] = useState(now?.provider ?? "openai");
  const address = PROVIDERS.find(([name]) => name === provider)?.[2];
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const sent = [...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value).trim()]);
    onSave(Object.fromEntries(sent.filter(([, value]) => value)));
  };
  return (
    <form onSubmit={save} className="new-key">
      <Field label="Provider">
        {(id) => (
          <select id={id} name="provider" value={provider} onChange={(event) => setProvider(event.target.value)}>
            {PROVIDERS.map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Model name">{(id) => <input id={id} name="model" required defaultValue={now?.is_own ? (now.model ?? "") : ""} />}</Field>
      <Field label="Address" help="A local model has one like http://localhost:11434/v1.">
        {(id) => <input id={id} name="base_url" type="url" placeholder={address} defaultValue={now?.base_url ?? ""} />}
      </Field>
      <Field label="API key" help="Stored encrypted, and never shown again.">
        {(id) => <input id={id} name="api_key" type="password" autoComplete="off" placeholder={now?.has_api_key ? "unchanged" : ""} />}
      </Field>
      <div className="row end">
        <button type="submit" className="primary">
          Save model
        </button>
      </div>
    </form>
  );
}
