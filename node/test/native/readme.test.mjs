// The examples of the README run as they stand there; those with a client, which need a service, in test/client.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PACKAGE = new URL("../../", import.meta.url);
const README = readFileSync(new URL("README.md", PACKAGE), "utf8");
const EXAMPLES = [...README.matchAll(/^```js\n(.*?)^```/gms)]
  .map(([, source]) => source)
  .filter((source) => !source.includes("Client.open("));

test("there are examples", () => assert.ok(EXAMPLES.length >= 4));

for (const [at, source] of EXAMPLES.entries()) {
  test(`example ${at + 1}: ${source.match(/import \{ (.*?) \} from "setpoint/)?.[1]}`, () => {
    execFileSync(process.execPath, ["--input-type=module", "--eval", source], { cwd: fileURLToPath(PACKAGE) });
  });
}
