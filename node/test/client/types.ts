// What the types of the client allow and what they refuse; checked by the compiler and never run.

import { Client, type Ended, type Event, type LateReply, type Results, type Summary } from "setpoint";

export async function told(): Promise<void> {
  await using client = await Client.open("http://127.0.0.1:8080", { orgId: "o1", channel: ["DATASVC.CONTROL.ops"] });
  const outcomes = client.invoke([{ assetId: "a", serviceId: "s" }], { signal: AbortSignal.timeout(1), timeoutMs: 5 });
  for await (const outcome of outcomes) {
    outcome satisfies Ended;
    // @ts-expect-error: what does not end an item is not among them
    if (outcome.kind === "accepted") return;
    if (outcome.kind === "timedOut") outcome.knownUnsent satisfies boolean;
    // @ts-expect-error: only what finished has an outcome for certain
    outcome.outcome.code;
  }
  for await (const event of outcomes.events()) event satisfies Event;
  for await (const event of client.lateEvents()) event satisfies LateReply;
  for await (const event of client.channelEvents()) event.reason satisfies string | null;
  outcomes.summary satisfies Summary | null;

  const results: Results = await client.writeAll([{ assetId: "a", measurepointId: "m", inputData: { arg: 1 } }]);
  results[0]?.ok satisfies boolean | undefined;
  results.map(({ index }) => index) satisfies number[];
  // @ts-expect-error: an invoke has no measure point
  client.invoke([{ assetId: "a", serviceId: "s", measurepointId: "m" }]);
  // @ts-expect-error: a write calls no service
  client.write([{ assetId: "a", serviceId: "s" }]);
  // @ts-expect-error: a body has a family
  client.sendBody("{}");
  // @ts-expect-error: there is no such event
  client.on("later", () => {});
  client.on("late", (event) => event.kind satisfies "late" | "duplicate" | "unknown" | "unreadable");
  // @ts-expect-error: an org has to be named
  await Client.open("http://127.0.0.1:8080", { channel: "DATASVC.CONTROL.ops" });
  await Client.open("http://127.0.0.1:8080", { orgId: "o1", source: process.stdin });
}
