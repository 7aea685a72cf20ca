import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readKeyFile, readSecretText } from "./read-key-file";

const folder = mkdtempSync(join(tmpdir(), "ebalance-key-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const key = "0123456789abcdef".repeat(4);
const good = JSON.stringify({
  type: "ebalance-session-key", version: 1, kid: 1, domain: "grid", initiator: "meter", responder: "home", owner: "customer",
  names: ["meter", "home", "customer", "sensor"], sources: [{ device: "meter", service: "sensor", stakeholder: "customer" }], key,
});

function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function refused(path: string): string {
  try {
    readKeyFile(path);
  } catch (error) {
    expect(error).toMatchObject({ name: "EbalanceError", code: "bad-configuration", fault: "caller" });
    expect((error as Error).message).toContain(path);
    expect((error as Error).message).not.toContain(key.slice(0, 8));
    return (error as Error).message;
  }
  throw new Error(`${path} was accepted`);
}

describe("SP-5 reading a key file from disk", () => {
  test.each([0o600, 0o400, 0o700])("takes one that its owner alone can read: mode %o", (mode) => {
    expect(readKeyFile(file(`mode-${mode}`, good, mode)).session.initiator).toBe("meter");
  });

  test.each([0o644, 0o640, 0o604, 0o660, 0o620, 0o610, 0o601, 0o777])("refuses one that others can use, naming mode and remedy: mode %o", (mode) => {
    const message = refused(file(`open-${mode}`, good, mode));
    expect(message).toContain(mode.toString(8));
    expect(message).toContain("chmod 600");
  });

  test("looks at the file behind a link, not at the link", () => {
    const link = join(folder, "link");
    symlinkSync(file("behind", good, 0o644), link);
    expect(refused(link)).toContain("644");
  });

  test("names what is missing, is a folder, or has no key file's text", () => {
    expect(refused(join(folder, "missing.json"))).toContain("ENOENT");
    mkdirSync(join(folder, "folder"), { mode: 0o700 });
    expect(refused(join(folder, "folder"))).toContain("is not a file");
    expect(refused(file("text", "hello"))).toContain("is not JSON");
    expect(refused(file("cut", good.slice(0, -3)))).toContain("is not JSON");
  });

  test("reads files of at most 1048576 bytes", () => {
    expect(readSecretText(file("largest", "x".repeat(1_048_576))).length).toBe(1_048_576);
    expect(refused(file("too-large", "x".repeat(1_048_577)))).toContain("1048577");
  });
});
