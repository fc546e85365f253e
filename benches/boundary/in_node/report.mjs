// Reports the results: for people, for programs, and as a page.

import { execFileSync } from "node:child_process";
import { arch, availableParallelism, cpus, loadavg, release } from "node:os";

const number = (value) => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0));
const times = ({ low, median, high }) => [`${number(median)}×`, `${number(low)}–${number(high)}×`];

/** Whether a row reaches its target; empty if it has none. */
const verdict = ({ least, value }) => (least === undefined ? "" : value.median >= least ? "reached" : "falls short");

export function machine() {
  const commit = execFileSync("git", ["rev-parse", "--short=12", "HEAD"], { encoding: "utf8" }).trim();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit,
    processor: `${cpus()[0]?.model ?? arch()}, ${availableParallelism()} cores`,
    system: `Linux ${release()}`,
    node: process.version,
    load: loadavg()[0].toFixed(2),
  };
}

export function table({ rows }) {
  const lines = [["work", "beside", "measured", "target", "", "rounds"]];
  for (const row of rows) {
    const [measured, rounds] = times(row.value);
    lines.push([row.work, row.beside, measured, row.least === undefined ? "" : `≥ ${row.least}×`, verdict(row), rounds]);
  }
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  const text = lines.map((line) => line.map((cell, at) => cell.padEnd(widths[at])).join("  ").trimEnd());
  return `${text.join("\n")}\n\n${summary(rows)}`;
}

export function page({ machine, rows, costs }) {
  const facts = Object.entries(machine).map(([name, value]) => `| ${name} | ${value} |`);
  const measured = rows.map((row) => {
    const [middle, rounds] = times(row.value);
    return `| ${row.work} | ${row.beside} | ${middle} | ${row.least === undefined ? "" : `≥ ${row.least}×`} | ${verdict(row)} | ${rounds} |`;
  });
  const paid = costs.map(({ work, name, value }) => `| ${work} | ${name} | ${value.median.toFixed(0)} |`);
  return [
    "# The npm package beside what people write\n",
    "Written by `make bench-node`; do not edit. [README.md](README.md) says what is measured and how.\n",
    `| | |\n|---|---|\n${facts.join("\n")}\n`,
    `**${summary(rows)}**\n`,
    'Medians of the rounds; "rounds" is where the middle eight tenths of them lie.\n',
    `| work | faster than | measured | target | | rounds |\n|---|---|---:|---:|---|---|\n${measured.join("\n")}\n`,
    "## What an item costs\n",
    `Nanoseconds of CPU time, medians.\n\n| work | who | ns |\n|---|---|---:|\n${paid.join("\n")}\n`,
  ].join("\n");
}

function summary(rows) {
  const asked = rows.filter((row) => row.least !== undefined);
  return `${asked.filter((row) => verdict(row) === "reached").length} of ${asked.length} targets reached.`;
}
