import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NobleCrypto } from "../core/security/noble-crypto";
import { mqttPassword } from "./mqtt-identity";
import { mqttGoneTopic, mqttName, mqttTopic, unitOfMqttName } from "./mqtt-topics";

describe("CP-1 units as topics of MQTT", () => {
  test("an id that topics can hold stays as it is", () => {
    expect(mqttTopic(mqttName("home-1"), mqttName("meter_2.a~b"), "up")).toBe("ebalance/1/home-1/meter_2.a~b/up");
    expect(mqttGoneTopic(mqttName("home-1"))).toBe("ebalance/1/home-1/gone");
  });

  test.each([
    ["a/b", "a%2Fb"],
    ["+", "%2B"],
    ["#", "%23"],
    ["$SYS", "%24SYS"],
    ["a:b c%u", "a%3Ab%20c%25u"],
    ["it's (*)!", "it%27s%20%28%2A%29%21"],
    ["Zähler", "Z%C3%A4hler"],
    ["\0", "%00"],
  ])("what a topic, a user name or an access list gives a meaning to is encoded: %s", (id, name) => {
    expect([mqttName(id), unitOfMqttName(name)]).toEqual([name, id]);
  });

  test("every id has one name of bounded length, of harmless characters, and is found again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 16 }), (id) => {
        const name = mqttName(id);
        expect(name).toMatch(/^[A-Za-z0-9\-._~%]{1,192}$/);
        expect(unitOfMqttName(name)).toBe(id);
      }),
    );
  });

  test("no text is the name of two units, and most are nobody's", () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        const unit = unitOfMqttName(name);
        if (unit !== undefined) expect(mqttName(unit)).toBe(name);
      }),
    );
    for (const name of ["%61", "%c3%a4", "a/b", "%", "%zz", "", "x".repeat(65)]) expect(unitOfMqttName(name)).toBeUndefined();
  });

  test.each(["", "x".repeat(65), "\ud800"])("an id that is no text of 1 to 64 bytes is refused", (id) => {
    expect(() => mqttName(id)).toThrow(/1 to 64 bytes/);
  });
});

describe("CP-8 the password of a unit at a broker", () => {
  const crypto = new NobleCrypto(() => {});
  const session = { domain: "street", initiator: "meter", responder: "home" };
  const password = (byte: number, of: typeof session) => mqttPassword(crypto, crypto.importKey(new Uint8Array(32).fill(byte), "derive"), of);

  test("is the same at both ends, and another for every key, domain and pair of units", () => {
    const all = [password(1, session), password(2, session), password(1, { ...session, domain: "grid" }), password(1, { ...session, initiator: "meter2" }), password(1, { ...session, responder: "home2" })];
    expect(password(1, session)).toBe(all[0]);
    expect(new Set(all).size).toBe(all.length);
    expect(all.every((text) => /^[0-9a-f]{64}$/.test(text))).toBe(true);
  });
});
