// URLs, and which failures are certain not to have sent anything.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { Client, SettingError } from "setpoint";
import { Service } from "./service.mjs";
import { Fed, refusedPort } from "./support.mjs";

// No part of the package's interface.
const { Http, isNotSent } = createRequire(import.meta.url)("../../dist/client/http.js");

function http(base, most = 1_000) {
  return new Http(base, "o 1&x", most, fetch);
}

test("URLs keep the base's path, and escape what is not theirs", () => {
  for (const base of ["http://gw:8080/setpoint", "http://gw:8080/setpoint/"]) {
    assert.equal(http(base).url("/a/b"), "http://gw:8080/setpoint/a/b?orgId=o+1%26x");
  }
  const url = http("http://gw").url("/channels", ["a/b", "events"], { x: "y" });
  assert.equal(url, "http://gw/channels/a%2Fb/events?orgId=o+1%26x&x=y");
});

test("URLs that cannot be used say what is wrong", async () => {
  const cases = [
    ["127.0.0.1:8080", /http:\/\//],
    ["localhost:8080", /http:\/\//],
    ["mqtt://x", /http:\/\//],
    ["http://x/?orgId=1", /query/],
    ["http://x:y", /not a URL/],
    ["http://me:secret@x", /user or password/],
    ["", /not a URL/],
  ];
  for (const [url, text] of cases) {
    await assert.rejects(Client.open(url, { orgId: "o1", source: new Fed() }), (error) => {
      assert.ok(error instanceof SettingError);
      assert.match(error.message, text);
      assert.ok(!error.message.includes("secret"));
      return true;
    });
  }
});

function failure(fields) {
  return new TypeError("fetch failed", { cause: Object.assign(new Error("x"), fields) });
}

test("only what fails before the first byte is not sent", () => {
  const unsent = [
    { code: "ECONNREFUSED", syscall: "connect" },
    { code: "ETIMEDOUT", syscall: "connect" },
    { code: "EHOSTUNREACH", syscall: "connect" },
    { code: "ENOTFOUND", syscall: "getaddrinfo" },
    { code: "EAI_AGAIN", syscall: "getaddrinfo" },
    { code: "UND_ERR_CONNECT_TIMEOUT" },
    { code: "CERT_HAS_EXPIRED" },
    { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
    { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" },
    { code: "ERR_TLS_CERT_ALTNAME_INVALID" },
  ];
  const sent = [
    { code: "ECONNRESET", syscall: "read" },
    { code: "EPIPE", syscall: "write" },
    { code: "ETIMEDOUT", syscall: "read" },
    { code: "EHOSTUNREACH", syscall: "write" },
    { code: "UND_ERR_SOCKET" },
    { code: "UND_ERR_HEADERS_TIMEOUT" },
    { code: "UND_ERR_BODY_TIMEOUT" },
    { code: "UND_ERR_RESPONSE_EXCEEDED_SIZE" },
    { code: "HPE_INVALID_CONSTANT" },
    {},
  ];
  for (const fields of unsent) assert.equal(isNotSent(failure(fields)), true, JSON.stringify(fields));
  for (const fields of sent) assert.equal(isNotSent(failure(fields)), false, JSON.stringify(fields));
  const refused = Object.assign(new Error("x"), unsent[0]);
  const reset = Object.assign(new Error("x"), sent[0]);
  assert.equal(isNotSent(new TypeError("x", { cause: new AggregateError([refused, refused]) })), true);
  assert.equal(isNotSent(new TypeError("x", { cause: new AggregateError([refused, reset]) })), false);
  assert.equal(isNotSent(new AggregateError([])), false);
  assert.equal(isNotSent("what is no error"), false);
});

test("what fetch itself says: refused, no such name, a port that it never calls", async () => {
  const refused = http(`http://127.0.0.1:${await refusedPort()}`);
  for (const one of [refused, http("http://setpoint.invalid"), http("http://127.0.0.1:6000")]) {
    const attempt = await one.call("PUT", one.url("/"), Buffer.from("{}"), 9_000);
    assert.equal(attempt.kind, "notSent", JSON.stringify(attempt));
  }
});

test("a large answer is lost, and so is what ran out of time or was broken off", async () => {
  const it = await Service.start([{ hold: true }, { hold: true }]);
  try {
    const one = http(it.url, 10);
    assert.deepEqual(await one.call("GET", one.url("/"), undefined, 9_000), {
      kind: "lost",
      reason: "the response has more than 10 bytes",
    });
    const url = one.url("/dataService/devices/multiInvoke");
    assert.deepEqual(await one.call("PUT", url, Buffer.from("{}"), 50), {
      kind: "lost",
      reason: "no response in time",
    });
    const controller = new AbortController();
    const call = one.call("PUT", url, Buffer.from("{}"), 9_000, controller.signal);
    await it.received(2);
    controller.abort();
    assert.deepEqual(await call, { kind: "lost", reason: "it was broken off" });
  } finally {
    await it.close();
  }
});
