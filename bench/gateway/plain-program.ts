/** The broker of the gateway with nothing behind it: it takes messages of whoever comes and acknowledges each. */
import { createServer, type AddressInfo } from "node:net";
import { closedAedes } from "../../targets/linux-gateway/src/mqtt/closed-aedes";
import { serve } from "./program";
import { usage } from "./usage";

let messages = 0;
const aedes = closedAedes({
  preConnect: (_client, _packet, done) => done(null, true),
  authenticate: (_client, _username, _password, done) => done(null, true),
  authorizePublish: (_client, _packet, done) => {
    messages++;
    done();
  },
  authorizeSubscribe: (_client, subscription, done) => done(null, subscription),
  authorizeForward: () => null,
});

serve({
  /** @returns the port that it listens on */
  open: async () => {
    await aedes.listen();
    const server = createServer((socket) => {
      socket.setNoDelay(true);
      aedes.handle(socket);
    });
    return await new Promise<number>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, () => resolve((server.address() as AddressInfo).port)));
  },
  usage: () => usage(messages),
});
