/** The JSON values in the ends of a body. */
import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { statementsIn } from "../../src/tokens/statements.ts";

describe("the statements of a stream", () => {
  it("have an event that lost its beginning if its end is there", () => {
    const ends = { first: "data: 1\n\n", last: 'lost","usage":{"total_tokens":9}}' };
    const found = (isWhole: boolean) => statementsIn(ends, isWhole).filter((each) => each !== undefined);
    assertEquals(found(true), [1, { usage: { total_tokens: 9 } }]);
    assertEquals(found(false), [1]);
  });
});
