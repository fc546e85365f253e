// Outcomes over MQTT, at the service's own broker.

import assert from "node:assert/strict";
import { test } from "node:test";

import mqtt from "mqtt";
import { SourceError } from "setpoint";
import { CONTROL, invokeOf, proxy, SET, serve, simulate, skip } from "./gateway.mjs";
import { outcome } from "./service.mjs";
import { open, refusedPort, soon, take, until, using } from "./support.mjs";

/** Publishes in the service's place; resolved when the broker has it. */
async function publisher(t, gateway) {
  const peer = await soon(mqtt.connectAsync(gateway.mqtt, { reconnectPeriod: 0 }));
  using(t, { [Symbol.asyncDispose]: () => peer.endAsync(true) });
  return (message, retain = false) => {
    return soon(peer.publishAsync(CONTROL, JSON.stringify(message), { qos: 1, retain }));
  };
}

test("outcomes of both families come over MQTT", { skip }, async (t) => {
  const gateway = await serve(t);
  await simulate(t, gateway);
  const one = using(t, await open(gateway.http, { channel: [CONTROL, SET], mqtt: gateway.mqtt }));
  const batches = Array.from({ length: 10 }, (_, b) => {
    return one.invokeAll(Array.from({ length: 50 }, (_, n) => invokeOf(`${b}-${n}`, n)));
  });
  for (const results of await soon(Promise.all(batches))) assert.ok(results.ok);
  const write = { assetId: "asset-1", measurepointId: "power", inputData: { arg: 1 } };
  assert.ok((await soon(one.writeAll([write]))).ok);
  assert.equal(one.stats.gaps, 0);
});

test("what is published while the connection is down comes when it is back", { skip }, async (t) => {
  const gateway = await serve(t);
  await simulate(t, gateway);
  const publish = await publisher(t, gateway);
  const between = await proxy(t, gateway.mqttPort);
  const one = using(t, await open(gateway.http, { mqtt: `mqtt://127.0.0.1:${between.port}` }));
  const changes = one.channelEvents();
  assert.ok((await soon(one.invokeAll([invokeOf("before")]))).ok);
  between.cut();
  await publish(outcome("nobody"));
  assert.ok((await soon(one.invokeAll([invokeOf("while", 0, { timeout: 30_000 })]))).ok);
  assert.deepEqual(
    (await take(changes, 2)).map(({ kind }) => kind),
    ["disconnected", "connected"],
  );
  await until(() => one.stats.unknown === 1);
  assert.equal(one.stats.gaps, 0);
});

test("a broker that is killed and started again is a gap, and it goes on", { skip }, async (t) => {
  const first = await serve(t);
  const one = using(t, await open(first.http, { mqtt: first.mqtt }));
  const changes = one.channelEvents();
  await first.kill();
  assert.equal((await take(changes, 1))[0].kind, "disconnected");
  const second = await serve(t, { httpPort: first.httpPort, mqttPort: first.mqttPort });
  await simulate(t, second);
  for (let kind = ""; kind !== "gap"; [{ kind }] = await take(changes, 1));
  assert.ok((await soon(one.invokeAll([invokeOf("after")]))).ok);
});

test("a session with a name outlives the client, and one without does not", { skip }, async (t) => {
  const gateway = await serve(t);
  const publish = await publisher(t, gateway);
  const options = { mqtt: gateway.mqtt, mqttClientId: "plant-7" };
  const before = await open(gateway.http, options);
  await before.close();
  await publish(outcome("meanwhile"));
  const after = await open(gateway.http, options);
  await until(() => after.stats.unknown === 1);
  await after.close();
  // Acknowledged by the one before: it does not come again.
  const third = using(t, await open(gateway.http, options));
  await publish(outcome("last"));
  await until(() => third.stats.unknown === 1);
});

test("a retained message is ignored, and one that is too large", { skip }, async (t) => {
  const gateway = await serve(t);
  const publish = await publisher(t, gateway);
  await publish(outcome("planted"), true);
  const one = using(t, await open(gateway.http, { mqtt: gateway.mqtt, limits: { replyBytes: 1_000 } }));
  const late = one.lateEvents();
  await publish({ data: "x".repeat(2_000) });
  await until(() => one.stats.unreadable >= 1);
  for (let event = {}; !event.reason?.includes("more than 1000 bytes"); [event] = await take(late, 1)) {
    assert.notEqual(event.kind, "unknown");
  }
});

test("a broker that is not there is named, with what to check", { skip }, async (t) => {
  const gateway = await serve(t);
  const url = `mqtt://me:secret@127.0.0.1:${await refusedPort()}`;
  await assert.rejects(open(gateway.http, { mqtt: url }), (error) => {
    assert.ok(error instanceof SourceError);
    assert.match(error.message, /ECONNREFUSED.*check the URL, the credentials/);
    assert.ok(!error.message.includes("secret"));
    return true;
  });
});
