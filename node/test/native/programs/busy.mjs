// A thread that is inside the native half nearly all of the time, until somebody ends it.
import { workerData } from "node:worker_threads";

import { check, checkText, Requester } from "setpoint";

const { counts, at } = workerData;
const items = Array.from({ length: 500 }, (_, index) => ({
  requestId: `r${index}`,
  controlChannelId: "DATASVC.CONTROL.c",
  assetId: "ö",
  serviceId: "s",
}));
const body = JSON.stringify({ data: items });
while (true) {
  const requester = new Requester("o1");
  const { batch } = requester.submit(items.map(({ requestId, ...item }) => item));
  check(body, { orgId: `o${at}` });
  checkText(body, { orgId: `o${at}` });
  requester.cancel(batch);
  requester.pollEvents();
  Atomics.add(counts, at, 1);
  Atomics.notify(counts, at);
}
