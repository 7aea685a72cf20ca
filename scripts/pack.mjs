// `npm run pack`: builds both packages and packs them. Everything happens in a temporary folder; of the tree nothing is changed.
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const help = `Builds ebalance and @ebalance/gateway and packs each into a tarball.

usage: npm run pack -- [options]

  --out DIR   where the tarballs go (default build/packages)
  --help      this text

Prints the path of each tarball. Install both together: the gateway depends on this very version of ebalance.

exit codes: 0 packed, 1 a build failed, 2 bad usage`;

const root = fileURLToPath(new URL("..", import.meta.url));
const tsup = join(root, "node_modules/tsup/dist/cli-default.js");
const packages = [root, join(root, "targets/linux-gateway")];
const readPackage = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** Runs a program to its end. @returns its standard output */
function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let all = "";
    child.stdout.setEncoding("utf8").on("data", (text) => ((output += text), (all += text)));
    child.stderr.setEncoding("utf8").on("data", (text) => (all += text));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`${command} ${args.join(" ")} failed:\n${all.trimEnd()}`))));
  });
}

/** What the published package.json says: nothing of how it was made, and the SDK's version instead of its place in the tree. */
function publishedForm(folder) {
  const form = readPackage(folder);
  for (const key of ["scripts", "devDependencies", "workspaces"]) delete form[key];
  if (form.dependencies?.ebalance) form.dependencies.ebalance = readPackage(root).version;
  return `${JSON.stringify(form, null, 2)}\n`;
}

/** Packs the package of a folder. @returns the name of the tarball in `out` */
async function pack(folder, stage, out) {
  mkdirSync(stage);
  await run(process.execPath, [tsup, "--silent", "--out-dir", join(stage, "dist")], folder);
  const [{ files }] = JSON.parse(await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], folder));
  // What an earlier build left in the tree is no part of this one.
  for (const { path } of files.filter((file) => !file.path.startsWith("dist/"))) {
    mkdirSync(dirname(join(stage, path)), { recursive: true });
    copyFileSync(join(folder, path), join(stage, path));
  }
  writeFileSync(join(stage, "package.json"), publishedForm(folder));
  const [{ filename }] = JSON.parse(await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", out], stage));
  return join(out, filename);
}

function readOptions() {
  try {
    return parseArgs({ options: { out: { type: "string" }, help: { type: "boolean" } } }).values;
  } catch (error) {
    console.error(`${error.message}\ntry: npm run pack -- --help`);
    process.exit(2);
  }
}

const options = readOptions();
if (options.help) {
  console.log(help);
  process.exit(0);
}
const out = resolve(options.out ?? join(root, "build/packages"));
mkdirSync(out, { recursive: true });
const stage = mkdtempSync(join(tmpdir(), "ebalance-pack-"));
try {
  for (const folder of packages) {
    // Types take half a minute; standard output is for the paths alone.
    console.error(`building and packing ${readPackage(folder).name}`);
    console.log(await pack(folder, join(stage, String(packages.indexOf(folder))), out));
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(stage, { recursive: true, force: true });
}
