// URLs of message brokers.

import { SettingError } from "../errors.js";

/** `mqtt[s]://[user:password@]host[:port]`. */
export interface Broker {
  readonly protocol: "mqtt" | "mqtts";
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** For people: without user and password. */
  readonly name: string;
}

const PORTS = { mqtt: 1883, mqtts: 8883 };

/** Reads a broker's URL. Throws `SettingError`. */
export function parseBrokerUrl(text: string): Broker {
  const refuse = (reason: string): never => {
    throw new SettingError("mqtt", `${reason}; it looks like mqtt://127.0.0.1:1883`);
  };
  if (!URL.canParse(text)) refuse("it is not a URL");
  const url = new URL(text);
  const protocol = url.protocol.slice(0, -1);
  if (protocol !== "mqtt" && protocol !== "mqtts") return refuse("it does not start with mqtt:// or mqtts://");
  if (url.hostname === "") refuse("it names no host");
  if (url.search !== "" || url.hash !== "" || url.pathname.length > 1) refuse("it has a path, query or fragment");
  const port = url.port === "" ? PORTS[protocol] : Number(url.port);
  const username = url.username === "" ? undefined : decodeURIComponent(url.username);
  return {
    protocol,
    // Only a URL has brackets around an IPv6 address.
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port,
    username,
    password: username === undefined ? undefined : decodeURIComponent(url.password),
    name: `${protocol}://${url.hostname}:${port}`,
  };
}
