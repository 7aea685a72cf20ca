import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Packages of this workspace are tested from their sources: no build has to come first. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^ebalance$/, replacement: here("sdk/index.ts") },
      { find: /^ebalance\/device$/, replacement: here("sdk/device.ts") },
      { find: /^ebalance\/der$/, replacement: here("sdk/der.ts") },
      { find: /^@ebalance\/gateway$/, replacement: here("targets/linux-gateway/src/index.ts") },
    ],
  },
  test: {
    include: ["{sdk,targets,tests,bench,examples}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    maxWorkers: 2,
    // Ends what hangs. Thousands of runs of a property beside a compiler take several seconds; what must be fast is measured in bench/.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
