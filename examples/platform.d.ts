/** `ebalance:platform` is the platform that an example is built for: targets/xs-host or targets/linux-gateway. */
declare module "ebalance:platform" {
  import type { DevicePlatform, StreamConnector } from "ebalance/device";
  export const platform: DevicePlatform & {
    readonly readings: {
      /** Share of the processors that is busy, in percent. */
      readonly processorLoad: () => number | undefined;
      /** In °C; undefined where there is no sensor. */
      readonly temperature: () => number | undefined;
    };
    /** Switches the lamp of the board; where there is none, a line on standard output says so. */
    readonly light: (on: boolean) => void;
    /** What stands on the command line after the service. Boards with an ESP32 have none. */
    readonly args: readonly string[];
    /** Streams to `PORT` of this computer or `HOST:PORT`. Without an address the program ends and says how it is called, as it does on the emulated chip, which has no network. Boards with an ESP32 have none yet. */
    readonly streams: (to: string | undefined) => StreamConnector;
  };
}

/** The same for a device with credentials: what it was provisioned with is a credentials file, and it keeps its sessions over a restart. */
declare module "ebalance:certified-platform" {
  import type { CertifiedDevicePlatform } from "ebalance/certified";
  import type { platform as ofKeyFile } from "ebalance:platform";
  export const platform: CertifiedDevicePlatform & Pick<typeof ofKeyFile, "readings" | "light" | "args">;
}
