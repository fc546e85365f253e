// Certificates: verified always, against those that the process trusts.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createServer } from "node:tls";
import { fileURLToPath } from "node:url";

import { proxy } from "./gateway.mjs";
import { OUTCOMES_FIRST, Service } from "./service.mjs";
import { open, soon, using } from "./support.mjs";

const NODE = fileURLToPath(new URL("../..", import.meta.url));

/** A certificate for the tests' address that nobody but itself vouches for, and its key. */
function certificate(folder) {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", [...made, ...subject], { stdio: "ignore" });
  return { path: cert, cert: readFileSync(cert), key: readFileSync(key) };
}

/** Takes TLS on a port of its own, and carries what is inside to `port`. */
async function encrypted(t, port, { cert, key }) {
  const own = await proxy(t, port, (carry) => createServer({ cert, key }, carry).on("tlsClientError", () => {}));
  return `https://127.0.0.1:${own.port}`;
}

function folderOf(t) {
  const folder = mkdtempSync(join(tmpdir(), "setpoint-node-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const CONVERSATION = `
  import { Client } from "setpoint";
  const client = await Client.open(process.env.SERVICE, { orgId: "o1", channel: "DATASVC.CONTROL.ops" });
  const results = await client.invokeAll([{ assetId: "a", serviceId: "s" }]);
  await client.close();
  console.log(results.ok);
`;

test("a whole conversation goes over TLS, with a certificate that the process was told to trust", async (t) => {
  const given = certificate(folderOf(t));
  const it = using(t, await Service.start([OUTCOMES_FIRST]));
  const url = await encrypted(t, it.port, given);
  // Node reads what else is to be trusted when it starts.
  const child = spawn(process.execPath, ["--input-type=module", "--eval", CONVERSATION], {
    cwd: NODE,
    env: { ...process.env, SERVICE: url, NODE_EXTRA_CA_CERTS: given.path },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  assert.deepEqual(await soon(once(child, "close"), "the end of the process"), [0, null]);
  assert.equal(text, "true\n");
  assert.equal(it.batches.length, 1);
});

test("a certificate that nobody vouches for is refused before anything is sent", async (t) => {
  const it = using(t, await Service.start());
  const url = await encrypted(t, it.port, certificate(folderOf(t)));
  await assert.rejects(open(url), (error) => {
    assert.equal(error.name, "SourceError");
    assert.match(error.message, /certificate/);
    return true;
  });
  assert.deepEqual(it.streams, []);
});
