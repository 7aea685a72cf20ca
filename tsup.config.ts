import { defineConfig } from "tsup";
import { forDevice, deviceModules, xsSyntax } from "./targets/xs-host/device-code.mjs";

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

/** For devices: one module without imports, so that a Moddable manifest can name it. */
const forDevices = {
  ...common,
  noExternal: [/./],
  splitting: false,
  esbuildPlugins: [deviceModules],
  plugins: [{ name: "for-device", renderChunk: async (code: string) => ({ code: await forDevice(code, { shortNames: true }) }) }],
} satisfies Parameters<typeof defineConfig>[0];

export default defineConfig([
  { ...forDevices, entry: { device: "sdk/device.ts" } },
  /** For DER controllers, beside `device`: apart from it so that a sensor stays small. */
  { ...forDevices, entry: { der: "sdk/der.ts" } },
  /** For devices whose sessions are encrypted: what `targets/native/manifest-encryption.json` has. */
  { ...forDevices, entry: { encryption: "sdk/encryption.ts" } },
  /** For devices with credentials, in place of `device`: what `targets/native/manifest-certified.json` has. */
  { ...forDevices, entry: { certified: "sdk/certified.ts" } },
  /** The native modules: what `targets/native/manifest.json` has beside their C. */
  { ...forDevices, entry: { native: "targets/native/moddable.ts" } },
  /** What `targets/native/manifest-full-crypto.json` has. */
  { ...forDevices, entry: { "full-crypto": "targets/native/moddable-full-crypto.ts" } },
  /** For gateways and services: dependencies stay imports. */
  { ...common, entry: { index: "sdk/index.ts" } },
]);
