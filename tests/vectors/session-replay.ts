/** Runs a session of today's code from the inputs of a vector file: the same nonces, so the same bytes. */
import type { LinkPort } from "../../sdk/core/ports";
import { Names } from "../../sdk/core/model/names";
import { Registry } from "../../sdk/core/model/registry";
import { standardVariables } from "../../sdk/core/model/standard-variables";
import { Session, type Received } from "../../sdk/core/security/session";
import { Operation, type SessionBody } from "../../sdk/core/wire/session-body";
import { carryingSeal } from "../../sdk/core/wire/carry-body";
import { encryptingSeal } from "../../sdk/core/wire/encrypting-seal";
import { portableSeal, type SealPort } from "../../sdk/core/wire/reading-message";
import { parseEnvelope } from "../../sdk/core/wire/session-message";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { fromHex } from "../conformance/case";
import { bodyFromText, type BodyText } from "./body-text";
import type { SessionInputs } from "./vector-file";

/** Real cryptography, given randomness. */
class RepeatableCrypto extends NodeCrypto {
  constructor(private readonly nonce: string) {
    super();
  }

  override random(out: Uint8Array): void {
    out.set(fromHex(this.nonce));
  }
}

/** One end of a session: what a unit has of it. */
export class End {
  readonly names = new Names();
  readonly registry = new Registry(standardVariables);
  readonly session: Session;
  readonly #seal: SealPort;

  constructor(inputs: SessionInputs, id: string) {
    const crypto = new RepeatableCrypto(id === inputs.config.initiator ? inputs.nonces.initiator : inputs.nonces.responder);
    this.#seal = carryingSeal(encryptingSeal(crypto, portableSeal(crypto)), crypto);
    this.session = new Session(inputs.config, id, crypto.importKey(fromHex(inputs.key), "derive"), this.registry, this.names, crypto, this.#seal);
  }

  readonly #link: LinkPort = { name: "vectors", send: () => true, close: () => {} };

  seal(text: BodyText): Uint8Array {
    return this.sealBody(bodyFromText(text, this.names, this.registry));
  }

  /** Seals a body under the sequence that it names; the messages before it are sealed too and let go, as if they had been lost. */
  sealBody(body: SessionBody): Uint8Array {
    while (this.session.nextSequence < body.sequence)
      this.session.seal({ op: Operation.alive, sequence: this.session.nextSequence, timeMs: body.timeMs });
    return this.session.seal(body);
  }

  receive(message: Uint8Array): Received {
    return this.session.receive(this.#seal.parse(message) ?? parseEnvelope(message), this.#link);
  }
}

export interface Replay {
  readonly initiator: End;
  readonly responder: End;
  /** The sealed messages by name. */
  readonly messages: ReadonlyMap<string, Uint8Array>;
}

/** Opens a session and seals every body of the inputs. */
export function replay(inputs: SessionInputs): Replay {
  const initiator = new End(inputs, inputs.config.initiator);
  const responder = new End(inputs, inputs.config.responder);
  const messages = new Map<string, Uint8Array>();
  const open = initiator.session.open();
  const reply = responder.receive(open);
  if (reply.kind !== "reply" || initiator.receive(reply.message).kind !== "opened") throw new Error("the session did not open");
  messages.set("open", open).set("opened", reply.message);
  for (const { name, sender, body } of inputs.bodies) {
    const [from, to] = sender === inputs.config.initiator ? [initiator, responder] : [responder, initiator];
    const message = from.seal(body);
    if (to.receive(message).kind !== "body") throw new Error(`${name} was not accepted`);
    messages.set(name, message);
  }
  return { initiator, responder, messages };
}
