import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { granteeId, granteeService, granteeStakeholder, Names } from "./names";

const badArgument = (part: string) => expect.objectContaining({ code: "bad-argument", message: expect.stringContaining(part) as string });

describe("names of units, services and stakeholders", () => {
  test("the same text has the same id, another text another, and the id gives the text back", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1, maxLength: 16 }), { maxLength: 40, size: "max" }), (texts) => {
        const names = new Names();
        const ids = texts.map((text) => names.id(text));
        expect(new Set(ids).size).toBe(new Set(texts).size);
        texts.forEach((text, i) => expect([names.text(ids[i]!), names.id(text), names.find(text)]).toEqual([text, ids[i], ids[i]]));
      }),
    );
  });

  test("a name has 1 to 64 bytes of UTF-8", () => {
    const names = new Names();
    expect(names.id("x".repeat(64))).toBe(0);
    expect(names.id("ü".repeat(32))).toBe(1);
    for (const wrong of ["", "x".repeat(65), "ü".repeat(33), "\ud800"]) expect(() => names.id(wrong)).toThrow(badArgument("1 to 64 bytes"));
    for (const wrong of [undefined, null, 5, {}]) expect(() => names.id(wrong as unknown as string)).toThrow(badArgument("1 to 64 bytes"));
  });

  test("a refused or looked-up name is not kept", () => {
    const names = new Names();
    expect(names.find("nobody")).toBeUndefined();
    expect(() => names.id("")).toThrow();
    expect(names.id("first")).toBe(0);
    expect(() => names.text(1)).toThrow(badArgument("no name has id 1"));
  });

  test("the table ends at 32768 names, and those that are there still work", () => {
    const names = new Names();
    for (let i = 0; i < 32768; i++) names.id(`n${i}`);
    expect(() => names.id("one more")).toThrow(badArgument("32768"));
    expect(names.id("n32767")).toBe(32767);
  });

  test("a pair of stakeholder and service is one small integer that gives both back", () => {
    const id = fc.integer({ min: 0, max: 32767 });
    fc.assert(
      fc.property(id, id, (stakeholder, service) => {
        const grantee = granteeId(stakeholder, service);
        expect([granteeStakeholder(grantee), granteeService(grantee)]).toEqual([stakeholder, service]);
        expect(grantee).toBeLessThan(2 ** 30);
      }),
    );
  });
});
