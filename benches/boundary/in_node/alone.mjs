// One contender of the in-flight comparison, in a process of its own: it fills the heap with garbage, and in one process a contender
// would pay for collecting another's.

import { fork } from "node:child_process";
import { once } from "node:events";

import * as corpora from "./corpora.mjs";
import { promises, setpoint, setpointFromItems } from "./flights.mjs";
import { here } from "./measure.mjs";

/** The contenders, by name. */
const CONTENDERS = {
  setpoint,
  "setpoint, bodies written": setpointFromItems,
  promises: (flight) => promises(flight, false),
  "promises, bodies written": (flight) => promises(flight, true),
};

/** Starts one: `run` returns how long a number of passes takes, in milliseconds of CPU time; `end` ends it. */
export function start(folder, items, name) {
  const child = fork(new URL(import.meta.url), [folder, String(items), name]);
  const ended = once(child, "exit");
  const answer = async () => {
    const [said] = await Promise.race([
      once(child, "message"),
      ended.then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`))),
    ]);
    return said;
  };
  return {
    run: async (passes) => {
      child.send(passes);
      return answer();
    },
    end: () => child.disconnect(),
  };
}

if (process.send !== undefined) {
  const [folder, items, name] = process.argv.slice(2);
  const flight = corpora.flight(folder, Number(items));
  const facts = corpora.facts(folder);
  const run = here(() => turned(() => CONTENDERS[name](flight, facts), Number(items)));
  process.on("message", async (passes) => process.send(await run(passes)));
}

/**
 * One pass, and one turn of the event loop, as in every application: native memory of collected objects is freed there and used
 * again. Nine in ten items succeed: a contender with another count did other work.
 */
async function turned(work, items) {
  const succeeded = await work();
  await new Promise((resolve) => setImmediate(resolve));
  if (succeeded !== (items * 9) / 10) throw new Error(`${succeeded} of ${items} succeeded`);
}
