/** Runs the session of carry-v1.json with today's code. */
import { carriedFromText, type CarryInputs } from "./carry-file";
import { End } from "./session-replay";
import type { StatementFile } from "./signed-file";
import statementFile from "./statement-v1.json";
import type { Protection } from "../../sdk/core/security/session-config";
import type { SessionInputs } from "./vector-file";

export const { statements } = statementFile as unknown as StatementFile;

export function withProtection(inputs: CarryInputs, protection: Protection): SessionInputs {
  return { ...inputs, config: protection === "encrypt" ? { ...inputs.config, protection } : inputs.config, bodies: [] };
}

/** Opens a session and seals every body of the inputs. @returns the messages by name */
export function replayCarried(inputs: CarryInputs, protection: Protection): ReadonlyMap<string, Uint8Array> {
  const session = withProtection(inputs, protection);
  const [home, above] = [new End(session, session.config.initiator), new End(session, session.config.responder)];
  const open = home.session.open();
  const reply = above.receive(open);
  if (reply.kind !== "reply" || home.receive(reply.message).kind !== "opened") throw new Error("the session did not open");
  const messages = new Map([["open", open], ["opened", reply.message]]);
  for (const { name, sender, body } of inputs.bodies) {
    const [from, to] = sender === session.config.initiator ? [home, above] : [above, home];
    const message = from.sealBody(carriedFromText(body, statements));
    if (to.receive(message).kind !== "body") throw new Error(`${name} was not accepted`);
    messages.set(name, message);
  }
  return messages;
}
