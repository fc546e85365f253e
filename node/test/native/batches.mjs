// Batches that are made up from a seed: most items are right, some are wrong in one way or another.
import { FAMILIES } from "setpoint";

/** Numbers from 0 up to 1, the same ones for the same seed (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound) => Math.floor(next() * bound);
  return { next, below, pick: (list) => list[below(list.length)] };
}

/** The seeds of a run; `SEED=` gives one alone. */
export function seeds(count) {
  if (process.env.SEED !== undefined) return [Number(process.env.SEED)];
  return Array.from({ length: count }, () => Math.floor(Math.random() * 2 ** 32));
}

/** Runs once for each seed; a failure names its own. */
export function forEachSeed(count, run) {
  for (const seed of seeds(count)) {
    const random = randomOf(seed);
    try {
      run(random, random.pick(["invoke", "write"]));
    } catch (error) {
      error.message = `SEED=${seed}: ${error.message}`;
      throw error;
    }
  }
}

// Whatever JSON escapes, and characters of one to four bytes.
const LETTERS = [...'abcXYZ019 _-./"\\\n\t\x00\x1f\x7f/éßЖ中\u2028\ufeff\ue000😀\u{1d538}'];

/** Up to 40 items. */
export function batch(random, family) {
  return Array.from({ length: 1 + random.below(random.pick([1, 5, 40])) }, (_, index) => item(random, family, index));
}

function item(random, family, index) {
  if (random.next() < 0.02) return value(random, 2);
  const { channelField, channelPrefix, targetField } = FAMILIES[family];
  const fields = {
    requestId: random.next() < 0.9 ? `r${index}` : text(random),
    [channelField]: channelPrefix + random.pick(["ops", "a.b", text(random)]),
    assetId: random.pick(["turbine-7", text(random)]),
    [targetField]: random.pick(["start", text(random)]),
    inputData: Object.fromEntries(
      Array.from({ length: family === "write" ? 1 : random.below(5) }, () => [text(random), value(random, 3)]),
    ),
  };
  for (const name of ["timeout", "callType", "callbackUrl", "orgId", "productKey", "deviceKey", text(random)]) {
    if (random.next() < 0.2) fields[name] = random.pick([5_000, "ASYNC", "o1", null, "", value(random, 1)]);
  }
  if (random.next() < 0.2) fields[random.pick(Object.keys(fields))] = value(random, 2);
  if (random.next() < 0.1) delete fields[random.pick(Object.keys(fields))];
  return fields;
}

function value(random, depth) {
  switch (random.below(depth > 0 ? 7 : 5)) {
    case 0:
      return random.pick([null, true, false]);
    case 1:
      return random.pick([0, -1, 2 ** 31, 2 ** 53 - 1, -(2 ** 53), 1e21, 5e-324, 1.7976931348623157e308, -0, 0.1]);
    case 2:
      return random.below(1_000_000) - 1_000;
    case 3:
    case 4:
      return text(random);
    case 5:
      return Array.from({ length: random.below(4) }, () => value(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [text(random), value(random, depth - 1)]),
      );
  }
}

/** A text without lone surrogates. */
export function text(random) {
  return Array.from({ length: random.pick([0, 1, 3, 8, random.below(60)]) }, () => random.pick(LETTERS)).join("");
}
