import { tryPlatform } from "./cases.ts";

const events = {
  "lambda-v1": "API Gateway's REST APIs",
  "lambda-v2": "API Gateway's HTTP APIs",
  "lambda-url": "function URLs",
};
for (const [platform, name] of Object.entries(events)) {
  tryPlatform(
    `AWS Lambda, on events of ${name}`,
    `node scripts/platform.mjs ${platform} tests/platforms/entries/lambda.ts`,
    { address: "127.0.0.1", headers: { "x-forwarded-for": "192.0.2.66" } },
  );
}
