// In-flight items: the package, and a Map of promises with a timer each.

import { Requester } from "setpoint";

/** Everything submitted as bodies, everything answered, events drained message by message: how many succeeded. */
export function setpoint({ bodies, messages, items }, { orgId }) {
  const requester = new Requester(orgId, { openItems: items });
  for (const body of bodies) requester.submit(body);
  let succeeded = 0;
  for (const message of messages) {
    requester.handleMessage(message);
    for (const event of requester.pollEvents()) if (event.kind === "finished" && event.ok) succeeded += 1;
  }
  return succeeded;
}

/** The same with items: both sides write the bodies. */
export function setpointFromItems({ batches, messages, items }, { orgId }) {
  const requester = new Requester(orgId, { openItems: items });
  for (const batch of batches) requester.submit(batch);
  let succeeded = 0;
  for (const message of messages) {
    requester.handleMessage(message);
    for (const event of requester.pollEvents()) if (event.kind === "finished" && event.ok) succeeded += 1;
  }
  return succeeded;
}

/** A Map of promises; each has a `setTimeout`. With `writes` the bodies are written as well. */
export async function promises({ batches, messages }, writes) {
  const pending = new Map();
  const waiting = [];
  for (const batch of batches) {
    for (const { requestId, timeout } of batch) {
      waiting.push(
        new Promise((resolve, reject) => {
          const expire = () => {
            pending.delete(requestId);
            reject(new Error(`no answer to ${requestId}`));
          };
          // Longer than asked for: nothing expires while it is measured, however busy the machine.
          pending.set(requestId, { resolve, timer: setTimeout(expire, timeout + 3_600_000) });
        }),
      );
    }
    if (writes) Buffer.from(JSON.stringify({ data: batch }));
  }
  for (const message of messages) {
    for (const reply of JSON.parse(message.toString()).data) {
      const waiter = pending.get(reply.requestId);
      if (waiter === undefined) continue;
      pending.delete(reply.requestId);
      clearTimeout(waiter.timer);
      waiter.resolve(reply);
    }
  }
  const replies = await Promise.all(waiting);
  return replies.filter((reply) => reply.status === 0).length;
}
