/**
 * Stands in for what an ESP32 has of its vendor, over the test host: the modules that targets/esp32 imports, the functions that the vendor's compiler binds, and a network that
 * is there at the second try. It does what the vendor's modules are documented to do and nothing more; it shows that the board's own code works, not that the vendor's does.
 * Argument of the script: a JSON file of what the board was provisioned with.
 */
interface Natives {
  native?: (name: string) => unknown;
  trace?: (text: string) => void;
}

const { crypto, seal, samples, flash } = host;
const natives: Readonly<Record<string, unknown>> = {
  ebCryptoImportKey: crypto!.importKey,
  ebCryptoDeriveKey: crypto!.deriveKey,
  ebCryptoDestroyKey: crypto!.destroyKey,
  ebCryptoMac: crypto!.mac,
  ebCryptoVerifyMac: crypto!.verifyMac,
  ebCryptoSha256: crypto!.sha256,
  ebCryptoRandom: crypto!.random,
  ebSealReading: seal!.sealReading,
  ebSealVerify: seal!.verify,
  ebSealParse: seal!.parse,
  ebSealRead: seal!.read,
  ebSamplesWriteWhole: samples.writeWhole,
  ebSamplesCrc: samples.crc,
  ebSamplesFind: samples.find,
  ebSamplesSurvey: samples.survey,
  ebSamplesSummarise: samples.summarise,
  ebFlashPortSize: flash.size,
  ebFlashPortRead: flash.read,
  ebFlashPortProgram: flash.program,
  ebFlashPortErase: flash.erase,
  ebProcessorLoad: () => 42,
  ebTemperature: () => undefined,
};
(globalThis as Natives).native = (name) => natives[name];
(globalThis as Natives).trace = (text) => host.printError(text.trimEnd());

export const config = { sntp: "time.example", lampPin: 2 };

export class Digital {
  static readonly Output = 8;
  constructor(private readonly options: { pin: number; mode: number }) {}
  write(value: number): void {
    host.print(`pin ${this.options.pin} ${value}`);
  }
}

/** Read as NVS is: an entry that is not there is undefined. */
export const keyValue = {
  open({ path, format }: { path: string; format: string }) {
    if (path !== "ebalance" || format !== "string") throw new Error("invalid");
    const bytes = host.readFile(host.args[0]!, 8192);
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    const entries = JSON.parse(text) as Record<string, string>;
    return { read: (key: string) => entries[key], close() {} };
  },
};

export const Timer = {
  set: (callback: () => void, ms: number) => ({ id: host.setTimer(ms, false, callback) }),
  clear: (timer: { id: number }) => host.clearTimer(timer.id),
};

/** The ticks of the vendor have 32 bits: here they begin again after two seconds. */
export const Time = {
  get ticks() {
    return (host.monotonicMs() - startMs + 0xffff_ffff - 2000) | 0;
  },
  delta: (start: number, end: number) => (end - start) | 0,
  set: (seconds: number) => host.print(`clock set, ${Math.abs(seconds - host.wallMs() / 1000) < 2 ? "right" : "wrong"}`),
};
let startMs = 0;
let attempts = 0;
let hasNetwork = false;

export class WiFi {
  connection = 200;
  constructor(private readonly options: { onChanged: (property: string) => void }) {
    startMs = host.monotonicMs();
  }
  connect({ SSID, password }: { SSID: string; password?: string }): void {
    attempts += 1;
    host.print(`Wi-Fi ${SSID} ${password}`);
    this.#become(300);
    host.setTimer(20, false, () => this.#become(attempts === 1 ? 200 : 500));
  }
  #become(connection: number): void {
    this.connection = connection;
    hasNetwork = connection === 500;
    if (connection !== 300) this.options.onChanged("connection");
  }
}

export class SNTP {
  static readonly time = 1;
  static readonly error = -1;
  constructor({ host: server }: { host: string }, callback: (message: number, value?: number) => void) {
    host.print(`asks ${server}`);
    host.setTimer(1500, false, () => callback(SNTP.time, Math.round(host.wallMs() / 1000)));
  }
}

interface TCPOptions {
  readonly address: string;
  readonly port: number;
  readonly onReadable: (bytes: number) => void;
  readonly onWritable: (bytes: number) => void;
  readonly onError: () => void;
}

const sendBufferBytes = 5744;

export class TCP {
  readonly #id: number;
  #came = new ArrayBuffer(0);

  constructor({ address, port, onReadable, onWritable, onError }: TCPOptions) {
    if (!hasNetwork) throw new Error("no network");
    this.#id = host.connect(
      address,
      port,
      (data) => {
        if (!data) return onError();
        this.#came = data.slice().buffer as ArrayBuffer;
        onReadable(data.length);
      },
      () => onWritable(sendBufferBytes),
    );
  }
  read(): ArrayBuffer {
    return this.#came;
  }
  write(bytes: Uint8Array): void {
    if (host.send(this.#id, bytes, bytes.length) !== bytes.length) throw new Error("would block");
  }
  close(): void {
    host.close(this.#id);
  }
}
