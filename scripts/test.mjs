// `npm test` and `npm run test:all`: runs the tests, and names what was left out and why.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { setUpDebian } from "./debian.mjs";
import { root } from "./bundles.mjs";
import { mustNotBeLeftOut } from "./left-out.mjs";

const help = `Runs the tests.

usage: npm test                 what npm alone can run; the rest is named at the end
       npm run test:all         sets up the Debian packages it needs, checks types and style, runs everything

options, after --:
  --help     this text
  FILTER...  only test files whose path has one of these in it

exit codes: 0 all passed, 1 a test or check failed, 2 bad usage`;

function readOptions() {
  try {
    return parseArgs({ allowPositionals: true, options: { all: { type: "boolean" }, help: { type: "boolean" } } });
  } catch (error) {
    console.error(`${error.message}\ntry: npm test -- --help`);
    process.exit(2);
  }
}

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root("."), stdio: "inherit" });
  return status === 0;
}

/** Counts the outcomes and names the tests that were left out: their titles say why. @returns the groups that need an engine that is missing */
function summarise(file) {
  const report = JSON.parse(readFileSync(file, "utf8"));
  const tests = report.testResults.flatMap((result) => result.assertionResults);
  const leftOut = tests.filter((test) => test.status === "pending" || test.status === "skipped");
  const groups = new Map();
  for (const test of leftOut) {
    const titles = [...test.ancestorTitles, test.title];
    const group = titles.find((title) => title.includes("left out")) ?? titles[0];
    groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  if (leftOut.length) console.log("\nLeft out:");
  for (const [group, count] of groups) console.log(`  ${count} of: ${group}`);
  const missing = [...groups.keys()].filter((group) => mustNotBeLeftOut(group));
  console.log(`\n${report.numPassedTests} passed, ${report.numFailedTests} failed, ${leftOut.length} skipped`);
  return missing;
}

const { values, positionals } = readOptions();
if (values.help) {
  console.log(help);
  process.exit(0);
}
let ok = true;
if (values.all) {
  setUpDebian(["gcc", "libc6-dev", "gcc-multilib", "mosquitto", "mosquitto-clients", "openssl", "python3-pymodbus", "socat", "gcc-riscv64-unknown-elf", "picolibc-riscv64-unknown-elf", "qemu-system-misc"]);
  ok = run(process.execPath, [root("scripts/check.mjs")]) && ok;
}
const folder = root("build/tests");
mkdirSync(folder, { recursive: true });
const report = `${folder}/report.json`;
const vitest = root("node_modules/vitest/vitest.mjs");
const passed = run(process.execPath, [vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...positionals]);
const missing = summarise(report);
// Everything means the real engine with its cryptography too: without them nothing has been shown of a device.
if (values.all && missing.length) console.log(`\nNot everything was run: ${missing.length} groups of tests need what is missing here.`);
process.exitCode = ok && passed && !(values.all && missing.length) ? 0 : 1;
