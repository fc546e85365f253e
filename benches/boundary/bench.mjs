// Measures the npm package and its alternatives in one run, and reports the results.
//
//     make bench-node                            builds everything, measures, writes NODE.md
//     node bench.mjs --corpora FOLDER [--quick] [--json]
//
// A target that is missed is reported; the run does not fail.

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { checkInto, checkText } from "setpoint";

import { start } from "./in_node/alone.mjs";
import * as corpora from "./in_node/corpora.mjs";
import { here, inTurns, ratio, spread } from "./in_node/measure.mjs";
import { PEERS, respondInto, respondText } from "./in_node/peers.mjs";
import { machine, page, table } from "./in_node/report.mjs";

const SETPOINT = "setpoint";
const PROMISES = "Map of promises with setTimeout";
/** Length of a burst of checks, in milliseconds. */
const BURST_MS = 4;
/**
 * Length of a burst of in-flight work, in milliseconds. It leaves garbage, which is collected every few passes: a shorter burst would
 * contain no collection, or that of the burst before.
 */
const FLIGHT_MS = 400;
const LEAST = { "bytes 100": 15, "bytes 1": 8, "text 100": 3, flight: 10 };

const { values: options } = parseArgs({
  options: { corpora: { type: "string" }, quick: { type: "boolean" }, json: { type: "boolean" } },
});
if (options.corpora === undefined) {
  console.error("usage: node bench.mjs --corpora FOLDER [--quick] [--json]");
  process.exit(64);
}
const facts = corpora.facts(options.corpora);
const rounds = options.quick ? { respond: 20, 10_000: 3, 100_000: 1 } : { respond: 150, 10_000: 21, 100_000: 15 };
const report = { machine: machine(), rows: [], costs: [] };

for (const items of [1, 100, 1_000]) {
  await respond("bytes → reused buffer", `bytes ${items}`, items, (bodies) => {
    const out = Buffer.alloc(4 << 20);
    const given = { orgId: facts.orgId, now: facts };
    return [
      [SETPOINT, () => bodies.forEach((body) => checkInto(body, out, given))],
      ...Object.keys(PEERS).map((name) => [name, () => bodies.forEach((body) => respondInto(name, body, out, facts))]),
    ];
  });
  await respond("text → text", `text ${items}`, items, (bodies) => {
    const texts = bodies.map((body) => body.toString());
    const given = { orgId: facts.orgId, now: facts };
    return [
      [SETPOINT, () => texts.forEach((text) => checkText(text, given))],
      ...Object.keys(PEERS).map((name) => [name, () => texts.forEach((text) => respondText(name, text, facts))]),
    ];
  });
}
for (const items of [10_000, 100_000]) await inFlight(items);
say("");
console.log(options.json ? JSON.stringify(report) : table(report));
if (!options.quick) writeFileSync(new URL("NODE.md", import.meta.url), page(report));

async function respond(what, key, items, contendersOf) {
  const bodies = corpora.bodies(options.corpora, items);
  const contenders = contendersOf(bodies).map(([name, work]) => ({ name, run: here(work), items: items * bodies.length }));
  const work = `${what}, ${items.toLocaleString("en")} item${items > 1 ? "s" : ""}`;
  compare(work, await inTurns(contenders, rounds.respond, BURST_MS, () => say(work)), SETPOINT, LEAST[key]);
}

async function inFlight(items) {
  for (const how of ["bodies given", "bodies written"]) {
    const work = `${items.toLocaleString("en")} in flight, ${how}`;
    const written = how === "bodies written" ? ", bodies written" : "";
    const contenders = [
      [SETPOINT, `setpoint${written}`],
      [PROMISES, `promises${written}`],
    ].map(([name, who]) => ({ name, items, ...start(options.corpora, items, who) }));
    // The target is for correlation: writing bodies costs both sides the time of JSON.stringify.
    const least = how === "bodies given" ? LEAST.flight : undefined;
    compare(work, await inTurns(contenders, rounds[items], FLIGHT_MS, () => say(work)), SETPOINT, least);
    for (const { end } of contenders) end();
  }
}

function compare(work, series, ours, least) {
  for (const [name, samples] of series) {
    report.costs.push({ work, name, value: spread(samples) });
    if (name === ours) continue;
    report.rows.push({ work, beside: name, value: ratio(samples, series.get(ours)), least });
  }
}

/** A progress line on standard error, if that is a terminal. */
function say(doing) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${doing}`);
}
