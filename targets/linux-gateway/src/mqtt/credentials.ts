/**
 * Who may connect to the broker. The answer to a wrong name and to a wrong password is the same and takes the same time. Guesses are not slowed down: a password has
 * 256 bits, and whoever had to wait behind the guesses of others would be a device with the right one.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { mqttName } from "ebalance";

export interface MqttClientText {
  /** Unit id. */
  readonly id: string;
  /** See `mqttPassword`. */
  readonly password: string;
}

/** Who a unit is at the broker of one above. */
export interface MqttAccount {
  readonly self: string;
  readonly parent: string;
  /** Asked for where a broker is on the way. */
  readonly password: () => string;
}

export class Credentials {
  readonly #digests = new Map<string, Buffer>();
  readonly #nobody = randomBytes(32);

  /** Adds a client, or gives it another password. @throws EbalanceError `bad-argument` for an id that is no unit's */
  add({ id, password }: MqttClientText): void {
    this.#digests.set(mqttName(id), digest(password));
  }

  remove(id: string): void {
    this.#digests.delete(mqttName(id));
  }

  /** Whether the password is that of the name. */
  areRight(name: string | undefined, password: Uint8Array | undefined): boolean {
    return timingSafeEqual(this.#digests.get(name ?? "") ?? this.#nobody, digest(password ?? ""));
  }
}

function digest(password: string | Uint8Array): Buffer {
  return createHash("sha256").update(password).digest();
}
