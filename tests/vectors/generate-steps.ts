/** Prints the steps of the handshakes in handshake-v1.json. README.md has the command, and says when it may be used. */
import credentialFile from "./credential-v1.json";
import type { HandshakeFile } from "./handshake-file";
import { stepsOf, type StepsFile } from "./handshake-steps";
import handshakeFile from "./handshake-v1.json";
import type { CredentialFile } from "./signed-file";

const { handshakes, wireVersion } = handshakeFile as unknown as HandshakeFile;

const file: StepsFile = {
  about: [
    "What lies between the messages of handshake-v1.json, and how the sessions are opened that come of them: sdk/core/wire/handshake.cddl describes it, tests/vectors/README.md this file.",
    "Bytes are in hex. The keys are test keys, never to be used.",
  ],
  wireVersion,
  handshakes: handshakes.map((vector) => stepsOf(vector, credentialFile as unknown as CredentialFile)),
};
console.log(JSON.stringify(file, null, 2));
