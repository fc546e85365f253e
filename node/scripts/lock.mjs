// Adds the packages of other platforms to package-lock.json: `npm ci` requires all of them, and npm leaves out those that its registry
// does not have (npm/cli#9342). Run it after `npm install` has changed the lock.
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

for (const { optionalDependencies, dev } of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
    // The name of such a package contains its platform, and its version is exact.
    const parts = name.split("/").at(-1).split(/[-_]/);
    const cpu = PROCESSORS.filter((processor) => parts.includes(processor));
    const os = SYSTEMS.filter((system) => parts.includes(system));
    const place = `node_modules/${name}`;
    if (place in lock.packages || cpu.length === 0 || !/^\d/.test(version)) continue;
    const libc = parts.includes("musl") ? ["musl"] : parts.includes("linux") ? ["glibc"] : [];
    lock.packages[place] = {
      version,
      cpu,
      ...(dev && { dev }),
      ...(libc.length > 0 && { libc }),
      optional: true,
      ...(os.length > 0 && { os }),
    };
  }
}
const [root, ...others] = Object.entries(lock.packages);
lock.packages = Object.fromEntries([root, ...others.sort(([one], [other]) => (one < other ? -1 : 1))]);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
