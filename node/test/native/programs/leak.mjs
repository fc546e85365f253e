// How much the process grows by many items that have ended, when so many bytes are kept of each.
import { check, checkText, Directory, Requester } from "setpoint";

const KEPT = Number(process.argv[2]);
const ITEMS = 400_000;
/** About 100 bytes an item, and more than what allocators keep for themselves: with Node 26 that may be 28 MiB. */
const BOUND = 40 << 20;

const item = { controlChannelId: "DATASVC.CONTROL.c", assetId: "a", serviceId: "s" };
const wrong = { ...item, requestId: "ö", timeout: 0 };
const keeps = [];
const requester = new Requester("o1", { remembered: 1_000 });

function conversation(count) {
  for (let done = 0; done < count; done += 100) {
    const { batch, body } = requester.submit(Array.from({ length: 100 }, () => item));
    const { data } = JSON.parse(Buffer.from(body).toString());
    const replies = data.map(({ requestId }) => ({ ...item, requestId, outputData: { n: done }, status: 0 }));
    requester.handleMessage(JSON.stringify({ data: replies.slice(10) }));
    requester.cancel(batch);
    for (const event of requester.pollEvents()) {
      if (event.kind === "finished") event.outcome.output;
    }
    const report = check([wrong, ...data.slice(1)], { orgId: `o${done % 50}` });
    if (report.refused.length !== 1) throw new Error("one item is wrong");
    checkText(JSON.stringify({ data: [wrong] }), { orgId: "o1" });
    // Errors, objects of the native half and what is refused are let go as well.
    if (done % 1_000 === 0) {
      new Directory({ o1: { channels: ["DATASVC.CONTROL.c"] } });
      new Requester("o1").submit(data);
      try {
        requester.submit([]);
      } catch {}
    }
    // Written to, so that it takes memory.
    if (KEPT > 0) keeps.push(Buffer.alloc(100 * KEPT, 1));
  }
}

async function settled() {
  for (let turn = 0; turn < 5; turn += 1) {
    globalThis.gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().rss;
}

conversation(ITEMS / 2);
const before = await settled();
conversation(ITEMS);
const grown = (await settled()) - before;
process.stdout.write(JSON.stringify({ grown, bound: BOUND }));
