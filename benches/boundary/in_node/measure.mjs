// Running contenders in turns, so that whatever else happens on the machine happens to all of them.

const BURST_MS = 4;

/** CPU time of this process in milliseconds: what others take from it does not count, what collects its garbage does. */
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/**
 * Runs each contender (`{name, work, items}`) in short bursts, once a round, every time another one first. Nanoseconds an item by
 * name, one for each round; a first round warms up and does not count.
 */
export async function inTurns(contenders, rounds, tick) {
  const passes = [];
  for (const { work } of contenders) passes.push(await passesOf(work));
  const series = new Map(contenders.map(({ name }) => [name, []]));
  for (let turn = -1; turn < rounds; turn += 1) {
    for (let step = 0; step < contenders.length; step += 1) {
      const at = (turn + 1 + step) % contenders.length;
      const { name, work, items } = contenders[at];
      const start = cpu();
      for (let pass = 0; pass < passes[at]; pass += 1) await work();
      if (turn >= 0) series.get(name).push(((cpu() - start) * 1e6) / passes[at] / items);
    }
    tick();
  }
  return series;
}

async function passesOf(work) {
  // The compiler needs some rounds to see what it has to do with.
  for (let pass = 0; pass < 20; pass += 1) await work();
  const start = cpu();
  let passes = 0;
  // At least once: threads that collect garbage may have taken as long already.
  do {
    await work();
    passes += 1;
  } while (cpu() - start < BURST_MS);
  return passes;
}

/** A middle value, and between which values the middle eight tenths lie. */
export function spread(values) {
  const ordered = [...values].sort((one, other) => one - other);
  const [low, median, high] = [0.1, 0.5, 0.9].map((part) => ordered[Math.round((ordered.length - 1) * part)]);
  return { low, median, high };
}

/** Every sample divided by the other's of the same round. */
export const ratio = (of, by) => spread(of.map((one, at) => one / by[at]));
