/**
 * Quotas in tokens of language models: entry `./tokens`.
 *
 * @module
 */

export { learnedCost, type LearnedCostOptions } from "./learned_cost.ts";
export { tokenUsage, type TokenUsageOptions } from "./token_usage.ts";
export type { TokenCounts } from "./token_counts.ts";
