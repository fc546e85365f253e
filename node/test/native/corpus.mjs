// Finding the vectors, making their bytes, comparing what they expect: crates/core/vectors/README.md has the format.
import { readdirSync, readFileSync } from "node:fs";

import { parseExact } from "setpoint";

const ROOT = new URL("../../../crates/core/vectors/", import.meta.url);

/** How many cases each directory has to hold. */
export function countsOfCases() {
  return JSON.parse(readFileSync(new URL("counts.json", ROOT), "utf8"));
}

/** Every case of one directory. Integers that no number holds are bigints. */
export function casesOf(kind) {
  const folder = new URL(`${kind}/`, ROOT);
  return readdirSync(folder)
    .sort()
    .flatMap((file) => {
      const { cases } = parseExact(readFileSync(new URL(file, folder), "utf8"));
      return cases.map((data) => ({ name: `${file.replace(".json", "")}/${data.name}`, data }));
    });
}

const FORMS = ["json", "text", "parts", "hex", "sample"];

/** The bytes that a case is about. */
export function bytesOf(data) {
  const given = FORMS.filter((form) => form in data);
  if (given.length !== 1) throw new Error(`a case has exactly one of ${FORMS}, not ${given}`);
  const [form] = given;
  const value = data[form];
  if (form === "json") return Buffer.from(stringify(value));
  if (form === "text") return Buffer.from(textOf(value));
  if (form === "parts") return Buffer.concat(value.map(partOf));
  if (form === "hex") return Buffer.from(textOf(value).replace(/\s/g, ""), "hex");
  return sample(textOf(value));
}

function partOf(part) {
  const text =
    part.repeat === undefined || typeof part === "string" ? textOf(part) : textOf(part.repeat).repeat(part.times);
  return Buffer.from(text);
}

/** One of the source pages' messages. */
export function sample(name) {
  return readFileSync(new URL(`samples/${name}`, ROOT));
}

/** A text, which may be written as a list of its pieces. */
export function textOf(value) {
  return Array.isArray(value) ? value.join("") : value;
}

/** JSON text, in which a bigint is an integer. */
export function stringify(value) {
  const mark = "\u0001";
  const text = JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${mark}${inner}${mark}` : inner));
  return text.replace(/"\\u0001(-?\d+)\\u0001"/g, "$1");
}

/** Where `found` is not what is expected; nothing if it is. Objects may have more members. */
export function difference(expected, found, path = "") {
  if (Array.isArray(expected) && Array.isArray(found) && expected.length === found.length) {
    return first(expected.keys(), (at) => difference(expected[at], found[at], `${path}[${at}]`));
  }
  if (isObject(expected) && isObject(found)) {
    return first(Object.keys(expected), (key) =>
      key in found ? difference(expected[key], found[key], `${path}.${key}`) : `${path}.${key}: is not there`,
    );
  }
  const isEqual = expected === found || (typeof expected === "bigint" && found === String(expected));
  return isEqual ? undefined : `${path}: expected ${stringify(expected)}, found ${stringify(found)}`;
}

function first(keys, differs) {
  for (const key of keys) {
    const why = differs(key);
    if (why !== undefined) return why;
  }
  return undefined;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
