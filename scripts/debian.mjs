// Installs Debian packages where this user may; names the one command where not.
import { spawnSync } from "node:child_process";

function succeeds(command, args, stdio = "ignore") {
  return spawnSync(command, args, { stdio }).status === 0;
}

function isInstalled(name) {
  const { status, stdout } = spawnSync("dpkg-query", ["-W", "-f", "${Status}", name], { encoding: "utf8" });
  return status === 0 && stdout.endsWith("install ok installed");
}

/** How this user becomes root: not at all, with sudo, or undefined where it cannot without a password. */
function becomeRoot() {
  if (process.getuid() === 0) return [];
  return succeeds("sudo", ["-n", "true"]) ? ["sudo", "-n"] : undefined;
}

/** Installs what is missing of these packages. Tests that need what cannot be installed name it themselves. */
export function setUpDebian(names) {
  const missing = succeeds("dpkg-query", ["--version"]) ? names.filter((name) => !isInstalled(name)) : names;
  if (missing.length === 0) return;
  const install = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  const asRoot = becomeRoot();
  if (!asRoot || !succeeds("apt-get", ["--version"])) {
    console.log(`Some tests need Debian packages that are missing here. As root: ${install}`);
    return;
  }
  console.log(`Installing ${missing.join(", ")} …`);
  const [command, ...args] = [...asRoot, "sh", "-c", install];
  if (!succeeds(command, args, ["ignore", "ignore", "inherit"])) console.log(`That failed. As root: ${install}`);
}
