import { defineConfig } from "tsup";

/** `dist/device.js` is one file without imports, so that a Moddable manifest can name it; `dist/index.js` keeps its dependencies. */
export default defineConfig([
  { entry: { device: "sdk/device.ts" }, format: "esm", target: "es2021", platform: "neutral", dts: true, clean: true },
  { entry: { index: "sdk/index.ts" }, format: "esm", target: "es2021", platform: "neutral", dts: true, clean: false },
]);
