/** Keeps a folder to one process, with a name that the kernel lets go of when the process ends, however it ends: nothing stale is left. */
import { statSync } from "node:fs";
import { createServer } from "node:net";
import { EbalanceError } from "ebalance";

/** @returns what lets go of the folder. @throws EbalanceError `bad-configuration` where another process has it */
export function lockFolder(folder: string): Promise<() => void> {
  const { dev, ino } = statSync(folder);
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve, reject) => {
    server.on("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "EADDRINUSE" ? "another process uses it" : error.message;
      reject(new EbalanceError("bad-configuration", "caller", `cannot use the folder ${folder}: ${reason}`));
    });
    // A socket in Linux' abstract namespace: it is no file.
    server.listen({ path: `\0ebalance-store-${dev}-${ino}`, exclusive: true }, () => resolve(() => void server.close()));
  });
}
