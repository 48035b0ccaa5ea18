/** `node scripts/platform.mjs lambda-v2 examples/aws_lambda.ts`: a Lambda behind API Gateway or a function URL. */
import { throttle } from "@weir/throttle/hono";
import { upstashStore } from "@weir/throttle/upstash";
import { Hono } from "hono";
import { handle } from "hono/aws-lambda";

const app = new Hono();
app.use(throttle(["60/min", "1000/day"], {
  client: { platform: "aws-lambda" },
  store: upstashStore.fromEnv(),
}));
app.get("/", (c) => c.text("hello\n"));

export const handler = handle(app);
