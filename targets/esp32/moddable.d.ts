// SPDX-License-Identifier: Apache-2.0
// What board.ts and network.ts use of the vendor's modules, so that they can be checked without the vendor's SDK; with it they are checked against its own typings.

declare function trace(text: string): void;

declare module "embedded:io/digital" {
  export default class Digital {
    static readonly Output: number;
    constructor(options: { pin: number; mode: number });
    write(value: 0 | 1): void;
  }
}

declare module "embedded:io/socket/tcp" {
  export default class TCP {
    constructor(options: { address: string; port: number; nodelay?: boolean; onReadable?: () => void; onWritable?: (bytes: number) => void; onError?: () => void });
    read(): number | ArrayBuffer | undefined;
    write(bytes: Uint8Array): void;
    close(): void;
  }
}

declare module "embedded:network/interface/wifi" {
  export default class WiFi {
    constructor(options: { onChanged?: (property: "connection" | "address") => void });
    /** 200 not connected, 300 connecting, 400 connected, 500 with an address. */
    readonly connection: number;
    connect(options: { SSID: string; password?: string }): void;
  }
}

declare module "embedded:storage/key-value" {
  const keyValue: { open(options: { path: string; mode: "r"; format: "string" }): { read(key: string): ArrayBuffer | string | number | bigint | undefined; close(): void } };
  export default keyValue;
}

declare module "mc/config" {
  const config: Readonly<Record<string, unknown>>;
  export default config;
}

declare module "sntp" {
  export default class SNTP {
    static readonly time: 1;
    static readonly retry: 2;
    static readonly error: -1;
    constructor(options: { host: string }, callback: (message: 1 | 2 | -1, seconds?: number) => void);
  }
}

declare module "time" {
  const Time: { readonly ticks: number; delta(start: number, end: number): number; set(seconds: number): void };
  export default Time;
}

declare module "timer" {
  export default class Timer {
    static set(callback: () => void, ms: number): Timer;
    static clear(timer: Timer): void;
  }
}
