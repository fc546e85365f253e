// Calls to the service, and what is known when one of them fails.

import { SettingError } from "./errors.js";

/** How one attempt to call ended. */
export type Attempt =
  /** A response, complete. */
  | { readonly kind: "response"; readonly status: number; readonly body: Uint8Array }
  /** No connection: certainly nothing was sent. */
  | { readonly kind: "notSent"; readonly reason: string }
  /** Something was sent, or may have been, and no response came back. */
  | { readonly kind: "lost"; readonly reason: string };

/** The function that makes the calls: the global `fetch`, or one that behaves like it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const JSON_TYPE = "application/json";

/** The service, as one org sees it. */
export class Http {
  /** The org in whose name every call is made. */
  readonly orgId: string;
  readonly #base: string;
  readonly #most: number;
  readonly #fetch: Fetch;

  /** `most` is the largest response, in bytes. Throws `SettingError` for a URL that cannot be used. */
  constructor(base: string, orgId: string, most: number, fetch: Fetch) {
    this.#base = parseBase(base);
    this.orgId = orgId;
    this.#most = most;
    this.#fetch = fetch;
  }

  /** The URL of a call: the base's path, then `segments` (escaped), then the org and `query`. */
  url(path: string, segments: readonly string[] = [], query: Readonly<Record<string, string>> = {}): string {
    const escaped = segments.map((segment) => `/${encodeURIComponent(segment)}`).join("");
    return `${this.#base}${path}${escaped}?${new URLSearchParams({ orgId: this.orgId, ...query })}`;
  }

  /** Makes one call, once. A call that is aborted leaves no connection behind on which its answer could come. */
  async call(
    method: string,
    url: string,
    body: Uint8Array | undefined,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Attempt> {
    const headers: Record<string, string> = { accept: JSON_TYPE };
    if (body !== undefined) headers["content-type"] = JSON_TYPE;
    const limit = new Limit(timeoutMs, signal);
    try {
      const response = await this.request(method, url, headers, limit.signal, body);
      const content = await read(response, this.#most);
      if (content === undefined) return { kind: "lost", reason: `the response has more than ${this.#most} bytes` };
      return { kind: "response", status: response.status, body: content };
    } catch (error) {
      const reason = limit.signal.aborted ? String(limit.signal.reason) : describe(error);
      // A call that timed out may have had a connection.
      return { kind: !limit.signal.aborted && isNotSent(error) ? "notSent" : "lost", reason };
    } finally {
      limit.end();
    }
  }

  /** A response whose body is still to come. */
  request(
    method: string,
    url: string,
    headers: Record<string, string>,
    signal: AbortSignal,
    body?: Uint8Array,
  ): Promise<Response> {
    const init: RequestInit = {
      method,
      signal,
      // A redirected PUT might be sent twice, or as a GET.
      redirect: "manual",
      // Compressed answers would be bounded only after they have been unpacked.
      headers: { "user-agent": "setpoint-node", "accept-encoding": "identity", ...headers },
    };
    if (body !== undefined) init.body = body as Uint8Array<ArrayBuffer>;
    return this.#fetch(url, init);
  }
}

/** A time limit together with a signal of the caller's. `end` has to be called. */
export class Limit {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #abort = (): void => this.#controller.abort("it was broken off");

  constructor(ms: number, outer?: AbortSignal) {
    this.#timer = setTimeout(() => this.#controller.abort("no response in time"), ms);
    this.#outer = outer;
    if (outer?.aborted) this.#abort();
    else outer?.addEventListener("abort", this.#abort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Removes the limit, with its timer and listener. */
  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#abort);
  }
}

/** The body; nothing if it has more than `most` bytes. */
export async function read(response: Response, most: number): Promise<Uint8Array | undefined> {
  if (response.body === null) return new Uint8Array();
  const reader = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks, size);
    size += value.byteLength;
    if (size > most) {
      // Closes the connection; a failure of that does not matter.
      reader.cancel().catch(() => {});
      return undefined;
    }
    chunks.push(value);
  }
}

/** Describes an error with its causes: the outermost message of an error of `fetch` says next to nothing. */
export function describe(error: unknown): string {
  const texts: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && texts.length < 4; cause = cause.cause) {
    // Several addresses were tried: each has an error of its own, and the whole has no message.
    const inner: unknown[] = cause instanceof AggregateError ? cause.errors : [];
    const text = cause.message || inner.map(describe).join(", ") || cause.name;
    if (!texts.some((said) => said.includes(text))) texts.push(text);
  }
  return texts.join(": ") || String(error);
}

// A certificate that is not trusted ends the handshake, before the first byte of a request.
const CERTIFICATE =
  /^(?:CERT_|UNABLE_TO_(?:GET|VERIFY|DECRYPT)_|DEPTH_ZERO_|SELF_SIGNED_CERT|HOSTNAME_MISMATCH|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_EXCEEDED|ERR_TLS_CERT_ALTNAME_INVALID)/;

/**
 * Whether it failed before the first byte of the request was sent. Any other failure may have come after the service had read the
 * whole request.
 */
export function isNotSent(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isNotSent);
  const { code = "", syscall } = error as NodeJS.ErrnoException;
  if (syscall === "connect" || syscall === "getaddrinfo") return true;
  if (code === "UND_ERR_CONNECT_TIMEOUT" || CERTIFICATE.test(code)) return true;
  // `fetch` refuses ports that belong to other protocols.
  if (error.message === "bad port") return true;
  return isNotSent(error.cause);
}

function parseBase(base: string): string {
  const example = "it looks like http://127.0.0.1:8080, with the scheme";
  let url: URL;
  try {
    url = new URL(base);
  } catch {
    throw new SettingError("url", `${JSON.stringify(base)} is not a URL; ${example}`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new SettingError("url", `${url.protocol}// is not http:// or https://; ${example}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new SettingError("url", "it has a user or password, which would be sent nowhere; give the address alone");
  }
  if (url.search !== "" || url.hash !== "") {
    throw new SettingError("url", `${JSON.stringify(base)} has a query or fragment; give the service's address alone`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
