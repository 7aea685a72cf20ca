/** What a head-end program opens: the files of a stakeholder, and nothing of it gets out but what its module signs. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { CertificateStore, MemoryState } from "ebalance";
import { GridFolder, NodeCrypto, openStakeholder, readPrivateKeys, systemClock } from "@ebalance/gateway";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { bundleForNode, root } from "../../../../scripts/bundles.mjs";

let folder = "";
let kept: ReadonlyMap<string, Buffer>;
const at = (file: string) => join(folder, "grid", file);
const files = ["stakeholder.cwt", "stakeholder.key.json"].map((name) => `stakeholders/customer/${name}`);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ebalance-stakeholder-"));
  const grid = new GridFolder(join(folder, "grid"), { nowS: Math.floor(Date.now() / 1000) });
  grid.root("elm-street");
  for (const name of ["customer", "supplier", "operator"]) grid.stakeholder(name);
  grid.close();
  kept = new Map(files.map((file) => [file, readFileSync(at(file))]));
});
afterEach(() => kept.forEach((bytes, file) => writeFileSync(at(file), bytes, { mode: 0o600 })));
afterAll(() => rmSync(folder, { recursive: true }));

describe("SP-1 the folder of a stakeholder", () => {
  test("opens as the module that holds its key: what that delegates is trusted up to the root, and the key is in no call's result", () => {
    const crypto = new NodeCrypto();
    const customer = openStakeholder(at("stakeholders/customer"), { crypto, state: new MemoryState() });
    const store = new CertificateStore(crypto, systemClock, new Uint8Array(readFileSync(at("root/root.cwt"))));
    store.add(customer.credential.bytes);
    const { issuedS, expiresS, key } = customer.credential;
    expect(store.add(customer.delegate({ subject: "home", key, service: "display", rights: 1, epoch: 0, issuedS, expiresS }))).toMatchObject({ type: "delegation", issuer: "customer", subject: "home" });
    const [digits] = readFileSync(at(files[1]!), "utf8").match(/[0-9a-f]{64}/)!;
    expect(inspect([customer, readPrivateKeys(at(files[1]!))], { depth: 9, showHidden: true })).not.toContain(digits);
    customer.close();
    expect(() => customer.signPolicy({ sequence: 1, entries: [] }, "meter")).toThrow(/have been destroyed/);
  });

  test.each<[string, () => void, RegExp]>([
    ["without a credential", () => rmSync(at(files[0]!)), /customer\/stakeholder\.cwt is not there; make it with ebalance keys stakeholder/],
    ["without a key", () => rmSync(at(files[1]!)), /key file .*stakeholder\.key\.json cannot be read \(ENOENT\)/],
    ["with a root in place of the credential", () => copyFileSync(at("root/root.cwt"), at(files[0]!)), /stakeholder\.cwt is of a root, not of a stakeholder/],
    ["with the key of another", () => copyFileSync(at("stakeholders/supplier/stakeholder.key.json"), at(files[1]!)), /of is supplier, not customer; put it back where it belongs/],
    ["with a key that is not the credential's", () => writeFileSync(at(files[1]!), readFileSync(at("stakeholders/supplier/stakeholder.key.json"), "utf8").replace('"supplier"', '"customer"')), /is not the key of .*stakeholder\.cwt; put the right one in its place/],
  ])("%s is refused with its file", (_what, change, message) => {
    change();
    expect(() => openStakeholder(at("stakeholders/customer"), { crypto: new NodeCrypto() })).toThrow(message);
  });

  const document = /```js\n([\s\S]*?)```/.exec(readFileSync(root("docs/credentials.md"), "utf8"))![1]!;
  const comment = /@example\n( \* import [\s\S]*?) \*\//.exec(readFileSync(root("targets/linux-gateway/src/credentials/stakeholder-folder.ts"), "utf8"))![1]!.replace(/^ \* ?/gm, "");
  test.each([
    ["docs/credentials.md", document, /^a policy of \d+ bytes\na sum of 1100 W from customer and supplier\n$/],
    ["its comment", comment, /^\d+ 1500\n$/],
  ])("the program that %s shows runs as it stands", async (_where, program, printed) => {
    const entry = join(folder, "program.mjs");
    writeFileSync(entry, program);
    const bundle = await bundleForNode(entry, root("build/tests/stakeholder-program.mjs"));
    const { status, stdout, stderr } = spawnSync(process.execPath, [bundle], { cwd: folder, encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(printed);
  });
});
