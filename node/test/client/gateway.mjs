// The real service, simulated devices, and a way to break connections in between.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { soon, using } from "./support.mjs";

/** A device takes 64 commands at once, so ten thousand items take some. */
export const DEVICES = 200;
export const CONTROL = "DATASVC.CONTROL.ops";
export const SET = "DATASVC.SET.ops";

const bin = process.env.SETPOINT_BIN;
/** Why there is no test against the real service, if there is none. */
export const skip = bin === undefined ? "SETPOINT_BIN names no service" : false;

/** Runs the service with a broker of its own, and with the channels of the tests. */
export async function serve(t, { httpPort = 0, mqttPort = 0 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "setpoint-node-"));
  const devices = join(folder, "devices.csv");
  const rows = Array.from({ length: DEVICES }, (_, n) => `o1,turbine,t-${n},asset-${n}`);
  writeFileSync(devices, ["orgId,productKey,deviceKey,assetId", ...rows, ""].join("\n"));
  const config = join(folder, "setpoint.toml");
  const channels = [CONTROL, SET].map((id) => `[[channels]]\norgId = "o1"\nchannelId = "${id}"\n`);
  writeFileSync(config, channels.join(""));
  const listen = ["--listen", `127.0.0.1:${httpPort}`, "--mqtt-listen", `127.0.0.1:${mqttPort}`];
  const child = spawn(bin, ["serve", "--config", config, "--devices", devices, ...listen], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit");
  const kill = async () => {
    child.kill("SIGKILL");
    await soon(exited, "the end of the service");
    rmSync(folder, { recursive: true, force: true });
  };
  using(t, { [Symbol.asyncDispose]: kill });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const address = async (name) => {
    const { value } = await soon(lines.next(), "the service's address");
    assert.ok(value?.startsWith(name), "the service did not start");
    return value.slice(name.length).trim();
  };
  const http = await address("HTTP");
  const mqtt = await address("MQTT");
  return { http, mqtt, devices, kill, httpPort: Number(new URL(http).port), mqttPort: Number(mqtt.split(":").at(-1)) };
}

/** Connects simulated devices. `close` disconnects them and gives what they executed, in order, if it is to be kept. */
export async function simulate(t, gateway, faults = [], { keep = true } = {}) {
  const options = ["--json", "--broker", gateway.mqtt, "--devices", gateway.devices, ...faults];
  const child = spawn(bin, ["devices", "simulate", ...options], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close");
  using(t, {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await soon(ended, "the end of the devices");
    },
  });
  const ledger = [];
  createInterface({ input: child.stdout }).on("line", (line) => keep && ledger.push(JSON.parse(line)));
  const told = createInterface({ input: child.stderr });
  const [line] = await soon(once(told, "line"), "the devices");
  assert.match(line, /devices are connected/);
  return {
    async close() {
      child.kill("SIGINT");
      const [code] = await soon(ended, "the end of the devices");
      assert.equal(code, 0);
      return ledger;
    },
  };
}

/**
 * Carries bytes between a port of its own and another one, until told to cut every connection there is. `serverOf` makes the
 * server that takes connections.
 */
export async function proxy(t, target, serverOf = createServer) {
  const sockets = new Set();
  /** What each connection began with. */
  const beginnings = [];
  const server = serverOf((near) => {
    near.once("data", (chunk) => beginnings.push(chunk));
    const far = connect(target, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(one);
      one
        .on("error", () => {})
        .on("close", () => {
          sockets.delete(one);
          other.destroy();
        });
      one.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  using(t, {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  });
  return { port: server.address().port, cut, beginnings };
}

/** An invoke under this request id, which is also in its input. */
export function invokeOf(name, device = 0, fields = {}) {
  const assetId = `asset-${device % DEVICES}`;
  return { requestId: name, assetId, serviceId: "start", inputData: { unique: name }, ...fields };
}
