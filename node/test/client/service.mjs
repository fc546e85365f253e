// A service that does what a script says, and remembers what it was asked.

import { createServer } from "node:net";

import { until } from "./support.mjs";

export const CHANNEL = "DATASVC.CONTROL.ops";

/**
 * One step of the script: what to do with the next batch. Without an answer of its own, every item is accepted.
 *
 * `status`, `body`, `headers`: the answer. `outcomesFirst`: publish a success for every item before it. `hold`: take the
 * batch in and never answer. `cut`: break the connection off after so many bytes of the answer's body; -1: before the
 * answer. `endless`: answer without an end. `dripMs`: the pause after each byte of the answer.
 */
export const OUTCOMES_FIRST = { outcomesFirst: true };
export const HOLD = { hold: true };
export const BREAK_OFF = { cut: 5 };

export class Service {
  /** Path with query, body, and number of the connection of every batch call. */
  batches = [];
  /** The `Last-Event-ID` of every connection to the stream. */
  streams = [];
  connections = 0;
  withIds = true;
  isDeleted = false;
  #script;
  #messages = [];
  #live = new Set();
  #sockets = new Set();
  #server = createServer((socket) => this.#serve(socket));

  constructor(script) {
    this.#script = [...script];
  }

  static async start(script = [], port = 0) {
    const service = new Service(script);
    await new Promise((resolve, reject) => {
      service.#server.once("error", reject).listen(port, "127.0.0.1", resolve);
    });
    return service;
  }

  get port() {
    return this.#server.address().port;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get bodies() {
    return this.batches.map(({ body }) => body);
  }

  script(...steps) {
    this.#script.push(...steps);
  }

  publish(message) {
    this.#messages.push(typeof message === "string" ? message : JSON.stringify(message));
    for (const stream of this.#live) stream.flush();
  }

  /** Writes bytes into the streams that are open, whatever they are. */
  writeRaw(text) {
    for (const { socket } of this.#live) socket.write(text);
  }

  /** Ends every connection to the stream. */
  cutStreams() {
    for (const { socket } of this.#live) socket.end();
    this.#live.clear();
  }

  received(batches) {
    return until(() => this.batches.length >= batches, `${batches} batches`);
  }

  async close() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }

  #serve(socket) {
    this.connections += 1;
    const connection = this.connections;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    let bytes = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let request = take(bytes); request !== undefined; request = take(bytes)) {
        bytes = request.rest;
        this.#answer(socket, request, connection);
      }
    });
  }

  #answer(socket, { method, target, headers, body }, connection) {
    const path = decodeURIComponent(new URL(target, "http://x").pathname);
    if (method === "GET" && path.endsWith("/events")) this.#events(socket, path, headers["last-event-id"]);
    else if (method === "PUT" && path.startsWith("/dataService/devices/")) {
      this.batches.push({ target, body, connection });
      this.#batch(socket, body);
    } else respond(socket, 404, JSON.stringify({ status: 404, msg: "Not Found", submsg: null }));
  }

  #batch(socket, sent) {
    const step = this.#script.shift() ?? {};
    if (step.hold) return;
    if (step.outcomesFirst) this.publish(successes(sent));
    const { status = 200, headers = "", body = JSON.stringify(accepted(sent)), cut } = step;
    if (cut !== undefined) {
      if (cut >= 0) socket.write(head(status, body, headers) + body.slice(0, cut));
      socket.end();
    } else if (step.endless) {
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      const more = () => {
        while (!socket.destroyed && socket.write(`10000\r\n${" ".repeat(0x10000)}\r\n`));
      };
      socket.on("drain", more);
      more();
    } else if (step.dripMs) {
      socket.write(head(status, body, headers));
      let at = 0;
      const timer = setInterval(() => socket.write(body.charAt(at++)), step.dripMs);
      socket.on("close", () => clearInterval(timer));
    } else respond(socket, status, body, headers);
  }

  #events(socket, path, lastId) {
    if (!path.endsWith(".ops/events") || this.isDeleted) {
      respond(socket, 404, JSON.stringify({ status: 404, msg: "Invalid object id", submsg: "no such channel" }));
      return;
    }
    this.streams.push(lastId);
    let at = lastId === undefined ? this.#messages.length : Number(lastId);
    const start = this.withIds ? `id: ${at}\n\n` : ": hello\n\n";
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n${start}`);
    const flush = () => {
      for (; at < this.#messages.length; at += 1) {
        const isWrite = this.#messages[at].includes("setMeasurepointChannelId");
        const id = this.withIds ? `id: ${at + 1}\n` : "";
        if (isWrite === path.includes(".SET.")) socket.write(`${id}data: ${this.#messages[at]}\n\n`);
      }
    };
    const stream = { socket, flush };
    this.#live.add(stream);
    socket.on("close", () => this.#live.delete(stream));
    flush();
  }
}

/** The first whole request of these bytes. */
function take(bytes) {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [line, ...fields] = bytes.subarray(0, end).toString().split("\r\n");
  const [method, target] = line.split(" ");
  const headers = Object.fromEntries(
    fields.map((field) => field.split(/:\s*/, 2)).map(([k, v]) => [k.toLowerCase(), v]),
  );
  const from = end + 4;
  const length = Number(headers["content-length"] ?? 0);
  if (bytes.length < from + length) return undefined;
  const body = bytes.subarray(from, from + length).toString();
  return { method, target, headers, body, rest: bytes.subarray(from + length) };
}

function head(status, body, headers) {
  return `HTTP/1.1 ${status} Scripted\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n`;
}

function respond(socket, status, body, headers = "") {
  socket.write(head(status, body, headers) + body);
}

export function items(body) {
  return JSON.parse(body).data;
}

function reply(item, status, outputData) {
  return { ...item, status, outputData };
}

function accepted(body) {
  return { status: 0, msg: "Success", submsg: null, data: items(body).map((item) => reply(item, 0, null)) };
}

/** A channel message with a success for every item, whose output says whose it is. */
export function successes(body) {
  return { data: items(body).map((item) => reply(item, 0, { of: item.requestId })) };
}

/** A channel message with one outcome. */
export function outcome(requestId, code = 0) {
  return { data: [reply({ requestId, controlChannelId: CHANNEL, serviceId: "start" }, code, { of: requestId })] };
}

/** An invoke with this request id, for the client's channel. */
export function invoke(requestId, fields = {}) {
  return { requestId, assetId: "turbine-7", serviceId: "start", ...fields };
}
