/** Judges the native crypto port on XS. Arguments: the name of a Wycheproof file, and its path; prints the verdict. */
import { createFullCrypto } from "../../targets/native/crypto/full-crypto";
import { judge, type VectorFile } from "./wycheproof-judge";

const [name, path] = host.args;
const bytes = host.readFile(path!, 1_000_000);
let text = "";
for (let i = 0; i < bytes.length; i += 1000) text += String.fromCharCode(...bytes.subarray(i, i + 1000));

host.print(JSON.stringify(judge(name!, JSON.parse(text) as VectorFile, createFullCrypto(host.crypto!, host.fullCrypto!))));
