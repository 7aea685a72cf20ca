// SPDX-License-Identifier: Apache-2.0
// The standard variables on a device are those of a gateway.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { Registry } from "../../sdk/core/model/registry";
import { standardVariables } from "../../sdk/core/model/standard-variables";
import { root } from "../../tests/repository/run";
import { bundle } from "./bundle.mjs";

test("each has the same id, unit, type, range, resolution and writers, and nothing says what it is about", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ebalance-variables-"));
  try {
    const outfile = await bundle(join(root, "sdk/core/model/standard-variables.ts"), { outfile: join(folder, "variables.mjs"), shortNames: true });
    const { standardVariables: onDevice } = (await import(pathToFileURL(outfile).href)) as { standardVariables: typeof standardVariables };
    const known = (variables: typeof standardVariables) => {
      const registry = new Registry(variables);
      return registry.names().map((name) => ({ ...registry.named(name), about: "" }));
    };
    expect(known(onDevice)).toEqual(known(standardVariables));
    expect(Object.values(onDevice).map(({ about }) => about).join("")).toBe("");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
