// The Moddable SDK of this machine: where its command line tools are.
import { existsSync } from "node:fs";
import { join } from "node:path";

export const moddable = process.env.MODDABLE ?? "";
export const tools = join(moddable, "build/bin/lin/release");

const areBuilt = ["mcconfig", "xsc", "xsid", "xsl"].every((tool) => existsSync(join(tools, tool)));

/** Why nothing can be built with them; "" where it can. */
export const noModdableReason = !moddable ? "MODDABLE is not set to a Moddable SDK" : areBuilt ? "" : `no command line tools in ${tools}: build those of the SDK in MODDABLE`;
