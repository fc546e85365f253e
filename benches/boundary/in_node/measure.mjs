// Runs contenders in turns, so that other load on the machine affects all of them.

/** CPU time of this process in milliseconds. Waiting for the processor does not count; threads of the garbage collector do. */
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** How long a number of passes of some work takes in this process, in milliseconds of CPU time. */
export const here = (work) => async (passes) => {
  const start = cpu();
  for (let pass = 0; pass < passes; pass += 1) await work();
  return cpu() - start;
};

/**
 * Runs each contender (`{name, run, items}`, `run` as [here]) in bursts of about this many milliseconds, once a round, starting
 * with another one in each. Returns nanoseconds an item by name, one for each round; the first round warms up and does not count.
 */
export async function inTurns(contenders, rounds, burst, tick) {
  const passes = [];
  for (const { run } of contenders) passes.push(await passesOf(run, burst));
  const series = new Map(contenders.map(({ name }) => [name, []]));
  for (let turn = -1; turn < rounds; turn += 1) {
    for (let step = 0; step < contenders.length; step += 1) {
      const at = (turn + 1 + step) % contenders.length;
      const { name, run, items } = contenders[at];
      const spent = await run(passes[at]);
      if (turn >= 0) series.get(name).push((spent * 1e6) / passes[at] / items);
    }
    tick();
  }
  return series;
}

async function passesOf(run, burst) {
  // V8 needs some rounds before it has compiled everything.
  await run(20);
  let passes = 0;
  // At least once: the threads of the garbage collector may have taken that long already.
  for (let spent = 0; spent < burst; passes += 1) spent += await run(1);
  return passes;
}

/** The median, and the 10th and 90th percentiles. */
export function spread(values) {
  const ordered = [...values].sort((one, other) => one - other);
  const [low, median, high] = [0.1, 0.5, 0.9].map((part) => ordered[Math.round((ordered.length - 1) * part)]);
  return { low, median, high };
}

/** Every sample divided by the other's of the same round. */
export const ratio = (of, by) => spread(of.map((one, at) => one / by[at]));
