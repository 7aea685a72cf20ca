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
