import fc from "fast-check";
import { expect, test } from "vitest";
import { CsvReader, type CsvForm } from "./csv";

/** The records of a text that comes in pieces, as [line, ...cells]. */
function read(text: string, form: Partial<CsvForm> = {}, pieces = [text.length]): unknown[] {
  const reader = new CsvReader({ delimiter: ",", skip: 0, ...form });
  const records = [];
  let at = 0;
  for (const length of pieces) records.push(...reader.push(text.slice(at, (at += length))));
  records.push(...reader.push(text.slice(at)), ...reader.end());
  return records.map(({ line, cells }) => [line, ...cells]);
}

test.each([
  ["LF, and none at the end", "a,b\n1,2", {}, [[1, "a", "b"], [2, "1", "2"]]],
  ["CRLF, a byte order mark", "\ufeffa,b\r\n1,2\r\n", {}, [[1, "a", "b"], [2, "1", "2"]]],
  ["CR alone", "a\r1\r", {}, [[1, "a"], [2, "1"]]],
  ["blank lines and blank cells", "1\n\n,\n", {}, [[1, "1"], [2, ""], [3, "", ""]]],
  ["comments, and lines that are skipped", "x\n#c,d\n1\n#e\n2", { skip: 1 }, [[3, "1"], [5, "2"]]],
  ["a # inside", "1#2\n \"#\"", {}, [[1, "1#2"], [2, ' "#"']]],
  ["quotes around delimiters and quotes", '"a,b","c ""d""",e', {}, [[1, "a,b", 'c "d"', "e"]]],
  ["quotes around line breaks, which count", '"a\n#b\r\n",c\n1,2', {}, [[1, "a\n#b\n", "c"], [4, "1", "2"]]],
  ["quotes inside a cell, which are text", '5" pipe,6\n', {}, [[1, '5" pipe', "6"]]],
  ["what follows a closing quote", '"a"b,c', {}, [[1, "ab", "c"]]],
  ["a quote that is never closed", '1,2\n"3,4', {}, [[1, "1", "2"], [2, '"3', "4"]]],
  ["semicolons", "1,5;2", { delimiter: ";" }, [[1, "1,5", "2"]]],
])("reads %s", (_what, text, form, records) => {
  expect(read(text, form)).toEqual(records);
  for (let at = 1; at < text.length; at++) expect(read(text, form, [at])).toEqual(records);
});

test("a record without an end is refused by its line, and nothing is gathered", () => {
  const refused = expect.objectContaining({ code: "bad-configuration", message: expect.stringMatching(/^line 3: .*is a quote not closed/) as string }) as Error;
  expect(() => read(`a\nb\n"${"c\n".repeat(40_000)}`)).toThrow(refused);
  expect(() => read(`a\nb\n${"c".repeat(70_000)}`)).toThrow(refused);
});

test("what was quoted comes back, however it is cut into pieces", () => {
  const cell = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", " ", "1", "#", "é") });
  const table = fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(table, fc.array(fc.nat(12), { maxLength: 12 }), (rows, pieces) => {
      const text = rows.map((cells) => cells.map((c) => `"${c.replaceAll('"', '""')}"`).join(",")).join("\n");
      expect(read(text, {}, pieces).map((record) => (record as unknown[]).slice(1))).toEqual(rows);
    }),
  );
});
