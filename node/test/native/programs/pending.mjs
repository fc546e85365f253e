// Ends in the given way while thousands of items are open.
import { check, Requester } from "setpoint";

const item = { controlChannelId: "DATASVC.CONTROL.c", assetId: "a", serviceId: "s" };
const requester = new Requester("o1");
for (let batch = 0; batch < 20; batch += 1) {
  requester.submit(Array.from({ length: 1_000 }, () => ({ ...item })));
}
globalThis.kept = [requester, check([{ ...item, requestId: "r" }], { orgId: "o1" }), requester.pollEvents()];
process.stdout.write(`${requester.openItems} open\n`, () => {
  switch (process.argv[2]) {
    case "exit":
      process.exit(3);
      break;
    case "throw":
      throw new Error("thrown on purpose");
    case "reject":
      Promise.reject(new Error("rejected on purpose"));
      break;
    default:
  }
});
