import { Hono } from "hono";
import { handle } from "hono/aws-lambda";
import { appOf } from "../app.ts";

const app = appOf({ platform: "aws-lambda" });

export const handler = handle(new Hono().all("*", (c) => app(c.req.raw, c.env)));
