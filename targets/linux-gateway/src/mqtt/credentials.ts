/** Who may connect to the broker. The answer to a wrong name and to a wrong password is the same, takes the same time, and only so many guesses are looked at in a second. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { mqttName } from "ebalance";

export interface MqttClientText {
  /** Unit id. */
  readonly id: string;
  /** See `mqttPassword`. */
  readonly password: string;
}

/** Wrong guesses that are looked at in a second; those beyond wait for the next. */
const maxWrongPerS = 16;
/** Guesses that may wait; beyond that they are wrong. */
const maxWaiting = 256;

export class Credentials {
  readonly #digests = new Map<string, Buffer>();
  readonly #nobody = randomBytes(32);
  readonly #waiting: (() => void)[] = [];
  #wrong = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Adds a client, or gives it another password. @throws EbalanceError `bad-argument` for an id that is no unit's */
  add({ id, password }: MqttClientText): void {
    this.#digests.set(mqttName(id), digest(password));
  }

  remove(id: string): void {
    this.#digests.delete(mqttName(id));
  }

  /** Says, now or within seconds, whether the password is that of the name. */
  check(name: string | undefined, password: Uint8Array | undefined, answer: (right: boolean) => void): void {
    const look = () => {
      const right = timingSafeEqual(this.#digests.get(name ?? "") ?? this.#nobody, digest(password ?? ""));
      if (!right) this.#countWrong();
      answer(right);
    };
    if (this.#wrong < maxWrongPerS) look();
    else if (this.#waiting.length < maxWaiting) this.#waiting.push(look);
    else answer(false);
  }

  /** Nobody is answered any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #countWrong(): void {
    this.#wrong++;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#wrong = 0;
      while (this.#wrong < maxWrongPerS && this.#waiting.length) this.#waiting.shift()!();
    }, 1000);
  }
}

function digest(password: string | Uint8Array): Buffer {
  return createHash("sha256").update(password).digest();
}
