/** What is wrong with a configuration, in words that name the place, the value and what would be accepted. */
import type { z } from "zod";

const most = 5;

type Issue = z.core.$ZodIssue;

/** The first few problems, a line each where there are several. */
export function issuesOf(error: z.ZodError): string {
  const issues = error.issues.flatMap((issue) => flat(issue));
  const lines = issues.slice(0, most).map((issue) => `${issue.path.join(".") || "the file"}: ${issue.message}`);
  const more = issues.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join("\n  ");
}

/** Of several forms that something may have, the one that was meant: it gets furthest. */
function flat(issue: Issue): Issue[] {
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [issue];
  const depth = (issues: readonly Issue[]) => Math.max(...issues.map(({ path }) => path.length));
  const meant = issue.errors.reduce((best, one) => (depth(one) > depth(best) ? one : best));
  if (depth(meant) <= 1) {
    const forms = issue.errors.flatMap((one) => one.filter(({ code }) => code === "invalid_type").map(({ path }) => path.join(".")));
    return [{ ...issue, message: `is none of ${[...new Set(forms)].join(", ")}` }];
  }
  return meant.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}
