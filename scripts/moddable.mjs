// `npm run test:moddable`: what the tools of the Moddable SDK make of the SDK for devices.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { noModdableReason } from "../tests/moddable/tools.mjs";
import { root } from "./bundles.mjs";

const help = `Builds with the Moddable SDK's own tools: a console program of the conformance cases, which must pass, and the sensor example for
ESP32-C3 and ESP32 as far as the tools at hand go, which is said.

usage: MODDABLE=/path/to/moddable npm run test:moddable

  --help   this text

environment:
  MODDABLE   a Moddable SDK (8.2 or later) whose command line tools are built: in its build/makefiles/lin, with gcc, make and libglib2.0-dev,
             make GOAL=release -f $MODDABLE/xs/makefiles/lin/xsc.mk, then the same with xsid.mk, xsl.mk and tools.mk of the folder itself.
             XS_DIR=$MODDABLE/xs and BUILD_DIR=$MODDABLE/build have to be set for it
  IDF_PATH   ESP-IDF with its compilers in PATH: C is then compiled too. Without it everything else is

exit codes: 0 all passed, 1 something failed, 2 bad usage, 3 not run: there is no Moddable SDK`;

function wantsHelp() {
  try {
    return parseArgs({ options: { help: { type: "boolean" } } }).values.help ?? false;
  } catch (error) {
    console.error(`${error.message}\ntry: npm run test:moddable -- --help`);
    process.exit(2);
  }
}

if (wantsHelp()) {
  console.log(help);
} else if (noModdableReason) {
  console.error(`Not run: ${noModdableReason}. See: npm run test:moddable -- --help`);
  process.exitCode = 3;
} else {
  const { status } = spawnSync(process.execPath, [root("node_modules/vitest/vitest.mjs"), "run", "tests/moddable"], { cwd: root("."), stdio: "inherit" });
  process.exitCode = status === 0 ? 0 : 1;
}
