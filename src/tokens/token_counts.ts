/**
 * The tokens that an answer took, in the forms of the models' providers.
 *
 * @module
 */

/** Tokens that one answer took. Undefined: not stated. */
export interface TokenCounts {
  /** Tokens of the prompt that were read from no cache. */
  readonly input?: number | undefined;
  /** Tokens of the prompt that were read from a cache: beside `input`, not part of it. */
  readonly cached?: number | undefined;
  /** Tokens of the answer, reasoning included. */
  readonly output?: number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? value as Fields : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** OpenAI: the cached tokens are part of the input, reasoning is part of the output. Embeddings have no output. */
function ofOpenAi(input: number, details: unknown, output: unknown, total: unknown): TokenCounts {
  const cached = Math.min(input, count(fieldsOf(details)?.cached_tokens) ?? 0);
  const rest = count(total);
  return {
    input: input - cached,
    cached,
    output: count(output) ?? (rest === undefined ? rest : Math.max(0, rest - input)),
  };
}

/** The parts of an input of Anthropic's, as far as they are stated. Each event of a stream may leave out any of them. */
export interface InputParts {
  uncached?: number | undefined;
  /** Tokens written to the cache. */
  written?: number | undefined;
}

/** Anthropic: the tokens read from the cache, and those written to it, are beside the input. */
function ofAnthropic(usage: Fields, parts: InputParts): TokenCounts {
  parts.uncached = count(usage.input_tokens) ?? parts.uncached;
  parts.written = count(usage.cache_creation_input_tokens) ?? parts.written;
  return {
    input: parts.uncached === undefined ? undefined : parts.uncached + (parts.written ?? 0),
    cached: count(usage.cache_read_input_tokens),
    output: count(usage.output_tokens),
  };
}

/** Gemini: the cached tokens are part of the prompt; thoughts and the prompts of tools are beside answer and prompt. */
function ofGemini(usage: Fields): TokenCounts {
  const of = (name: string): number => count(usage[name]) ?? 0;
  // Events of Vertex before the last have such an object without counts.
  if (count(usage.promptTokenCount) === undefined) return {};
  const input = of("promptTokenCount") + of("toolUsePromptTokenCount");
  const cached = Math.min(input, of("cachedContentTokenCount"));
  const answer = count(usage.candidatesTokenCount) ?? count(usage.thoughtsTokenCount);
  const total = count(usage.totalTokenCount);
  const output = Math.max(of("candidatesTokenCount") + of("thoughtsTokenCount"), (total ?? 0) - input);
  return { input: input - cached, cached, output: (answer ?? total) === undefined ? undefined : output };
}

function ofUsage(usage: Fields, parts: InputParts): TokenCounts {
  const { prompt_tokens, input_tokens, total_tokens, output_tokens } = usage;
  const prompt = count(prompt_tokens);
  if (prompt !== undefined) {
    return ofOpenAi(prompt, usage.prompt_tokens_details, usage.completion_tokens, total_tokens);
  }
  const input = count(input_tokens);
  const isOpenAi = input !== undefined && (total_tokens ?? usage.input_tokens_details) !== undefined;
  return isOpenAi
    ? ofOpenAi(input, usage.input_tokens_details, output_tokens, total_tokens)
    : ofAnthropic(usage, parts);
}

/**
 * Text that may state tokens, in JSON or in the lines of an event. Events that say `"usage": null`, as most of OpenAI's do,
 * need not be parsed.
 */
export const STATING: RegExp = /"usage(?:Metadata)?"(?:\s|data:)*:(?:\s|data:)*\{/;

/**
 * The tokens that one event of a stream, or one JSON answer, states; null where it states none.
 *
 * `message_start` of Anthropic states the input alone: its output is that of the first token, which says nothing.
 *
 * @param parts The parts that earlier events of the stream stated; those of this one are added.
 */
export function tokenCountsIn(statement: unknown, parts: InputParts = {}): TokenCounts | null {
  const { usage, usageMetadata, response, message } = fieldsOf(statement) ?? {};
  const metadata = fieldsOf(usageMetadata);
  if (metadata !== undefined) return ofGemini(metadata);
  const final = fieldsOf(usage) ?? fieldsOf(fieldsOf(response)?.usage);
  if (final !== undefined) return ofUsage(final, parts);
  const begun = fieldsOf(fieldsOf(message)?.usage);
  return begun === undefined ? null : { ...ofUsage(begun, parts), output: undefined };
}
