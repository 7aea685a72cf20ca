/** What whoever sent a statement is told where it was not taken. */
import { EbalanceError } from "../model/errors";
import { Result, type ResultCode } from "../model/result";
import type { LogPort } from "../ports";

/** The outcome that an error of `StatementVerifier.verify` makes. What is none of its errors is thrown on. */
export function refusalOf(error: unknown, what: string, log: LogPort): ResultCode {
  if (!(error instanceof EbalanceError)) throw error;
  log("warning", `${what} refused: ${error.message}`);
  return error.code === "malformed" ? Result.malformed : error.code === "storage-failed" ? Result.storageFailed : Result.notTrusted;
}
