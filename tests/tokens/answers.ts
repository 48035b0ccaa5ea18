/** Answers of language models, made after their providers' documentation, and the tokens that they state. */
import type { TokenCounts } from "../../src/tokens/mod.ts";

/** One event of a stream. */
export interface AnswerEvent {
  readonly text: string;
  /** The tokens stated from this event on; undefined: as before. */
  readonly states?: TokenCounts;
}

/** An answer as it comes over the wire. */
export interface Answer {
  readonly name: string;
  readonly events: readonly AnswerEvent[];
}

/** The data of an event, with its name where the provider sends one. */
function sse(data: unknown, event?: string, end = "\n\n"): string {
  return `${event === undefined ? "" : `event: ${event}${end.slice(0, end.length / 2)}`}data: ${
    typeof data === "string" ? data : JSON.stringify(data)
  }${end}`;
}

const WORDS = ["Grüße", " aus", ' "Köln"\n', " 🌊, {usage}", ' "usage":{"output_tokens":0}'];

const chunkOf = (content: string, usage: unknown = null): string =>
  sse({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1790000000,
    model: "gpt-x",
    choices: [{ index: 0, delta: { content }, finish_reason: null }],
    usage,
  });

const chatUsage = {
  prompt_tokens: 120,
  completion_tokens: 45,
  total_tokens: 165,
  prompt_tokens_details: { cached_tokens: 100, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 30, audio_tokens: 0 },
};
const CHAT: TokenCounts = { input: 20, cached: 100, output: 45 };

const responsesUsage = {
  input_tokens: 300,
  input_tokens_details: { cached_tokens: 256 },
  output_tokens: 70,
  output_tokens_details: { reasoning_tokens: 64 },
  total_tokens: 370,
};
const RESPONSES: TokenCounts = { input: 44, cached: 256, output: 70 };
const responseOf = (text: string, usage: unknown) => ({
  id: "resp_1",
  object: "response",
  status: usage === null ? "in_progress" : "completed",
  model: "gpt-x",
  output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text }] }],
  tools: [],
  usage,
  user: null,
  metadata: { usage: '{"input_tokens":0}' },
});

const geminiOf = (text: string, usageMetadata: unknown) => ({
  candidates: [{ content: { parts: [{ text }], role: "model" }, index: 0 }],
  usageMetadata,
  modelVersion: "gemini-x",
  responseId: "r1",
});
/** Running totals: the prompt, of which some is cached, the answer and the thoughts so far. */
const geminiUsage = (answer: number, thoughts: number) => ({
  promptTokenCount: 60,
  candidatesTokenCount: answer,
  totalTokenCount: 60 + 7 + answer + thoughts,
  cachedContentTokenCount: 50,
  thoughtsTokenCount: thoughts,
  toolUsePromptTokenCount: 7,
  promptTokensDetails: [{ modality: "TEXT", tokenCount: 60 }],
});
const gemini = (output: number): TokenCounts => ({ input: 17, cached: 50, output });

const message = (content: unknown[], usage: unknown) => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-x",
  content,
  stop_reason: null,
  stop_sequence: null,
  usage,
});
const messageUsage = {
  input_tokens: 25,
  cache_creation_input_tokens: 10,
  cache_read_input_tokens: 400,
  output_tokens: 1,
  service_tier: "standard",
};

function openAiChat(text: readonly string[]): Answer {
  return {
    name: "OpenAI chat completions, a stream",
    events: [
      ...text.map((word) => ({ text: chunkOf(word) })),
      {
        text: sse({ id: "chatcmpl-1", object: "chat.completion.chunk", choices: [], usage: chatUsage }),
        states: CHAT,
      },
      { text: sse("[DONE]") },
    ],
  };
}

function openAiResponses(text: readonly string[]): Answer {
  const event = (type: string, data: object) => ({ text: sse({ type, ...data, sequence_number: 1 }, type) });
  return {
    name: "OpenAI responses, a stream",
    events: [
      event("response.created", { response: responseOf("", null) }),
      ...text.map((delta) => event("response.output_text.delta", { item_id: "m", output_index: 0, delta })),
      {
        ...event("response.completed", { response: responseOf(text.join(""), responsesUsage) }),
        states: RESPONSES,
      },
    ],
  };
}

function anthropic(text: readonly string[]): Answer {
  const event = (type: string, data: object = {}) => ({ text: sse({ type, ...data }, type) });
  return {
    name: "Anthropic messages, a stream",
    events: [
      {
        ...event("message_start", { message: message([], messageUsage) }),
        states: { input: 35, cached: 400 },
      },
      event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
      event("ping"),
      ...text.map((word) =>
        event("content_block_delta", { index: 0, delta: { type: "text_delta", text: word } })
      ),
      event("content_block_stop", { index: 0 }),
      {
        ...event("message_delta", {
          delta: { stop_reason: "end_turn", stop_sequence: null },
          usage: { input_tokens: null, output_tokens: 88 },
        }),
        states: { input: 35, cached: 400, output: 88 },
      },
      event("message_stop"),
    ],
  };
}

function geminiStream(text: readonly string[]): Answer {
  return {
    name: "Gemini, a stream",
    events: text.map((word, i) => ({
      text: sse(geminiOf(word, geminiUsage(i + 1, 9)), undefined, "\r\n\r\n"),
      states: gemini(i + 10),
    })),
  };
}

/** Streams of the three providers that say these words. */
export function streamsOf(words: readonly string[] = WORDS): readonly Answer[] {
  return [openAiChat(words), openAiResponses(words), anthropic(words), geminiStream(words)];
}

const document = (name: string, value: unknown, states: TokenCounts, space?: number): Answer => ({
  name,
  events: [{ text: JSON.stringify(value, null, space), states }],
});

/** JSON answers of the three providers that say this. */
export function documentsOf(text: string = WORDS.join("")): readonly Answer[] {
  const args = { usage: { input_tokens: 0, output_tokens: 0 }, usageMetadata: geminiUsage(0, 0) };
  return [
    document(
      "OpenAI chat completions, JSON",
      {
        id: "chatcmpl-1",
        choices: [{ index: 0, message: { role: "assistant", content: text } }],
        usage: chatUsage,
      },
      CHAT,
      2,
    ),
    document("OpenAI responses, JSON", responseOf(text, responsesUsage), RESPONSES, 2),
    document(
      "OpenAI embeddings, JSON",
      {
        object: "list",
        data: [{ embedding: [0.5, -1e-3], index: 0 }, text],
        usage: { prompt_tokens: 8, total_tokens: 8 },
      },
      { input: 8, cached: 0, output: 0 },
    ),
    document(
      "Anthropic messages, JSON, with a tool's input that looks like usage",
      message([{ type: "text", text }, { type: "tool_use", input: args }], {
        ...messageUsage,
        output_tokens: 88,
      }),
      { input: 35, cached: 400, output: 88 },
    ),
    document(
      "Gemini, JSON, with a function's arguments that look like usage",
      {
        candidates: [{ content: { parts: [{ text }, { functionCall: { name: "f", args } }] } }],
        usageMetadata: geminiUsage(5, 9),
      },
      gemini(14),
      2,
    ),
    document(
      "Gemini, a list of JSON objects",
      [geminiOf(text, geminiUsage(1, 9)), geminiOf(text, geminiUsage(5, 9))],
      gemini(14),
      2,
    ),
  ];
}

/** An answer's whole text. */
export function textOf({ events }: Answer): string {
  return events.map(({ text }) => text).join("");
}
