/** What is wrong with a configuration, in words that name the place, the value and what would be accepted. */
import type { z } from "zod";

const most = 5;

/** The first few problems, a line each where there are several. */
export function issuesOf(error: z.ZodError): string {
  const lines = error.issues.slice(0, most).map((issue) => `${issue.path.join(".") || "the file"}: ${issue.message}`);
  const more = error.issues.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join("\n  ");
}
