import { defineConfig } from "tsup";
import { xsSyntax } from "./targets/xs-host/bundle.mjs";

const common = {
  format: "esm",
  target: "es2021",
  platform: "neutral",
  dts: true,
  // tsup builds all entries at once; one that cleans would take away what another has written.
  clean: false,
  // Lowered, private fields would become WeakMaps at module level, which a preloaded module cannot write to.
  esbuildOptions: (options) => {
    options.supported = { ...xsSyntax };
  },
} satisfies Parameters<typeof defineConfig>[0];

export default defineConfig([
  /** For devices: one module without imports, so that a Moddable manifest can name it. */
  { ...common, entry: { device: "sdk/device.ts" }, noExternal: [/./], splitting: false },
  /** For DER controllers, beside `device`: apart from it so that a sensor stays small. */
  { ...common, entry: { der: "sdk/der.ts" }, noExternal: [/./], splitting: false },
  /** For gateways and services: dependencies stay imports. */
  { ...common, entry: { index: "sdk/index.ts" } },
]);
