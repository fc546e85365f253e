// Collects garbage at every turn, and looks at what was drained and reported before.
import assert from "node:assert/strict";

import { check, Directory, Requester } from "setpoint";

const item = { controlChannelId: "DATASVC.CONTROL.c", assetId: "a", serviceId: "s" };
const held = [];
for (let round = 0; round < 150; round += 1) {
  const requester = new Requester("o1");
  const ids = Array.from({ length: 50 }, (_, at) => `r${round}-${at}`);
  requester.submit(ids.map((requestId) => ({ ...item, requestId })));
  const replies = ids.map((requestId) => ({ ...item, requestId, outputData: { id: requestId, ö: "中" }, status: 0 }));
  requester.handleMessage(JSON.stringify({ data: replies }));
  const events = requester.pollEvents().filter(({ kind }) => kind === "finished");
  const directory = new Directory({ [`o${round}`]: {} });
  const report = check([{ ...item, requestId: ids[0] }], { orgId: `o${round}`, directory });
  held.push({ event: events[round % events.length], id: ids[round % ids.length], report });
  if (held.length > 40) held.shift();
  globalThis.gc();
  for (const { event, id, report } of held) {
    assert.equal(event.requestId, id);
    assert.deepEqual(event.outcome.output, { id, ö: "中" });
    assert.equal(report.refused[0].faults.length, 2);
    assert.equal(JSON.parse(report.response.toString()).data.length, 1);
  }
}
