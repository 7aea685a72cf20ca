// Loaded into a process of Node before its program: SIGUSR2 puts its wall clock three hours forward, SIGWINCH three hours back. Its monotonic clock goes on as it is.
const jumpMs = 3 * 3_600_000;
const now = Date.now;
let offsetMs = 0;
Date.now = () => now() + offsetMs;
process.on("SIGUSR2", () => (offsetMs += jumpMs));
process.on("SIGWINCH", () => (offsetMs -= jumpMs));
