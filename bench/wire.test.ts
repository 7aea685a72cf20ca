import { afterEach, expect, test, vi } from "vitest";
import statements from "../tests/vectors/statement-v1.json";
import encrypted from "../tests/vectors/session-encrypted-v1.json";
import vectors from "../tests/vectors/session-v1.json";
import { main } from "./run";
import { wire } from "./wire";

const statementBytes = (name: string) => statements.statements.find((s) => s.name === name)!.bytes;
const vectorBytes = (name: string) => vectors.messages.find((m) => m.name === name)!.message.length / 2;

afterEach(() => vi.restoreAllMocks());

/** Runs the command; what it would write to standard output and standard error. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out = vi.spyOn(console, "log").mockImplementation(() => {});
  const err = vi.spyOn(console, "error").mockImplementation(() => {});
  const code = await main(args, "not-written.md", () => Promise.reject(new Error("it has no programs")));
  const text = (spy: typeof out) => spy.mock.calls.map((call) => String(call[0])).join("\n");
  return { code, out: text(out), err: text(err) };
}

test("bench wire gives one line of JSON with every figure, or why it is missing", async () => {
  const { code, out } = await run("wire", "--json", "--rounds", "3");
  expect(code).toBe(0);
  expect(out).not.toContain("\n");
  const { bench, figures, missing, machine } = JSON.parse(out);
  expect(bench).toBe("wire");
  expect(missing).toEqual({});
  expect([...Object.keys(figures), ...Object.keys(missing)].sort()).toEqual(wire.figures.map((f) => f.name).sort());
  expect(machine).toMatchObject({ node: process.versions.node, cores: expect.any(Number) });
  for (const name of ["encode_ratio_cborx", "decode_ratio_cborx"]) expect(figures[name]).toBeGreaterThan(0.01);
});

test("the byte figures are the lengths of the published vectors, and within their targets", () => {
  const { figures } = wire.run({ rounds: 1 });
  const bytes = Object.fromEntries(Object.entries(figures).filter(([name]) => name.includes("_bytes")));
  expect(bytes).toEqual({
    write_session_inline_bytes: vectorBytes("writeInline"),
    write_session_ref_bytes: vectorBytes("writeRef"),
    write_encrypted_ref_bytes: encrypted.messages.find((m) => m.name === "writeRef")!.bytes,
    notify_session_bytes: vectorBytes("notify"),
    statement_1_bytes: statementBytes("data1"),
    statement_64_bytes_per_item: statementBytes("data64") / 64,
  });
  for (const { name, target } of wire.figures) if (name in bytes && target) expect(bytes[name], name).toBeLessThanOrEqual(target.value);
});

test("the table shows value, target and ratio", async () => {
  const { code, out } = await run("wire", "--rounds", "1");
  expect(code).toBe(0);
  expect(out).toMatch(/^write_session_inline_bytes +71 +≤ 76 +0\.934 +yes$/m);
  expect(out).toMatch(/^statement_1_bytes +178 +≤ 190 +0\.937 +yes$/m);
});

test("an unknown bench, none, and a bad option end with 2 and name what there is", async () => {
  for (const args of [["speed"], [], ["wire", "grid"]]) expect(await run(...args)).toMatchObject({ code: 2, err: expect.stringContaining("benches: wire, security, gateway, device, all") });
  expect(await run("wire", "--rounds", "0")).toMatchObject({ code: 2, err: expect.stringContaining("--rounds 0") });
  expect((await run("--quick")).code).toBe(2);
  expect(await run("--help")).toMatchObject({ code: 0, out: expect.stringContaining("examples:") });
});
