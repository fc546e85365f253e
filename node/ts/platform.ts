// Which binary this machine needs.

import { readFileSync } from "node:fs";

/** The C library of a Linux process: `glibc 2.36`, `musl`, or an empty text where it is neither or not Linux. */
export function libc(): string {
  if (process.platform !== "linux") return "";
  const { glibcVersionRuntime } = header();
  if (glibcVersionRuntime !== undefined) return `glibc ${glibcVersionRuntime}`;
  return isMusl() ? "musl" : "";
}

/** The name that a binary for this machine has in its file's and its package's name, such as `linux-x64-gnu`. */
export function triple(): string {
  const { platform, arch } = process;
  if (platform === "linux") return `linux-${arch}-${libc() === "musl" ? "musl" : "gnu"}`;
  return platform === "win32" ? `win32-${arch}-msvc` : `${platform}-${arch}`;
}

function header(): { glibcVersionRuntime?: string } {
  // Otherwise the report resolves the address of every open socket by DNS.
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  const before = report.excludeNetwork;
  report.excludeNetwork = true;
  try {
    const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
    return header ?? {};
  } finally {
    report.excludeNetwork = before ?? false;
  }
}

/** A program linked against musl lists musl's loader among its shared objects. */
function isMusl(): boolean {
  try {
    return readFileSync("/proc/self/maps", "latin1").includes("/ld-musl-");
  } catch {
    return false;
  }
}
