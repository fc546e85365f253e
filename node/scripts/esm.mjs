// Writes the ES module of every entry of package.json. It re-exports the CommonJS module, so a program that uses both has every class
// once.
import { readFileSync, writeFileSync } from "node:fs";

const { exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
for (const entry of Object.values(exports)) {
  if (typeof entry === "string") continue;
  const source = `export * from "./${entry.require.default.split("/").at(-1)}";\n`;
  for (const path of Object.values(entry.import)) writeFileSync(new URL(`../${path}`, import.meta.url), source);
}
