/** The JSON values in the ends of a body. */
import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { statementsIn } from "../../src/tokens/statements.ts";
import { STATING } from "../../src/tokens/token_counts.ts";

describe("the statements of a stream", () => {
  it("have an event that lost its beginning if its end is there", () => {
    const ends = { first: "data: 1\n\n", last: 'lost","usage":{"total_tokens":9}}' };
    const found = (isWhole: boolean) => statementsIn(ends, isWhole).filter((each) => each !== undefined);
    assertEquals(found(true), [1, { usage: { total_tokens: 9 } }]);
    assertEquals(found(false), [1]);
  });

  it("are the data of its events, whatever ends its lines, and whether the last one has an end", () => {
    const inText = (text: string) => statementsIn({ first: text, last: null }, true);
    for (const end of ["\n", "\r\n", "\r"]) {
      const text = [
        ": hello",
        'data: {"a":1}',
        "",
        "event: b",
        'data:{"b":',
        "data: 2}",
        "",
        'data: {"c":3}',
      ];
      assertEquals(inText(text.join(end)), [{ a: 1 }, { b: 2 }, { c: 3 }], JSON.stringify(end));
    }
    // Lines of one event are joined by a newline, which no number holds.
    assertEquals(inText('data: {"a":1\ndata:2}\n\n'), [undefined]);
  });

  it("are the wanted ones of its events and lines", () => {
    const text = 'data: {"a":1}\n\ndata: {"b":2}\n\n{"c":3}\n{"b":4}\n';
    assertEquals(statementsIn({ first: text, last: null }, true, /b/), [{ b: 2 }, { b: 4 }]);
    const ends = { first: text, last: `"lost"}\n\n${text}` };
    assertEquals(statementsIn(ends, true, /b/), [{ b: 2 }, { b: 4 }, {}, { b: 2 }, { b: 4 }]);
  });

  it("are the wanted ones, whatever ends the lines before them, and wherever the lines of their data are cut", () => {
    const inText = (text: string) => statementsIn({ first: text, last: null }, true, STATING);
    const ends = ["\n", "\r\n", "\r"];
    const stated = { usage: { total_tokens: 9 } };
    for (const end of ends) {
      for (const other of ends) {
        const before = `data: {"a":1}${end}${end}data: {"usage":null}${other}${other}`;
        for (
          const data of [
            '{"usage":{"total_tokens":9}}',
            `{"usage"${end}data: :${end}data:{"total_tokens":9}}`,
          ]
        ) {
          for (const after of ["", end, `${other}${other}data: {"usage":null}`]) {
            const text = `${before}event: b${end}data: ${data}${after}`;
            assertEquals(inText(text), [stated], JSON.stringify(text));
            assertEquals(inText(`${text}${end}${end}${text}`), [stated, stated]);
          }
        }
      }
    }
    assertEquals(inText('data: {"usage":null}\n\n'), []);
  });

  it("are a document, a list of them, or its lines", () => {
    const inText = (text: string) => statementsIn({ first: text, last: null }, true);
    assertEquals(inText(' \n{"a":\n[1]}\n'), [{ a: [1] }]);
    assertEquals(inText('[{"a":1},{"b":2}]'), [{ a: 1 }, { b: 2 }]);
    assertEquals(inText('{"a":1}\n{"b":2}\n'), [{ a: 1 }, { b: 2 }]);
  });

  it("have no end of a document that was cut off", () => {
    const ends = { first: '{"text":"', last: 'lost","usage":{"total_tokens":9}}' };
    assertEquals(statementsIn(ends, true), [{ usage: { total_tokens: 9 } }]);
    assertEquals(statementsIn(ends, false), []);
  });
});
