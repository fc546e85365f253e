// The loader: what it loads, and what it says when it cannot.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { LoadError } from "setpoint";

const require = createRequire(import.meta.url);
const { load } = require("../../dist/loader.js");
const { libc, triple } = require("../../dist/platform.js");
const PACKAGE = fileURLToPath(new URL("../..", import.meta.url));

test("the first binary that can be loaded is taken", () => {
  const opened = [];
  const open = (path) => {
    opened.push(path);
    if (path === "a") throw new Error("not this");
    return { path };
  };
  assert.deepEqual(
    load(
      [
        { path: "a", exists: true },
        { path: "b", exists: true },
        { path: "c", exists: true },
      ],
      open,
    ),
    { path: "b" },
  );
  assert.deepEqual(opened, ["a", "b"]);
});

test("the error of what is there is the true one, and every place is named", () => {
  const errors = {
    a: new Error("Cannot find module 'a'\nRequire stack:\n- x"),
    b: new Error("GLIBC_2.99 not found"),
    c: new Error("third"),
  };
  const open = (path) => {
    throw errors[path];
  };
  assert.throws(
    () =>
      load(
        [
          { path: "a", exists: false },
          { path: "b", exists: true },
          { path: "c", exists: true },
        ],
        open,
      ),
    (error) => {
      assert.ok(error instanceof LoadError);
      assert.equal(error.cause, errors.b);
      assert.deepEqual(error.tried[0], { path: "a", reason: "Cannot find module 'a'" });
      assert.match(error.message, new RegExp(`${process.platform}-${process.arch}, .*Node ${process.versions.node}`));
      assert.match(error.message, /the binary is there, but this system cannot load it/);
      assert.match(error.message, / {2}b: GLIBC_2\.99 not found/);
      return true;
    },
  );
});

test("without any binary it says how to get one", () => {
  const open = () => {
    throw new Error("Cannot find module");
  };
  assert.throws(() => load([{ path: "a", exists: false }], open), /no binary for this platform is installed/);
});

test("the C library of this process is known", { skip: process.platform !== "linux" }, () => {
  const ldd = execFileSync("sh", ["-c", "ldd --version 2>&1 || true"]).toString();
  const version = /GLIBC (\d+\.\d+)|\) (\d+\.\d+)/.exec(ldd);
  assert.equal(libc(), /musl/.test(ldd) ? "musl" : `glibc ${version?.[1] ?? version?.[2]}`);
  assert.equal(triple(), `linux-${process.arch}-${/musl/.test(ldd) ? "musl" : "gnu"}`);
});

test("a broken binary is named with its path and the system's own words", () => {
  const folder = mkdtempSync(join(tmpdir(), "setpoint-"));
  try {
    cpSync(join(PACKAGE, "dist"), join(folder, "dist"), { recursive: true });
    copyFileSync(join(PACKAGE, "package.json"), join(folder, "package.json"));
    cpSync(join(PACKAGE, "native"), join(folder, "native"), { recursive: true });
    const binary = join(folder, "native", `setpoint.${triple()}.node`);
    writeFileSync(binary, "no binary");
    const script = `try { require(${JSON.stringify(folder)}) } catch (error) { console.log(error.name + "\\n" + error.message) }`;
    const said = execFileSync(process.execPath, ["-e", script]).toString();
    assert.match(said, /^LoadError\nsetpoint has no native binary on /);
    assert.ok(said.includes(`${binary}: ${binary}: `), said);
    assert.match(said, /file too short|invalid ELF header/);
    assert.match(said, new RegExp(`@setpoint/binding-${triple()}: Cannot find module`));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
