/** An answer that is no success, in the words of the server. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly attr: string | null,
  ) {
    super(message);
  }
}

const PROJECT = "/api/projects/@current/";

/** The address of a project endpoint. */
export const inProject = (path: string): string => PROJECT + path;

/** The JSON answer of an endpoint; throws `ApiError`. */
export async function call<T>(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await send(method, url, body, { accept: "application/json" }, signal);
  const text = await answer.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> => call<T>("GET", inProject(path), undefined, signal);
export const post = <T>(path: string, body: unknown = {}): Promise<T> => call<T>("POST", inProject(path), body);
export const patch = <T>(path: string, body: unknown = {}): Promise<T> => call<T>("PATCH", inProject(path), body);
export const remove = (path: string): Promise<void> => call<void>("DELETE", inProject(path));

/** A successful answer whose body is still to be read; throws `ApiError`. */
export async function send(
  method: string,
  url: string,
  body: unknown,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  const answer = await fetch(url, {
    method,
    headers: {
      ...headers,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      "X-CSRFToken": cookie("posthog_csrftoken"),
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ?? null,
  });
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function refusal(answer: Response): Promise<ApiError> {
  const text = await answer.text();
  try {
    const { code, detail, error, attr } = JSON.parse(text) as Partial<Record<"code" | "detail" | "error" | "attr", string>>;
    return new ApiError(answer.status, code ?? "error", detail ?? error ?? answer.statusText, attr ?? null);
  } catch {
    return new ApiError(answer.status, "error", text.slice(0, 300) || `The server answered ${answer.status}.`, null);
  }
}

function cookie(name: string): string {
  const found = document.cookie.split("; ").find((each) => each.startsWith(`${name}=`));
  return found ? found.slice(name.length + 1) : "";
}

/** What to show of anything thrown. */
export const reason = (error: unknown): string =>
  error instanceof TypeError
    ? "The server does not answer. Is furze still running?"
    : error instanceof Error
      ? error.message
      : String(error);
