// `npm run check`: what can be said about the sources without running them.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const help = `Type-checks and lints the sources, all at once.

usage: npm run check

  --help   this text

  portable   sdk/ compiles with the language alone: ES2021, no types of any platform
  devices    what runs on boards compiles with the language, the vendor's modules and the host alone
  types      everything compiles
  lint       eslint, with the portable rule for sdk/

exit codes: 0 all passed, 1 one failed (its output is shown), 2 bad usage`;

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = "node_modules/typescript/bin/tsc";
const checks = [
  { name: "portable", args: [tsc, "-p", "sdk"] },
  { name: "devices", args: [tsc, "-p", "targets"] },
  { name: "types", args: [tsc, "-p", "."] },
  { name: "lint", args: ["node_modules/eslint/bin/eslint.js", ".", "--max-warnings", "0"] },
];

/** Runs one check. @returns whether it passed */
function run({ name, args }) {
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", (error) => (output += error.message));
    child.on("close", (code) => {
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      console.log(`${code === 0 ? "ok    " : "FAILED"} ${name.padEnd(8)} ${seconds} s`);
      if (code !== 0) console.log(output.trimEnd());
      resolve(code === 0);
    });
  });
}

function wantsHelp() {
  try {
    return parseArgs({ options: { help: { type: "boolean" } } }).values.help ?? false;
  } catch (error) {
    console.error(`${error.message}\ntry: npm run check -- --help`);
    process.exit(2);
  }
}

if (wantsHelp()) {
  console.log(help);
} else {
  console.log(`running ${checks.map(({ name }) => name).join(", ")}`);
  const passed = await Promise.all(checks.map(run));
  if (passed.includes(false)) process.exitCode = 1;
}
