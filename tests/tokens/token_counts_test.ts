/** The tokens that answers state. */
import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { STATING, type TokenCounts, tokenCountsIn } from "../../src/tokens/token_counts.ts";

const none: TokenCounts = { input: undefined, cached: undefined, output: undefined };

/** The case that it shows, a statement, and the tokens that it states. */
const STATEMENTS: readonly (readonly [name: string, statement: unknown, counts: TokenCounts | null])[] = [
  [
    "OpenAI, with more cached than there are",
    { usage: { prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 50 }, completion_tokens: 1 } },
    { input: 0, cached: 5, output: 1 },
  ],
  [
    "OpenAI, nothing answered",
    { usage: { prompt_tokens: 5, completion_tokens: 0, total_tokens: 9 } },
    { input: 5, cached: 0, output: 0 },
  ],
  [
    "embeddings",
    { usage: { prompt_tokens: 5, total_tokens: 5 } },
    { input: 5, cached: 0, output: 0 },
  ],
  [
    "a total below the prompt",
    { usage: { prompt_tokens: 5, total_tokens: 3 } },
    { input: 5, cached: 0, output: 0 },
  ],
  [
    "a prompt alone",
    { usage: { prompt_tokens: 5 } },
    { input: 5, cached: 0, output: undefined },
  ],
  [
    "OpenAI responses, told from Anthropic by the details",
    { usage: { input_tokens: 5, input_tokens_details: { cached_tokens: 2 }, output_tokens: 1 } },
    { input: 3, cached: 2, output: 1 },
  ],
  [
    "OpenAI responses, told from Anthropic by the total",
    { response: { usage: { input_tokens: 5, output_tokens: 1, total_tokens: 6 } } },
    { input: 5, cached: 0, output: 1 },
  ],
  [
    "Anthropic, with a cache that was read and written",
    {
      usage: {
        ...{ input_tokens: 5, cache_creation_input_tokens: 3, cache_read_input_tokens: 2 },
        output_tokens: 1,
      },
    },
    { input: 8, cached: 2, output: 1 },
  ],
  [
    "Anthropic, the end of a stream",
    { usage: { cache_creation_input_tokens: null, input_tokens: null, output_tokens: 7 } },
    { ...none, output: 7 },
  ],
  [
    "Anthropic, the beginning of a stream, whose output is that of the first token",
    { message: { usage: { input_tokens: 5, output_tokens: 1 } } },
    { ...none, input: 5 },
  ],
  [
    "Gemini, with thoughts and the prompts of tools",
    {
      usageMetadata: {
        ...{ promptTokenCount: 5, toolUsePromptTokenCount: 4, candidatesTokenCount: 2 },
        ...{ thoughtsTokenCount: 3, totalTokenCount: 14 },
      },
    },
    { input: 9, cached: 0, output: 5 },
  ],
  [
    "Gemini, with a total above what it names",
    { usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 2, totalTokenCount: 10 } },
    { input: 5, cached: 0, output: 5 },
  ],
  [
    "Gemini, thoughts alone",
    { usageMetadata: { promptTokenCount: 5, thoughtsTokenCount: 3 } },
    { input: 5, cached: 0, output: 3 },
  ],
  [
    "Gemini, a total alone",
    { usageMetadata: { promptTokenCount: 5, totalTokenCount: 9 } },
    { input: 5, cached: 0, output: 4 },
  ],
  [
    "Gemini, before it answers",
    { usageMetadata: { promptTokenCount: 5 } },
    { input: 5, cached: 0, output: undefined },
  ],
  [
    "Gemini, with more cached than there are",
    { usageMetadata: { promptTokenCount: 5, cachedContentTokenCount: 9, candidatesTokenCount: 1 } },
    { input: 0, cached: 5, output: 1 },
  ],
  ["Vertex, before its last event", { usageMetadata: { trafficType: "ON_DEMAND" } }, {}],
  ["numbers that are none", { usage: { input_tokens: -1, output_tokens: "7" } }, none],
  ["a usage that is null", { usage: null }, null],
  ["no object", "usage", null],
];

describe("the tokens of a statement", () => {
  for (const [name, statement, counts] of STATEMENTS) {
    it(`are those of ${name}`, () => assertEquals(tokenCountsIn(statement), counts));
    it(`are looked for in the text of ${name} only where it has a usage`, () => {
      for (const indent of [0, 2]) {
        assertEquals(STATING.test(JSON.stringify(statement, null, indent)), counts !== null);
      }
    });
  }
});
