import { describe, expect, test } from "vitest";
import { badArgument, EbalanceError, malformed } from "./errors";
import { lastResultCode, Result, resultName, type ResultCode } from "./result";

describe("errors", () => {
  test("an error says its code and who can mend it, and is an Error", () => {
    const error = new EbalanceError("too-large", "caller", "payload of 2000 bytes");
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.code, error.fault, error.message]).toEqual(["EbalanceError", "too-large", "caller", "payload of 2000 bytes"]);
    expect(error.stack).toContain("payload of 2000 bytes");
  });

  test("the caller is at fault for an argument, the peer for what it sent", () => {
    expect(() => badArgument("a")).toThrow(expect.objectContaining({ code: "bad-argument", fault: "caller", message: "a" }));
    expect(() => malformed("b")).toThrow(expect.objectContaining({ code: "malformed", fault: "peer", message: "b" }));
  });
});

test("DI-12 the result codes are dense, and each has the name under which it is documented", () => {
  const codes = Object.values(Result);
  expect(codes).toEqual(codes.map((_, i) => i));
  expect(lastResultCode).toBe(codes.length - 1);
  for (const [name, code] of Object.entries(Result)) expect(resultName(code as ResultCode)).toBe(name);
});
