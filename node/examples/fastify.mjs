// An HTTP service that starts turbines through Setpoint.
//
//   npm install setpoint fastify
//   SETPOINT_URL=http://127.0.0.1:8080 SETPOINT_ORG=o1 node fastify.mjs

import Fastify from "fastify";
import { Client, FullError } from "setpoint";

const client = await Client.open(process.env.SETPOINT_URL ?? "http://127.0.0.1:8080", {
  orgId: process.env.SETPOINT_ORG ?? "o1",
  channel: "DATASVC.CONTROL.ops",
});
const app = Fastify();

// Replies that come too late for the answer are logged.
client.on("late", (event) => app.log.warn(event));

app.post("/turbines/start", async (request, reply) => {
  // A client that disconnects cancels the batch.
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  const items = request.body.assetIds.map((assetId) => ({ assetId, serviceId: "start" }));
  try {
    const results = await client.invokeAll(items, { timeoutMs: 10_000, signal: gone.signal });
    return reply.code(results.ok ? 200 : 502).send(results.toRecords());
  } catch (error) {
    if (error instanceof FullError) return reply.code(503).header("retry-after", "1").send();
    throw error;
  }
});

app.addHook("onClose", () => client.close());
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => app.close());

console.log(await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT ?? 0) }));
