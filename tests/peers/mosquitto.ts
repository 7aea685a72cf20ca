/** mosquitto, the broker that most have, as a process of its own; and its command-line clients. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mosquittoAccess, mosquittoConfig, mosquittoPasswords, type MqttClientText } from "@ebalance/gateway";

const found = (program: string) => !spawnSync(program, ["-h"]).error;

/** Why there is no mosquitto here, or "". Debian puts it where not everybody looks. */
const program = ["mosquitto", "/usr/sbin/mosquitto"].find(found);
export const noMosquittoReason = program && found("mosquitto_pub") ? "" : "no mosquitto here: apt-get install mosquitto mosquitto-clients";

export class Mosquitto {
  readonly #folder = mkdtempSync(join(tmpdir(), "ebalance-mosquitto-"));
  #process: ChildProcess | undefined;
  #port = 0;

  /** @param gateway id of the unit whose children the others are */
  constructor(gateway: string, clients: readonly MqttClientText[]) {
    this.#write("acl", mosquittoAccess(gateway));
    this.#write("passwords", mosquittoPasswords(clients));
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Starts it, at the same port every time. */
  async start(): Promise<void> {
    this.#port ||= await freePort();
    const place = (name: string) => join(this.#folder, name);
    const config = mosquittoConfig({ host: "127.0.0.1", port: this.#port, accessFile: place("acl"), passwordFile: place("passwords") });
    // Started as root it would become another user, who can read none of these files.
    this.#write("conf", process.getuid?.() === 0 ? `${config}user root\n` : config);
    const child = (this.#process = spawn(program!, ["-c", place("conf")], { stdio: ["ignore", "ignore", "pipe"] }));
    let said = "";
    child.stderr!.on("data", (chunk: Buffer) => (said += chunk.toString()));
    while (!(await answers(this.#port))) if (child.exitCode !== null) throw new Error(`mosquitto has ended: ${said}`);
  }

  /** Kills it, as if its computer had failed. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#folder, name), text, { mode: 0o600 });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const end = (answered: boolean) => {
      socket.destroy();
      setTimeout(() => resolve(answered), answered ? 0 : 20);
    };
    socket.once("connect", () => end(true)).once("error", () => end(false));
  });
}
