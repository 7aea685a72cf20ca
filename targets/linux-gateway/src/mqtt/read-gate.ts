/**
 * Holds back what a socket has received. aedes reads whenever the socket is readable, whether or not the messages before were acknowledged, and its own pause loses
 * count of them; a read that gives nothing leaves the bytes where they are, and the peer's window closes.
 */
import type { Socket } from "node:net";

export class ReadGate {
  #timer: NodeJS.Timeout | undefined;

  /** @param staysShut asked before the gate is opened again */
  constructor(
    private readonly socket: Socket,
    private readonly staysShut: () => boolean,
  ) {
    const read = socket.read.bind(socket) as (size?: number) => unknown;
    socket.read = (size?: number) => (this.#timer !== undefined && size !== 0 ? null : read(size));
  }

  /** Gives nothing for a time, and as long as it has to stay shut after that. */
  shutFor(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.staysShut()) this.shutFor(ms);
      else this.socket.emit("readable");
    }, ms);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
