/** Messages that must be refused. Each differs from a good one in one thing, and where it can it has a right tag: nothing else refuses it. */
import { fromHex, toHex } from "../conformance/case";
import { encode, sealPayload } from "./second-opinion";
import type { MessageVector, RefusalReason, RefusalVector, SessionInputs, VectorFile } from "./vector-file";

const opening = ["open", "alive"];

export class Refusals {
  constructor(
    private readonly inputs: SessionInputs,
    private readonly keys: VectorFile["keys"],
    private readonly messages: readonly MessageVector[],
  ) {}

  all(): RefusalVector[] {
    return [...this.#replays(), ...this.#forgeries(), ...this.#envelopes(), ...this.#bodies(), ...this.#policies()];
  }

  #named(name: string): MessageVector {
    return this.messages.find((m) => m.name === name)!;
  }

  #replays(): RefusalVector[] {
    const replay = (name: string, message: string, receiver: string, after: readonly string[], about: string): RefusalVector => ({
      name, about, receiver, after, fault: "replayed", reason: "replayed", authentic: true, message: this.#named(message).message,
    });
    return [
      replay("replayed", "writeInline", "home", [...opening, "writeInline"], "the same message a second time"),
      replay("behind the window", "alive", "home", ["open", "writeInline"], "a sequence more than 31 below the highest, which was never seen"),
      replay("answer replayed", "opened", "meter", ["opened"], "an answer to an opening that was answered"),
    ];
  }

  #forgeries(): RefusalVector[] {
    const { payload, message } = this.#named("writeInline");
    const forged = (name: string, about: string, bytes: string, receiver = "home"): RefusalVector => ({
      name, about, receiver, after: receiver === "home" ? opening : ["opened"], fault: "tag", reason: "notAuthentic", authentic: false, message: bytes,
    });
    const sealed = (key: string, receiver: string, kind: "open" | "session", inputs = this.inputs) =>
      toHex(sealPayload(inputs, key, receiver, kind, fromHex(payload)).message);
    const { toResponder, toInitiator } = this.keys;
    const elsewhere = { ...this.inputs, config: { ...this.inputs.config, domain: "other.example" } };
    return [
      forged("wrong key", "sealed under another key", sealed("ff".repeat(32), "home", "session")),
      forged("key of the other direction", "sealed for the home under the key towards the meter", sealed(toInitiator.key, "home", "session")),
      forged("other receiver", "the right key, but another receiver in the external_aad", sealed(toResponder.key, "meter", "session")),
      forged("other domain", "the right key, but another domain in the external_aad", sealed(toResponder.key, "home", "session", elsewhere)),
      forged("other kind", "the right key, but kind `open` in the external_aad", sealed(toResponder.key, "home", "open")),
      forged("reflected", "a message sent back to the unit that made it", message, "meter"),
      forged("last bit changed", "one bit of the tag", message.slice(0, -1) + (parseInt(message.slice(-1), 16) ^ 1).toString(16)),
      { ...forged("not open", "no session is open", message), after: [], fault: "notOpen", reason: "notOpen" },
    ];
  }

  #envelopes(): RefusalVector[] {
    const good = this.#named("writeInline");
    const [header, payload, tag] = [fromHex(good.protected), fromHex(good.payload), fromHex(good.tag)];
    const withAlgorithm = new Map<number, unknown>([[1, 4], [4, Uint8Array.of(this.inputs.config.kid)]]);
    const size = (payload.length & 0xff).toString(16).padStart(2, "0");
    const malformed = (name: string, fault: string, about: string, message: string) => this.#refusal(name, fault, about, message, false);
    return [
      malformed("trailing byte", "trailing", "a byte after the message", `${good.message}00`),
      malformed("long length", "notShortest", "the length of the payload in three bytes instead of two", once(good.message, `58${size}`, `5900${size}`)),
      malformed("indefinite array", "majorOrLength", "the message as an array of indefinite length", `9f${good.message.slice(2)}ff`),
      malformed("unprotected header", "entries", "the algorithm in the unprotected headers", toHex(encode([header, new Map([[1, 4]]), payload, tag]))),
      malformed("algorithm in the message", "header", "{1: 4, 4: kid} as protected header", toHex(encode([encode(withAlgorithm), new Map(), payload, tag]))),
      malformed("tag cut", "tagLength", "a tag of four bytes", toHex(encode([header, new Map(), payload, tag.subarray(0, 4)]))),
      malformed("tagged", "majorOrLength", "CBOR tag 17 before the message", `d1${good.message}`),
      malformed("cut off", "cutOff", "the last byte is missing", good.message.slice(0, -2)),
    ];
  }

  #bodies(): RefusalVector[] {
    const good = this.#named("writeInline").payload;
    const sequence = "031904d2";
    const time = good.slice(good.indexOf(sequence) + sequence.length, good.indexOf("058186"));
    const value = "1a00157c92";
    const body = (name: string, fault: string, about: string, payload: string) => this.#sealedRefusal(name, fault, about, payload);
    return [
      body("body: trailing byte", "trailing", "a byte after the body, within the payload", `${good}00`),
      body("body: long integer", "notShortest", "sequence 1234 in four bytes", once(good, sequence, "031a000004d2")),
      body("body: unsorted keys", "unsorted", "time before sequence", once(good, sequence + time, time + sequence)),
      body("body: key twice", "unsorted", "sequence twice", once(`a6${good.slice(2)}`, sequence, sequence + sequence)),
      body("body: unknown key", "unknownKey", "key 8, which no operation has", `a6${good.slice(2)}0801`),
      body("body: key missing", "fields", "a write without items", `a4${good.slice(2, good.indexOf("058186"))}`),
      body("body: unknown operation", "operation", "operation 4", once(good, "a50101", "a50104")),
      body("body: too deep", "depth", "arrays nested twenty deep as the value", once(good, value, `${"81".repeat(20)}00`)),
      body("body: float that is an integer", "floatLength", "the value as a double where a single holds it", once(good, value, "fb41357c9200000000")),
      body("body: no such name", "name", "an owner that is not in the list of names", once(good, "1901b50103", "1901b50118ff")),
      body("body: sequence 0", "zero", "sequences begin at 1", once(good, sequence, "0300")),
      body("body: indefinite array", "majorOrLength", "the list of items in indefinite length", `${once(good, "058186", "059f86")}ff`),
    ];
  }

  #policies(): RefusalVector[] {
    const good = this.#named("writeInline").payload;
    const [first, second] = ["83010581820509", "8301190384818204" + "08"];
    const policy = (name: string, fault: string, about: string, payload: string) => this.#sealedRefusal(name, fault, about, payload);
    return [
      policy("policy: entry twice", "policyOrder", "the same entry twice", once(good, second, first)),
      policy("policy: unsorted", "policyOrder", "the longer delay first", once(good, first + second, second + first)),
      policy("policy: grantee twice", "granteeOrder", "the same grantee twice in an entry", once(good, "81820509", "8282050982" + "0509")),
      policy("policy: no right", "right", "an entry with rights 0", once(good, first, "83000581820509")),
      policy("policy: no grantee", "grantee", "an entry for nobody", once(good, first, "83010580")),
      policy("policy: short hash", "hash", "a policy hash of seven bytes", `${good.slice(0, good.indexOf("a20103"))}47${"ab".repeat(7)}`),
    ];
  }

  #sealedRefusal(name: string, fault: string, about: string, payload: string): RefusalVector {
    const message = sealPayload(this.inputs, this.keys.toResponder.key, "home", "session", fromHex(payload)).message;
    return this.#refusal(name, fault, about, toHex(message), true);
  }

  #refusal(name: string, fault: string, about: string, message: string, authentic: boolean): RefusalVector {
    const reason: RefusalReason = "malformed";
    return { name, about, receiver: "home", after: opening, fault, reason, authentic, message };
  }
}

/** Replaces what must occur exactly once. */
function once(hex: string, from: string, to: string): string {
  if (hex.split(from).length !== 2) throw new Error(`${from} is not once in ${hex}`);
  return hex.replace(from, to);
}
